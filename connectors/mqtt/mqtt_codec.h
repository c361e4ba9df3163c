/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_CODEC_H
#define MQTT_CODEC_H
/*
 * mqtt_codec: bytes and packets of MQTT 3.1.1 and 5, seen from a client.
 *
 * Pure functions over bytes: nothing is allocated, nothing is remembered. A
 * decoded packet is a view into the given bytes. Whatever the standard calls
 * malformed is refused with a reason; packets only a client may send are
 * refused too, for they come from a broker here.
 *
 * Owner    views borrow from the buffer
 * Thread   any
 */
#include <kaftan/abi.h>

enum mqtt_version { MQTT_V311 = 4, MQTT_V5 = 5 };

enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT,
    MQTT_AUTH
};

/* Properties by their identifiers. */
enum mqtt_property {
    MQTT_PAYLOAD_FORMAT = 1,
    MQTT_MESSAGE_EXPIRY = 2,
    MQTT_CONTENT_TYPE = 3,
    MQTT_RESPONSE_TOPIC = 8,
    MQTT_CORRELATION_DATA = 9,
    MQTT_SUBSCRIPTION_ID = 11,
    MQTT_SESSION_EXPIRY = 17,
    MQTT_ASSIGNED_CLIENT_ID = 18,
    MQTT_SERVER_KEEP_ALIVE = 19,
    MQTT_AUTH_METHOD = 21,
    MQTT_AUTH_DATA = 22,
    MQTT_REQUEST_PROBLEM_INFO = 23,
    MQTT_RESPONSE_INFO = 26,
    MQTT_SERVER_REFERENCE = 28,
    MQTT_REASON_STRING = 31,
    MQTT_RECEIVE_MAXIMUM = 33,
    MQTT_TOPIC_ALIAS_MAXIMUM = 34,
    MQTT_TOPIC_ALIAS = 35,
    MQTT_MAXIMUM_QOS = 36,
    MQTT_RETAIN_AVAILABLE = 37,
    MQTT_USER_PROPERTY = 38,
    MQTT_MAXIMUM_PACKET_SIZE = 39,
    MQTT_WILDCARD_AVAILABLE = 40,
    MQTT_SUBSCRIPTION_ID_AVAILABLE = 41,
    MQTT_SHARED_AVAILABLE = 42,
    MQTT_PROPERTY_LIMIT = 43
};

/* Reason codes this client looks at. */
enum {
    MQTT_SUCCESS = 0x00,
    MQTT_UNSPECIFIED = 0x80,
    MQTT_MALFORMED = 0x81,
    MQTT_PROTOCOL_ERROR = 0x82,
    MQTT_IMPLEMENTATION = 0x83,
    MQTT_UNSUPPORTED_VERSION = 0x84,
    MQTT_BAD_CLIENT_ID = 0x85,
    MQTT_BAD_USER = 0x86,
    MQTT_NOT_AUTHORIZED = 0x87,
    MQTT_SERVER_UNAVAILABLE = 0x88,
    MQTT_SERVER_BUSY = 0x89,
    MQTT_BANNED = 0x8A,
    MQTT_SHUTTING_DOWN = 0x8B,
    MQTT_BAD_AUTH_METHOD = 0x8C,
    MQTT_TAKEN_OVER = 0x8E,
    MQTT_ID_NOT_FOUND = 0x92,
    MQTT_PACKET_TOO_LARGE = 0x95,
    MQTT_QUOTA = 0x97,
    MQTT_RETAIN_NOT_SUPPORTED = 0x9A,
    MQTT_QOS_NOT_SUPPORTED = 0x9B,
    MQTT_USE_ANOTHER_SERVER = 0x9C,
    MQTT_SERVER_MOVED = 0x9D,
    MQTT_CONNECTION_RATE = 0x9F
};

/* A property is there when its bit is set in `present`; only then its number or text means something. */
struct mqtt_properties {
    uint64_t present;
    struct kaftan_slice raw; /* all of them as they came, without the length */
    uint32_t subscription_ids; /* how many; number[] holds the first */
    uint32_t number[MQTT_PROPERTY_LIMIT];
    struct kaftan_slice text[MQTT_PROPERTY_LIMIT];
};
static inline bool mqtt_has(const struct mqtt_properties *p, enum mqtt_property id)
{
    return (p->present >> id & 1u) != 0;
}
/* Walks the user properties in their order, from *pos = 0; the properties must have been decoded without error. */
bool mqtt_user_property(const struct mqtt_properties *p, size_t *pos, struct kaftan_slice *ret_name,
                        struct kaftan_slice *ret_value);

struct mqtt_packet {
    enum mqtt_type type;
    uint8_t qos;      /* PUBLISH */
    bool dup, retain; /* PUBLISH */
    bool session_present; /* CONNACK */
    bool old_connack;     /* CONNACK in the form of 3.1.1 although 5 was asked for */
    uint8_t reason;       /* CONNACK, PUBACK and its like, DISCONNECT */
    uint16_t id;          /* 0: none */
    struct kaftan_slice topic;   /* PUBLISH */
    struct kaftan_slice payload; /* PUBLISH; ptr NULL: not there (mqtt_decode_publish_head) */
    struct kaftan_slice codes;   /* SUBACK, UNSUBACK: one byte per filter */
    struct mqtt_properties props;
};

