/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_codec.h"

#include <string.h>

/* ---- properties as a table: type, and the packets of a broker that may carry it */

enum kind { KIND_NONE, KIND_FLAG, KIND_U16, KIND_U32, KIND_VARINT, KIND_TEXT, KIND_BINARY, KIND_PAIR };

#define IN(type) (1u << MQTT_##type)
#define IN_ACKS (IN(PUBACK) | IN(PUBREC) | IN(PUBREL) | IN(PUBCOMP) | IN(SUBACK) | IN(UNSUBACK))
static const struct {
    uint8_t kind;
    bool not_zero;
    uint16_t packets;
} properties[MQTT_PROPERTY_LIMIT] = {
    [MQTT_PAYLOAD_FORMAT] = { KIND_FLAG, false, IN(PUBLISH) },
    [MQTT_MESSAGE_EXPIRY] = { KIND_U32, false, IN(PUBLISH) },
    [MQTT_CONTENT_TYPE] = { KIND_TEXT, false, IN(PUBLISH) },
    [MQTT_RESPONSE_TOPIC] = { KIND_TEXT, false, IN(PUBLISH) },
    [MQTT_CORRELATION_DATA] = { KIND_BINARY, false, IN(PUBLISH) },
    [MQTT_SUBSCRIPTION_ID] = { KIND_VARINT, true, IN(PUBLISH) },
    [MQTT_SESSION_EXPIRY] = { KIND_U32, false, IN(CONNACK) },
    [MQTT_ASSIGNED_CLIENT_ID] = { KIND_TEXT, false, IN(CONNACK) },
    [MQTT_SERVER_KEEP_ALIVE] = { KIND_U16, false, IN(CONNACK) },
    [MQTT_AUTH_METHOD] = { KIND_TEXT, false, IN(CONNACK) },
    [MQTT_AUTH_DATA] = { KIND_BINARY, false, IN(CONNACK) },
    [MQTT_RESPONSE_INFO] = { KIND_TEXT, false, IN(CONNACK) },
    [MQTT_SERVER_REFERENCE] = { KIND_TEXT, false, IN(CONNACK) | IN(DISCONNECT) },
    [MQTT_REASON_STRING] = { KIND_TEXT, false, IN(CONNACK) | IN(DISCONNECT) | IN_ACKS },
    [MQTT_RECEIVE_MAXIMUM] = { KIND_U16, true, IN(CONNACK) },
    [MQTT_TOPIC_ALIAS_MAXIMUM] = { KIND_U16, false, IN(CONNACK) },
    [MQTT_TOPIC_ALIAS] = { KIND_U16, true, IN(PUBLISH) },
    [MQTT_MAXIMUM_QOS] = { KIND_FLAG, false, IN(CONNACK) },
    [MQTT_RETAIN_AVAILABLE] = { KIND_FLAG, false, IN(CONNACK) },
    [MQTT_USER_PROPERTY] = { KIND_PAIR, false, IN(PUBLISH) | IN(CONNACK) | IN(DISCONNECT) | IN_ACKS },
    [MQTT_MAXIMUM_PACKET_SIZE] = { KIND_U32, true, IN(CONNACK) },
    [MQTT_WILDCARD_AVAILABLE] = { KIND_FLAG, false, IN(CONNACK) },
    [MQTT_SUBSCRIPTION_ID_AVAILABLE] = { KIND_FLAG, false, IN(CONNACK) },
    [MQTT_SHARED_AVAILABLE] = { KIND_FLAG, false, IN(CONNACK) },
};

/* ---- reading */

/* Every read past the end sets `why` and gives zeros, so checks can wait. */
struct in {
    const uint8_t *p, *end;
    const char *why;
    bool cut; /* the first thing wrong is that it ends */
};

static size_t in_left(const struct in *r)
{
    return (size_t)(r->end - r->p);
}

static bool in_need(struct in *r, size_t n)
{
    if (in_left(r) >= n)
        return true;
    if (!r->why) {
        r->why = "it ends too early";
        r->cut = true;
    }
    r->p = r->end;
    return false;
}

static uint8_t in_u8(struct in *r)
{
    return in_need(r, 1) ? *r->p++ : 0;
}

