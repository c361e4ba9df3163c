/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client's threads cost while nothing happens. The main thread of a
 * client before librdkafka 2.4 waits for its timer, due each second, in whole
 * milliseconds rounded down, and then asks again and again for the rest: half
 * a millisecond of CPU each second for every client. With two milliseconds of
 * timer slack these waits end when the timer is due, most of the time, and the
 * repeated ones sleep. Only this thread gets the slack: it keeps the client's
 * timers and its metadata, and no record passes through it. The threads that
 * it starts would inherit it, so they get back what all threads have.
 */
#include "config.h"

#include "kafka/kafka_int.h"

#include <sys/prctl.h>

enum { SLACK_NS = 50000, CALM_SLACK_NS = 2000000 };
#define INTERCEPTOR "kaftan-calm"

/* The new thread itself. */
static rd_kafka_resp_err_t on_thread_start(rd_kafka_t *rk, rd_kafka_thread_type_t type, const char *name, void *opaque)
{
    (void)rk, (void)name, (void)opaque;
    unsigned long slack = type == RD_KAFKA_THREAD_MAIN ? CALM_SLACK_NS : SLACK_NS;
    (void)prctl(PR_SET_TIMERSLACK, slack, 0ul, 0ul, 0ul); /* without it, as before */
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *text, size_t size)
{
    (void)conf, (void)opaque, (void)text, (void)size;
    return rd_kafka_interceptor_add_on_thread_start(rk, INTERCEPTOR, on_thread_start, NULL);
}

static rd_kafka_resp_err_t on_conf_dup(rd_kafka_conf_t *copy, const rd_kafka_conf_t *conf, size_t filter_count, const char **filter,
                                       void *opaque)
{
    (void)conf, (void)filter_count, (void)filter, (void)opaque;
    kafka_conf_calm(copy);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

void kafka_conf_calm(rd_kafka_conf_t *conf)
{
    (void)rd_kafka_conf_interceptor_add_on_new(conf, INTERCEPTOR, on_new, NULL);
    (void)rd_kafka_conf_interceptor_add_on_conf_dup(conf, INTERCEPTOR, on_conf_dup, NULL); /* a copy has none of them */
}
