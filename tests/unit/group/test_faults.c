/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brokers and members that are wrong (group-protocol.md 8, 9, 16): a damaged
 * answer costs a connection and never the membership, the work or the process.
 */
#include "config.h"

#include <string.h>
#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "group/codec.h"
#include "group/wire.h"
#include "scene.h"

/* ---- answers that are damaged ---- */

static void wait_damaged(struct scene *s)
{
    int64_t deadline = clock_mono_ms() + GENEROUS_MS;
    while (!coordinator_damaged(s->coordinator) && clock_mono_ms() < deadline)
        look_again(&s->ear);
    cr_assert(coordinator_damaged(s->coordinator), "nobody asked");
}

/* Has the member ask for it, lets the answer be damaged, and sees that all goes on: with the same work, without a loss. */
static void one_damage(struct scene *s, int api, enum damage how, uint32_t at)
{
    bool round = api == WIRE_JOIN_GROUP || api == WIRE_SYNC_GROUP || api == WIRE_LEAVE_GROUP;
    unsigned before = heard(&s->ear, &s->ear.assigned);
    coordinator_damage(s->coordinator, api, how, at);
    if (api == WIRE_LEAVE_GROUP)
        member_leave(s->member);
    if (api == WIRE_API_VERSIONS || api == WIRE_FIND_COORDINATOR)
        coordinator_cut(s->coordinator);
    if (round)
        member_rejoin(s->member, "test");
    wait_damaged(s);
    if (round)
        cr_assert_eq(assigned(&s->ear, before + 1)->work.count, 3, "request %d, damage %d at %u", api, (int)how, (unsigned)at);
    else
        wait_count(s, WIRE_HEARTBEAT, coordinator_count(s->coordinator, WIRE_HEARTBEAT) + 1);
    cr_assert_eq(heard(&s->ear, &s->ear.fatal), 0, "request %d, damage %d at %u: %s", api, (int)how, (unsigned)at, s->ear.fatal_text);
    cr_assert_eq(heard(&s->ear, &s->ear.lost), 0, "request %d, damage %d at %u", api, (int)how, (unsigned)at);
}

static void every_byte(int api, enum damage how)
{
    struct scene *s = mem_zalloc(1, sizeof *s);
    log_setup(LOG_ERROR, false);
    scene_start(s, &scene_newest, GROUP_SESSIONED, 60000);
    cr_assert_eq(assigned(&s->ear, 1)->work.count, 3);
    wait_count(s, WIRE_HEARTBEAT, 1);
    uint32_t length = coordinator_length(s->coordinator, api);
    if (api == WIRE_LEAVE_GROUP) {
        member_leave(s->member);
        member_rejoin(s->member, "test");
        (void)assigned(&s->ear, 2);
        length = coordinator_length(s->coordinator, api);
    }
    cr_assert_geq(length, 4);
    for (uint32_t at = 0; at < length; at++)
        one_damage(s, api, how, at);
    scene_end(s);
    mem_free(s);
}

TestSuite(faults, .timeout = 300);

Test(faults, versions_end_early) { every_byte(WIRE_API_VERSIONS, DAMAGE_SHORT); }
Test(faults, versions_are_cut) { every_byte(WIRE_API_VERSIONS, DAMAGE_CUT); }
Test(faults, coordinator_answer_ends_early) { every_byte(WIRE_FIND_COORDINATOR, DAMAGE_SHORT); }
Test(faults, coordinator_answer_is_cut) { every_byte(WIRE_FIND_COORDINATOR, DAMAGE_CUT); }
Test(faults, join_ends_early) { every_byte(WIRE_JOIN_GROUP, DAMAGE_SHORT); }
Test(faults, join_is_cut) { every_byte(WIRE_JOIN_GROUP, DAMAGE_CUT); }
Test(faults, sync_ends_early) { every_byte(WIRE_SYNC_GROUP, DAMAGE_SHORT); }
Test(faults, sync_is_cut) { every_byte(WIRE_SYNC_GROUP, DAMAGE_CUT); }
Test(faults, heartbeat_ends_early) { every_byte(WIRE_HEARTBEAT, DAMAGE_SHORT); }
Test(faults, heartbeat_is_cut) { every_byte(WIRE_HEARTBEAT, DAMAGE_CUT); }
Test(faults, leave_ends_early) { every_byte(WIRE_LEAVE_GROUP, DAMAGE_SHORT); }

