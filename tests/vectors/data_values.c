/* SPDX-License-Identifier: Apache-2.0 */
/* Values, schemas, structs and their projection. */
#include "config.h"

#include "vectors/data.h"

#include <string.h>

#include "base/mem.h"
#include "data/project.h"
#include "data/schema.h"
#include "data/value.h"
#include "data/values.h"
#include "vectors/data_notation.h"

static const struct kaftan_schema *target(struct kaftan_arena *a, const char *to, const struct json *input)
{
    static const struct {
        const char *name;
        enum kaftan_type type;
    } plain[] = {
        { "boolean", KAFTAN_TYPE_BOOLEAN }, { "int8", KAFTAN_TYPE_INT8 },     { "int16", KAFTAN_TYPE_INT16 },
        { "int32", KAFTAN_TYPE_INT32 },     { "int64", KAFTAN_TYPE_INT64 },   { "float", KAFTAN_TYPE_FLOAT32 },
        { "double", KAFTAN_TYPE_FLOAT64 },  { "string", KAFTAN_TYPE_STRING },
    };
    int64_t scale = 0;
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        if (strcmp(plain[i].name, to) == 0)
            return kaftan_schema_of(plain[i].type, true);
    }
    if (strcmp(to, "list") == 0)
        return schema_with_optional(a, schema_array_in(a, NULL), true);
    if (strcmp(to, "map") == 0)
        return schema_with_optional(a, schema_map_in(a, NULL, NULL), true);
    if (strcmp(to, "decimal") == 0 && json_i64(json_get(input, "scale"), &scale))
        return schema_with_optional(a, schema_decimal_in(a, (int32_t)scale), true);
    enum schema_logical logical = strcmp(to, "date") == 0   ? LOGICAL_DATE
                                  : strcmp(to, "time") == 0 ? LOGICAL_TIME
                                                            : LOGICAL_TIMESTAMP;
    return schema_with_optional(a, schema_logical(logical), true);
}

static struct kaftan_error *do_put(struct kaftan_arena *a, const struct json *input, const struct kaftan_schema *schema,
                                   struct kaftan_value *ret)
{
    struct kaftan_struct *s = NULL;
    const char *field = vector_text(a, input, "field");
    int at = schema_field_find(schema, (struct kaftan_slice){ field, strlen(field) });
    struct kaftan_value v = vector_value(a, at < 0 ? NULL : schema->fields[at].schema, json_get(input, "value"));
    struct kaftan_error *err = kaftan_struct_new(a, schema, &s);
    if (!err)
        err = kaftan_struct_put(s, field, v);
    if (!err && json_get(input, "validate"))
        err = struct_validate(s);
    if (!err)
        *ret = kaftan_structure(s);
    return err;
}

static const char *run(struct kaftan_arena *a, const struct json *vector)
{
    const struct json *input = json_get(vector, "input"), *expected = json_get(vector, "expected");
    const char *op = vector_text(a, input, "op"), *wrong = NULL;
    const struct kaftan_schema *schema = NULL, *got = NULL;
    struct kaftan_value v = kaftan_null(), out = kaftan_null();
    struct kaftan_error *err = NULL;
    if (strcmp(op, "buildSchema") == 0)
        return vector_error_differs(a, json_get(expected, "error"),
                                    vector_schema_build(a, json_get(input, "schema"), &got));
    schema = vector_schema(a, json_get(input, "schema"));
    if (json_get(input, "value") && strcmp(op, "put") != 0)
        v = vector_value(a, schema, json_get(input, "value"));
    if (strcmp(op, "parseString") == 0) {
        if (!values_parse(a, json_get(input, "text")->text, &got, &out))
            return "too deep";
    } else if (strcmp(op, "inferSchema") == 0) {
        (void)values_infer(a, &v, &got);
    } else if (strcmp(op, "convert") == 0) {
        err = values_convert(a, target(a, vector_text(a, input, "to"), input), schema, &v, &out);
    } else if (strcmp(op, "put") == 0) {
        err = do_put(a, input, schema, &out);
    } else if (strcmp(op, "project") == 0) {
        schema = vector_schema(a, json_get(input, "target"));
        err = project(a, vector_schema(a, json_get(input, "schema")), &v, schema, &out);
    } else {
        return arena_printf(a, "nobody knows the operation %s", op);
    }
    if (err || json_get(expected, "error")) {
        if (!json_get(expected, "error"))
            return arena_printf(a, "error %s", kaftan_error_message(err));
        return vector_error_differs(a, json_get(expected, "error"), err);
    }
    if (json_get(expected, "schema"))
        wrong = vector_schema_differs(a, json_get(expected, "schema"), got);
    if (!wrong && json_get(expected, "value"))
        wrong = vector_value_differs(a, json_get(expected, "value"), schema, &out);
    return wrong;
}

const struct data_component data_value_components[] = {
    { "Values", run, NULL },          { "ConnectSchema", run, NULL }, { "Struct", run, NULL },
    { "SchemaProjector", run, NULL }, { NULL, NULL, NULL },
};
