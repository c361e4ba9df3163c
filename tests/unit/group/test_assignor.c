/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/assignor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <criterion/criterion.h>

#include "base/map.h"
#include "base/mem.h"
#include "group/codec.h"
#include "group/member.h"
#include "group/leader.h"
#include "vectors.h"

Test(assignor, backoff_of_successive_revocations)
{
    const struct json *table = json_get(json_get(vectors_load("group-assignor.json"), "backoff"), "table");
    cr_assert_geq(table->count, 20);
    for (size_t i = 0; i < table->count; i++) {
        int32_t cap = (int32_t)strtol(table->members[i].name.ptr, NULL, 10);
        const struct json *row = &table->members[i].value;
        for (size_t n = 0; n < row->count; n++) {
            int64_t wanted;
            cr_assert(json_i64(&row->items[n], &wanted));
            cr_expect_eq(assignor_backoff(cap, (int32_t)n + 1), wanted, "cap %d, n %zu", cap, n + 1);
        }
    }
}

/* The configured connectors as a view; inconsistent ones have no tasks. */
static struct group_view view_of(const struct json *in, int64_t offset)
{
    const struct json *configured = json_get(in, "configured"), *inconsistent = json_get(in, "inconsistent");
    struct group_view_connector *list = mem_zalloc(configured->count, sizeof *list);
    for (size_t i = 0; i < configured->count; i++) {
        int64_t tasks;
        cr_assert(json_i64(&configured->members[i].value, &tasks));
        for (size_t j = 0; j < inconsistent->count; j++)
            if (inconsistent->items[j].text.len == configured->members[i].name.len &&
                memcmp(inconsistent->items[j].text.ptr, configured->members[i].name.ptr, configured->members[i].name.len) == 0)
                tasks = 0;
        list[i].name = mem_strndup(configured->members[i].name.ptr, configured->members[i].name.len);
        list[i].task_count = (int32_t)tasks;
    }
    return (struct group_view){ .config_offset = offset, .connector_count = configured->count, .connectors = list };
}

static void view_fini(struct group_view *v)
{
    for (size_t i = 0; i < v->connector_count; i++)
        mem_free((char *)(uintptr_t)v->connectors[i].name);
    mem_free((void *)(uintptr_t)v->connectors);
}

static struct leader_member *members_of(const struct json *list)
{
    struct leader_member *m = mem_zalloc(list->count, sizeof *m);
    for (size_t i = 0; i < list->count; i++) {
        m[i].id = vector_text(&list->items[i], "id");
        m[i].url = vector_text(&list->items[i], "url");
        m[i].config_offset = vector_int(&list->items[i], "offset");
        vector_work(json_get(&list->items[i], "claims"), &m[i].claims);
    }
    return m;
}

/* What the leader answers, read back from its bytes, against the vector's. */
static void expect_share(const struct json *wanted, const struct buf *bytes, const char *label)
{
    struct group_assignment a = { 0 };
    struct work_list assigned = { NULL, 0 }, revoked = { NULL, 0 };
    struct buf got = BUF_INIT, want = BUF_INIT;
    cr_assert_null(group_read_assignment(buf_slice(bytes), &a));
    vector_work(json_get(wanted, "assigned"), &assigned);
    vector_work(json_get(wanted, "revoked"), &revoked);
    work_text(&a.work, &got);
    buf_puts(&got, " revoked ");
    work_text(&a.revoked, &got);
    work_text(&assigned, &want);
    buf_puts(&want, " revoked ");
    work_text(&revoked, &want);
    cr_expect_str_eq(buf_text(&got), buf_text(&want), "%s:\n got    %s\n wanted %s", label, buf_text(&got), buf_text(&want));
    buf_fini(&got);
    buf_fini(&want);
    work_list_fini(&assigned);
    work_list_fini(&revoked);
    group_assignment_fini(&a);
}

static void expect_state(const struct json *wanted, const struct leader *l, const char *label)
{
    struct assignor_state s = leader_state(l);
    const struct json *candidates = json_get(wanted, "candidates");
    cr_expect_eq(s.scheduled_ms, vector_int(wanted, "scheduled_ms"), "%s", label);
    cr_expect_eq(s.revoked_in_previous, vector_bool(wanted, "revoked_in_previous"), "%s", label);
    cr_expect_eq(s.successive, vector_int(wanted, "successive_revocations"), "%s", label);
    cr_expect_eq(s.candidate_count, candidates->count, "%s", label);
    for (size_t i = 0; i < s.candidate_count && i < candidates->count; i++)
        cr_expect(strlen(s.candidates[i]) == candidates->items[i].text.len &&
                      memcmp(s.candidates[i], candidates->items[i].text.ptr, candidates->items[i].text.len) == 0,
                  "%s", label);
}