Test(faults, sizes_and_numbers_that_are_wrong)
{
    static const int apis[] = { WIRE_API_VERSIONS, WIRE_FIND_COORDINATOR, WIRE_JOIN_GROUP, WIRE_SYNC_GROUP, WIRE_HEARTBEAT };
    static const struct { enum damage how; uint32_t at; } cases[] = {
        { DAMAGE_SIZE, WIRE_FRAME_LIMIT + 1 }, { DAMAGE_SIZE, INT32_MAX }, { DAMAGE_SIZE, 0x80000000u }, { DAMAGE_SIZE, UINT32_MAX },
        { DAMAGE_SIZE, 0 },                    { DAMAGE_SIZE, 3 },         { DAMAGE_CORRELATION, 0 },
    };
    struct scene *s = mem_zalloc(1, sizeof *s);
    log_setup(LOG_ERROR, false);
    scene_start(s, &scene_newest, GROUP_SESSIONED, 60000);
    (void)assigned(&s->ear, 1);
    for (size_t a = 0; a < COUNT_OF(apis); a++)
        for (size_t i = 0; i < COUNT_OF(cases); i++)
            one_damage(s, apis[a], cases[i].how, cases[i].at);
    /* a longer answer is a newer broker's: what is not known is left alone */
    for (size_t a = 0; a < COUNT_OF(apis); a++)
        one_damage(s, apis[a], DAMAGE_LONG, 17);
    scene_end(s);
    mem_free(s);
}

/* Until the member has come through, whatever the answer now says. True: it is fatal, which is an end, too. */
static bool comes_through(struct scene *s, unsigned before, unsigned beats, bool round)
{
    int64_t deadline = clock_mono_ms() + GENEROUS_MS;
    unsigned lost = 0;
    while (clock_mono_ms() < deadline) {
        if (heard(&s->ear, &s->ear.fatal))
            return true;
        if (heard(&s->ear, &s->ear.lost) > lost || heard(&s->ear, &s->ear.assigned) > before)
            member_revoked(s->member); /* of work that a damaged answer revoked, perhaps */
        lost = heard(&s->ear, &s->ear.lost);
        if (round ? heard(&s->ear, &s->ear.assigned) > before : coordinator_count(s->coordinator, WIRE_HEARTBEAT) > beats + 1)
            return false;
        look_again(&s->ear);
    }
    cr_assert_fail("it hangs");
    return true;
}

/* Any byte may be another one: nothing may crash or hang. */
static void flipped(int api)
{
    struct scene *s = mem_zalloc(1, sizeof *s);
    uint32_t length = 1;
    bool up = false, round = api == WIRE_JOIN_GROUP || api == WIRE_SYNC_GROUP;
    log_setup(LOG_ERROR, false);
    for (uint32_t at = 0; at < length; at++) {
        if (!up) {
            scene_start(s, &scene_newest, GROUP_SESSIONED, 60000);
            (void)assigned(&s->ear, 1);
            wait_count(s, WIRE_HEARTBEAT, 1);
            length = coordinator_length(s->coordinator, api);
            up = true;
        }
        unsigned before = heard(&s->ear, &s->ear.assigned), beats = coordinator_count(s->coordinator, WIRE_HEARTBEAT);
        coordinator_damage(s->coordinator, api, DAMAGE_FLIP, at);
        if (round)
            member_rejoin(s->member, "test");
        else if (api != WIRE_HEARTBEAT)
            coordinator_cut(s->coordinator);
        wait_damaged(s);
        (void)comes_through(s, before, beats, round);
        s->forgiving = true;
        scene_end(s);
        up = false;
    }
    if (up)
        scene_end(s);
    mem_free(s);
}

Test(faults, flipped_versions) { flipped(WIRE_API_VERSIONS); }
Test(faults, flipped_coordinator_answer) { flipped(WIRE_FIND_COORDINATOR); }
Test(faults, flipped_join) { flipped(WIRE_JOIN_GROUP); }
Test(faults, flipped_sync) { flipped(WIRE_SYNC_GROUP); }
Test(faults, flipped_heartbeat) { flipped(WIRE_HEARTBEAT); }

/* ---- answers that are whole, and wrong ---- */

