/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/member.h"

#include <string.h>
#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/mem.h"
#include "group/wire.h"
#include "scene.h"

Test(member, joins_beats_and_leaves_in_every_encoding)
{
    static const struct coordinator_options brokers[] = {
        { .join = 9, .sync = 5, .heartbeat = 4, .leave = 5, .find = 6 },
        { .join = 7, .sync = 4, .heartbeat = 4, .leave = 4, .find = 3 },
        { .join = 5, .sync = 3, .heartbeat = 3, .leave = 3, .find = 2, .old_versions = true },
        { .join = 4, .sync = 2, .heartbeat = 2, .leave = 2, .find = 1, .old_versions = true },
    };
    for (size_t i = 0; i < COUNT_OF(brokers); i++)
        for (int16_t protocol = GROUP_EAGER; protocol <= GROUP_SESSIONED; protocol++) {
            static struct scene s;
            scene_start(&s, &brokers[i], protocol, 20000);
            const struct member_assignment *a = assigned(&s.ear, 1);
            cr_expect_eq(a->work.count, 3);
            cr_expect(a->is_leader);
            cr_expect_eq(a->protocol, protocol);
            cr_expect_eq(a->config_offset, 7);
            cr_expect_str_eq(a->leader_url, "http://w1:8083/");
            cr_expect_gt(member_owned_until(s.member), 0);
            wait_count(&s, WIRE_HEARTBEAT, 2);
            member_stop(s.member);
            cr_expect_eq(coordinator_count(s.coordinator, WIRE_LEAVE_GROUP), 1);
            scene_end(&s);
        }
}

Test(member, a_changed_config_is_dealt_out_in_the_next_round)
{
    static struct scene s;
    scene_start(&s, &scene_newest, GROUP_SESSIONED, 20000);
    wait_for(&s.ear, &s.ear.assigned, 1);
    lock_take(&s.ear.lock);
    s.ear.tasks = 4;
    s.ear.offset = 9;
    lock_release(&s.ear.lock);
    member_rejoin(s.member, "configs have changed");
    cr_expect_eq(assigned(&s.ear, 2)->work.count, 5);
    cr_expect_eq(assigned(&s.ear, 2)->config_offset, 9);
    cr_expect_eq(assigned(&s.ear, 2)->generation, 2);
    cr_expect_eq(heard(&s.ear, &s.ear.lost), 0);
    /* fewer tasks: some are revoked, and the round after that waits for the herder */
    lock_take(&s.ear.lock);
    s.ear.tasks = 1;
    s.ear.offset = 10;
    lock_release(&s.ear.lock);
    member_rejoin(s.member, "configs have changed");
    cr_expect_eq(assigned(&s.ear, 3)->revoked.count, 3);
    cr_expect_eq(assigned(&s.ear, 3)->work.count, 2);
    member_revoked(s.member);
    cr_expect_eq(assigned(&s.ear, 4)->revoked.count, 0);
    cr_expect_eq(assigned(&s.ear, 4)->work.count, 2);
    scene_end(&s);
}

