/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H
/*
 * text: slices, UTF-8, numbers and the few encodings everyone needs.
 *
 * Thread   any; pure functions
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/abi.h>

#include "base/buf.h"

struct kaftan_slice slice_of(const char *s); /* NULL gives {NULL, 0} */
bool slice_eq(struct kaftan_slice a, struct kaftan_slice b);
bool slice_eq_str(struct kaftan_slice a, const char *s);
int slice_cmp(struct kaftan_slice a, struct kaftan_slice b); /* bytewise */
struct kaftan_slice slice_trim(struct kaftan_slice s); /* <= ' ' as Java's trim */
bool text_starts(const char *s, const char *prefix);
bool text_ends(const char *s, const char *suffix);

bool utf8_valid(const char *s, size_t len);
/*
 * Appends `s` decoded as Java decodes UTF-8: malformed input becomes U+FFFD,
 * one per maximal ill-formed prefix, a three-byte surrogate a single one
 * (data-layer.md 1.8).
 */
void utf8_append_lossy(struct buf *b, const char *s, size_t len);
/* One code point at *pos (< len, valid UTF-8 before), advances *pos; U+FFFD for bad bytes. */
uint32_t utf8_next(const char *s, size_t len, size_t *pos);
void utf8_put(struct buf *b, uint32_t code_point);

/* Whole text must be a decimal number in range; optional sign as Java's parseLong. */
bool text_to_i64(const char *s, size_t len, int64_t *ret);
bool text_to_double(const char *s, size_t len, double *ret); /* C locale */
/* Java's Double.toString / Float.toString (JDK 19+), data-layer.md 1.8; returns the length. */
size_t double_text(double v, char ret[32]);
size_t float_text(float v, char ret[32]);

/* Standard base64 with padding (RFC 4648 4). */
void base64_put(struct buf *b, const void *data, size_t len);
bool base64_decode(const char *s, size_t len, struct buf *ret); /* strict */

/* String.hashCode of valid UTF-8 (over UTF-16 units). */
int32_t java_hash(const char *s, size_t len);

/* Distance for "did you mean": insertions, deletions, changes; capped at limit. */
unsigned text_distance(const char *a, const char *b, unsigned limit);

#endif
