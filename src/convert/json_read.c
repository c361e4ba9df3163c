/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "convert/json_int.h"

#include "base/text.h"
#include "data/decimal.h"
#include "data/schema.h"
#include "data/value.h"
#include "data/values.h"

struct reading {
    struct json_converter *c;
    struct kaftan_arena *a;
};

static struct kaftan_error *read_value(struct reading *r, const struct kaftan_schema *schema, const struct node *n,
                                       struct kaftan_value *ret);

static struct kaftan_error *read_array(struct reading *r, const struct kaftan_schema *schema, const struct node *n,
                                       struct kaftan_value *ret)
{
    size_t count = n->kind == NODE_ARRAY || n->kind == NODE_OBJECT ? n->count : 0; /* anything else has no elements */
    struct kaftan_value *items = arena_alloc(r->a, count * sizeof *items);
    struct kaftan_array *array = arena_alloc(r->a, sizeof *array);
    for (size_t i = 0; i < count; i++) {
        const struct node *element = n->kind == NODE_ARRAY ? &n->as.items[i] : &n->as.members[i].value;
        struct kaftan_error *err = read_value(r, schema->value, element, &items[i]);
        if (err)
            return err;
    }
    array->count = count;
    array->items = items;
    *ret = kaftan_array(array);
    return NULL;
}

static struct kaftan_error *read_pairs(struct reading *r, const struct kaftan_schema *schema, const struct node *n,
                                       struct kaftan_map_entry *entries)
{
    for (size_t i = 0; i < n->count; i++) {
        const struct node *pair = &n->as.items[i];
        if (pair->kind != NODE_ARRAY)
            return kaftan_error_new(KAFTAN_E_DATA, "Found invalid map entry instead of array tuple: %s",
                                    node_kind_name(pair));
        if (pair->count != 2)
            return kaftan_error_new(KAFTAN_E_DATA, "Found invalid map entry, expected length 2 but found :%zu",
                                    pair->count);
        struct kaftan_error *err = read_value(r, schema->key, &pair->as.items[0], &entries[i].key);
        if (!err)
            err = read_value(r, schema->value, &pair->as.items[1], &entries[i].value);
        if (err)
            return err;
    }
    return NULL;
}

static struct kaftan_error *read_members(struct reading *r, const struct kaftan_schema *schema, const struct node *n,
                                         struct kaftan_map_entry *entries)
{
    struct kaftan_error *err = NULL;
    for (size_t i = 0; !err && i < n->count; i++) {
        const struct node_member *m = &n->as.members[i];
        entries[i].key = kaftan_string(m->name.ptr, m->name.len);
        err = read_value(r, schema->value, &m->value, &entries[i].value);
    }
    return err;
}

static struct kaftan_error *read_map(struct reading *r, const struct kaftan_schema *schema, const struct node *n,
                                     struct kaftan_value *ret)
{
    bool named = schema->key->type == KAFTAN_TYPE_STRING;
    if (named && n->kind != NODE_OBJECT)
        return kaftan_error_new(KAFTAN_E_DATA, "Maps with string fields should be encoded as JSON objects, but found %s",
                                node_kind_name(n));
    if (!named && n->kind != NODE_ARRAY)
        return kaftan_error_new(KAFTAN_E_DATA,
                                "Maps with non-string fields should be encoded as JSON array of tuples, but found %s",
                                node_kind_name(n));
    struct kaftan_map_entry *entries = arena_alloc(r->a, n->count * sizeof *entries);
    struct kaftan_map *map = arena_alloc(r->a, sizeof *map);
    struct kaftan_error *err = named ? read_members(r, schema, n, entries) : read_pairs(r, schema, n, entries);
    if (err)
        return err;
    map->count = !named && n->count > 1 ? values_unite(r->a, entries, n->count) : n->count;
    map->entries = entries;
    *ret = kaftan_map(map);
    return NULL;
}

