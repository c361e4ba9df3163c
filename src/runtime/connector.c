/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connector's thread (13.1). Its state follows the wanted one; a newer wish
 * replaces an older one that has not been looked at yet:
 *
 *   INIT --> STARTED <--> PAUSED, STOPPED      start and end of the plugin's
 *     \----> FAILED ----> STOPPED              watcher, if it has one
 *
 * Only STOPPED leads out of FAILED. Task configs are made on this thread too,
 * because the plugin's connector object belongs to it.
 */
#include "config.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/keys.h"
#include "runtime/run_config.h"
#include "runtime/task_configs_int.h"
#include "runtime/topic_groups.h"
#include "runtime/work_int.h"

static struct log logger = LOG("runtime.connector");


enum connector_state { CONNECTOR_INIT, CONNECTOR_STARTED, CONNECTOR_PAUSED, CONNECTOR_STOPPED, CONNECTOR_FAILED };

struct connector {
    struct kaftan_task *work; /* borrowed; outlives it */
    enum connector_state state;
    struct config_values *values; /* owned; NULL until parsed */
    struct config_values *run_values; /* owned */
    void *self;               /* the plugin's, while `running` */
    bool running;             /* start was called and end was not */
};

static const struct kaftan_source *class_of(const struct connector *c)
{
    return c->work->class->as.source;
}

/* Text attributes of Java's beans become a label of a series that is 1. */
static void gauge(struct metrics_group *g, const char *name, const char *label, const char *value)
{
    const struct metric_label labels[] = { { label, value } };
    struct kaftan_metric *m = metric_new_checked(g, METRIC_GAUGE, name, "1 for the text in its label", labels, 1);
    if (m)
        metric_set(m, 1);
}

static void metrics_open(struct kaftan_task *t)
{
    const struct metric_label labels[] = { { "connector", t->connector } };
    t->metrics = metrics_group_new(t->worker->metrics, labels, 1);
    gauge(t->metrics, "kafka_connect_connector_connector_class", "connector_class", t->class->name);
    gauge(t->metrics, "kafka_connect_connector_connector_type", "connector_type", "source");
    gauge(t->metrics, "kafka_connect_connector_connector_version", "connector_version", t->class->version);
}

/* Its tasks will need them; what is wrong with them is known now. */
static struct kaftan_error *check_topic_groups(const struct kaftan_task *t)
{
    struct topic_groups *groups = NULL;
    if (!worker_values(t->worker->config)->topic_creation)
        return NULL;
    struct kaftan_error *err = topic_groups_new(t->config, &groups);
    topic_groups_free(groups);
    return err;
}

static struct kaftan_error *parse_all(struct connector *c)
{
    struct kaftan_error *err = run_config_parse(c->work->config, &c->run_values);
    if (!err)
        err = check_topic_groups(c->work);
    if (!err)
        err = work_parse(c->work, &c->values);
    return err ? err : work_refresh_offsets(c->work);
}

/* On failure nothing is parsed, and the class is not yet this connector's: its status has no version. */
static struct kaftan_error *initialize(struct connector *c)
{
    struct kaftan_error *err = work_find_class(c->work);
    if (err)
        return err;
    if (!c->work->metrics)
        metrics_open(c->work);
    err = parse_all(c);
    if (!err)
        return NULL;
    config_values_free(c->values);
    config_values_free(c->run_values);
    c->values = c->run_values = NULL;
    c->work->class = NULL;
    return err;
}

/* Takes err: the connector is FAILED, its status says why; a copy for the event comes back. */
static struct kaftan_error *fail(struct connector *c, struct kaftan_error *err)
{
    struct buf trace = BUF_INIT;
    c->state = CONNECTOR_FAILED;
    error_trace(err, &trace);
    log_error(&logger, "connector failed", LOG_ERR(err));
    work_status(c->work, STATE_FAILED, buf_text(&trace));
    buf_fini(&trace);
    return err;
}

static void end_plugin(struct connector *c)
{
    if (!c->running)
        return;
    c->running = false;
    if (class_of(c)->end)
        class_of(c)->end(c->self);
    c->self = NULL;
}

static struct kaftan_error *go_started(struct connector *c)
{
    if (c->state == CONNECTOR_STARTED)
        return NULL;
    if (c->state == CONNECTOR_FAILED)
        return kaftan_error_new(KAFTAN_E_CONFLICT, "Connector %s has failed and must be restarted", c->work->connector);
    struct kaftan_error *err = c->work->class ? NULL : initialize(c); /* it was FAILED, then STOPPED */
    if (!err && class_of(c)->start)
        err = class_of(c)->start(config_values_get(c->values), c->work, &c->self);
    if (err)
        return fail(c, err);
    c->running = class_of(c)->start != NULL;
    c->state = CONNECTOR_STARTED;
    work_status(c->work, STATE_RUNNING, NULL);
    return NULL;
}

