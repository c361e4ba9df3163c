/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A version is classic or flexible: flexible ones write lengths as unsigned
 * varints of length + 1 (0 is null) and end every structure with tagged
 * fields, of which we send none and skip all.
 */
#include "config.h"

#include "group/wire.h"

#include <string.h>

#include "base/mem.h"

static const struct {
    int16_t min, max, flexible;
} ours[WIRE_API_LIMIT] = {
    [WIRE_FIND_COORDINATOR] = { 1, 4, 3 }, [WIRE_JOIN_GROUP] = { 4, 9, 6 },      [WIRE_HEARTBEAT] = { 1, 4, 4 },
    [WIRE_LEAVE_GROUP] = { 1, 5, 4 },      [WIRE_SYNC_GROUP] = { 1, 5, 4 },      [WIRE_SASL_HANDSHAKE] = { 1, 1, INT16_MAX },
    [WIRE_API_VERSIONS] = { 0, 3, 3 },     [WIRE_SASL_AUTHENTICATE] = { 0, 2, 2 },
};

static bool flexible(enum wire_api api, int16_t version)
{
    return version >= ours[api].flexible;
}

struct wire_range wire_ours(enum wire_api api)
{
    return (struct wire_range){ ours[api].min, ours[api].max };
}

const char *wire_error_text(int16_t code)
{
    switch (code) {
#define X(name, number, text, transient) case number: return text;
        WIRE_ERRORS(X)
#undef X
    default:
        return "an error this program does not know";
    }
}

bool wire_error_transient(int16_t code)
{
    switch (code) {
#define X(name, number, text, transient) case number: return transient;
        WIRE_ERRORS(X)
#undef X
    default:
        return false;
    }
}

/* ---- primitives -------------------------------------------------------- */

static void put_varint(struct buf *b, uint32_t v)
{
    for (; v > 0x7F; v >>= 7)
        buf_put_u8(b, (uint8_t)(v | 0x80));
    buf_put_u8(b, (uint8_t)v);
}

static void put_tags(struct buf *b, bool flex)
{
    if (flex)
        buf_put_u8(b, 0);
}

static void put_string(struct buf *b, bool flex, const char *s) /* NULL: null */
{
    size_t len = s ? strlen(s) : 0;
    ASSERT(len <= INT16_MAX);
    if (flex)
        put_varint(b, s ? (uint32_t)len + 1 : 0);
    else
        buf_put_u16(b, s ? (uint16_t)len : UINT16_MAX);
    buf_put(b, s ? s : "", len);
}

static void put_bytes(struct buf *b, bool flex, struct kaftan_slice s)
{
    if (flex)
        put_varint(b, (uint32_t)s.len + 1);
    else
        buf_put_u32(b, (uint32_t)s.len);
    if (s.len)
        buf_put(b, s.ptr, s.len);
}

static void put_count(struct buf *b, bool flex, size_t n)
{
    if (flex)
        put_varint(b, (uint32_t)n + 1);
    else
        buf_put_u32(b, (uint32_t)n);
}

static uint32_t get_varint(struct reader *in)
{
    uint32_t v = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t c = reader_u8(in);
        v |= (uint32_t)(c & 0x7F) << shift;
        if (!(c & 0x80))
            return v;
    }
    in->bad = true;
    return 0;
}

static void get_tags(struct reader *in, bool flex)
{
    uint32_t n = flex ? get_varint(in) : 0;
    for (uint32_t i = 0; i < n && !in->bad; i++) {
        (void)get_varint(in);
        (void)reader_bytes(in, get_varint(in));
    }
}

/* Length of a string, bytes or array; -1: null. */
static int64_t get_length(struct reader *in, bool flex, bool wide)
{
    if (flex)
        return (int64_t)get_varint(in) - 1;
    return wide ? (int32_t)reader_u32(in) : (int16_t)reader_u16(in);
}

static struct kaftan_slice get_slice(struct reader *in, bool flex, bool wide)
{
    int64_t len = get_length(in, flex, wide);
    if (len < 0 || in->bad)
        return (struct kaftan_slice){ NULL, 0 };
    return reader_bytes(in, (size_t)len);
}

