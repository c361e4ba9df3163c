/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/value.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/decimal.h"
#include "data/schema.h"

enum { DAY_MS = 86400000 };

static const struct {
    const char *class_text;
    int type; /* -1: none */
} kinds[] = {
    [KAFTAN_KIND_NULL] = { "class null", -1 },
    [KAFTAN_KIND_INT8] = { "class java.lang.Byte", KAFTAN_TYPE_INT8 },
    [KAFTAN_KIND_INT16] = { "class java.lang.Short", KAFTAN_TYPE_INT16 },
    [KAFTAN_KIND_INT32] = { "class java.lang.Integer", KAFTAN_TYPE_INT32 },
    [KAFTAN_KIND_INT64] = { "class java.lang.Long", KAFTAN_TYPE_INT64 },
    [KAFTAN_KIND_FLOAT32] = { "class java.lang.Float", KAFTAN_TYPE_FLOAT32 },
    [KAFTAN_KIND_FLOAT64] = { "class java.lang.Double", KAFTAN_TYPE_FLOAT64 },
    [KAFTAN_KIND_BOOLEAN] = { "class java.lang.Boolean", KAFTAN_TYPE_BOOLEAN },
    [KAFTAN_KIND_STRING] = { "class java.lang.String", KAFTAN_TYPE_STRING },
    [KAFTAN_KIND_BYTES] = { "class [B", KAFTAN_TYPE_BYTES },
    [KAFTAN_KIND_ARRAY] = { "class java.util.ArrayList", KAFTAN_TYPE_ARRAY },
    [KAFTAN_KIND_MAP] = { "class java.util.HashMap", KAFTAN_TYPE_MAP },
    [KAFTAN_KIND_STRUCT] = { "class org.apache.kafka.connect.data.Struct", KAFTAN_TYPE_STRUCT },
    [KAFTAN_KIND_DECIMAL] = { "class java.math.BigDecimal", -1 },
    [KAFTAN_KIND_DATE] = { "class java.util.Date", -1 },
};

const char *value_class(const struct kaftan_value *v)
{
    return kinds[v->kind].class_text;
}

const char *value_class_name(enum kaftan_kind kind)
{
    return kinds[kind].class_text + strlen("class ");
}

bool value_type(const struct kaftan_value *v, enum kaftan_type *ret)
{
    int type = kinds[v->kind].type;
    if (type < 0)
        return false;
    *ret = (enum kaftan_type)type;
    return true;
}

/* Where a value stands, told only when something is wrong with it. */
struct location {
    const struct location *outer;
    const char *what;          /* "element of array ", or the outermost text */
    struct kaftan_slice field; /* outermost only: a field's name */
};

static void location_put(struct buf *b, const struct location *at)
{
    for (; at; at = at->outer) {
        buf_puts(b, at->what);
        if (at->field.ptr) {
            buf_putc(b, '"');
            buf_put_slice(b, at->field);
            buf_putc(b, '"');
        }
    }
}

static struct kaftan_error *null_error(const struct location *at, enum kaftan_type type)
{
    struct buf b = BUF_INIT;
    location_put(&b, at);
    struct kaftan_error *err = kaftan_error_new(KAFTAN_E_DATA, "Invalid value: null used for required %s, schema type: %s",
                                                buf_text(&b), schema_type_name(type));
    buf_fini(&b);
    return err;
}

static struct kaftan_error *class_error(const struct location *at, const struct kaftan_schema *schema,
                                        const struct kaftan_value *v)
{
    struct buf b = BUF_INIT;
    if (schema->name.ptr)
        buf_printf(&b, " \"%s\"", schema->name.ptr);
    buf_printf(&b, " with type %s: %s for ", schema_type_name(schema->type), value_class(v));
    location_put(&b, at);
    struct kaftan_error *err = kaftan_error_new(KAFTAN_E_DATA, "Invalid Java object for schema%s", buf_text(&b));
    buf_fini(&b);
    return err;
}

static bool kind_fits(const struct kaftan_schema *schema, const struct kaftan_value *v)
{
    switch (schema->logical) {
    case LOGICAL_DECIMAL:
        return v->kind == KAFTAN_KIND_DECIMAL;
    case LOGICAL_DATE:
    case LOGICAL_TIME:
    case LOGICAL_TIMESTAMP:
        return v->kind == KAFTAN_KIND_DATE;
    case LOGICAL_NONE:
        break;
    }
    return kinds[v->kind].type == (int)schema->type;
}

static struct kaftan_error *validate(const struct kaftan_schema *schema, const struct kaftan_value *v,
                                     const struct location *at);

