/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_PROJECT_H
#define DATA_PROJECT_H
/*
 * project: a value of one schema as a value of a compatible one
 * (SchemaProjector, data-layer.md 1.7).
 *
 * Owner    results live in the arena or borrow from the value
 * Thread   any; pure functions
 */
#include <kaftan/data.h>

#include "base/arena.h"

struct kaftan_error *project(struct kaftan_arena *a, const struct kaftan_schema *source, const struct kaftan_value *v,
                             const struct kaftan_schema *target, struct kaftan_value *ret) KAFTAN_MUST_CHECK;

#endif
