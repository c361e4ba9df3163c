/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_CONF_H
#define KAFKA_CONF_H
/*
 * conf: Java client properties to librdkafka's, by one table
 * (runtime-and-storage.md 8.4). Unknown keys are warned about once and
 * dropped. Stores (JKS, PKCS#12, PEM) are handed over as PEM.
 *
 * Thread   any
 */
#include <kaftan/error.h>

#include "base/map.h"

enum kafka_kind { KAFKA_PRODUCER, KAFKA_CONSUMER, KAFKA_ADMIN };

/*
 * Layering helpers (8.1). Results are the caller's. `worker` are the worker's
 * properties, `connector` the connector's config (NULL: internal clients).
 */
struct text_map *kafka_task_props(enum kafka_kind kind, const struct text_map *worker, const struct text_map *connector,
                                  const char *client_id);
/* Internal topics' and the worker's own clients: all worker properties unprefixed. */
struct text_map *kafka_worker_props(const struct text_map *worker, const char *client_id);

/* Is it a key of Java's client of this kind? For override checks and warnings. */
bool kafka_key_known(enum kafka_kind kind, const char *key);
/* Is the value of the type Java's client wants for the key? INVALID with ConfigDef's text; ranges are not looked at. */
struct kaftan_error *kafka_value_check(enum kafka_kind kind, const char *key, const char *value) KAFTAN_MUST_CHECK;

#endif