static uint16_t in_u16(struct in *r)
{
    if (!in_need(r, 2))
        return 0;
    uint16_t v = (uint16_t)(r->p[0] << 8 | r->p[1]);
    r->p += 2;
    return v;
}

static uint32_t in_u32(struct in *r)
{
    uint32_t high = in_u16(r);
    return high << 16 | in_u16(r);
}

static struct kaftan_slice in_bytes(struct in *r, size_t n)
{
    struct kaftan_slice s = { NULL, 0 };
    if (in_need(r, n)) {
        s.ptr = (const char *)r->p;
        s.len = n;
        r->p += n;
    }
    return s;
}

static uint32_t in_varint(struct in *r)
{
    uint32_t v = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
        uint8_t b = in_u8(r);
        v |= (uint32_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) {
            if (b == 0 && shift > 0 && !r->why)
                r->why = "a length is not in its shortest form";
            return v;
        }
    }
    if (!r->why)
        r->why = "a length takes more than four bytes";
    return 0;
}

/* Length of the well-formed UTF-8 character at p, 0 if it is none (Unicode 15, table 3-7). */
static size_t utf8_length(const uint8_t *p, size_t left)
{
    uint8_t b = p[0];
    if (b < 0x80)
        return 1;
    size_t n = b >= 0xc2 && b <= 0xdf ? 2 : b >= 0xe0 && b <= 0xef ? 3 : b >= 0xf0 && b <= 0xf4 ? 4 : 0;
    if (n == 0 || left < n)
        return 0;
    uint8_t low = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : 0x80;
    uint8_t high = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return n;
}

bool mqtt_text_valid(const char *s, size_t len)
{
    const uint8_t *p = (const uint8_t *)s;
    for (size_t i = 0; i < len;) {
        size_t n = p[i] ? utf8_length(p + i, len - i) : 0;
        if (n == 0)
            return false;
        i += n;
    }
    return true;
}

static struct kaftan_slice in_text(struct in *r)
{
    struct kaftan_slice s = in_bytes(r, in_u16(r));
    if (!r->why && !mqtt_text_valid(s.ptr, s.len))
        r->why = "a text is not valid UTF-8";
    return s;
}

static struct kaftan_slice in_topic(struct in *r)
{
    struct kaftan_slice s = in_text(r);
    for (size_t i = 0; i < s.len; i++)
        if ((s.ptr[i] == '+' || s.ptr[i] == '#') && !r->why)
            r->why = "a topic contains a wildcard";
    return s;
}

static void in_property(struct in *r, uint32_t id, struct mqtt_properties *ret)
{
    bool flag = false;
    switch ((enum kind)properties[id].kind) {
    case KIND_FLAG:
        ret->number[id] = in_u8(r);
        flag = true;
        break;
    case KIND_U16:
        ret->number[id] = in_u16(r);
        break;
    case KIND_U32:
        ret->number[id] = in_u32(r);
        break;
    case KIND_VARINT: {
        uint32_t v = in_varint(r);
        if (ret->subscription_ids++ == 0)
            ret->number[id] = v;
        if (v == 0 && !r->why)
            r->why = "a property is 0";
        return;
    }
    case KIND_TEXT:
        ret->text[id] = id == MQTT_RESPONSE_TOPIC ? in_topic(r) : in_text(r);
        return;
    case KIND_BINARY:
        ret->text[id] = in_bytes(r, in_u16(r));
        return;
    case KIND_PAIR:
        (void)in_text(r);
        (void)in_text(r);
        return;
    case KIND_NONE:
        return;
    }
    if (flag && ret->number[id] > 1 && !r->why)
        r->why = "a property is neither 0 nor 1";
    if (properties[id].not_zero && ret->number[id] == 0 && !r->why)
        r->why = "a property is 0";
}

