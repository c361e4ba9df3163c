/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vectors/data_notation.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "data/decimal.h"
#include "data/schema.h"
#include "data/utf16.h"
#include "data/value.h"

const char *vector_text(struct kaftan_arena *a, const struct json *object, const char *name)
{
    struct kaftan_slice s;
    const struct json *j = json_get(object, name);
    return j && json_text(j, &s) ? arena_strndup(a, s.ptr, s.len) : NULL;
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static struct kaftan_slice unhex(struct kaftan_arena *a, struct kaftan_slice hex)
{
    char *p = arena_alloc(a, hex.len / 2 + 1);
    for (size_t i = 0; i < hex.len / 2; i++)
        p[i] = (char)(hex_digit(hex.ptr[2 * i]) << 4 | hex_digit(hex.ptr[2 * i + 1]));
    return (struct kaftan_slice){ p, hex.len / 2 };
}

struct kaftan_slice vector_bytes(struct kaftan_arena *a, const struct json *j)
{
    const struct json *text = json_get(j, "utf8"), *hex = json_get(j, "hex");
    if (text) /* at its exact size, so that a sanitizer sees what is read beyond */
        return (struct kaftan_slice){ arena_memdup(a, text->text.ptr, text->text.len), text->text.len };
    if (hex)
        return unhex(a, hex->text);
    return (struct kaftan_slice){ NULL, 0 };
}

static struct kaftan_value decimal_of_text(struct kaftan_arena *a, struct kaftan_slice s)
{
    struct decimal d;
    bool ok = decimal_scan(a, s.ptr, s.len, &d);
    ASSERT(ok);
    return decimal_value(a, &d);
}

static struct kaftan_value string_of_units(struct kaftan_arena *a, struct kaftan_slice hex)
{
    struct kaftan_slice raw = unhex(a, hex);
    struct buf b = BUF_INIT;
    for (size_t i = 0; i + 1 < raw.len; i += 2)
        utf16_put(&b, (uint16_t)((unsigned char)raw.ptr[i] << 8 | (unsigned char)raw.ptr[i + 1]));
    struct kaftan_value v = kaftan_string(arena_memdup(a, buf_text(&b), b.len), b.len);
    buf_fini(&b);
    return v;
}

static struct kaftan_value list_value(struct kaftan_arena *a, const struct kaftan_schema *schema, const struct json *j)
{
    struct kaftan_value *items = arena_alloc(a, (j->count + 1) * sizeof *items);
    struct kaftan_array *array = arena_alloc(a, sizeof *array);
    for (size_t i = 0; i < j->count; i++)
        items[i] = vector_value(a, schema ? schema->value : NULL, &j->items[i]);
    array->items = items;
    array->count = j->count;
    return kaftan_array(array);
}

static struct kaftan_value map_value(struct kaftan_arena *a, const struct kaftan_schema *schema, const struct json *j)
{
    struct kaftan_map_entry *entries = arena_alloc(a, (j->count + 1) * sizeof *entries);
    struct kaftan_map *map = arena_alloc(a, sizeof *map);
    for (size_t i = 0; i < j->count; i++) {
        entries[i].key = vector_value(a, schema ? schema->key : NULL, &j->items[i].items[0]);
        entries[i].value = vector_value(a, schema ? schema->value : NULL, &j->items[i].items[1]);
    }
    map->entries = entries;
    map->count = j->count;
    return kaftan_map(map);
}

static struct kaftan_value struct_value(struct kaftan_arena *a, const struct kaftan_schema *schema, const struct json *j)
{
    struct kaftan_struct *s = struct_in(a, schema);
    for (size_t i = 0; i < j->count; i++) {
        int at = schema_field_find(schema, j->items[i].items[0].text);
        ASSERT(at >= 0);
        s->values[at] = vector_value(a, schema->fields[at].schema, &j->items[i].items[1]);
    }
    return kaftan_structure(s);
}

static struct kaftan_value real_value(struct kaftan_arena *a, const char *type, struct kaftan_slice text)
{
    uint64_t bits = strtoull(arena_strndup(a, text.ptr, text.len), NULL, 16);
    uint32_t small = (uint32_t)bits;
    double d = 0;
    float f = 0;
    if (strcmp(type, "float") == 0)
        return kaftan_float(strtof(arena_strndup(a, text.ptr, text.len), NULL));
    if (strcmp(type, "double") == 0)
        return kaftan_double(strtod(arena_strndup(a, text.ptr, text.len), NULL));
    if (strcmp(type, "float_bits") == 0) {
        memcpy(&f, &small, sizeof f);
        return kaftan_float(f);
    }
    memcpy(&d, &bits, sizeof d);
    return kaftan_double(d);
}

struct kaftan_value vector_value(struct kaftan_arena *a, const struct kaftan_schema *schema, const struct json *j)
{
    static const char *const ints[] = { "int8", "int16", "int32", "int64" };
    if (j->type == JSON_NULL)
        return kaftan_null();
    const char *type = arena_strndup(a, j->members[0].name.ptr, j->members[0].name.len);
    const struct json *v = &j->members[0].value;
    int64_t n = 0;
    for (int i = 0; i < 4; i++) {
        if (strcmp(type, ints[i]) == 0 && text_to_i64(v->text.ptr, v->text.len, &n))
            return kaftan_int((enum kaftan_kind)(KAFTAN_KIND_INT8 + i), n);
    }
    if (strncmp(type, "float", 5) == 0 || strncmp(type, "double", 6) == 0)
        return real_value(a, type, v->text);
    if (strcmp(type, "bool") == 0)
        return kaftan_bool(v->type == JSON_TRUE);
    if (strcmp(type, "string") == 0)
        return kaftan_string(v->text.ptr, v->text.len);
    if (strcmp(type, "string_utf16") == 0)
        return string_of_units(a, v->text);
    if (strcmp(type, "bytes") == 0 || strcmp(type, "bytebuffer") == 0) {
        struct kaftan_slice s = unhex(a, v->text);
        return kaftan_bytes(s.ptr, s.len);
    }
    if (strcmp(type, "decimal") == 0 || strcmp(type, "bigint") == 0)
        return decimal_of_text(a, v->text);
    if (strcmp(type, "date_ms") == 0 && text_to_i64(v->text.ptr, v->text.len, &n))
        return kaftan_int(KAFTAN_KIND_DATE, n);
    if (strcmp(type, "list") == 0)
        return list_value(a, schema, v);
    if (strcmp(type, "map") == 0)
        return map_value(a, schema, v);
    ASSERT(strcmp(type, "struct") == 0);
    if (json_get(j, "schema"))
        schema = vector_schema(a, json_get(j, "schema"));
    return struct_value(a, schema, v);
}

static void build_parts(struct kaftan_arena *a, struct kaftan_schema_builder *b, const struct json *j)
{
    const struct json *items = json_get(j, "items"), *keys = json_get(j, "keys"), *values = json_get(j, "values");
    const struct json *fields = json_get(j, "fields");
    schema_builder_allow_unknown(b);
    if (items && items->type != JSON_NULL)
        kaftan_schema_builder_value(b, vector_schema(a, items));
    if (keys && keys->type != JSON_NULL)
        kaftan_schema_builder_key(b, vector_schema(a, keys));
    if (values && values->type != JSON_NULL)
        kaftan_schema_builder_value(b, vector_schema(a, values));
    for (size_t i = 0; fields && i < fields->count; i++)
        schema_builder_field(b, json_get(&fields->items[i], "field")->text, vector_schema(a, &fields->items[i]));
}

struct kaftan_error *vector_schema_build(struct kaftan_arena *a, const struct json *j, const struct kaftan_schema **ret)
{
    enum kaftan_type type = KAFTAN_TYPE_INT8;
    const struct json *name = json_get(j, "name"), *doc = json_get(j, "doc"), *params = json_get(j, "parameters");
    const struct json *optional = json_get(j, "optional"), *def = json_get(j, "default");
    int64_t version = 0;
    bool known = schema_json_type_find(json_get(j, "type")->text, &type);
    ASSERT(known);
    struct kaftan_schema_builder *b = schema_builder_in(a, type);
    build_parts(a, b, j);
    if (optional && optional->type == JSON_TRUE)
        kaftan_schema_builder_optional(b);
    if (name)
        schema_builder_name(b, name->text);
    if (json_get(j, "version") && json_i64(json_get(j, "version"), &version))
        kaftan_schema_builder_version(b, (int32_t)version);
    if (doc)
        schema_builder_doc(b, doc->text);
    for (size_t i = 0; params && i < params->count; i++)
        schema_builder_param(b, params->members[i].name, params->members[i].value.text);
    if (def) {
        struct kaftan_value v = vector_value(a, schema_builder_peek(b), def);
        kaftan_schema_builder_default(b, &v);
    }
    return kaftan_schema_build(b, ret);
}

const struct kaftan_schema *vector_schema(struct kaftan_arena *a, const struct json *j)
{
    const struct kaftan_schema *s = NULL;
    if (!j || j->type == JSON_NULL)
        return NULL;
    struct kaftan_error *err = vector_schema_build(a, j, &s);
    ASSERT(!err);
    return s;
}

static const char *causes_differ(struct kaftan_arena *a, const struct json *causes, const struct kaftan_error *err)
{
    for (size_t i = 0; i < causes->count; i++) {
        err = error_cause(err);
        const char *want = arena_strndup(a, causes->items[i].text.ptr, causes->items[i].text.len);
        if (!err)
            return i == 0 ? "no cause" : NULL; /* what the JDK and its libraries add is theirs */
        const char *text = strncmp(want, "org.apache", 10) == 0 ? strstr(want, ": ") : NULL;
        if (text && strcmp(text + 2, kaftan_error_message(err)) != 0)
            return arena_printf(a, "cause \"%s\"", kaftan_error_message(err));
    }
    return NULL;
}

const char *vector_error_differs(struct kaftan_arena *a, const struct json *expected, struct kaftan_error *err)
{
    const char *message = vector_text(a, expected, "message"), *prefix = vector_text(a, expected, "message_prefix");
    const char *cause = vector_text(a, expected, "cause_message"), *wrong = NULL;
    const struct json *causes = json_get(expected, "causes");
    if (!err)
        return "no error";
    const char *class = vector_text(a, expected, "class");
    if (class && (strcmp(class, "NullPointerException") == 0 || strcmp(class, "ClassCastException") == 0)) {
        kaftan_error_free(err);
        return NULL; /* the JVM's texts: only that it fails counts */
    }
    const char *got = arena_printf(a, "%s", kaftan_error_message(err));
    if (message && strcmp(message, got) != 0)
        wrong = arena_printf(a, "error \"%s\"", got);
    else if (prefix && strncmp(prefix, got, strlen(prefix)) != 0)
        wrong = arena_printf(a, "error \"%s\"", got);
    else if ((cause || json_get(expected, "json_cause")) && !error_cause(err))
        wrong = "no cause";
    else if (cause && strcmp(cause, kaftan_error_message(error_cause(err))) != 0)
        wrong = arena_printf(a, "cause \"%s\"", kaftan_error_message(error_cause(err)));
    else if (causes)
        wrong = causes_differ(a, causes, err);
    kaftan_error_free(err);
    return wrong;
}

const char *vector_schema_differs(struct kaftan_arena *a, const struct json *expected, const struct kaftan_schema *s)
{
    const struct kaftan_schema *want = vector_schema(a, expected);
    struct buf b = BUF_INIT;
    if (schema_equal(want, s) && schema_equal(s, want))
        return NULL;
    schema_put_text(&b, s);
    const char *text = arena_printf(a, "schema %s", buf_text(&b));
    buf_fini(&b);
    return text;
}

const char *vector_value_differs(struct kaftan_arena *a, const struct json *expected, const struct kaftan_schema *hint,
                                 const struct kaftan_value *v)
{
    struct kaftan_value want = vector_value(a, hint, expected);
    struct buf b = BUF_INIT;
    if (value_equal(&want, v))
        return NULL;
    const char *text = arena_printf(a, "value %s (%s)", value_brief(&b, v), value_class(v));
    buf_fini(&b);
    return text;
}
