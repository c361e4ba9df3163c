/* SPDX-License-Identifier: Apache-2.0 */
/* What the worker does for a connector or task at work: the functions of task.h, source.h and metrics.h. */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "config/keys.h"
#include "runtime/source_task_int.h"
#include "runtime/task_configs_int.h"

const char *kaftan_task_connector(const struct kaftan_task *t)
{
    return t->connector;
}

int32_t kaftan_task_number(const struct kaftan_task *t)
{
    return t->number;
}

const char *kaftan_task_group_id(const struct kaftan_task *t)
{
    if (work_abandoned(t) || !worker_config_distributed(t->worker->config))
        return "";
    const char *group = worker_values(t->worker->config)->group_id;
    return group ? group : "";
}

const char *kaftan_task_class(const struct kaftan_task *t)
{
    const char *name = text_map_get(t->config, "connector.class");
    return name ? name : "";
}

const struct kaftan_config_texts *kaftan_task_texts(const struct kaftan_task *t)
{
    return config_texts_of(t->task_config);
}

static struct kaftan_error *no_task(const struct kaftan_task *t)
{
    return kaftan_error_new(KAFTAN_E_CONFLICT, "connector \"%s\": only a task can do this", t->connector);
}

struct kaftan_error *kaftan_task_partition(struct kaftan_task *t, const struct kaftan_value *partition, uint32_t *ret)
{
    return t->source ? partitions_number(t->source->partitions, partition, ret) : no_task(t);
}

struct kaftan_error *kaftan_task_offset(struct kaftan_task *t, const struct kaftan_value *partition,
                                        struct kaftan_arena *a, struct kaftan_value *ret)
{
    struct buf json = BUF_INIT;
    size_t length = 0;
    if (work_abandoned(t))
        return kaftan_error_new(KAFTAN_E_UNAVAILABLE, "this task has been given up");
    struct kaftan_error *err = offset_json(partition, &json);
    if (err) {
        buf_fini(&json);
        return err;
    }
    char *stored = store_get_offset(t->worker->store, t->connector, json.data, json.len, &length);
    buf_fini(&json);
    *ret = kaftan_null();
    if (stored) /* a copy, because strings of the value may stay where they stand in the text */
        err = kaftan_value_from_json(a, kaftan_arena_copy(a, stored, length), length, ret);
    if (!err && ret->kind != KAFTAN_KIND_MAP && ret->kind != KAFTAN_KIND_NULL)
        err = kaftan_error_new(KAFTAN_E_DATA, "it is no JSON object");
    if (err)
        err = kaftan_error_wrap(err, "connector \"%s\": a stored offset cannot be read", t->connector);
    mem_free(stored);
    return err;
}

void kaftan_task_offset_touch(struct kaftan_task *t, uint32_t partition)
{
    struct source_partition *p = t->source ? partitions_at(t->source->partitions, partition) : NULL;
    if (p)
        p->touched = true;
}

void kaftan_task_flush_request(struct kaftan_task *t)
{
    t->flush_asked = true;
}

bool kaftan_task_still_owned(const struct kaftan_task *t)
{
    if (work_abandoned(t))
        return false;
    const struct worker_events *e = &t->worker->events;
    return clock_mono_ms() < e->owned_until(e->self);
}

void kaftan_task_wait_until(struct kaftan_task *t, kaftan_deadline until)
{
    t->wait_until = until > 0 ? until : 1; /* a time gone by: do not wait */
}

void kaftan_task_idle_until(struct kaftan_task *t, kaftan_deadline until)
{
    kaftan_task_wait_until(t, until);
    t->idle = true;
}

struct kaftan_error *kaftan_task_dead_letter(struct kaftan_task *t, const struct kaftan_record *raw,
                                             const char *reason)
{
    return t->source ? source_dead_given(t->source, raw, reason) : no_task(t);
}

bool kaftan_task_has_dead_letters(const struct kaftan_task *t)
{
    return t->source && topics_dead_letter(t->source->topics);
}