static void in_properties(struct in *r, enum mqtt_type type, struct mqtt_properties *ret)
{
    size_t len = in_varint(r);
    ret->raw = in_bytes(r, len);
    if (r->why || len == 0)
        return;
    struct in part = { (const uint8_t *)ret->raw.ptr, (const uint8_t *)ret->raw.ptr + len, NULL, false };
    while (part.p < part.end && !part.why) {
        uint32_t id = in_varint(&part);
        if (part.why)
            break;
        if (id >= MQTT_PROPERTY_LIMIT || properties[id].kind == KIND_NONE ||
            !(properties[id].packets >> type & 1u)) {
            part.why = "a property is out of place";
            break;
        }
        if ((ret->present >> id & 1u) && id != MQTT_USER_PROPERTY &&
            !(id == MQTT_SUBSCRIPTION_ID && type == MQTT_PUBLISH)) {
            part.why = "a property is repeated";
            break;
        }
        ret->present |= 1ull << id;
        in_property(&part, id, ret);
    }
    r->why = part.why; /* its length was right, so more bytes would not help */
}

static size_t property_skip(struct in *r, uint32_t id)
{
    const uint8_t *start = r->p;
    switch ((enum kind)properties[id].kind) {
    case KIND_FLAG:
        (void)in_u8(r);
        break;
    case KIND_U16:
        (void)in_u16(r);
        break;
    case KIND_U32:
        (void)in_u32(r);
        break;
    case KIND_VARINT:
        (void)in_varint(r);
        break;
    case KIND_PAIR:
        (void)in_bytes(r, in_u16(r));
        (void)in_bytes(r, in_u16(r));
        break;
    case KIND_TEXT:
    case KIND_BINARY:
        (void)in_bytes(r, in_u16(r));
        break;
    case KIND_NONE:
        break;
    }
    return (size_t)(r->p - start);
}

bool mqtt_user_property(const struct mqtt_properties *p, size_t *pos, struct kaftan_slice *ret_name,
                        struct kaftan_slice *ret_value)
{
    if (!mqtt_has(p, MQTT_USER_PROPERTY))
        return false;
    const uint8_t *raw = (const uint8_t *)p->raw.ptr;
    struct in r = { raw + *pos, raw + p->raw.len, NULL, false };
    while (r.p < r.end && !r.why) {
        uint32_t id = in_varint(&r);
        if (id == MQTT_USER_PROPERTY) {
            *ret_name = in_bytes(&r, in_u16(&r));
            *ret_value = in_bytes(&r, in_u16(&r));
            *pos = (size_t)(r.p - raw);
            return !r.why;
        }
        if (id >= MQTT_PROPERTY_LIMIT)
            return false;
        (void)property_skip(&r, id);
    }
    return false;
}

/* ---- packets */

enum mqtt_decoded mqtt_frame(const uint8_t *buf, size_t len, size_t *ret_header, size_t *ret_body,
                             const char **ret_why)
{
    size_t body = 0;
    for (size_t i = 1; i < 5; i++) {
        if (i >= len)
            return MQTT_MORE;
        body |= (size_t)(buf[i] & 0x7f) << (7 * (i - 1));
        if (buf[i] & 0x80)
            continue;
        *ret_header = i + 1;
        *ret_body = body;
        return MQTT_DONE;
    }
    *ret_why = "the remaining length takes more than four bytes";
    return MQTT_BAD;
}

static const char *check_first(uint8_t first)
{
    enum mqtt_type type = (enum mqtt_type)(first >> 4);
    unsigned flags = first & 0x0f;
    switch (type) {
    case MQTT_PUBLISH:
        if ((flags >> 1 & 3) == 3)
            return "QoS 3";
        return (flags & 0x0e) == 0x08 ? "DUP with QoS 0" : NULL;
    case MQTT_PUBREL:
        return flags == 2 ? NULL : "wrong flags in the fixed header";
    case MQTT_CONNACK:
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBCOMP:
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
    case MQTT_PINGRESP:
    case MQTT_DISCONNECT:
        return flags == 0 ? NULL : "wrong flags in the fixed header";
    case MQTT_AUTH:
        return "an authentication exchange nobody asked for";
    default:
        return (unsigned)type == 0 ? "packet type 0" : "a broker never sends this packet";
    }
}

/* `r` ends where the bytes at hand end; the whole body may be longer than that. */
static void publish_head(struct in *r, uint8_t first, enum mqtt_version version, struct mqtt_packet *ret)
{
    ret->qos = (uint8_t)(first >> 1 & 3);
    ret->dup = (first & 8) != 0;
    ret->retain = (first & 1) != 0;
    ret->topic = in_topic(r);
    if (ret->qos > 0) {
        ret->id = in_u16(r);
        if (ret->id == 0 && !r->why)
            r->why = "packet identifier 0";
    }
    if (version == MQTT_V5)
        in_properties(r, MQTT_PUBLISH, &ret->props);
    if (ret->topic.len == 0 && !mqtt_has(&ret->props, MQTT_TOPIC_ALIAS) && !r->why)
        r->why = "an empty topic";
}

