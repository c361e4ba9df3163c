/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/store.h"

#include <poll.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "store/offset_file.h"
#include "store/ops.h"
#include "store/store_int.h"

static struct log logger = LOG("store");

enum { BOX_LIMIT = 4096, UPKEEP_MS = 1000, STATUS_MS = 100, FLUSH_MS = 5000 };

/* ---- records come in ---- */

static void on_config(void *self, const struct log_record *r)
{
    struct store *s = self;
    config_state_apply(s->config_state, r->key, r->value, r->offset);
}

static void on_status(void *self, const struct log_record *r)
{
    struct store *s = self;
    lock_take(&s->lock);
    status_table_apply(s->status_table, r->key, r->value);
    lock_release(&s->lock);
}

static void on_offset(void *self, const struct log_record *r)
{
    struct store *s = self;
    lock_take(&s->lock);
    offset_table_apply(s->offset_table, r->key, r->value, r->offset, false);
    lock_release(&s->lock);
    s->offsets_changed = true;
}

void store_publish(struct store *s)
{
    const struct snapshot *now = config_state_snapshot(s->config_state);
    lock_take(&s->lock);
    const struct snapshot *old = s->snapshot;
    s->snapshot = now;
    lock_release(&s->lock);
    snapshot_unref(old);
    config_state_tell(s->config_state, &s->listener, now);
}

bool store_serve_logs(struct store *s)
{
    bool more = topic_log_serve(&s->configs);
    more |= topic_log_serve(&s->statuses);
    more |= topic_log_serve(&s->offsets);
    return more;
}

void store_wait(struct store *s, int timeout_ms)
{
    const struct topic_log *logs[] = { &s->configs, &s->statuses, &s->offsets };
    struct pollfd fds[1 + 2 * COUNT_OF(logs)];
    nfds_t n = 0;
    if (s->running) /* requests wait for the start */
        fds[n++] = (struct pollfd){ .fd = mailbox_fd(s->box), .events = POLLIN };
    for (size_t i = 0; i < COUNT_OF(logs); i++) {
        if (logs[i]->producer)
            fds[n++] = (struct pollfd){ .fd = producer_fd(logs[i]->producer), .events = POLLIN };
        if (logs[i]->reader)
            fds[n++] = (struct pollfd){ .fd = log_reader_fd(logs[i]->reader), .events = POLLIN };
    }
    poll(fds, n, timeout_ms);
}

/* ---- the file ---- */

static void on_pair(void *self, struct kaftan_slice key, struct kaftan_slice value)
{
    offset_file_add(self, key, value);
}

struct kaftan_error *store_save_offsets(struct store *s)
{
    struct offset_file_writer w;
    if (s->distributed || !s->offsets_changed)
        return NULL;
    lock_take(&s->lock);
    offset_file_begin(&w, offset_table_count(s->offset_table));
    offset_table_each_raw(s->offset_table, on_pair, &w);
    lock_release(&s->lock);
    struct kaftan_error *err = offset_file_save(&w, s->values->offset_file);
    s->offsets_changed = err != NULL;
    return err;
}

/* ---- the thread ---- */

void store_done_send(struct store_done *done, struct kaftan_error *err, const struct snapshot *snapshot)
{
    if (!done) {
        kaftan_error_free(err);
        snapshot_unref(snapshot);
        return;
    }
    done->err = err;
    done->snapshot = snapshot;
    if (mailbox_send_always(done->to, &done->base))
        return;
    done->err = NULL;
    done->snapshot = NULL;
    kaftan_error_free(err);
    snapshot_unref(snapshot);
    done->base.drop(&done->base);
}

static bool is_idle(const struct store *s)
{
    return !s->first && topic_log_idle(&s->configs) && topic_log_idle(&s->statuses) && topic_log_idle(&s->offsets);
}

static int wait_time(const struct store *s)
{
    int64_t now = clock_mono_ms(), until = now + UPKEEP_MS, deadline = ops_deadline(s);
    if (store_status_waits(s))
        until = now + STATUS_MS;
    if (deadline >= 0 && deadline < until)
        until = deadline;
    return until > now ? (int)(until - now) : 0;
}

