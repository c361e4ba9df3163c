/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscribes and counts: ends after --count messages, after --idle seconds
 * without one, or at SIGTERM; then prints one line of JSON. "ready" on stderr
 * says that the subscription stands.
 */
#include "config.h"

#include "options.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static atomic_long received, duplicate_flags, bytes, retained;
static atomic_llong last_ms;

static long long now_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int on_message(void *context, char *topic, int length, MQTTAsync_message *m)
{
    (void)context, (void)length;
    atomic_fetch_add(&received, 1);
    atomic_fetch_add(&bytes, m->payloadlen);
    atomic_fetch_add(&duplicate_flags, m->dup != 0);
    atomic_fetch_add(&retained, m->retained != 0);
    atomic_store(&last_ms, now_ms());
    MQTTAsync_freeMessage(&m);
    MQTTAsync_free(topic);
    return 1;
}

int main(int argc, char **argv)
{
    struct options o;
    options_parse(argc, argv, &o);
    atomic_store(&last_ms, now_ms());
    MQTTAsync client = referee_connect(&o, on_message, NULL);
    referee_subscribe(client, &o);
    fprintf(stderr, "ready\n");
    while (!referee_stopped() && (o.count == 0 || atomic_load(&received) < o.count) &&
           now_ms() - atomic_load(&last_ms) < o.idle * 1000)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
    printf("{\"received\": %ld, \"bytes\": %ld, \"duplicate_flags\": %ld, \"retained\": %ld}\n",
           atomic_load(&received), atomic_load(&bytes), atomic_load(&duplicate_flags), atomic_load(&retained));
    (void)fflush(stdout);
    /* Paho may still run its threads; there is nothing left to save. */
    _Exit(o.count == 0 || atomic_load(&received) >= o.count ? EXIT_SUCCESS : EXIT_FAILURE);
}
