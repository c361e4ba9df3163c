/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/headers.h"

#include <string.h>

#include "base/text.h"
#include "data/schema.h"
#include "data/value.h"

static bool class_suits(const struct kaftan_schema *schema, const struct kaftan_value *v)
{
    enum kaftan_type type = KAFTAN_TYPE_INT8;
    if (v->kind == KAFTAN_KIND_DATE)
        return ((schema->logical == LOGICAL_DATE || schema->logical == LOGICAL_TIME) &&
                schema->type == KAFTAN_TYPE_INT32) ||
               (schema->logical == LOGICAL_TIMESTAMP && schema->type == KAFTAN_TYPE_INT64);
    if (v->kind == KAFTAN_KIND_DECIMAL)
        return schema->logical == LOGICAL_DECIMAL && schema->type == KAFTAN_TYPE_BYTES;
    return value_type(v, &type) && type == schema->type;
}

struct kaftan_error *headers_check(const struct kaftan_schema *schema, const struct kaftan_value *v)
{
    struct buf s = BUF_INIT, t = BUF_INIT;
    struct kaftan_error *err = NULL;
    if (!schema)
        return NULL;
    if (v->kind == KAFTAN_KIND_NULL ? schema->optional : class_suits(schema, v))
        return NULL;
    schema_put_text(&s, schema);
    if (v->kind == KAFTAN_KIND_NULL)
        err = kaftan_error_new(KAFTAN_E_DATA, "A null value requires an optional schema but was %s", buf_text(&s));
    else
        err = kaftan_error_new(KAFTAN_E_DATA, "The value %s is not compatible with the schema %s", value_brief(&t, v),
                               buf_text(&s));
    buf_fini(&s);
    buf_fini(&t);
    return err;
}

struct kaftan_error *headers_add(struct kaftan_arena *a, struct kaftan_record *r, struct kaftan_slice key,
                                 const struct kaftan_schema *schema, const struct kaftan_value *v)
{
    struct kaftan_error *err = headers_check(schema, v);
    if (err)
        return err;
    struct kaftan_header *list = arena_alloc(a, (r->header_count + 1) * sizeof *list);
    if (r->header_count)
        memcpy(list, r->headers, r->header_count * sizeof *list);
    if (!schema && v->kind == KAFTAN_KIND_STRUCT)
        schema = v->as.structure->schema;
    list[r->header_count] = (struct kaftan_header){ key, schema, *v };
    r->headers = list;
    r->header_count++;
    return NULL;
}

const struct kaftan_header *headers_last(const struct kaftan_record *r, struct kaftan_slice key)
{
    for (size_t i = r->header_count; i-- > 0;) {
        if (slice_eq(r->headers[i].key, key))
            return &r->headers[i];
    }
    return NULL;
}

size_t headers_remove(struct kaftan_arena *a, struct kaftan_record *r, struct kaftan_slice key)
{
    size_t kept = 0;
    if (!headers_last(r, key))
        return 0;
    struct kaftan_header *list = arena_alloc(a, r->header_count * sizeof *list);
    for (size_t i = 0; i < r->header_count; i++) {
        if (!slice_eq(r->headers[i].key, key))
            list[kept++] = r->headers[i];
    }
    size_t removed = r->header_count - kept;
    r->headers = list;
    r->header_count = kept;
    return removed;
}
