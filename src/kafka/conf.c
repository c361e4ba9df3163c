/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/conf.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/kafka_int.h"

static struct log logger = LOG("kafka.conf");
static struct log client_log = LOG("kafka.client");

enum { P = 1 << KAFKA_PRODUCER, C = 1 << KAFKA_CONSUMER, A = 1 << KAFKA_ADMIN, ALL = P | C | A };

/* Appends librdkafka's text of a Java value; false: nothing is to be set. */
typedef bool value_fn(const char *value, struct buf *ret);

static bool as_lower(const char *value, struct buf *ret)
{
    for (const char *p = value; *p; p++)
        if (!isspace((unsigned char)*p))
            buf_putc(ret, (char)tolower((unsigned char)*p));
    return true;
}

static bool as_acks(const char *value, struct buf *ret)
{
    buf_puts(ret, strcasecmp(value, "all") == 0 ? "-1" : value);
    return true;
}

/* Java's "for ever" is librdkafka's 0; its 0 is not Java's. */
static bool as_delivery_ms(const char *value, struct buf *ret)
{
    int64_t ms;
    if (!text_to_i64(value, strlen(value), &ms))
        buf_puts(ret, value);
    else if (ms >= INT32_MAX)
        buf_puts(ret, "0");
    else
        buf_printf(ret, "%lld", (long long)(ms < 1 ? 1 : ms));
    return true;
}

static bool as_kbytes(const char *value, struct buf *ret)
{
    int64_t bytes;
    if (!text_to_i64(value, strlen(value), &bytes)) {
        buf_puts(ret, value);
        return true;
    }
    bytes = bytes / 1024;
    buf_printf(ret, "%lld", (long long)(bytes < 1 ? 1 : bytes > INT32_MAX ? INT32_MAX : bytes));
    return true;
}

/* Class names of assignors; eager and cooperative do not mix, eager wins as with Java's default list. */
static bool as_assignors(const char *value, struct buf *ret)
{
    static const struct { const char *java, *ours; } names[] = {
        { "RangeAssignor", "range" }, { "RoundRobinAssignor", "roundrobin" },
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strstr(value, names[i].java))
            buf_printf(ret, "%s%s", ret->len ? "," : "", names[i].ours);
    if (!ret->len && strstr(value, "CooperativeStickyAssignor"))
        buf_puts(ret, "cooperative-sticky");
    return ret->len > 0;
}

static bool as_reset(const char *value, struct buf *ret)
{
    if (strcasecmp(value, "none") == 0)
        buf_puts(ret, "error");
    else
        as_lower(value, ret);
    return !text_starts(value, "by_duration");
}

static bool as_partitioner(const char *value, struct buf *ret)
{
    if (strstr(value, "RoundRobin") || strstr(value, "UniformSticky"))
        buf_puts(ret, "random");
    return ret->len > 0;
}

static bool as_ignore_keys(const char *value, struct buf *ret)
{
    buf_puts(ret, "random");
    return strcasecmp(value, "true") == 0;
}

struct translation {
    const char *java;
    unsigned kinds;
    const char *ours; /* NULL: nothing here that it could set */
    value_fn *text;   /* NULL: a number when max > 0, else the text as it stands */
    int64_t min, max; /* librdkafka's range; values outside are moved to its end, -1 ("default", "never") to 0 where that is in range */
};

