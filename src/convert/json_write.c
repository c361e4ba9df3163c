/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "convert/json_int.h"

#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "data/decimal.h"
#include "data/schema.h"
#include "data/value.h"

static void put_i64(struct buf *b, int64_t v)
{
    char text[24];
    size_t at = sizeof text;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        text[--at] = (char)('0' + u % 10);
        u /= 10;
    } while (u);
    if (v < 0)
        text[--at] = '-';
    buf_put(b, text + at, sizeof text - at);
}

static void put_real(struct buf *b, const char *text, size_t len, bool finite)
{
    if (!finite)
        buf_putc(b, '"');
    buf_put(b, text, len);
    if (!finite)
        buf_putc(b, '"');
}

static void put_base64(struct buf *b, struct kaftan_slice s)
{
    buf_putc(b, '"');
    base64_put(b, s.ptr, s.len);
    buf_putc(b, '"');
}

static struct kaftan_error *wrong_class(const char *type, const struct kaftan_value *v)
{
    return kaftan_error_new(KAFTAN_E_DATA, "Invalid type for %s: %s", type, value_class(v));
}

static struct kaftan_error *write_array(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema,
                                        const struct kaftan_array *array)
{
    struct kaftan_error *err = NULL;
    buf_putc(b, '[');
    for (size_t i = 0; !err && i < array->count; i++) {
        if (i)
            buf_putc(b, ',');
        err = json_write_value(c, b, schema ? schema->value : NULL, &array->items[i]);
    }
    buf_putc(b, ']');
    return err;
}

/* A key is the text of its JSON: what is no string gets quotes. */
static struct kaftan_error *write_name(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema,
                                       const struct kaftan_value *key)
{
    size_t start = b->len;
    struct kaftan_error *err = json_write_value(c, b, schema, key);
    if (err || b->data[start] == '"')
        return err;
    buf_puts(b, "\"\"");
    memmove(b->data + start + 1, b->data + start, b->len - start - 2);
    b->data[start] = '"';
    return NULL;
}

/* Only text keys can be the names of an object. */
static bool is_object(const struct kaftan_schema *schema, const struct kaftan_map *map)
{
    if (schema)
        return schema->key->type == KAFTAN_TYPE_STRING;
    for (size_t i = 0; i < map->count; i++) {
        if (map->entries[i].key.kind != KAFTAN_KIND_STRING)
            return false;
    }
    return true;
}

static struct kaftan_error *write_map(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema,
                                      const struct kaftan_map *map)
{
    struct kaftan_error *err = NULL;
    if (schema && !schema->key)
        return kaftan_error_new(KAFTAN_E_DATA, "Map without a key schema cannot be written as JSON");
    bool object = is_object(schema, map);
    const struct kaftan_schema *keys = schema ? schema->key : NULL, *values = schema ? schema->value : NULL;
    buf_putc(b, object ? '{' : '[');
    for (size_t i = 0; !err && i < map->count; i++) {
        const struct kaftan_map_entry *e = &map->entries[i];
        if (i)
            buf_putc(b, ',');
        if (!object)
            buf_putc(b, '[');
        err = object ? write_name(c, b, keys, &e->key) : json_write_value(c, b, keys, &e->key);
        if (err)
            break;
        buf_putc(b, object ? ':' : ',');
        err = json_write_value(c, b, values, &e->value);
        if (!object)
            buf_putc(b, ']');
    }
    buf_putc(b, object ? '}' : ']');
    return err;
}

static struct kaftan_error *write_struct(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema,
                                         const struct kaftan_struct *s)
{
    struct kaftan_error *err = NULL;
    if (!schema || !schema_equal(s->schema, schema))
        return kaftan_error_new(KAFTAN_E_DATA, "Mismatching schema.");
    buf_putc(b, '{');
    for (size_t i = 0; !err && i < schema->field_count; i++) {
        const struct schema_field *f = &schema->fields[i];
        if (i)
            buf_putc(b, ',');
        json_put_string(b, f->name.ptr, f->name.len);
        buf_putc(b, ':');
        err = json_write_value(c, b, f->schema, &s->values[i]);
    }
    buf_putc(b, '}');
    return err;
}

