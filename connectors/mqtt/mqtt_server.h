/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_SERVER_H
#define MQTT_SERVER_H
/*
 * mqtt_server: the brokers of a config, and the TLS settings to reach them.
 *
 * Owner    whoever made them
 * Thread   one at a time
 */
#include <kaftan/stream.h>

#include "mqtt_config.h"

enum { MQTT_HOST_LIMIT = 255 };

struct mqtt_server {
    const char *uri;                /* as configured; borrowed from the config; for messages */
    char host[MQTT_HOST_LIMIT + 1]; /* without brackets */
    uint16_t port;
    bool tls;
};
/* Errors are the text after `Invalid value <uri> for configuration mqtt.server.uri: `. */
struct kaftan_error *mqtt_server_parse(const char *uri, struct mqtt_server *ret) KAFTAN_MUST_CHECK;
/*
 * A Server Reference of MQTT 5 (the first of its list): `host[:port]`, with the
 * port and scheme of `like` where it says nothing. False: it cannot be read.
 */
bool mqtt_server_reference(struct kaftan_slice text, const struct mqtt_server *like, struct mqtt_server *ret);

/* Certificates and keys, read again when their files change. */
struct mqtt_tls;
struct mqtt_tls *mqtt_tls_new(const struct mqtt_config *c); /* reads nothing yet */
void mqtt_tls_free(struct mqtt_tls *t);                    /* NULL is fine */
/* The settings to use now; borrowed until the next call. Errors are complete texts of validation. */
struct kaftan_error *mqtt_tls_get(struct mqtt_tls *t, struct kaftan_tls **ret) KAFTAN_MUST_CHECK;
/* The key that an error of mqtt_tls_get belongs to. */
const char *mqtt_tls_error_key(const struct mqtt_tls *t);

#endif
