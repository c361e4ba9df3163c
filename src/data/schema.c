/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/schema.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/value.h"

static const struct {
    const char *name, *json;
} types[] = {
    [KAFTAN_TYPE_INT8] = { "INT8", "int8" },
    [KAFTAN_TYPE_INT16] = { "INT16", "int16" },
    [KAFTAN_TYPE_INT32] = { "INT32", "int32" },
    [KAFTAN_TYPE_INT64] = { "INT64", "int64" },
    [KAFTAN_TYPE_FLOAT32] = { "FLOAT32", "float" },
    [KAFTAN_TYPE_FLOAT64] = { "FLOAT64", "double" },
    [KAFTAN_TYPE_BOOLEAN] = { "BOOLEAN", "boolean" },
    [KAFTAN_TYPE_STRING] = { "STRING", "string" },
    [KAFTAN_TYPE_BYTES] = { "BYTES", "bytes" },
    [KAFTAN_TYPE_ARRAY] = { "ARRAY", "array" },
    [KAFTAN_TYPE_MAP] = { "MAP", "map" },
    [KAFTAN_TYPE_STRUCT] = { "STRUCT", "struct" },
};

static const char *const logical_names[] = {
    [LOGICAL_DECIMAL] = KAFTAN_NAME_DECIMAL,
    [LOGICAL_DATE] = KAFTAN_NAME_DATE,
    [LOGICAL_TIME] = KAFTAN_NAME_TIME,
    [LOGICAL_TIMESTAMP] = KAFTAN_NAME_TIMESTAMP,
};

#define PRIMITIVE(t, o) { .type = (t), .life = SCHEMA_STATIC, .optional = (o), .hash = 2u * (unsigned)(t) + (unsigned)(o) + 1u }
#define PAIR(t) [t] = { PRIMITIVE(t, false), PRIMITIVE(t, true) }
static const struct kaftan_schema primitives[][2] = {
    PAIR(KAFTAN_TYPE_INT8),    PAIR(KAFTAN_TYPE_INT16),  PAIR(KAFTAN_TYPE_INT32),
    PAIR(KAFTAN_TYPE_INT64),   PAIR(KAFTAN_TYPE_FLOAT32), PAIR(KAFTAN_TYPE_FLOAT64),
    PAIR(KAFTAN_TYPE_BOOLEAN), PAIR(KAFTAN_TYPE_STRING), PAIR(KAFTAN_TYPE_BYTES),
};

#define LOGICAL(l, t, n)                                                       \
    [l] = { .type = (t), .logical = (l), .life = SCHEMA_STATIC, .has_version = true, \
            .version = 1, .name = { n, sizeof(n) - 1 }, .hash = 100u + (unsigned)(l) }
static const struct kaftan_schema logicals[] = {
    LOGICAL(LOGICAL_DATE, KAFTAN_TYPE_INT32, KAFTAN_NAME_DATE),
    LOGICAL(LOGICAL_TIME, KAFTAN_TYPE_INT32, KAFTAN_NAME_TIME),
    LOGICAL(LOGICAL_TIMESTAMP, KAFTAN_TYPE_INT64, KAFTAN_NAME_TIMESTAMP),
};

const char *schema_type_name(enum kaftan_type type)
{
    return types[type].name;
}

const char *schema_json_type(enum kaftan_type type)
{
    return types[type].json;
}

bool schema_json_type_find(struct kaftan_slice text, enum kaftan_type *ret)
{
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (slice_eq_str(text, types[i].json)) {
            *ret = (enum kaftan_type)i;
            return true;
        }
    }
    return false;
}

enum schema_logical schema_logical_of(struct kaftan_slice name)
{
    if (!name.ptr)
        return LOGICAL_NONE;
    for (size_t i = LOGICAL_DECIMAL; i < COUNT_OF(logical_names); i++) {
        if (slice_eq_str(name, logical_names[i]))
            return (enum schema_logical)i;
    }
    return LOGICAL_NONE;
}

