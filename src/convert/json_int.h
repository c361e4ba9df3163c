/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_JSON_INT_H
#define CONVERT_JSON_INT_H
/*
 * json_int: the parts of JsonConverter (data-layer.md 4): writing, reading,
 * schemas, and the two caches of schemas.
 *
 * Owner    one instance per open; caches and scratch memory are its own
 * Thread   the task's
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/data.h>

#include "base/arena.h"
#include "base/buf.h"
#include "data/node.h"

struct schema_text; /* a schema and its JSON */
struct text_schema; /* a JSON text and its schema */

struct json_converter {
    uint32_t magic;
    bool schemas_enable;
    bool replace_null;
    bool numeric_decimals;
    size_t cache_limit;
    struct kaftan_arena *content_arena;          /* owned; of `content` */
    const struct kaftan_schema *content;         /* owned; NULL: no schema.content */
    struct node_reader *reader;                  /* owned */
    struct buf out;                              /* scratch */
    struct schema_text *texts;                   /* owned; table by schema pointer */
    size_t text_count, text_size;
    struct text_schema *schemas;                 /* owned; table by text */
    size_t schema_count, schema_size, schema_bytes;
};

/* json_write.c: appends to b. */
struct kaftan_error *json_write_value(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema,
                                      const struct kaftan_value *v) KAFTAN_MUST_CHECK;
struct kaftan_error *json_write_schema(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema)
    KAFTAN_MUST_CHECK;

/* json_read.c: n NULL is an absent member. */
struct kaftan_error *json_read_value(struct json_converter *c, struct kaftan_arena *a, const struct kaftan_schema *schema,
                                     const struct node *n, struct kaftan_value *ret) KAFTAN_MUST_CHECK;

/*
 * json_schema.c. Into `into`, or counted when that is NULL; `a` is for what
 * lies in between. JSON null gives NULL.
 */
struct kaftan_error *json_read_schema(struct json_converter *c, struct kaftan_arena *a, struct kaftan_arena *into,
                                      const struct node *n, const struct kaftan_schema **ret) KAFTAN_MUST_CHECK;

/* json_cache.c. The schema's JSON, borrowed until the next call. */
struct kaftan_error *json_cache_text(struct json_converter *c, const struct kaftan_schema *schema,
                                     struct kaftan_slice *ret) KAFTAN_MUST_CHECK;
/* The node's schema: the cache's, or in the arena when the cache is full. */
struct kaftan_error *json_cache_schema(struct json_converter *c, struct kaftan_arena *a, const struct node *n,
                                       const struct kaftan_schema **ret) KAFTAN_MUST_CHECK;
void json_cache_free(struct json_converter *c);

#endif
