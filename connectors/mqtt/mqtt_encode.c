/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_codec.h"

#include <string.h>

/* ---- writing: counts on past the end, so that the caller learns the size it takes */

struct out {
    uint8_t *p;
    size_t cap, n;
    bool impossible;
};

static void out_bytes(struct out *o, const void *data, size_t len)
{
    if (len > 0 && o->n < o->cap)
        memcpy(o->p + o->n, data, len < o->cap - o->n ? len : o->cap - o->n);
    o->n += len;
}

static void out_u8(struct out *o, unsigned v)
{
    uint8_t b = (uint8_t)v;
    out_bytes(o, &b, 1);
}

static void out_u16(struct out *o, unsigned v)
{
    out_u8(o, v >> 8);
    out_u8(o, v & 0xff);
}

static void out_u32(struct out *o, uint32_t v)
{
    out_u16(o, v >> 16);
    out_u16(o, v & 0xffff);
}

static void out_varint(struct out *o, size_t v)
{
    if (v > 268435455)
        o->impossible = true;
    do {
        unsigned b = (unsigned)(v & 0x7f);
        v >>= 7;
        out_u8(o, v ? b | 0x80 : b);
    } while (v && !o->impossible);
}

static void out_text(struct out *o, struct kaftan_slice s)
{
    if (s.len > 65535)
        o->impossible = true;
    out_u16(o, (unsigned)(s.len & 0xffff));
    out_bytes(o, s.ptr, s.len);
}

static struct kaftan_slice slice(const char *s)
{
    return (struct kaftan_slice){ s, strlen(s) };
}

static size_t varint_size(size_t v)
{
    return v < 128 ? 1 : v < 16384 ? 2 : v < 2097152 ? 3 : 4;
}

/* A packet's body is encoded twice: once to learn its size, once behind its header. */
typedef void body_fn(struct out *o, const void *what);

static size_t out_packet(uint8_t first, body_fn *body, const void *what, uint8_t *buf, size_t cap)
{
    struct out count = { NULL, 0, 0, false };
    body(&count, what);
    struct out o = { buf, cap, 0, count.impossible };
    out_u8(&o, first);
    out_varint(&o, count.n);
    body(&o, what);
    return o.impossible ? 0 : o.n;
}

static void connect_properties(struct out *o, const struct mqtt_connect *c)
{
    if (c->session_expiry_s > 0) {
        out_u8(o, MQTT_SESSION_EXPIRY);
        out_u32(o, c->session_expiry_s);
    }
    if (c->receive_maximum > 0) {
        out_u8(o, MQTT_RECEIVE_MAXIMUM);
        out_u16(o, c->receive_maximum);
    }
    if (c->maximum_packet_size > 0) {
        out_u8(o, MQTT_MAXIMUM_PACKET_SIZE);
        out_u32(o, c->maximum_packet_size);
    }
    if (c->problem_info) {
        out_u8(o, MQTT_REQUEST_PROBLEM_INFO);
        out_u8(o, 1);
    }
    for (size_t i = 0; i < c->user_count; i++) {
        out_u8(o, MQTT_USER_PROPERTY);
        out_text(o, c->user[2 * i]);
        out_text(o, c->user[2 * i + 1]);
    }
}

static void connect_body(struct out *o, const void *what)
{
    const struct mqtt_connect *c = what;
    const struct mqtt_will *w = c->will;
    out_text(o, slice("MQTT"));
    out_u8(o, c->version);
    out_u8(o, (c->username.ptr ? 0x80u : 0) | (c->password.ptr ? 0x40u : 0) |
                  (w ? 4u | (unsigned)w->qos << 3 | (w->retain ? 0x20u : 0) : 0) | (c->clean ? 2u : 0));
    out_u16(o, c->keep_alive_s);
    if (c->version == MQTT_V5) {
        struct out count = { NULL, 0, 0, false };
        connect_properties(&count, c);
        out_varint(o, count.n);
        connect_properties(o, c);
    }
    out_text(o, c->client_id);
    if (w) {
        if (c->version == MQTT_V5)
            out_varint(o, 0);
        out_text(o, w->topic);
        out_text(o, w->payload);
    }
    if (c->username.ptr)
        out_text(o, c->username);
    if (c->password.ptr)
        out_text(o, c->password);
}

size_t mqtt_encode_connect(const struct mqtt_connect *c, uint8_t *buf, size_t cap)
{
    return out_packet(MQTT_CONNECT << 4, connect_body, c, buf, cap);
}

struct subscribe {
    enum mqtt_version version;
    uint16_t id;
    uint32_t subscription_id;
    const char *const *filters;
    size_t count;
    int options; /* -1: UNSUBSCRIBE */
};