/* Fields mostly come in the schema's order, so the search starts where the last one ended. */
static const struct node *member_from(const struct node *n, size_t *at, struct kaftan_slice name)
{
    for (size_t i = 0; i < n->count; i++) {
        size_t place = *at + i < n->count ? *at + i : *at + i - n->count;
        if (slice_eq(n->as.members[place].name, name)) {
            *at = place + 1 < n->count ? place + 1 : 0;
            return &n->as.members[place].value;
        }
    }
    return NULL;
}

static struct kaftan_error *read_struct(struct reading *r, const struct kaftan_schema *schema, const struct node *n,
                                        struct kaftan_value *ret)
{
    size_t at = 0;
    if (n->kind != NODE_OBJECT)
        return kaftan_error_new(KAFTAN_E_DATA, "Structs should be encoded as JSON objects, but found %s",
                                node_kind_name(n));
    struct kaftan_struct *s = struct_in(r->a, schema);
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct schema_field *f = &schema->fields[i];
        struct kaftan_value v = kaftan_null();
        struct kaftan_error *err = read_value(r, f->schema, member_from(n, &at, f->name), &v);
        if (!err)
            err = struct_put_at(s, i, v);
        if (err)
            return err;
    }
    *ret = kaftan_structure(s);
    return NULL;
}

static struct kaftan_error *read_decimal(struct reading *r, const struct kaftan_schema *schema, const struct node *n,
                                         struct kaftan_value *ret)
{
    struct decimal d;
    struct kaftan_slice bytes = { NULL, 0 };
    int32_t scale = 0;
    if (n->kind == NODE_INT || n->kind == NODE_DECIMAL) {
        if (!decimal_scan(r->a, n->text.ptr, n->text.len, &d))
            return kaftan_error_new(KAFTAN_E_DATA, "Number %.*s is out of range for a decimal", (int)n->text.len,
                                    n->text.ptr);
        *ret = decimal_value(r->a, &d);
        return NULL;
    }
    if (n->kind != NODE_STRING)
        return kaftan_error_new(KAFTAN_E_DATA,
                                "Invalid type for Decimal, underlying representation should be numeric or bytes but was %s",
                                node_kind_name(n));
    struct kaftan_error *err = NULL;
    if (!node_base64(r->a, n->text, &bytes))
        err = kaftan_error_new(KAFTAN_E_DATA, "broken base64 text");
    if (!err)
        err = decimal_schema_scale(schema, &scale);
    if (!err && bytes.len == 0)
        err = kaftan_error_new(KAFTAN_E_DATA, "Zero length BigInteger");
    if (err)
        return kaftan_error_wrap(err, "Invalid bytes for Decimal field");
    bytes = decimal_minimal(bytes);
    *ret = kaftan_decimal(bytes.ptr, bytes.len, scale);
    return NULL;
}

static struct kaftan_error *read_logical(struct reading *r, const struct kaftan_schema *schema, const struct node *n,
                                         struct kaftan_value *ret)
{
    int64_t v = 0;
    if (schema->logical == LOGICAL_DECIMAL)
        return read_decimal(r, schema, n, ret);
    if (schema->logical == LOGICAL_TIMESTAMP) {
        if (n->kind != NODE_INT)
            return kaftan_error_new(KAFTAN_E_DATA,
                                    "Invalid type for Timestamp, underlying representation should be integral but was %s",
                                    node_kind_name(n));
        *ret = date_from_millis(node_i64(r->a, n));
        return NULL;
    }
    if (!node_fits_i64(n, &v) || v < INT32_MIN || v > INT32_MAX)
        return kaftan_error_new(KAFTAN_E_DATA,
                                "Invalid type for %s, underlying representation should be integer but was %s",
                                schema->logical == LOGICAL_DATE ? "Date" : "Time", node_kind_name(n));
    if (schema->logical == LOGICAL_TIME)
        return time_from_millis((int32_t)v, ret);
    *ret = date_from_days((int32_t)v);
    return NULL;
}

