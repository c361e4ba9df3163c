/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_VALUE_H
#define DATA_VALUE_H
/*
 * value: what every value can be asked: its Java class, whether it fits a
 * schema, whether it equals another, its text (data-layer.md 1.3, 1.8).
 *
 * Owner    values live in arenas; nothing here keeps one
 * Thread   any; pure functions
 */
#include <stdbool.h>
#include <kaftan/data.h>

#include "base/arena.h"
#include "base/buf.h"

struct kaftan_struct {
    const struct kaftan_schema *schema; /* borrowed */
    struct kaftan_value values[];       /* one a field; null: unset */
};

/* Structs bound to no misuse: the schema is a STRUCT's. All fields null. */
struct kaftan_struct *struct_in(struct kaftan_arena *a, const struct kaftan_schema *schema);
/* By place, validated. */
struct kaftan_error *struct_put_at(struct kaftan_struct *s, size_t i, struct kaftan_value v) KAFTAN_MUST_CHECK;
/* Struct.validate(): every field; null is fine where optional or with a default. */
struct kaftan_error *struct_validate(const struct kaftan_struct *s) KAFTAN_MUST_CHECK;

/* "class java.lang.Integer", as error texts name it. */
const char *value_class(const struct kaftan_value *v);
const char *value_class_name(enum kaftan_kind kind); /* without "class " */
/* Type inferred from the value alone; false: none (decimals, dates, nulls). */
bool value_type(const struct kaftan_value *v, enum kaftan_type *ret);
/* ConnectSchema.validateValue; `what` is "value" or the like. schema must not be NULL. */
struct kaftan_error *value_validate(const struct kaftan_schema *schema, const struct kaftan_value *v, const char *what)
    KAFTAN_MUST_CHECK;
struct kaftan_error *value_validate_field(const struct kaftan_schema *schema, const struct kaftan_value *v,
                                          struct kaftan_slice field) KAFTAN_MUST_CHECK;
/* Deep; maps are compared without order. */
bool value_equal(const struct kaftan_value *a, const struct kaftan_value *b);
/* Deep copy; schema (may be NULL) is the copy's: structs in it refer to it instead of an equal one. */
struct kaftan_value value_copy(struct kaftan_arena *a, const struct kaftan_schema *schema, const struct kaftan_value *v);
/* String.valueOf: any value. */
void value_put_text(struct buf *b, const struct kaftan_value *v);
/* Same, at most a kibibyte: for error messages. */
const char *value_brief(struct buf *b, const struct kaftan_value *v);

/* Logical types to and from their base (data-layer.md 1.4). */
struct kaftan_error *date_to_days(const struct kaftan_value *v, int32_t *ret) KAFTAN_MUST_CHECK;
struct kaftan_error *time_to_millis(const struct kaftan_value *v, int32_t *ret) KAFTAN_MUST_CHECK;
struct kaftan_error *time_from_millis(int32_t millis, struct kaftan_value *ret) KAFTAN_MUST_CHECK;
struct kaftan_value date_from_days(int32_t days);
static inline struct kaftan_value date_from_millis(int64_t millis)
{
    return kaftan_int(KAFTAN_KIND_DATE, millis);
}
/* The scale of a Decimal schema. */
struct kaftan_error *decimal_schema_scale(const struct kaftan_schema *schema, int32_t *ret) KAFTAN_MUST_CHECK;
/* The unscaled bytes if the scale is the schema's. */
struct kaftan_error *decimal_to_bytes(const struct kaftan_schema *schema, const struct kaftan_value *v,
                                      struct kaftan_slice *ret) KAFTAN_MUST_CHECK;

#endif