Test(faults, heartbeats_that_are_refused_cost_nothing)
{
    static const int16_t errors[] = { WIRE_COORDINATOR_LOAD_IN_PROGRESS, WIRE_COORDINATOR_NOT_AVAILABLE, WIRE_NOT_COORDINATOR,
                                      WIRE_GROUP_AUTHORIZATION_FAILED, WIRE_UNKNOWN_SERVER_ERROR, WIRE_FENCED_INSTANCE_ID };
    struct scene *s = mem_zalloc(1, sizeof *s);
    scene_start(s, &scene_newest, GROUP_SESSIONED, 60000);
    (void)assigned(&s->ear, 1);
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        unsigned beats = coordinator_count(s->coordinator, WIRE_HEARTBEAT);
        coordinator_bend(s->coordinator, WIRE_HEARTBEAT, errors[i]);
        wait_count(s, WIRE_HEARTBEAT, beats + 3);
    }
    cr_expect_eq(heard(&s->ear, &s->ear.assigned), 1);
    cr_expect_eq(heard(&s->ear, &s->ear.lost), 0);
    cr_expect_eq(heard(&s->ear, &s->ear.fatal), 0);
    scene_end(s);
    mem_free(s);
}

Test(faults, an_address_that_is_none_is_asked_for_again)
{
    static const struct { const char *host; int32_t port; } cases[] = {
        { "127.0.0.1", -1 }, { "127.0.0.1", 65536 }, { "", 9092 }, { "a b", 9092 }, { "\x01\xff", 9092 },
    };
    struct scene *s = mem_zalloc(1, sizeof *s);
    scene_start(s, &scene_newest, GROUP_SESSIONED, 60000);
    (void)assigned(&s->ear, 1);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        unsigned finds = coordinator_count(s->coordinator, WIRE_FIND_COORDINATOR);
        coordinator_found(s->coordinator, cases[i].host, cases[i].port);
        coordinator_cut(s->coordinator);
        wait_count(s, WIRE_FIND_COORDINATOR, finds + 2);
        wait_count(s, WIRE_HEARTBEAT, coordinator_count(s->coordinator, WIRE_HEARTBEAT) + 1);
    }
    cr_expect_eq(heard(&s->ear, &s->ear.lost), 0);
    cr_expect_eq(heard(&s->ear, &s->ear.fatal), 0, "%s", s->ear.fatal_text);
    scene_end(s);
    mem_free(s);
}

/* Another kind of group, or another protocol than the one agreed on: for Java and for us the end. */
Test(faults, another_protocol_under_our_group_id)
{
    static const struct { const char *type, *name, *sync; } cases[] = {
        { "consumer", NULL, NULL }, { NULL, "range", NULL }, { NULL, "", "default" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scene *s = mem_zalloc(1, sizeof *s);
        scene_start(s, &scene_newest, GROUP_SESSIONED, 60000);
        (void)assigned(&s->ear, 1);
        if (cases[i].sync)
            coordinator_sync_as(s->coordinator, cases[i].sync);
        else
            coordinator_speak(s->coordinator, cases[i].type, cases[i].name);
        member_rejoin(s->member, "test");
        wait_for(&s->ear, &s->ear.fatal, 1);
        cr_expect_not_null(strstr(s->ear.fatal_text, "speak another protocol (error 23)"), "%s", s->ear.fatal_text);
        cr_expect_eq(member_owned_until(s->member), 0);
        scene_end(s);
        mem_free(s);
    }
}

Test(faults, an_assignment_that_cannot_be_read_is_asked_for_again)
{
    static const char short_one[] = { 0, 2, 0, 0, 0, 9, 'm' }, odd_version[] = { (char)0xff, (char)0xff, 0, 0 };
    const struct { const char *bytes; size_t len; } cases[] = {
        { "", 0 }, { short_one, sizeof short_one }, { odd_version, sizeof odd_version },
    };
    struct scene *s = mem_zalloc(1, sizeof *s);
    scene_start(s, &scene_newest, GROUP_SESSIONED, 60000);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        (void)assigned(&s->ear, (unsigned)i + 1);
        coordinator_assign(s->coordinator, cases[i].bytes, cases[i].len);
        member_rejoin(s->member, "test");
        cr_expect_eq(assigned(&s->ear, (unsigned)i + 2)->work.count, 3);
    }
    cr_expect_eq(heard(&s->ear, &s->ear.lost), 0);
    cr_expect_eq(heard(&s->ear, &s->ear.fatal), 0);
    scene_end(s);
    mem_free(s);
}

/* ---- other members ---- */

