/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a record that fails (KIP-298). Errors that may pass are
 * tried again within errors.retry.timeout; when that is over the record is
 * skipped whatever errors.tolerance says. Other errors end the task, or with
 * errors.tolerance=all skip the record. What is skipped goes to the
 * dead-letter topic if one is named, and only counts as finished when it is
 * stored there: otherwise it would be lost between the two.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "runtime/source_task_int.h"

static struct log logger = LOG("runtime.errors");

enum { RETRY_FIRST_MS = 300, CONTEXT_HEADERS = 10 };

const char *stage_name(enum stage stage)
{
    static const char *const names[] = {
        [STAGE_TASK_POLL] = "TASK_POLL",
        [STAGE_KEY_CONVERTER] = "KEY_CONVERTER",
        [STAGE_VALUE_CONVERTER] = "VALUE_CONVERTER",
        [STAGE_HEADER_CONVERTER] = "HEADER_CONVERTER",
        [STAGE_KAFKA_PRODUCE] = "KAFKA_PRODUCE",
    };
    return names[stage];
}

/* Tools that read dead letters know Java's exceptions. */
static const char *exception_name(const struct kaftan_error *err)
{
    switch (kaftan_error_code(err)) {
    case KAFTAN_E_DATA:
        return "org.apache.kafka.connect.errors.DataException";
    case KAFTAN_E_RETRIABLE:
    case KAFTAN_E_TIMEOUT:
    case KAFTAN_E_UNAVAILABLE:
        return "org.apache.kafka.connect.errors.RetriableException";
    case KAFTAN_E_KAFKA:
        return "org.apache.kafka.common.KafkaException";
    default:
        return "org.apache.kafka.connect.errors.ConnectException";
    }
}

enum { SENTENCE = 512 };

static void java_sentence(const struct source_task *t, enum stage stage, const char *class_name, char ret[SENTENCE])
{
    (void)snprintf(ret, SENTENCE, "Error encountered in task %s-%d. Executing stage '%s' with class '%s'.", t->work->connector,
                   (int)t->work->number, stage_name(stage), class_name);
}

static void log_failure(struct source_task *t, enum stage stage, const char *class_name, const struct slot *s,
                        const struct kaftan_error *err)
{
    char sentence[SENTENCE];
    if (!t->run->log_enable)
        return;
    java_sentence(t, stage, class_name, sentence);
    task_metrics_error(&t->metrics, TM_LOGGED, 1);
    if (!t->run->log_messages) {
        log_error(&logger, sentence, LOG_ERR(err));
        return;
    }
    const struct source_partition *p = partitions_at(t->partitions, s->record.source_partition);
    log_error(&logger, sentence, LOG_SLICE("topic", s->record.topic), LOG_INT("partition", s->record.partition),
              LOG_INT("timestamp", s->record.timestamp), LOG_STR("source_partition", p ? p->json : NULL), LOG_ERR(err));
}

void source_given_up(struct source_task *t, const char *reason, uint64_t count)
{
    char sentence[SENTENCE];
    task_metrics_error(&t->metrics, TM_FAILURES, (int64_t)count);
    task_metrics_error(&t->metrics, TM_ERRORS, (int64_t)count);
    if (!t->run->log_enable)
        return;
    java_sentence(t, STAGE_TASK_POLL, t->work->class->name, sentence);
    task_metrics_error(&t->metrics, TM_LOGGED, (int64_t)count);
    log_error(&logger, sentence, LOG_STR("error", reason), LOG_INT("count", (int64_t)count));
}

/* True: try again, t->send_after says when. */
static bool again(struct source_task *t)
{
    const struct run_config *run = t->run;
    kaftan_deadline now = kaftan_now_us();
    struct retry *r = &t->retry;
    if (r->attempts++ == 0)
        r->first = now;
    if (run->retry_timeout_ms == 0)
        return false;
    int64_t delay = r->attempts > 30 ? INT64_MAX : (int64_t)RETRY_FIRST_MS << (r->attempts - 1);
    if (delay > run->retry_delay_max_ms)
        delay = run->retry_delay_max_ms > 0 ? (int64_t)kaftan_random((uint64_t)run->retry_delay_max_ms) : 0;
    if (run->retry_timeout_ms > 0) {
        int64_t left = run->retry_timeout_ms - (now - r->first) / 1000;
        if (left <= 0)
            return false;
        delay = delay < left ? delay : left;
    }
    t->send_after = now + delay * 1000;
    return true;
}

