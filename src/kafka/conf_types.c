/* SPDX-License-Identifier: Apache-2.0 */
/* Types of Java's client keys; what is not listed takes any text. */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "config/keys.h"
#include "kafka/conf.h"

static const struct {
    const char *key;
    enum kaftan_config_type type;
} types[] = {
    { "allow.auto.create.topics", KAFTAN_BOOLEAN },
    { "auto.commit.interval.ms", KAFTAN_INT },
    { "auto.include.jmx.reporter", KAFTAN_BOOLEAN },
    { "batch.size", KAFTAN_INT },
    { "buffer.memory", KAFTAN_LONG },
    { "check.crcs", KAFTAN_BOOLEAN },
    { "compression.gzip.level", KAFTAN_INT },
    { "compression.lz4.level", KAFTAN_INT },
    { "compression.zstd.level", KAFTAN_INT },
    { "connections.max.idle.ms", KAFTAN_LONG },
    { "default.api.timeout.ms", KAFTAN_INT },
    { "delivery.timeout.ms", KAFTAN_INT },
    { "enable.auto.commit", KAFTAN_BOOLEAN },
    { "enable.idempotence", KAFTAN_BOOLEAN },
    { "enable.metrics.push", KAFTAN_BOOLEAN },
    { "exclude.internal.topics", KAFTAN_BOOLEAN },
    { "fetch.max.bytes", KAFTAN_INT },
    { "fetch.max.wait.ms", KAFTAN_INT },
    { "fetch.min.bytes", KAFTAN_INT },
    { "heartbeat.interval.ms", KAFTAN_INT },
    { "linger.ms", KAFTAN_LONG },
    { "max.block.ms", KAFTAN_LONG },
    { "max.in.flight.requests.per.connection", KAFTAN_INT },
    { "max.partition.fetch.bytes", KAFTAN_INT },
    { "max.poll.interval.ms", KAFTAN_INT },
    { "max.poll.records", KAFTAN_INT },
    { "max.request.size", KAFTAN_INT },
    { "metadata.max.age.ms", KAFTAN_LONG },
    { "metadata.max.idle.ms", KAFTAN_LONG },
    { "metadata.recovery.rebootstrap.trigger.ms", KAFTAN_LONG },
    { "metrics.num.samples", KAFTAN_INT },
    { "metrics.sample.window.ms", KAFTAN_LONG },
    { "partitioner.adaptive.partitioning.enable", KAFTAN_BOOLEAN },
    { "partitioner.availability.timeout.ms", KAFTAN_LONG },
    { "partitioner.ignore.keys", KAFTAN_BOOLEAN },
    { "receive.buffer.bytes", KAFTAN_INT },
    { "reconnect.backoff.max.ms", KAFTAN_LONG },
    { "reconnect.backoff.ms", KAFTAN_LONG },
    { "request.timeout.ms", KAFTAN_INT },
    { "retries", KAFTAN_INT },
    { "retry.backoff.max.ms", KAFTAN_LONG },
    { "retry.backoff.ms", KAFTAN_LONG },
    { "send.buffer.bytes", KAFTAN_INT },
    { "session.timeout.ms", KAFTAN_INT },
    { "socket.connection.setup.timeout.max.ms", KAFTAN_LONG },
    { "socket.connection.setup.timeout.ms", KAFTAN_LONG },
    { "transaction.timeout.ms", KAFTAN_INT },
    { "transaction.two.phase.commit.enable", KAFTAN_BOOLEAN },
};

struct kaftan_error *kafka_value_check(enum kafka_kind kind, const char *key, const char *value)
{
    struct kaftan_config_key table[] = { { .name = key, .def = KAFTAN_NULL_DEFAULT }, { .name = NULL } };
    struct kaftan_error *err;
    struct text_map *one;
    struct kaftan_config_report *report;
    if (!value || !kafka_key_known(kind, key))
        return NULL;
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcmp(types[i].key, key) == 0)
            table[0].type = types[i].type;
    if (!table[0].type)
        return NULL;
    one = text_map_new();
    report = config_report_new();
    text_map_put(one, key, value);
    config_values_free(config_parse(table, sizeof(int64_t), one, report));
    err = config_report_error(report);
    config_report_free(report);
    text_map_unref(one);
    return err;
}
