/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/values.h"

#include "base/text.h"
#include "data/calendar.h"
#include "data/schema.h"
#include "data/value.h"

enum { DAY_MS = 86400000 };

static void put(struct buf *b, const struct kaftan_value *v, bool embedded);

static void put_quoted(struct buf *b, struct kaftan_slice s)
{
    buf_putc(b, '"');
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            buf_putc(b, '\\');
        buf_putc(b, s.ptr[i]);
    }
    buf_putc(b, '"');
}

/* By the instant, not by the schema: what has no date is a time of day. */
static void put_instant(struct buf *b, int64_t millis)
{
    if (millis < DAY_MS)
        calendar_put(b, CALENDAR_TIME, millis);
    else
        calendar_put(b, millis % DAY_MS == 0 ? CALENDAR_DATE : CALENDAR_TIMESTAMP, millis);
}

static void put_array(struct buf *b, const struct kaftan_array *array)
{
    buf_putc(b, '[');
    for (size_t i = 0; i < array->count; i++) {
        if (i)
            buf_putc(b, ',');
        put(b, &array->items[i], true);
    }
    buf_putc(b, ']');
}

static void put_map(struct buf *b, const struct kaftan_map *map)
{
    buf_putc(b, '{');
    for (size_t i = 0; i < map->count; i++) {
        if (i)
            buf_putc(b, ',');
        put(b, &map->entries[i].key, true);
        buf_putc(b, ':');
        put(b, &map->entries[i].value, true);
    }
    buf_putc(b, '}');
}

static void put_struct(struct buf *b, const struct kaftan_struct *s)
{
    buf_putc(b, '{');
    for (size_t i = 0; i < s->schema->field_count; i++) {
        const struct schema_field *f = &s->schema->fields[i];
        const struct kaftan_value *v = &s->values[i];
        if (i)
            buf_putc(b, ',');
        put_quoted(b, f->name);
        buf_putc(b, ':');
        put(b, v->kind == KAFTAN_KIND_NULL && f->schema->def ? f->schema->def : v, true);
    }
    buf_putc(b, '}');
}

static void put(struct buf *b, const struct kaftan_value *v, bool embedded)
{
    switch (v->kind) {
    case KAFTAN_KIND_STRING:
        if (embedded)
            put_quoted(b, v->as.s);
        else
            buf_put_slice(b, v->as.s);
        break;
    case KAFTAN_KIND_BYTES:
        if (embedded)
            buf_putc(b, '"');
        base64_put(b, v->as.s.ptr, v->as.s.len);
        if (embedded)
            buf_putc(b, '"');
        break;
    case KAFTAN_KIND_ARRAY:
        put_array(b, v->as.array);
        break;
    case KAFTAN_KIND_MAP:
        put_map(b, v->as.map);
        break;
    case KAFTAN_KIND_STRUCT:
        put_struct(b, v->as.structure);
        break;
    case KAFTAN_KIND_DATE:
        put_instant(b, v->as.i);
        break;
    default:
        value_put_text(b, v);
        break;
    }
}

void values_put_text(struct buf *b, const struct kaftan_value *v)
{
    put(b, v, false);
}

/* The one type of all elements; nulls make it optional. */
struct detector {
    bool known, optional, failed;
    enum kaftan_type type;
};

static void detect(struct kaftan_arena *a, struct detector *d, const struct kaftan_value *v)
{
    const struct kaftan_schema *schema = NULL;
    if (v->kind == KAFTAN_KIND_NULL) {
        d->optional = true;
        return;
    }
    if (!values_infer(a, v, &schema) || (d->known && d->type != schema->type)) {
        d->failed = true;
        return;
    }
    d->known = true;
    d->type = schema->type;
}

/* Of collections and structs within, only the type is kept. */
static const struct kaftan_schema *detected(struct kaftan_arena *a, const struct detector *d)
{
    const struct kaftan_schema *s = NULL;
    if (d->failed || !d->known)
        return NULL;
    if (d->type < KAFTAN_TYPE_ARRAY)
        return kaftan_schema_of(d->type, d->optional);
    if (d->type == KAFTAN_TYPE_STRUCT)
        return NULL;
    s = d->type == KAFTAN_TYPE_ARRAY ? schema_array_in(a, NULL) : schema_map_in(a, NULL, NULL);
    return schema_with_optional(a, s, d->optional);
}

bool values_infer(struct kaftan_arena *a, const struct kaftan_value *v, const struct kaftan_schema **ret)
{
    struct detector first = { 0 }, second = { 0 };
    enum kaftan_type type = KAFTAN_TYPE_INT8;
    const struct kaftan_schema *k = NULL, *e = NULL;
    if (!value_type(v, &type))
        return false;
    if (v->kind == KAFTAN_KIND_STRUCT) {
        *ret = v->as.structure->schema;
        return true;
    }
    if (v->kind == KAFTAN_KIND_ARRAY) {
        for (size_t i = 0; i < v->as.array->count; i++)
            detect(a, &first, &v->as.array->items[i]);
        e = detected(a, &first);
        if (e)
            *ret = schema_array_in(a, e);
        return e != NULL;
    }
    if (v->kind == KAFTAN_KIND_MAP) {
        for (size_t i = 0; i < v->as.map->count; i++) {
            detect(a, &first, &v->as.map->entries[i].key);
            detect(a, &second, &v->as.map->entries[i].value);
        }
        k = detected(a, &first);
        e = detected(a, &second);
        if (k && e)
            *ret = schema_map_in(a, k, e);
        return k && e;
    }
    *ret = kaftan_schema_of(type, false);
    return true;
}