bool kaftan_task_takes_json(const struct kaftan_task *t)
{
    static const char schemas[] = "value.converter.schemas.enable";
    if (!t->source || !t->source->value.class ||
        strcmp(t->source->value.class->name, "org.apache.kafka.connect.json.JsonConverter") != 0)
        return false;
    /* A converter's keys come from where it is named. */
    const struct text_map *level = text_map_get(t->config, "value.converter") ? t->config
                                                                              : worker_config_props(t->worker->config);
    const char *text = text_map_get(level, schemas);
    return text && strcasecmp(text, "false") == 0;
}

bool kaftan_task_tolerates(const struct kaftan_task *t)
{
    return t->source && strcmp(t->source->run->tolerance, "all") == 0;
}

void kaftan_task_skipped(struct kaftan_task *t, const char *reason, uint64_t count)
{
    if (t->source) {
        source_given_up(t->source, reason, count);
        task_metrics_error(&t->source->metrics, TM_SKIPPED, (int64_t)count);
    }
    work_skipped(t, reason, count);
}

void kaftan_task_reconfigure(struct kaftan_task *t)
{
    if (work_flags(t) & (WORK_STOP | WORK_ENDING | WORK_ABANDONED))
        return;
    const struct worker_events *e = &t->worker->events;
    e->reconfigure(e->self, t->connector);
}

struct kaftan_error *kaftan_metric_new(struct kaftan_task *t, enum kaftan_metric_kind kind, const char *name,
                                       const char *help, const char *label, const char *label_value,
                                       struct kaftan_metric **ret)
{
    static const enum metric_kind kinds[] = { [KAFTAN_COUNTER] = METRIC_COUNTER,
                                              [KAFTAN_GAUGE] = METRIC_GAUGE,
                                              [KAFTAN_HISTOGRAM] = METRIC_HISTOGRAM };
    const struct metric_label labels[] = { { label, label_value } };
    if (!t->metrics || (size_t)kind >= COUNT_OF(kinds))
        return kaftan_error_new(KAFTAN_E_INVALID, "no metric can be made here");
    struct kaftan_metric *m = metric_new_checked(t->metrics, kinds[kind], name, help, labels, label ? 1 : 0);
    if (!m)
        return kaftan_error_new(KAFTAN_E_INVALID, "'%s' is no name of a metric", name);
    *ret = m;
    return NULL;
}

/* ---- task configs ---- */

struct kaftan_task_configs {
    const struct kaftan_task *connector; /* borrowed */
    struct text_map **items;             /* owned, each a reference */
    size_t count;
};

struct kaftan_task_configs *task_configs_new(struct kaftan_task *connector)
{
    struct kaftan_task_configs *c = mem_zalloc(1, sizeof *c);
    c->connector = connector;
    return c;
}

void task_configs_free(struct kaftan_task_configs *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->count; i++)
        text_map_unref(c->items[i]);
    mem_free(c->items);
    mem_free(c);
}

size_t task_configs_count(const struct kaftan_task_configs *c)
{
    return c->count;
}

struct text_map **task_configs_take(struct kaftan_task_configs *c, int32_t *ret_count)
{
    char buffer[256];
    struct text_map **items = c->items;
    for (size_t i = 0; i < c->count; i++)
        text_map_put(items[i], "task.class", plugin_task_class(c->connector->class, buffer));
    *ret_count = (int32_t)c->count;
    c->items = NULL;
    c->count = 0;
    return items ? items : mem_zalloc(1, sizeof(struct text_map *));
}

void kaftan_task_configs_add(struct kaftan_task_configs *c)
{
    c->items = mem_realloc(c->items, c->count + 1, sizeof(struct text_map *));
    c->items[c->count++] = text_map_copy(c->connector->config);
}

void kaftan_task_configs_set(struct kaftan_task_configs *c, const char *key, const char *value)
{
    if (c->count > 0)
        text_map_put(c->items[c->count - 1], key, value);
}