enum verdict source_failed(struct source_task *t, enum stage stage, const char *class_name, const struct slot *s,
                           struct kaftan_error **err)
{
    bool retriable = kaftan_error_retriable(*err);
    task_metrics_error(&t->metrics, TM_FAILURES, 1);
    if (retriable && again(t)) {
        task_metrics_error(&t->metrics, TM_RETRIES, 1);
        kaftan_error_free(*err);
        return VERDICT_AGAIN;
    }
    task_metrics_error(&t->metrics, TM_ERRORS, 1);
    log_failure(t, stage, class_name, s, *err);
    if (retriable || strcmp(t->run->tolerance, "all") == 0)
        return VERDICT_SKIP;
    if (t->error)
        kaftan_error_free(*err);
    else
        t->error = kaftan_error_wrap(*err, "Tolerance exceeded in error handler");
    return VERDICT_FAIL;
}

/* ---- dead letters ---- */

static const struct failure *failure_new(struct kaftan_arena *a, enum stage stage, const char *class_name,
                                         const struct kaftan_error *err)
{
    struct buf trace = BUF_INIT;
    struct failure *f = arena_zalloc(a, 1, sizeof *f);
    error_trace(err, &trace);
    f->stage = stage;
    f->class_name = class_name;
    f->exception = exception_name(err);
    f->message = arena_strndup(a, kaftan_error_message(err), strlen(kaftan_error_message(err)));
    f->trace = arena_strndup(a, trace.data ? trace.data : "", trace.len);
    buf_fini(&trace);
    return f;
}

void source_dead_add(struct source_task *t, struct slot *s)
{
    s->dead_next = NULL;
    if (t->dead_last)
        t->dead_last->dead_next = s;
    else
        t->dead_first = s;
    t->dead_last = s;
}

void source_skip(struct source_task *t, struct slot *s, enum stage stage, const char *class_name,
                 struct kaftan_error *err)
{
    task_metrics_error(&t->metrics, TM_SKIPPED, 1);
    work_skipped(t->work, stage_name(stage), 1);
    if (topics_dead_letter(t->topics)) {
        s->kind = SLOT_DEAD_FAILED;
        s->failure = failure_new(batch_arena(s), stage, class_name, err);
        source_dead_add(t, s);
    } else {
        source_finish(t, s, KAFTAN_SKIPPED);
    }
    kaftan_error_free(err);
}

void source_not_stored(struct source_task *t, struct slot *s, struct kaftan_error *err)
{
    const char *class_name = t->work->class->name;
    if (s->kind != SLOT_RECORD) {
        task_metrics_error(&t->metrics, TM_DEAD_FAILURES, 1);
        if (!t->error)
            t->error = kaftan_error_wrap(err, "a dead letter could not be written");
        else
            kaftan_error_free(err);
        source_finish(t, s, KAFTAN_FAILED);
        return;
    }
    task_metrics_error(&t->metrics, TM_FAILURES, 1);
    task_metrics_error(&t->metrics, TM_ERRORS, 1);
    log_failure(t, STAGE_KAFKA_PRODUCE, class_name, s, err);
    /* A producer that is not let in would have every record skipped. */
    if (strcmp(t->run->tolerance, "all") == 0 && kaftan_error_code(err) != KAFTAN_E_FORBIDDEN) {
        source_skip(t, s, STAGE_KAFKA_PRODUCE, class_name, err);
        return;
    }
    if (!t->error)
        t->error = kaftan_error_wrap(err, "Unrecoverable exception from producer send callback");
    else
        kaftan_error_free(err);
    source_finish(t, s, KAFTAN_FAILED);
}

/* Raw bytes where there are any; else Java's text of a scalar; else nothing. */
static struct kaftan_slice raw_bytes(struct kaftan_arena *a, const struct kaftan_value *v)
{
    struct kaftan_slice none = { NULL, 0 }, text;
    if (v->kind == KAFTAN_KIND_STRING || v->kind == KAFTAN_KIND_BYTES)
        return v->as.s;
    if (v->kind == KAFTAN_KIND_NULL || !kaftan_value_text(a, v, &text))
        return none;
    return text;
}

static void put_header(struct producer_record *r, struct producer_header *to, const char *name, const char *value)
{
    to[r->header_count++] = (struct producer_header){ slice_of(name), slice_of(value) };
}

static void put_context(struct source_task *t, const struct slot *s, struct producer_record *r,
                        struct producer_header *to)
{
    struct kaftan_arena *a = batch_arena(s);
    const struct failure *f = s->failure;
    if (s->record.topic.len > 0)
        put_header(r, to, "__connect.errors.topic", arena_strndup(a, s->record.topic.ptr, s->record.topic.len));
    put_header(r, to, "__connect.errors.connector.name", t->work->connector);
    put_header(r, to, "__connect.errors.task.id", arena_printf(a, "%d", (int)t->work->number));
    put_header(r, to, "__connect.errors.stage", stage_name(f->stage));
    put_header(r, to, "__connect.errors.class.name", f->class_name);
    put_header(r, to, "__connect.errors.exception.class.name", f->exception);
    put_header(r, to, "__connect.errors.exception.message", f->message);
    put_header(r, to, "__connect.errors.exception.stacktrace", f->trace);
}

