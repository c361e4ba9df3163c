/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "scene.h"

#include <stdio.h>
#include <string.h>
#include <criterion/criterion.h>

#include "base/clock.h"
#include "base/mem.h"

const struct coordinator_options scene_newest = { .join = 9, .sync = 5, .heartbeat = 4, .leave = 5, .find = 6 };

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
    e->owned_at_loss = member_owned_until(e->member);
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

void wait_for(struct ear *e, const unsigned *counter, unsigned n)
{
    int64_t deadline = clock_mono_ms() + GENEROUS_MS;
    lock_take(&e->lock);
    while (*counter < n && cond_wait_until(&e->news, &e->lock, deadline))
        ;
    cr_assert_geq(*counter, n, "waited in vain");
    lock_release(&e->lock);
}

void look_again(struct ear *e)
{
    lock_take(&e->lock);
    (void)cond_wait_until(&e->news, &e->lock, clock_mono_ms() + 10);
    lock_release(&e->lock);
}

unsigned heard(struct ear *e, const unsigned *counter)
{
    lock_take(&e->lock);
    unsigned n = *counter;
    lock_release(&e->lock);
    return n;
}

const struct member_assignment *assigned(struct ear *e, unsigned n)
{
    wait_for(e, &e->assigned, n);
    return e->all[n - 1];
}

void scene_start(struct scene *s, const struct coordinator_options *o, int16_t protocol, int32_t session_ms)
{
    struct member_options mo = { .group = mem_strdup("g"), .client_id = mem_strdup("connect-w1:8083"),
                                 .url = mem_strdup("http://w1:8083/"), .protocol = protocol, .session_ms = session_ms,
                                 .heartbeat_ms = 15, .rebalance_ms = 60000, .request_ms = 20000, .connect_ms = 5000,
                                 .retry_ms = 2, .retry_max_ms = 10, .reconnect_ms = 2, .reconnect_max_ms = 10,
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
    s->member = s->ear.member = member_new_with(&mo, &events, s->metrics);
    member_start(s->member);
}

void wait_count(struct scene *s, int api, unsigned n)
{
    int64_t deadline = clock_mono_ms() + GENEROUS_MS;
    while (coordinator_count(s->coordinator, api) < n && clock_mono_ms() < deadline)
        look_again(&s->ear);
    cr_assert_geq(coordinator_count(s->coordinator, api), n, "request %d: waited in vain", api);
}

void scene_end(struct scene *s)
{
    member_stop(s->member);
    cr_expect_eq(member_owned_until(s->member), 0);
    cr_expect(s->forgiving || !coordinator_faulty(s->coordinator));
    member_free(s->member);
    metrics_free(s->metrics);
    coordinator_stop(s->coordinator);
    for (unsigned i = 0; i < s->ear.assigned; i++)
        member_assignment_free(s->ear.all[i]);
    cond_fini(&s->ear.news);
    lock_fini(&s->ear.lock);
}