const char *schema_logical_name(enum schema_logical logical)
{
    return logical_names[logical];
}

const struct kaftan_schema *schema_logical(enum schema_logical logical)
{
    ASSERT(logical >= LOGICAL_DATE && logical <= LOGICAL_TIMESTAMP);
    return &logicals[logical];
}

const struct kaftan_schema *kaftan_schema_of(enum kaftan_type primitive, bool optional)
{
    ASSERT((size_t)primitive < COUNT_OF(primitives));
    return &primitives[primitive][optional];
}

static bool same_text(struct kaftan_slice a, struct kaftan_slice b)
{
    return (a.ptr == NULL) == (b.ptr == NULL) && slice_eq(a, b);
}

static bool same_params(const struct kaftan_schema *a, const struct kaftan_schema *b)
{
    if (a->param_count != b->param_count)
        return false;
    for (size_t i = 0; i < a->param_count; i++) {
        size_t j = 0;
        while (j < b->param_count && !slice_eq(a->params[i].name, b->params[j].name))
            j++;
        if (j == b->param_count || !slice_eq(a->params[i].value, b->params[j].value))
            return false;
    }
    return true;
}

bool schema_equal(const struct kaftan_schema *a, const struct kaftan_schema *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->type != b->type || a->optional != b->optional)
        return false;
    /* Static ones have hashes of their own making. */
    if (a->life != SCHEMA_STATIC && b->life != SCHEMA_STATIC && a->hash != b->hash)
        return false;
    if (a->has_version != b->has_version || a->version != b->version ||
        a->field_count != b->field_count || !same_text(a->name, b->name) ||
        !same_text(a->doc, b->doc) || !same_params(a, b))
        return false;
    if ((a->def == NULL) != (b->def == NULL) || (a->def && !value_equal(a->def, b->def)))
        return false;
    for (size_t i = 0; i < a->field_count; i++) {
        if (!slice_eq(a->fields[i].name, b->fields[i].name) ||
            !schema_equal(a->fields[i].schema, b->fields[i].schema))
            return false;
    }
    return schema_equal(a->key, b->key) && schema_equal(a->value, b->value);
}

bool kaftan_schema_equal(const struct kaftan_schema *a, const struct kaftan_schema *b)
{
    return schema_equal(a, b);
}

static uint64_t name_hash(struct kaftan_slice name)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)name.ptr[i]) * 1099511628211u;
    return h;
}

int schema_field_find(const struct kaftan_schema *s, struct kaftan_slice name)
{
    if (s->index) {
        size_t at = (size_t)name_hash(name) & s->index_mask;
        for (; s->index[at]; at = (at + 1) & s->index_mask) {
            size_t i = s->index[at] - 1;
            if (slice_eq(s->fields[i].name, name))
                return (int)i;
        }
        return -1;
    }
    for (size_t i = 0; i < s->field_count; i++) {
        if (slice_eq(s->fields[i].name, name))
            return (int)i;
    }
    return -1;
}

const struct kaftan_slice *schema_param(const struct kaftan_schema *s, const char *name)
{
    for (size_t i = 0; i < s->param_count; i++) {
        if (slice_eq_str(s->params[i].name, name))
            return &s->params[i].value;
    }
    return NULL;
}

void schema_put_text(struct buf *b, const struct kaftan_schema *s)
{
    if (!s) {
        buf_puts(b, "null");
        return;
    }
    buf_puts(b, "Schema{");
    if (s->name.ptr) {
        buf_put_slice(b, s->name);
        buf_putc(b, ':');
    }
    buf_puts(b, schema_type_name(s->type));
    buf_putc(b, '}');
}

static void schema_end(struct kaftan_schema *s)
{
    for (size_t i = 0; i < s->field_count; i++)
        kaftan_schema_unref(s->fields[i].schema);
    kaftan_schema_unref(s->key);
    kaftan_schema_unref(s->value);
    arena_free(s->arena); /* with the schema itself */
}

