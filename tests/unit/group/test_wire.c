/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <criterion/criterion.h>

#include "base/mem.h"
#include "base/text.h"
#include "group/codec.h"
#include "vectors.h"

static void expect_slice(struct kaftan_slice got, const char *wanted, const char *what)
{
    cr_expect(slice_eq_str(got, wanted), "%s: %.*s, wanted %s", what, (int)got.len, got.ptr, wanted);
}

/* The group and client ids of a captured request: from its own bytes. */
struct head {
    int32_t correlation;
    char client[128], group[128];
};

static struct head head_of(const struct buf *frame, size_t *ret_at)
{
    struct head h;
    struct reader r = reader_of(frame->data, frame->len);
    (void)reader_u64(&r);
    h.correlation = (int32_t)reader_u32(&r);
    struct kaftan_slice s = reader_bytes(&r, reader_u16(&r));
    (void)snprintf(h.client, sizeof h.client, "%.*s", (int)s.len, s.ptr);
    (void)reader_u8(&r); /* tags */
    s = reader_bytes(&r, reader_u8(&r) - 1u);
    (void)snprintf(h.group, sizeof h.group, "%.*s", (int)s.len, s.ptr);
    *ret_at = frame->len - reader_left(&r);
    return h;
}

/* The payload that stands behind a name in a captured request, found by its own length. */
static struct kaftan_slice payload_after(const struct buf *frame, const char *name)
{
    char *at = memmem(frame->data, frame->len, name, strlen(name));
    cr_assert_not_null(at);
    struct reader r = reader_of(at + strlen(name), frame->len - (size_t)(at - frame->data) - strlen(name));
    uint32_t len = reader_u8(&r);
    if (len & 0x80)
        len = (len & 0x7F) | (uint32_t)reader_u8(&r) << 7;
    return reader_bytes(&r, len - 1);
}

static void check_join_request(const struct json *d, const struct buf *frame, int16_t version)
{
    size_t at;
    struct head h = head_of(frame, &at);
    struct buf again = BUF_INIT;
    const struct json *list = json_get(d, "protocols");
    struct wire_protocol protocols[3];
    for (size_t i = 0; i < list->count; i++) {
        protocols[i].name = vector_text(&list->items[i], "name");
        protocols[i].metadata = payload_after(frame, protocols[i].name);
    }
    struct wire_join j = { .group = h.group, .member_id = vector_text(d, "member_id"), .protocol_type = "connect",
                           .session_timeout_ms = (int32_t)vector_int(d, "session_timeout_ms"),
                           .rebalance_timeout_ms = (int32_t)vector_int(d, "rebalance_timeout_ms"),
                           .reason = vector_text(d, "reason"), .protocols = protocols, .protocol_count = list->count };
    size_t start = wire_begin(&again, WIRE_JOIN_GROUP, version, h.correlation, h.client);
    wire_put_join(&again, version, &j);
    wire_end(&again, start);
    expect_bytes(&again, frame, "JoinGroup request");
    buf_fini(&again);
}

static void check_sync_request(const struct json *d, const struct buf *frame, int16_t version)
{
    size_t at;
    struct head h = head_of(frame, &at);
    struct buf again = BUF_INIT;
    const struct json *list = json_get(d, "assignments");
    struct wire_member members[8];
    const char *name = vector_text(d, "protocol_name");
    char *p = memmem(frame->data, frame->len, name, strlen(name));
    struct reader in = reader_of(p + strlen(name), frame->len - (size_t)(p - frame->data) - strlen(name));
    cr_assert_eq(reader_u8(&in), list->count + 1);
    for (size_t i = 0; i < list->count; i++) {
        members[i].id = reader_bytes(&in, reader_u8(&in) - 1u);
        expect_slice(members[i].id, vector_text(&list->items[i], "member_id"), "member");
        uint32_t len = reader_u8(&in);
        if (len & 0x80)
            len = (len & 0x7F) | (uint32_t)reader_u8(&in) << 7;
        members[i].metadata = reader_bytes(&in, len - 1);
        (void)reader_u8(&in); /* tags */
    }
    struct wire_sync s = { .group = h.group, .member_id = vector_text(d, "member_id"),
                           .generation = (int32_t)vector_int(d, "generation"), .protocol_type = vector_text(d, "protocol_type"),
                           .protocol_name = vector_text(d, "protocol_name"), .assignments = members,
                           .assignment_count = list->count };
    size_t start = wire_begin(&again, WIRE_SYNC_GROUP, version, h.correlation, h.client);
    wire_put_sync(&again, version, &s);
    wire_end(&again, start);
    expect_bytes(&again, frame, "SyncGroup request");
    buf_fini(&again);
}