/* Compact strings could be longer than the ones that can be sent back, and none of Kafka's is. */
static struct kaftan_slice get_string(struct reader *in, bool flex)
{
    struct kaftan_slice s = get_slice(in, flex, false);
    if (s.len > INT16_MAX)
        in->bad = true;
    return s;
}

/* Items of at least `item_bytes`; more than can be there is bad. */
static size_t get_count(struct reader *in, bool flex, size_t item_bytes)
{
    int64_t n = get_length(in, flex, true);
    if (n < 0 || in->bad)
        return 0;
    if ((uint64_t)n > reader_left(in) / item_bytes)
        in->bad = true;
    return in->bad ? 0 : (size_t)n;
}

/* ---- frames ------------------------------------------------------------ */

size_t wire_begin(struct buf *b, enum wire_api api, int16_t version, int32_t correlation, const char *client_id)
{
    size_t start = b->len;
    buf_put_u32(b, 0);
    buf_put_u16(b, (uint16_t)api);
    buf_put_u16(b, (uint16_t)version);
    buf_put_u32(b, (uint32_t)correlation);
    put_string(b, false, client_id); /* never compact, not even here */
    put_tags(b, flexible(api, version));
    return start;
}

void wire_end(struct buf *b, size_t start)
{
    size_t size = b->len - start - 4;
    for (unsigned i = 0; i < 4; i++)
        b->data[start + i] = (char)(uint8_t)(size >> (24 - 8 * i));
}

int32_t wire_response_begin(struct reader *in, enum wire_api api, int16_t version)
{
    int32_t correlation = (int32_t)reader_u32(in);
    /* The answer about versions must be readable before versions are known. */
    get_tags(in, api != WIRE_API_VERSIONS && flexible(api, version));
    return correlation;
}

/* ---- ApiVersions ------------------------------------------------------- */

void wire_put_versions(struct buf *b, int16_t version, const char *software, const char *software_version)
{
    if (!flexible(WIRE_API_VERSIONS, version))
        return;
    put_string(b, true, software);
    put_string(b, true, software_version);
    put_tags(b, true);
}

bool wire_get_versions(struct reader *in, int16_t version, struct wire_versions *ret)
{
    struct wire_versions v = { .error = (int16_t)reader_u16(in) };
    /* A broker that does not know the version asked for answers in version 0. */
    bool flex = flexible(WIRE_API_VERSIONS, version) && v.error != WIRE_UNSUPPORTED_VERSION;
    for (size_t i = 0; i < WIRE_API_LIMIT; i++)
        v.known[i] = (struct wire_range){ 0, -1 };
    size_t n = get_count(in, flex, 6);
    for (size_t i = 0; i < n && !in->bad; i++) {
        uint16_t api = reader_u16(in);
        int16_t min = (int16_t)reader_u16(in), max = (int16_t)reader_u16(in);
        get_tags(in, flex);
        if (api < WIRE_API_LIMIT)
            v.known[api] = (struct wire_range){ min, max };
    }
    if (in->bad)
        return false;
    *ret = v;
    return true;
}

int16_t wire_pick(const struct wire_versions *v, enum wire_api api)
{
    int16_t best = v->known[api].max < ours[api].max ? v->known[api].max : ours[api].max;
    return best >= v->known[api].min && best >= ours[api].min ? best : -1;
}

/* ---- FindCoordinator --------------------------------------------------- */

void wire_put_find(struct buf *b, int16_t version, const char *group)
{
    enum { KEY_GROUP = 0 };
    bool flex = flexible(WIRE_FIND_COORDINATOR, version);
    if (version < 4) {
        put_string(b, flex, group);
        buf_put_u8(b, KEY_GROUP);
    } else {
        buf_put_u8(b, KEY_GROUP);
        put_count(b, flex, 1);
        put_string(b, flex, group);
    }
    put_tags(b, flex);
}

