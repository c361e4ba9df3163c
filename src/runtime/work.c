/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How work ends. Four flags say it, and each is set once:
 *
 *   STOP       by the herder, when it wants the end and will wait for the event
 *   ENDING     by the thread, before its last status
 *   ENDED      by the thread, its last word
 *   ABANDONED  by the watch, only while ENDING is not set
 *
 * The event goes out exactly once: by the thread when it sets ENDED and finds
 * STOP, by the herder when it sets STOP and finds ENDED, or by the watch when
 * it abandons. ENDING and ABANDONED exclude each other by compare-and-swap, so
 * a status of abandoned work can never overwrite that of its successor. Nor can
 * its records come after the successor's: its producer is cut off before the
 * herder hears that it has stopped, while its own thread may still be lost in
 * the plugin.
 */
#include "config.h"

#include "runtime/work_int.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/keys.h"
#include "kafka/producer.h"

static struct log logger = LOG("runtime.work");

enum { WORK_MAILBOX = 64, SKIP_LOG_MS = 60000, REFRESH_MS = 30000, WAIT_MS = 1000 };

static atomic_int alive; /* threads of work */

struct skip_count {
    uint64_t since_log;
    int64_t logged_ms; /* 0: never */
};

struct kaftan_task *work_new(struct worker *w, const char *connector, int32_t number, struct text_map *config,
                             struct text_map *task_config, enum target_state target)
{
    struct kaftan_task *t = mem_zalloc(1, sizeof *t);
    t->magic = WORK_MAGIC;
    atomic_init(&t->refs, 1);
    atomic_init(&t->flags, 0);
    atomic_init(&t->status_metrics, NULL);
    t->worker = w;
    t->connector = mem_strdup(connector);
    t->number = number;
    t->config = text_map_ref(config);
    t->task_config = text_map_ref(task_config);
    t->target = target;
    t->box = mailbox_new(WORK_MAILBOX);
    t->skipped = map_new(mem_free);
    lock_init(&t->wake_lock);
    return t;
}

struct kaftan_task *work_ref(struct kaftan_task *t)
{
    (void)atomic_fetch_add(&t->refs, 1);
    return t;
}

void work_unref(struct kaftan_task *t)
{
    if (!t || atomic_fetch_sub(&t->refs, 1) != 1)
        return;
    metrics_group_free(atomic_exchange(&t->status_metrics, NULL));
    metrics_group_free(t->metrics);
    mailbox_free(t->box);
    map_free(t->skipped);
    kaftan_error_free(t->refresh_error);
    text_map_unref(t->config);
    text_map_unref(t->task_config);
    lock_fini(&t->wake_lock);
    mem_free(t->connector);
    mem_free(t);
}

static const char *state_label(enum work_state state)
{
    static const char *const names[] = {
        [STATE_UNASSIGNED] = "unassigned", [STATE_RUNNING] = "running",       [STATE_PAUSED] = "paused",
        [STATE_FAILED] = "failed",         [STATE_STOPPED] = "stopped",       [STATE_RESTARTING] = "restarting",
        [STATE_DESTROYED] = "destroyed",
    };
    return names[state];
}

/* One series with the value 1, whose label is the state: what dashboards of the Java worker look for. */
static void status_metric(struct kaftan_task *t, enum work_state state)
{
    char number[16];
    struct metric_label labels[3] = { { "connector", t->connector }, { "status", state_label(state) } };
    size_t count = 2;
    const char *name = "kafka_connect_connector_status";
    if (t->number >= 0) {
        (void)snprintf(number, sizeof number, "%d", (int)t->number);
        labels[count++] = (struct metric_label){ "task", number };
        name = "kafka_connect_connector_task_status";
    }
    struct metrics_group *g = NULL;
    if (state != STATE_UNASSIGNED) {
        g = metrics_group_new(t->worker->metrics, labels, count);
        metric_set(metric_new(g, METRIC_GAUGE, name, "1 for the state it is in"), 1);
    }
    metrics_group_free(atomic_exchange(&t->status_metrics, g));
}