static struct group_view *fresh_view(void *self)
{
    return self;
}

static void keep_view(void *self, struct group_view *v)
{
    (void)self;
    (void)v;
}

static void check_round(struct leader *l, const struct json *round, int16_t version, const char *label)
{
    const struct json *in = json_get(round, "in"), *out = json_get(round, "out"), *walk = json_get(round, "walk_order");
    const struct json *fresh = json_get(in, "leader_fresh_offset"), *members = json_get(in, "members");
    struct group_view view = view_of(in, vector_int(in, "leader_config_offset"));
    struct group_view newer = view;
    struct leader_member *m = members_of(members);
    for (size_t i = 0; i < members->count; i++) /* unless it says otherwise, it is as new as the newest member */
        newer.config_offset = m[i].config_offset > newer.config_offset ? m[i].config_offset : newer.config_offset;
    if (fresh)
        newer.config_offset = vector_int(in, "leader_fresh_offset");
    struct leader_round r = { .version = version, .generation = (int32_t)vector_int(in, "generation"),
                              .last_completed = (int32_t)vector_int(in, "last_completed_generation"),
                              .now_ms = vector_int(in, "time_ms"), .leader_id = vector_text(in, "leader"),
                              .view = &view, .fresh = fresh_view, .fresh_free = keep_view, .self = &newer,
                              .members = m, .count = members->count };
    struct buf *answers = leader_assign(l, &r);
    for (size_t i = 0; i < members->count; i++) {
        struct group_assignment a = { 0 };
        cr_assert_null(group_read_assignment(buf_slice(&answers[i]), &a));
        cr_expect_eq(a.error, vector_int(out, "error"), "%s", label);
        cr_expect_eq(a.config_offset, vector_int(out, "config_offset"), "%s", label);
        cr_expect_eq(a.delay_ms, version == GROUP_EAGER ? 0 : vector_int(out, "delay_ms"), "%s: delay", label);
        cr_expect_str_eq(a.leader, r.leader_id, "%s", label);
        group_assignment_fini(&a);
        expect_share(json_get(json_get(out, "assignments"), m[i].id), &answers[i], label);
    }
    if (walk) {
        struct assignor_member *am = mem_zalloc(members->count, sizeof *am);
        size_t *order = mem_zalloc(members->count, sizeof *order);
        for (size_t i = 0; i < members->count; i++)
            am[i].id = m[i].id;
        assignor_walk_order(&(struct assignor_input){ .members = am, .count = members->count }, order);
        for (size_t i = 0; i < members->count; i++)
            cr_expect(strlen(m[order[i]].id) == walk->items[i].text.len &&
                          memcmp(m[order[i]].id, walk->items[i].text.ptr, walk->items[i].text.len) == 0,
                      "%s: walk order", label);
        mem_free(am);
        mem_free(order);
    }
    if (json_get(round, "state_after"))
        expect_state(json_get(round, "state_after"), l, label);
    leader_answers_free(answers, members->count);
    for (size_t i = 0; i < members->count; i++)
        work_list_fini(&m[i].claims);
    mem_free(m);
    view_fini(&view);
}

static void end_leader(void *l)
{
    leader_free(l);
}

Test(assignor, sequences_equal_to_java)
{
    const struct json *list = json_get(vectors_load("group-assignor.json"), "sequences");
    cr_assert_eq(list->count, 43);
    for (size_t i = 0; i < list->count; i++) {
        const struct json *s = &list->items[i], *rounds = json_get(s, "rounds");
        char label[128];
        struct map *leaders = map_new(end_leader); /* each member has a memory of its own */
        const char *protocol = vector_text(s, "protocol");
        for (size_t r = 0; r < rounds->count; r++) {
            struct kaftan_slice name = { protocol, strlen(protocol) };
            (void)snprintf(label, sizeof label, "%s round %zu", vector_text(s, "name"), r + 1);
            const char *leader = vector_text(json_get(&rounds->items[r], "in"), "leader");
            if (!map_has(leaders, leader))
                map_put(leaders, leader, leader_new((int32_t)vector_int(s, "max_delay_ms"), false));
            check_round(map_get(leaders, leader), &rounds->items[r], group_protocol_version(name), label);
        }
        map_free(leaders);
    }
}
