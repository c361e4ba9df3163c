/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/value.h"

/*
 * The schema grows in the arena it will live in; only the lists of fields and
 * parameters are collected outside it. The first misuse is kept and reported
 * at the end, later calls do nothing: so a chain of calls needs no checks.
 */
struct kaftan_schema_builder {
    struct kaftan_arena *arena; /* owned until built, unless the caller's */
    bool counted;
    bool allow_unknown;
    struct kaftan_schema *s;    /* in the arena */
    struct schema_field *fields; /* owned list; schemas owned when counted */
    size_t field_cap;
    uint32_t *index; /* owned: hash of field names to place + 1, once there are many */
    size_t index_size;
    struct schema_param *params; /* owned list */
    size_t param_cap;
    struct kaftan_error *err; /* owned; the first misuse */
};

enum { SCHEMA_ARENA_HINT = 1024, INDEX_FROM = 9 };

struct kaftan_schema_builder *schema_builder_in(struct kaftan_arena *a, enum kaftan_type type)
{
    struct kaftan_schema_builder *b = mem_zalloc(1, sizeof *b);
    b->counted = a == NULL;
    b->arena = a ? a : arena_new(SCHEMA_ARENA_HINT);
    b->s = arena_zalloc(b->arena, 1, sizeof *b->s);
    b->s->life = b->counted ? SCHEMA_COUNTED : SCHEMA_ARENA;
    atomic_init(&b->s->refs, 1);
    if ((unsigned)type > KAFTAN_TYPE_STRUCT)
        b->err = kaftan_error_new(KAFTAN_E_DATA, "type cannot be null");
    else
        b->s->type = type;
    return b;
}

struct kaftan_schema_builder *kaftan_schema_builder_new(enum kaftan_type type)
{
    return schema_builder_in(NULL, type);
}

void kaftan_schema_builder_free(struct kaftan_schema_builder *b)
{
    if (!b)
        return;
    if (b->s && b->counted) {
        for (size_t i = 0; i < b->s->field_count; i++)
            kaftan_schema_unref(b->fields[i].schema);
        kaftan_schema_unref(b->s->key);
        kaftan_schema_unref(b->s->value);
        arena_free(b->arena);
    }
    mem_free(b->fields);
    mem_free(b->index);
    mem_free(b->params);
    kaftan_error_free(b->err);
    mem_free(b);
}

void schema_builder_allow_unknown(struct kaftan_schema_builder *b)
{
    b->allow_unknown = true;
}

const struct kaftan_schema *schema_builder_peek(const struct kaftan_schema_builder *b)
{
    return b->s;
}

struct kaftan_error *schema_builder_error(struct kaftan_schema_builder *b)
{
    struct kaftan_error *err = b->err;
    b->err = NULL;
    return err;
}

static struct kaftan_slice keep(struct kaftan_schema_builder *b, struct kaftan_slice s)
{
    struct kaftan_slice copy = { arena_strndup(b->arena, s.ptr ? s.ptr : "", s.len), s.len };
    return copy;
}

static void already_set(struct kaftan_schema_builder *b, const char *what)
{
    b->err = kaftan_error_new(KAFTAN_E_DATA, "Invalid SchemaBuilder call: %s has already been set.", what);
}

void kaftan_schema_builder_optional(struct kaftan_schema_builder *b)
{
    if (!b->err)
        b->s->optional = true;
}

void schema_builder_name(struct kaftan_schema_builder *b, struct kaftan_slice name)
{
    if (b->err)
        return;
    if (b->s->name.ptr) {
        if (!slice_eq(b->s->name, name))
            already_set(b, "name");
        return;
    }
    b->s->name = keep(b, name);
    b->s->logical = schema_logical_of(b->s->name);
}

void kaftan_schema_builder_name(struct kaftan_schema_builder *b, const char *name)
{
    schema_builder_name(b, slice_of(name));
}

void kaftan_schema_builder_version(struct kaftan_schema_builder *b, int32_t version)
{
    if (b->err)
        return;
    if (b->s->has_version && b->s->version != version) {
        already_set(b, "version");
        return;
    }
    b->s->has_version = true;
    b->s->version = version;
}

