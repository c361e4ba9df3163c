/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/assignor.h"

#include <string.h>
#include <criterion/criterion.h>

#include "base/mem.h"
#include "group/codec.h"
#include "group/leader.h"
#include "group/member.h"
#include "vectors/group.h"

Test(assignor, sequences_equal_to_java)
{
    cr_assert_eq(golden_file("group-assignor.json", group_sections), 0);
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
