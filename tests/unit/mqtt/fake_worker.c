/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "fake_worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

extern const struct kaftan_plugin kaftan_plugin;

struct kaftan_batch {
    struct kaftan_arena *arena;
    struct kaftan_record *records;
    size_t count, room;
};

/* ---- metrics: one table for the whole program */

struct kaftan_metric {
    char name[160];
    double value;
};
enum { METRICS = 512 };
static struct kaftan_metric metrics_table[METRICS];

static struct kaftan_metric *metric_find(const char *name)
{
    for (size_t i = 0; i < METRICS; i++) {
        if (!metrics_table[i].name[0])
            (void)snprintf(metrics_table[i].name, sizeof metrics_table[i].name, "%s", name);
        if (strcmp(metrics_table[i].name, name) == 0)
            return &metrics_table[i];
    }
    return &metrics_table[METRICS - 1];
}

struct kaftan_error *kaftan_metric_new(struct kaftan_task *t, enum kaftan_metric_kind kind, const char *name,
                                       const char *help, const char *label, const char *label_value,
                                       struct kaftan_metric **ret)
{
    char full[160];
    (void)t;
    (void)kind;
    (void)help;
    if (label)
        (void)snprintf(full, sizeof full, "%s{%s=\"%s\"}", name, label, label_value);
    else
        (void)snprintf(full, sizeof full, "%s", name);
    *ret = metric_find(full);
    (*ret)->value = 0;
    return NULL;
}

void kaftan_metric_add(struct kaftan_metric *m, int64_t n)
{
    m->value += (double)n;
}

void kaftan_metric_set(struct kaftan_metric *m, double value)
{
    m->value = value;
}

void kaftan_metric_observe(struct kaftan_metric *m, double seconds)
{
    (void)seconds;
    m->value += 1;
}

double fake_metric(const char *name_and_labels)
{
    return metric_find(name_and_labels)->value;
}

/* ---- the task */

const char *kaftan_task_connector(const struct kaftan_task *t)
{
    return t->name;
}

int32_t kaftan_task_number(const struct kaftan_task *t)
{
    (void)t;
    return 0;
}

const char *kaftan_task_group_id(const struct kaftan_task *t)
{
    return t->group;
}

const struct kaftan_config_texts *kaftan_task_texts(const struct kaftan_task *t)
{
    return config_texts_of(t->texts);
}

struct kaftan_error *kaftan_task_partition(struct kaftan_task *t, const struct kaftan_value *partition, uint32_t *ret)
{
    (void)partition;
    *ret = 40 + (uint32_t)t->partitions++;
    return NULL;
}

struct kaftan_error *kaftan_task_offset(struct kaftan_task *t, const struct kaftan_value *partition,
                                        struct kaftan_arena *a, struct kaftan_value *ret)
{
    (void)partition;
    *ret = kaftan_null();
    return t->stored ? kaftan_value_from_json(a, t->stored, strlen(t->stored), ret) : NULL;
}

void kaftan_task_offset_touch(struct kaftan_task *t, uint32_t partition)
{
    (void)t;
    (void)partition;
}

void kaftan_task_flush_request(struct kaftan_task *t)
{
    t->flush_asked = true;
}

bool kaftan_task_still_owned(const struct kaftan_task *t)
{
    return t->owned;
}

void kaftan_task_wait_until(struct kaftan_task *t, kaftan_deadline until)
{
    t->wait_until = until;
}

bool kaftan_task_has_dead_letters(const struct kaftan_task *t)
{
    return t->dead_letters;
}

bool kaftan_task_takes_json(const struct kaftan_task *t)
{
    const char *schemas = kaftan_config_text(kaftan_task_texts(t), "value.converter.schemas.enable");
    return schemas && strcmp(schemas, "false") == 0;
}

bool kaftan_task_tolerates(const struct kaftan_task *t)
{
    return t->tolerates;
}

