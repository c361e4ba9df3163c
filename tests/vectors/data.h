/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_VECTORS_DATA_H
#define TESTS_VECTORS_DATA_H
/* data: the vectors of data-vectors.json (data-layer.md), by the Java class that each is about. */
#include "vectors/golden.h"

struct data_component {
    const char *name; /* short Java class name; what comes behind a $ is left out */
    /* What is wrong, or NULL; or data_component.why itself: skipped. NULL: all are, because of: */
    const char *(*run)(struct kaftan_arena *a, const struct json *vector);
    const char *why;
};

extern const struct data_component data_value_components[], data_convert_components[], data_config_components[],
    data_herder_components[], data_regex_components[], data_missing_components[];

/* Tables end with NULL; a component that none of them has is a failure. */
void data_run(struct golden *g, const struct json *list, const struct data_component *const *tables);

#endif