bool wire_get_find(struct reader *in, int16_t version, struct wire_coordinator *ret)
{
    struct wire_coordinator c = { .node = -1 };
    bool flex = flexible(WIRE_FIND_COORDINATOR, version);
    (void)reader_u32(in); /* throttle */
    if (version < 4) {
        c.error = (int16_t)reader_u16(in);
        c.message = get_string(in, flex);
    } else {
        if (get_count(in, flex, 12) != 1)
            return false;
        (void)get_string(in, flex); /* the group asked for */
    }
    c.node = (int32_t)reader_u32(in);
    c.host = get_string(in, flex);
    c.port = (int32_t)reader_u32(in);
    if (version >= 4) {
        c.error = (int16_t)reader_u16(in);
        c.message = get_string(in, flex);
        get_tags(in, flex);
    }
    get_tags(in, flex);
    if (in->bad)
        return false;
    *ret = c;
    return true;
}

/* ---- JoinGroup --------------------------------------------------------- */

void wire_put_join(struct buf *b, int16_t version, const struct wire_join *r)
{
    bool flex = flexible(WIRE_JOIN_GROUP, version);
    put_string(b, flex, r->group);
    buf_put_u32(b, (uint32_t)r->session_timeout_ms);
    buf_put_u32(b, (uint32_t)r->rebalance_timeout_ms);
    put_string(b, flex, r->member_id);
    if (version >= 5)
        put_string(b, flex, NULL); /* no static membership */
    put_string(b, flex, r->protocol_type);
    put_count(b, flex, r->protocol_count);
    for (size_t i = 0; i < r->protocol_count; i++) {
        put_string(b, flex, r->protocols[i].name);
        put_bytes(b, flex, r->protocols[i].metadata);
        put_tags(b, flex);
    }
    if (version >= 8)
        put_string(b, flex, r->reason);
    put_tags(b, flex);
}

static void get_members(struct reader *in, int16_t version, struct wire_joined *j)
{
    bool flex = flexible(WIRE_JOIN_GROUP, version);
    size_t n = get_count(in, flex, flex ? 3 : 6);
    if (n > WIRE_MEMBER_LIMIT)
        in->bad = true;
    if (in->bad || n == 0)
        return;
    j->members = mem_zalloc(n, sizeof j->members[0]);
    for (size_t i = 0; i < n && !in->bad; i++) {
        j->members[i].id = get_string(in, flex);
        if (version >= 5)
            (void)get_string(in, flex);
        j->members[i].metadata = get_slice(in, flex, true);
        get_tags(in, flex);
        in->bad = in->bad || !j->members[i].id.ptr;
        j->member_count++;
    }
}

bool wire_get_joined(struct reader *in, int16_t version, struct wire_joined *ret)
{
    bool flex = flexible(WIRE_JOIN_GROUP, version);
    struct wire_joined j = { .throttle_ms = (int32_t)reader_u32(in) };
    j.error = (int16_t)reader_u16(in);
    j.generation = (int32_t)reader_u32(in);
    if (version >= 7)
        j.protocol_type = get_string(in, flex);
    j.protocol_name = get_string(in, flex);
    j.leader = get_string(in, flex);
    if (version >= 9)
        j.skip_assignment = reader_u8(in) != 0;
    j.member_id = get_string(in, flex);
    get_members(in, version, &j);
    get_tags(in, flex);
    if (in->bad || !j.leader.ptr || !j.member_id.ptr) {
        wire_joined_fini(&j);
        return false;
    }
    *ret = j;
    return true;
}

void wire_joined_fini(struct wire_joined *r)
{
    mem_free(r->members);
    *r = (struct wire_joined){ 0 };
}

/* ---- SyncGroup --------------------------------------------------------- */

void wire_put_sync(struct buf *b, int16_t version, const struct wire_sync *r)
{
    bool flex = flexible(WIRE_SYNC_GROUP, version);
    put_string(b, flex, r->group);
    buf_put_u32(b, (uint32_t)r->generation);
    put_string(b, flex, r->member_id);
    if (version >= 3)
        put_string(b, flex, NULL);
    if (version >= 5) {
        put_string(b, flex, r->protocol_type);
        put_string(b, flex, r->protocol_name);
    }
    put_count(b, flex, r->assignment_count);
    for (size_t i = 0; i < r->assignment_count; i++) {
        ASSERT(r->assignments[i].id.len <= INT16_MAX);
        if (flex)
            put_varint(b, (uint32_t)r->assignments[i].id.len + 1);
        else
            buf_put_u16(b, (uint16_t)r->assignments[i].id.len);
        buf_put(b, r->assignments[i].id.ptr, r->assignments[i].id.len);
        put_bytes(b, flex, r->assignments[i].metadata);
        put_tags(b, flex);
    }
    put_tags(b, flex);
}

