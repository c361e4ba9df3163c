/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "convert/json_int.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/schema.h"

/*
 * Two tables, both with linear probing, at most half full.
 *
 * Written schemas are found by pointer; the table keeps a count of each, so a
 * pointer in it cannot come to mean another schema. When it is full it is
 * emptied: its texts are copied out at once, nobody borrows from it.
 *
 * Read schemas are borrowed by records that are on their way, so none can be
 * dropped before the converter ends. When that table is full, further schemas
 * live in the batch's arena and are made for each record.
 */
enum {
    TABLE_MIN = 16,
    SCHEMA_TEXT_LIMIT = 64 * 1024,      /* longer ones are not kept */
    SCHEMA_TOTAL_LIMIT = 16 * 1024 * 1024
};

struct schema_text {
    const struct kaftan_schema *schema; /* shared; NULL: free place */
    char *text;                         /* owned */
    size_t len;
};

struct text_schema {
    char *text; /* owned; NULL: free place */
    size_t len;
    uint64_t hash;
    const struct kaftan_schema *schema; /* shared; NULL: JSON null */
};

static size_t pointer_hash(const void *p)
{
    uint64_t v = (uint64_t)(uintptr_t)p;
    return (size_t)((v >> 4) * 0x9e3779b97f4a7c15u >> 32);
}

static uint64_t text_hash(struct kaftan_slice s)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return h;
}

static struct schema_text *text_place(struct schema_text *table, size_t size, const struct kaftan_schema *schema)
{
    size_t at = pointer_hash(schema) & (size - 1);
    while (table[at].schema && table[at].schema != schema)
        at = (at + 1) & (size - 1);
    return &table[at];
}

static void texts_clear(struct json_converter *c)
{
    for (size_t i = 0; i < c->text_size; i++) {
        kaftan_schema_unref(c->texts[i].schema);
        mem_free(c->texts[i].text);
    }
    mem_free(c->texts);
    c->texts = NULL;
    c->text_count = c->text_size = 0;
}

static void texts_grow(struct json_converter *c)
{
    size_t size = c->text_size ? 2 * c->text_size : TABLE_MIN;
    struct schema_text *table = mem_zalloc(size, sizeof *table);
    for (size_t i = 0; i < c->text_size; i++) {
        if (c->texts[i].schema)
            *text_place(table, size, c->texts[i].schema) = c->texts[i];
    }
    mem_free(c->texts);
    c->texts = table;
    c->text_size = size;
}

static void texts_add(struct json_converter *c, const struct kaftan_schema *schema, struct kaftan_slice text)
{
    if (c->cache_limit == 0)
        return;
    if (c->text_count >= c->cache_limit)
        texts_clear(c);
    if (2 * (c->text_count + 1) > c->text_size)
        texts_grow(c);
    struct schema_text *t = text_place(c->texts, c->text_size, schema);
    t->schema = kaftan_schema_ref(schema);
    t->text = mem_strndup(text.ptr, text.len);
    t->len = text.len;
    c->text_count++;
}

struct kaftan_error *json_cache_text(struct json_converter *c, const struct kaftan_schema *schema,
                                     struct kaftan_slice *ret)
{
    bool keep = schema && schema->life != SCHEMA_ARENA; /* an arena's pointer will mean another schema soon */
    if (keep && c->text_size) {
        const struct schema_text *t = text_place(c->texts, c->text_size, schema);
        if (t->schema) {
            *ret = (struct kaftan_slice){ t->text, t->len };
            return NULL;
        }
    }
    buf_clear(&c->out);
    struct kaftan_error *err = json_write_schema(c, &c->out, schema);
    if (err)
        return err;
    *ret = buf_slice(&c->out);
    if (keep)
        texts_add(c, schema, *ret);
    return NULL;
}

static struct text_schema *schema_place(struct text_schema *table, size_t size, struct kaftan_slice text, uint64_t hash)
{
    size_t at = (size_t)hash & (size - 1);
    while (table[at].text && (table[at].hash != hash || table[at].len != text.len ||
                              memcmp(table[at].text, text.ptr, text.len) != 0))
        at = (at + 1) & (size - 1);
    return &table[at];
}

static void schemas_grow(struct json_converter *c)
{
    size_t size = c->schema_size ? 2 * c->schema_size : TABLE_MIN;
    struct text_schema *table = mem_zalloc(size, sizeof *table);
    for (size_t i = 0; i < c->schema_size; i++) {
        const struct text_schema *t = &c->schemas[i];
        if (t->text)
            *schema_place(table, size, (struct kaftan_slice){ t->text, t->len }, t->hash) = *t;
    }
    mem_free(c->schemas);
    c->schemas = table;
    c->schema_size = size;
}

struct kaftan_error *json_cache_schema(struct json_converter *c, struct kaftan_arena *a, const struct node *n,
                                       const struct kaftan_schema **ret)
{
    struct kaftan_slice text = n->text;
    const struct kaftan_schema *schema = NULL;
    if (n->kind != NODE_OBJECT)
        return json_read_schema(c, a, a, n, ret);
    uint64_t hash = text_hash(text);
    if (c->schema_size) {
        const struct text_schema *t = schema_place(c->schemas, c->schema_size, text, hash);
        if (t->text) {
            *ret = t->schema;
            return NULL;
        }
    }
    if (c->schema_count >= c->cache_limit || text.len > SCHEMA_TEXT_LIMIT ||
        c->schema_bytes + text.len > SCHEMA_TOTAL_LIMIT)
        return json_read_schema(c, a, a, n, ret);
    struct kaftan_error *err = json_read_schema(c, a, NULL, n, &schema);
    if (err)
        return err;
    if (2 * (c->schema_count + 1) > c->schema_size)
        schemas_grow(c);
    struct text_schema *t = schema_place(c->schemas, c->schema_size, text, hash);
    *t = (struct text_schema){ mem_strndup(text.ptr, text.len), text.len, hash, schema };
    c->schema_count++;
    c->schema_bytes += text.len;
    *ret = schema;
    return NULL;
}

void json_cache_free(struct json_converter *c)
{
    texts_clear(c);
    for (size_t i = 0; i < c->schema_size; i++) {
        kaftan_schema_unref(c->schemas[i].schema);
        mem_free(c->schemas[i].text);
    }
    mem_free(c->schemas);
}