static void subscribe_body(struct out *o, const void *what)
{
    const struct subscribe *s = what;
    out_u16(o, s->id);
    if (s->version == MQTT_V5) {
        out_varint(o, s->subscription_id ? 1 + varint_size(s->subscription_id) : 0);
        if (s->subscription_id) {
            out_u8(o, MQTT_SUBSCRIPTION_ID);
            out_varint(o, s->subscription_id);
        }
    }
    for (size_t i = 0; i < s->count; i++) {
        out_text(o, slice(s->filters[i]));
        if (s->options >= 0)
            out_u8(o, (unsigned)s->options);
    }
}

size_t mqtt_encode_subscribe(enum mqtt_version version, uint16_t id, uint32_t subscription_id,
                             const char *const *filters, size_t count, uint8_t options, uint8_t *buf, size_t cap)
{
    struct subscribe s = { version, id, subscription_id, filters, count, options };
    return out_packet(MQTT_SUBSCRIBE << 4 | 2, subscribe_body, &s, buf, cap);
}

size_t mqtt_encode_unsubscribe(enum mqtt_version version, uint16_t id, const char *const *filters, size_t count,
                               uint8_t *buf, size_t cap)
{
    struct subscribe s = { version, id, 0, filters, count, -1 };
    return out_packet(MQTT_UNSUBSCRIBE << 4 | 2, subscribe_body, &s, buf, cap);
}

struct farewell {
    enum mqtt_version version;
    uint8_t reason;
    const uint32_t *expiry;
};

static void disconnect_body(struct out *o, const void *what)
{
    const struct farewell *f = what;
    if (f->version == MQTT_V311 || (f->reason == 0 && !f->expiry))
        return;
    out_u8(o, f->reason);
    if (f->expiry) {
        out_varint(o, 5);
        out_u8(o, MQTT_SESSION_EXPIRY);
        out_u32(o, *f->expiry);
    }
}

size_t mqtt_encode_disconnect(enum mqtt_version version, uint8_t reason, const uint32_t *expiry, uint8_t *buf,
                              size_t cap)
{
    struct farewell f = { version, reason, expiry };
    return out_packet(MQTT_DISCONNECT << 4, disconnect_body, &f, buf, cap);
}

void mqtt_put_ack_reason(uint8_t *p, enum mqtt_type type, uint16_t id, uint8_t reason)
{
    mqtt_put_ack(p, type, id);
    p[1] = 3;
    p[4] = reason;
}

void mqtt_put_ping(uint8_t *p)
{
    p[0] = MQTT_PINGREQ << 4;
    p[1] = 0;
}

/* ---- names */

const char *mqtt_type_name(enum mqtt_type type)
{
    static const char *const names[] = { "reserved packet", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC",
                                         "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK", "UNSUBSCRIBE", "UNSUBACK",
                                         "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH" };
    return names[(unsigned)type & 15u];
}

const char *mqtt_reason_text(uint8_t reason)
{
    static const char *const texts[] = {
        [0x00] = "unspecified error",
        [0x01] = "malformed packet",
        [0x02] = "protocol error",
        [0x03] = "implementation specific error",
        [0x04] = "unsupported protocol version",
        [0x05] = "client identifier not valid",
        [0x06] = "bad user name or password",
        [0x07] = "not authorized",
        [0x08] = "server unavailable",
        [0x09] = "server busy",
        [0x0a] = "banned",
        [0x0b] = "server shutting down",
        [0x0c] = "bad authentication method",
        [0x0d] = "keep alive timeout",
        [0x0e] = "session taken over",
        [0x0f] = "topic filter invalid",
        [0x10] = "topic name invalid",
        [0x11] = "packet identifier in use",
        [0x12] = "packet identifier not found",
        [0x13] = "receive maximum exceeded",
        [0x14] = "topic alias invalid",
        [0x15] = "packet too large",
        [0x16] = "message rate too high",
        [0x17] = "quota exceeded",
        [0x18] = "administrative action",
        [0x19] = "payload format invalid",
        [0x1a] = "retain not supported",
        [0x1b] = "QoS not supported",
        [0x1c] = "use another server",
        [0x1d] = "server moved",
        [0x1e] = "shared subscriptions not supported",
        [0x1f] = "connection rate exceeded",
        [0x20] = "maximum connect time",
        [0x21] = "subscription identifiers not supported",
        [0x22] = "wildcard subscriptions not supported",
    };
    if (reason < 0x80)
        return reason == 0 ? "normal disconnection" : reason == 4 ? "disconnect with will" : "success";
    size_t i = reason - 0x80u;
    return i < sizeof texts / sizeof texts[0] ? texts[i] : texts[0];
}

uint8_t mqtt_connack_reason(uint8_t code311)
{
    static const uint8_t reasons[] = { MQTT_SUCCESS, MQTT_UNSUPPORTED_VERSION, MQTT_BAD_CLIENT_ID,
                                       MQTT_SERVER_UNAVAILABLE, MQTT_BAD_USER, MQTT_NOT_AUTHORIZED };
    if (code311 < sizeof reasons)
        return reasons[code311];
    return code311 >= 0x80 ? code311 : MQTT_UNSPECIFIED; /* some brokers answer in 3.1.1 with codes of 5 */
}