void kaftan_task_skipped(struct kaftan_task *t, const char *reason, uint64_t count)
{
    t->skipped += count;
    (void)snprintf(t->skipped_reason, sizeof t->skipped_reason, "%s", reason);
}

void kaftan_task_configs_add(struct kaftan_task_configs *c)
{
    (void)c;
}

void kaftan_task_configs_set(struct kaftan_task_configs *c, const char *key, const char *value)
{
    (void)c;
    (void)key;
    (void)value;
}

/* ---- batches */

struct kaftan_arena *kaftan_batch_arena(struct kaftan_batch *b)
{
    return b->arena;
}

struct kaftan_record *kaftan_batch_add(struct kaftan_batch *b)
{
    if (b->count == b->room)
        return NULL;
    struct kaftan_record *r = &b->records[b->count++];
    *r = (struct kaftan_record){ .partition = KAFTAN_NO_PARTITION, .timestamp = KAFTAN_NO_TIMESTAMP };
    return r;
}

size_t kaftan_batch_room(const struct kaftan_batch *b)
{
    return b->room - b->count;
}

size_t kaftan_batch_count(const struct kaftan_batch *b)
{
    return b->count;
}

static void value_text(const struct kaftan_value *v, struct buf *to)
{
    struct kaftan_arena *a = kaftan_arena_new();
    struct kaftan_slice s = { "", 0 };
    if (v->kind == KAFTAN_KIND_STRING || v->kind == KAFTAN_KIND_BYTES)
        buf_put_slice(to, v->as.s);
    else if (v->kind == KAFTAN_KIND_MAP)
        buf_puts(to, "{map}");
    else if (kaftan_value_text(a, v, &s))
        buf_put_slice(to, s);
    kaftan_arena_free(a);
}

static char *copy_value(const struct kaftan_value *v, size_t *len)
{
    struct buf text = BUF_INIT;
    if (v->kind == KAFTAN_KIND_NULL)
        return NULL;
    value_text(v, &text);
    if (len)
        *len = text.len;
    (void)buf_text(&text);
    return buf_take(&text);
}

static void keep(struct kaftan_task *t, const struct kaftan_record *r, bool dead)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? 2 * t->cap : 64;
        t->records = mem_realloc(t->records, t->cap, sizeof *t->records);
    }
    struct fake_record *to = &t->records[t->count++];
    struct buf headers = BUF_INIT;
    *to = (struct fake_record){ .token = r->token, .partition = r->source_partition, .timestamp = r->timestamp,
                                .dead = dead };
    to->topic = mem_strndup(r->topic.ptr ? r->topic.ptr : "", r->topic.len);
    to->key = copy_value(&r->key, NULL);
    to->value = copy_value(&r->value, &to->value_len);
    for (size_t i = 0; i < r->header_count; i++) {
        buf_put_slice(&headers, r->headers[i].key);
        buf_putc(&headers, '=');
        value_text(&r->headers[i].value, &headers);
        buf_putc(&headers, ';');
    }
    (void)buf_text(&headers);
    to->headers = buf_take(&headers);
}

struct kaftan_error *kaftan_task_dead_letter(struct kaftan_task *t, const struct kaftan_record *raw,
                                             const char *reason)
{
    (void)snprintf(t->skipped_reason, sizeof t->skipped_reason, "%s", reason);
    keep(t, raw, true);
    return NULL;
}

/* ---- what tests call */

struct kaftan_task *fake_task_new(int class, const char *config)
{
    struct kaftan_task *t = mem_zalloc(1, sizeof *t);
    t->class = kaftan_plugin.sources[class];
    t->name = "c";
    t->group = "g";
    t->owned = true;
    t->batch_room = 1000;
    t->texts = text_map_new();
    text_map_put(t->texts, "tasks.max", "1");
    for (const char *p = config; *p;) {
        size_t line = strcspn(p, "\n"), key = strcspn(p, "=");
        char *k = mem_strndup(p, key), *v = mem_strndup(p + key + 1, line - key - 1);
        text_map_put(t->texts, k, v);
        mem_free(k);
        mem_free(v);
        p += line + (p[line] == '\n');
    }
    t->report = config_report_new();
    t->values = config_parse(t->class->config, t->class->config_size, t->texts, t->report);
    t->class->validate(config_values_get(t->values), config_texts_of(t->texts), t->report);
    return t;
}

