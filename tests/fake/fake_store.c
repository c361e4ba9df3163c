/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fake/fake_store.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/store.h"

enum { STATUSES = 256, OFFSETS = 64, SILENT = 16, TEXT = 128, TRACE = 4096 };

struct status {
    char connector[TEXT];
    int32_t task;
    enum work_state state;
};
struct offset {
    char partition[TEXT], offset[TEXT];
    bool there;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    enum fake_store_mode mode;
    struct status statuses[STATUSES];
    size_t status_count, flushes, topics;
    char trace[TRACE];
    char version[64]; /* of the newest status */
    struct offset offsets[OFFSETS];
    size_t offset_count;
    struct store_done *silent[SILENT];
    size_t silent_count;
    int32_t task_count;
    size_t refreshes;
    int refresh_failures;
} f;
static struct snapshot_connector connector;
static struct snapshot snapshot;

#define LOCKED(statement)                \
    do {                                 \
        pthread_mutex_lock(&lock);       \
        statement;                       \
        pthread_mutex_unlock(&lock);     \
    } while (0)

static void answer(struct store_done *d)
{
    if (!mailbox_send_always(d->to, &d->base))
        d->base.drop(&d->base);
}

void fake_store_answer_late(void)
{
    struct store_done *late[SILENT];
    size_t n;
    LOCKED(n = f.silent_count; memcpy(late, f.silent, sizeof late); f.silent_count = 0);
    for (size_t i = 0; i < n; i++)
        answer(late[i]);
}

void fake_store_reset(void)
{
    fake_store_answer_late();
    LOCKED(memset(&f, 0, sizeof f); f.task_count = -1);
}

void fake_store_mode(enum fake_store_mode mode)
{
    LOCKED(f.mode = mode);
}

void fake_store_task_count(int32_t count)
{
    LOCKED(f.task_count = count);
}

const char *work_state_name(enum work_state s)
{
    static const char *const names[] = { "UNASSIGNED", "RUNNING", "PAUSED", "FAILED", "STOPPED", "RESTARTING", "DESTROYED" };
    return names[s];
}

const char *target_state_name(enum target_state s)
{
    static const char *const names[] = { "STARTED", "PAUSED", "STOPPED" };
    return names[s];
}

void store_put_status(struct store *s, const char *name, int32_t task, enum work_state state, const char *trace,
                      const char *worker_id, const char *version, int32_t generation)
{
    (void)s, (void)worker_id, (void)generation;
    pthread_mutex_lock(&lock);
    if (f.status_count < STATUSES) {
        struct status *to = &f.statuses[f.status_count++];
        (void)snprintf(to->connector, TEXT, "%s", name);
        to->task = task;
        to->state = state;
    }
    (void)snprintf(f.version, sizeof f.version, "%s", version ? version : "null");
    if (trace)
        (void)snprintf(f.trace, TRACE, "%s", trace);
    pthread_mutex_unlock(&lock);
}

void fake_store_statuses(const char *name, int32_t task, char *ret, size_t size)
{
    size_t at = 0;
    ret[0] = '\0';
    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < f.status_count; i++)
        if (f.statuses[i].task == task && strcmp(f.statuses[i].connector, name) == 0)
            at += (size_t)snprintf(ret + at, size - at, "%s%s", at ? "," : "", work_state_name(f.statuses[i].state));
    pthread_mutex_unlock(&lock);
}

void fake_store_version(char *ret, size_t size)
{
    LOCKED((void)snprintf(ret, size, "%s", f.version));
}

void fake_store_trace(char *ret, size_t size)
{
    LOCKED((void)snprintf(ret, size, "%s", f.trace));
}

size_t fake_store_flushes(void)
{
    size_t n;
    LOCKED(n = f.flushes);
    return n;
}

/* With the lock. */
static struct offset *find(const char *partition, size_t len)
{
    for (size_t i = 0; i < f.offset_count; i++)
        if (strlen(f.offsets[i].partition) == len && memcmp(f.offsets[i].partition, partition, len) == 0)
            return &f.offsets[i];
    return NULL;
}

static void put(const char *partition, const char *offset)
{
    struct offset *o = find(partition, strlen(partition));
    if (!o) {
        o = &f.offsets[f.offset_count++];
        (void)snprintf(o->partition, TEXT, "%s", partition);
    }
    o->there = offset != NULL;
    (void)snprintf(o->offset, TEXT, "%s", offset ? offset : "");
}

void fake_store_put(const char *partition, const char *offset)
{
    LOCKED(put(partition, offset));
}

bool fake_store_offset(const char *partition, char *ret, size_t size)
{
    bool there;
    pthread_mutex_lock(&lock);
    const struct offset *o = find(partition, strlen(partition));
    there = o && o->there;
    (void)snprintf(ret, size, "%s", there ? o->offset : "");
    pthread_mutex_unlock(&lock);
    return there;
}

char *store_get_offset(struct store *s, const char *name, const char *partition_json, size_t len, size_t *ret_len)
{
    char *copy = NULL;
    (void)s, (void)name;
    pthread_mutex_lock(&lock);
    const struct offset *o = find(partition_json, len);
    if (o && o->there) {
        copy = mem_strdup(o->offset);
        *ret_len = strlen(copy);
    }
    pthread_mutex_unlock(&lock);
    return copy;
}

void store_put_offsets(struct store *s, const char *name, struct offset_write *writes, size_t count,
                       struct store_done *done)
{
    bool silent = false;
    (void)s, (void)name;
    pthread_mutex_lock(&lock);
    f.flushes++;
    for (size_t i = 0; i < count; i++) {
        if (f.mode != FAKE_STORE_ERROR)
            put(writes[i].partition, writes[i].offset);
        mem_free(writes[i].partition);
        mem_free(writes[i].offset);
    }
    mem_free(writes);
    if (f.mode == FAKE_STORE_ERROR)
        done->err = kaftan_error_new(KAFTAN_E_KAFKA, "the offsets topic is gone");
    if (f.mode == FAKE_STORE_SILENT) {
        silent = true;
        f.silent[f.silent_count++] = done;
    }
    pthread_mutex_unlock(&lock);
    if (!silent)
        answer(done);
}

void store_refresh_offsets(struct store *s, int timeout_ms, struct store_done *done)
{
    (void)s, (void)timeout_ms;
    pthread_mutex_lock(&lock);
    f.refreshes++;
    if (f.refresh_failures > 0) {
        f.refresh_failures--;
        done->err = kaftan_error_new(KAFTAN_E_TIMEOUT, "Timed out reading to the end of the offsets topic");
    }
    pthread_mutex_unlock(&lock);
    answer(done);
}

size_t fake_store_refreshes(void)
{
    size_t n;
    LOCKED(n = f.refreshes);
    return n;
}

void fake_store_refresh_failures(int count)
{
    LOCKED(f.refresh_failures = count);
}

void store_topic_seen(struct store *s, const char *name, int32_t task, struct kaftan_slice topic)
{
    (void)s, (void)name, (void)task, (void)topic;
    LOCKED(f.topics++);
}

size_t fake_store_topics_seen(void)
{
    size_t n;
    LOCKED(n = f.topics);
    return n;
}

const struct snapshot *store_snapshot(struct store *s)
{
    int32_t count;
    (void)s;
    LOCKED(count = f.task_count);
    if (count < 0)
        return NULL;
    connector.task_count = count;
    return &snapshot;
}

void snapshot_unref(const struct snapshot *s)
{
    (void)s;
}

const struct snapshot_connector *snapshot_find(const struct snapshot *s, const char *name)
{
    (void)s, (void)name;
    return &connector;
}
