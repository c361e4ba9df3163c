/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/node.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/decimal.h"

const struct node *node_find(const struct node *object, struct kaftan_slice name)
{
    if (!object || object->kind != NODE_OBJECT)
        return NULL;
    for (size_t i = 0; i < object->count; i++) {
        if (slice_eq(object->as.members[i].name, name))
            return &object->as.members[i].value;
    }
    return NULL;
}

const struct node *node_get(const struct node *object, const char *name)
{
    return node_find(object, slice_of(name));
}

const char *node_kind_name(const struct node *n)
{
    static const char *const names[] = {
        [NODE_MISSING] = "MISSING", [NODE_NULL] = "NULL",     [NODE_BOOLEAN] = "BOOLEAN", [NODE_INT] = "NUMBER",
        [NODE_DECIMAL] = "NUMBER",  [NODE_STRING] = "STRING", [NODE_ARRAY] = "ARRAY",     [NODE_OBJECT] = "OBJECT",
    };
    return names[n->kind];
}

bool node_fits_i64(const struct node *n, int64_t *ret)
{
    return n->kind == NODE_INT && text_to_i64(n->text.ptr, n->text.len, ret);
}

int64_t node_i64(struct kaftan_arena *a, const struct node *n)
{
    struct decimal d;
    uint64_t v = 0;
    if (n->kind == NODE_INT) {
        bool negative = n->text.ptr[0] == '-';
        for (size_t i = negative; i < n->text.len; i++)
            v = v * 10 + (uint64_t)(n->text.ptr[i] - '0');
        return (int64_t)(negative ? 0 - v : v);
    }
    if (n->kind == NODE_DECIMAL && decimal_scan(a, n->text.ptr, n->text.len, &d))
        return decimal_low64(&d);
    return 0;
}

/* A decimal or an integer has no negative zero; what underflows keeps its sign. */
static bool all_zero(struct kaftan_slice text)
{
    for (size_t i = 0; i < text.len && (text.ptr[i] | 0x20) != 'e'; i++) {
        if (text.ptr[i] >= '1' && text.ptr[i] <= '9')
            return false;
    }
    return true;
}

double node_double(struct kaftan_arena *a, const struct node *n)
{
    if ((n->kind != NODE_INT && n->kind != NODE_DECIMAL) || all_zero(n->text))
        return 0.0;
    return strtod(arena_strndup(a, n->text.ptr, n->text.len), NULL);
}

float node_float(struct kaftan_arena *a, const struct node *n)
{
    if ((n->kind != NODE_INT && n->kind != NODE_DECIMAL) || all_zero(n->text))
        return 0.0f;
    return strtof(arena_strndup(a, n->text.ptr, n->text.len), NULL);
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* One group of four at `p`; returns the bytes it holds, 0 when it is wrong. */
static size_t base64_group(const char *p, unsigned char ret[3])
{
    int v[4];
    for (int i = 0; i < 4; i++)
        v[i] = base64_digit(p[i]);
    size_t count = v[3] >= 0 ? 3 : v[2] >= 0 ? 2 : 1;
    if (v[0] < 0 || v[1] < 0 || (count == 3 && v[2] < 0) || (count < 3 && p[3] != '=') || (count < 2 && p[2] != '='))
        return 0;
    unsigned bits = (unsigned)v[0] << 18 | (unsigned)v[1] << 12 | (v[2] >= 0 ? (unsigned)v[2] << 6 : 0) |
                    (v[3] >= 0 ? (unsigned)v[3] : 0);
    ret[0] = (unsigned char)(bits >> 16);
    ret[1] = (unsigned char)(bits >> 8);
    ret[2] = (unsigned char)bits;
    return count;
}

bool node_base64(struct kaftan_arena *a, struct kaftan_slice text, struct kaftan_slice *ret)
{
    struct kaftan_slice t = slice_trim(text);
    unsigned char *bytes = arena_alloc(a, t.len / 4 * 3 + 3);
    size_t len = 0;
    for (size_t i = 0; i < t.len;) {
        if ((unsigned char)t.ptr[i] <= ' ') {
            i++;
            continue;
        }
        size_t count = t.len - i >= 4 ? base64_group(t.ptr + i, bytes + len) : 0;
        if (count == 0)
            return false;
        len += count;
        i += 4;
    }
    ret->ptr = (const char *)bytes;
    ret->len = len;
    return true;
}

static struct kaftan_value array_value(struct kaftan_arena *a, const struct node *n)
{
    struct kaftan_value *items = arena_alloc(a, n->count * sizeof *items);
    struct kaftan_array *array = arena_alloc(a, sizeof *array);
    for (size_t i = 0; i < n->count; i++)
        items[i] = node_value(a, &n->as.items[i]);
    array->count = n->count;
    array->items = items;
    return kaftan_array(array);
}

static struct kaftan_value map_value(struct kaftan_arena *a, const struct node *n)
{
    struct kaftan_map_entry *entries = arena_alloc(a, n->count * sizeof *entries);
    struct kaftan_map *map = arena_alloc(a, sizeof *map);
    for (size_t i = 0; i < n->count; i++) {
        entries[i].key = kaftan_string(n->as.members[i].name.ptr, n->as.members[i].name.len);
        entries[i].value = node_value(a, &n->as.members[i].value);
    }
    map->count = n->count;
    map->entries = entries;
    return kaftan_map(map);
}

struct kaftan_value node_value(struct kaftan_arena *a, const struct node *n)
{
    switch (n->kind) {
    case NODE_BOOLEAN:
        return kaftan_bool(n->b);
    case NODE_INT:
        return kaftan_int(KAFTAN_KIND_INT64, node_i64(a, n));
    case NODE_DECIMAL:
        return kaftan_double(node_double(a, n));
    case NODE_STRING:
        return kaftan_string(n->text.ptr, n->text.len);
    case NODE_ARRAY:
        return array_value(a, n);
    case NODE_OBJECT:
        return map_value(a, n);
    case NODE_MISSING:
    case NODE_NULL:
        break;
    }
    return kaftan_null();
}

/* A converter wraps numbers beyond 64 bits; a connector's offsets must not. */
static struct kaftan_error *refuse_wide(const struct node *n)
{
    int64_t v = 0;
    struct kaftan_error *err = NULL;
    if (n->kind == NODE_INT && !node_fits_i64(n, &v))
        return kaftan_error_new(KAFTAN_E_DATA, "number %.*s does not fit 64 bits",
                                (int)(n->text.len < 60 ? n->text.len : 60), n->text.ptr);
    for (size_t i = 0; !err && i < n->count; i++)
        err = refuse_wide(n->kind == NODE_ARRAY ? &n->as.items[i] : &n->as.members[i].value);
    return err;
}

struct kaftan_error *kaftan_value_from_json(struct kaftan_arena *a, const char *text, size_t len,
                                            struct kaftan_value *ret)
{
    struct node_reader *r = node_reader_new();
    struct kaftan_slice s = { text, len };
    struct node n = { .kind = NODE_MISSING };
    struct kaftan_error *err = node_read(r, a, s, &n);
    if (!err && n.kind == NODE_MISSING)
        err = kaftan_error_new(KAFTAN_E_DATA, "line 1, column 1: expected a JSON value");
    if (!err)
        err = refuse_wide(&n);
    if (!err)
        *ret = node_value(a, &n);
    node_reader_free(r);
    return err;
}