void schema_builder_doc(struct kaftan_schema_builder *b, struct kaftan_slice doc)
{
    if (b->err)
        return;
    if (b->s->doc.ptr) {
        if (!slice_eq(b->s->doc, doc))
            already_set(b, "doc");
        return;
    }
    b->s->doc = keep(b, doc);
}

void kaftan_schema_builder_doc(struct kaftan_schema_builder *b, const char *doc)
{
    schema_builder_doc(b, slice_of(doc));
}

void schema_builder_param(struct kaftan_schema_builder *b, struct kaftan_slice name, struct kaftan_slice value)
{
    if (b->err)
        return;
    for (size_t i = 0; i < b->s->param_count; i++) {
        if (slice_eq(b->params[i].name, name)) { /* a map: the last value counts */
            b->params[i].value = keep(b, value);
            return;
        }
    }
    if (b->s->param_count == b->param_cap) {
        b->param_cap = b->param_cap ? 2 * b->param_cap : 4;
        b->params = mem_realloc(b->params, b->param_cap, sizeof *b->params);
    }
    b->params[b->s->param_count].name = keep(b, name);
    b->params[b->s->param_count].value = keep(b, value);
    b->s->param_count++;
    b->s->params = b->params; /* for a peek, and for the default's conversion */
}

void kaftan_schema_builder_parameter(struct kaftan_schema_builder *b, const char *name, const char *value)
{
    schema_builder_param(b, slice_of(name), slice_of(value));
}

/*
 * Java compares a default struct's schema with the builder object itself, which
 * no finished struct can have; so a struct's default is always refused.
 */
static struct kaftan_error *check_default(struct kaftan_schema_builder *b, const struct kaftan_value *def)
{
    if (b->s->type == KAFTAN_TYPE_STRUCT && def->kind == KAFTAN_KIND_STRUCT)
        return kaftan_error_new(KAFTAN_E_DATA, "Struct schemas do not match.");
    return value_validate(b->s, def, "value");
}

void kaftan_schema_builder_default(struct kaftan_schema_builder *b, const struct kaftan_value *def)
{
    if (b->err)
        return;
    if (b->s->def) {
        if (!value_equal(b->s->def, def))
            already_set(b, "default");
        return;
    }
    struct kaftan_error *err = check_default(b, def);
    if (err) {
        b->err = kaftan_error_wrap(err, "Invalid default value");
        return;
    }
    if (def->kind == KAFTAN_KIND_NULL)
        return;
    struct kaftan_value *copy = arena_alloc(b->arena, sizeof *copy);
    *copy = value_copy(b->arena, b->s, def);
    b->s->def = copy;
}

static uint64_t mix(uint64_t h, const void *p, size_t len)
{
    const unsigned char *c = p;
    for (size_t i = 0; i < len; i++)
        h = (h ^ c[i]) * 1099511628211u;
    return h;
}

static uint64_t mix_u64(uint64_t h, uint64_t v)
{
    return mix(h, &v, sizeof v);
}

static uint64_t text_hash(struct kaftan_slice s)
{
    return s.ptr ? mix(1469598103934665603u, s.ptr, s.len) : 7;
}

static void index_put(struct kaftan_schema_builder *b, size_t i)
{
    size_t at = (size_t)text_hash(b->fields[i].name) & (b->index_size - 1);
    while (b->index[at])
        at = (at + 1) & (b->index_size - 1);
    b->index[at] = (uint32_t)i + 1;
}

/* Called for every field that was added; a few are searched faster without. */
static void index_added(struct kaftan_schema_builder *b)
{
    size_t count = b->s->field_count;
    if (count < INDEX_FROM)
        return;
    if (2 * count <= b->index_size) {
        index_put(b, count - 1);
        return;
    }
    mem_free(b->index);
    b->index_size = b->index_size ? 4 * b->index_size : 32;
    b->index = mem_zalloc(b->index_size, sizeof *b->index);
    for (size_t i = 0; i < count; i++)
        index_put(b, i);
}

