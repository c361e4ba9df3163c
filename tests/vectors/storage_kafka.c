/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka's clients: where a key goes, and the settings of the clients that a worker makes. */
#include "config.h"

#include "vectors/storage.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/kafka_int.h"
#include "kafka/producer.h"

enum { DEADLINE_MS = 60000 };

/* ---- partition_of_key: on librdkafka's mock cluster ---- */

struct cluster {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *mock;
    struct producer *producer;
};

static void cluster_up(struct cluster *c)
{
    char text[256];
    struct text_map *props = text_map_new();
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
    c->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    ASSERT(c->rk);
    c->mock = rd_kafka_mock_cluster_new(c->rk, 1);
    text_map_put(props, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(c->mock));
    text_map_put(props, "delivery.timeout.ms", "2147483647");
    struct kaftan_error *err = producer_new(props, 100, 0, &c->producer);
    ASSERT(!err);
    text_map_unref(props);
}

static void cluster_down(struct cluster *c)
{
    producer_free(c->producer);
    rd_kafka_mock_cluster_destroy(c->mock);
    rd_kafka_destroy(c->rk);
}

static int32_t partition_of(struct golden *g, struct cluster *c, struct kaftan_slice key, int partitions)
{
    char topic[32];
    struct producer_report report = { .partition = -1 };
    struct kaftan_error *err = NULL;
    int64_t deadline = clock_mono_ms() + DEADLINE_MS;
    (void)snprintf(topic, sizeof topic, "t%d", partitions);
    (void)rd_kafka_mock_topic_create(c->mock, topic, partitions, 1); /* once is enough */
    struct producer_record r = { .topic = slice_of(topic), .partition = -1, .timestamp = -1, .value = slice_of("v"), .key = key };
    if (!golden_expect(g, producer_send(c->producer, &r, &err) == PRODUCER_TAKEN, "not sent: %s", err ? kaftan_error_message(err) : "")) {
        kaftan_error_free(err);
        return -1;
    }
    while (producer_reports(c->producer, &report, 1) == 0 && golden_expect(g, clock_mono_ms() < deadline, "not answered")) {
        struct pollfd p = { .fd = producer_fd(c->producer), .events = POLLIN };
        (void)poll(&p, 1, 500);
    }
    golden_expect(g, !report.err, "not stored");
    kaftan_error_free(report.err);
    return report.partition;
}

static void run_partitions(struct golden *g, const struct json *list)
{
    struct cluster c;
    cluster_up(&c);
    for (size_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        struct kaftan_slice key = { "", 0 };
        int64_t partitions = 0, want = -1;
        bool whole = v->type == JSON_ARRAY && v->count == 3 && json_text(&v->items[0], &key) && json_i64(&v->items[1], &partitions) &&
                     json_i64(&v->items[2], &want) && partitions > 0 && partitions < 10000;
        if (!golden_begin(g, "%.*s of %d", (int)key.len, key.ptr, (int)partitions))
            continue;
        if (golden_expect(g, whole, "not [key, partitions, partition]"))
            golden_same_int(g, "the partition", partition_of(g, &c, key, (int)partitions), want);
        golden_end(g);
    }
    cluster_down(&c);
}

/* ---- client_settings ---- */

/* What our clients have as Java's do; batches and what is in flight are decisions of ours, the rest is Kafka's default. */
static const struct {
    enum kafka_kind kind;
    const char *java, *ours;
} compared[] = {
    { KAFKA_PRODUCER, "acks", "request.required.acks" },
    { KAFKA_PRODUCER, "compression.type", "compression.codec" },
    { KAFKA_PRODUCER, "linger.ms", "linger.ms" },
    { KAFKA_PRODUCER, "max.request.size", "message.max.bytes" },
    { KAFKA_CONSUMER, "auto.offset.reset", "auto.offset.reset" },
    { KAFKA_CONSUMER, "enable.auto.commit", "enable.auto.commit" },
    { KAFKA_CONSUMER, "group.id", "group.id" },
    { KAFKA_CONSUMER, "isolation.level", "isolation.level" },
    { KAFKA_CONSUMER, "allow.auto.create.topics", "allow.auto.create.topics" },
    { KAFKA_CONSUMER, "fetch.min.bytes", "fetch.min.bytes" },
    { KAFKA_CONSUMER, "fetch.max.wait.ms", "fetch.wait.max.ms" },
    { KAFKA_CONSUMER, "session.timeout.ms", "session.timeout.ms" },
    { KAFKA_CONSUMER, "heartbeat.interval.ms", "heartbeat.interval.ms" },
    { KAFKA_CONSUMER, "max.poll.interval.ms", "max.poll.interval.ms" },
};

static rd_kafka_conf_t *conf_of(struct golden *g, enum kafka_kind kind, const struct text_map *props)
{
    rd_kafka_conf_t *conf = NULL;
    struct kaftan_error *err = kafka_conf_new(kind, props, &conf);
    golden_expect(g, !err, "%s", err ? kaftan_error_message(err) : "");
    kaftan_error_free(err);
    return conf;
}