static struct kaftan_error *go_quiet(struct connector *c, enum connector_state state)
{
    if (c->state == CONNECTOR_FAILED && state != CONNECTOR_STOPPED)
        return kaftan_error_new(KAFTAN_E_CONFLICT, "Connector %s has failed and must be restarted", c->work->connector);
    if (c->state == state)
        return NULL;
    end_plugin(c);
    c->state = state;
    work_status(c->work, state == CONNECTOR_PAUSED ? STATE_PAUSED : STATE_STOPPED, NULL);
    return NULL;
}

static void follow_target(struct connector *c)
{
    struct kaftan_task *t = c->work;
    const struct worker_events *e = &t->worker->events;
    struct kaftan_error *err;
    if (!t->slot_full)
        return;
    t->slot_full = false;
    enum target_state target = t->slot;
    if (target == TARGET_STARTED)
        err = go_started(c);
    else
        err = go_quiet(c, target == TARGET_PAUSED ? CONNECTOR_PAUSED : CONNECTOR_STOPPED);
    if (work_abandoned(t)) {
        kaftan_error_free(err);
        return;
    }
    log_info(&logger, err ? "connector could not follow" : "connector state", LOG_STR("target", target_state_name(target)));
    e->connector_started(e->self, t->connector, target, err);
}

/* ---- task configs ---- */

static struct kaftan_error *make_configs(struct connector *c, struct kaftan_task_configs *configs)
{
    struct kaftan_task *t = c->work;
    const struct run_config *run;
    if (c->state != CONNECTOR_STARTED)
        return kaftan_error_new(KAFTAN_E_CONFLICT, "Connector %s is not running", t->connector);
    run = config_values_get(c->run_values);
    if (!class_of(c)->task_configs) {
        kaftan_task_configs_add(configs);
    } else {
        struct kaftan_error *err =
            class_of(c)->task_configs(config_values_get(c->values), t, t->max_tasks, configs);
        if (err)
            return err;
    }
    size_t count = task_configs_count(configs);
    if (count <= (size_t)t->max_tasks)
        return NULL;
    struct kaftan_error *err = work_too_many(t, (int32_t)count, t->max_tasks);
    if (run->tasks_max_enforce) {
        end_plugin(c);
        return fail(c, err);
    }
    log_warn(&logger, "more task configs than tasks.max", LOG_ERR(err));
    kaftan_error_free(err);
    return NULL;
}

static void answer_configs(struct connector *c)
{
    struct kaftan_task *t = c->work;
    while (t->configs_asked > 0) {
        struct kaftan_task_configs *configs = task_configs_new(t);
        struct kaftan_error *err = make_configs(c, configs);
        t->configs_asked--;
        int32_t count = 0;
        struct text_map **list = err ? NULL : task_configs_take(configs, &count);
        task_configs_free(configs);
        if (!work_abandoned(t)) {
            work_answer_configs(t, list, count, err);
            continue;
        }
        for (int32_t i = 0; i < count; i++)
            text_map_unref(list[i]);
        mem_free(list);
        kaftan_error_free(err);
    }
}

/* ---- the thread ---- */

static void answer_failed_start(struct connector *c, struct kaftan_error *err)
{
    struct kaftan_task *t = c->work;
    const struct worker_events *e = &t->worker->events;
    enum target_state target = t->slot;
    err = fail(c, err);
    if (work_abandoned(t) || target == TARGET_STOPPED) {
        kaftan_error_free(err);
        return; /* STOPPED leads out of FAILED: the slot is followed next */
    }
    t->slot_full = false;
    e->connector_started(e->self, t->connector, target, err);
}

void connector_run(void *arg)
{
    struct kaftan_task *t = OBJ_FROM(struct kaftan_task, WORK_MAGIC, arg);
    struct connector c = { .work = t };
    log_context(t->connector, -1);
    t->slot = t->target;
    t->slot_full = true;
    struct kaftan_error *err = initialize(&c);
    if (!work_abandoned(t))
        startup_count(&t->worker->connectors, !err);
    if (err)
        answer_failed_start(&c, err);
    while (!work_stopping(t)) {
        follow_target(&c);
        answer_configs(&c);
        struct message *m = mailbox_wait(t->box, -1);
        if (m)
            m->handle(m, t);
    }
    end_plugin(&c);
    while (t->configs_asked > 0 && !work_abandoned(t)) {
        t->configs_asked--;
        work_answer_configs(t, NULL, 0,
                            kaftan_error_new(KAFTAN_E_CONFLICT, "Connector %s is not running", t->connector));
    }
    config_values_free(c.values);
    config_values_free(c.run_values);
    if (work_end_begin(t))
        work_status(t, STATE_UNASSIGNED, NULL);
    work_end(t);
}
