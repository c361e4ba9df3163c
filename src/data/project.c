/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/project.h"

#include "base/buf.h"
#include "base/text.h"
#include "data/schema.h"
#include "data/value.h"

static bool promotable(enum kaftan_type source, enum kaftan_type target)
{
    return source <= KAFTAN_TYPE_FLOAT64 && target <= KAFTAN_TYPE_FLOAT64 && source < target;
}

static void put_params(struct buf *b, const struct kaftan_schema *s)
{
    if (s->param_count == 0) {
        buf_puts(b, "null");
        return;
    }
    for (size_t i = 0; i < s->param_count; i++) {
        buf_puts(b, i ? ", " : "{");
        buf_put_slice(b, s->params[i].name);
        buf_putc(b, '=');
        buf_put_slice(b, s->params[i].value);
    }
    buf_putc(b, '}');
}

static bool same_params(const struct kaftan_schema *a, const struct kaftan_schema *b)
{
    bool same = a->param_count == b->param_count;
    for (size_t i = 0; same && i < a->param_count; i++) {
        const struct kaftan_slice *other = schema_param(b, a->params[i].name.ptr);
        same = other && slice_eq(*other, a->params[i].value);
    }
    return same;
}

static struct kaftan_error *check(const struct kaftan_schema *source, const struct kaftan_schema *target)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    struct kaftan_error *err = NULL;
    if (source->type != target->type && !promotable(source->type, target->type))
        return kaftan_error_new(KAFTAN_E_DATA, "Schema type mismatch. source type: %s and target type: %s",
                                schema_type_name(source->type), schema_type_name(target->type));
    if ((source->name.ptr == NULL) != (target->name.ptr == NULL) || !slice_eq(source->name, target->name))
        return kaftan_error_new(KAFTAN_E_DATA, "Schema name mismatch. source name: %s and target name: %s",
                                source->name.ptr ? source->name.ptr : "null",
                                target->name.ptr ? target->name.ptr : "null");
    if (same_params(source, target))
        return NULL;
    put_params(&a, source);
    put_params(&b, target);
    err = kaftan_error_new(KAFTAN_E_DATA, "Schema parameters not equal. source parameters: %s and target parameters: %s",
                           buf_text(&a), buf_text(&b));
    buf_fini(&a);
    buf_fini(&b);
    return err;
}

static struct kaftan_value promote(const struct kaftan_value *v, enum kaftan_type target)
{
    bool real = v->kind == KAFTAN_KIND_FLOAT32;
    if (v->kind > KAFTAN_KIND_FLOAT32)
        return *v;
    if (target == KAFTAN_TYPE_FLOAT64)
        return kaftan_double(real ? (double)v->as.f : (double)v->as.i);
    if (target == KAFTAN_TYPE_FLOAT32)
        return real ? *v : kaftan_float((float)v->as.i);
    return kaftan_int((enum kaftan_kind)(KAFTAN_KIND_INT8 + (int)target), v->as.i);
}

static struct kaftan_error *missing_field(const struct kaftan_schema *source, struct kaftan_slice name)
{
    struct buf b = BUF_INIT;
    schema_put_text(&b, source);
    struct kaftan_error *err = kaftan_error_new(KAFTAN_E_DATA, "Required field `%.*s` is missing from source schema: %s",
                                                (int)name.len, name.ptr, buf_text(&b));
    buf_fini(&b);
    return err;
}

