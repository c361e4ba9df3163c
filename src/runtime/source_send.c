/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of a record: from the batch into the order of its source partition,
 * through the converters to the producer; back comes a report, and when
 * everything before it in its partition is finished as well, the connector
 * hears of it. Records leave the batch strictly in order; the one at the head
 * may have to wait (for its topic, for room in the producer, for a retry),
 * and then all wait, while service goes on.
 *
 * Nothing here allocates per record but from the batch's arena.
 */
#include "config.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/source_task_int.h"

static struct log logger = LOG("runtime.send");

enum step { STEP_DONE, STEP_WAIT, STEP_FAILED };

/* ---- giving back ---- */

void source_deliver(struct source_task *t)
{
    size_t n = t->delivery_count;
    struct kaftan_delivery copy[REPORTS_AT_ONCE];
    if (n == 0)
        return;
    /* A copy, because the connector may finish records (dead letters) in here. */
    memcpy(copy, t->deliveries, n * sizeof *copy);
    t->delivery_count = 0;
    if (t->class->delivered)
        t->class->delivered(t->self, copy, n);
}

void source_finish(struct source_task *t, struct slot *s, enum kaftan_outcome outcome)
{
    struct source_partition *p = s->partition;
    order_finish(s, outcome);
    while ((s = order_take(p)) != NULL) {
        if (t->delivery_count == REPORTS_AT_ONCE)
            source_deliver(t);
        t->deliveries[t->delivery_count++] = (struct kaftan_delivery){ s->record.token, p->number, s->outcome };
        batch_finished(t->pool, s);
    }
}

/* True: it is in Kafka. */
static bool report(struct source_task *t, const struct producer_report *r, kaftan_deadline now)
{
    struct slot *s = (struct slot *)(uintptr_t)r->token;
    if (r->err) {
        source_not_stored(t, s, r->err);
        return false;
    }
    bool record = s->kind == SLOT_RECORD;
    if (record && topic_seen(s->topic, now) && worker_values(t->work->worker->config)->topic_tracking &&
        !work_abandoned(t->work))
        store_topic_seen(t->work->worker->store, t->work->connector, t->work->number, topic_name(s->topic));
    source_finish(t, s, s->kind == SLOT_DEAD_FAILED ? KAFTAN_SKIPPED : KAFTAN_STORED);
    return record;
}

void source_full(struct source_task *t)
{
    t->full = true;
    t->full_until = kaftan_now_us() + WAIT_LIMIT_US;
}

size_t source_reports(struct source_task *t)
{
    size_t all = 0, written = 0, n;
    kaftan_deadline now = kaftan_now_us();
    do {
        n = producer_reports(t->producer, t->reports, REPORTS_AT_ONCE);
        for (size_t i = 0; i < n; i++)
            written += report(t, &t->reports[i], now);
        all += n;
        source_deliver(t);
    } while (n == REPORTS_AT_ONCE && all < IN_FLIGHT_LIMIT);
    if (all > 0 || now >= t->full_until)
        t->full = false;
    if (written > 0)
        task_metrics_written(&t->metrics, now / 1000, written);
    return all;
}

/* ---- converting ---- */

static struct kaftan_error *convert_headers(struct source_task *t, const struct kaftan_record *r,
                                            struct producer_record *ret)
{
    const struct kaftan_header_converter *class = t->header.class->as.header_converter;
    struct kaftan_arena *a = batch_pool_arena(t->pool);
    struct producer_header *headers = arena_alloc(a, r->header_count * sizeof *headers);
    for (size_t i = 0; i < r->header_count; i++) {
        const struct kaftan_header *h = &r->headers[i];
        headers[i].name = h->key;
        headers[i].value = (struct kaftan_slice){ NULL, 0 };
        struct kaftan_error *err =
            class->from_connect(t->header.self, a, r->topic, h->key, h->schema, &h->value, &headers[i].value);
        if (err)
            return err;
    }
    ret->headers = headers;
    ret->header_count = r->header_count;
    return NULL;
}

/* Headers, key, value, in Java's order; *ret_stage says where it failed. */
static struct kaftan_error *convert(struct source_task *t, struct slot *s, struct producer_record *ret,
                                    enum stage *ret_stage, const char **ret_class)
{
    const struct kaftan_record *r = &s->record;
    struct kaftan_arena *a = batch_pool_arena(t->pool);
    struct kaftan_error *err = NULL;
    memset(ret, 0, sizeof *ret);
    ret->topic = r->topic;
    ret->partition = r->partition;
    ret->timestamp = r->timestamp;
    ret->token = (uint64_t)(uintptr_t)s;
    if (r->header_count > 0) {
        *ret_stage = STAGE_HEADER_CONVERTER;
        *ret_class = t->header.class->name;
        err = convert_headers(t, r, ret);
    }
    if (!err) {
        *ret_stage = STAGE_KEY_CONVERTER;
        *ret_class = t->key.class->name;
        err = t->key.class->as.converter->from_connect(t->key.self, a, r->topic, r->key_schema, &r->key, &ret->key);
    }
    if (!err && r->value_ready) {
        ret->value = r->value.as.s;
    } else if (!err) {
        *ret_stage = STAGE_VALUE_CONVERTER;
        *ret_class = t->value.class->name;
        err = t->value.class->as.converter->from_connect(t->value.self, a, r->topic, r->value_schema, &r->value,
                                                         &ret->value);
    }
    return err;
}

/* ---- sending ---- */

/* The record at the head leaves the batch: whatever becomes of it, the next one is at the head. */
static void leave(struct source_task *t)
{
    batch_pool_sent(t->pool);
    t->ready_for = NULL;
    t->retry.attempts = 0;
    t->send_after = 0;
}

