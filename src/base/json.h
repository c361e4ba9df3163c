/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_JSON_H
#define BASE_JSON_H
/*
 * json: reader and writer that keep number text (`1.50` stays `1.50`), for
 * everything that becomes a record, an internal topic's bytes or a config
 * value. The writer makes Jackson's bytes (runtime-and-storage.md 1.1). For
 * documents whose numbers do not matter jansson is used instead.
 *
 * Owner    values live in the arena given to json_parse
 * Thread   any; pure functions
 * Standard RFC 8259, with the leniencies named by the flags
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/arena.h"
#include "base/buf.h"

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_member;

struct json {
    enum json_type type;
    /* STRING: decoded UTF-8 (lone surrogates as ED xx xx, NUL possible). NUMBER: its text as it stood. */
    struct kaftan_slice text;
    size_t count;                      /* ARRAY, OBJECT */
    const struct json *items;          /* ARRAY */
    const struct json_member *members; /* OBJECT; order kept; of equal names the last one counts, at the first one's place */
};

struct json_member {
    struct kaftan_slice name;
    struct json value;
};

enum json_flags {
    JSON_TRAILING = 1,      /* ignore what follows the first complete value */
    JSON_LEADING_ZEROS = 2, /* 007 is a number, as Connect's reader has it */
    JSON_NAN = 4,           /* NaN, Infinity, +Infinity, -Infinity as numbers (JsonConverter) */
};

enum { JSON_DEPTH_LIMIT = 1000, JSON_NUMBER_LIMIT = 1000 };

/*
 * Parses one value of `len` bytes of UTF-8; UTF-16 and UTF-32 are recognized, too. Errors: INVALID, with what, line and
 * column. Memory is bounded by a constant times len.
 */
struct kaftan_error *json_parse(struct kaftan_arena *a, const char *text, size_t len,
                                unsigned flags, const struct json **ret)
    KAFTAN_MUST_CHECK;
const struct json *json_get(const struct json *object, const char *name); /* NULL: absent or no object */
/* The value as a string slice only if it is a STRING. */
bool json_text(const struct json *v, struct kaftan_slice *ret);
/* True for a NUMBER without fraction and exponent that fits. */
bool json_i64(const struct json *v, int64_t *ret);

/* Writers append to `b`; no white space. */
void json_put_string(struct buf *b, const char *s, size_t len); /* with quotes and Jackson's escapes: surrogate pairs as \uD83D\uDE00 */
void json_put_str(struct buf *b, const char *s);                /* NULL: null */
void json_put_i64(struct buf *b, int64_t v);
void json_put_double(struct buf *b, double v); /* Java's text; NaN etc. as strings */
void json_put(struct buf *b, const struct json *v);

#endif
