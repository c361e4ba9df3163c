/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/topic_log.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/producer.h"

enum { IN_FLIGHT = 1000, REPORTS = 64, APPLY_AT_ONCE = 1000, PRODUCER_REST_MS = 30000 };

struct kaftan_error *topic_log_open(struct topic_log *t, const struct text_map *worker_props,
                                    const struct text_map *producer_extra, bool committed)
{
    const char *key, *value;
    struct text_map *props = text_map_copy(worker_props);
    for (size_t i = 0; text_map_at(producer_extra, &i, &key, &value);)
        text_map_put(props, key, value);
    struct kaftan_error *err = producer_new(props, IN_FLIGHT, PRODUCER_REST_MS, &t->producer);
    if (!err)
        err = log_reader_new(worker_props, t->topic, committed, &t->reader);
    text_map_unref(props);
    return err;
}

static void unlink_sent(struct topic_log *t, struct sent *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        t->first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    else
        t->last = s->prev;
    if (!s->taken)
        t->waiting--;
}

void topic_log_close(struct topic_log *t)
{
    producer_free(t->producer); /* first: it holds the senders' bytes */
    log_reader_free(t->reader);
    t->producer = NULL;
    t->reader = NULL;
    while (t->first) {
        struct sent *s = t->first;
        unlink_sent(t, s);
        s->done(s, kaftan_error_new(KAFTAN_E_UNAVAILABLE, "the worker is stopping"), -1, -1);
    }
}

/* False: no room now. */
static bool try_send(struct topic_log *t, struct sent *s)
{
    struct kaftan_error *err = NULL;
    struct producer_record r = { .topic = slice_of(t->topic), .partition = -1, .timestamp = -1, .key = s->key,
                                 .value = s->value, .token = (uint64_t)(uintptr_t)s };
    enum producer_result result = producer_send(t->producer, &r, &err);
    if (result == PRODUCER_FULL)
        return false;
    t->waiting--;
    s->taken = true;
    if (result == PRODUCER_REFUSED) {
        unlink_sent(t, s);
        s->done(s, err, -1, -1);
    }
    return true;
}

static void loop_back(struct topic_log *t, struct sent *s)
{
    struct log_record r = { .partition = 0, .offset = t->next_offset++, .timestamp = clock_wall_ms(), .key = s->key,
                            .value = s->value };
    t->apply(t->self, &r);
    s->done(s, NULL, 0, r.offset);
}

void topic_log_send(struct topic_log *t, struct sent *s)
{
    s->taken = false;
    if (!t->producer) {
        loop_back(t, s);
        return;
    }
    s->next = NULL;
    s->prev = t->last;
    if (t->last)
        t->last->next = s;
    else
        t->first = s;
    t->last = s;
    if (t->waiting++ == 0)
        try_send(t, s);
}

static void send_waiting(struct topic_log *t)
{
    struct sent *s = t->last;
    if (!t->waiting)
        return;
    while (s->prev && !s->prev->taken)
        s = s->prev;
    while (s && t->waiting) {
        struct sent *next = s->next;
        if (!try_send(t, s))
            return;
        s = next;
    }
}

void topic_log_drop(struct topic_log *t)
{
    if (!t->producer)
        return;
    while (t->last && !t->last->taken) {
        struct sent *s = t->last;
        unlink_sent(t, s);
        s->done(s, kaftan_error_new(KAFTAN_E_KAFKA, "it was not sent any more"), -1, -1);
    }
    producer_drop(t->producer);
}

static void take_reports(struct topic_log *t)
{
    struct producer_report reports[REPORTS];
    size_t n;
    do {
        n = producer_reports(t->producer, reports, REPORTS);
        for (size_t i = 0; i < n; i++) {
            struct sent *s = (struct sent *)(uintptr_t)reports[i].token;
            unlink_sent(t, s);
            s->done(s, reports[i].err, reports[i].partition, reports[i].offset);
        }
    } while (n == REPORTS);
}

bool topic_log_serve(struct topic_log *t)
{
    struct log_record r;
    if (!t->producer)
        return false;
    take_reports(t);
    send_waiting(t);
    for (int i = 0; i < APPLY_AT_ONCE; i++) {
        if (!log_reader_next(t->reader, &r))
            return false;
        t->apply(t->self, &r);
    }
    return true;
}

bool topic_log_idle(const struct topic_log *t)
{
    return !t->first;
}

bool topic_log_passed(const struct topic_log *t, int32_t partition, int64_t offset)
{
    return !t->reader || log_reader_position(t->reader, partition) > offset;
}

uint64_t topic_log_end_start(struct topic_log *t)
{
    return t->reader ? log_reader_end_start(t->reader) : 0;
}

struct kaftan_error *topic_log_denied(const struct topic_log *t)
{
    return t->reader ? log_reader_denied(t->reader) : NULL;
}

bool topic_log_reached(struct topic_log *t, uint64_t ticket)
{
    return !t->reader || log_reader_reached(t->reader, ticket);
}