Test(member, errors_that_pass)
{
    static const struct { int api; int16_t error; bool loses; } cases[] = {
        { WIRE_HEARTBEAT, WIRE_REBALANCE_IN_PROGRESS, false },
        { WIRE_HEARTBEAT, WIRE_ILLEGAL_GENERATION, false },
        { WIRE_HEARTBEAT, WIRE_UNKNOWN_MEMBER_ID, true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct scene s;
        scene_start(&s, &scene_newest, GROUP_SESSIONED, 20000);
        wait_for(&s.ear, &s.ear.assigned, 1);
        coordinator_bend(s.coordinator, cases[i].api, cases[i].error);
        if (cases[i].loses) {
            wait_for(&s.ear, &s.ear.lost, 1);
            member_revoked(s.member);
        }
        cr_expect_eq(assigned(&s.ear, 2)->work.count, 3, "it has its work at once");
        cr_expect_eq(assigned(&s.ear, 2)->delay_ms, 0);
        cr_expect_eq(heard(&s.ear, &s.ear.lost), cases[i].loses);
        scene_end(&s);
    }
}

Test(member, errors_while_joining_that_pass)
{
    static const struct { int api; int16_t error; } cases[] = {
        { WIRE_FIND_COORDINATOR, WIRE_COORDINATOR_NOT_AVAILABLE }, { WIRE_JOIN_GROUP, WIRE_COORDINATOR_LOAD_IN_PROGRESS },
        { WIRE_JOIN_GROUP, WIRE_NOT_COORDINATOR },                 { WIRE_JOIN_GROUP, WIRE_REBALANCE_IN_PROGRESS },
        { WIRE_JOIN_GROUP, WIRE_UNKNOWN_MEMBER_ID },               { WIRE_SYNC_GROUP, WIRE_REBALANCE_IN_PROGRESS },
        { WIRE_SYNC_GROUP, WIRE_NOT_COORDINATOR },                 { WIRE_SYNC_GROUP, WIRE_COORDINATOR_LOAD_IN_PROGRESS },
        { WIRE_SYNC_GROUP, WIRE_ILLEGAL_GENERATION },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct scene s;
        scene_start(&s, &scene_newest, GROUP_SESSIONED, 20000);
        wait_for(&s.ear, &s.ear.assigned, 1);
        coordinator_bend(s.coordinator, cases[i].api, cases[i].error);
        if (cases[i].api == WIRE_FIND_COORDINATOR)
            coordinator_cut(s.coordinator);
        member_rejoin(s.member, "test");
        if (cases[i].error == WIRE_UNKNOWN_MEMBER_ID) {
            wait_for(&s.ear, &s.ear.lost, 1);
            member_revoked(s.member);
        }
        cr_expect_eq(assigned(&s.ear, 2)->work.count, 3);
        cr_expect_eq(heard(&s.ear, &s.ear.fatal), 0);
        scene_end(&s);
    }
}

Test(member, errors_that_end_the_worker)
{
    static const struct { int api; int16_t error; const char *part; } cases[] = {
        { WIRE_JOIN_GROUP, WIRE_INCONSISTENT_GROUP_PROTOCOL, "speak another protocol (error 23)" },
        { WIRE_JOIN_GROUP, WIRE_INVALID_SESSION_TIMEOUT, "session timeout (error 26)" },
        { WIRE_JOIN_GROUP, WIRE_GROUP_AUTHORIZATION_FAILED, "not authorized" },
        { WIRE_JOIN_GROUP, WIRE_GROUP_MAX_SIZE_REACHED, "full" },
        { WIRE_FIND_COORDINATOR, WIRE_GROUP_AUTHORIZATION_FAILED, "not authorized" },
        { WIRE_SYNC_GROUP, WIRE_UNKNOWN_SERVER_ERROR, "unexpected error" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        static struct scene s;
        scene_start(&s, &scene_newest, GROUP_SESSIONED, 20000);
        wait_for(&s.ear, &s.ear.assigned, 1);
        coordinator_bend(s.coordinator, cases[i].api, cases[i].error);
        if (cases[i].api == WIRE_FIND_COORDINATOR)
            coordinator_cut(s.coordinator);
        member_rejoin(s.member, "test");
        wait_for(&s.ear, &s.ear.fatal, 1);
        cr_expect(strstr(s.ear.fatal_text, cases[i].part), "%s", s.ear.fatal_text);
        cr_expect_eq(member_owned_until(s.member), 0);
        scene_end(&s);
    }
}

Test(member, a_cut_connection_costs_no_work)
{
    static struct scene s;
    scene_start(&s, &scene_newest, GROUP_SESSIONED, 20000);
    wait_for(&s.ear, &s.ear.assigned, 1);
    for (unsigned i = 1; i <= 3; i++) {
        coordinator_cut(s.coordinator);
        wait_count(&s, WIRE_FIND_COORDINATOR, 1 + i); /* the old connections are closed by now */
        int64_t owned = member_owned_until(s.member), deadline = clock_mono_ms() + GENEROUS_MS;
        wait_count(&s, WIRE_HEARTBEAT, coordinator_count(s.coordinator, WIRE_HEARTBEAT) + 1); /* and a new one is in use */
        while (member_owned_until(s.member) <= owned && clock_mono_ms() < deadline)
            look_again(&s.ear);
        cr_expect_gt(member_owned_until(s.member), owned, "heartbeats go on over a new connection");
    }
    cr_expect_eq(heard(&s.ear, &s.ear.assigned), 1);
    cr_expect_eq(heard(&s.ear, &s.ear.lost), 0);
    scene_end(&s);
}

Test(member, ownership_runs_out_without_answers)
{
    static struct scene s;
    scene_start(&s, &scene_newest, GROUP_SESSIONED, 1500);
    wait_for(&s.ear, &s.ear.assigned, 1);
    coordinator_mute(s.coordinator, true);
    wait_for(&s.ear, &s.ear.lost, 1);
    cr_expect_eq(member_owned_until(s.member), 0);
    coordinator_mute(s.coordinator, false);
    member_revoked(s.member);
    cr_expect_eq(assigned(&s.ear, 2)->work.count, 3);
    cr_expect_eq(assigned(&s.ear, 2)->delay_ms, 0);
    scene_end(&s);
}

Test(member, eager_gives_all_up_first_and_owns_it_until_then)
{
    static struct scene s;
    scene_start(&s, &scene_newest, GROUP_EAGER, 20000);
    wait_for(&s.ear, &s.ear.assigned, 1);
    for (unsigned round = 1; round <= 2; round++) {
        if (round == 1) /* ours to begin, or the group's */
            member_rejoin(s.member, "configs have changed");
        else
            coordinator_bend(s.coordinator, WIRE_HEARTBEAT, WIRE_REBALANCE_IN_PROGRESS);
        wait_for(&s.ear, &s.ear.lost, round);
        unsigned joins = coordinator_count(s.coordinator, WIRE_JOIN_GROUP), beats = coordinator_count(s.coordinator, WIRE_HEARTBEAT);
        int64_t deadline = clock_mono_ms() + GENEROUS_MS;
        while (coordinator_count(s.coordinator, WIRE_HEARTBEAT) < beats + 2 && clock_mono_ms() < deadline)
            look_again(&s.ear);
        cr_expect_gt(s.ear.owned_at_loss, clock_mono_ms(), "while it is stopped, the work is still this worker's");
        cr_expect_geq(coordinator_count(s.coordinator, WIRE_HEARTBEAT), beats + 2, "and the group hears so");
        cr_expect_eq(coordinator_count(s.coordinator, WIRE_JOIN_GROUP), joins, "nothing is joined before all is stopped");
        member_revoked(s.member);
        cr_expect_eq(assigned(&s.ear, 1 + round)->work.count, 3);
    }
    scene_end(&s);
}

Test(member, eager_thrown_out_owns_nothing_while_it_stops)
{
    static struct scene s;
    scene_start(&s, &scene_newest, GROUP_EAGER, 20000);
    wait_for(&s.ear, &s.ear.assigned, 1);
    member_rejoin(s.member, "configs have changed");
    wait_for(&s.ear, &s.ear.lost, 1);
    coordinator_bend(s.coordinator, WIRE_HEARTBEAT, WIRE_UNKNOWN_MEMBER_ID);
    int64_t deadline = clock_mono_ms() + GENEROUS_MS;
    while (member_owned_until(s.member) != 0 && clock_mono_ms() < deadline)
        look_again(&s.ear);
    cr_expect_eq(member_owned_until(s.member), 0);
    member_revoked(s.member);
    wait_for(&s.ear, &s.ear.assigned, 2);
    scene_end(&s);
}

Test(member, leaves_and_comes_back)
{
    static struct scene s;
    scene_start(&s, &scene_newest, GROUP_SESSIONED, 20000);
    wait_for(&s.ear, &s.ear.assigned, 1);
    member_leave(s.member);
    member_rejoin(s.member, "the configs can be read again");
    cr_expect_eq(assigned(&s.ear, 2)->work.count, 3);
    cr_expect_eq(coordinator_claims(s.coordinator), 3, "it still runs");
    scene_end(&s);
}

/* Out of the group the herder may give up its work unasked; then nothing of it is claimed. */
Test(member, what_was_given_up_outside_is_not_claimed)
{
    static struct scene s;
    scene_start(&s, &scene_newest, GROUP_SESSIONED, 20000);
    wait_for(&s.ear, &s.ear.assigned, 1);
    member_leave(s.member);
    member_revoked(s.member);
    member_rejoin(s.member, "the configs can be read again");
    cr_expect_eq(assigned(&s.ear, 2)->work.count, 3);
    cr_expect_eq(coordinator_claims(s.coordinator), 0);
    scene_end(&s);
}
