/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/store.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/records.h"
#include "store/store_int.h"

/*
 * Statuses are written and forgotten: nobody waits for them. A write that
 * failed for a reason that may pass is made again, unless it has been
 * overtaken: by a deletion, by the worker's next generation, or (safe writes)
 * by a newer write or another worker's newer word.
 */

static struct log logger = LOG("store.status_writer");

enum { AGAIN_MS = 200 };

struct status_send {
    struct message base;      /* from any thread to the store's */
    struct sent sent;         /* from the store's to Kafka and back */
    struct store *store;      /* borrowed */
    struct status_send *next; /* of those to be repeated */
    int64_t due_ms;
    char *connector, *topic;  /* owned; topic: of a topic record, else NULL */
    int32_t task;
    bool safe, removal;
    struct work_status status; /* owned */
    int64_t found_ms;
    struct status_ticket ticket;
    struct buf value; /* owned */
    char *key;        /* owned */
};

static void send_free(struct status_send *w)
{
    mem_free(w->connector);
    mem_free(w->topic);
    work_status_fini(&w->status);
    buf_fini(&w->value);
    mem_free(w->key);
    mem_free(w);
}

static void send_drop(struct message *msg)
{
    send_free(CONTAINER_OF(msg, struct status_send, base));
}

static struct status_send *send_new(struct store *s, const char *connector, int32_t task,
                                    void (*handle)(struct message *msg, void *owner))
{
    struct status_send *w = mem_zalloc(1, sizeof *w);
    w->base.handle = handle;
    w->base.drop = send_drop;
    w->store = s;
    w->connector = mem_strdup(connector);
    w->task = task;
    return w;
}

static void post(struct store *s, struct status_send *w)
{
    if (!mailbox_send_always(s->box, &w->base))
        send_free(w);
}

/* ---- on the store thread ---- */

static void on_sent(struct sent *sent, struct kaftan_error *err, int32_t partition, int64_t offset)
{
    struct status_send *w = CONTAINER_OF(sent, struct status_send, sent);
    struct store *s = w->store;
    (void)partition, (void)offset;
    if (!err) {
        send_free(w);
        return;
    }
    if (kaftan_error_retriable(err) && kaftan_error_code(err) != KAFTAN_E_UNAVAILABLE) {
        w->due_ms = clock_mono_ms() + AGAIN_MS;
        w->next = s->again;
        s->again = w;
    } else {
        if (kaftan_error_code(err) != KAFTAN_E_UNAVAILABLE) /* at the end that is one line for all */
            log_error(&logger, "status was not written", LOG_STR("key", w->key), LOG_ERR(err));
        if (w->topic && !w->removal) {
            lock_take(&s->lock);
            status_table_topic_failed(s->status_table, w->connector, w->topic);
            lock_release(&s->lock);
        }
        send_free(w);
    }
    kaftan_error_free(err);
}

static void send_out(struct status_send *w)
{
    w->sent.key = (struct kaftan_slice){ w->key, strlen(w->key) };
    w->sent.value = w->removal ? (struct kaftan_slice){ NULL, 0 } : buf_slice(&w->value);
    w->sent.done = on_sent;
    topic_log_send(&w->store->statuses, &w->sent);
}

static void status_handle(struct message *msg, void *owner)
{
    struct status_send *w = CONTAINER_OF(msg, struct status_send, base);
    struct store *s = OBJ_FROM(struct store, STORE_MAGIC, owner);
    const char *worker = w->status.worker_id ? w->status.worker_id : "";
    if (!w->removal)
        s->generation = w->status.generation;
    lock_take(&s->lock);
    bool allowed = status_table_write(s->status_table, w->connector, w->task, w->safe, worker, w->status.generation,
                                      &w->ticket);
    lock_release(&s->lock);
    if (!allowed) {
        log_debug(&logger, "another worker's newer status stays", LOG_STR("connector", w->connector), LOG_INT("task", w->task));
        send_free(w);
        return;
    }
    w->key = status_key_text(w->connector, w->task);
    if (!w->removal)
        record_status(&w->value, &w->status);
    send_out(w);
}

static bool may_repeat(struct store *s, const struct status_send *w)
{
    if (w->topic)
        return true;
    if (!w->removal && w->status.generation != s->generation)
        return false;
    lock_take(&s->lock);
    bool ok = status_table_may_repeat(s->status_table, w->connector, w->task, w->safe,
                                      w->status.worker_id ? w->status.worker_id : "", w->status.generation, &w->ticket);
    lock_release(&s->lock);
    return ok;
}