static void check_small_request(const struct json *d, const struct buf *frame, int16_t version, enum wire_api api)
{
    size_t at;
    struct head h = head_of(frame, &at);
    struct buf again = BUF_INIT;
    size_t start = wire_begin(&again, api, version, h.correlation, h.client);
    if (api == WIRE_HEARTBEAT)
        wire_put_heartbeat(&again, version, h.group, (int32_t)vector_int(d, "generation"), vector_text(d, "member_id"));
    else
        wire_put_leave(&again, version, h.group, vector_text(&json_get(d, "members")->items[0], "member_id"),
                       vector_text(&json_get(d, "members")->items[0], "reason"));
    wire_end(&again, start);
    expect_bytes(&again, frame, "small request");
    buf_fini(&again);
}

static void check_join_response(const struct json *d, struct reader *in, int16_t version)
{
    struct wire_joined j = { 0 };
    cr_assert(wire_get_joined(in, version, &j));
    cr_expect_eq(j.error, vector_int(d, "error"));
    cr_expect_eq(j.generation, vector_int(d, "generation"));
    expect_slice(j.leader, vector_text(d, "leader"), "leader");
    expect_slice(j.member_id, vector_text(d, "member_id"), "member id");
    cr_expect_eq(j.skip_assignment, vector_bool(d, "skip_assignment"));
    expect_slice(j.protocol_name, vector_text(d, "protocol_name"), "protocol");
    const struct json *members = json_get(d, "members");
    cr_assert_eq(j.member_count, members->count);
    for (size_t i = 0; i < j.member_count; i++) {
        struct group_subscription s = { 0 };
        expect_slice(j.members[i].id, vector_text(&members->items[i], "member_id"), "member");
        cr_assert_null(group_read_subscription(j.members[i].metadata, &s));
        cr_expect_str_eq(s.url, vector_text(json_get(&members->items[i], "metadata"), "url"));
        group_subscription_fini(&s);
    }
    wire_joined_fini(&j);
}

static void check_sync_response(const struct json *d, struct reader *in, int16_t version)
{
    struct wire_synced s = { 0 };
    cr_assert(wire_get_synced(in, version, &s));
    cr_expect_eq(s.error, vector_int(d, "error"));
    const struct json *a = json_get(d, "assignment");
    if (!a || a->type != JSON_OBJECT)
        return;
    struct group_assignment got = { 0 };
    cr_assert_null(group_read_assignment(s.assignment, &got));
    cr_expect_eq(got.config_offset, vector_int(a, "config_offset"));
    cr_expect_str_eq(got.leader_url, vector_text(a, "leader_url"));
    group_assignment_fini(&got);
}

static enum wire_api api_of(const char *name)
{
    static const struct { const char *name; enum wire_api api; } apis[] = {
        { "JoinGroup", WIRE_JOIN_GROUP }, { "SyncGroup", WIRE_SYNC_GROUP }, { "Heartbeat", WIRE_HEARTBEAT },
        { "LeaveGroup", WIRE_LEAVE_GROUP },
    };
    for (size_t i = 0; i < COUNT_OF(apis); i++)
        if (strcmp(apis[i].name, name) == 0)
            return apis[i].api;
    cr_assert_fail("%s", name);
    return 0;
}