void fake_task_free(struct kaftan_task *t)
{
    if (t->self)
        t->class->close(t->self);
    for (size_t i = 0; i < t->count; i++) {
        mem_free(t->records[i].topic);
        mem_free(t->records[i].key);
        mem_free(t->records[i].value);
        mem_free(t->records[i].headers);
    }
    mem_free(t->records);
    mem_free(t->stored);
    config_values_free(t->values);
    config_report_free(t->report);
    text_map_unref(t->texts);
    mem_free(t);
}

struct kaftan_error *fake_task_open(struct kaftan_task *t)
{
    return t->class->open(config_values_get(t->values), t, &t->self);
}

struct kaftan_error *fake_task_poll(struct kaftan_task *t)
{
    struct kaftan_batch b = { .arena = kaftan_arena_new(), .room = t->batch_room };
    b.records = mem_zalloc(t->batch_room, sizeof *b.records);
    uint64_t before = mem_count();
    struct kaftan_error *err = t->class->poll(t->self, 0, &b);
    t->allocations += mem_count() - before;
    for (size_t i = 0; i < b.count; i++)
        keep(t, &b.records[i], false);
    mem_free(b.records);
    kaftan_arena_free(b.arena);
    return err;
}

struct kaftan_error *fake_task_service(struct kaftan_task *t)
{
    return t->class->service(t->self, 0);
}

void fake_task_deliver(struct kaftan_task *t, size_t n, enum kaftan_outcome outcome)
{
    struct kaftan_delivery d[64];
    while (n > 0 && t->settled < t->count) {
        size_t k = 0;
        for (; k < 64 && n > 0 && t->settled < t->count; n--)
            d[k++] = (struct kaftan_delivery){ t->records[t->settled].token, t->records[t->settled].partition,
                                               outcome },
            t->records[t->settled++].settled = true;
        t->class->delivered(t->self, d, k);
    }
}

static void json(const struct kaftan_value *map, struct buf *to)
{
    for (size_t i = 0; i < map->as.map->count; i++) {
        const struct kaftan_map_entry *e = &map->as.map->entries[i];
        bool text = e->value.kind == KAFTAN_KIND_STRING;
        buf_puts(to, i ? ",\"" : "{\"");
        value_text(&e->key, to);
        buf_puts(to, text ? "\":\"" : "\":");
        for (size_t k = 0; text && k < e->value.as.s.len; k++) {
            if (e->value.as.s.ptr[k] == '\n')
                buf_puts(to, "\\n");
            else
                buf_putc(to, e->value.as.s.ptr[k]);
        }
        if (!text)
            value_text(&e->value, to);
        buf_puts(to, text ? "\"" : "");
    }
    buf_putc(to, '}');
}

char *fake_task_offset(struct kaftan_task *t)
{
    struct kaftan_arena *a = kaftan_arena_new();
    struct kaftan_value v = kaftan_null();
    struct buf text = BUF_INIT;
    if (t->class->offset_get(t->self, 40, a, &v))
        json(&v, &text);
    kaftan_arena_free(a);
    (void)buf_text(&text);
    return buf_take(&text);
}

const char *fake_task_problem(struct kaftan_task *t, const char *key, size_t index)
{
    const char *k, *text;
    for (size_t i = 0; config_report_at(t->report, &i, &k, &text);)
        if (strcmp(k, key) == 0 && index-- == 0)
            return text;
    return NULL;
}

const char *fake_task_warning(struct kaftan_task *t, size_t index)
{
    const char *text;
    for (size_t i = 0; config_report_warning_at(t->report, &i, &text);)
        if (index-- == 0)
            return text;
    return NULL;
}
