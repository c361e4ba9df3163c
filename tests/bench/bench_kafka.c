/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka side of the benchmark, one of:
 *   produce  a bare librdkafka producer: --count records of --size bytes
 *   span     waits until --topic holds --count records, then prints the
 *            milliseconds between the first and the last one's append time
 *   latency  reads --count records as they come and prints percentiles of
 *            now minus the time that stands in the payload
 */
#include "config.h"

#include "raw.h"

#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers)
{
    static const char *const settings[][3] = {
        { "P", "acks", "all" },
        { "P", "enable.idempotence", "true" },
        { "P", "linger.ms", "5" },
        { "P", "batch.size", "1000000" },
        { "P", "queue.buffering.max.messages", "200000" },
        { "C", "group.id", "kaftan-bench" },
        { "C", "fetch.min.bytes", "1" },
        { "C", "fetch.wait.max.ms", "500" },
        { "C", "enable.auto.commit", "false" },
    };
    char why[256];
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if ((*settings[i][0] == 'P') == (type == RD_KAFKA_PRODUCER) &&
            rd_kafka_conf_set(c, settings[i][1], settings[i][2], why,
                              sizeof why) != RD_KAFKA_CONF_OK)
            die(why);
    if (rd_kafka_conf_set(c, "bootstrap.servers", brokers, why, sizeof why) !=
        RD_KAFKA_CONF_OK)
        die(why);
    rd_kafka_t *rk = rd_kafka_new(type, c, why, sizeof why);
    if (!rk)
        die(why);
    return rk;
}

static void produce(rd_kafka_t *rk, const char *name, long count, long size)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    char *value = malloc((size_t)size);
    if (!value || !topic)
        die("memory");
    memset(value, 'x', (size_t)size);
    int64_t begun = now_ns();
    for (long i = 0; i < count; i++)
        while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, 0, value,
                                (size_t)size, "bench", 5, NULL) != 0)
            (void)rd_kafka_poll(rk, 1);
    while (rd_kafka_outq_len(rk) > 0)
        (void)rd_kafka_poll(rk, 10);
    printf("{\"count\":%ld,\"seconds\":%.6f}\n", count,
           (double)(now_ns() - begun) / 1e9);
    rd_kafka_topic_destroy(topic);
    free(value);
}

static void assign(rd_kafka_t *rk, const char *topic, int64_t offset)
{
    rd_kafka_topic_partition_list_t *l =
        rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(l, topic, 0)->offset = offset;
    if (rd_kafka_assign(rk, l) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("assign");
    rd_kafka_topic_partition_list_destroy(l);
}

static rd_kafka_message_t *next(rd_kafka_t *rk)
{
    for (;;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 1000);
        if (m && !m->err)
            return m;
        if (m)
            rd_kafka_message_destroy(m);
    }
}

static int64_t end_of(rd_kafka_t *rk, const char *topic)
{
    int64_t low = 0, high = 0;
    if (rd_kafka_query_watermark_offsets(rk, topic, 0, &low, &high, 5000) !=
        RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    return high;
}

static int64_t append_ms(rd_kafka_t *rk, const char *topic, int64_t offset)
{
    assign(rk, topic, offset);
    rd_kafka_message_t *m = next(rk);
    int64_t ms = rd_kafka_message_timestamp(m, NULL);
    rd_kafka_message_destroy(m);
    return ms;
}

/* From the record `from` on, which an earlier part of the run may have left. */
static void span(rd_kafka_t *rk, const char *topic, long from, long count)
{
    while (end_of(rk, topic) < from + count)
        (void)poll(NULL, 0, 20);
    int64_t first = append_ms(rk, topic, from);
    int64_t last = append_ms(rk, topic, from + count - 1);
    printf("{\"count\":%ld,\"seconds\":%.6f}\n", count,
           (double)(last - first) / 1e3);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void latency(rd_kafka_t *rk, const char *topic, long count)
{
    double *us = malloc((size_t)count * sizeof *us);
    if (!us)
        die("memory");
    assign(rk, topic, RD_KAFKA_OFFSET_END);
    /* The assignment is in effect once the position is known. */
    (void)end_of(rk, topic);
    rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 1000);
    if (m)
        rd_kafka_message_destroy(m);
    printf("ready\n");
    (void)fflush(stdout);
    for (long i = 0; i < count; i++) {
        m = next(rk);
        us[i] = (double)(now_ns() - strtoll(m->payload, NULL, 10)) / 1e3;
        rd_kafka_message_destroy(m);
    }
    qsort(us, (size_t)count, sizeof *us, by_size);
    printf("{\"count\":%ld,\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f}\n",
           count, us[count / 2], us[count * 99 / 100], us[count - 1]);
    free(us);
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    const char *topic = option_text(argc, argv, "--topic", "bench");
    long count = option(argc, argv, "--count", 1000);
    int consume = strcmp(mode, "produce") != 0;
    rd_kafka_t *rk =
        client(consume ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER,
               option_text(argc, argv, "--kafka", "127.0.0.1:9092"));
    if (!consume)
        produce(rk, topic, count, option(argc, argv, "--size", 100));
    else if (strcmp(mode, "span") == 0)
        span(rk, topic, option(argc, argv, "--from", 0), count);
    else if (strcmp(mode, "latency") == 0)
        latency(rk, topic, count);
    else
        die("usage: bench_kafka produce|span|latency");
    rd_kafka_destroy(rk);
    return 0;
}
