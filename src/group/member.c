/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/member_int.h"

#include <poll.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static struct log logger = LOG("group.member");

enum { BOX_LIMIT = 256 };

void member_assignment_free(struct member_assignment *a)
{
    if (!a)
        return;
    mem_free(a->leader);
    mem_free(a->leader_url);
    mem_free(a->member_id);
    work_list_fini(&a->work);
    work_list_fini(&a->revoked);
    leader_shares_free(a->shares, a->share_count);
    mem_free(a);
}

/* ---- what others ask ------------------------------------------------------------ */

enum wish { WISH_REJOIN, WISH_REVOKED, WISH_LEAVE, WISH_STOP };

struct wish_message {
    struct message base;
    enum wish wish;
    char *reason; /* owned; NULL: none */
};

static void wish_free(struct message *msg)
{
    struct wish_message *w = CONTAINER_OF(msg, struct wish_message, base);
    mem_free(w->reason);
    mem_free(w);
}

static void want_round(struct member *m, const char *reason)
{
    if (m->stopping)
        return;
    if (m->stage == STAGE_OUT)
        m->stage = STAGE_UNJOINED;
    m->rejoin = true;
    m->come_back = m->leaving;
    if (reason) {
        mem_free(m->reason);
        m->reason = mem_strdup(reason);
    }
}

/* Revoked work is stopped: the next round tells the others so. */
static void take_revoked(struct member *m)
{
    if (!m->owes) { /* unasked: the herder could not read its configs for long, and has given up all work */
        if (m->stage == STAGE_OUT || m->leaving)
            round_forget(m);
        return;
    }
    m->owes = false;
    if (m->has_snapshot)
        work_list_fini(&m->snapshot.revoked);
    if (m->stage != STAGE_OUT)
        m->rejoin = true;
}

static void wish_handle(struct message *msg, void *owner)
{
    struct wish_message *w = CONTAINER_OF(msg, struct wish_message, base);
    struct member *m = owner;
    ON_THREAD(THREAD_GROUP);
    switch (w->wish) {
    case WISH_REJOIN:
        want_round(m, w->reason);
        break;
    case WISH_REVOKED:
        take_revoked(m);
        break;
    case WISH_LEAVE:
        round_leave(m);
        break;
    case WISH_STOP:
        m->stopping = true;
        if (!m->ended)
            round_leave(m);
        break;
    }
    wish_free(msg);
}

static void wish(struct member *m, enum wish what, const char *reason)
{
    struct wish_message *w = mem_zalloc(1, sizeof *w);
    w->base.handle = wish_handle;
    w->base.drop = wish_free;
    w->wish = what;
    w->reason = reason ? mem_strdup(reason) : NULL;
    if (!mailbox_send_always(m->box, &w->base)) /* few: one per decision of the herder */
        wish_free(&w->base);
}

void member_rejoin(struct member *m, const char *reason)
{
    wish(m, WISH_REJOIN, reason);
}

void member_revoked(struct member *m)
{
    wish(m, WISH_REVOKED, NULL);
}

void member_leave(struct member *m)
{
    wish(m, WISH_LEAVE, NULL);
}

int64_t member_owned_until(const struct member *m)
{
    return atomic_load(&((struct member *)(uintptr_t)m)->owned_until);
}

/* ---- the thread ---------------------------------------------------------------------- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void wait_for_news(struct member *m)
{
    struct pollfd p[3] = { { .fd = mailbox_fd(m->box), .events = POLLIN } };
    nfds_t n = 1;
    int64_t at = round_deadline(m), now = clock_mono_ms();
    if (m->link == LINK_PAUSE && m->stage != STAGE_OUT)
        at = earlier(at, m->link_at);
    struct conn *const conns[] = { m->conn, m->side };
    for (size_t i = 0; i < COUNT_OF(conns); i++) {
        if (!conns[i])
            continue;
        p[n++] = (struct pollfd){ .fd = conn_poll_fd(conns[i]), .events = conn_poll_events(conns[i]) };
        at = earlier(at, conn_deadline_ms(conns[i]));
    }
    int timeout = at == INT64_MAX ? -1 : (int)(at > now ? earlier(at - now, 60000) : 0);
    (void)poll(p, n, timeout);
}

static void run(void *arg)
{
    struct member *m = arg;
    while (!m->ended || !m->stopping) {
        (void)mailbox_drain(m->box, m);
        link_step(m);
        round_step(m);
        if (m->ended && m->stopping)
            break;
        wait_for_news(m);
    }
    atomic_store(&m->owned_until, 0);
}

/* ---- life ------------------------------------------------------------------------------ */

struct member *member_new_with(struct member_options *o, const struct member_events *e, struct metrics *registry)
{
    struct member *m = mem_zalloc(1, sizeof *m);
    m->o = *o;
    *o = (struct member_options){ 0 };
    m->events = *e;
    m->box = mailbox_new(BOX_LIMIT);
    m->leader = leader_new(m->o.delay_max_ms, true);
    m->member_id = mem_strdup("");
    m->reason = mem_strdup("");
    m->protocol_name = mem_strdup("");
    m->generation = m->last_completed = -1;
    m->active = -1;
    m->stage = STAGE_UNJOINED;
    m->rejoin = true;
    atomic_init(&m->owned_until, 0);
    atomic_init(&m->last_beat, 0);
    atomic_init(&m->last_rebalance, 0);
    meters_init(m, registry);
    return m;
}

struct kaftan_error *member_new(const struct worker_config *c, const char *url, const struct member_events *e,
                                struct metrics *registry, struct member **ret)
{
    struct member_options o;
    struct kaftan_error *err = member_options_read(c, url, &o);
    if (!err)
        *ret = member_new_with(&o, e, registry);
    return err;
}

void member_start(struct member *m)
{
    ASSERT(!m->thread);
    log_debug(&logger, "starting", LOG_STR("group", m->o.group), LOG_STR("client", m->o.client_id));
    m->thread = thread_start(THREAD_GROUP, "group", run, m);
}

void member_stop(struct member *m)
{
    if (!m->thread)
        return;
    wish(m, WISH_STOP, NULL);
    thread_join(m->thread);
    m->thread = NULL;
}

void member_free(struct member *m)
{
    if (!m)
        return;
    member_stop(m);
    metrics_group_free(m->meters.group);
    conn_free(m->conn);
    conn_free(m->side);
    if (m->view)
        m->events.view_free(m->events.self, m->view);
    wire_joined_fini(&m->joined);
    leader_shares_free(m->shares, m->share_count);
    if (m->has_snapshot)
        group_assignment_fini(&m->snapshot);
    mailbox_free(m->box);
    leader_free(m->leader);
    mem_free(m->member_id);
    mem_free(m->reason);
    mem_free(m->protocol_name);
    mem_free(m->coordinator.host);
    member_options_fini(&m->o);
    mem_free(m);
}