/* It claims nothing and may have work; the work here does not stop for it. */
Test(faults, a_member_whose_metadata_cannot_be_read)
{
    struct buf good = BUF_INIT;
    struct scene *s = mem_zalloc(1, sizeof *s);
    scene_start(s, &scene_newest, GROUP_SESSIONED, 60000);
    (void)assigned(&s->ear, 1);
    group_put_subscription(&good, GROUP_SESSIONED, "http://w2:8083/", 7, NULL);
    unsigned n = 1;
    for (size_t len = 1; len < good.len; len++) {
        coordinator_other(s->coordinator, good.data, len);
        member_rejoin(s->member, "test");
        const struct member_assignment *a = assigned(&s->ear, ++n);
        cr_expect_eq(a->error, 0);
        cr_expect_eq(a->member_count, 2);
        if (a->revoked.count > 0) { /* the other one's share, as for any member that claims nothing */
            member_revoked(s->member);
            (void)assigned(&s->ear, ++n);
        }
    }
    cr_expect_eq(heard(&s->ear, &s->ear.lost), 0);
    cr_expect_eq(heard(&s->ear, &s->ear.fatal), 0);
    scene_end(s);
    buf_fini(&good);
    mem_free(s);
}

static atomic_uint warnings;

static void count_warning(void *self, enum log_level level, const char *line)
{
    (void)self, (void)level;
    if (strstr(line, "two clusters use one group.id") && strstr(line, "http://other:8083/"))
        atomic_fetch_add(&warnings, 1);
}

/* Its workers have read what ours never will: every round says so, the work goes on, and it is named once. */
Test(faults, two_clusters_under_one_group_id)
{
    struct buf b = BUF_INIT;
    struct scene *s = mem_zalloc(1, sizeof *s);
    log_setup(LOG_INFO, false);
    log_catch(count_warning, NULL);
    scene_start(s, &scene_newest, GROUP_SESSIONED, 60000);
    cr_expect_eq(assigned(&s->ear, 1)->work.count, 3);
    group_put_subscription(&b, GROUP_SESSIONED, "http://other:8083/", 1000, NULL);
    coordinator_other(s->coordinator, b.data, b.len);
    member_rejoin(s->member, "test");
    for (unsigned n = 2; n < 10; n++) {
        const struct member_assignment *a = assigned(&s->ear, n);
        cr_expect_eq(a->error, GROUP_CONFIG_MISMATCH);
        cr_expect_eq(a->config_offset, 1000);
        cr_expect_eq(a->work.count, 3, "the old work goes on");
        cr_expect_eq(a->revoked.count, 0);
        member_rejoin(s->member, "as the herder does");
    }
    unsigned n = heard(&s->ear, &s->ear.assigned);
    coordinator_other(s->coordinator, "", 0);
    member_rejoin(s->member, "it is gone");
    while (assigned(&s->ear, ++n)->error != 0)
        member_rejoin(s->member, "as the herder does");
    cr_expect_eq(assigned(&s->ear, n)->work.count, 3);
    cr_expect_eq(heard(&s->ear, &s->ear.lost), 0);
    scene_end(s);
    log_catch(NULL, NULL);
    cr_expect_eq(atomic_load(&warnings), 1);
    buf_fini(&b);
    mem_free(s);
}

/* A member may claim anything: negative tasks, the same twice, work that nobody has heard of, what others run. */
Test(faults, claims_that_make_no_sense)
{
    struct buf b = BUF_INIT;
    struct group_assignment claims = { .version = GROUP_SESSIONED, .leader = mem_strdup("x"), .leader_url = mem_strdup("y") };
    struct scene *s = mem_zalloc(1, sizeof *s);
    static const struct { const char *connector; int32_t task; } odd[] = {
        { "A", -1 }, { "A", -1 }, { "A", INT32_MAX }, { "A", INT32_MIN }, { "A", 0 }, { "", 0 }, { "nobody", 5 }, { "nobody", -7 },
    };
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        work_list_add(&claims.work, odd[i].connector, odd[i].task);
    group_put_subscription(&b, GROUP_SESSIONED, "http://w2:8083/", 7, &claims);
    scene_start(s, &scene_newest, GROUP_SESSIONED, 60000);
    (void)assigned(&s->ear, 1);
    coordinator_other(s->coordinator, b.data, b.len);
    for (unsigned n = 2; n < 8; n++) {
        member_rejoin(s->member, "test");
        const struct member_assignment *a = assigned(&s->ear, n);
        cr_expect_eq(a->error, 0);
        if (a->revoked.count > 0) {
            member_revoked(s->member);
            (void)assigned(&s->ear, ++n);
        }
    }
    cr_expect_eq(heard(&s->ear, &s->ear.fatal), 0);
    scene_end(s);
    group_assignment_fini(&claims);
    buf_fini(&b);
    mem_free(s);
}
