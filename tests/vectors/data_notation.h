/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_VECTORS_DATA_NOTATION_H
#define TESTS_VECTORS_DATA_NOTATION_H
/*
 * data_notation: typed values, schemas, bytes and errors as data-vectors.json
 * writes them, and the comparison with ours.
 *
 * Owner    everything lives in the arena given
 * Thread   any
 */
#include <stdbool.h>
#include <kaftan/data.h>

#include "base/arena.h"
#include "base/json.h"

const char *vector_text(struct kaftan_arena *a, const struct json *object, const char *name); /* NULL: absent */
const struct kaftan_schema *vector_schema(struct kaftan_arena *a, const struct json *j);
struct kaftan_error *vector_schema_build(struct kaftan_arena *a, const struct json *j, const struct kaftan_schema **ret);
struct kaftan_value vector_value(struct kaftan_arena *a, const struct kaftan_schema *schema, const struct json *j);
struct kaftan_slice vector_bytes(struct kaftan_arena *a, const struct json *j); /* ptr NULL: a null */

/* NULL when `err` is what the vector expects; otherwise what is different. Takes err. */
const char *vector_error_differs(struct kaftan_arena *a, const struct json *expected, struct kaftan_error *err);
/* Same for a schema and a value; a NULL schema means none expected. */
const char *vector_value_differs(struct kaftan_arena *a, const struct json *expected, const struct kaftan_schema *hint,
                                 const struct kaftan_value *v);
const char *vector_schema_differs(struct kaftan_arena *a, const struct json *expected, const struct kaftan_schema *s);

#endif