static void dead_record(struct source_task *t, struct slot *s, struct producer_record *r)
{
    struct kaftan_arena *a = batch_arena(s);
    const struct kaftan_record *from = &s->record;
    struct producer_header *to = arena_alloc(a, (from->header_count + CONTEXT_HEADERS) * sizeof *to);
    *r = (struct producer_record){ .topic = topic_name(topics_dead_letter(t->topics)),
                                   .partition = KAFTAN_NO_PARTITION,
                                   .timestamp = from->timestamp,
                                   .key = raw_bytes(a, &from->key),
                                   .value = raw_bytes(a, &from->value),
                                   .headers = to,
                                   .token = (uint64_t)(uintptr_t)s };
    for (size_t i = 0; i < from->header_count; i++)
        to[r->header_count++] =
            (struct producer_header){ from->headers[i].key, raw_bytes(a, &from->headers[i].value) };
    if (t->run->dead_letter_context && s->failure)
        put_context(t, s, r, to);
    if (s->failure && s->failure->stage == STAGE_KAFKA_PRODUCE && r->value.ptr) {
        /* Kafka has refused these bytes once; it would refuse them here for the same reason. */
        put_header(r, to, "__connect.errors.value.size", arena_printf(a, "%zu", r->value.len));
        r->value = (struct kaftan_slice){ NULL, 0 };
    }
}

bool source_dead_send(struct source_task *t)
{
    bool moved = false;
    for (struct slot *s; !t->error && !t->full && (s = t->dead_first) != NULL; moved = true) {
        struct producer_record r;
        struct kaftan_error *err = NULL;
        enum topics_answer answer = topics_ready(t->topics, topics_dead_letter(t->topics), &err);
        if (answer == TOPIC_WAIT)
            break;
        enum producer_result result = PRODUCER_REFUSED;
        if (answer == TOPIC_READY) {
            dead_record(t, s, &r);
            result = producer_send(t->producer, &r, &err);
        }
        if (result == PRODUCER_FULL) {
            source_full(t);
            break;
        }
        t->dead_first = s->dead_next;
        if (!t->dead_first)
            t->dead_last = NULL;
        task_metrics_error(&t->metrics, TM_DEAD_REQUESTS, 1);
        if (result == PRODUCER_REFUSED)
            source_not_stored(t, s, err);
    }
    return moved;
}

static struct kaftan_value copy_value(struct kaftan_arena *a, const struct kaftan_value *v)
{
    struct kaftan_value copy = *v;
    if ((v->kind == KAFTAN_KIND_STRING || v->kind == KAFTAN_KIND_BYTES) && v->as.s.ptr)
        copy.as.s.ptr = kaftan_arena_copy(a, v->as.s.ptr, v->as.s.len);
    return copy;
}

struct kaftan_error *source_dead_given(struct source_task *t, const struct kaftan_record *raw, const char *reason)
{
    if (!topics_dead_letter(t->topics))
        return kaftan_error_new(KAFTAN_E_CONFLICT, "no dead-letter topic is configured");
    if (!partitions_at(t->partitions, raw->source_partition))
        return kaftan_error_new(KAFTAN_E_INVALID, "unknown source partition %u", raw->source_partition);
    struct slot *s = batch_pool_add(t->pool);
    struct kaftan_arena *a = batch_arena(s);
    struct kaftan_header *headers = arena_alloc(a, raw->header_count * sizeof *headers);
    s->kind = SLOT_DEAD_GIVEN;
    s->record = *raw;
    if (raw->topic.ptr)
        s->record.topic.ptr = kaftan_arena_copy(a, raw->topic.ptr, raw->topic.len);
    s->record.key = copy_value(a, &raw->key);
    s->record.value = copy_value(a, &raw->value);
    for (size_t i = 0; i < raw->header_count; i++) {
        headers[i] = raw->headers[i];
        headers[i].key.ptr = kaftan_arena_copy(a, raw->headers[i].key.ptr, raw->headers[i].key.len);
        headers[i].value = copy_value(a, &raw->headers[i].value);
    }
    s->record.headers = headers;
    struct kaftan_error *why = kaftan_error_new(KAFTAN_E_DATA, "%s", reason);
    s->failure = failure_new(a, STAGE_TASK_POLL, t->work->class->name, why);
    kaftan_error_free(why);
    source_given_up(t, reason, 1);
    work_skipped(t->work, reason, 1);
    return NULL;
}