static void same_setting(struct golden *g, const rd_kafka_conf_t *java, const rd_kafka_conf_t *ours, const char *key, const char *name)
{
    char want[512] = "", got[512] = "";
    size_t n = sizeof want, m = sizeof got;
    (void)rd_kafka_conf_get(java, name, want, &n);
    (void)rd_kafka_conf_get(ours, name, got, &m);
    golden_same_text(g, key, got, want);
}

/* The connector's name in connector-consumer-NAME-0, if it is a task's client. */
static char *connector_of(const char *id, enum kafka_kind kind)
{
    const char *prefix = kind == KAFKA_PRODUCER ? "connector-producer-" : "connector-consumer-";
    if (!text_starts(id, prefix))
        return NULL;
    const char *name = id + strlen(prefix), *end = strrchr(name, '-');
    bool number = end && end[1] && strspn(end + 1, "0123456789") == strlen(end + 1);
    return number ? mem_strndup(name, (size_t)(end - name)) : mem_strdup(name);
}

static struct text_map *our_props(const char *id, const char *group, enum kafka_kind kind)
{
    struct text_map *worker = text_map_new(), *connector = text_map_new(), *m;
    char *name = kind == KAFKA_ADMIN ? NULL : connector_of(id, kind);
    text_map_put(worker, "bootstrap.servers", "127.0.0.1:1");
    text_map_put(worker, "group.id", group);
    text_map_put(connector, "name", name ? name : "");
    m = name ? kafka_task_props(kind, worker, connector, id) : kafka_worker_props(worker, id);
    if (!name && kind == KAFKA_CONSUMER) { /* as room store reads an internal topic */
        text_map_put(m, "auto.offset.reset", "earliest");
        text_map_put(m, "enable.auto.commit", "false");
    }
    text_map_unref(worker);
    text_map_unref(connector);
    mem_free(name);
    return m;
}

static void check_settings(struct golden *g, const struct json *v, const char *id, enum kafka_kind kind)
{
    struct text_map *theirs = text_map_new(), *mine = our_props(id, golden_text(g, v, "from_group"), kind);
    text_map_put(theirs, "bootstrap.servers", "127.0.0.1:1");
    for (size_t i = 0; i < v->count; i++) {
        const char *key = arena_strndup(g->arena, v->members[i].name.ptr, v->members[i].name.len), *text = golden_text(g, v, key);
        if (strcmp(key, "config") != 0 && strcmp(key, "from_group") != 0 && *text && strcmp(text, "null") != 0)
            text_map_put(theirs, key, text);
    }
    rd_kafka_conf_t *java = conf_of(g, kind, theirs), *ours = conf_of(g, kind, mine);
    for (size_t i = 0; i < COUNT_OF(compared) && java && ours; i++)
        if (compared[i].kind == kind && text_map_has(theirs, compared[i].java))
            same_setting(g, java, ours, compared[i].java, compared[i].ours);
    if (java && ours && kind == KAFKA_PRODUCER && text_starts(id, "connector-"))
        same_setting(g, java, ours, "delivery.timeout.ms", "message.timeout.ms");
    if (java)
        rd_kafka_conf_destroy(java);
    if (ours)
        rd_kafka_conf_destroy(ours);
    text_map_unref(theirs);
    text_map_unref(mine);
}

static bool exactly_once(struct golden *g, const struct json *v)
{
    const char *id = golden_text(g, v, "transactional.id");
    return (*id && strcmp(id, "null") != 0) || strcmp(golden_text(g, v, "isolation.level"), "read_committed") == 0;
}

static void run_settings(struct golden *g, const struct json *list)
{
    static const struct { const char *name; enum kafka_kind kind; } kinds[] = {
        { "ProducerConfig", KAFKA_PRODUCER }, { "ConsumerConfig", KAFKA_CONSUMER }, { "AdminClientConfig", KAFKA_ADMIN },
    };
    size_t skipped = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        const char *id = golden_text(g, v, "client.id"), *config = golden_text(g, v, "config");
        size_t k = 0;
        if (exactly_once(g, v)) {
            skipped++;
            continue;
        }
        if (!golden_begin(g, "%s of \"%s\"", config, id))
            continue;
        while (k < COUNT_OF(kinds) && strcmp(kinds[k].name, config) != 0)
            k++;
        if (golden_expect(g, k < COUNT_OF(kinds), "nobody knows this kind of client"))
            check_settings(g, v, id, kinds[k].kind);
        golden_end(g);
    }
    golden_skip(g, skipped, "clients of exactly once, which there is not yet");
}

const struct golden_section storage_kafka_sections[] = {
    { "partition_of_key", run_partitions, NULL },
    { "client_settings", run_settings, NULL },
    { NULL, NULL, NULL },
};