static bool has_field(const struct kaftan_schema_builder *b, struct kaftan_slice name)
{
    if (b->index) {
        size_t at = (size_t)text_hash(name) & (b->index_size - 1);
        for (; b->index[at]; at = (at + 1) & (b->index_size - 1)) {
            if (slice_eq(b->fields[b->index[at] - 1].name, name))
                return true;
        }
        return false;
    }
    for (size_t i = 0; i < b->s->field_count; i++) {
        if (slice_eq(b->fields[i].name, name))
            return true;
    }
    return false;
}

void schema_builder_field(struct kaftan_schema_builder *b, struct kaftan_slice name, const struct kaftan_schema *schema)
{
    if (b->err)
        return;
    if (b->s->type != KAFTAN_TYPE_STRUCT) {
        b->err = kaftan_error_new(KAFTAN_E_DATA, "Cannot create fields on type %s", schema_type_name(b->s->type));
        return;
    }
    if (!name.ptr || name.len == 0) {
        b->err = kaftan_error_new(KAFTAN_E_DATA, "fieldName cannot be null.");
        return;
    }
    if (!schema) {
        b->err = kaftan_error_new(KAFTAN_E_DATA, "fieldSchema for field %.*s cannot be null.", (int)name.len, name.ptr);
        return;
    }
    if (has_field(b, name)) {
        b->err = kaftan_error_new(KAFTAN_E_DATA, "Cannot create field because of field name duplication %.*s",
                                  (int)name.len, name.ptr);
        return;
    }
    if (b->s->field_count == b->field_cap) {
        b->field_cap = b->field_cap ? 2 * b->field_cap : 8;
        b->fields = mem_realloc(b->fields, b->field_cap, sizeof *b->fields);
    }
    struct schema_field *f = &b->fields[b->s->field_count++];
    f->name = keep(b, name);
    f->schema = b->counted ? kaftan_schema_ref(schema) : schema;
    b->s->fields = b->fields; /* for a peek */
    index_added(b);
}

void kaftan_schema_builder_field(struct kaftan_schema_builder *b, const char *name, const struct kaftan_schema *schema)
{
    schema_builder_field(b, slice_of(name), schema);
}

static void set_element(struct kaftan_schema_builder *b, const struct kaftan_schema **place,
                        const struct kaftan_schema *schema)
{
    if (*place && b->counted)
        kaftan_schema_unref(*place);
    *place = b->counted ? kaftan_schema_ref(schema) : schema;
}

void kaftan_schema_builder_key(struct kaftan_schema_builder *b, const struct kaftan_schema *schema)
{
    if (b->err)
        return;
    if (b->s->type != KAFTAN_TYPE_MAP)
        b->err = kaftan_error_new(KAFTAN_E_DATA, "Cannot look up key schema on non-map type");
    else
        set_element(b, &b->s->key, schema);
}

void kaftan_schema_builder_value(struct kaftan_schema_builder *b, const struct kaftan_schema *schema)
{
    if (b->err)
        return;
    if (b->s->type != KAFTAN_TYPE_MAP && b->s->type != KAFTAN_TYPE_ARRAY)
        b->err = kaftan_error_new(KAFTAN_E_DATA, "Cannot look up value schema on non-array and non-map type");
    else
        set_element(b, &b->s->value, schema);
}

/* Children count by what static and other schemas have in common. */
static uint64_t child_hash(const struct kaftan_schema *s)
{
    if (!s)
        return 3;
    return mix_u64(text_hash(s->name), 2u * (uint64_t)s->type + s->optional);
}

static uint64_t schema_hash(const struct kaftan_schema *s)
{
    uint64_t params = 0; /* a sum: their order does not count */
    for (size_t i = 0; i < s->param_count; i++)
        params += mix_u64(text_hash(s->params[i].name), text_hash(s->params[i].value));
    uint64_t h = mix_u64(text_hash(s->name), text_hash(s->doc));
    h = mix_u64(h, 2u * (uint64_t)s->type + s->optional);
    h = mix_u64(h, s->has_version ? (uint64_t)(uint32_t)s->version + 1 : 0);
    h = mix_u64(h, params);
    h = mix_u64(h, child_hash(s->key));
    h = mix_u64(h, child_hash(s->value));
    for (size_t i = 0; i < s->field_count; i++)
        h = mix_u64(mix_u64(h, text_hash(s->fields[i].name)), child_hash(s->fields[i].schema));
    return h;
}

