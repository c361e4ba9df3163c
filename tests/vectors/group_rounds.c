/* SPDX-License-Identifier: Apache-2.0 */
/* Virtual groups, round by round: what the leader answers, to the byte, and what it remembers. */
#include "config.h"

#include "vectors/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "group/assignor.h"
#include "group/codec.h"
#include "group/leader.h"
#include "group/member.h"

void group_run_meta(struct golden *g, const struct json *meta)
{
    const struct json *table = json_get(json_get(meta, "successive_revocation_delay_ms"), "table");
    for (size_t i = 0; table && i < table->count; i++) {
        int32_t cap = (int32_t)strtol(table->members[i].name.ptr, NULL, 10);
        const struct json *row = &table->members[i].value;
        if (!golden_begin(g, "successive_revocation_delay_ms, cap %d", (int)cap))
            continue;
        for (size_t n = 0; n < row->count; n++) {
            int64_t wanted = -1;
            golden_expect(g, json_i64(&row->items[n], &wanted), "no number");
            golden_same_int(g, "a delay", assignor_backoff(cap, (int32_t)n + 1), wanted);
        }
        golden_end(g);
    }
}

static bool listed(const struct json *list, struct kaftan_slice name)
{
    for (size_t i = 0; list && i < list->count; i++)
        if (slice_eq(list->items[i].text, name))
            return true;
    return false;
}

/* The configured connectors as a view; inconsistent ones have no tasks. */
static struct group_view view_of(struct golden *g, const struct json *in)
{
    const struct json *configured = golden_member(g, in, "configured"), *inconsistent = json_get(in, "inconsistent");
    struct group_view_connector *list = arena_alloc(g->arena, (configured->count + 1) * sizeof *list);
    for (size_t i = 0; i < configured->count; i++) {
        const struct json_member *m = &configured->members[i];
        int64_t tasks = 0;
        golden_expect(g, json_i64(&m->value, &tasks), "a connector without a number of tasks");
        list[i].name = arena_strndup(g->arena, m->name.ptr, m->name.len);
        list[i].task_count = listed(inconsistent, m->name) ? 0 : (int32_t)tasks;
    }
    return (struct group_view){ .config_offset = golden_int(g, in, "leader_config_offset"),
                                .connector_count = configured->count, .connectors = list };
}

/* A member's metadata, where it is given, must say the same as its claims. */
static void check_metadata(struct golden *g, const struct json *v, const struct leader_member *m)
{
    struct buf bytes = BUF_INIT;
    struct group_subscription s = { 0 };
    golden_hex(g, v, "metadata", &bytes);
    struct kaftan_error *err = group_read_subscription(buf_slice(&bytes), &s);
    if (golden_expect(g, !err, "%s's metadata: %s", m->id, err ? kaftan_error_message(err) : "")) {
        golden_same_text(g, "metadata's url", s.url, m->url);
        golden_same_int(g, "metadata's offset", s.config_offset, m->config_offset);
        golden_same_work(g, "metadata's claims", &s.allocation.work, json_get(v, "claims"));
    }
    kaftan_error_free(err);
    group_subscription_fini(&s);
    buf_fini(&bytes);
}

static struct leader_member *members_of(struct golden *g, const struct json *list)
{
    struct leader_member *m = mem_zalloc(list->count, sizeof *m);
    for (size_t i = 0; i < list->count; i++) {
        m[i].id = golden_text(g, &list->items[i], "id");
        m[i].url = golden_text(g, &list->items[i], "url");
        m[i].config_offset = golden_int(g, &list->items[i], "offset");
        golden_work(g, json_get(&list->items[i], "claims"), &m[i].claims);
        if (json_get(&list->items[i], "metadata"))
            check_metadata(g, &list->items[i], &m[i]);
    }
    return m;
}

static void check_answer(struct golden *g, const struct json *out, const struct leader_round *r, size_t m, const struct buf *bytes)
{
    const struct json *wanted = golden_member(g, golden_member(g, out, "assignments"), r->members[m].id);
    struct group_assignment a = { 0 };
    struct kaftan_error *err = group_read_assignment(buf_slice(bytes), &a);
    if (!golden_expect(g, !err, "%s", err ? kaftan_error_message(err) : "")) {
        kaftan_error_free(err);
        return;
    }
    golden_same_int(g, "error", a.error, golden_int(g, out, "error"));
    golden_same_int(g, "config_offset", a.config_offset, golden_int(g, out, "config_offset"));
    golden_same_int(g, "delay_ms", a.delay_ms, r->version == GROUP_EAGER ? 0 : golden_int(g, out, "delay_ms"));
    golden_same_text(g, "leader", a.leader, r->leader_id);
    golden_same_work(g, "assigned", &a.work, json_get(wanted, "assigned"));
    golden_same_work(g, "revoked", &a.revoked, json_get(wanted, "revoked"));
    if (json_get(wanted, "bytes")) {
        struct buf want = BUF_INIT;
        golden_hex(g, wanted, "bytes", &want);
        golden_same_bytes(g, "the answer", bytes, &want);
        buf_fini(&want);
    }
    group_assignment_fini(&a);
}