/* Counts change in what everybody else sees as constant. */
static struct kaftan_schema *counted(const struct kaftan_schema *s)
{
    ASSERT(s->life == SCHEMA_COUNTED);
    return (struct kaftan_schema *)(uintptr_t)s;
}

static const struct kaftan_schema *schema_copy(const struct kaftan_schema *s)
{
    struct kaftan_schema_builder *b = schema_builder_in(NULL, s->type);
    const struct kaftan_schema *copy = NULL;
    schema_builder_allow_unknown(b);
    if (s->optional)
        kaftan_schema_builder_optional(b);
    if (s->name.ptr)
        schema_builder_name(b, s->name);
    if (s->has_version)
        kaftan_schema_builder_version(b, s->version);
    if (s->doc.ptr)
        schema_builder_doc(b, s->doc);
    for (size_t i = 0; i < s->param_count; i++)
        schema_builder_param(b, s->params[i].name, s->params[i].value);
    for (size_t i = 0; i < s->field_count; i++)
        schema_builder_field(b, s->fields[i].name, s->fields[i].schema);
    if (s->key)
        kaftan_schema_builder_key(b, s->key);
    if (s->value)
        kaftan_schema_builder_value(b, s->value);
    if (s->def)
        kaftan_schema_builder_default(b, s->def);
    struct kaftan_error *err = kaftan_schema_build(b, &copy);
    ASSERT(err == NULL); /* what was built once can be built again */
    return copy;
}

const struct kaftan_schema *kaftan_schema_ref(const struct kaftan_schema *s)
{
    if (!s || s->life == SCHEMA_STATIC)
        return s;
    if (s->life == SCHEMA_ARENA)
        return schema_copy(s);
    (void)atomic_fetch_add_explicit(&counted(s)->refs, 1, memory_order_relaxed);
    return s;
}

void kaftan_schema_unref(const struct kaftan_schema *s)
{
    if (!s || s->life != SCHEMA_COUNTED)
        return;
    if (atomic_fetch_sub_explicit(&counted(s)->refs, 1, memory_order_acq_rel) == 1)
        schema_end(counted(s));
}

enum kaftan_type kaftan_schema_type(const struct kaftan_schema *s)
{
    return s->type;
}

bool kaftan_schema_optional(const struct kaftan_schema *s)
{
    return s->optional;
}

const char *kaftan_schema_name(const struct kaftan_schema *s)
{
    return s->name.ptr;
}

bool kaftan_schema_version(const struct kaftan_schema *s, int32_t *ret)
{
    if (s->has_version)
        *ret = s->version;
    return s->has_version;
}

const char *kaftan_schema_doc(const struct kaftan_schema *s)
{
    return s->doc.ptr;
}

const char *kaftan_schema_parameter(const struct kaftan_schema *s, const char *name)
{
    const struct kaftan_slice *value = schema_param(s, name);
    return value ? value->ptr : NULL;
}

const struct kaftan_value *kaftan_schema_default(const struct kaftan_schema *s)
{
    return s->def;
}

const struct kaftan_schema *kaftan_schema_key(const struct kaftan_schema *s)
{
    return s->key;
}

const struct kaftan_schema *kaftan_schema_value(const struct kaftan_schema *s)
{
    return s->value;
}

size_t kaftan_schema_field_count(const struct kaftan_schema *s)
{
    return s->field_count;
}

const char *kaftan_schema_field_name(const struct kaftan_schema *s, size_t i)
{
    return i < s->field_count ? s->fields[i].name.ptr : NULL;
}

const struct kaftan_schema *kaftan_schema_field_schema(const struct kaftan_schema *s, size_t i)
{
    return i < s->field_count ? s->fields[i].schema : NULL;
}

int kaftan_schema_field_index(const struct kaftan_schema *s, const char *name)
{
    return schema_field_find(s, slice_of(name));
}
