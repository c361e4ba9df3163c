/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member and those that talk to it: rounds are asked for, ownership is
 * read, work is given up and connections are cut from several threads at
 * once. For the thread sanitizer; it ends when all have had their turns.
 */
#include "config.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"
#include "group/member_int.h"
#include "unit/group/coordinator.h"

enum { TURNS = 200, THREADS = 3, GENEROUS_MS = 60000 };

struct stage_set {
    struct member *member;
    struct coordinator *coordinator;
    atomic_uint assigned;
    atomic_int offset;
};

static struct group_view *on_view(void *self)
{
    struct stage_set *s = self;
    struct group_view *v = mem_zalloc(1, sizeof *v);
    struct group_view_connector *c = mem_zalloc(1, sizeof *c);
    *c = (struct group_view_connector){ "A", 1 + atomic_load(&s->offset) % 3 };
    *v = (struct group_view){ .config_offset = atomic_load(&s->offset), .connector_count = 1, .connectors = c };
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
    struct stage_set *s = self;
    if (a->revoked.count)
        member_revoked(s->member);
    atomic_fetch_add(&s->assigned, 1);
    member_assignment_free(a);
}

static void on_lost(void *self)
{
    member_revoked(((struct stage_set *)self)->member);
}

static void on_fatal(void *self, struct kaftan_error *err)
{
    (void)self;
    (void)fprintf(stderr, "%s\n", kaftan_error_message(err));
    ASSERT(err == NULL); /* nothing here is fatal */
}

static void talk(void *arg)
{
    struct stage_set *s = arg;
    for (int i = 0; i < TURNS; i++) {
        atomic_fetch_add(&s->offset, 1);
        member_rejoin(s->member, "race");
        (void)member_owned_until(s->member);
        (void)poll(NULL, 0, 1); /* or all turns fall into one round */
        if (i % 50 == 25)
            coordinator_cut(s->coordinator);
        if (i % 60 == 30) {
            member_leave(s->member);
            member_rejoin(s->member, NULL);
        }
    }
}

int main(void)
{
    static const struct coordinator_options newest = { .join = 9, .sync = 5, .heartbeat = 4, .leave = 5, .find = 6 };
    struct stage_set s = { 0 };
    const struct member_events e = { .self = &s, .view = on_view, .view_free = on_view_free, .assigned = on_assigned,
                                     .lost = on_lost, .fatal = on_fatal };
    s.coordinator = coordinator_start(&newest);
    struct member_options o = { .group = mem_strdup("g"), .client_id = mem_strdup("c"), .url = mem_strdup("http://w/"),
                                .protocol = GROUP_SESSIONED, .session_ms = 20000, .heartbeat_ms = 20, .rebalance_ms = 60000,
                                .request_ms = 20000, .connect_ms = 5000, .retry_ms = 1, .retry_max_ms = 5, .reconnect_ms = 1,
                                .reconnect_max_ms = 5, .receive_buffer = -1, .send_buffer = -1 };
    struct metrics *metrics = metrics_new();
    struct thread *threads[THREADS];
    o.bootstrap = mem_zalloc(1, sizeof o.bootstrap[0]);
    o.bootstrap[o.bootstrap_count++] = (struct member_address){ mem_strdup("localhost"), coordinator_port(s.coordinator) };
    s.member = member_new_with(&o, &e, metrics);
    member_start(s.member);
    for (int i = 0; i < THREADS; i++)
        threads[i] = thread_start(THREAD_ANY, "talker", talk, &s);
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    unsigned before = atomic_load(&s.assigned);
    int64_t deadline = clock_mono_ms() + GENEROUS_MS;
    while (atomic_load(&s.assigned) == before && clock_mono_ms() < deadline) {
        member_rejoin(s.member, NULL);
        (void)poll(NULL, 0, 5); /* between two looks */
    }
    ASSERT(atomic_load(&s.assigned) > before);
    struct buf text = BUF_INIT;
    metrics_write(metrics, &text);
    buf_fini(&text);
    member_stop(s.member);
    ASSERT(!coordinator_faulty(s.coordinator));
    member_free(s.member);
    metrics_free(metrics);
    coordinator_stop(s.coordinator);
    return 0;
}
