/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_DECIMAL_H
#define DATA_DECIMAL_H
/*
 * decimal: numbers of any length, as digits and a scale (text side) and as
 * unscaled big-endian two's complement and a scale (value side). Exponents are
 * never expanded, so `1e999999999` costs nothing.
 *
 * Owner    digits and bytes live in the given arena or borrow from the input
 * Thread   any; pure functions
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/data.h>

#include "base/arena.h"
#include "base/buf.h"

/* digits * 10^-scale; digits are ASCII without leading zeros ("0" for zero). */
struct decimal {
    bool negative; /* never for zero */
    const char *digits;
    size_t len;
    int32_t scale;
};

/* BigDecimal's grammar over the whole text. False: no number. Unicode digits count. */
bool decimal_scan(struct kaftan_arena *a, const char *text, size_t len, struct decimal *ret);
struct kaftan_value decimal_value(struct kaftan_arena *a, const struct decimal *d);
struct decimal decimal_of(struct kaftan_arena *a, const struct kaftan_value *v);
/* BigDecimal.toString. */
void decimal_put(struct buf *b, const struct decimal *d);
void decimal_put_value(struct buf *b, const struct kaftan_value *v);
/* An integer of any length (BigInteger bytes) as text. */
bool decimal_is_zero(const struct decimal *d);
/* True if it is whole and fits. */
bool decimal_to_i64(const struct decimal *d, int64_t *ret);
/* BigDecimal.longValue: the whole part, its low 64 bits. */
int64_t decimal_low64(const struct decimal *d);
/* Nearest; a zero is never negative, what underflows may be. */
double decimal_to_double(const struct decimal *d);
float decimal_to_float(const struct decimal *d);
/* BigDecimal.valueOf(double): by its shortest text. False for NaN and infinity. */
bool decimal_from_double(struct kaftan_arena *a, double v, struct decimal *ret);
/* Two's complement without superfluous leading bytes; an empty one becomes zero. */
struct kaftan_slice decimal_minimal(struct kaftan_slice unscaled);

/* Value of a decimal digit of any script (Basic Multilingual Plane) at *pos, which moves on; -1: none there. */
int digit_next(const char *s, size_t len, size_t *pos);

#endif
