/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "options.h"

#include <getopt.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stopped;
static sem_t answered;
static int answer_code;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

bool referee_stopped(void)
{
    return stopped != 0;
}

static long number(const char *name, const char *text)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value < 0) {
        fprintf(stderr, "--%s: '%s' is no number\n", name, text);
        exit(2);
    }
    return value;
}

static bool take(struct options *o, const char *name, const char *value)
{
    const struct { const char *name; const char **text; long *number; } all[] = {
        { "uri", &o->uri, NULL }, { "client-id", &o->client_id, NULL },
        { "topic", &o->topic, NULL }, { "user", &o->user, NULL },
        { "password", &o->password, NULL }, { "cafile", &o->cafile, NULL },
        { "cert", &o->cert, NULL }, { "key", &o->key, NULL },
        { "property", &o->property, NULL }, { "count", NULL, &o->count },
        { "first", NULL, &o->first }, { "topics", NULL, &o->topics },
        { "size", NULL, &o->size }, { "rate", NULL, &o->rate },
        { "window", NULL, &o->window }, { "idle", NULL, &o->idle },
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(all[i].name, name) != 0)
            continue;
        if (all[i].text)
            *all[i].text = value;
        else
            *all[i].number = number(name, value);
        return true;
    }
    return false;
}

void options_parse(int argc, char **argv, struct options *ret)
{
    *ret = (struct options){ .client_id = "referee", .topic = "t", .topics = 1,
                             .window = 200, .qos = 1, .idle = 10, .clean = true };
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i];
        bool ok = strncmp(name, "--", 2) == 0;
        name += ok ? 2 : 0;
        if (ok && strcmp(name, "v5") == 0)
            ret->v5 = true;
        else if (ok && strcmp(name, "retained") == 0)
            ret->retained = true;
        else if (ok && strcmp(name, "keep-session") == 0)
            ret->clean = false;
        else if (ok && strcmp(name, "qos") == 0 && i + 1 < argc)
            ret->qos = (int)number(name, argv[++i]);
        else if (ok && i + 1 < argc)
            ok = take(ret, name, argv[++i]);
        else
            ok = false;
        if (!ok) {
            fprintf(stderr, "%s: unknown or incomplete option '%s'\n", argv[0], argv[i]);
            exit(2);
        }
    }
    if (!ret->uri || ret->qos > 2 || ret->topics < 1 || ret->window < 1) {
        fprintf(stderr, "%s: --uri is needed; --qos is 0 to 2\n", argv[0]);
        exit(2);
    }
    struct sigaction action = { .sa_handler = on_signal };
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
}

static void on_ok(void *context, MQTTAsync_successData *data)
{
    (void)context, (void)data;
    answer_code = 0;
    (void)sem_post(&answered);
}

static void on_ok5(void *context, MQTTAsync_successData5 *data)
{
    (void)context, (void)data;
    answer_code = 0;
    (void)sem_post(&answered);
}

static void on_bad(void *context, MQTTAsync_failureData *data)
{
    (void)context;
    answer_code = data && data->code ? data->code : 1;
    (void)sem_post(&answered);
}

static void on_bad5(void *context, MQTTAsync_failureData5 *data)
{
    (void)context;
    answer_code = data && data->code ? data->code : 1;
    (void)sem_post(&answered);
}

static int ignore_message(void *context, char *topic, int length, MQTTAsync_message *message)
{
    (void)context, (void)length;
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void wait_answer(const char *what)
{
    while (sem_wait(&answered) != 0)
        if (stopped)
            exit(1);
    if (answer_code) {
        fprintf(stderr, "%s failed: %d\n", what, answer_code);
        exit(1);
    }
}

MQTTAsync referee_connect(const struct options *o, MQTTAsync_messageArrived *arrived, void *context)
{
    MQTTAsync client;
    MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer5;
    MQTTAsync_connectOptions c = MQTTAsync_connectOptions_initializer;
    MQTTAsync_connectOptions c5 = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_SSLOptions ssl = MQTTAsync_SSLOptions_initializer;
    if (o->v5)
        c = c5;
    else
        create.MQTTVersion = MQTTVERSION_3_1_1;
    create.sendWhileDisconnected = 1;
    create.allowDisconnectedSendAtAnyTime = 1;
    create.maxBufferedMessages = 100000;
    int rc = MQTTAsync_createWithOptions(&client, o->uri, o->client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &create);
    if (rc == MQTTASYNC_SUCCESS)
        rc = MQTTAsync_setCallbacks(client, context, NULL, arrived ? arrived : ignore_message, NULL);
    ssl.trustStore = o->cafile;
    ssl.keyStore = o->cert;
    ssl.privateKey = o->key;
    if (o->cafile)
        c.ssl = &ssl;
    c.keepAliveInterval = 30;
    c.maxInflight = (int)o->window;
    if (o->v5) {
        c.cleanstart = o->clean;
        c.onSuccess5 = on_ok5;
        c.onFailure5 = on_bad5;
    } else {
        c.MQTTVersion = MQTTVERSION_3_1_1;
        c.cleansession = o->clean;
        c.onSuccess = on_ok;
        c.onFailure = on_bad;
    }
    c.automaticReconnect = 1;
    c.minRetryInterval = 1;
    c.maxRetryInterval = 2;
    c.username = o->user;
    c.password = o->password;
    (void)sem_init(&answered, 0, 0);
    if (rc == MQTTASYNC_SUCCESS)
        rc = MQTTAsync_connect(client, &c);
    if (rc != MQTTASYNC_SUCCESS) {
        fprintf(stderr, "no client: %d\n", rc);
        exit(1);
    }
    wait_answer("connecting");
    return client;
}

void referee_subscribe(MQTTAsync client, const struct options *o)
{
    MQTTAsync_responseOptions r = MQTTAsync_responseOptions_initializer;
    if (o->v5) {
        r.onSuccess5 = on_ok5;
        r.onFailure5 = on_bad5;
    } else {
        r.onSuccess = on_ok;
        r.onFailure = on_bad;
    }
    int rc = MQTTAsync_subscribe(client, o->topic, o->qos, &r);
    if (rc != MQTTASYNC_SUCCESS) {
        fprintf(stderr, "no subscription: %d\n", rc);
        exit(1);
    }
    wait_answer("subscribing");
}
