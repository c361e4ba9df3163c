/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_MOCK_H
#define TEST_MOCK_H
/* mock: librdkafka's cluster inside the test's own process. */
#include <criterion/criterion.h>

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>

#include "base/clock.h"
#include "base/map.h"

struct mock {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *cluster;
};

enum { MOCK_DEADLINE_MS = 60000 };

static inline struct mock mock_new(int brokers)
{
    char text[256];
    struct mock m;
    m.rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    cr_assert_not_null(m.rk, "%s", text);
    m.cluster = rd_kafka_mock_cluster_new(m.rk, brokers);
    return m;
}

static inline void mock_free(struct mock *m)
{
    rd_kafka_mock_cluster_destroy(m->cluster);
    rd_kafka_destroy(m->rk);
}

static inline struct text_map *mock_props(const struct mock *m)
{
    struct text_map *props = text_map_new();
    text_map_put(props, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(m->cluster));
    text_map_put(props, "client.id", "test");
    text_map_put(props, "fetch.max.wait.ms", "10"); /* the mock answers an empty fetch only then */
    return props;
}

static inline void mock_wait(int fd, int64_t deadline_ms)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    cr_assert_lt(clock_mono_ms(), deadline_ms, "deadline passed");
    poll(&p, 1, 500);
}

#endif
