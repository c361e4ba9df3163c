/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishes numbered messages and says how many the broker acknowledged.
 * A payload is the message's number within its topic, then a space and 'x' up
 * to --size. Ends after --count messages or at SIGTERM, in both cases only
 * when every message sent has been answered; then prints one line of JSON.
 */
#include "config.h"

#include "options.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TOPIC_LIMIT = 512, SIZE_LIMIT = 16 << 20 };

static sem_t room; /* how many more may be unanswered */
static atomic_long acknowledged, failed;

static void on_sent(void *context, MQTTAsync_successData *data)
{
    (void)context, (void)data;
    atomic_fetch_add(&acknowledged, 1);
    (void)sem_post(&room);
}

static void on_sent5(void *context, MQTTAsync_successData5 *data)
{
    (void)context, (void)data;
    atomic_fetch_add(&acknowledged, 1);
    (void)sem_post(&room);
}

static void on_failed(void *context, MQTTAsync_failureData *data)
{
    (void)context, (void)data;
    atomic_fetch_add(&failed, 1);
    (void)sem_post(&room);
}

static void on_failed5(void *context, MQTTAsync_failureData5 *data)
{
    (void)context, (void)data;
    atomic_fetch_add(&failed, 1);
    (void)sem_post(&room);
}

static double now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pace(double start, long done, long rate)
{
    if (rate == 0)
        return;
    double due = start + (double)done / (double)rate;
    struct timespec t = { .tv_sec = (time_t)due };
    t.tv_nsec = (long)((due - (double)t.tv_sec) * 1e9);
    (void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static bool take_room(void)
{
    while (sem_wait(&room) != 0)
        if (errno != EINTR || referee_stopped())
            return false;
    return true;
}

static void topic_of(const struct options *o, long i, char *ret)
{
    const char *mark = strstr(o->topic, "%d");
    if (mark)
        (void)snprintf(ret, TOPIC_LIMIT, "%.*s%ld%s", (int)(mark - o->topic), o->topic,
                       i % o->topics, mark + 2);
    else
        (void)snprintf(ret, TOPIC_LIMIT, "%s", o->topic);
}

static void add_property(const struct options *o, MQTTAsync_message *m)
{
    const char *equals = o->property ? strchr(o->property, '=') : NULL;
    if (!equals || !o->v5)
        return;
    MQTTProperty p = { .identifier = MQTTPROPERTY_CODE_USER_PROPERTY };
    p.value.data = (MQTTLenString){ (int)(equals - o->property), (char *)(uintptr_t)o->property };
    p.value.value = (MQTTLenString){ (int)strlen(equals + 1), (char *)(uintptr_t)(equals + 1) };
    (void)MQTTProperties_add(&m->properties, &p);
}

static long publish_all(MQTTAsync client, const struct options *o, char *payload)
{
    long i = 0;
    double start = now();
    for (; (o->count == 0 || i < o->count) && !referee_stopped(); i++) {
        char topic[TOPIC_LIMIT];
        MQTTAsync_message m = MQTTAsync_message_initializer;
        MQTTAsync_responseOptions r = MQTTAsync_responseOptions_initializer;
        pace(start, i, o->rate);
        if (!take_room())
            break;
        topic_of(o, i, topic);
        int used = snprintf(payload, 32, "%ld", o->first + i / o->topics);
        if (used < o->size)
            payload[used] = ' ';
        m.payload = payload;
        m.payloadlen = used < o->size ? (int)o->size : used;
        m.qos = o->qos;
        m.retained = o->retained;
        add_property(o, &m);
        if (o->v5) {
            r.onSuccess5 = on_sent5;
            r.onFailure5 = on_failed5;
        } else {
            r.onSuccess = on_sent;
            r.onFailure = on_failed;
        }
        int rc = MQTTAsync_sendMessage(client, topic, &m, &r);
        memset(payload, 'x', (size_t)used + 1);
        MQTTProperties_free(&m.properties);
        if (rc != MQTTASYNC_SUCCESS) {
            fprintf(stderr, "message %ld: %d\n", i, rc);
            break;
        }
    }
    return i;
}

int main(int argc, char **argv)
{
    struct options o;
    options_parse(argc, argv, &o);
    size_t size = o.size > 0 && o.size < SIZE_LIMIT ? (size_t)o.size : 0;
    char *payload = malloc(size + 64);
    if (!payload)
        return 1;
    memset(payload, 'x', size + 64);
    (void)sem_init(&room, 0, (unsigned)o.window);
    MQTTAsync client = referee_connect(&o, NULL, NULL);
    double start = now();
    long sent = publish_all(client, &o, payload);
    double deadline = now() + 120;
    while (atomic_load(&acknowledged) + atomic_load(&failed) < sent && now() < deadline)
        (void)nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    double seconds = now() - start;
    MQTTAsync_disconnectOptions d = MQTTAsync_disconnectOptions_initializer;
    d.timeout = 2000;
    (void)MQTTAsync_disconnect(client, &d);
    printf("{\"sent\": %ld, \"acknowledged\": %ld, \"failed\": %ld, \"seconds\": %.3f}\n", sent,
           atomic_load(&acknowledged), atomic_load(&failed), seconds);
    (void)fflush(stdout);
    /* Paho may still run its threads; there is nothing left to save. */
    _Exit(atomic_load(&acknowledged) == sent ? EXIT_SUCCESS : EXIT_FAILURE);
}
