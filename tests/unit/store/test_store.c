/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

/* The whole store: alone with its file, and on librdkafka's mock cluster, which makes topics when they are first named. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "fake/fake_admin.h"
#include "mock.h"
#include "store/store.h"

struct fixture {
    struct mock mock;
    struct worker_config *config;
    struct store *store;
    struct mailbox *box;
    struct lock lock; /* guards heard */
    struct buf heard;
};

struct asked {
    struct store_done done;
    bool came;
};

static void came(struct message *msg, void *owner)
{
    struct asked *a = CONTAINER_OF(CONTAINER_OF(msg, struct store_done, base), struct asked, done);
    (void)owner;
    a->came = true;
}

static void dropped(struct message *msg)
{
    came(msg, NULL);
}

static struct store_done *ask(struct fixture *f, struct asked *a)
{
    *a = (struct asked){ .done = { .base = { .handle = came, .drop = dropped }, .to = f->box } };
    return &a->done;
}

static void wait_for(struct fixture *f, struct asked *a)
{
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    while (!a->came) {
        struct message *msg = mailbox_wait(f->box, deadline);
        cr_assert_lt(clock_mono_ms(), deadline, "no answer");
        if (msg)
            msg->handle(msg, NULL);
    }
}

static void expect_done(struct fixture *f, struct asked *a)
{
    wait_for(f, a);
    cr_assert_null(a->done.err, "%s", a->done.err ? kaftan_error_message(a->done.err) : "");
    snapshot_unref(a->done.snapshot);
}

static void hear(void *self, const char *fmt, const char *a, const char *b)
{
    struct fixture *f = self;
    lock_take(&f->lock);
    buf_puts(&f->heard, fmt);
    buf_puts(&f->heard, a);
    buf_puts(&f->heard, b);
    buf_putc(&f->heard, ' ');
    lock_release(&f->lock);
}

static void on_config(void *self, const char *connector, bool removed)
{
    struct fixture *f = self;
    const struct snapshot *s = store_snapshot(f->store);
    cr_expect_eq(snapshot_find(s, connector) == NULL, removed, "the snapshot is there before the news");
    snapshot_unref(s);
    hear(self, removed ? "removed:" : "config:", connector, "");
}

static void on_tasks(void *self, const char *connector)
{
    hear(self, "tasks:", connector, "");
}

static void on_target(void *self, const char *connector)
{
    hear(self, "target:", connector, "");
}

static void on_key(void *self, const struct session_key *key)
{
    hear(self, "key:", key->algorithm, "");
}

static void on_restart(void *self, const struct restart_asked *r)
{
    hear(self, "restart:", r->connector, r->include_tasks ? "+tasks" : "");
}

static void on_level(void *self, const char *logger, const char *level)
{
    hear(self, "level:", logger, level);
}

static void expect_heard(struct fixture *f, const char *want)
{
    lock_take(&f->lock);
    cr_expect_str_eq(buf_text(&f->heard), want, "heard %s", buf_text(&f->heard));
    buf_clear(&f->heard);
    lock_release(&f->lock);
}

static void store_up(struct fixture *f)
{
    struct store_listener l = { f, on_config, on_tasks, on_target, on_key, on_restart, on_level };
    struct kaftan_error *err = store_new(f->config, &l, NULL, &f->store);
    cr_assert_null(err);
}

static void store_started(struct fixture *f)
{
    struct asked a;
    store_up(f);
    cr_expect_gt(strlen(store_stage(f->store)), 0);
    store_start(f->store, ask(f, &a));
    expect_done(f, &a);
    cr_expect_str_eq(store_stage(f->store), "");
    cr_expect_not_null(store_cluster_id(f->store));
}

static void store_ended(struct fixture *f)
{
    store_stop(f->store);
    store_free(f->store);
    f->store = NULL;
}

static struct text_map *worker_props(const char *servers)
{
    struct text_map *m = text_map_new();
    text_map_put(m, "bootstrap.servers", servers);
    text_map_put(m, "key.converter", "org.apache.kafka.connect.storage.StringConverter");
    text_map_put(m, "value.converter", "org.apache.kafka.connect.storage.StringConverter");
    text_map_put(m, "group.id", "g");
    text_map_put(m, "config.storage.topic", "configs");
    text_map_put(m, "status.storage.topic", "statuses");
    text_map_put(m, "offset.storage.topic", "offsets");
    text_map_put(m, "fetch.max.wait.ms", "10"); /* the mock answers an empty fetch only then */
    return m;
}

