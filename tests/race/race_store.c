/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store as everyone uses it at once: tasks write statuses, topics and
 * offsets, the herder writes configs, others read snapshots, statuses and
 * offsets, and then it is stopped in the middle. Standalone, so that no thread
 * but ours is in the process.
 */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "store/store.h"

enum { WORKERS = 4, ROUNDS = 150, DEADLINE_MS = 120000 };

static struct store *store;
static atomic_int news, answers, asked;

struct ask {
    struct store_done done;
};

static void ask_end(struct message *msg, void *owner)
{
    struct ask *a = CONTAINER_OF(CONTAINER_OF(msg, struct store_done, base), struct ask, done);
    (void)owner;
    ASSERT(!a->done.err || kaftan_error_code(a->done.err) == KAFTAN_E_UNAVAILABLE);
    kaftan_error_free(a->done.err);
    snapshot_unref(a->done.snapshot);
    mem_free(a);
    atomic_fetch_add(&answers, 1);
}

static void ask_drop(struct message *msg)
{
    ask_end(msg, NULL);
}

static struct store_done *ask(struct mailbox *box)
{
    struct ask *a = mem_zalloc(1, sizeof *a);
    a->done.base.handle = ask_end;
    a->done.base.drop = ask_drop;
    a->done.to = box;
    atomic_fetch_add(&asked, 1);
    return &a->done;
}

static void on_config(void *self, const char *connector, bool removed)
{
    (void)self, (void)connector, (void)removed;
    atomic_fetch_add(&news, 1);
}

static void on_name(void *self, const char *connector)
{
    (void)self, (void)connector;
    atomic_fetch_add(&news, 1);
}

static void on_key(void *self, const struct session_key *key)
{
    (void)self, (void)key;
}

static void on_restart(void *self, const struct restart_asked *r)
{
    (void)self, (void)r;
}

static void on_level(void *self, const char *logger, const char *level)
{
    (void)self, (void)logger, (void)level;
}

static void see_task(void *self, int32_t task)
{
    *(int32_t *)self += task;
}

static void see_work(void *self, const char *connector, int32_t task)
{
    *(int32_t *)self += task + (int32_t)strlen(connector);
}

static void see_offset(void *self, struct kaftan_slice partition, struct kaftan_slice offset)
{
    *(int32_t *)self += (int32_t)(partition.len + offset.len);
}

static void see_topic(void *self, const char *topic)
{
    *(int32_t *)self += (int32_t)strlen(topic);
}

static void write_round(const char *name, int round, struct mailbox *box)
{
    char text[64];
    struct text_map *config = text_map_new();
    text_map_put(config, "name", name);
    store_put_connector(store, name, config, round % 2, TARGET_PAUSED, ask(box));
    store_put_tasks(store, name, &config, 1, ask(box));
    text_map_unref(config);
    store_put_status(store, name, round % 3, round % 2 ? STATE_RUNNING : STATE_FAILED, "trace", "w:1", NULL, round);
    (void)snprintf(text, sizeof text, "topic%d", round % 5);
    store_topic_seen(store, name, 0, slice_of(text));
    struct offset_write *w = mem_zalloc(1, sizeof *w);
    (void)snprintf(text, sizeof text, "{\"p\":%d}", round % 7);
    *w = (struct offset_write){ mem_strdup(text), mem_printf("{\"n\":%d}", round) };
    store_put_offsets(store, name, w, 1, ask(box));
    if (round % 10 == 9)
        store_remove_connector(store, name, ask(box));
    if (round % 20 == 19)
        store_topics_reset(store, name);
}

static void read_round(const char *name, int round)
{
    char text[64];
    size_t len = 0;
    int32_t sum = 0;
    struct work_status status;
    const struct snapshot *s = store_snapshot(store);
    const struct snapshot_connector *c = snapshot_find(s, name);
    if (c)
        ASSERT(strcmp(text_map_get(c->config, "name"), name) == 0);
    snapshot_unref(s);
    if (store_get_status(store, name, round % 3, &status))
        work_status_fini(&status);
    store_each_task_status(store, name, see_task, &sum);
    store_each_status(store, see_work, &sum);
    store_each_offset(store, name, see_offset, &sum);
    store_each_topic(store, name, see_topic, &sum);
    (void)snprintf(text, sizeof text, "{\"p\":%d}", round % 7);
    mem_free(store_get_offset(store, name, text, strlen(text), &len));
    (void)store_stage(store);
    (void)store_cluster_id(store);
}

static void work(void *arg)
{
    const char *name = arg;
    struct mailbox *box = mailbox_new(64);
    for (int round = 0; round < ROUNDS; round++) {
        write_round(name, round, box);
        read_round(name, round);
        mailbox_drain(box, NULL);
        if (round == ROUNDS / 2)
            store_refresh(store, DEADLINE_MS, ask(box));
    }
    /* what is not answered yet comes while the store stops: wait for it here */
    for (int64_t end = clock_mono_ms() + DEADLINE_MS; atomic_load(&answers) < atomic_load(&asked);) {
        struct message *msg = mailbox_wait(box, clock_mono_ms() + 10);
        if (msg)
            msg->handle(msg, NULL);
        ASSERT(clock_mono_ms() < end);
    }
    mailbox_free(box);
}

static struct worker_config *config_new(const char *path)
{
    struct worker_config *c = NULL;
    struct text_map *m = text_map_new();
    text_map_put(m, "key.converter", "org.apache.kafka.connect.storage.StringConverter");
    text_map_put(m, "value.converter", "org.apache.kafka.connect.storage.StringConverter");
    text_map_put(m, "offset.storage.file.filename", path);
    struct kaftan_error *err = worker_config_new(m, false, &c);
    ASSERT(!err);
    text_map_unref(m);
    return c;
}

int main(void)
{
    static char names[WORKERS][8];
    char path[] = "/tmp/kaftan-race-XXXXXX";
    struct store_listener l = { NULL, on_config, on_name, on_name, on_key, on_restart, on_level };
    struct thread *threads[WORKERS];
    int fd = mkstemp(path);
    ASSERT(fd >= 0);
    close(fd);
    struct worker_config *config = config_new(path);
    struct mailbox *box = mailbox_new(16);
    struct kaftan_error *err = store_new(config, &l, NULL, &store);
    ASSERT(!err);
    store_start(store, ask(box));
    for (int i = 0; i < WORKERS; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%d", i);
        threads[i] = thread_start(THREAD_TASK, "work", work, names[i]);
    }
    for (int64_t end = clock_mono_ms() + DEADLINE_MS; atomic_load(&answers) < 100;) {
        struct message *msg = mailbox_wait(box, clock_mono_ms() + 10);
        if (msg)
            msg->handle(msg, NULL);
        ASSERT(clock_mono_ms() < end);
    }
    store_stop(store); /* the others go on asking, and are told so */
    mailbox_close(box);
    for (int i = 0; i < WORKERS; i++)
        thread_join(threads[i]);
    ASSERT(atomic_load(&news) > 0);
    store_free(store);
    mailbox_free(box);
    worker_config_free(config);
    unlink(path);
    return 0;
}
