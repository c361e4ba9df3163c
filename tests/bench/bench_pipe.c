/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare pipe: one MQTT 5 session into one Kafka topic, acknowledging in
 * order what Kafka has confirmed, and nothing else. With --no-kafka it is the
 * minimal subscriber that acknowledges at once. Ends after --count messages,
 * or runs until it is killed (--count 0).
 */
#include "config.h"

#include "raw.h"

#include <librdkafka/rdkafka.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { RING = 1 << 17 };

struct slot {
    uint16_t id;
    int done;
    char *bytes; /* owned: the record's value (and key behind it) */
};
static struct slot ring[RING];
static size_t head, tail; /* tail..head are unacknowledged */

static rd_kafka_t *make_producer(const char *brokers)
{
    static const char *const settings[][2] = {
        { "acks", "all" },
        { "enable.idempotence", "true" },
        { "linger.ms", "5" },
        { "batch.size", "1000000" },
        { "queue.buffering.max.messages", "200000" },
        { "partitioner", "murmur2_random" },
    };
    char why[256];
    rd_kafka_conf_t *c = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (rd_kafka_conf_set(c, settings[i][0], settings[i][1], why,
                              sizeof why) != RD_KAFKA_CONF_OK)
            die(why);
    if (rd_kafka_conf_set(c, "bootstrap.servers", brokers, why, sizeof why) !=
        RD_KAFKA_CONF_OK)
        die(why);
    rd_kafka_conf_set_events(c, RD_KAFKA_EVENT_DR);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, c, why, sizeof why);
    if (!rk)
        die(why);
    return rk;
}

static void take_reports(rd_kafka_queue_t *q)
{
    rd_kafka_event_t *e;
    while ((e = rd_kafka_queue_poll(q, 0)) != NULL) {
        const rd_kafka_message_t *m;
        while ((m = rd_kafka_event_message_next(e)) != NULL) {
            struct slot *s = m->_private;
            if (m->err)
                die(rd_kafka_err2str(m->err));
            s->done = 1;
        }
        rd_kafka_event_destroy(e);
    }
}

static void acknowledge(struct raw *r)
{
    static uint8_t out[RING * 4];
    size_t n = 0;
    for (; tail < head && ring[tail % RING].done; tail++) {
        n += raw_put_puback(out + n, ring[tail % RING].id);
        free(ring[tail % RING].bytes);
    }
    if (n)
        raw_write(r, out, n);
}

static void produce(rd_kafka_topic_t *topic, rd_kafka_queue_t *q,
                    const struct raw_publish *p)
{
    struct slot *s = &ring[head % RING];
    if (head - tail >= RING)
        die("ring full");
    s->id = p->id;
    s->done = topic == NULL;
    s->bytes = NULL;
    head++;
    if (!topic)
        return;
    s->bytes = malloc(p->payload_len + p->topic_len);
    if (!s->bytes)
        die("memory");
    memcpy(s->bytes, p->payload, p->payload_len);
    memcpy(s->bytes + p->payload_len, p->topic, p->topic_len);
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, 0, s->bytes,
                            p->payload_len, s->bytes + p->payload_len,
                            p->topic_len, s) != 0)
        take_reports(q);
}

int main(int argc, char **argv)
{
    long count = option(argc, argv, "--count", 0), got = 0;
    const char *brokers = option_text(argc, argv, "--kafka", NULL);
    struct raw r;
    rd_kafka_t *rk = brokers ? make_producer(brokers) : NULL;
    rd_kafka_topic_t *topic =
        rk ? rd_kafka_topic_new(
                 rk, option_text(argc, argv, "--to", "bench"), NULL)
           : NULL;
    rd_kafka_queue_t *q = rk ? rd_kafka_queue_get_main(rk) : NULL;
    int event = eventfd(0, EFD_NONBLOCK);
    static const uint64_t one = 1;
    uint64_t drained;
    if (q)
        rd_kafka_queue_io_event_enable(q, event, &one, sizeof one);
    raw_connect(&r, (int)option(argc, argv, "--port", 1883),
                option_text(argc, argv, "--id", "bench-pipe"),
                (uint16_t)option(argc, argv, "--window", 2000), 1);
    raw_subscribe(&r, option_text(argc, argv, "--filter", "bench"), 1);
    struct pollfd fds[2] = { { .fd = r.fd, .events = POLLIN },
                             { .fd = event, .events = POLLIN } };
    int64_t first = 0;
    while (!count || got < count || tail < head) {
        struct raw_publish p;
        int type;
        if (poll(fds, 2, -1) < 0)
            die("poll");
        if ((fds[0].revents & (POLLIN | POLLHUP)) && !raw_read(&r))
            die("closed");
        while ((type = raw_next(&r, &p)) != 0)
            if (type == 3) {
                first = first ? first : now_ns();
                got++;
                produce(topic, q, &p);
            }
        if (fds[1].revents & POLLIN)
            (void)!read(event, &drained, sizeof drained);
        if (q)
            take_reports(q);
        acknowledge(&r);
    }
    printf("{\"count\":%ld,\"seconds\":%.6f}\n", got,
           (double)(now_ns() - first) / 1e9);
    free(r.in);
    if (topic)
        rd_kafka_topic_destroy(topic);
    if (q)
        rd_kafka_queue_destroy(q);
    if (rk)
        rd_kafka_destroy(rk);
    return 0;
}