static struct kaftan_error *read_bytes(struct reading *r, const struct node *n, struct kaftan_value *ret)
{
    struct kaftan_slice bytes = { NULL, 0 };
    *ret = kaftan_null(); /* what is no text */
    if (n->kind != NODE_STRING)
        return NULL;
    if (!node_base64(r->a, n->text, &bytes))
        return kaftan_error_wrap(kaftan_error_new(KAFTAN_E_DATA, "broken base64 text"), "Invalid bytes field");
    *ret = kaftan_bytes(bytes.ptr, bytes.len);
    return NULL;
}

/* The kind of a scalar is not checked: what does not fit is zero, false or null. */
static struct kaftan_error *read_typed(struct reading *r, const struct kaftan_schema *schema, const struct node *n,
                                       struct kaftan_value *ret)
{
    uint64_t bits = 0;
    switch (schema->type) {
    case KAFTAN_TYPE_INT8:
        bits = (uint64_t)node_i64(r->a, n);
        *ret = kaftan_int(KAFTAN_KIND_INT8, (int8_t)(uint8_t)bits);
        return NULL;
    case KAFTAN_TYPE_INT16:
        bits = (uint64_t)node_i64(r->a, n);
        *ret = kaftan_int(KAFTAN_KIND_INT16, (int16_t)(uint16_t)bits);
        return NULL;
    case KAFTAN_TYPE_INT32:
        bits = (uint64_t)node_i64(r->a, n);
        *ret = kaftan_int(KAFTAN_KIND_INT32, (int32_t)(uint32_t)bits);
        return NULL;
    case KAFTAN_TYPE_INT64:
        *ret = kaftan_int(KAFTAN_KIND_INT64, node_i64(r->a, n));
        return NULL;
    case KAFTAN_TYPE_FLOAT32:
        *ret = kaftan_float(node_float(r->a, n));
        return NULL;
    case KAFTAN_TYPE_FLOAT64:
        *ret = kaftan_double(node_double(r->a, n));
        return NULL;
    case KAFTAN_TYPE_BOOLEAN:
        *ret = kaftan_bool(n->kind == NODE_BOOLEAN && n->b);
        return NULL;
    case KAFTAN_TYPE_STRING:
        *ret = n->kind == NODE_STRING ? kaftan_string(n->text.ptr, n->text.len) : kaftan_null();
        return NULL;
    case KAFTAN_TYPE_BYTES:
        return read_bytes(r, n, ret);
    case KAFTAN_TYPE_ARRAY:
        return read_array(r, schema, n, ret);
    case KAFTAN_TYPE_MAP:
        return read_map(r, schema, n, ret);
    case KAFTAN_TYPE_STRUCT:
        return read_struct(r, schema, n, ret);
    }
    return NULL;
}

static struct kaftan_error *read_value(struct reading *r, const struct kaftan_schema *schema, const struct node *n,
                                       struct kaftan_value *ret)
{
    if (!schema) {
        *ret = n ? node_value(r->a, n) : kaftan_null();
        return NULL;
    }
    if (!n || n->kind == NODE_NULL) {
        if (schema->def && r->c->replace_null)
            *ret = *schema->def;
        else if (schema->optional)
            *ret = kaftan_null();
        else
            return kaftan_error_new(KAFTAN_E_DATA, "Invalid null value for required %s field",
                                    schema_type_name(schema->type));
        return NULL;
    }
    return schema->logical != LOGICAL_NONE ? read_logical(r, schema, n, ret) : read_typed(r, schema, n, ret);
}

struct kaftan_error *json_read_value(struct json_converter *c, struct kaftan_arena *a, const struct kaftan_schema *schema,
                                     const struct node *n, struct kaftan_value *ret)
{
    struct reading r = { c, a };
    return read_value(&r, schema, n, ret);
}