/* The one table. Keys with no `ours` exist in Java's client and mean nothing to librdkafka. */
static const struct translation table[] = {
    { "bootstrap.servers", ALL, "bootstrap.servers", as_lower, 0, 0 },
    { "client.id", ALL, "client.id", NULL, 0, 0 },
    { "client.rack", C, "client.rack", NULL, 0, 0 },
    { "metadata.max.age.ms", ALL, "topic.metadata.refresh.interval.ms", NULL, 10, 3600000 },
    { "reconnect.backoff.ms", ALL, "reconnect.backoff.ms", NULL, 0, 3600000 },
    { "reconnect.backoff.max.ms", ALL, "reconnect.backoff.max.ms", NULL, 0, 3600000 },
    { "retry.backoff.ms", P, "retry.backoff.ms", NULL, 1, 300000 },
    { "connections.max.idle.ms", ALL, "connections.max.idle.ms", NULL, 0, INT32_MAX },
    { "socket.connection.setup.timeout.ms", ALL, "socket.connection.setup.timeout.ms", NULL, 1000, INT32_MAX },
    { "send.buffer.bytes", ALL, "socket.send.buffer.bytes", NULL, 0, 100000000 },
    { "receive.buffer.bytes", ALL, "socket.receive.buffer.bytes", NULL, 0, 100000000 },
    { "request.timeout.ms", P, "request.timeout.ms", NULL, 1, 900000 },
    { "request.timeout.ms", C | A, "socket.timeout.ms", NULL, 1000, 300000 },
    /* producer */
    { "acks", P, "acks", as_acks, 0, 0 },
    { "batch.size", P, "batch.size", NULL, 1, INT32_MAX },
    { "linger.ms", P, "linger.ms", NULL, 0, 900000 },
    { "buffer.memory", P, "queue.buffering.max.kbytes", as_kbytes, 0, 0 },
    { "compression.type", P, "compression.type", as_lower, 0, 0 },
    { "delivery.timeout.ms", P, "message.timeout.ms", as_delivery_ms, 0, 0 },
    { "enable.idempotence", P, "enable.idempotence", as_lower, 0, 0 },
    { "max.in.flight.requests.per.connection", P, "max.in.flight.requests.per.connection", NULL, 1, 1000000 },
    { "max.request.size", P, "message.max.bytes", NULL, 1000, 1000000000 },
    { "partitioner.class", P, "partitioner", as_partitioner, 0, 0 },
    { "partitioner.ignore.keys", P, "partitioner", as_ignore_keys, 0, 0 },
    { "retries", P, "retries", NULL, 0, INT32_MAX },
    { "transactional.id", P, "transactional.id", NULL, 0, 0 },
    { "transaction.timeout.ms", P, "transaction.timeout.ms", NULL, 1000, INT32_MAX },
    /* consumer */
    { "group.id", C, "group.id", NULL, 0, 0 },
    { "group.instance.id", C, "group.instance.id", NULL, 0, 0 },
    { "session.timeout.ms", C, "session.timeout.ms", NULL, 1, 3600000 },
    { "heartbeat.interval.ms", C, "heartbeat.interval.ms", NULL, 1, 3600000 },
    { "max.poll.interval.ms", C, "max.poll.interval.ms", NULL, 1, 86400000 },
    { "partition.assignment.strategy", C, "partition.assignment.strategy", as_assignors, 0, 0 },
    { "auto.offset.reset", C, "auto.offset.reset", as_reset, 0, 0 },
    { "enable.auto.commit", C, "enable.auto.commit", as_lower, 0, 0 },
    { "auto.commit.interval.ms", C, "auto.commit.interval.ms", NULL, 0, 86400000 },
    { "isolation.level", C, "isolation.level", as_lower, 0, 0 },
    { "allow.auto.create.topics", C, "allow.auto.create.topics", as_lower, 0, 0 },
    { "check.crcs", C, "check.crcs", as_lower, 0, 0 },
    { "fetch.min.bytes", C, "fetch.min.bytes", NULL, 1, 100000000 },
    { "fetch.max.bytes", C, "fetch.max.bytes", NULL, 1024, 2147483135 },
    { "fetch.max.wait.ms", C, "fetch.wait.max.ms", NULL, 0, 300000 },
    { "max.partition.fetch.bytes", C, "fetch.message.max.bytes", NULL, 1, 1000000000 },
    /* known to Java's clients, nothing to set here */
    { "retry.backoff.ms", C | A, NULL, NULL, 0, 0 },
    { "retry.backoff.max.ms", ALL, NULL, NULL, 0, 0 },
    { "retries", A, NULL, NULL, 0, 0 },
    { "max.poll.records", C, NULL, NULL, 0, 0 },
    { "max.block.ms", P, NULL, NULL, 0, 0 },
    { "client.dns.lookup", ALL, NULL, NULL, 0, 0 },
    { "socket.connection.setup.timeout.max.ms", ALL, NULL, NULL, 0, 0 },
    { "default.api.timeout.ms", C | A, NULL, NULL, 0, 0 },
    { "metadata.max.idle.ms", P, NULL, NULL, 0, 0 },
    { "metadata.recovery.strategy", ALL, NULL, NULL, 0, 0 },
    { "metadata.recovery.rebootstrap.trigger.ms", ALL, NULL, NULL, 0, 0 },
    { "compression.gzip.level", P, NULL, NULL, 0, 0 },
    { "compression.lz4.level", P, NULL, NULL, 0, 0 },
    { "compression.zstd.level", P, NULL, NULL, 0, 0 },
    { "partitioner.adaptive.partitioning.enable", P, NULL, NULL, 0, 0 },
    { "partitioner.availability.timeout.ms", P, NULL, NULL, 0, 0 },
    { "transaction.two.phase.commit.enable", P, NULL, NULL, 0, 0 },
    { "key.serializer", P, NULL, NULL, 0, 0 },
    { "value.serializer", P, NULL, NULL, 0, 0 },
    { "key.deserializer", C, NULL, NULL, 0, 0 },
    { "value.deserializer", C, NULL, NULL, 0, 0 },
    { "exclude.internal.topics", C, NULL, NULL, 0, 0 },
    { "group.protocol", C, NULL, NULL, 0, 0 },
    { "group.remote.assignor", C, NULL, NULL, 0, 0 },
    { "interceptor.classes", P | C, NULL, NULL, 0, 0 },
    { "bootstrap.controllers", A, NULL, NULL, 0, 0 },
    { "metric.reporters", ALL, NULL, NULL, 0, 0 },
    { "metrics.num.samples", ALL, NULL, NULL, 0, 0 },
    { "metrics.recording.level", ALL, NULL, NULL, 0, 0 },
    { "metrics.sample.window.ms", ALL, NULL, NULL, 0, 0 },
    { "auto.include.jmx.reporter", ALL, NULL, NULL, 0, 0 },
    { "enable.metrics.push", ALL, NULL, NULL, 0, 0 },
    { "security.providers", ALL, NULL, NULL, 0, 0 },
    { "config.providers", ALL, NULL, NULL, 0, 0 },
    { "security.protocol", ALL, NULL, NULL, 0, 0 }, /* with ssl.* and sasl.*: kafka_conf_security */
};
static const char *const families[] = { "ssl.", "sasl.", "metrics.context.", "config.providers." };