void work_status(struct kaftan_task *t, enum work_state state, const char *trace)
{
    if (work_abandoned(t))
        return;
    struct worker *w = t->worker;
    /* What was lost to another worker is that one's to report: ours would hide it, as UNASSIGNED is the last word here. */
    if (kaftan_task_still_owned(t))
        store_put_status(w->store, t->connector, t->number, state, trace, w->id, t->class ? t->class->version : NULL,
                         atomic_load(&w->generation));
    status_metric(t, state);
}

bool work_end_begin(struct kaftan_task *t)
{
    unsigned flags = work_flags(t);
    do {
        if (flags & WORK_ABANDONED)
            return false;
    } while (!atomic_compare_exchange_weak(&t->flags, &flags, flags | WORK_ENDING));
    return true;
}

void work_writes_by(struct kaftan_task *t, struct producer *p)
{
    lock_take(&t->wake_lock);
    t->producer = p;
    lock_release(&t->wake_lock);
    if (p && work_abandoned(t))
        producer_cut(p); /* given up before there was anything to cut */
}

/* Whatever its thread is in the middle of: what it has given to its producer goes no further. */
static void cut_off(struct kaftan_task *t)
{
    lock_take(&t->wake_lock);
    if (t->producer)
        producer_cut(t->producer);
    lock_release(&t->wake_lock);
}

bool work_abandon(struct kaftan_task *t)
{
    unsigned flags = work_flags(t);
    do {
        if (flags & (WORK_ENDING | WORK_ABANDONED))
            return false;
    } while (!atomic_compare_exchange_weak(&t->flags, &flags, flags | WORK_ABANDONED));
    cut_off(t);
    struct worker *w = t->worker;
    if (t->number < 0 && clock_mono_ms() < w->events.owned_until(w->events.self)) /* as Java: an abandoned connector is set UNASSIGNED, an abandoned task writes nothing */
        store_put_status(w->store, t->connector, -1, STATE_UNASSIGNED, NULL, w->id, NULL,
                         atomic_load(&w->generation));
    metrics_group_free(atomic_exchange(&t->status_metrics, NULL));
    return true;
}

void work_tell_stopped(struct kaftan_task *t)
{
    const struct worker_events *e = &t->worker->events;
    if (t->number < 0)
        e->connector_stopped(e->self, t->connector);
    else
        e->task_stopped(e->self, t->connector, t->number);
}

void work_answer_configs(struct kaftan_task *t, struct text_map **configs, int32_t count, struct kaftan_error *err)
{
    const struct worker_events *e = &t->worker->events;
    e->task_configs(e->self, t->connector, configs, count, err);
}

void work_end(struct kaftan_task *t)
{
    /* Nothing is sent to the box any more; what lies in it holds references to this object. */
    mailbox_close(t->box);
    for (struct message *m; (m = mailbox_receive(t->box)) != NULL;)
        m->drop(m);
    unsigned before = atomic_fetch_or(&t->flags, WORK_ENDED);
    if ((before & WORK_STOP) && !(before & WORK_ABANDONED))
        work_tell_stopped(t);
    log_context(NULL, -1);
    work_unref(t);
    atomic_fetch_sub(&alive, 1); /* from here on the thread touches nothing of ours */
}

void work_thread(struct kaftan_task *t, enum thread_kind kind, const char *name, void (*run)(void *))
{
    atomic_fetch_add(&alive, 1);
    t->thread = thread_start(kind, name, run, t);
}

int worker_alive(void)
{
    return atomic_load(&alive);
}

void work_wake_on(struct kaftan_task *t, const struct kaftan_source *class, void *self)
{
    lock_take(&t->wake_lock);
    t->awake = class;
    t->awake_self = self;
    lock_release(&t->wake_lock);
}

void work_wake_off(struct kaftan_task *t)
{
    work_wake_on(t, NULL, NULL);
}

/*
 * The lock is held across the plugin's wake: otherwise close could free what
 * wake looks at. wake may not wait and may call nothing of ours, so no other
 * lock is taken under this one.
 */