static void *into_arena(struct kaftan_arena *a, const void *list, size_t count, size_t size)
{
    return count ? arena_memdup(a, list, count * size) : NULL;
}

struct kaftan_error *kaftan_schema_build(struct kaftan_schema_builder *b, const struct kaftan_schema **ret)
{
    struct kaftan_schema *s = b->s;
    if (!b->err && !b->allow_unknown) {
        if (s->type == KAFTAN_TYPE_MAP && !s->key)
            b->err = kaftan_error_new(KAFTAN_E_DATA, "keySchema cannot be null.");
        else if ((s->type == KAFTAN_TYPE_MAP || s->type == KAFTAN_TYPE_ARRAY) && !s->value)
            b->err = kaftan_error_new(KAFTAN_E_DATA, "valueSchema cannot be null.");
    }
    struct kaftan_error *err = schema_builder_error(b);
    if (!err) {
        s->fields = into_arena(b->arena, b->fields, s->field_count, sizeof *s->fields);
        s->params = into_arena(b->arena, b->params, s->param_count, sizeof *s->params);
        s->arena = b->counted ? b->arena : NULL;
        s->index = into_arena(b->arena, b->index, b->index_size, sizeof *s->index);
        s->index_mask = b->index_size ? b->index_size - 1 : 0;
        s->hash = schema_hash(s);
        *ret = s;
        b->s = NULL;
    }
    kaftan_schema_builder_free(b);
    return err;
}

static struct kaftan_schema *plain_in(struct kaftan_arena *a, enum kaftan_type type)
{
    struct kaftan_schema *s = arena_zalloc(a, 1, sizeof *s);
    s->type = type;
    s->life = SCHEMA_ARENA;
    return s;
}

const struct kaftan_schema *schema_array_in(struct kaftan_arena *a, const struct kaftan_schema *value)
{
    struct kaftan_schema *s = plain_in(a, KAFTAN_TYPE_ARRAY);
    s->value = value;
    s->hash = schema_hash(s);
    return s;
}

const struct kaftan_schema *schema_map_in(struct kaftan_arena *a, const struct kaftan_schema *key,
                                          const struct kaftan_schema *value)
{
    struct kaftan_schema *s = plain_in(a, KAFTAN_TYPE_MAP);
    s->key = key;
    s->value = value;
    s->hash = schema_hash(s);
    return s;
}

const struct kaftan_schema *schema_decimal_in(struct kaftan_arena *a, int32_t scale)
{
    struct kaftan_schema *s = plain_in(a, KAFTAN_TYPE_BYTES);
    struct schema_param *p = arena_alloc(a, sizeof *p);
    char text[16];
    size_t len = (size_t)snprintf(text, sizeof text, "%d", (int)scale);
    p->name = slice_of("scale");
    p->value.ptr = arena_strndup(a, text, len);
    p->value.len = len;
    s->logical = LOGICAL_DECIMAL;
    s->name = slice_of(schema_logical_name(LOGICAL_DECIMAL));
    s->has_version = true;
    s->version = 1;
    s->params = p;
    s->param_count = 1;
    s->hash = schema_hash(s);
    return s;
}

const struct kaftan_schema *schema_with_optional(struct kaftan_arena *a, const struct kaftan_schema *s, bool optional)
{
    if (s->optional == optional)
        return s;
    struct kaftan_schema *copy = plain_in(a, s->type);
    copy->logical = s->logical;
    copy->optional = optional;
    copy->has_version = s->has_version;
    copy->version = s->version;
    copy->name = s->name;
    copy->doc = s->doc;
    copy->params = s->params;
    copy->param_count = s->param_count;
    copy->def = s->def;
    copy->fields = s->fields;
    copy->field_count = s->field_count;
    copy->index = s->index;
    copy->index_mask = s->index_mask;
    copy->key = s->key;
    copy->value = s->value;
    copy->hash = schema_hash(copy);
    return copy;
}
