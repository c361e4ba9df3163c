/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <stdatomic.h>
#include <sys/prctl.h>

#include "kafka/kafka_int.h"
#include "mock.h"

/* Looks at the threads of a client from inside, after what kafka_conf_new has put there. */
static atomic_long slack_of_main, slack_of_brokers, brokers;

static rd_kafka_resp_err_t on_thread_start(rd_kafka_t *rk, rd_kafka_thread_type_t type, const char *name, void *opaque)
{
    (void)rk, (void)name, (void)opaque;
    long slack = prctl(PR_GET_TIMERSLACK, 0ul, 0ul, 0ul, 0ul);
    if (type == RD_KAFKA_THREAD_MAIN)
        atomic_store(&slack_of_main, slack);
    if (type != RD_KAFKA_THREAD_BROKER)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    if (slack > atomic_load(&slack_of_brokers))
        atomic_store(&slack_of_brokers, slack);
    (void)atomic_fetch_add(&brokers, 1);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *text, size_t size)
{
    (void)conf, (void)opaque, (void)text, (void)size;
    return rd_kafka_interceptor_add_on_thread_start(rk, "test", on_thread_start, NULL);
}

Test(calm, the_main_thread_of_a_client_may_wake_late_and_no_other)
{
    char text[256];
    struct mock m = mock_new(1);
    struct text_map *props = mock_props(&m);
    rd_kafka_conf_t *conf = NULL;
    cr_assert_null(kafka_conf_new(KAFKA_PRODUCER, props, &conf));
    rd_kafka_conf_t *copy = rd_kafka_conf_dup(conf); /* as the producer does */
    cr_assert_eq(rd_kafka_conf_interceptor_add_on_new(copy, "test", on_new, NULL), 0);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, copy, text, sizeof text);
    cr_assert_not_null(rk, "%s", text);
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    while (atomic_load(&brokers) < 2) { /* the one of the bootstrap address, and the one that the main thread has started */
        cr_assert_lt(clock_mono_ms(), deadline);
        (void)rd_kafka_poll(rk, 20);
    }
    cr_expect_geq(atomic_load(&slack_of_main), 1000000, "%ld", atomic_load(&slack_of_main));
    cr_expect_leq(atomic_load(&slack_of_brokers), 50000, "%ld", atomic_load(&slack_of_brokers));
    rd_kafka_destroy(rk);
    rd_kafka_conf_destroy(conf);
    text_map_unref(props);
    mock_free(&m);
}