static void config_made(struct fixture *f, struct text_map *props, bool distributed)
{
    struct kaftan_error *err = worker_config_new(props, distributed, &f->config);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    text_map_unref(props);
    f->box = mailbox_new(100);
    lock_init(&f->lock);
}

static struct fixture *up(const char *offset_file)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    f->mock = mock_new(1);
    rd_kafka_mock_topic_create(f->mock.cluster, "configs", 1, 1);
    rd_kafka_mock_topic_create(f->mock.cluster, "statuses", 5, 1);
    rd_kafka_mock_topic_create(f->mock.cluster, "offsets", 25, 1);
    struct text_map *props = worker_props(rd_kafka_mock_cluster_bootstraps(f->mock.cluster));
    if (offset_file)
        text_map_put(props, "offset.storage.file.filename", offset_file);
    config_made(f, props, !offset_file);
    return f;
}

static void down(struct fixture *f)
{
    if (f->store)
        store_ended(f);
    mailbox_free(f->box);
    worker_config_free(f->config);
    buf_fini(&f->heard);
    lock_fini(&f->lock);
    if (f->mock.cluster)
        mock_free(&f->mock);
    mem_free(f);
}

static struct text_map *config_of(const char *name, const char *value)
{
    struct text_map *m = text_map_new();
    text_map_put(m, "name", name);
    text_map_put(m, "x", value);
    return m;
}

static void wait_status(struct fixture *f, int32_t task, const char *want)
{
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    for (;;) {
        struct work_status s;
        bool there = store_get_status(f->store, "a", task, &s);
        bool ok = there ? want && strcmp(work_state_name(s.state), want) == 0 : !want;
        if (there)
            work_status_fini(&s);
        if (ok)
            return;
        cr_assert_lt(clock_mono_ms(), deadline, "no %s", want ? want : "tombstone");
        poll(NULL, 0, 5);
    }
}

static void see_topic(void *self, const char *topic)
{
    *(int *)self += strcmp(topic, "t") == 0 ? 1 : 100;
}

static void wait_topics(struct fixture *f, int want)
{
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    for (int seen = -1; seen != want;) {
        seen = 0;
        store_each_topic(f->store, "a", see_topic, &seen);
        cr_assert_lt(clock_mono_ms(), deadline);
        poll(NULL, 0, 5);
    }
}

static void put_offset(struct fixture *f, const char *partition, const char *offset, bool good)
{
    struct asked a;
    struct offset_write *w = mem_zalloc(2, sizeof *w);
    w[0] = (struct offset_write){ mem_strdup("{\"other\":true}"), mem_strdup("{\"n\":0}") };
    w[1] = (struct offset_write){ mem_strdup(partition), offset ? mem_strdup(offset) : NULL };
    store_put_offsets(f->store, "a", w, 2, ask(f, &a));
    if (good) {
        expect_done(f, &a);
        return;
    }
    wait_for(f, &a);
    cr_assert_not_null(a.done.err);
    kaftan_error_free(a.done.err);
}

static void expect_offset(struct fixture *f, const char *partition, const char *want)
{
    size_t len = 0;
    char *got = store_get_offset(f->store, "a", partition, strlen(partition), &len);
    cr_expect_eq(got != NULL, want != NULL, "%s", partition);
    if (got && want) {
        cr_expect_str_eq(got, want);
        cr_expect_eq(len, strlen(want));
    }
    mem_free(got);
}