/* What Java's client does without being told, where librdkafka does otherwise. */
static const struct { const char *name, *value; unsigned kinds; } defaults[] = {
    { "reconnect.backoff.ms", "50", ALL },
    { "reconnect.backoff.max.ms", "1000", ALL },
    { "log.connection.close", "false", ALL },
    { "socket.keepalive.enable", "true", ALL },
    { "socket.nagle.disable", "true", ALL },
    { "socket.timeout.ms", "30000", ALL },
    { "partitioner", "murmur2_random", P },
    { "linger.ms", "5", P },
    { "batch.size", "1000000", P },
    { "message.max.bytes", "1048576", P },
    { "message.timeout.ms", "120000", P },
    { "queue.buffering.max.kbytes", "32768", P },
    { "queue.buffering.max.messages", "0", P },
    { "isolation.level", "read_uncommitted", C },
    { "allow.auto.create.topics", "true", C },
    { "partition.assignment.strategy", "range", C },
    { "allow.auto.create.topics", "false", A },
};

static bool in_family(const char *key)
{
    for (size_t i = 0; i < COUNT_OF(families); i++)
        if (text_starts(key, families[i]))
            return true;
    return false;
}

static const struct translation *translation_of(unsigned kinds, const char *key)
{
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if ((table[i].kinds & kinds) && strcmp(table[i].java, key) == 0)
            return &table[i];
    return NULL;
}

bool kafka_key_known(enum kafka_kind kind, const char *key)
{
    return translation_of(1u << kind, key) || in_family(key);
}

static bool known_to_any(const char *key)
{
    return translation_of(ALL, key) || in_family(key);
}

