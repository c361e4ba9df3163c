/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_NODE_H
#define DATA_NODE_H
/*
 * node: a JSON document as JsonConverter's reader sees it (data-layer.md 4.6).
 *
 * Differs from base/json by what that reader accepts: leading zeros, text after
 * the first value, overlong UTF-8, UTF-16 and UTF-32, unpaired surrogates; and
 * by its limits. Numbers keep their text.
 *
 * Owner    nodes live in the arena and borrow strings without escapes from the
 *          input. A reader keeps scratch memory between documents
 * Thread   one at a time per reader
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/data.h>

#include "base/arena.h"

enum node_kind {
    NODE_MISSING, /* no text at all */
    NODE_NULL,
    NODE_BOOLEAN,
    NODE_INT,
    NODE_DECIMAL, /* with a fraction or an exponent */
    NODE_STRING,
    NODE_ARRAY,
    NODE_OBJECT
};

struct node_member;
struct node {
    enum node_kind kind;
    bool b;
    struct kaftan_slice text; /* STRING: decoded. Numbers: as they stood. ARRAY, OBJECT: their source */
    size_t count;
    union {
        const struct node *items;
        const struct node_member *members; /* of equal names one is left: the last value at the first place */
    } as;
};
struct node_member {
    struct kaftan_slice name;
    struct node value;
};

struct node_reader;
struct node_reader *node_reader_new(void);
void node_reader_free(struct node_reader *r); /* NULL is fine */
/* The first value of the text; MISSING when there is none. Errors: DATA, with line and column. */
struct kaftan_error *node_read(struct node_reader *r, struct kaftan_arena *a, struct kaftan_slice text,
                               struct node *ret) KAFTAN_MUST_CHECK;

const struct node *node_get(const struct node *object, const char *name); /* NULL: absent or no object */
const struct node *node_find(const struct node *object, struct kaftan_slice name);
const char *node_kind_name(const struct node *n); /* "OBJECT", "NUMBER", as error texts name it */

/* Numbers (anything else is 0): low 64 bits of the whole part; nearest floating point value. */
int64_t node_i64(struct kaftan_arena *a, const struct node *n);
double node_double(struct kaftan_arena *a, const struct node *n);
float node_float(struct kaftan_arena *a, const struct node *n);
/* An INT within int64. */
bool node_fits_i64(const struct node *n, int64_t *ret);
/* Base64 as that reader takes it: blanks between groups, several padded groups. */
bool node_base64(struct kaftan_arena *a, struct kaftan_slice text, struct kaftan_slice *ret);
/* Schemaless value: INT64, FLOAT64, STRING, BOOLEAN, ARRAY, MAP, null. */
struct kaftan_value node_value(struct kaftan_arena *a, const struct node *n);

#endif
