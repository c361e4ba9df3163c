/* SPDX-License-Identifier: Apache-2.0 */
/* Converters, for data and for headers. */
#include "config.h"

#include "vectors/data.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/keys.h"
#include "convert/builtin.h"
#include "data/value.h"
#include "vectors/data_notation.h"

/* A converter of either sort, opened with a vector's configuration. */
struct opened {
    const struct kaftan_converter *data;
    const struct kaftan_header_converter *header;
    void *self;
    struct config_values *config;
};

static const char *simple_name(const char *class_name)
{
    const char *dot = strrchr(class_name, '.');
    return dot ? dot + 1 : class_name;
}

static bool find(struct opened *o, const char *component, bool header)
{
    const struct kaftan_plugin *p = convert_builtin();
    for (size_t i = 0; !header && p->converters[i]; i++) {
        if (strcmp(simple_name(p->converters[i]->class_name), component) == 0)
            o->data = p->converters[i];
    }
    for (size_t i = 0; header && p->header_converters[i]; i++) {
        if (strcmp(simple_name(p->header_converters[i]->class_name), component) == 0)
            o->header = p->header_converters[i];
    }
    return o->data || o->header;
}

static struct kaftan_error *open_it(struct kaftan_arena *a, struct opened *o, const struct json *vector, bool is_key)
{
    const struct json *config = json_get(vector, "config");
    struct text_map *texts = text_map_new();
    struct kaftan_config_report *report = config_report_new();
    text_map_put(texts, "converter.type", o->header ? "header" : is_key ? "key" : "value");
    for (size_t i = 0; config && i < config->count; i++) {
        const struct json_member *m = &config->members[i];
        text_map_put(texts, arena_strndup(a, m->name.ptr, m->name.len),
                     arena_strndup(a, m->value.text.ptr, m->value.text.len));
    }
    o->config = config_parse(o->data ? o->data->config : o->header->config,
                             o->data ? o->data->config_size : o->header->config_size, texts, report);
    struct kaftan_error *err = NULL;
    const char *key = NULL, *text = NULL;
    size_t at = 0;
    if (config_report_at(report, &at, &key, &text)) /* configure stops at the first */
        err = kaftan_error_new(KAFTAN_E_INVALID, "%s", text);
    else if (o->data)
        err = o->data->open(config_values_get(o->config), is_key, &o->self);
    else
        err = o->header->open(config_values_get(o->config), &o->self);
    config_report_free(report);
    text_map_unref(texts);
    return err;
}

static void close_it(struct opened *o)
{
    if (o->self && o->data)
        o->data->close(o->self);
    if (o->self && o->header)
        o->header->close(o->self);
    config_values_free(o->config);
}

static const char *bytes_differ(struct kaftan_arena *a, const struct json *expected, struct kaftan_slice got)
{
    struct kaftan_slice want = vector_bytes(a, expected);
    if ((want.ptr == NULL) == (got.ptr == NULL) && slice_eq(want, got))
        return NULL;
    return arena_printf(a, "bytes %s%.*s", got.ptr ? "" : "(null)", (int)got.len, got.ptr ? got.ptr : "");
}

static const char *result(struct kaftan_arena *a, const struct json *expected, struct kaftan_error *err,
                          const char *(*check)(struct kaftan_arena *, const struct json *, const void *), const void *got)
{
    if (json_get(expected, "error"))
        return vector_error_differs(a, json_get(expected, "error"), err);
    if (err) {
        const char *text = arena_printf(a, "error %s", kaftan_error_message(err));
        kaftan_error_free(err);
        return text;
    }
    return check(a, expected, got);
}

static const char *check_bytes(struct kaftan_arena *a, const struct json *expected, const void *got)
{
    return bytes_differ(a, expected, *(const struct kaftan_slice *)got);
}

struct connected {
    const struct kaftan_schema *schema;
    struct kaftan_value value;
};

static const char *check_value(struct kaftan_arena *a, const struct json *expected, const void *got)
{
    const struct connected *c = got;
    const struct json *schema = json_get(expected, "schema");
    const char *wrong = vector_schema_differs(a, schema, c->schema);
    return wrong ? wrong : vector_value_differs(a, json_get(expected, "value"), vector_schema(a, schema), &c->value);
}