void work_wake(struct kaftan_task *t)
{
    lock_take(&t->wake_lock);
    if (t->awake && t->awake->wake)
        t->awake->wake(t->awake_self);
    lock_release(&t->wake_lock);
}

/* ---- messages ---- */

struct order {
    struct message base;
    struct kaftan_task *work; /* a reference */
    enum kaftan_stop_reason reason;
    kaftan_deadline deadline;
    enum target_state target;
    int32_t max_tasks;
};

static void order_free(struct order *o)
{
    work_unref(o->work);
    mem_free(o);
}

static void order_drop(struct message *msg)
{
    order_free(CONTAINER_OF(msg, struct order, base));
}

static void handle_stop(struct message *msg, void *owner)
{
    struct order *o = CONTAINER_OF(msg, struct order, base);
    struct kaftan_task *t = OBJ_FROM(struct kaftan_task, WORK_MAGIC, owner);
    t->reason = o->reason;
    t->stop_deadline = o->deadline;
    order_free(o);
}

static void handle_target(struct message *msg, void *owner)
{
    struct order *o = CONTAINER_OF(msg, struct order, base);
    struct kaftan_task *t = OBJ_FROM(struct kaftan_task, WORK_MAGIC, owner);
    t->target = o->target;
    t->slot = o->target;
    t->slot_full = true;
    order_free(o);
}

static void handle_configs(struct message *msg, void *owner)
{
    struct order *o = CONTAINER_OF(msg, struct order, base);
    struct kaftan_task *t = OBJ_FROM(struct kaftan_task, WORK_MAGIC, owner);
    t->max_tasks = o->max_tasks;
    t->configs_asked++;
    order_free(o);
}

/* A request for task configs is always answered, also when the connector ends first. */
static void drop_configs(struct message *msg)
{
    struct order *o = CONTAINER_OF(msg, struct order, base);
    struct kaftan_task *t = o->work;
    if (!work_abandoned(t))
        work_answer_configs(t, NULL, 0, kaftan_error_new(KAFTAN_E_CONFLICT, "Connector %s is not running", t->connector));
    order_free(o);
}

static struct order *order_new(struct kaftan_task *t, void (*handle)(struct message *msg, void *owner))
{
    struct order *o = mem_zalloc(1, sizeof *o);
    o->base.handle = handle;
    o->base.drop = order_drop;
    o->work = work_ref(t);
    return o;
}

static void order_send(struct order *o)
{
    if (!mailbox_send_always(o->work->box, &o->base))
        o->base.drop(&o->base); /* the thread is over */
}

void work_send_stop(struct kaftan_task *t, enum kaftan_stop_reason reason, kaftan_deadline deadline)
{
    struct order *o = order_new(t, handle_stop);
    o->reason = reason;
    o->deadline = deadline;
    order_send(o);
    work_wake(t);
}

void work_send_target(struct kaftan_task *t, enum target_state target)
{
    struct order *o = order_new(t, handle_target);
    o->target = target;
    order_send(o);
    work_wake(t);
}

void work_send_configs(struct kaftan_task *t, int32_t max_tasks)
{
    struct order *o = order_new(t, handle_configs);
    o->base.drop = drop_configs;
    o->max_tasks = max_tasks;
    order_send(o);
}

/* ---- offsets of others ---- */

struct refresh {
    struct store_done base;
    struct kaftan_task *work; /* a reference */
};

static struct refresh *refresh_of(struct message *msg)
{
    return CONTAINER_OF(CONTAINER_OF(msg, struct store_done, base), struct refresh, base);
}

static void refresh_drop(struct message *msg)
{
    struct refresh *r = refresh_of(msg);
    kaftan_error_free(r->base.err);
    snapshot_unref(r->base.snapshot);
    work_unref(r->work);
    mem_free(r);
}

static void refresh_handle(struct message *msg, void *owner)
{
    struct kaftan_task *t = OBJ_FROM(struct kaftan_task, WORK_MAGIC, owner);
    struct refresh *r = refresh_of(msg);
    t->refresh_over = true;
    t->refresh_error = r->base.err;
    r->base.err = NULL;
    refresh_drop(msg);
}