static struct kaftan_error *project_field(struct kaftan_arena *a, const struct kaftan_struct *from, size_t i,
                                          struct kaftan_struct *to)
{
    const struct schema_field *f = &to->schema->fields[i];
    int at = schema_field_find(from->schema, f->name);
    struct kaftan_error *err = NULL;
    if (at < 0) {
        if (f->schema->def)
            return struct_put_at(to, i, *f->schema->def);
        return f->schema->optional ? NULL : missing_field(from->schema, f->name);
    }
    const struct kaftan_schema *source = from->schema->fields[at].schema;
    const struct kaftan_value *v = &from->values[at];
    struct kaftan_value projected = kaftan_null();
    if (v->kind == KAFTAN_KIND_NULL && source->def)
        v = source->def;
    err = project(a, source, v, f->schema, &projected);
    if (err)
        return kaftan_error_wrap(err, "Error projecting %.*s", (int)f->name.len, f->name.ptr);
    return struct_put_at(to, i, projected);
}

static struct kaftan_error *project_struct(struct kaftan_arena *a, const struct kaftan_value *v,
                                           const struct kaftan_schema *target, struct kaftan_value *ret)
{
    struct kaftan_struct *s = struct_in(a, target);
    struct kaftan_error *err = NULL;
    for (size_t i = 0; !err && i < target->field_count; i++)
        err = project_field(a, v->as.structure, i, s);
    if (!err)
        *ret = kaftan_structure(s);
    return err;
}

static struct kaftan_error *project_array(struct kaftan_arena *a, const struct kaftan_schema *source,
                                          const struct kaftan_value *v, const struct kaftan_schema *target,
                                          struct kaftan_value *ret)
{
    const struct kaftan_array *from = v->as.array;
    struct kaftan_value *items = arena_alloc(a, from->count * sizeof *items);
    struct kaftan_array *array = arena_alloc(a, sizeof *array);
    struct kaftan_error *err = NULL;
    for (size_t i = 0; !err && i < from->count; i++)
        err = project(a, source->value, &from->items[i], target->value, &items[i]);
    array->count = from->count;
    array->items = items;
    if (!err)
        *ret = kaftan_array(array);
    return err;
}

static struct kaftan_error *project_map(struct kaftan_arena *a, const struct kaftan_schema *source,
                                        const struct kaftan_value *v, const struct kaftan_schema *target,
                                        struct kaftan_value *ret)
{
    const struct kaftan_map *from = v->as.map;
    struct kaftan_map_entry *entries = arena_alloc(a, from->count * sizeof *entries);
    struct kaftan_map *map = arena_alloc(a, sizeof *map);
    struct kaftan_error *err = NULL;
    for (size_t i = 0; !err && i < from->count; i++) {
        err = project(a, source->key, &from->entries[i].key, target->key, &entries[i].key);
        if (!err)
            err = project(a, source->value, &from->entries[i].value, target->value, &entries[i].value);
    }
    map->count = from->count;
    map->entries = entries;
    if (!err)
        *ret = kaftan_map(map);
    return err;
}

struct kaftan_error *project(struct kaftan_arena *a, const struct kaftan_schema *source, const struct kaftan_value *v,
                             const struct kaftan_schema *target, struct kaftan_value *ret)
{
    if (source->optional && !target->optional) {
        if (!target->def)
            return kaftan_error_new(KAFTAN_E_DATA, "Writer schema is optional, however, target schema does not provide a "
                                                   "default value.");
        if (v->kind == KAFTAN_KIND_NULL) {
            *ret = *target->def;
            return NULL;
        }
    } else if (v->kind == KAFTAN_KIND_NULL) {
        *ret = *v;
        return NULL;
    }
    struct kaftan_error *err = check(source, target);
    if (err)
        return err;
    if (v->kind == KAFTAN_KIND_STRUCT && target->type == KAFTAN_TYPE_STRUCT)
        return project_struct(a, v, target, ret);
    if (v->kind == KAFTAN_KIND_ARRAY && target->type == KAFTAN_TYPE_ARRAY && source->value && target->value)
        return project_array(a, source, v, target, ret);
    if (v->kind == KAFTAN_KIND_MAP && target->type == KAFTAN_TYPE_MAP && source->value && target->value && source->key &&
        target->key)
        return project_map(a, source, v, target, ret);
    *ret = promote(v, target->type);
    return NULL;
}
