/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "convert/json_int.h"

#include "base/text.h"
#include "data/schema.h"

struct schema_reading {
    struct json_converter *c;
    struct kaftan_arena *a;    /* for what lies in between */
    struct kaftan_arena *into; /* NULL: counted schemas */
};

static struct kaftan_error *read_schema(struct schema_reading *r, const struct node *n,
                                        const struct kaftan_schema **ret);

/* A part of a schema, handed to the builder, which keeps its own count. */
static struct kaftan_error *read_part(struct schema_reading *r, struct kaftan_schema_builder *b, const struct node *n,
                                      void (*give)(struct kaftan_schema_builder *, const struct kaftan_schema *))
{
    const struct kaftan_schema *part = NULL;
    struct kaftan_error *err = read_schema(r, n, &part);
    if (err)
        return err;
    if (part)
        give(b, part);
    kaftan_schema_unref(part);
    return NULL;
}

static struct kaftan_error *read_array(struct schema_reading *r, struct kaftan_schema_builder *b, const struct node *n)
{
    const struct node *items = node_get(n, "items");
    if (!items || items->kind == NODE_NULL)
        return kaftan_error_new(KAFTAN_E_DATA, "Array schema did not specify the element type");
    return read_part(r, b, items, kaftan_schema_builder_value);
}

static struct kaftan_error *read_map(struct schema_reading *r, struct kaftan_schema_builder *b, const struct node *n)
{
    const struct node *keys = node_get(n, "keys"), *values = node_get(n, "values");
    if (!keys)
        return kaftan_error_new(KAFTAN_E_DATA, "Map schema did not specify the key type");
    if (!values)
        return kaftan_error_new(KAFTAN_E_DATA, "Map schema did not specify the value type");
    struct kaftan_error *err = read_part(r, b, keys, kaftan_schema_builder_key);
    if (!err)
        err = read_part(r, b, values, kaftan_schema_builder_value);
    if (!err && keys->kind == NODE_NULL)
        err = kaftan_error_new(KAFTAN_E_DATA, "keySchema cannot be null.");
    else if (!err && values->kind == NODE_NULL)
        err = kaftan_error_new(KAFTAN_E_DATA, "valueSchema cannot be null.");
    return err;
}

static struct kaftan_error *read_field(struct schema_reading *r, struct kaftan_schema_builder *b, const struct node *n)
{
    const struct node *name = node_get(n, "field");
    const struct kaftan_schema *schema = NULL;
    if (!name || name->kind != NODE_STRING)
        return kaftan_error_new(KAFTAN_E_DATA, "Struct schema's field name not specified properly");
    struct kaftan_error *err = read_schema(r, n, &schema);
    if (err)
        return err;
    schema_builder_field(b, name->text, schema);
    kaftan_schema_unref(schema);
    return schema_builder_error(b);
}

static struct kaftan_error *read_struct(struct schema_reading *r, struct kaftan_schema_builder *b, const struct node *n)
{
    const struct node *fields = node_get(n, "fields");
    struct kaftan_error *err = NULL;
    if (!fields || fields->kind != NODE_ARRAY)
        return kaftan_error_new(KAFTAN_E_DATA, "Struct schema's \"fields\" argument is not an array.");
    for (size_t i = 0; !err && i < fields->count; i++)
        err = read_field(r, b, &fields->as.items[i]);
    return err;
}

static struct kaftan_error *read_params(struct kaftan_schema_builder *b, const struct node *params)
{
    if (!params || params->kind != NODE_OBJECT)
        return NULL;
    for (size_t i = 0; i < params->count; i++) {
        const struct node_member *m = &params->as.members[i];
        if (m->value.kind != NODE_STRING)
            return kaftan_error_new(KAFTAN_E_DATA, "Schema parameters must have string values.");
        schema_builder_param(b, m->name, m->value.text);
    }
    return NULL;
}

static struct kaftan_error *read_attributes(struct schema_reading *r, struct kaftan_schema_builder *b,
                                            const struct node *n)
{
    const struct node *optional = node_get(n, "optional"), *name = node_get(n, "name"), *doc = node_get(n, "doc");
    const struct node *version = node_get(n, "version"), *def = node_get(n, "default");
    struct kaftan_value value = kaftan_null();
    if (optional && optional->kind == NODE_BOOLEAN && optional->b)
        kaftan_schema_builder_optional(b);
    if (name && name->kind == NODE_STRING)
        schema_builder_name(b, name->text);
    if (version && version->kind == NODE_INT)
        kaftan_schema_builder_version(b, (int32_t)(uint32_t)(uint64_t)node_i64(r->a, version));
    if (doc && doc->kind == NODE_STRING)
        schema_builder_doc(b, doc->text);
    struct kaftan_error *err = read_params(b, node_get(n, "parameters"));
    if (err || !def)
        return err;
    err = json_read_value(r->c, r->a, schema_builder_peek(b), def, &value);
    if (!err)
        kaftan_schema_builder_default(b, &value);
    return err;
}

/* Nothing but a type and whether it is optional: most fields are like that. */
static const struct kaftan_schema *plain_schema(const struct node *n, enum kaftan_type type)
{
    bool optional = false;
    if (type >= KAFTAN_TYPE_ARRAY)
        return NULL;
    for (size_t i = 0; i < n->count; i++) {
        const struct node_member *m = &n->as.members[i];
        if (slice_eq_str(m->name, "optional"))
            optional = m->value.kind == NODE_BOOLEAN && m->value.b;
        else if (!slice_eq_str(m->name, "type") && !slice_eq_str(m->name, "field"))
            return NULL;
    }
    return kaftan_schema_of(type, optional);
}

static struct kaftan_error *read_schema(struct schema_reading *r, const struct node *n, const struct kaftan_schema **ret)
{
    const struct node *type_node = node_get(n, "type");
    enum kaftan_type type = KAFTAN_TYPE_INT8;
    struct kaftan_error *err = NULL;
    if (n->kind == NODE_NULL) {
        *ret = NULL;
        return NULL;
    }
    if (!type_node || type_node->kind != NODE_STRING)
        return kaftan_error_new(KAFTAN_E_DATA, "Schema must contain 'type' field");
    if (!schema_json_type_find(type_node->text, &type))
        return kaftan_error_new(KAFTAN_E_DATA, "Unknown schema type: %.*s", (int)type_node->text.len,
                                type_node->text.ptr);
    *ret = plain_schema(n, type);
    if (*ret)
        return NULL;
    struct kaftan_schema_builder *b = schema_builder_in(r->into, type);
    if (type == KAFTAN_TYPE_ARRAY)
        err = read_array(r, b, n);
    else if (type == KAFTAN_TYPE_MAP)
        err = read_map(r, b, n);
    else if (type == KAFTAN_TYPE_STRUCT)
        err = read_struct(r, b, n);
    if (!err)
        err = read_attributes(r, b, n);
    if (err) {
        kaftan_schema_builder_free(b);
        return err;
    }
    return kaftan_schema_build(b, ret);
}

struct kaftan_error *json_read_schema(struct json_converter *c, struct kaftan_arena *a, struct kaftan_arena *into,
                                      const struct node *n, const struct kaftan_schema **ret)
{
    struct schema_reading r = { c, a, into };
    const struct kaftan_schema *schema = NULL;
    struct kaftan_error *err = read_schema(&r, n, &schema);
    if (!err)
        *ret = schema;
    return err;
}