void store_status_again(struct store *s, bool all)
{
    int64_t now = clock_mono_ms();
    struct status_send *w = s->again, *oldest_first = NULL;
    s->again = NULL;
    while (w) { /* the list is newest first */
        struct status_send *next = w->next;
        w->next = oldest_first;
        oldest_first = w;
        w = next;
    }
    while (oldest_first) {
        w = oldest_first;
        oldest_first = w->next;
        if (!all && w->due_ms > now) {
            w->next = s->again;
            s->again = w;
        } else if (may_repeat(s, w)) {
            send_out(w);
        } else {
            send_free(w);
        }
    }
}

bool store_status_waits(const struct store *s)
{
    return s->again != NULL;
}

void store_status_free(struct store *s)
{
    while (s->again) {
        struct status_send *w = s->again;
        s->again = w->next;
        send_free(w);
    }
}

static void topic_handle(struct message *msg, void *owner)
{
    struct status_send *w = CONTAINER_OF(msg, struct status_send, base);
    (void)owner;
    w->key = topic_key_text(w->connector, w->topic);
    record_topic(&w->value, w->connector, w->task, w->topic, w->found_ms);
    send_out(w);
}

static void reset_handle(struct message *msg, void *owner)
{
    struct status_send *r = CONTAINER_OF(msg, struct status_send, base);
    struct store *s = OBJ_FROM(struct store, STORE_MAGIC, owner);
    const char *topic;
    void *mark;
    lock_take(&s->lock);
    struct map *topics = status_table_topics_take(s->status_table, r->connector);
    lock_release(&s->lock);
    for (size_t i = 0; map_at(topics, &i, &topic, &mark);) {
        struct status_send *w = send_new(s, r->connector, -1, NULL);
        w->topic = mem_strdup(topic);
        w->removal = true;
        w->key = topic_key_text(r->connector, topic);
        send_out(w);
    }
    map_free(topics);
    send_free(r);
}

/* ---- from any thread ---- */

void store_put_status(struct store *s, const char *connector, int32_t task, enum work_state state, const char *trace,
                      const char *worker_id, const char *version, int32_t generation)
{
    struct status_send *w = send_new(s, connector, task, status_handle);
    w->safe = state == STATE_FAILED || state == STATE_UNASSIGNED;
    w->removal = state == STATE_DESTROYED;
    w->status = (struct work_status){ .state = state, .trace = trace ? mem_strdup(trace) : NULL,
                                      .worker_id = mem_strdup(worker_id), .version = version ? mem_strdup(version) : NULL,
                                      .generation = generation };
    post(s, w);
}

void store_remove_status(struct store *s, const char *connector, int32_t task)
{
    struct status_send *w = send_new(s, connector, task, status_handle);
    w->removal = true;
    post(s, w);
}

static char *copy(const char *text)
{
    return text ? mem_strdup(text) : NULL;
}

bool store_get_status(struct store *s, const char *connector, int32_t task, struct work_status *ret)
{
    lock_take(&s->lock);
    const struct work_status *w = status_table_get(s->status_table, connector, task);
    if (w)
        *ret = (struct work_status){ w->state, copy(w->trace), copy(w->worker_id), copy(w->version), w->generation };
    lock_release(&s->lock);
    return w != NULL;
}

void store_each_task_status(struct store *s, const char *connector, void (*see)(void *self, int32_t task), void *self)
{
    lock_take(&s->lock);
    status_table_each_task(s->status_table, connector, see, self);
    lock_release(&s->lock);
}

void store_each_status(struct store *s, void (*see)(void *self, const char *connector, int32_t task), void *self)
{
    lock_take(&s->lock);
    status_table_each(s->status_table, see, self);
    lock_release(&s->lock);
}

void store_topic_seen(struct store *s, const char *connector, int32_t task, struct kaftan_slice topic)
{
    enum { TOPIC_MAX = 249 }; /* Kafka's */
    char name[TOPIC_MAX + 1];
    if (!s->values->topic_tracking || topic.len > TOPIC_MAX)
        return;
    memcpy(name, topic.ptr, topic.len);
    name[topic.len] = '\0';
    lock_take(&s->lock);
    bool is_new = status_table_topic_add(s->status_table, connector, name);
    lock_release(&s->lock);
    if (!is_new)
        return;
    struct status_send *w = send_new(s, connector, task, topic_handle);
    w->topic = mem_strdup(name);
    w->found_ms = clock_wall_ms();
    post(s, w);
}

void store_topics_reset(struct store *s, const char *connector)
{
    post(s, send_new(s, connector, -1, reset_handle));
}

void store_each_topic(struct store *s, const char *connector, void (*see)(void *self, const char *topic), void *self)
{
    lock_take(&s->lock);
    status_table_each_topic(s->status_table, connector, see, self);
    lock_release(&s->lock);
}
