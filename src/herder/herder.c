/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread's life: PHASE_BOOT until the store has read its topics,
 * PHASE_RUN until main says stop or nothing can go on (PHASE_ENDED: main has
 * been told and will say stop), PHASE_STOPPING until all work has ended. Then
 * the group is left and the store is stopped, in this order, so that no other
 * worker starts what still writes here, and the last statuses are written.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"

#include <string.h>

static struct log logger = LOG("herder.herder");

struct done_note { /* a store request of the herder's own */
    struct store_done done;
    struct herder *h;
    void (*handle)(struct herder *h, struct store_done *d);
};

static void done_drop(struct message *msg)
{
    struct done_note *n = CONTAINER_OF(msg, struct done_note, done.base);
    kaftan_error_free(n->done.err);
    snapshot_unref(n->done.snapshot);
    mem_free(n);
}

static void done_handle(struct message *msg, void *owner)
{
    struct done_note *n = CONTAINER_OF(msg, struct done_note, done.base);
    struct herder *h = OBJ_FROM(struct herder, HERDER_MAGIC, owner);
    ON_THREAD(THREAD_HERDER);
    n->handle(h, &n->done);
    done_drop(msg);
}

struct store_done *herder_done_new(struct herder *h, void (*handle)(struct herder *h, struct store_done *d))
{
    struct done_note *n = mem_zalloc(1, sizeof *n);
    n->done.base.handle = done_handle;
    n->done.base.drop = done_drop;
    n->done.to = h->box;
    n->h = h;
    n->handle = handle;
    return &n->done;
}

void herder_stage_set(struct herder *h, const char *stage)
{
    atomic_store(&h->stage, stage);
}

void herder_end(struct herder *h, int status)
{
    if (h->phase == PHASE_ENDED || h->phase == PHASE_STOPPING)
        return;
    h->phase = PHASE_ENDED;
    if (h->ended)
        h->ended(h->ended_self, status);
}

const struct snapshot_connector *herder_find(const struct herder *h, const char *connector)
{
    return h->view ? snapshot_find(h->view, connector) : NULL;
}

int64_t herder_view_offset(const struct herder *h)
{
    return h->view ? h->view->offset : -1;
}

void herder_view_take(struct herder *h, const struct snapshot *s)
{
    const struct snapshot *old = h->view;
    h->view = s;
    snapshot_unref(old);
}

/* "http://host:port/" without scheme and slash. */
static char *worker_id_of(const char *url)
{
    const char *start = strstr(url, "://");
    size_t len;
    start = start ? start + 3 : url;
    len = strcspn(start, "/");
    return mem_strndup(start, len);
}

struct kaftan_error *herder_new(const struct worker_config *c, const struct registry *r, struct metrics *m,
                                const char *url, const struct herder_peer *peer, struct herder **ret)
{
    struct herder *h = mem_zalloc(1, sizeof *h);
    h->magic = HERDER_MAGIC;
    h->config = c;
    h->registry = r;
    h->metrics = m;
    h->peer = peer;
    h->values = worker_values(c);
    h->url = mem_strdup(url);
    h->worker_id = worker_id_of(url);
    h->distributed = worker_config_distributed(c);
    h->box = mailbox_new(HERDER_BOX_LIMIT);
    h->known = map_new(NULL);
    h->works = map_new(work_free);
    h->reconfs = map_new(reconf_free);
    h->restarts = map_new(mem_free);
    h->new_configs = map_new(NULL);
    h->new_targets = map_new(NULL);
    h->new_tasks = map_new(NULL);
    h->can_read = true;
    h->resolved = true;
    h->backoff_retries = HERDER_BACKOFF_RETRIES;
    h->key_expires_ms = INT64_MAX;
    h->stage = "The worker is currently awaiting startup.";
    meters_new(h);
    *ret = h;
    return NULL;
}

static bool store_failed(struct herder *h, struct kaftan_error *err)
{
    bool wrong;
    if (!err)
        return false;
    wrong = kaftan_error_code(err) == KAFTAN_E_INVALID;
    log_error(&logger, "the worker cannot start", LOG_ERR(err));
    herder_end(h, wrong ? 1 : 2);
    return true;
}

static void boot_done(struct herder *h, struct store_done *d)
{
    if (h->phase != PHASE_BOOT)
        return;
    if (store_failed(h, d->err))
        return;
    h->phase = PHASE_RUN;
    for (size_t i = 0; d->snapshot && i < d->snapshot->count; i++) {
        const struct snapshot_connector *c = &d->snapshot->connectors[i];
        if (c->config)
            map_put(h->known, c->name, NULL);
    }
    if (!h->distributed) {
        herder_view_take(h, d->snapshot ? snapshot_ref(d->snapshot) : store_snapshot(h->store));
        standalone_booted(h);
        return;
    }
    if (d->snapshot && d->snapshot->session_key)
        herder_key_set(h, d->snapshot->session_key, true);
    herder_stage_set(h, "The worker is currently ensuring membership in the cluster.");
    h->joining = true;
    h->member_up = true;
    member_start(h->member);
}

static void boot(struct herder *h)
{
    if (h->boot_err) {
        log_error(&logger, "the worker cannot start", LOG_ERR(h->boot_err));
        herder_end(h, 2);
        return;
    }
    h->worker = worker_new(h->config, h->registry, h->store, h->metrics, &h->worker_events);
    worker_set_id(h->worker, h->worker_id);
    herder_stage_set(h, "The worker is currently initializing and reading to the end of internal topics.");
    h->store_up = true;
    store_start(h->store, herder_done_new(h, boot_done));
}

