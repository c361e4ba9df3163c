/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_HEADERS_H
#define DATA_HEADERS_H
/*
 * headers: a record's ordered list of named values; names may repeat
 * (data-layer.md 1.6). Lists are arrays in the batch's arena, changed by
 * making another one.
 *
 * Owner    the batch
 * Thread   the batch's
 */
#include <stddef.h>
#include <kaftan/record.h>

/* The rule for a pair that is added: the value must suit the schema. */
struct kaftan_error *headers_check(const struct kaftan_schema *schema, const struct kaftan_value *v) KAFTAN_MUST_CHECK;
/* Adds at the end, checked. A struct without a schema brings its own. */
struct kaftan_error *headers_add(struct kaftan_arena *a, struct kaftan_record *r, struct kaftan_slice key,
                                 const struct kaftan_schema *schema, const struct kaftan_value *v) KAFTAN_MUST_CHECK;
const struct kaftan_header *headers_last(const struct kaftan_record *r, struct kaftan_slice key); /* NULL: none */
/* Removes all of that name; returns how many there were. */
size_t headers_remove(struct kaftan_arena *a, struct kaftan_record *r, struct kaftan_slice key);

#endif