/* Everything once, then again after a restart. */
static void walk(struct fixture *f)
{
    struct asked a;
    struct text_map *config = config_of("a", "1");
    struct text_map *tasks[] = { config_of("a", "t0"), config_of("a", "t1") };
    struct restart_asked restart = { "a", false, true };
    struct session_key key = { { "0123456789abcdef", 16 }, "HmacSHA256", 5 };

    store_put_connector(f->store, "a", config, true, TARGET_PAUSED, ask(f, &a));
    wait_for(f, &a);
    cr_assert_null(a.done.err);
    const struct snapshot_connector *c = snapshot_find(a.done.snapshot, "a");
    cr_assert_not_null(c, "done comes with what was written");
    cr_expect_eq(c->target, TARGET_PAUSED);
    cr_expect_eq(c->task_count, -1);
    snapshot_unref(a.done.snapshot);
    expect_heard(f, "config:a ");

    store_put_tasks(f->store, "a", tasks, 2, ask(f, &a));
    expect_done(f, &a);
    expect_heard(f, "tasks:a ");
    store_put_target(f->store, "a", TARGET_STARTED, ask(f, &a));
    expect_done(f, &a);
    store_put_restart(f->store, &restart, ask(f, &a));
    expect_done(f, &a);
    store_put_session_key(f->store, &key, ask(f, &a));
    expect_done(f, &a);
    store_put_logger_level(f->store, "org.x", "debug", ask(f, &a));
    expect_done(f, &a);
    store_put_task_count(f->store, "a", 2, ask(f, &a));
    expect_done(f, &a);
    store_refresh(f->store, MOCK_DEADLINE_MS, ask(f, &a));
    expect_done(f, &a);
    expect_heard(f, "target:a restart:a+tasks key:HmacSHA256 level:org.xdebug ");

    const struct snapshot *s = store_snapshot(f->store);
    c = snapshot_find(s, "a");
    cr_expect_eq(snapshot_task_count(c), 2);
    cr_expect_str_eq(text_map_get(c->tasks[1], "x"), "t1");
    cr_expect_eq(c->target, TARGET_STARTED);
    cr_expect_eq(c->task_count_record, 2);
    cr_expect_not(c->pending_fencing);
    cr_expect_eq(s->offset, 10);
    snapshot_unref(s);

    store_put_status(f->store, "a", -1, STATE_RUNNING, NULL, "w:1", "1.0", 3);
    store_put_status(f->store, "a", 0, STATE_FAILED, "trace", "w:1", NULL, 3);
    store_put_status(f->store, "a", 1, STATE_RUNNING, NULL, "w:1", NULL, 3);
    wait_status(f, -1, "RUNNING");
    wait_status(f, 0, "FAILED");
    wait_status(f, 1, "RUNNING");
    store_remove_status(f->store, "a", 1);
    wait_status(f, 1, NULL);
    store_topic_seen(f->store, "a", 0, slice_of("t"));
    store_topic_seen(f->store, "a", 1, slice_of("t"));
    wait_topics(f, 1);

    expect_offset(f, "{\"p\":1}", NULL);
    put_offset(f, "{\"p\":1,\"q\":null}", "{\"n\":1}", true);
    expect_offset(f, "{\"q\":null,\"p\":1}", "{\"n\":1}");
    put_offset(f, "{\"p\":[]}", "{\"n\":1}", false);
    put_offset(f, "{\"p\":1}", "{\"n\":{}}", false);
    put_offset(f, "{\"gone\":1}", "{\"n\":2}", true);
    put_offset(f, "{\"gone\":1}", NULL, true);
    expect_offset(f, "{\"gone\":1}", NULL);
    store_refresh_offsets(f->store, MOCK_DEADLINE_MS, ask(f, &a));
    expect_done(f, &a);
    expect_offset(f, "{\"q\":null,\"p\":1}", "{\"n\":1}");
    text_map_unref(config);
    text_map_unref(tasks[0]);
    text_map_unref(tasks[1]);
}

Test(store, distributed)
{
    struct fixture *f = up(NULL);
    struct asked a;
    store_started(f);
    walk(f);
    store_ended(f);

    store_started(f);
    expect_heard(f, ""); /* nothing is news that was there at the start */
    const struct snapshot *s = store_snapshot(f->store);
    const struct snapshot_connector *c = snapshot_find(s, "a");
    cr_assert_not_null(c);
    cr_expect_eq(s->offset, 10);
    cr_expect_eq(snapshot_task_count(c), 2);
    cr_expect_not_null(s->session_key);
    snapshot_unref(s);
    wait_status(f, 0, "FAILED");
    wait_status(f, 1, NULL);
    wait_topics(f, 1);
    expect_offset(f, "{\"q\":null,\"p\":1}", "{\"n\":1}");
    expect_offset(f, "{\"gone\":1}", NULL);
    store_topics_reset(f->store, "a");
    wait_topics(f, 0);
    store_put_tasks(f->store, "a", NULL, 0, ask(f, &a));
    expect_done(f, &a);
    store_remove_connector(f->store, "a", ask(f, &a));
    expect_done(f, &a);
    expect_heard(f, "tasks:a removed:a ");
    down(f);
}

