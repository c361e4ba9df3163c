/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_RUN_CONFIG_H
#define RUNTIME_RUN_CONFIG_H
/*
 * run_config: the keys of a connector's config that the runtime itself obeys
 * (runtime-and-storage.md 7), and the converters they name.
 *
 * Owner    the task
 * Thread   task
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/transform.h>

#include "base/map.h"
#include "config/keys.h"
#include "config/worker.h"
#include "plugin/registry.h"

struct run_config {
    int32_t tasks_max;
    bool tasks_max_enforce;
    const char *key_converter, *value_converter, *header_converter; /* NULL: the worker's */
    struct kaftan_list transforms, predicates;
    int64_t retry_timeout_ms, retry_delay_max_ms;
    const char *tolerance;
    bool log_enable, log_messages;
    const char *dead_letter_topic;
    int16_t dead_letter_replication;
    bool dead_letter_context;
};

/* INVALID: all bad keys. *ret keeps what config_values_get gives: a struct run_config. */
struct kaftan_error *run_config_parse(const struct text_map *config, struct config_values **ret) KAFTAN_MUST_CHECK;

/* An opened converter of one of the three kinds. */
struct converter {
    const struct plugin_class *class; /* borrowed from the registry; NULL: not open */
    struct config_values *values;     /* owned */
    void *self;                       /* owned; the converter's */
};
enum converter_role { ROLE_KEY, ROLE_VALUE, ROLE_HEADER };

/*
 * Opens the converter that connector or worker names for the role. Its keys
 * come from the level that names it, and only from there (7.1).
 */
struct kaftan_error *converter_open(struct converter *c, enum converter_role role, const struct registry *registry,
                                    const struct worker_config *worker, const struct text_map *connector)
    KAFTAN_MUST_CHECK;
void converter_close(struct converter *c); /* not open is fine */

#endif