static struct kaftan_error *write_decimal(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema,
                                          const struct kaftan_value *v)
{
    struct kaftan_slice bytes;
    if (v->kind != KAFTAN_KIND_DECIMAL)
        return kaftan_error_new(KAFTAN_E_DATA, "Invalid type for Decimal, expected BigDecimal but was %s",
                                value_class(v));
    if (c->numeric_decimals) {
        decimal_put_value(b, v);
        return NULL;
    }
    struct kaftan_error *err = decimal_to_bytes(schema, v, &bytes);
    if (!err)
        put_base64(b, bytes);
    return err;
}

static struct kaftan_error *write_logical(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema,
                                          const struct kaftan_value *v)
{
    static const char *const names[] = {
        [LOGICAL_DATE] = "Date", [LOGICAL_TIME] = "Time", [LOGICAL_TIMESTAMP] = "Timestamp"
    };
    int32_t small = 0;
    struct kaftan_error *err = NULL;
    if (schema->logical == LOGICAL_DECIMAL)
        return write_decimal(c, b, schema, v);
    if (v->kind != KAFTAN_KIND_DATE)
        return kaftan_error_new(KAFTAN_E_DATA, "Invalid type for %s, expected Date but was %s", names[schema->logical],
                                value_class(v));
    if (schema->logical == LOGICAL_TIMESTAMP) {
        put_i64(b, v->as.i);
        return NULL;
    }
    err = schema->logical == LOGICAL_DATE ? date_to_days(v, &small) : time_to_millis(v, &small);
    if (!err)
        put_i64(b, small);
    return err;
}

static struct kaftan_error *write_typed(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema,
                                        const struct kaftan_value *v)
{
    char text[32];
    switch (v->kind) {
    case KAFTAN_KIND_INT8:
    case KAFTAN_KIND_INT16:
    case KAFTAN_KIND_INT32:
    case KAFTAN_KIND_INT64:
        put_i64(b, v->as.i);
        return NULL;
    case KAFTAN_KIND_FLOAT32:
        put_real(b, text, float_text(v->as.f, text), __builtin_isfinite(v->as.f));
        return NULL;
    case KAFTAN_KIND_FLOAT64:
        put_real(b, text, double_text(v->as.d, text), __builtin_isfinite(v->as.d));
        return NULL;
    case KAFTAN_KIND_BOOLEAN:
        buf_puts(b, v->as.b ? "true" : "false");
        return NULL;
    case KAFTAN_KIND_STRING:
        json_put_string(b, v->as.s.ptr, v->as.s.len);
        return NULL;
    case KAFTAN_KIND_BYTES:
        put_base64(b, v->as.s);
        return NULL;
    case KAFTAN_KIND_ARRAY:
        return write_array(c, b, schema, v->as.array);
    case KAFTAN_KIND_MAP:
        return write_map(c, b, schema, v->as.map);
    case KAFTAN_KIND_STRUCT:
        return write_struct(c, b, schema, v->as.structure);
    case KAFTAN_KIND_NULL:
    case KAFTAN_KIND_DECIMAL:
    case KAFTAN_KIND_DATE:
        break;
    }
    return kaftan_error_new(KAFTAN_E_DATA, "Java class %s does not have corresponding schema type.", value_class(v));
}