static struct kaftan_error *refresh_once(struct kaftan_task *t)
{
    struct refresh *r = mem_zalloc(1, sizeof *r);
    r->base.base.handle = refresh_handle;
    r->base.base.drop = refresh_drop;
    r->base.to = t->box;
    r->work = work_ref(t);
    t->refresh_over = false;
    store_refresh_offsets(t->worker->store, REFRESH_MS, &r->base);
    while (!t->refresh_over && !work_stopping(t)) {
        struct message *m = mailbox_wait(t->box, clock_mono_ms() + WAIT_MS);
        if (m)
            m->handle(m, t);
    }
    struct kaftan_error *err = t->refresh_error;
    t->refresh_error = NULL;
    return err;
}

struct kaftan_error *work_refresh_offsets(struct kaftan_task *t)
{
    struct kaftan_error *err;
    while ((err = refresh_once(t)) != NULL && kaftan_error_retriable(err) && !work_stopping(t)) {
        log_warn(&logger, "offsets cannot be read just now, trying again", LOG_ERR(err));
        kaftan_error_free(err);
    }
    return err;
}

/* ---- counting what was dropped ---- */

void work_skipped(struct kaftan_task *t, const char *reason, uint64_t count)
{
    struct skip_count *s = map_get(t->skipped, reason);
    int64_t now = clock_mono_ms();
    if (!s) {
        s = mem_zalloc(1, sizeof *s);
        map_put(t->skipped, reason, s);
    }
    s->since_log += count;
    if (s->logged_ms != 0 && now - s->logged_ms < SKIP_LOG_MS)
        return;
    log_warn(&logger, "messages could not be delivered", LOG_STR("reason", reason), LOG_INT("count", s->since_log));
    s->logged_ms = now;
    s->since_log = 0;
}

/* ---- class and config ---- */

struct kaftan_error *work_find_class(struct kaftan_task *t)
{
    const char *name = text_map_get(t->config, "connector.class");
    if (!name)
        return kaftan_error_new(KAFTAN_E_INVALID, "connector \"%s\" has no connector.class", t->connector);
    const struct plugin_class *c = registry_connector(t->worker->registry, name);
    if (!c)
        return kaftan_error_new(KAFTAN_E_INVALID,
                                "Failed to find any class that implements Connector and which name matches %s", name);
    if (c->type != PLUGIN_SOURCE)
        return kaftan_error_new(KAFTAN_E_INVALID, "connector \"%s\": class %s is a sink, and this worker runs sources only",
                                t->connector, c->name);
    t->class = c;
    return NULL;
}

struct kaftan_error *work_too_many(struct kaftan_task *t, int32_t count, int32_t max)
{
    return kaftan_error_new(KAFTAN_E_CONFLICT,
                            "The connector %s has generated %d tasks, which is greater than %d, the maximum number of "
                            "tasks it is configured to create. (tasks.max.enforce=false lets them run)",
                            t->connector, (int)count, (int)max);
}

struct kaftan_error *work_parse(struct kaftan_task *t, struct config_values **ret)
{
    static const struct kaftan_config_key none[] = { { .name = NULL } };
    const struct kaftan_source *class = t->class->as.source;
    struct kaftan_config_report *report = config_report_new();
    struct config_values *values = config_parse(t->class->config ? t->class->config : none, t->class->config_size,
                                                t->task_config, report);
    config_refuse_nulls(class->config, t->task_config, report);
    if (class->validate)
        class->validate(config_values_get(values), config_texts_of(t->task_config), report);
    const char *text;
    for (size_t i = 0; t->number < 0 && config_report_warning_at(report, &i, &text);)
        log_warn(&logger, "config", LOG_STR("warning", text));
    struct kaftan_error *err = config_report_error(report);
    config_report_free(report);
    if (err)
        config_values_free(values);
    else
        *ret = values;
    return err;
}