bool wire_get_synced(struct reader *in, int16_t version, struct wire_synced *ret)
{
    bool flex = flexible(WIRE_SYNC_GROUP, version);
    struct wire_synced s = { .throttle_ms = (int32_t)reader_u32(in) };
    s.error = (int16_t)reader_u16(in);
    if (version >= 5) {
        s.protocol_type = get_string(in, flex);
        s.protocol_name = get_string(in, flex);
    }
    s.assignment = get_slice(in, flex, true);
    get_tags(in, flex);
    if (in->bad)
        return false;
    *ret = s;
    return true;
}

/* ---- Heartbeat, LeaveGroup --------------------------------------------- */

void wire_put_heartbeat(struct buf *b, int16_t version, const char *group, int32_t generation, const char *member_id)
{
    bool flex = flexible(WIRE_HEARTBEAT, version);
    put_string(b, flex, group);
    buf_put_u32(b, (uint32_t)generation);
    put_string(b, flex, member_id);
    if (version >= 3)
        put_string(b, flex, NULL);
    put_tags(b, flex);
}

void wire_put_leave(struct buf *b, int16_t version, const char *group, const char *member_id, const char *reason)
{
    bool flex = flexible(WIRE_LEAVE_GROUP, version);
    put_string(b, flex, group);
    if (version < 3) {
        put_string(b, flex, member_id);
        return;
    }
    put_count(b, flex, 1);
    put_string(b, flex, member_id);
    put_string(b, flex, NULL);
    if (version >= 5)
        put_string(b, flex, reason);
    put_tags(b, flex);
    put_tags(b, flex);
}

bool wire_get_status(struct reader *in, enum wire_api api, int16_t version, int16_t *ret_error)
{
    bool flex = flexible(api, version);
    if (version >= 1)
        (void)reader_u32(in); /* throttle */
    int16_t error = (int16_t)reader_u16(in);
    size_t n = api == WIRE_LEAVE_GROUP && version >= 3 ? get_count(in, flex, flex ? 5 : 6) : 0;
    for (size_t i = 0; i < n && !in->bad; i++) {
        (void)get_string(in, flex);
        (void)get_string(in, flex);
        int16_t its = (int16_t)reader_u16(in);
        get_tags(in, flex);
        error = error ? error : its;
    }
    get_tags(in, flex);
    if (in->bad)
        return false;
    *ret_error = error;
    return true;
}

/* ---- SaslHandshake, SaslAuthenticate ----------------------------------------- */

void wire_put_handshake(struct buf *b, const char *mechanism)
{
    put_string(b, false, mechanism);
}

bool wire_get_handshake(struct reader *in, struct wire_mechanisms *ret)
{
    *ret = (struct wire_mechanisms){ .error = (int16_t)reader_u16(in) };
    int64_t n = get_length(in, false, true);
    for (int64_t i = 0; i < n && !in->bad; i++) {
        struct kaftan_slice name = get_string(in, false);
        if (ret->count < COUNT_OF(ret->names))
            ret->names[ret->count++] = name;
    }
    return !in->bad;
}

void wire_put_authenticate(struct buf *b, int16_t version, struct kaftan_slice token)
{
    bool flex = flexible(WIRE_SASL_AUTHENTICATE, version);
    put_bytes(b, flex, token);
    put_tags(b, flex);
}

bool wire_get_authenticated(struct reader *in, int16_t version, struct wire_authenticated *ret)
{
    bool flex = flexible(WIRE_SASL_AUTHENTICATE, version);
    *ret = (struct wire_authenticated){ .error = (int16_t)reader_u16(in) };
    ret->message = get_string(in, flex);
    ret->token = get_slice(in, flex, true);
    ret->lifetime_ms = version >= 1 ? (int64_t)reader_u64(in) : 0;
    get_tags(in, flex);
    return !in->bad;
}