static const char *check_nothing(struct kaftan_arena *a, const struct json *expected, const void *got)
{
    (void)a, (void)expected, (void)got;
    return NULL;
}

static const char *convert(struct kaftan_arena *a, struct opened *o, const char *op, const struct json *vector)
{
    const struct json *input = json_get(vector, "input"), *expected = json_get(vector, "expected");
    struct kaftan_slice topic = slice_of("t"), name = slice_of("h"), bytes = { NULL, 0 };
    struct kaftan_error *err = NULL;
    if (strncmp(op, "from", 4) == 0) {
        const struct kaftan_schema *schema = vector_schema(a, json_get(input, "schema"));
        struct kaftan_value v = vector_value(a, schema, json_get(input, "value"));
        err = o->data ? o->data->from_connect(o->self, a, topic, schema, &v, &bytes)
                      : o->header->from_connect(o->self, a, topic, name, schema, &v, &bytes);
        return result(a, expected, err, check_bytes, &bytes);
    }
    struct connected got = { NULL, kaftan_null() };
    bytes = vector_bytes(a, json_get(input, "bytes"));
    err = o->data ? o->data->to_connect(o->self, a, topic, bytes, &got.schema, &got.value)
                  : o->header->to_connect(o->self, a, topic, name, bytes, &got.schema, &got.value);
    return result(a, expected, err, check_value, &got);
}

static const char *text_or(const char *text)
{
    return text ? text : "(null)";
}

static const char *row_differs(struct kaftan_arena *a, const struct json *want, const struct kaftan_config_key *k)
{
    const char *def = k->def == KAFTAN_NO_DEFAULT || k->def == KAFTAN_NULL_DEFAULT ? NULL : k->def;
    const struct {
        const char *name, *got;
    } texts[] = {
        { "name", k->name },
        { "type", config_type_name(k->type) },
        { "importance", config_importance_name(k->importance) },
        { "width", config_width_name(k->width) },
        { "group", k->group },
        { "display", k->display_name },
        { "default", def },
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (strcmp(text_or(vector_text(a, want, texts[i].name)), text_or(texts[i].got)) != 0)
            return arena_printf(a, "%s: %s is %s", k->name, texts[i].name, text_or(texts[i].got));
    }
    bool required = json_get(want, "required")->type == JSON_TRUE;
    return required == (k->def == KAFTAN_NO_DEFAULT) ? NULL : arena_printf(a, "%s: required", k->name);
}

static const char *definition(struct kaftan_arena *a, const struct opened *o, const struct json *keys)
{
    const struct kaftan_config_key *k = o->data->config;
    const char *wrong = NULL;
    for (size_t i = 0; i < keys->count; i++, k++) {
        if (!k->name || k->internal)
            return "too few keys";
        wrong = row_differs(a, &keys->items[i], k);
        if (wrong)
            return wrong;
    }
    return k->name && !k->internal ? "too many keys" : NULL;
}

static const char *run(struct kaftan_arena *a, const struct json *vector)
{
    const struct json *input = json_get(vector, "input"), *expected = json_get(vector, "expected");
    const struct json *is_key = json_get(input, "isKey");
    const char *op = vector_text(a, input, "op"), *wrong = NULL;
    struct opened o = { NULL, NULL, NULL, NULL };
    if (!find(&o, vector_text(a, vector, "component"), strstr(op, "Header") != NULL))
        return "there is no such converter";
    if (strcmp(op, "configDef") == 0)
        return definition(a, &o, json_get(expected, "keys"));
    struct kaftan_error *err = open_it(a, &o, vector, is_key && is_key->type == JSON_TRUE);
    if (err || strcmp(op, "configure") == 0)
        wrong = result(a, expected, err, check_nothing, NULL);
    else
        wrong = convert(a, &o, op, vector);
    close_it(&o);
    return wrong;
}

const struct data_component data_convert_components[] = {
    { "JsonConverter", run, NULL },      { "StringConverter", run, NULL },       { "ByteArrayConverter", run, NULL },
    { "BooleanConverter", run, NULL },   { "ShortConverter", run, NULL },        { "IntegerConverter", run, NULL },
    { "LongConverter", run, NULL },      { "FloatConverter", run, NULL },        { "DoubleConverter", run, NULL },
    { "SimpleHeaderConverter", run, NULL }, { NULL, NULL, NULL },
};
