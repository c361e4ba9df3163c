/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_PROBE_H
#define MQTT_PROBE_H
/*
 * mqtt_probe: connects once, for validation, and says why it did not work.
 *
 * Thread   a jobs thread: this is the one place of the connector that waits,
 *          at most for mqtt.connect.timeout.seconds per MQTT version
 */
#include <kaftan/error.h>

#include "mqtt_config.h"

/* First server, clean session; the error is the text after `Invalid value <uri> for configuration mqtt.server.uri: `. */
struct kaftan_error *mqtt_probe(const struct mqtt_config *c, const char *client_id) KAFTAN_MUST_CHECK;

#endif
