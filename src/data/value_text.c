/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/value.h"

#include <string.h>

#include "base/text.h"
#include "data/calendar.h"
#include "data/decimal.h"
#include "data/schema.h"

enum { BRIEF_LIMIT = 1024 };

static void put_struct(struct buf *b, const struct kaftan_struct *s)
{
    bool first = true;
    buf_puts(b, "Struct{");
    for (size_t i = 0; i < s->schema->field_count; i++) {
        if (s->values[i].kind == KAFTAN_KIND_NULL)
            continue;
        if (!first)
            buf_putc(b, ',');
        first = false;
        buf_put_slice(b, s->schema->fields[i].name);
        buf_putc(b, '=');
        value_put_text(b, &s->values[i]);
    }
    buf_putc(b, '}');
}

/*
 * Java shows the identity of an array here, which means nothing to anyone and
 * differs in every run; a hash of the content has at least the same form.
 */
static void put_bytes(struct buf *b, struct kaftan_slice s)
{
    uint32_t hash = 1;
    for (size_t i = 0; i < s.len; i++) {
        uint32_t byte = (unsigned char)s.ptr[i];
        hash = 31 * hash + ((byte ^ 0x80) - 0x80); /* Java's bytes have a sign */
    }
    buf_printf(b, "[B@%x", (unsigned)hash);
}

static void put_array(struct buf *b, const struct kaftan_array *array)
{
    buf_putc(b, '[');
    for (size_t i = 0; i < array->count; i++) {
        if (i)
            buf_puts(b, ", ");
        value_put_text(b, &array->items[i]);
    }
    buf_putc(b, ']');
}

static void put_map(struct buf *b, const struct kaftan_map *map)
{
    buf_putc(b, '{');
    for (size_t i = 0; i < map->count; i++) {
        if (i)
            buf_puts(b, ", ");
        value_put_text(b, &map->entries[i].key);
        buf_putc(b, '=');
        value_put_text(b, &map->entries[i].value);
    }
    buf_putc(b, '}');
}

void value_put_text(struct buf *b, const struct kaftan_value *v)
{
    char text[32];
    switch (v->kind) {
    case KAFTAN_KIND_NULL:
        buf_puts(b, "null");
        break;
    case KAFTAN_KIND_INT8:
    case KAFTAN_KIND_INT16:
    case KAFTAN_KIND_INT32:
    case KAFTAN_KIND_INT64:
        buf_printf(b, "%lld", (long long)v->as.i);
        break;
    case KAFTAN_KIND_FLOAT32:
        buf_put(b, text, float_text(v->as.f, text));
        break;
    case KAFTAN_KIND_FLOAT64:
        buf_put(b, text, double_text(v->as.d, text));
        break;
    case KAFTAN_KIND_BOOLEAN:
        buf_puts(b, v->as.b ? "true" : "false");
        break;
    case KAFTAN_KIND_STRING:
        buf_put_slice(b, v->as.s);
        break;
    case KAFTAN_KIND_BYTES:
        put_bytes(b, v->as.s);
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
    case KAFTAN_KIND_DECIMAL:
        decimal_put_value(b, v);
        break;
    case KAFTAN_KIND_DATE:
        calendar_put_date(b, v->as.i);
        break;
    }
}

const char *value_brief(struct buf *b, const struct kaftan_value *v)
{
    value_put_text(b, v);
    if (b->len > BRIEF_LIMIT) {
        b->len = BRIEF_LIMIT;
        while (b->len > 0 && ((unsigned char)b->data[b->len] & 0xc0) == 0x80)
            b->len--;
        buf_puts(b, "...");
    }
    return buf_text(b);
}

bool kaftan_value_text(struct kaftan_arena *a, const struct kaftan_value *v, struct kaftan_slice *ret)
{
    struct buf b = BUF_INIT;
    if (v->kind == KAFTAN_KIND_ARRAY || v->kind == KAFTAN_KIND_MAP || v->kind == KAFTAN_KIND_STRUCT)
        return false;
    value_put_text(&b, v);
    ret->ptr = arena_strndup(a, b.data ? b.data : "", b.len);
    ret->len = b.len;
    buf_fini(&b);
    return true;
}