static void decode_connack(struct in *r, enum mqtt_version version, struct mqtt_packet *ret)
{
    uint8_t flags = in_u8(r);
    uint8_t code = in_u8(r);
    ret->session_present = (flags & 1) != 0;
    if (flags > 1 && !r->why)
        r->why = "unknown acknowledge flags";
    if (version == MQTT_V5 && in_left(r) > 0) {
        ret->reason = code;
        in_properties(r, MQTT_CONNACK, &ret->props);
    } else {
        ret->old_connack = version == MQTT_V5;
        ret->reason = mqtt_connack_reason(code);
    }
    if (ret->reason != 0 && ret->session_present && !r->why)
        r->why = "a refusal with a session";
}

static void decode_ack(struct in *r, enum mqtt_version version, struct mqtt_packet *ret)
{
    ret->id = in_u16(r);
    if (ret->id == 0 && !r->why)
        r->why = "packet identifier 0";
    if (version == MQTT_V5 && in_left(r) > 0)
        ret->reason = in_u8(r);
    if (version == MQTT_V5 && in_left(r) > 0)
        in_properties(r, ret->type, &ret->props);
}

static void decode_suback(struct in *r, enum mqtt_version version, struct mqtt_packet *ret)
{
    ret->id = in_u16(r);
    if (ret->id == 0 && !r->why)
        r->why = "packet identifier 0";
    if (version == MQTT_V5)
        in_properties(r, ret->type, &ret->props);
    if (ret->type == MQTT_UNSUBACK && version == MQTT_V311)
        return;
    ret->codes = in_bytes(r, in_left(r));
    if (ret->codes.len == 0 && !r->why)
        r->why = "no reason code";
    for (size_t i = 0; i < ret->codes.len && ret->type == MQTT_SUBACK; i++) {
        uint8_t code = (uint8_t)ret->codes.ptr[i];
        if (code > 2 && (code < 0x80 || (version == MQTT_V311 && code != 0x80)) && !r->why)
            r->why = "an unknown return code";
    }
}

static void decode_disconnect(struct in *r, enum mqtt_version version, struct mqtt_packet *ret)
{
    if (version == MQTT_V311) {
        r->why = "a broker never sends this packet";
        return;
    }
    if (in_left(r) > 0)
        ret->reason = in_u8(r);
    if (in_left(r) > 0)
        in_properties(r, MQTT_DISCONNECT, &ret->props);
}

static void packet_clear(struct mqtt_packet *p, uint8_t first)
{
    p->type = (enum mqtt_type)(first >> 4);
    p->qos = 0;
    p->dup = p->retain = p->session_present = p->old_connack = false;
    p->reason = 0;
    p->id = 0;
    p->topic = p->payload = p->codes = (struct kaftan_slice){ NULL, 0 };
    p->props.present = 0; /* the arrays behind it mean nothing without their bits */
    p->props.raw = (struct kaftan_slice){ NULL, 0 };
    p->props.subscription_ids = 0;
}

static void decode_body(struct in *r, uint8_t first, enum mqtt_version version, struct mqtt_packet *ret)
{
    switch (ret->type) {
    case MQTT_PUBLISH:
        publish_head(r, first, version, ret);
        ret->payload = in_bytes(r, in_left(r));
        return;
    case MQTT_CONNACK:
        decode_connack(r, version, ret);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
    case MQTT_PUBREL:
    case MQTT_PUBCOMP:
        decode_ack(r, version, ret);
        break;
    case MQTT_SUBACK:
    case MQTT_UNSUBACK:
        decode_suback(r, version, ret);
        break;
    case MQTT_DISCONNECT:
        decode_disconnect(r, version, ret);
        break;
    default:
        break;
    }
    if (in_left(r) > 0 && !r->why)
        r->why = "bytes behind the end";
}

