/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captured conversations. A request is made again from what it says and must
 * come out the same; an answer is read and must say the same.
 */
#include "config.h"

#include "vectors/group.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "group/codec.h"
#include "group/wire.h"

enum { PARTS = 64 };

static bool flexible(enum wire_api api, int16_t version)
{
    return version >= (api == WIRE_JOIN_GROUP ? 6 : 4);
}

/* What a captured request's bytes alone tell: header and group. */
struct head {
    int32_t correlation;
    char client[256], group[256];
};

static struct head head_of(struct golden *g, const struct buf *frame, enum wire_api api, int16_t version)
{
    struct head h;
    struct reader r = reader_of(frame->data, frame->len);
    golden_same_int(g, "the frame's size", reader_u32(&r), (int64_t)frame->len - 4);
    golden_same_int(g, "the request's number", reader_u16(&r), api);
    golden_same_int(g, "the request's version", reader_u16(&r), version);
    h.correlation = (int32_t)reader_u32(&r);
    struct kaftan_slice s = reader_bytes(&r, reader_u16(&r));
    (void)snprintf(h.client, sizeof h.client, "%.*s", (int)s.len, s.ptr ? s.ptr : "");
    if (flexible(api, version))
        (void)reader_u8(&r); /* tags */
    s = flexible(api, version) ? reader_bytes(&r, reader_u8(&r) - 1u) : reader_bytes(&r, reader_u16(&r));
    (void)snprintf(h.group, sizeof h.group, "%.*s", (int)s.len, s.ptr ? s.ptr : "");
    golden_expect(g, !r.bad, "the frame is cut off");
    return h;
}

/* ---- payloads, from what the vector says is in them ---- */

static void put_assignment(struct golden *g, const struct json *d, struct buf *ret)
{
    struct group_assignment a = { .version = (int16_t)golden_int(g, d, "version"), .error = (int16_t)golden_int(g, d, "error"),
                                  .leader = (char *)(uintptr_t)golden_text(g, d, "leader"),
                                  .leader_url = (char *)(uintptr_t)golden_text(g, d, "leader_url"),
                                  .config_offset = golden_int(g, d, "config_offset"),
                                  .delay_ms = json_get(d, "delay_ms") ? (int32_t)golden_int(g, d, "delay_ms") : 0 };
    golden_work(g, json_get(d, "assigned"), &a.work);
    golden_work(g, json_get(d, "revoked"), &a.revoked);
    group_put_assignment(ret, a.version, &a);
    work_list_fini(&a.work);
    work_list_fini(&a.revoked);
}

static void put_subscription(struct golden *g, const struct json *d, struct buf *ret)
{
    const struct json *allocation = json_get(d, "allocation");
    struct group_assignment a = { 0 };
    bool has = allocation && allocation->type == JSON_OBJECT;
    if (has) {
        struct buf bytes = BUF_INIT;
        put_assignment(g, allocation, &bytes);
        struct kaftan_error *err = group_read_assignment(buf_slice(&bytes), &a);
        golden_expect(g, !err, "%s", err ? kaftan_error_message(err) : "");
        has = !err;
        kaftan_error_free(err);
        buf_fini(&bytes);
    }
    group_put_subscription(ret, (int16_t)golden_int(g, d, "version"), golden_text(g, d, "url"), golden_int(g, d, "config_offset"),
                           has ? &a : NULL);
    group_assignment_fini(&a);
}

static size_t parts_of(struct golden *g, const struct json *list)
{
    golden_expect(g, list->count <= PARTS, "more than %d entries", PARTS);
    return list->count <= PARTS ? list->count : PARTS;
}

/* ---- requests ---- */

static void put_join(struct golden *g, const struct json *d, int16_t version, const struct head *h, struct buf *ret)
{
    const struct json *list = golden_member(g, d, "protocols");
    struct wire_protocol protocols[PARTS];
    struct buf metadata[PARTS] = { 0 };
    size_t n = parts_of(g, list);
    for (size_t i = 0; i < n; i++) {
        put_subscription(g, golden_member(g, &list->items[i], "metadata"), &metadata[i]);
        protocols[i] = (struct wire_protocol){ golden_text(g, &list->items[i], "name"), buf_slice(&metadata[i]) };
    }
    struct wire_join j = { .group = h->group, .member_id = golden_text(g, d, "member_id"),
                           .protocol_type = golden_text(g, d, "protocol_type"),
                           .session_timeout_ms = (int32_t)golden_int(g, d, "session_timeout_ms"),
                           .rebalance_timeout_ms = (int32_t)golden_int(g, d, "rebalance_timeout_ms"),
                           .reason = golden_text(g, d, "reason"), .protocols = protocols, .protocol_count = n };
    wire_put_join(ret, version, &j);
    for (size_t i = 0; i < n; i++)
        buf_fini(&metadata[i]);
}