Test(store, standalone)
{
    char path[] = "/tmp/kaftan-store-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    struct fixture *f = up(path);
    store_started(f);
    walk(f);
    store_ended(f);

    store_started(f);
    const struct snapshot *s = store_snapshot(f->store);
    cr_expect_eq(s->count, 0, "only offsets are kept");
    snapshot_unref(s);
    expect_offset(f, "{\"q\":null,\"p\":1}", "{\"n\":1}");
    expect_offset(f, "{\"gone\":1}", NULL);
    down(f);
    unlink(path);
}

Test(store, many_at_once)
{
    enum { COUNT = 200 };
    static struct asked asked[2 * COUNT];
    struct fixture *f = up(NULL);
    store_started(f);
    for (size_t i = 0; i < COUNT; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%zu", i);
        struct text_map *config = config_of(name, "1");
        store_put_connector(f->store, name, config, false, TARGET_STARTED, ask(f, &asked[2 * i]));
        store_put_tasks(f->store, name, &config, 1, ask(f, &asked[2 * i + 1]));
        text_map_unref(config);
    }
    for (size_t i = 0; i < 2 * COUNT; i++)
        expect_done(f, &asked[i]);
    const struct snapshot *s = store_snapshot(f->store);
    cr_expect_eq(s->count, COUNT);
    for (size_t i = 0; i < s->count; i++)
        cr_expect_eq(snapshot_task_count(&s->connectors[i]), 1, "%s", s->connectors[i].name);
    snapshot_unref(s);
    down(f);
}

Test(store, makes_topics_as_told)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    struct asked a;
    f->mock = mock_new(1);
    rd_kafka_mock_topic_create(f->mock.cluster, "configs", 1, 1);
    struct text_map *props = worker_props(rd_kafka_mock_cluster_bootstraps(f->mock.cluster));
    text_map_put(props, "offset.storage.partitions", "5");
    text_map_put(props, "offset.storage.replication.factor", "1");
    text_map_put(props, "status.storage.partitions", "-1");
    text_map_put(props, "status.storage.replication.factor", "-1");
    text_map_put(props, "status.storage.segment.bytes", "1048576");
    text_map_put(props, "status.storage.cleanup.policy", "delete");
    text_map_put(props, "config.storage.partitions", "7");
    text_map_put(props, "config.storage.replication.factor", "2");
    config_made(f, props, true);
    fake_admin.state = ADMIN_TOPIC_CREATED;
    fake_admin.policy = "delete"; /* nobody asks: the topics are new */
    fake_admin.failure = KAFTAN_E_CONFLICT; /* brokers still join */
    fake_admin.failures = 1;
    store_up(f);
    store_start(f->store, ask(f, &a));
    expect_done(f, &a);
    cr_expect_str_eq(fake_admin.requests, "offsets/5/1{cleanup.policy=compact,};offsets/5/1{cleanup.policy=compact,};"
                                          "statuses/-1/-1{segment.bytes=1048576,cleanup.policy=compact,};"
                                          "configs/1/2{cleanup.policy=compact,};", "%s", fake_admin.requests);
    down(f);
}

static void expect_refused(enum kaftan_code code, const char *text)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    struct asked a;
    struct text_map *props = worker_props("127.0.0.1:1");
    text_map_put(props, "default.api.timeout.ms", "300");
    config_made(f, props, true);
    store_up(f);
    store_start(f->store, ask(f, &a));
    wait_for(f, &a);
    cr_assert_not_null(a.done.err);
    cr_expect_eq(kaftan_error_code(a.done.err), code);
    cr_expect_str_eq(kaftan_error_message(a.done.err), text, "%s", kaftan_error_message(a.done.err));
    kaftan_error_free(a.done.err);
    snapshot_unref(a.done.snapshot);
    down(f);
}

Test(store, refuses_wrong_topics)
{
    fake_admin.policy = "compact, delete";
    expect_refused(KAFTAN_E_INVALID,
                   "Topic 'offsets' supplied via the 'offset.storage.topic' property is required to have "
                   "'cleanup.policy=compact' to guarantee consistency and durability of source connector offsets, but found "
                   "the topic currently has 'cleanup.policy=compact, delete'. Continuing would likely result in eventually "
                   "losing source connector offsets and problems restarting this Connect cluster in the future. Change the "
                   "'offset.storage.topic' property in the Connect worker configurations to use a topic with "
                   "'cleanup.policy=compact'.");
    fake_admin.policy = " Compact ";
    fake_admin.config_partitions = 2;
    expect_refused(KAFTAN_E_INVALID,
                   "Topic 'configs' supplied via the 'config.storage.topic' property is required to have a single partition "
                   "in order to guarantee consistency of connector configurations, but found 2 partitions.");
    fake_admin.failure = KAFTAN_E_KAFKA;
    fake_admin.failures = 1;
    expect_refused(KAFTAN_E_KAFKA, "refused by the test");
    fake_admin.failure = KAFTAN_E_CONFLICT;
    fake_admin.failures = 1000;
    expect_refused(KAFTAN_E_INVALID, "refused by the test");
}

