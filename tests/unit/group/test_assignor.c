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
    struct member_share *shares = NULL;
    struct buf *answers = leader_assign(l, &r, &shares);
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
    leader_shares_free(shares, members->count);
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

/* ---- workers that come back (not Java's: the step before the assignor) ---- */

static const struct group_view_connector two[] = { { "A", 4 }, { "B", 1 } };
static const struct group_view both = { .config_offset = 5, .connector_count = 2, .connectors = two };

struct cluster {
    struct leader *leader;
    int32_t generation;
    int64_t now_ms;
    struct leader_member members[4];
    size_t count;
    struct group_assignment told[4];
};

/* One round; members then hold what they were told. Returns the delay. */
static int32_t play(struct cluster *c, const struct group_view *view)
{
    struct leader_round r = { .version = GROUP_SESSIONED, .generation = c->generation + 1, .last_completed = c->generation,
                              .now_ms = c->now_ms, .leader_id = c->members[0].id, .view = view, .members = c->members,
                              .count = c->count };
    struct member_share *shares = NULL;
    struct buf *answers = leader_assign(c->leader, &r, &shares);
    c->generation++;
    cr_assert_not_null(shares);
    for (size_t i = 0; i < c->count; i++) {
        group_assignment_fini(&c->told[i]);
        cr_assert_null(group_read_assignment(buf_slice(&answers[i]), &c->told[i]));
        work_list_remove(&c->members[i].claims, &c->told[i].revoked);
        work_list_copy(&c->members[i].claims, &c->told[i].work);
        cr_expect_str_eq(shares[i].url, c->members[i].url);
        cr_expect_eq(shares[i].work.count, c->members[i].claims.count);
        for (size_t w = 0; w < shares[i].work.count; w++)
            cr_expect(work_list_has(&c->members[i].claims, shares[i].work.items[w].connector, shares[i].work.items[w].task));
    }
    leader_shares_free(shares, c->count);
    leader_answers_free(answers, c->count);
    return c->told[0].delay_ms;
}

static void leave_group(struct cluster *c, size_t i)
{
    work_list_fini(&c->members[i].claims);
    for (; i + 1 < c->count; i++)
        c->members[i] = c->members[i + 1];
    c->members[--c->count] = (struct leader_member){ 0 };
}

static void end(struct cluster *c)
{
    for (size_t i = 0; i < COUNT_OF(c->members); i++) {
        work_list_fini(&c->members[i].claims);
        group_assignment_fini(&c->told[i]);
    }
    leader_free(c->leader);
}

static void expect_text(const struct work_list *l, const char *wanted)
{
    struct buf text = BUF_INIT;
    work_text(l, &text);
    cr_expect_str_eq(buf_text(&text), wanted, "%s, wanted %s", buf_text(&text), wanted);
    buf_fini(&text);
}

Test(leader, a_lone_worker_that_comes_back_to_itself)
{
    struct cluster c = { .leader = leader_new(300000, true), .now_ms = 1000, .count = 1 };
    c.members[0] = (struct leader_member){ .id = "m1", .url = "http://w1/", .config_offset = 5 };
    cr_expect_eq(play(&c, &both), 0);
    expect_text(&c.members[0].claims, "A/-1 A/0 A/1 A/2 A/3 B/-1 B/0");
    /* cut off for longer than its session: a new id, its work stopped */
    work_list_fini(&c.members[0].claims);
    c.members[0].id = "m2";
    cr_expect_eq(play(&c, &both), 0, "no delay");
    cr_expect_eq(c.members[0].claims.count, 7);
    cr_expect_eq(c.told[0].revoked.count, 0);
    end(&c);
}

Test(leader, a_worker_that_returns_gets_its_own_work)
{
    struct cluster c = { .leader = leader_new(300000, true), .now_ms = 1000, .count = 3 };
    struct buf before = BUF_INIT;
    c.members[0] = (struct leader_member){ .id = "m1", .url = "http://w1/", .config_offset = 5 };
    c.members[1] = (struct leader_member){ .id = "m2", .url = "http://w2/", .config_offset = 5 };
    c.members[2] = (struct leader_member){ .id = "m3", .url = "http://w3/", .config_offset = 5 };
    cr_expect_eq(play(&c, &both), 0);
    work_text(&c.members[1].claims, &before);
    cr_assert_gt(c.members[1].claims.count, 0);
    leave_group(&c, 1);
    cr_expect_eq(play(&c, &both), 300000, "it may come back");
    c.now_ms += 5000;
    c.members[c.count++] = (struct leader_member){ .id = "m4", .url = "http://w2/", .config_offset = 5 };
    cr_expect_eq(play(&c, &both), 0, "it has come back");
    expect_text(&c.members[2].claims, buf_text(&before));
    for (size_t i = 0; i < c.count; i++)
        cr_expect_eq(c.told[i].revoked.count, 0);
    buf_fini(&before);
    end(&c);
}

Test(leader, a_stranger_has_to_wait_and_deleted_work_is_not_given_back)
{
    static const struct group_view only_a = { .config_offset = 5, .connector_count = 1, .connectors = two };
    struct cluster c = { .leader = leader_new(300000, true), .now_ms = 1000, .count = 2 };
    c.members[0] = (struct leader_member){ .id = "m1", .url = "http://w1/", .config_offset = 5 };
    c.members[1] = (struct leader_member){ .id = "m2", .url = "http://w2/", .config_offset = 5 };
    cr_expect_eq(play(&c, &both), 0);
    leave_group(&c, 1);
    cr_expect_eq(play(&c, &both), 300000);
    c.now_ms += 1000;
    c.members[c.count++] = (struct leader_member){ .id = "m3", .url = "http://w3/", .config_offset = 5 };
    cr_expect_eq(play(&c, &both), 299000, "another worker does not end the delay");
    c.now_ms += 1000;
    c.members[c.count++] = (struct leader_member){ .id = "m4", .url = "http://w2/", .config_offset = 5 };
    (void)play(&c, &only_a);
    for (size_t i = 0; i < c.members[2].claims.count; i++)
        cr_expect_str_eq(c.members[2].claims.items[i].connector, "A");
    end(&c);
}