enum mqtt_decoded mqtt_decode(const uint8_t *buf, size_t len, enum mqtt_version version, struct mqtt_packet *ret,
                              size_t *ret_used, const char **ret_why)
{
    if (len == 0)
        return MQTT_MORE;
    const char *why = check_first(buf[0]);
    size_t header = 0, body = 0;
    enum mqtt_decoded frame = why ? MQTT_BAD : mqtt_frame(buf, len, &header, &body, &why);
    if (frame == MQTT_DONE && len - header < body)
        return MQTT_MORE;
    if (frame == MQTT_DONE) {
        struct in r = { buf + header, buf + header + body, NULL, false };
        packet_clear(ret, buf[0]);
        decode_body(&r, buf[0], version, ret);
        *ret_used = header + body;
        why = r.why;
        frame = why ? MQTT_BAD : MQTT_DONE;
    }
    if (frame == MQTT_BAD)
        *ret_why = why;
    return frame;
}

enum mqtt_decoded mqtt_decode_publish_head(const uint8_t *buf, size_t len, enum mqtt_version version,
                                           struct mqtt_packet *ret, size_t *ret_used, const char **ret_why)
{
    if (len == 0)
        return MQTT_MORE;
    const char *why = check_first(buf[0]);
    size_t header = 0, body = 0;
    enum mqtt_decoded frame = why ? MQTT_BAD : mqtt_frame(buf, len, &header, &body, &why);
    if (frame == MQTT_BAD)
        *ret_why = why;
    if (frame != MQTT_DONE)
        return frame;
    bool whole = len - header >= body;
    struct in r = { buf + header, whole ? buf + header + body : buf + len, NULL, false };
    packet_clear(ret, buf[0]);
    publish_head(&r, buf[0], version, ret);
    if (r.why) {
        /* What is missing may still come, so only a complete head is judged. */
        if (!whole && r.cut)
            return MQTT_MORE;
        *ret_why = r.why;
        return MQTT_BAD;
    }
    *ret_used = (size_t)(r.p - buf);
    ret->payload.len = header + body - *ret_used;
    return MQTT_DONE;
}

/* ---- content hash: 128-bit products folded to 64 bits, 16 bytes a step */

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t load(const char *p, size_t n)
{
    uint64_t v = 0;
    memcpy(&v, p, n);
    return v;
}

/* Odd constants without a pattern: fractional digits of square roots of primes. */
static const uint64_t salt[] = { 0x6a09e667f3bcc909u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu };

static uint64_t hash_bytes(uint64_t h, struct kaftan_slice s)
{
    const char *p = s.ptr;
    size_t left = s.len;
    for (; left >= 16; left -= 16, p += 16)
        h = fold(load(p, 8) ^ salt[0] ^ h, load(p + 8, 8) ^ salt[1]);
    if (left > 8)
        h = fold(load(p, 8) ^ salt[0] ^ h, load(p + 8, left - 8) ^ salt[1]);
    else if (left > 0)
        h = fold(load(p, left) ^ salt[0] ^ h, salt[1]);
    return fold(h ^ s.len, salt[2]); /* the length keeps neighbours apart */
}

static uint64_t hash_stable_properties(uint64_t h, struct kaftan_slice raw)
{
    const uint8_t *start = (const uint8_t *)raw.ptr;
    struct in r = { start, start + raw.len, NULL, false };
    while (r.p < r.end && !r.why) {
        const uint8_t *at = r.p;
        uint32_t id = in_varint(&r);
        if (id >= MQTT_PROPERTY_LIMIT)
            break;
        (void)property_skip(&r, id);
        if (id != MQTT_MESSAGE_EXPIRY && id != MQTT_TOPIC_ALIAS)
            h = hash_bytes(h, (struct kaftan_slice){ (const char *)at, (size_t)(r.p - at) });
    }
    return h;
}

uint64_t mqtt_content_hash(const struct mqtt_packet *p)
{
    uint64_t h = fold(salt[2] ^ p->qos, salt[1]);
    h = hash_bytes(h, p->topic);
    if (p->payload.ptr)
        h = hash_bytes(h, p->payload);
    else
        h = fold(h ^ p->payload.len, salt[0]);
    return p->props.raw.len > 0 ? hash_stable_properties(h, p->props.raw) : h;
}
