/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishes --count messages of --size bytes to --topic with QoS 1, as fast
 * as a window of --window allows, or at --rate a second. A payload begins with
 * the intended time of sending, 19 digits of CLOCK_MONOTONIC nanoseconds, so
 * that a publisher that falls behind does not flatter the latency.
 */
#include "config.h"

#include "raw.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void wait_until(int64_t ns)
{
    struct timespec t = { .tv_sec = ns / 1000000000,
                          .tv_nsec = ns % 1000000000 };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        continue;
}

static long take_acks(struct raw *r, int block)
{
    struct raw_publish p;
    struct pollfd fd = { .fd = r->fd, .events = POLLIN };
    long n = 0;
    if (poll(&fd, 1, block ? -1 : 0) > 0 && !raw_read(r))
        die("closed");
    while (raw_next(r, &p) == 4)
        n++;
    return n;
}

int main(int argc, char **argv)
{
    long count = option(argc, argv, "--count", 1000);
    long size = option(argc, argv, "--size", 100);
    long rate = option(argc, argv, "--rate", 0);
    long window = option(argc, argv, "--window", 1000);
    const char *topic = option_text(argc, argv, "--topic", "bench");
    struct raw r;
    if (size < 20 || size > 1 << 20)
        die("--size is 20 to 1048576");
    raw_connect(&r, (int)option(argc, argv, "--port", 1883),
                option_text(argc, argv, "--id", "bench-publish"), 0, 0);
    char *payload = malloc((size_t)size + 1);
    uint8_t *out = malloc(64 * ((size_t)size + 300));
    if (!payload || !out)
        die("memory");
    memset(payload, 'x', (size_t)size);
    int64_t begun = now_ns(), due = begun;
    long acked = 0;
    size_t n = 0;
    for (long i = 0; i < count; i++) {
        if (rate) {
            due = begun + i * (1000000000 / rate);
            if (due > now_ns()) {
                if (n)
                    raw_write(&r, out, n);
                n = 0;
                wait_until(due);
            }
        }
        (void)snprintf(payload, 20, "%019lld",
                       (long long)(rate ? due : now_ns()));
        payload[19] = ' ';
        n += raw_put_publish(out + n, topic, 1, (uint16_t)(i % 65535 + 1),
                             payload, (size_t)size);
        if (n > 32 * ((size_t)size + 200) || i + 1 == count ||
            i + 1 - acked >= window) {
            raw_write(&r, out, n);
            n = 0;
            acked += take_acks(&r, 0);
        }
        while (i + 1 - acked >= window)
            acked += take_acks(&r, 1);
    }
    if (n)
        raw_write(&r, out, n);
    while (acked < count)
        acked += take_acks(&r, 1);
    printf("{\"count\":%ld,\"seconds\":%.6f}\n", count,
           (double)(now_ns() - begun) / 1e9);
    free(payload);
    free(out);
    free(r.in);
    return 0;
}
