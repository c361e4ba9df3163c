/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets into the store. At each flush the connector is asked, for every
 * source partition something was delivered for, what its offset is now; so an
 * offset can never be ahead of what Kafka has. A flush that fails or takes too
 * long leaves its partitions marked, and the next one asks for them again. An
 * answer that comes late is ignored: by then it says nothing about what is
 * marked.
 */
#include "config.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/source_task_int.h"

static struct log logger = LOG("runtime.offsets");

struct flush_done {
    struct store_done base;
    struct kaftan_task *work; /* a reference, so that the mailbox is there when the store answers */
    uint64_t number;
};

static void flush_done_free(struct flush_done *d)
{
    kaftan_error_free(d->base.err);
    snapshot_unref(d->base.snapshot);
    work_unref(d->work);
    mem_free(d);
}

static void drop_done(struct message *msg)
{
    flush_done_free(CONTAINER_OF(CONTAINER_OF(msg, struct store_done, base), struct flush_done, base));
}

/* Partitions whose offset was on its way: they are done, or must be asked for again. */
static void settle(struct source_task *t, bool again)
{
    for (uint32_t i = 0; i < partitions_count(t->partitions); i++) {
        struct source_partition *p = partitions_at(t->partitions, i);
        p->touched = p->touched || (again && p->in_flush);
        p->in_flush = false;
    }
    t->flush.under_way = false;
}

static void failed(struct source_task *t, const struct kaftan_error *err)
{
    settle(t, true);
    task_metrics_committed(&t->metrics, clock_mono_ms(), false, 0);
    if (err)
        log_warn(&logger, "offsets could not be written, they are kept for the next flush", LOG_ERR(err));
    else
        log_warn(&logger, "offset flush took too long, the offsets are kept for the next one",
                 LOG_INT("timeout_ms", worker_values(t->work->worker->config)->flush_timeout_ms));
}

static void handle_done(struct message *msg, void *owner)
{
    struct flush_done *d = CONTAINER_OF(CONTAINER_OF(msg, struct store_done, base), struct flush_done, base);
    struct kaftan_task *work = OBJ_FROM(struct kaftan_task, WORK_MAGIC, owner);
    struct source_task *t = work->source;
    if (t && t->flush.under_way && t->flush.number == d->number) {
        int64_t now = clock_mono_ms();
        if (d->base.err) {
            failed(t, d->base.err);
        } else {
            settle(t, false);
            task_metrics_committed(&t->metrics, now, true, now - t->flush.started_ms);
            if (t->class->flushed && t->opened)
                t->class->flushed(t->self);
        }
    }
    flush_done_free(d);
}

/* One partition's write; false: the connector has nothing to write. */
static bool ask(struct source_task *t, struct source_partition *p, struct kaftan_arena *a, struct offset_write *ret)
{
    struct kaftan_value offset = kaftan_null();
    struct buf text = BUF_INIT;
    if (!t->class->offset_get || !t->class->offset_get(t->self, p->number, a, &offset))
        return false;
    if (offset.kind == KAFTAN_KIND_NULL) {
        *ret = (struct offset_write){ mem_strdup(p->json), NULL };
        return true;
    }
    struct kaftan_error *err = offset_json(&offset, &text);
    if (err) {
        log_error(&logger, "the connector's offset cannot be stored", LOG_STR("partition", p->json), LOG_ERR(err));
        kaftan_error_free(err);
        buf_fini(&text);
        return false;
    }
    (void)buf_text(&text);
    *ret = (struct offset_write){ mem_strdup(p->json), buf_take(&text) };
    return true;
}

/* Asks for all marked partitions; returns how many writes there are. */
static size_t collect(struct source_task *t, struct offset_write **ret)
{
    struct offset_write *writes = NULL;
    size_t count = 0, cap = 0;
    struct kaftan_arena *a = arena_new(4096);
    for (uint32_t i = 0; i < partitions_count(t->partitions); i++) {
        struct source_partition *p = partitions_at(t->partitions, i);
        if (!p->touched)
            continue;
        p->touched = false;
        if (count == cap) {
            cap = cap ? cap * 2 : 8;
            writes = mem_realloc(writes, cap, sizeof *writes);
        }
        if (ask(t, p, a, &writes[count])) {
            p->in_flush = true;
            count++;
        }
    }
    arena_free(a);
    if (count == 0)
        mem_free(writes);
    else
        *ret = writes;
    return count;
}

void source_flush_init(struct source_task *t, int64_t now_ms)
{
    t->flush.next_ms = now_ms + worker_values(t->work->worker->config)->flush_interval_ms;
}

bool source_flush_start(struct source_task *t, int64_t now_ms, int64_t deadline_ms)
{
    struct offset_write *writes = NULL;
    t->work->flush_asked = false;
    if (t->flush.under_way || !kaftan_task_still_owned(t->work))
        return t->flush.under_way;
    size_t count = collect(t, &writes);
    if (count == 0) {
        if (t->class->flushed)
            t->class->flushed(t->self);
        return false;
    }
    struct flush_done *d = mem_zalloc(1, sizeof *d);
    d->base.base.handle = handle_done;
    d->base.base.drop = drop_done;
    d->base.to = t->work->box;
    d->work = work_ref(t->work);
    d->number = ++t->flush.number;
    t->flush.under_way = true;
    t->flush.started_ms = now_ms;
    t->flush.deadline_ms = deadline_ms;
    store_put_offsets(t->work->worker->store, t->work->connector, writes, count, &d->base);
    return true;
}

void source_flush_turn(struct source_task *t, int64_t now_ms)
{
    const struct worker_values *v = worker_values(t->work->worker->config);
    if (t->flush.under_way && now_ms >= t->flush.deadline_ms)
        failed(t, NULL);
    if (now_ms < t->flush.next_ms && !t->work->flush_asked)
        return;
    if (t->flush.under_way)
        return;
    (void)source_flush_start(t, now_ms, now_ms + v->flush_timeout_ms);
    t->flush.next_ms = now_ms + v->flush_interval_ms;
}