static struct kaftan_error *validate_part(const struct kaftan_schema *schema, const struct kaftan_value *v,
                                          const struct location *outer, const char *what)
{
    struct location at = { outer, what, { NULL, 0 } };
    if (schema)
        return validate(schema, v, &at);
    struct buf b = BUF_INIT;
    location_put(&b, &at);
    struct kaftan_error *err = kaftan_error_new(KAFTAN_E_DATA, "No schema defined for %s", buf_text(&b));
    buf_fini(&b);
    return err;
}

static struct kaftan_error *validate_parts(const struct kaftan_schema *schema, const struct kaftan_value *v,
                                           const struct location *at)
{
    struct kaftan_error *err = NULL;
    if (v->kind == KAFTAN_KIND_ARRAY && schema->type == KAFTAN_TYPE_ARRAY) {
        for (size_t i = 0; !err && i < v->as.array->count; i++)
            err = validate_part(schema->value, &v->as.array->items[i], at, "element of array ");
    } else if (v->kind == KAFTAN_KIND_MAP && schema->type == KAFTAN_TYPE_MAP) {
        for (size_t i = 0; !err && i < v->as.map->count; i++) {
            const struct kaftan_map_entry *e = &v->as.map->entries[i];
            err = validate_part(schema->key, &e->key, at, "key of map ");
            if (!err)
                err = validate_part(schema->value, &e->value, at, "value of map ");
        }
    } else if (v->kind == KAFTAN_KIND_STRUCT && schema->type == KAFTAN_TYPE_STRUCT) {
        if (!schema_equal(v->as.structure->schema, schema))
            return kaftan_error_new(KAFTAN_E_DATA, "Struct schemas do not match.");
        err = struct_validate(v->as.structure);
    }
    return err;
}

static struct kaftan_error *validate(const struct kaftan_schema *schema, const struct kaftan_value *v,
                                     const struct location *at)
{
    if (v->kind == KAFTAN_KIND_NULL)
        return schema->optional ? NULL : null_error(at, schema->type);
    if (!kind_fits(schema, v))
        return class_error(at, schema, v);
    return schema->type >= KAFTAN_TYPE_ARRAY ? validate_parts(schema, v, at) : NULL;
}

struct kaftan_error *value_validate(const struct kaftan_schema *schema, const struct kaftan_value *v, const char *what)
{
    struct location at = { NULL, what, { NULL, 0 } };
    return validate(schema, v, &at);
}

struct kaftan_error *value_validate_field(const struct kaftan_schema *schema, const struct kaftan_value *v,
                                          struct kaftan_slice field)
{
    struct location at = { NULL, "field: ", field };
    return validate(schema, v, &at);
}

struct kaftan_struct *struct_in(struct kaftan_arena *a, const struct kaftan_schema *schema)
{
    struct kaftan_struct *s = arena_zalloc(a, 1, sizeof *s + schema->field_count * sizeof s->values[0]);
    s->schema = schema;
    return s; /* a zeroed value is a null */
}

struct kaftan_error *kaftan_struct_new(struct kaftan_arena *a, const struct kaftan_schema *schema,
                                       struct kaftan_struct **ret)
{
    if (!schema || schema->type != KAFTAN_TYPE_STRUCT) {
        struct buf b = BUF_INIT;
        schema_put_text(&b, schema);
        struct kaftan_error *err = kaftan_error_new(KAFTAN_E_DATA, "Not a struct schema: %s", buf_text(&b));
        buf_fini(&b);
        return err;
    }
    *ret = struct_in(a, schema);
    return NULL;
}

struct kaftan_error *struct_put_at(struct kaftan_struct *s, size_t i, struct kaftan_value v)
{
    struct kaftan_error *err = value_validate_field(s->schema->fields[i].schema, &v, s->schema->fields[i].name);
    if (!err)
        s->values[i] = v;
    return err;
}

struct kaftan_error *kaftan_struct_put(struct kaftan_struct *s, const char *field, struct kaftan_value v)
{
    int i = schema_field_find(s->schema, slice_of(field));
    if (i < 0)
        return kaftan_error_new(KAFTAN_E_DATA, "%s is not a valid field name", field);
    return struct_put_at(s, (size_t)i, v);
}

struct kaftan_error *struct_validate(const struct kaftan_struct *s)
{
    struct kaftan_error *err = NULL;
    for (size_t i = 0; !err && i < s->schema->field_count; i++) {
        const struct schema_field *f = &s->schema->fields[i];
        if (s->values[i].kind == KAFTAN_KIND_NULL && (f->schema->optional || f->schema->def))
            continue;
        err = value_validate_field(f->schema, &s->values[i], f->name);
    }
    return err;
}

