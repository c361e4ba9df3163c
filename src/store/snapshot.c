/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/snapshot.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct shared_snapshot {
    struct snapshot base; /* first: what others see */
    atomic_size_t references;
    struct snapshot_connector *rows; /* owned with names and task arrays; maps are shared */
    struct session_key key;          /* owned texts */
};

static const char *const target_names[] = { "STARTED", "PAUSED", "STOPPED" };
static const char *const work_names[] = { "UNASSIGNED", "RUNNING", "PAUSED", "FAILED", "STOPPED", "RESTARTING", "DESTROYED" };

const char *target_state_name(enum target_state s)
{
    ASSERT((size_t)s < COUNT_OF(target_names));
    return target_names[s];
}

const char *work_state_name(enum work_state s)
{
    ASSERT((size_t)s < COUNT_OF(work_names));
    return work_names[s];
}

static struct text_map *ref(struct text_map *m)
{
    return m ? text_map_ref(m) : NULL;
}

static void row_copy(struct snapshot_connector *to, const struct snapshot_connector *from)
{
    *to = *from;
    to->name = mem_strdup(from->name);
    to->config = ref(from->config);
    to->applied = ref(from->applied);
    struct text_map **tasks = mem_zalloc((size_t)from->task_slots + 1, sizeof *tasks);
    for (int32_t i = 0; i < from->task_slots; i++)
        tasks[i] = ref(from->tasks[i]);
    to->tasks = tasks;
}

const struct snapshot *snapshot_new(int64_t offset, const struct snapshot_connector *rows, size_t count,
                                    const struct session_key *key)
{
    struct shared_snapshot *s = mem_zalloc(1, sizeof *s);
    atomic_init(&s->references, 1);
    s->rows = mem_zalloc(count + 1, sizeof *s->rows);
    for (size_t i = 0; i < count; i++)
        row_copy(&s->rows[i], &rows[i]);
    s->base.offset = offset;
    s->base.count = count;
    s->base.connectors = s->rows;
    if (key) {
        s->key = (struct session_key){ .key = { mem_memdup(key->key.ptr, key->key.len), key->key.len },
                                       .algorithm = mem_strdup(key->algorithm), .created_ms = key->created_ms };
        s->base.session_key = &s->key;
    }
    return &s->base;
}

/* The counter is the only part of a snapshot that ever changes. */
static struct shared_snapshot *shared(const struct snapshot *s)
{
    return CONTAINER_OF((struct snapshot *)(uintptr_t)s, struct shared_snapshot, base);
}

const struct snapshot *snapshot_ref(const struct snapshot *s)
{
    atomic_fetch_add_explicit(&shared(s)->references, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(const struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    struct shared_snapshot *s = shared(snapshot);
    if (atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < s->base.count; i++) {
        struct snapshot_connector *row = &s->rows[i];
        for (int32_t t = 0; t < row->task_slots; t++)
            text_map_unref(row->tasks[t]);
        mem_free((void *)(uintptr_t)row->tasks);
        mem_free((char *)(uintptr_t)row->name);
        text_map_unref(row->config);
        text_map_unref(row->applied);
    }
    mem_free(s->rows);
    if (s->base.session_key) {
        explicit_bzero((char *)(uintptr_t)s->key.key.ptr, s->key.key.len);
        mem_free((char *)(uintptr_t)s->key.key.ptr);
        mem_free((char *)(uintptr_t)s->key.algorithm);
    }
    mem_free(s);
}

static int by_name(const void *key, const void *row)
{
    return strcmp(key, ((const struct snapshot_connector *)row)->name);
}

const struct snapshot_connector *snapshot_find(const struct snapshot *s, const char *connector)
{
    const struct snapshot_connector *c = NULL;
    if (s->count)
        c = bsearch(connector, s->connectors, s->count, sizeof *s->connectors, by_name);
    return c && c->config ? c : NULL;
}

int32_t snapshot_task_count(const struct snapshot_connector *c)
{
    return c->inconsistent || c->task_count < 0 ? 0 : c->task_count;
}

void work_status_fini(struct work_status *s)
{
    mem_free(s->trace);
    mem_free(s->worker_id);
    mem_free(s->version);
    *s = (struct work_status){ 0 };
}