Test(store, kafka_never_answers)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    struct asked a, b;
    struct text_map *props = worker_props("127.0.0.1:1");
    text_map_put(props, "default.api.timeout.ms", "1000");
    fake_admin.no_cluster = true;
    config_made(f, props, true);
    store_up(f);
    store_start(f->store, ask(f, &a));
    store_refresh(f->store, 1, ask(f, &b));
    wait_for(f, &a);
    cr_assert_not_null(a.done.err);
    cr_expect_eq(kaftan_error_code(a.done.err), KAFTAN_E_TIMEOUT);
    cr_expect_str_eq(kaftan_error_message(a.done.err), "Failed to connect to and describe Kafka cluster. Check worker's broker "
                                                       "connection and security properties.");
    kaftan_error_free(a.done.err);
    snapshot_unref(a.done.snapshot);
    wait_for(f, &b);
    cr_expect_eq(kaftan_error_code(b.done.err), KAFTAN_E_UNAVAILABLE);
    kaftan_error_free(b.done.err);
    down(f);
}

Test(store, stopped_while_it_waits)
{
    struct fixture *f = mem_zalloc(1, sizeof *f);
    struct asked a;
    fake_admin.no_cluster = true;
    config_made(f, worker_props("127.0.0.1:1"), true);
    store_up(f);
    store_start(f->store, ask(f, &a));
    store_stop(f->store);
    wait_for(f, &a);
    cr_assert_not_null(a.done.err);
    kaftan_error_free(a.done.err);
    snapshot_unref(a.done.snapshot);
    down(f);
}

Test(store, broker_gone_while_running)
{
    struct fixture *f = up(NULL);
    struct asked late, put;
    struct text_map *config = config_of("a", "1");
    store_started(f);
    rd_kafka_mock_broker_set_down(f->mock.cluster, 1);
    store_refresh(f->store, 300, ask(f, &late));
    wait_for(f, &late);
    cr_assert_not_null(late.done.err);
    cr_expect_eq(kaftan_error_code(late.done.err), KAFTAN_E_TIMEOUT);
    kaftan_error_free(late.done.err);
    snapshot_unref(late.done.snapshot);
    store_put_status(f->store, "a", 0, STATE_RUNNING, NULL, "w:1", NULL, 1);
    store_put_connector(f->store, "a", config, false, TARGET_STARTED, ask(f, &put));
    rd_kafka_mock_broker_set_up(f->mock.cluster, 1);
    expect_done(f, &put);
    wait_status(f, 0, "RUNNING");
    text_map_unref(config);
    down(f);
}

/* Another worker may have committed since: what waited for Kafka must not come on top of it when Kafka is back. */
Test(store, offsets_that_wait_are_dropped_after_a_loss)
{
    struct fixture *f = up(NULL);
    struct asked put;
    struct offset_write *w = mem_zalloc(1, sizeof *w);
    store_started(f);
    put_offset(f, "{\"p\":1}", "{\"n\":1}", true);
    rd_kafka_mock_broker_set_down(f->mock.cluster, 1);
    w[0] = (struct offset_write){ mem_strdup("{\"p\":1}"), mem_strdup("{\"n\":2}") };
    store_put_offsets(f->store, "a", w, 1, ask(f, &put));
    store_drop_offsets(f->store);
    wait_for(f, &put); /* although the broker never answered */
    cr_assert_not_null(put.done.err);
    cr_expect_not_null(strstr(kaftan_error_message(put.done.err), "Failed to write source offsets"));
    kaftan_error_free(put.done.err);
    rd_kafka_mock_broker_set_up(f->mock.cluster, 1);
    put_offset(f, "{\"p\":2}", "{\"n\":3}", true);
    store_refresh_offsets(f->store, 30000, ask(f, &put));
    expect_done(f, &put);
    expect_offset(f, "{\"p\":1}", "{\"n\":1}");
    expect_offset(f, "{\"p\":2}", "{\"n\":3}");
    down(f);
}