static void check_walk(struct golden *g, const struct json *walk, const struct leader_round *r)
{
    struct assignor_member *am = mem_zalloc(r->count, sizeof *am);
    size_t *order = mem_zalloc(r->count, sizeof *order);
    for (size_t i = 0; i < r->count; i++)
        am[i].id = r->members[i].id;
    assignor_walk_order(&(struct assignor_input){ .members = am, .count = r->count }, order);
    golden_same_int(g, "walk_order's length", (int64_t)r->count, (int64_t)walk->count);
    for (size_t i = 0; i < r->count && i < walk->count; i++)
        golden_expect(g, slice_eq_str(walk->items[i].text, r->members[order[i]].id), "walk_order: place %zu is %s", i,
                      r->members[order[i]].id);
    mem_free(am);
    mem_free(order);
}

static void check_state(struct golden *g, const struct json *wanted, const struct leader *l)
{
    struct assignor_state s = leader_state(l);
    const struct json *candidates = golden_member(g, wanted, "candidates");
    golden_same_int(g, "scheduled_ms", s.scheduled_ms, golden_int(g, wanted, "scheduled_ms"));
    golden_same_int(g, "revoked_in_previous", s.revoked_in_previous, golden_flag(wanted, "revoked_in_previous"));
    golden_same_int(g, "successive_revocations", s.successive, golden_int(g, wanted, "successive_revocations"));
    golden_same_int(g, "number of candidates", (int64_t)s.candidate_count, (int64_t)candidates->count);
    for (size_t i = 0; i < s.candidate_count && i < candidates->count; i++)
        golden_expect(g, slice_eq_str(candidates->items[i].text, s.candidates[i]), "candidate %zu is %s", i, s.candidates[i]);
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

static void check_round(struct golden *g, struct leader *l, const struct json *round, int16_t version)
{
    const struct json *in = golden_member(g, round, "in"), *out = golden_member(g, round, "out");
    const struct json *members = golden_member(g, in, "members"), *walk = json_get(round, "walk_order");
    struct group_view view = view_of(g, in), newer = view;
    struct leader_member *m = members_of(g, members);
    for (size_t i = 0; i < members->count; i++) /* unless it says otherwise, it is as new as the newest member */
        newer.config_offset = m[i].config_offset > newer.config_offset ? m[i].config_offset : newer.config_offset;
    if (json_get(in, "leader_fresh_offset"))
        newer.config_offset = golden_int(g, in, "leader_fresh_offset");
    struct leader_round r = { .version = version, .generation = (int32_t)golden_int(g, in, "generation"),
                              .last_completed = (int32_t)golden_int(g, in, "last_completed_generation"),
                              .now_ms = golden_int(g, in, "time_ms"), .leader_id = golden_text(g, in, "leader"),
                              .view = &view, .fresh = fresh_view, .fresh_free = keep_view, .self = &newer,
                              .members = m, .count = members->count };
    struct member_share *shares = NULL;
    struct buf *answers = leader_assign(l, &r, &shares);
    for (size_t i = 0; i < members->count; i++)
        check_answer(g, out, &r, i, &answers[i]);
    if (walk)
        check_walk(g, walk, &r);
    if (json_get(round, "state_after"))
        check_state(g, json_get(round, "state_after"), l);
    leader_shares_free(shares, members->count);
    leader_answers_free(answers, members->count);
    for (size_t i = 0; i < members->count; i++)
        work_list_fini(&m[i].claims);
    mem_free(m);
}

static void end_leader(void *l)
{
    leader_free(l);
}

static void check_sequence(struct golden *g, const struct json *s)
{
    struct map *leaders = map_new(end_leader); /* each member has a memory of its own */
    const struct json *rounds = golden_member(g, s, "rounds");
    int16_t version = group_protocol_version(slice_of(golden_text(g, s, "protocol")));
    golden_expect(g, version >= 0, "no protocol of ours");
    for (size_t r = 0; r < rounds->count && version >= 0 && !g->bad; r++) {
        const char *leader = golden_text(g, json_get(&rounds->items[r], "in"), "leader");
        if (!map_has(leaders, leader))
            map_put(leaders, leader, leader_new((int32_t)golden_int(g, s, "max_delay_ms"), false));
        check_round(g, map_get(leaders, leader), &rounds->items[r], version);
        golden_expect(g, !g->bad, "this was round %zu", r + 1); /* what follows cannot be right */
    }
    map_free(leaders);
}

void group_run_sequences(struct golden *g, const struct json *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!golden_begin(g, "%s", golden_text(g, &list->items[i], "name")))
            continue;
        check_sequence(g, &list->items[i]);
        golden_end(g);
    }
}