static void put_sync(struct golden *g, const struct json *d, int16_t version, const struct head *h, struct buf *ret)
{
    const struct json *list = golden_member(g, d, "assignments");
    struct wire_member members[PARTS];
    struct buf bytes[PARTS] = { 0 };
    size_t n = parts_of(g, list);
    for (size_t i = 0; i < n; i++) {
        put_assignment(g, golden_member(g, &list->items[i], "assignment"), &bytes[i]);
        members[i] = (struct wire_member){ slice_of(golden_text(g, &list->items[i], "member_id")), buf_slice(&bytes[i]) };
    }
    struct wire_sync s = { .group = h->group, .member_id = golden_text(g, d, "member_id"),
                           .generation = (int32_t)golden_int(g, d, "generation"), .protocol_type = golden_text(g, d, "protocol_type"),
                           .protocol_name = golden_text(g, d, "protocol_name"), .assignments = members, .assignment_count = n };
    wire_put_sync(ret, version, &s);
    for (size_t i = 0; i < n; i++)
        buf_fini(&bytes[i]);
}

static void check_request(struct golden *g, const struct json *d, enum wire_api api, int16_t version, const struct buf *frame)
{
    struct head h = head_of(g, frame, api, version);
    struct buf again = BUF_INIT;
    size_t start = wire_begin(&again, api, version, h.correlation, h.client);
    if (api == WIRE_JOIN_GROUP) {
        put_join(g, d, version, &h, &again);
    } else if (api == WIRE_SYNC_GROUP) {
        put_sync(g, d, version, &h, &again);
    } else if (api == WIRE_HEARTBEAT) {
        wire_put_heartbeat(&again, version, h.group, (int32_t)golden_int(g, d, "generation"), golden_text(g, d, "member_id"));
    } else {
        const struct json *members = golden_member(g, d, "members"), *m = members->count == 1 ? members->items : NULL;
        if (golden_expect(g, m != NULL, "not one member that leaves"))
            wire_put_leave(&again, version, h.group, golden_text(g, m, "member_id"), golden_text(g, m, "reason"));
    }
    wire_end(&again, start);
    golden_same_bytes(g, "the request", &again, frame);
    buf_fini(&again);
}

/* ---- answers ---- */

static void same_payload(struct golden *g, const char *what, struct kaftan_slice got, const struct buf *wanted)
{
    struct buf b = BUF_INIT;
    buf_put_slice(&b, got);
    golden_same_bytes(g, what, &b, wanted);
    buf_fini(&b);
}

static void check_joined(struct golden *g, const struct json *d, struct reader *in, int16_t version)
{
    struct wire_joined j = { 0 };
    const struct json *members = golden_member(g, d, "members");
    if (!golden_expect(g, wire_get_joined(in, version, &j), "it cannot be read"))
        return;
    golden_same_int(g, "throttle_ms", j.throttle_ms, golden_int(g, d, "throttle_ms"));
    golden_same_int(g, "error", j.error, golden_int(g, d, "error"));
    golden_same_int(g, "generation", j.generation, golden_int(g, d, "generation"));
    golden_same_slice(g, "protocol_type", j.protocol_type, golden_text(g, d, "protocol_type"));
    golden_same_slice(g, "protocol_name", j.protocol_name, golden_text(g, d, "protocol_name"));
    golden_same_slice(g, "leader", j.leader, golden_text(g, d, "leader"));
    golden_same_slice(g, "member_id", j.member_id, golden_text(g, d, "member_id"));
    golden_same_int(g, "skip_assignment", j.skip_assignment, golden_flag(d, "skip_assignment"));
    golden_same_int(g, "number of members", (int64_t)j.member_count, (int64_t)members->count);
    for (size_t i = 0; i < j.member_count && i < members->count; i++) {
        struct buf want = BUF_INIT;
        golden_same_slice(g, "a member's id", j.members[i].id, golden_text(g, &members->items[i], "member_id"));
        put_subscription(g, golden_member(g, &members->items[i], "metadata"), &want);
        same_payload(g, "a member's metadata", j.members[i].metadata, &want);
        buf_fini(&want);
    }
    wire_joined_fini(&j);
}

static void check_synced(struct golden *g, const struct json *d, struct reader *in, int16_t version)
{
    struct wire_synced s = { 0 };
    struct buf want = BUF_INIT;
    const struct json *a = json_get(d, "assignment");
    if (!golden_expect(g, wire_get_synced(in, version, &s), "it cannot be read"))
        return;
    golden_same_int(g, "throttle_ms", s.throttle_ms, golden_int(g, d, "throttle_ms"));
    golden_same_int(g, "error", s.error, golden_int(g, d, "error"));
    golden_same_slice(g, "protocol_type", s.protocol_type, golden_text(g, d, "protocol_type"));
    golden_same_slice(g, "protocol_name", s.protocol_name, golden_text(g, d, "protocol_name"));
    if (a && a->type == JSON_OBJECT)
        put_assignment(g, a, &want);
    same_payload(g, "the assignment", s.assignment, &want);
    buf_fini(&want);
}

