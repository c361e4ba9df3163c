/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HERDER_VALIDATE_H
#define HERDER_VALIDATE_H
/*
 * validate: a connector config against all its tables: framework keys, the
 * connector's own, converters', overrides (rest-api.md 8, data-layer.md 9).
 *
 * Owner    the result is the caller's
 * Thread   jobs
 */
#include <stdbool.h>
#include <kaftan/config.h>

#include "base/map.h"
#include "config/worker.h"
#include "plugin/registry.h"

struct config_info { /* one row of the answer; texts owned by the result */
    const char *name;
    bool defined; /* false: definition null */
    const char *type, *default_value, *importance, *documentation, *group, *width, *display_name;
    bool required;
    int32_t order_in_group;
    const char *const *dependents; size_t dependent_count;
    const char *value; /* shown text; NULL: null */
    const char *const *recommended; size_t recommended_count;
    const char *const *errors; size_t error_count;
    bool visible;
};
struct config_infos {
    const char *name; /* class name as REST shows it */
    int32_t error_count;
    const char *const *groups; size_t group_count;
    const struct config_info *infos; size_t count;
};
/* Errors: INVALID for what has no answer of this form (no or unknown connector.class ...), text of rest-api.md 5.1. */
struct kaftan_error *validate_connector(const struct worker_config *c, const struct registry *r,
                                        const struct text_map *config, struct config_infos **ret) KAFTAN_MUST_CHECK;
/* The plugin's own table (GET .../config) as infos without values. version: what is asked for, or NULL; texts of rest-api.md 8. */
struct kaftan_error *validate_describe(const struct registry *r, const char *class_name, const char *version, struct config_infos **ret)
    KAFTAN_MUST_CHECK;
void config_infos_free(struct config_infos *i);
/* NULL, or the 400 text of rest-api.md 5.1 with all errors. */
struct kaftan_error *config_infos_error(const struct config_infos *i) KAFTAN_MUST_CHECK;

#endif
