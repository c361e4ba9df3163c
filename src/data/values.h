/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_VALUES_H
#define DATA_VALUES_H
/*
 * values: what a text without a type most likely means, the text of any
 * value, and conversions between scalar types (data-layer.md 2). Headers are
 * read and written by these rules.
 *
 * Owner    values and made schemas live in the arena; values borrow from the text
 * Thread   any; pure functions
 */
#include <stdbool.h>
#include <kaftan/data.h>

#include "base/arena.h"
#include "base/buf.h"

/* A text's schema (NULL: none) and value. False: nested too deeply to be read. */
bool values_parse(struct kaftan_arena *a, struct kaftan_slice text, const struct kaftan_schema **ret_schema,
                  struct kaftan_value *ret);
/* The inverse; strings inside collections are quoted. */
void values_put_text(struct buf *b, const struct kaftan_value *v);
/* Schema of a schemaless value; false: there is none. */
bool values_infer(struct kaftan_arena *a, const struct kaftan_value *v, const struct kaftan_schema **ret);
/* To the type of `to`; `from` is the value's schema or NULL. */
struct kaftan_error *values_convert(struct kaftan_arena *a, const struct kaftan_schema *to,
                                    const struct kaftan_schema *from, const struct kaftan_value *v,
                                    struct kaftan_value *ret) KAFTAN_MUST_CHECK;
/* What two neighbours in a sequence have in common; NULL: nothing. */
const struct kaftan_schema *values_merge(const struct kaftan_schema *previous, const struct kaftan_schema *next);
/* Of entries with equal keys one is left, with the last value at the first one's place; returns how many. */
size_t values_unite(struct kaftan_arena *a, struct kaftan_map_entry *entries, size_t count);

#endif