const struct kaftan_schema *kaftan_struct_schema(const struct kaftan_struct *s)
{
    return s->schema;
}

const struct kaftan_value *kaftan_struct_at(const struct kaftan_struct *s, size_t i)
{
    ASSERT(i < s->schema->field_count);
    return &s->values[i];
}

const struct kaftan_value *kaftan_struct_get(const struct kaftan_struct *s, const char *field)
{
    int i = schema_field_find(s->schema, slice_of(field));
    if (i < 0)
        return NULL;
    const struct kaftan_value *v = &s->values[i];
    const struct kaftan_value *def = s->schema->fields[i].schema->def;
    return v->kind == KAFTAN_KIND_NULL && def ? def : v;
}

const struct kaftan_value *kaftan_map_get(const struct kaftan_value *map, const char *key)
{
    struct kaftan_slice name = slice_of(key);
    if (!map || map->kind != KAFTAN_KIND_MAP)
        return NULL;
    for (size_t i = 0; i < map->as.map->count; i++) {
        const struct kaftan_map_entry *e = &map->as.map->entries[i];
        if (e->key.kind == KAFTAN_KIND_STRING && slice_eq(e->key.as.s, name))
            return &e->value;
    }
    return NULL;
}

static bool double_equal(double a, double b)
{
    uint64_t x = 0, y = 0;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return (a != a && b != b) || x == y; /* 0.0 and -0.0 differ, as for Java's equals */
}

static bool map_equal(const struct kaftan_map *a, const struct kaftan_map *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        size_t j = i; /* most often in the same order */
        size_t tried = 0;
        while (tried < b->count && !value_equal(&a->entries[i].key, &b->entries[j].key)) {
            tried++;
            j = (j + 1) % b->count;
        }
        if (tried == b->count || !value_equal(&a->entries[i].value, &b->entries[j].value))
            return false;
    }
    return true;
}

static bool struct_equal(const struct kaftan_struct *a, const struct kaftan_struct *b)
{
    if (!schema_equal(a->schema, b->schema))
        return false;
    for (size_t i = 0; i < a->schema->field_count; i++) {
        if (!value_equal(&a->values[i], &b->values[i]))
            return false;
    }
    return true;
}

static bool array_equal(const struct kaftan_array *a, const struct kaftan_array *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++) {
        if (!value_equal(&a->items[i], &b->items[i]))
            return false;
    }
    return true;
}

bool value_equal(const struct kaftan_value *a, const struct kaftan_value *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case KAFTAN_KIND_NULL:
        return true;
    case KAFTAN_KIND_INT8:
    case KAFTAN_KIND_INT16:
    case KAFTAN_KIND_INT32:
    case KAFTAN_KIND_INT64:
    case KAFTAN_KIND_DATE:
        return a->as.i == b->as.i;
    case KAFTAN_KIND_FLOAT32:
        return double_equal((double)a->as.f, (double)b->as.f);
    case KAFTAN_KIND_FLOAT64:
        return double_equal(a->as.d, b->as.d);
    case KAFTAN_KIND_BOOLEAN:
        return a->as.b == b->as.b;
    case KAFTAN_KIND_STRING:
    case KAFTAN_KIND_BYTES:
        return slice_eq(a->as.s, b->as.s);
    case KAFTAN_KIND_DECIMAL:
        return a->scale == b->scale && slice_eq(decimal_minimal(a->as.s), decimal_minimal(b->as.s));
    case KAFTAN_KIND_ARRAY:
        return array_equal(a->as.array, b->as.array);
    case KAFTAN_KIND_MAP:
        return map_equal(a->as.map, b->as.map);
    case KAFTAN_KIND_STRUCT:
        return struct_equal(a->as.structure, b->as.structure);
    }
    return false;
}

static struct kaftan_value copy_array(struct kaftan_arena *a, const struct kaftan_schema *element,
                                      const struct kaftan_array *from)
{
    struct kaftan_value *items = arena_alloc(a, from->count * sizeof *items);
    struct kaftan_array *array = arena_alloc(a, sizeof *array);
    for (size_t i = 0; i < from->count; i++)
        items[i] = value_copy(a, element, &from->items[i]);
    array->count = from->count;
    array->items = items;
    return kaftan_array(array);
}