enum mqtt_decoded {
    MQTT_DONE,
    MQTT_MORE, /* not complete yet */
    MQTT_BAD   /* *ret_why says why */
};

/* Sizes from the fixed header: its own and that of the body. */
enum mqtt_decoded mqtt_frame(const uint8_t *buf, size_t len, size_t *ret_header, size_t *ret_body,
                             const char **ret_why);
/* One complete packet of a broker. */
enum mqtt_decoded mqtt_decode(const uint8_t *buf, size_t len, enum mqtt_version version, struct mqtt_packet *ret,
                              size_t *ret_used, const char **ret_why);
/*
 * A PUBLISH too large to be kept: all but its payload. *ret_used is where the
 * payload starts, payload.len its size, payload.ptr NULL.
 */
enum mqtt_decoded mqtt_decode_publish_head(const uint8_t *buf, size_t len, enum mqtt_version version,
                                           struct mqtt_packet *ret, size_t *ret_used, const char **ret_why);

/*
 * Encoders write at most `cap` bytes and return the size of the whole packet:
 * one larger than `cap` has not been written completely. 0: a packet of that
 * content cannot be (more than 268,435,455 bytes, or a string over 65,535).
 */
struct mqtt_will {
    struct kaftan_slice topic, payload;
    uint8_t qos;
    bool retain;
};
struct mqtt_connect {
    enum mqtt_version version;
    bool clean; /* Clean Session, Clean Start */
    uint16_t keep_alive_s;
    struct kaftan_slice client_id;
    struct kaftan_slice username, password; /* ptr NULL: none */
    const struct mqtt_will *will;           /* NULL: none */
    /* 5 only */
    uint32_t session_expiry_s;
    uint16_t receive_maximum;     /* 0: not announced */
    uint32_t maximum_packet_size; /* 0: not announced */
    bool problem_info;            /* Request Problem Information 1 */
    const struct kaftan_slice *user; /* name, value, name, value ... */
    size_t user_count;               /* pairs */
};
size_t mqtt_encode_connect(const struct mqtt_connect *c, uint8_t *buf, size_t cap);
/* `options` are the subscription options' byte (3.1.1: the QoS); subscription_id 0: none. */
size_t mqtt_encode_subscribe(enum mqtt_version version, uint16_t id, uint32_t subscription_id,
                             const char *const *filters, size_t count, uint8_t options, uint8_t *buf, size_t cap);
size_t mqtt_encode_unsubscribe(enum mqtt_version version, uint16_t id, const char *const *filters, size_t count,
                               uint8_t *buf, size_t cap);
/* DISCONNECT; 5: `reason` and, if `expiry` is not NULL, a new session expiry. */
size_t mqtt_encode_disconnect(enum mqtt_version version, uint8_t reason, const uint32_t *expiry, uint8_t *buf,
                              size_t cap);
enum { MQTT_ACK_SIZE = 4, MQTT_ACK_REASON_SIZE = 5, MQTT_PING_SIZE = 2 };
/* PUBACK, PUBREC, PUBREL, PUBCOMP with success. `p` holds MQTT_ACK_SIZE bytes. */
static inline void mqtt_put_ack(uint8_t *p, enum mqtt_type type, uint16_t id)
{
    p[0] = (uint8_t)((unsigned)type << 4 | (type == MQTT_PUBREL ? 2u : 0u));
    p[1] = 2;
    p[2] = (uint8_t)(id >> 8);
    p[3] = (uint8_t)(id & 0xff);
}
/* The same with a reason (5 only). `p` holds MQTT_ACK_REASON_SIZE bytes. */
void mqtt_put_ack_reason(uint8_t *p, enum mqtt_type type, uint16_t id, uint8_t reason);
void mqtt_put_ping(uint8_t *p); /* MQTT_PING_SIZE bytes */

const char *mqtt_type_name(enum mqtt_type type); /* "PUBLISH"; "type 0" is the caller's */
/* What a reason code of 5, or a CONNACK code of 3.1.1 turned into it, means. */
const char *mqtt_reason_text(uint8_t reason);
/* The CONNACK code of 3.1.1 as the reason code of 5 with the same meaning. */
uint8_t mqtt_connack_reason(uint8_t code311);

/* UTF-8 as MQTT wants it: well formed, no NUL, no surrogates. */
bool mqtt_text_valid(const char *s, size_t len);

/*
 * 64 bits from what makes a message the same message when it is sent again:
 * QoS, topic, payload, and the properties except those that a broker may
 * change on the way (message expiry, topic alias). Not a cryptographic hash.
 */
uint64_t mqtt_content_hash(const struct mqtt_packet *p);

#endif
