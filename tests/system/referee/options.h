/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Options and the connection that the referees share. They use Paho's client,
 * so that what they count does not rest on our own MQTT code.
 */
#ifndef REFEREE_OPTIONS_H
#define REFEREE_OPTIONS_H
#include <MQTTAsync.h>
#include <stdbool.h>

struct options {
    const char *uri, *client_id, *topic, *user, *password;
    const char *cafile, *cert, *key;
    const char *property; /* one user property, "name=value", MQTT 5 */
    long count;           /* messages to publish or to receive; 0 = until SIGTERM */
    long first;           /* number of the first message */
    long topics;          /* topic "x/%d" with 0..topics-1 in turn */
    long size;            /* payload bytes, at least the number's own */
    long rate;            /* messages per second, 0 = as fast as the window lets */
    long window;          /* unanswered messages at most */
    long idle;            /* mqtt_sub: seconds without a message until it ends */
    int qos;
    bool v5, retained, clean;
};

void options_parse(int argc, char **argv, struct options *ret); /* exits when wrong */
MQTTAsync referee_connect(const struct options *o, MQTTAsync_messageArrived *arrived, void *context);
void referee_subscribe(MQTTAsync client, const struct options *o);
bool referee_stopped(void); /* SIGTERM or SIGINT came */
#endif