static enum step failed(struct source_task *t, struct slot *s, enum stage stage, const char *class_name,
                        struct kaftan_error *err)
{
    switch (source_failed(t, stage, class_name, s, &err)) {
    case VERDICT_AGAIN:
        return STEP_WAIT;
    case VERDICT_SKIP:
        leave(t);
        source_skip(t, s, stage, class_name, err);
        return STEP_DONE;
    case VERDICT_FAIL:
    default:
        leave(t);
        source_finish(t, s, KAFTAN_FAILED);
        return STEP_FAILED;
    }
}

/* Puts the record in the order of its partition; an unknown number is the connector's mistake. */
static bool enter(struct source_task *t, struct slot *s)
{
    struct source_partition *p = partitions_at(t->partitions, s->record.source_partition);
    if (p) {
        order_add(p, s);
        return true;
    }
    if (!t->error)
        t->error = kaftan_error_new(KAFTAN_E_INTERNAL, "the connector gave a record of source partition %u, which it "
                                                       "never asked for", s->record.source_partition);
    return false;
}

static enum step make_ready(struct source_task *t, struct slot *s)
{
    enum stage stage = STAGE_KEY_CONVERTER;
    const char *class_name = "";
    if (!s->record.topic.ptr || s->record.topic.len == 0 || s->record.timestamp < KAFTAN_NO_TIMESTAMP)
        return failed(t, s, STAGE_KAFKA_PRODUCE, t->work->class->name,
                      kaftan_error_new(KAFTAN_E_DATA, s->record.topic.len == 0 ? "the record has no topic"
                                                                              : "the record's timestamp is below -1"));
    struct kaftan_error *err = convert(t, s, &t->ready, &stage, &class_name);
    if (err)
        return failed(t, s, stage, class_name, err);
    s->topic = topics_find(t->topics, s->record.topic);
    t->ready_for = s;
    return STEP_DONE;
}

static enum step topic_ready(struct source_task *t, struct slot *s)
{
    struct kaftan_error *err = NULL;
    enum topics_answer answer = topics_ready(t->topics, s->topic, &err);
    if (answer == TOPIC_READY)
        return STEP_DONE;
    if (answer == TOPIC_WAIT)
        return STEP_WAIT;
    t->error = err;
    leave(t);
    source_finish(t, s, KAFTAN_FAILED);
    return STEP_FAILED;
}

static enum step produce(struct source_task *t, struct slot *s)
{
    struct kaftan_error *err = NULL;
    switch (producer_send(t->producer, &t->ready, &err)) {
    case PRODUCER_TAKEN:
        leave(t);
        return STEP_DONE;
    case PRODUCER_FULL:
        source_full(t);
        return STEP_WAIT;
    case PRODUCER_REFUSED:
    default:
        leave(t);
        source_not_stored(t, s, err);
        return t->error ? STEP_FAILED : STEP_DONE;
    }
}

static enum step send_one(struct source_task *t, struct slot *s)
{
    enum step step = STEP_DONE;
    if (!s->partition && !enter(t, s)) {
        batch_pool_sent(t->pool);
        batch_finished(t->pool, s);
        return STEP_FAILED;
    }
    if (s->kind == SLOT_DEAD_GIVEN) {
        leave(t);
        source_dead_add(t, s);
        return STEP_DONE;
    }
    if (t->ready_for != s) {
        step = make_ready(t, s);
        if (step != STEP_DONE || t->ready_for != s)
            return step; /* skipped records have left already */
    }
    step = topic_ready(t, s);
    return step == STEP_DONE ? produce(t, s) : step;
}

/*
 * Not while another worker may have the task, nor once it was given up: both would be sent twice, and after what their
 * successor has sent. Either the task is stopped next, or it is ours again.
 */
static bool may_send(struct source_task *t)
{
    bool owned = kaftan_task_still_owned(t->work);
    if (!owned && !t->held && batch_pool_unsent(t->pool))
        log_warn(&logger, "records wait: this worker is not sure to own the task any more");
    t->held = !owned;
    return owned;
}

bool source_send(struct source_task *t)
{
    struct slot *s;
    if (!may_send(t))
        return false;
    bool moved = source_dead_send(t);
    if (t->full || (t->send_after != 0 && kaftan_now_us() < t->send_after))
        return moved;
    while (!t->error && (s = batch_pool_unsent(t->pool)) != NULL) {
        if (send_one(t, s) != STEP_DONE)
            break;
        moved = true;
    }
    moved = source_dead_send(t) || moved;
    source_deliver(t);
    return moved;
}

/* ---- giving up ---- */

static void fail_slot(struct source_task *t, struct slot *s)
{
    if (!s->partition && !enter(t, s)) {
        batch_finished(t->pool, s);
        return;
    }
    source_finish(t, s, KAFTAN_FAILED);
}

void source_send_give_up(struct source_task *t)
{
    for (struct slot *s; (s = batch_pool_unsent(t->pool)) != NULL;) {
        leave(t);
        fail_slot(t, s);
    }
    for (struct slot *s; (s = t->dead_first) != NULL;) {
        t->dead_first = s->dead_next;
        fail_slot(t, s);
    }
    t->dead_last = NULL;
    source_deliver(t);
}

void source_fail_open(struct source_task *t)
{
    for (uint32_t i = 0; i < partitions_count(t->partitions); i++) {
        struct source_partition *p = partitions_at(t->partitions, i);
        while (p->head) {
            struct slot *s = p->head;
            ASSERT(!s->finished);
            source_finish(t, s, KAFTAN_FAILED);
        }
    }
    source_deliver(t);
}