struct kaftan_error *json_write_value(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema,
                                      const struct kaftan_value *v)
{
    enum kaftan_type type = KAFTAN_TYPE_INT8;
    if (v->kind == KAFTAN_KIND_NULL) {
        if (schema && schema->def && c->replace_null)
            return json_write_value(c, b, schema, schema->def);
        if (schema && !schema->optional)
            return kaftan_error_new(KAFTAN_E_DATA, "Conversion error: null value for field that is required and has no "
                                                   "default value");
        buf_puts(b, "null");
        return NULL;
    }
    if (!schema)
        return write_typed(c, b, NULL, v);
    if (schema->logical != LOGICAL_NONE)
        return write_logical(c, b, schema, v);
    if (value_type(v, &type) && type == schema->type)
        return write_typed(c, b, schema, v);
    return wrong_class(schema->type == KAFTAN_TYPE_BYTES ? "bytes type" : schema_type_name(schema->type), v);
}

static struct kaftan_error *write_schema_open(struct json_converter *c, struct buf *b,
                                              const struct kaftan_schema *schema);

static struct kaftan_error *write_element(struct json_converter *c, struct buf *b, const char *name,
                                          const struct kaftan_schema *schema)
{
    buf_puts(b, name);
    return json_write_schema(c, b, schema);
}

static struct kaftan_error *write_fields(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema)
{
    buf_puts(b, ",\"fields\":[");
    for (size_t i = 0; i < schema->field_count; i++) {
        const struct schema_field *f = &schema->fields[i];
        if (i)
            buf_putc(b, ',');
        struct kaftan_error *err = write_schema_open(c, b, f->schema);
        if (err)
            return err;
        buf_puts(b, ",\"field\":");
        json_put_string(b, f->name.ptr, f->name.len);
        buf_putc(b, '}');
    }
    buf_putc(b, ']');
    return NULL;
}

static struct kaftan_error *write_parts(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema)
{
    struct kaftan_error *err = NULL;
    if (schema->type == KAFTAN_TYPE_ARRAY)
        return write_element(c, b, ",\"items\":", schema->value);
    if (schema->type == KAFTAN_TYPE_STRUCT)
        return write_fields(c, b, schema);
    if (schema->type == KAFTAN_TYPE_MAP) {
        err = write_element(c, b, ",\"keys\":", schema->key);
        if (!err)
            err = write_element(c, b, ",\"values\":", schema->value);
    }
    return err;
}

static void write_params(struct buf *b, const struct kaftan_schema *schema)
{
    for (size_t i = 0; i < schema->param_count; i++) {
        const struct schema_param *p = &schema->params[i];
        buf_puts(b, i ? "," : ",\"parameters\":{");
        json_put_string(b, p->name.ptr, p->name.len);
        buf_putc(b, ':');
        json_put_string(b, p->value.ptr, p->value.len);
    }
    if (schema->param_count)
        buf_putc(b, '}');
}

/* Without the closing brace: a field adds its name. */
static struct kaftan_error *write_schema_open(struct json_converter *c, struct buf *b,
                                              const struct kaftan_schema *schema)
{
    buf_puts(b, "{\"type\":\"");
    buf_puts(b, schema_json_type(schema->type));
    buf_putc(b, '"');
    struct kaftan_error *err = write_parts(c, b, schema);
    if (err)
        return err;
    buf_puts(b, schema->optional ? ",\"optional\":true" : ",\"optional\":false");
    if (schema->name.ptr) {
        buf_puts(b, ",\"name\":");
        json_put_string(b, schema->name.ptr, schema->name.len);
    }
    if (schema->has_version) {
        buf_puts(b, ",\"version\":");
        put_i64(b, schema->version);
    }
    if (schema->doc.ptr) {
        buf_puts(b, ",\"doc\":");
        json_put_string(b, schema->doc.ptr, schema->doc.len);
    }
    write_params(b, schema);
    if (!schema->def)
        return NULL;
    buf_puts(b, ",\"default\":");
    return json_write_value(c, b, schema, schema->def);
}

struct kaftan_error *json_write_schema(struct json_converter *c, struct buf *b, const struct kaftan_schema *schema)
{
    if (!schema) {
        buf_puts(b, "null");
        return NULL;
    }
    struct kaftan_error *err = write_schema_open(c, b, schema);
    buf_putc(b, '}');
    return err;
}