static struct kaftan_value copy_map(struct kaftan_arena *a, const struct kaftan_schema *schema,
                                    const struct kaftan_map *from)
{
    struct kaftan_map_entry *entries = arena_alloc(a, from->count * sizeof *entries);
    struct kaftan_map *map = arena_alloc(a, sizeof *map);
    for (size_t i = 0; i < from->count; i++) {
        entries[i].key = value_copy(a, schema ? schema->key : NULL, &from->entries[i].key);
        entries[i].value = value_copy(a, schema ? schema->value : NULL, &from->entries[i].value);
    }
    map->count = from->count;
    map->entries = entries;
    return kaftan_map(map);
}

static struct kaftan_value copy_struct(struct kaftan_arena *a, const struct kaftan_schema *schema,
                                       const struct kaftan_struct *from)
{
    struct kaftan_struct *copy = struct_in(a, schema ? schema : from->schema);
    for (size_t i = 0; i < copy->schema->field_count; i++)
        copy->values[i] = value_copy(a, copy->schema->fields[i].schema, &from->values[i]);
    return kaftan_structure(copy);
}

struct kaftan_value value_copy(struct kaftan_arena *a, const struct kaftan_schema *schema, const struct kaftan_value *v)
{
    struct kaftan_value copy = *v;
    switch (v->kind) {
    case KAFTAN_KIND_STRING:
    case KAFTAN_KIND_BYTES:
    case KAFTAN_KIND_DECIMAL:
        copy.as.s.ptr = arena_strndup(a, v->as.s.ptr ? v->as.s.ptr : "", v->as.s.len);
        return copy;
    case KAFTAN_KIND_ARRAY:
        return copy_array(a, schema ? schema->value : NULL, v->as.array);
    case KAFTAN_KIND_MAP:
        return copy_map(a, schema, v->as.map);
    case KAFTAN_KIND_STRUCT:
        return copy_struct(a, schema, v->as.structure);
    default:
        return copy;
    }
}

static int64_t floor_mod(int64_t a, int64_t b)
{
    int64_t m = a % b;
    return m < 0 ? m + b : m;
}

struct kaftan_error *date_to_days(const struct kaftan_value *v, int32_t *ret)
{
    if (floor_mod(v->as.i, DAY_MS) != 0)
        return kaftan_error_new(KAFTAN_E_DATA,
                                "Kafka Connect Date type should not have any time fields set to non-zero values.");
    *ret = (int32_t)(uint32_t)(uint64_t)(v->as.i / DAY_MS);
    return NULL;
}

struct kaftan_error *time_to_millis(const struct kaftan_value *v, int32_t *ret)
{
    if (v->as.i < 0 || v->as.i > DAY_MS)
        return kaftan_error_new(KAFTAN_E_DATA,
                                "Kafka Connect Time type should not have any date fields set to non-zero values.");
    *ret = (int32_t)v->as.i;
    return NULL;
}

struct kaftan_error *time_from_millis(int32_t millis, struct kaftan_value *ret)
{
    if (millis < 0 || millis > DAY_MS)
        return kaftan_error_new(KAFTAN_E_DATA,
                                "Time values must use number of milliseconds greater than 0 and less than 86400000");
    *ret = date_from_millis(millis);
    return NULL;
}

struct kaftan_value date_from_days(int32_t days)
{
    return date_from_millis((int64_t)days * DAY_MS);
}

struct kaftan_error *decimal_schema_scale(const struct kaftan_schema *schema, int32_t *ret)
{
    const struct kaftan_slice *text = schema_param(schema, "scale");
    int64_t scale = 0;
    if (schema->param_count == 0)
        return kaftan_error_new(KAFTAN_E_DATA, "Decimal schema without parameters: scale is missing");
    if (!text)
        return kaftan_error_new(KAFTAN_E_DATA, "Invalid Decimal schema: scale parameter not found.");
    if (!text_to_i64(text->ptr, text->len, &scale) || scale < INT32_MIN || scale > INT32_MAX)
        return kaftan_error_wrap(kaftan_error_new(KAFTAN_E_DATA, "For input string: \"%s\"", text->ptr),
                                 "Invalid scale parameter found in Decimal schema: ");
    *ret = (int32_t)scale;
    return NULL;
}

struct kaftan_error *decimal_to_bytes(const struct kaftan_schema *schema, const struct kaftan_value *v,
                                      struct kaftan_slice *ret)
{
    int32_t scale = 0;
    struct kaftan_error *err = decimal_schema_scale(schema, &scale);
    if (err)
        return err;
    if (scale != v->scale)
        return kaftan_error_new(KAFTAN_E_DATA,
                                "Decimal value has mismatching scale for given Decimal schema. "
                                "Schema has scale %d, value has scale %d.",
                                (int)scale, (int)v->scale);
    *ret = decimal_minimal(v->as.s);
    return NULL;
}