Test(wire, captured_conversations)
{
    const struct json *frames = json_get(vectors_load("group-frames.json"), "frames");
    cr_assert_geq(frames->count, 100);
    for (size_t i = 0; i < frames->count; i++) {
        const struct json *f = &frames->items[i], *d = json_get(f, "decoded");
        enum wire_api api = api_of(vector_text(f, "api"));
        int16_t version = (int16_t)vector_int(f, "version"), error = 0;
        struct buf bytes = BUF_INIT;
        vector_bytes(f, "hex", &bytes);
        struct reader in = reader_of(bytes.data, bytes.len);
        cr_expect_eq(reader_u32(&in), bytes.len - 4);
        if (strcmp(vector_text(f, "dir"), "request") == 0) {
            if (api == WIRE_JOIN_GROUP)
                check_join_request(d, &bytes, version);
            else if (api == WIRE_SYNC_GROUP)
                check_sync_request(d, &bytes, version);
            else
                check_small_request(d, &bytes, version, api);
        } else {
            (void)wire_response_begin(&in, api, version);
            if (api == WIRE_JOIN_GROUP) {
                check_join_response(d, &in, version);
            } else if (api == WIRE_SYNC_GROUP) {
                check_sync_response(d, &in, version);
            } else {
                cr_assert(wire_get_status(&in, api, version, &error));
                cr_expect_eq(error, vector_int(d, "error"));
            }
            cr_expect_eq(reader_left(&in), 0);
        }
        buf_fini(&bytes);
    }
}

/* Bytes of the specification: requests of the classic and flexible encodings. */
Test(wire, small_examples)
{
    static const struct { int16_t version; const char *hex; } finds[] = {
        { 2, "0000000f000a00020000000300016300016700" },
        { 3, "00000010000a0003000000020001630002670000" },
        { 4, "00000011000a000400000002000163000002026700" },
    };
    for (size_t i = 0; i < COUNT_OF(finds); i++) {
        struct buf b = BUF_INIT, text = BUF_INIT;
        size_t start = wire_begin(&b, WIRE_FIND_COORDINATOR, finds[i].version, i == 0 ? 3 : 2, "c");
        wire_put_find(&b, finds[i].version, "g");
        wire_end(&b, start);
        for (size_t k = 0; k < b.len; k++)
            buf_printf(&text, "%02x", (unsigned)(uint8_t)b.data[k]);
        cr_expect_str_eq(buf_text(&text), finds[i].hex, "%s", buf_text(&text));
        buf_fini(&b);
        buf_fini(&text);
    }
}

Test(wire, versions_are_picked)
{
    const struct json *lookup = json_get(vectors_load("group-frames.json"), "lookup");
    struct buf bytes = BUF_INIT;
    struct wire_versions v;
    vector_bytes(&lookup->items[1], "hex", &bytes);
    struct reader in = reader_of(bytes.data + 4, bytes.len - 4);
    (void)wire_response_begin(&in, WIRE_API_VERSIONS, 3);
    cr_assert(wire_get_versions(&in, 3, &v));
    cr_expect_eq(wire_pick(&v, WIRE_JOIN_GROUP), 9);
    cr_expect_eq(wire_pick(&v, WIRE_SYNC_GROUP), 5);
    cr_expect_eq(wire_pick(&v, WIRE_FIND_COORDINATOR), 4);
    cr_expect_eq(wire_pick(&v, WIRE_LEAVE_GROUP), 5);
    v.known[WIRE_JOIN_GROUP].max = 3;
    cr_expect_eq(wire_pick(&v, WIRE_JOIN_GROUP), -1);
    buf_fini(&bytes);
}

Test(wire, answers_that_lie_are_refused)
{
    struct wire_joined j;
    struct wire_coordinator c;
    static const uint8_t many[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff };
    struct reader in = reader_of(many, sizeof many);
    cr_expect_not(wire_get_joined(&in, 5, &j));
    static const uint8_t varint[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    in = reader_of(varint, sizeof varint);
    cr_expect_not(wire_get_find(&in, 4, &c));
}