static void serve(struct store *s)
{
    int64_t flush_until = -1;
    for (;;) {
        bool stopping = atomic_load(&s->stopping); /* before the requests: what was sent before it is served */
        mailbox_drain(s->box, s);
        bool more = store_serve_logs(s);
        store_publish(s);
        while (ops_run(s))
            store_publish(s);
        store_status_again(s, false);
        if (stopping && flush_until < 0)
            flush_until = clock_mono_ms() + FLUSH_MS;
        if (stopping && (is_idle(s) || clock_mono_ms() >= flush_until))
            return;
        if (!more)
            store_wait(s, wait_time(s));
    }
}

/* The start failed: everyone is told so until the end. */
static void refuse(struct store *s)
{
    while (!atomic_load(&s->stopping)) {
        struct message *msg = mailbox_wait(s->box, -1);
        if (msg)
            msg->drop(msg);
    }
}

static void run(void *arg)
{
    struct store *s = OBJ_FROM(struct store, STORE_MAGIC, arg);
    struct kaftan_error *err = store_open(s);
    store_publish(s);
    config_state_started(s->config_state);
    s->running = !err;
    atomic_store(&s->stage, "");
    store_done_send(s->start_done, err, snapshot_ref(s->snapshot));
    s->start_done = NULL;
    if (s->running) {
        log_info(&logger, s->distributed ? "internal topics have been read" : "offsets file has been read", LOG_INT("connectors", s->snapshot->count),
                 LOG_INT("config_offset", s->snapshot->offset));
        serve(s);
    } else {
        refuse(s);
    }
    if (!is_idle(s))
        log_warn(&logger, "not everything was written before the end");
    topic_log_close(&s->configs);
    topic_log_close(&s->statuses);
    topic_log_close(&s->offsets);
    ops_end(s);
    store_status_free(s);
}

/* ---- life ---- */

struct kaftan_error *store_new(const struct worker_config *c, const struct store_listener *listener, struct metrics *m,
                               struct store **ret)
{
    struct store *s = mem_zalloc(1, sizeof *s);
    (void)m; /* Java has no numbers about these topics beyond its clients' */
    s->magic = STORE_MAGIC;
    s->config = c;
    s->values = worker_values(c);
    s->distributed = worker_config_distributed(c);
    s->listener = *listener;
    s->box = mailbox_new(BOX_LIMIT);
    atomic_init(&s->stage, "Waiting for Kafka to answer.");
    s->configs = (struct topic_log){ .topic = "", .apply = on_config, .self = s };
    s->statuses = (struct topic_log){ .topic = "", .apply = on_status, .self = s };
    s->offsets = (struct topic_log){ .topic = "", .apply = on_offset, .self = s };
    s->config_state = config_state_new();
    s->status_table = status_table_new();
    s->offset_table = offset_table_new();
    s->snapshot = config_state_snapshot(s->config_state);
    lock_init(&s->lock);
    *ret = s;
    return NULL;
}

void store_start(struct store *s, struct store_done *done)
{
    s->start_done = done;
    s->thread = thread_start(THREAD_STORE, "store", run, s);
}

void store_stop(struct store *s)
{
    atomic_store(&s->stopping, true);
    mailbox_wake(s->box);
    thread_join(s->thread);
    s->thread = NULL;
    mailbox_close(s->box); /* who asks from now on is answered at once */
    for (struct message *msg; (msg = mailbox_receive(s->box));)
        msg->drop(msg);
}

void store_free(struct store *s)
{
    if (!s)
        return;
    store_stop(s); /* once more is fine */
    mailbox_free(s->box);
    status_table_free(s->status_table);
    offset_table_free(s->offset_table);
    snapshot_unref(s->snapshot);
    config_state_free(s->config_state);
    mem_free(atomic_load(&s->cluster_id));
    lock_fini(&s->lock);
    mem_free(s);
}

const char *store_stage(const struct store *s)
{
    return atomic_load(&s->stage);
}

const char *store_cluster_id(const struct store *s)
{
    return atomic_load(&s->cluster_id);
}

const struct snapshot *store_snapshot(struct store *s)
{
    lock_take(&s->lock);
    const struct snapshot *now = snapshot_ref(s->snapshot);
    lock_release(&s->lock);
    return now;
}
