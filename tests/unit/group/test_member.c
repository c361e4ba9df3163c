/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/member.h"

#include <stdio.h>
#include <string.h>
#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "coordinator.h"
#include "group/member_int.h"

enum { GENEROUS_MS = 60000, ASSIGNMENTS = 16 };

/* What the member told its herder; the test waits for it. */
struct ear {
    struct lock lock; /* all of it, but `all` below `assigned`, which stays as it is until the scene ends */
    struct cond news;
    unsigned assigned, lost, fatal;
    struct member_assignment *all[ASSIGNMENTS]; /* in order */
    char fatal_text[256];
    int64_t offset;
    int32_t tasks;
};

static struct group_view *on_view(void *self)
{
    struct ear *e = self;
    struct group_view *v = mem_zalloc(1, sizeof *v);
    struct group_view_connector *c = mem_zalloc(1, sizeof *c);
    lock_take(&e->lock);
    *c = (struct group_view_connector){ "A", e->tasks };
    *v = (struct group_view){ .config_offset = e->offset, .connector_count = 1, .connectors = c };
    lock_release(&e->lock);
    return v;
}

static void on_view_free(void *self, struct group_view *v)
{
    (void)self;
    mem_free((void *)(uintptr_t)v->connectors);
    mem_free(v);
}

static void on_assigned(void *self, struct member_assignment *a)
{
    struct ear *e = self;
    lock_take(&e->lock);
    ASSERT(e->assigned < ASSIGNMENTS);
    e->all[e->assigned++] = a;
    cond_wake_all(&e->news);
    lock_release(&e->lock);
}

static void on_lost(void *self)
{
    struct ear *e = self;
    lock_take(&e->lock);
    e->lost++;
    cond_wake_all(&e->news);
    lock_release(&e->lock);
}

static void on_fatal(void *self, struct kaftan_error *err)
{
    struct ear *e = self;
    lock_take(&e->lock);
    e->fatal++;
    (void)snprintf(e->fatal_text, sizeof e->fatal_text, "%s", kaftan_error_message(err));
    cond_wake_all(&e->news);
    lock_release(&e->lock);
    kaftan_error_free(err);
}

/* Waits until the counter has reached `n`. */
static void wait_for(struct ear *e, const unsigned *counter, unsigned n)
{
    int64_t deadline = clock_mono_ms() + GENEROUS_MS;
    lock_take(&e->lock);
    while (*counter < n && cond_wait_until(&e->news, &e->lock, deadline))
        ;
    cr_assert_geq(*counter, n, "waited in vain");
    lock_release(&e->lock);
}

/* Between two looks at a state that nobody announces. */
static void look_again(struct ear *e)
{
    lock_take(&e->lock);
    (void)cond_wait_until(&e->news, &e->lock, clock_mono_ms() + 10);
    lock_release(&e->lock);
}

static unsigned heard(struct ear *e, const unsigned *counter)
{
    lock_take(&e->lock);
    unsigned n = *counter;
    lock_release(&e->lock);
    return n;
}

/* The assignment of round `n`, the first being 1; waits for it. */
static const struct member_assignment *assigned(struct ear *e, unsigned n)
{
    wait_for(e, &e->assigned, n);
    return e->all[n - 1];
}

struct scene {
    struct ear ear;
    struct coordinator *coordinator;
    struct metrics *metrics;
    struct member *member;
};

static void scene_start(struct scene *s, const struct coordinator_options *o, int16_t protocol, int32_t session_ms)
{
    struct member_options mo = { .group = mem_strdup("g"), .client_id = mem_strdup("connect-w1:8083"),
                                 .url = mem_strdup("http://w1:8083/"), .protocol = protocol, .session_ms = session_ms,
                                 .heartbeat_ms = 100, .rebalance_ms = 60000, .request_ms = 20000, .connect_ms = 5000,
                                 .retry_ms = 10, .retry_max_ms = 50, .reconnect_ms = 10, .reconnect_max_ms = 50,
                                 .delay_max_ms = 300000, .receive_buffer = -1, .send_buffer = -1 };
    const struct member_events events = { .self = &s->ear, .view = on_view, .view_free = on_view_free, .assigned = on_assigned,
                                          .lost = on_lost, .fatal = on_fatal };
    memset(s, 0, sizeof *s);
    lock_init(&s->ear.lock);
    cond_init(&s->ear.news);
    s->ear.tasks = 2;
    s->ear.offset = 7;
    s->coordinator = coordinator_start(o);
    s->metrics = metrics_new();
    mo.bootstrap = mem_zalloc(1, sizeof mo.bootstrap[0]);
    mo.bootstrap[0] = (struct member_address){ mem_strdup("127.0.0.1"), coordinator_port(s->coordinator) };
    mo.bootstrap_count = 1;
    s->member = member_new_with(&mo, &events, s->metrics);
    member_start(s->member);
}

/* Until the coordinator has been asked this so often. */
static void wait_count(struct scene *s, int api, unsigned n)
{
    int64_t deadline = clock_mono_ms() + GENEROUS_MS;
    while (coordinator_count(s->coordinator, api) < n && clock_mono_ms() < deadline)
        look_again(&s->ear);
    cr_assert_geq(coordinator_count(s->coordinator, api), n, "request %d: waited in vain", api);
}

static void scene_end(struct scene *s)
{
    member_stop(s->member);
    cr_expect_eq(member_owned_until(s->member), 0);
    cr_expect_not(coordinator_faulty(s->coordinator));
    member_free(s->member);
    metrics_free(s->metrics);
    coordinator_stop(s->coordinator);
    for (unsigned i = 0; i < s->ear.assigned; i++)
        member_assignment_free(s->ear.all[i]);
    cond_fini(&s->ear.news);
    lock_fini(&s->ear.lock);
}

static const struct coordinator_options newest = { .join = 9, .sync = 5, .heartbeat = 4, .leave = 5, .find = 6 };

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
            struct scene s;
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
    struct scene s;
    scene_start(&s, &newest, GROUP_SESSIONED, 20000);
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
        struct scene s;
        scene_start(&s, &newest, GROUP_SESSIONED, 20000);
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
        struct scene s;
        scene_start(&s, &newest, GROUP_SESSIONED, 20000);
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
        struct scene s;
        scene_start(&s, &newest, GROUP_SESSIONED, 20000);
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
    struct scene s;
    scene_start(&s, &newest, GROUP_SESSIONED, 20000);
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
    struct scene s;
    scene_start(&s, &newest, GROUP_SESSIONED, 1500);
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

Test(member, leaves_and_comes_back)
{
    struct scene s;
    scene_start(&s, &newest, GROUP_SESSIONED, 20000);
    wait_for(&s.ear, &s.ear.assigned, 1);
    member_leave(s.member);
    member_rejoin(s.member, "the configs can be read again");
    cr_expect_eq(assigned(&s.ear, 2)->work.count, 3);
    scene_end(&s);
}