static void check_answer(struct golden *g, const struct json *d, enum wire_api api, int16_t version, const struct buf *frame)
{
    struct reader in = reader_of(frame->data, frame->len);
    int16_t error = 0;
    golden_same_int(g, "the frame's size", reader_u32(&in), (int64_t)frame->len - 4);
    (void)wire_response_begin(&in, api, version);
    if (api == WIRE_JOIN_GROUP)
        check_joined(g, d, &in, version);
    else if (api == WIRE_SYNC_GROUP)
        check_synced(g, d, &in, version);
    else if (golden_expect(g, wire_get_status(&in, api, version, &error), "it cannot be read"))
        golden_same_int(g, "error", error, golden_int(g, d, "error"));
    golden_same_int(g, "what is left of the frame", (int64_t)reader_left(&in), 0);
}

static bool api_of(const char *name, enum wire_api *ret)
{
    static const struct { const char *name; enum wire_api api; } apis[] = {
        { "JoinGroup", WIRE_JOIN_GROUP },   { "SyncGroup", WIRE_SYNC_GROUP },     { "Heartbeat", WIRE_HEARTBEAT },
        { "LeaveGroup", WIRE_LEAVE_GROUP }, { "ApiVersions", WIRE_API_VERSIONS }, { "FindCoordinator", WIRE_FIND_COORDINATOR },
    };
    for (size_t i = 0; i < COUNT_OF(apis); i++)
        if (strcmp(apis[i].name, name) == 0) {
            *ret = apis[i].api;
            return true;
        }
    return false;
}

static void check_frame(struct golden *g, const struct json *f)
{
    enum wire_api api = WIRE_JOIN_GROUP;
    const struct json *d = golden_member(g, f, "decoded");
    int16_t version = (int16_t)golden_int(g, f, "version");
    struct wire_range ours;
    struct buf bytes = BUF_INIT;
    golden_hex(g, f, "hex", &bytes);
    if (golden_expect(g, api_of(golden_text(g, f, "api"), &api), "a request that members do not send")) {
        ours = wire_ours(api);
        if (!golden_expect(g, version >= ours.min && version <= ours.max, "version %d is none of ours", (int)version))
            ;
        else if (strcmp(golden_text(g, f, "dir"), "request") == 0)
            check_request(g, d, api, version, &bytes);
        else
            check_answer(g, d, api, version, &bytes);
    }
    buf_fini(&bytes);
}

void group_run_captures(struct golden *g, const struct json *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const char *name = golden_text(g, &list->items[i], "name");
        const struct json *frames = json_get(&list->items[i], "frames");
        for (size_t k = 0; frames && k < frames->count; k++) {
            const struct json *f = &frames->items[k];
            if (!golden_begin(g, "%s, frame %zu, %s %s", name, k + 1, golden_text(g, f, "api"), golden_text(g, f, "dir")))
                continue;
            check_frame(g, f);
            golden_end(g);
        }
    }
}

/* ---- finding the coordinator ---- */

static void check_versions(struct golden *g, struct reader *in)
{
    static const enum wire_api needed[] = { WIRE_FIND_COORDINATOR, WIRE_JOIN_GROUP, WIRE_SYNC_GROUP, WIRE_HEARTBEAT, WIRE_LEAVE_GROUP };
    struct wire_versions v;
    if (!golden_expect(g, wire_get_versions(in, 3, &v), "it cannot be read"))
        return;
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        golden_expect(g, wire_pick(&v, needed[i]) >= 0, "no version of request %d fits", (int)needed[i]);
}

static void check_found(struct golden *g, const struct json *d, struct reader *in)
{
    const struct json *list = golden_member(g, d, "coordinators");
    struct wire_coordinator c;
    if (!golden_expect(g, wire_get_find(in, 4, &c), "it cannot be read") || !golden_expect(g, list->count == 1, "not one coordinator"))
        return;
    golden_same_int(g, "error", c.error, golden_int(g, list->items, "error"));
    golden_same_int(g, "node", c.node, golden_int(g, list->items, "node"));
    golden_same_int(g, "port", c.port, golden_int(g, list->items, "port"));
    golden_same_slice(g, "host", c.host, golden_text(g, list->items, "host"));
}

/* Answers alone: we ask in older versions, whose answers have the same form. An answer without a text answers the request before it. */
void group_run_lookup(struct golden *g, const struct json *list)
{
    enum wire_api api = WIRE_API_VERSIONS;
    size_t requests = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct json *f = &list->items[i], *d = json_get(f, "decoded");
        struct buf bytes = BUF_INIT;
        if (d && d->type == JSON_OBJECT)
            (void)api_of(golden_text(g, d, "api"), &api);
        if (strcmp(golden_text(g, f, "dir"), "req") == 0) {
            requests++;
            continue;
        }
        if (!golden_begin(g, "frame %zu", i + 1))
            continue;
        golden_hex(g, f, "hex", &bytes);
        struct reader in = reader_of(bytes.data, bytes.len);
        golden_same_int(g, "the frame's size", reader_u32(&in), (int64_t)bytes.len - 4);
        (void)wire_response_begin(&in, api, api == WIRE_API_VERSIONS ? 3 : 4);
        if (api == WIRE_API_VERSIONS)
            check_versions(g, &in);
        else
            check_found(g, d, &in);
        buf_fini(&bytes);
        golden_end(g);
    }
    golden_skip(g, requests, "requests in versions that we do not speak");
}