/* A thousand tasks with the same wrong key are one line: a bit per hash of what has been said. */
static bool said_before(const char *key)
{
    static atomic_uint_fast64_t said[64];
    uint32_t h = (uint32_t)java_hash(key, strlen(key));
    uint64_t bit = UINT64_C(1) << (h & 63);
    return (atomic_fetch_or(&said[(h >> 6) & 63], bit) & bit) != 0;
}

/* librdkafka's threads; copies and returns. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    enum log_level ours = level <= 4 ? LOG_WARN : level <= 5 ? LOG_INFO : LOG_DEBUG; /* syslog's warning, notice */
    /*
     * Records given up on purpose: who gave them up says so. An error repeats
     * what FAIL has said.
     */
    if (strcmp(facility, "TERMINATE") == 0 || strcmp(facility, "ERROR") == 0)
        ours = LOG_DEBUG;
    /* the prefix `[thrd:...]: ` tells nothing to the reader */
    const char *cut = text_starts(text, "[thrd:") ? strstr(text, "]: ") : NULL;
    const char *hint = strcmp(facility, "FAIL") == 0 ? kafka_trouble_hint(rk, text) : NULL;
    const char *client = rk ? rd_kafka_name(rk) : NULL;
    cut = cut ? cut + 3 : text;
    if (hint)
        log_at(&client_log, ours, "Kafka client", LOG_STR("client", client), LOG_STR("event", facility), LOG_STR("text", cut),
               LOG_STR("hint", hint));
    else
        log_at(&client_log, ours, "Kafka client", LOG_STR("client", client), LOG_STR("event", facility), LOG_STR("text", cut));
}

struct kaftan_error *kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, const char *key,
                                    const char *shown)
{
    char text[256];
    if (rd_kafka_conf_set(conf, name, value, text, sizeof text) == RD_KAFKA_CONF_OK)
        return NULL;
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration %s: %s", shown, key,
                            strcmp(shown, value) == 0 ? text : "refused by the Kafka client");
}

static struct kaftan_error *translate(const struct translation *t, const char *value, rd_kafka_conf_t *conf)
{
    struct buf text = BUF_INIT;
    struct kaftan_slice v = slice_trim(slice_of(value));
    char *trimmed = mem_strndup(v.ptr, v.len);
    int64_t n;
    bool set = true;
    if (t->text) {
        set = t->text(trimmed, &text);
    } else if (t->max > 0 && text_to_i64(trimmed, v.len, &n)) {
        buf_printf(&text, "%lld", (long long)(n < t->min ? t->min : n > t->max ? t->max : n));
    } else {
        buf_puts(&text, trimmed);
        set = t->max > 0 || v.len > 0;
    }
    struct kaftan_error *err = NULL;
    if (set)
        err = kafka_conf_set(conf, t->ours, buf_text(&text), t->java, trimmed);
    mem_free(trimmed);
    buf_fini(&text);
    return err;
}

/* compression.<type>.level counts for the type in use only. */
static struct kaftan_error *set_compression_level(const struct text_map *props, rd_kafka_conf_t *conf)
{
    const char *type = text_map_get(props, "compression.type");
    if (!type)
        return NULL;
    char *key = mem_printf("compression.%s.level", type);
    const char *level = text_map_get(props, key);
    struct kaftan_error *err = level ? kafka_conf_set(conf, "compression.level", level, key, level) : NULL;
    mem_free(key);
    return err;
}

/* A message as large as allowed must fit into the queue, or it would wait for ever. */
static struct kaftan_error *check_queue(const struct text_map *props, rd_kafka_conf_t *conf)
{
    const char *text = text_map_get(props, "max.request.size");
    int64_t size, kbytes = 0;
    char now[32];
    size_t len = sizeof now;
    if (!text || !text_to_i64(text, strlen(text), &size))
        return NULL;
    if (rd_kafka_conf_get(conf, "queue.buffering.max.kbytes", now, &len) == RD_KAFKA_CONF_OK)
        text_to_i64(now, strlen(now), &kbytes);
    if (kbytes >= size / 512 + 1)
        return NULL;
    char *want = mem_printf("%" PRId64, size / 512 + 1);
    struct kaftan_error *err = kafka_conf_set(conf, "queue.buffering.max.kbytes", want, "max.request.size", want);
    mem_free(want);
    return err;
}