static void fail_waiting(struct herder *h)
{
    const char *name;
    void *value;
    op_list_fail(h, &h->queue);
    op_list_fail(h, &h->drains);
    for (size_t i = 0; map_at(h->works, &i, &name, &value);) {
        struct work *w = value;
        op_list_fail(h, &w->waiters);
        op_list_fail(h, &w->starting);
    }
    for (size_t i = 0; map_at(h->reconfs, &i, &name, &value);)
        op_list_fail(h, &((struct reconf *)value)->waiters);
}

static void stop_begin(struct herder *h)
{
    if (h->phase == PHASE_STOPPING)
        return;
    h->phase = PHASE_STOPPING;
    h->stop_deadline_ms = clock_mono_ms() + h->values->graceful_ms + HERDER_STOP_SLACK_MS;
    fail_waiting(h);
    if (h->worker)
        herder_stop_all(h, KAFTAN_STOP_SHUTDOWN, false);
}

struct stop_message {
    struct message base;
};

static void stop_handle(struct message *msg, void *owner)
{
    struct herder *h = OBJ_FROM(struct herder, HERDER_MAGIC, owner);
    ON_THREAD(THREAD_HERDER);
    stop_begin(h);
    mem_free(CONTAINER_OF(msg, struct stop_message, base));
}

static void stop_drop(struct message *msg)
{
    mem_free(CONTAINER_OF(msg, struct stop_message, base));
}

/* Nothing that was started is still there. */
static bool stopped(const struct herder *h)
{
    if (h->phase != PHASE_STOPPING)
        return false;
    if (map_count(h->works) == 0)
        return true;
    if (clock_mono_ms() < h->stop_deadline_ms)
        return false;
    log_warn(&logger, "some connectors or tasks have not stopped in time", LOG_INT("count", map_count(h->works)));
    return true;
}

static void herder_run(void *arg)
{
    struct herder *h = OBJ_FROM(struct herder, HERDER_MAGIC, arg);
    struct message *msg;
    boot(h);
    while (!stopped(h)) {
        int64_t until = h->phase == PHASE_STOPPING ? h->stop_deadline_ms : herder_deadline(h);
        msg = mailbox_wait(h->box, until);
        if (msg)
            msg->handle(msg, h);
        mailbox_drain(h->box, h);
        herder_tick(h);
    }
    atomic_store(&h->gone, true);
    if (h->member_up)
        member_stop(h->member);
    jobs_free(h->jobs);
    h->jobs = NULL;
    if (h->store_up)
        store_stop(h->store);
    mailbox_close(h->box);
    while ((msg = mailbox_receive(h->box)))
        msg->drop(msg);
}

void herder_start(struct herder *h, void (*ended)(void *self, int status), void *self)
{
    h->ended = ended;
    h->ended_self = self;
    h->listener = herder_store_listener;
    h->member_events = herder_member_events;
    h->worker_events = herder_worker_events;
    h->listener.self = h->member_events.self = h->worker_events.self = h;
    h->jobs = jobs_new(2);
    h->boot_err = store_new(h->config, &h->listener, h->metrics, &h->store);
    if (!h->boot_err && h->distributed)
        h->boot_err = member_new(h->config, h->url, &h->member_events, h->metrics, &h->member);
    h->thread = thread_start(THREAD_HERDER, "herder", herder_run, h);
}

void herder_add_initial(struct herder *h, struct text_map *config, const enum target_state *initial)
{
    struct initial_connector c = { text_map_ref(config), initial != NULL, initial ? *initial : TARGET_STARTED };
    ASSERT(!h->thread);
    h->initial = mem_realloc(h->initial, h->initial_count + 1, sizeof *h->initial);
    h->initial[h->initial_count++] = c;
}

bool herder_started(const struct herder *h)
{
    return atomic_load(&h->started);
}

const char *herder_stage(const struct herder *h)
{
    const char *waits = h->store && !herder_started(h) ? store_stage(h->store) : "";
    return waits && *waits ? waits : atomic_load(&h->stage);
}

const char *herder_cluster_id(const struct herder *h)
{
    return h->store ? store_cluster_id(h->store) : NULL;
}

void herder_stop(struct herder *h)
{
    struct stop_message *m;
    if (!h->thread)
        return;
    m = mem_zalloc(1, sizeof *m);
    m->base.handle = stop_handle;
    m->base.drop = stop_drop;
    if (!mailbox_send_always(h->box, &m->base))
        mem_free(m);
    thread_join(h->thread);
    h->thread = NULL;
}

static void maps_free(struct herder *h)
{
    map_free(h->known);
    map_free(h->works);
    map_free(h->reconfs);
    map_free(h->restarts);
    map_free(h->new_configs);
    map_free(h->new_targets);
    map_free(h->new_tasks);
}

void herder_free(struct herder *h)
{
    if (!h)
        return;
    ASSERT(!h->thread);
    jobs_free(h->jobs);
    worker_free(h->worker);
    member_free(h->member);
    store_free(h->store);
    mailbox_free(h->box);
    if (h->assignment)
        member_assignment_free(h->assignment);
    if (h->incoming)
        member_assignment_free(h->incoming);
    snapshot_unref(h->view);
    maps_free(h);
    herder_key_clear(h);
    for (size_t i = 0; i < h->initial_count; i++)
        text_map_unref(h->initial[i].config);
    mem_free(h->initial);
    kaftan_error_free(h->boot_err);
    meters_free(h);
    mem_free(h->url);
    mem_free(h->worker_id);
    mem_free(h);
}