static struct kaftan_error *set_all(enum kafka_kind kind, const struct text_map *props, rd_kafka_conf_t *conf)
{
    const char *key, *value;
    struct kaftan_error *err = NULL;
    for (size_t i = 0; i < COUNT_OF(defaults) && !err; i++)
        if (defaults[i].kinds & (1u << kind))
            err = kafka_conf_set(conf, defaults[i].name, defaults[i].value, defaults[i].name, defaults[i].value);
    for (size_t i = 0; !err && text_map_at(props, &i, &key, &value);) {
        const struct translation *t = translation_of(1u << kind, key);
        if (!value)
            continue;
        if (t && t->ours)
            err = translate(t, value, conf);
        else if (strcmp(key, "interceptor.classes") == 0 && *value && !said_before(key))
            log_warn(&logger, "interceptors are Java classes and left out", LOG_STR("key", key), LOG_STR("value", value));
        else if (known_to_any(key))
            log_debug(&logger, "setting means nothing to this client", LOG_STR("key", key));
        else if (!said_before(key))
            log_warn(&logger, "unknown Kafka client setting is left out", LOG_STR("key", key));
    }
    if (!err && kind == KAFKA_PRODUCER)
        err = set_compression_level(props, conf);
    if (!err && kind == KAFKA_PRODUCER)
        err = check_queue(props, conf);
    return err ? err : kafka_conf_security(props, conf);
}

struct kaftan_error *kafka_conf_new(enum kafka_kind kind, const struct text_map *props, rd_kafka_conf_t **ret)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    struct kaftan_error *err = set_all(kind, props, conf);
    if (err) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    rd_kafka_conf_set_log_cb(conf, on_log);
    kafka_conf_calm(conf);
    *ret = conf;
    return NULL;
}

static void put_prefixed(struct text_map *ret, const struct text_map *from, const char *prefix)
{
    const char *key, *value;
    for (size_t i = 0; from && text_map_at(from, &i, &key, &value);)
        if (text_starts(key, prefix) && key[strlen(prefix)])
            text_map_put(ret, key + strlen(prefix), value);
}

static void put_worker(struct text_map *ret, const struct text_map *worker)
{
    const char *key, *value;
    for (size_t i = 0; text_map_at(worker, &i, &key, &value);)
        if (known_to_any(key)) /* the rest are the worker's own keys */
            text_map_put(ret, key, value);
}

static void put_bootstrap(struct text_map *ret, const struct text_map *worker)
{
    const char *servers = text_map_get(worker, "bootstrap.servers");
    text_map_put(ret, "bootstrap.servers", servers ? servers : "localhost:9092");
}

struct text_map *kafka_task_props(enum kafka_kind kind, const struct text_map *worker, const struct text_map *connector,
                                  const char *client_id)
{
    static const char *const prefixes[] = { "producer.", "consumer.", "admin." };
    static const char *const overrides[] = { "producer.override.", "consumer.override.", "admin.override." };
    struct text_map *m = text_map_new();
    put_bootstrap(m, worker);
    text_map_put(m, "client.id", client_id);
    if (kind == KAFKA_PRODUCER) {
        text_map_put(m, "delivery.timeout.ms", "2147483647");
    } else if (kind == KAFKA_CONSUMER) {
        const char *name = connector ? text_map_get(connector, "name") : NULL;
        char *group = mem_printf("connect-%s", name ? name : "");
        text_map_put(m, "group.id", group);
        mem_free(group);
        text_map_put(m, "enable.auto.commit", "false");
        text_map_put(m, "auto.offset.reset", "earliest");
    } else {
        put_worker(m, worker);
    }
    put_prefixed(m, worker, prefixes[kind]);
    put_prefixed(m, connector, overrides[kind]);
    return m;
}

struct text_map *kafka_worker_props(const struct text_map *worker, const char *client_id)
{
    struct text_map *m = text_map_new();
    put_bootstrap(m, worker);
    put_worker(m, worker);
    text_map_put(m, "client.id", client_id);
    return m;
}
