/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request bodies. Java answers 500 for what it cannot parse or bind, never
 * 400 (rest-api.md 1.5); the text is ours and says what is wrong and where.
 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "rest/rest_int.h"

static struct kaftan_error *parse(struct kaftan_arena *a, const char *text,
                                  size_t len, const struct json **ret)
{
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (!utf8_valid(text, len))
        return kaftan_error_new(KAFTAN_E_INTERNAL,
                                "Invalid UTF-8 in the request body");
    struct kaftan_error *err = json_parse(a, text, len, 0, ret);
    if (!err)
        return NULL;
    struct kaftan_error *mine = kaftan_error_new(
        KAFTAN_E_INTERNAL, "%s: %s",
        slice_trim((struct kaftan_slice){ text, len }).len == 0
            ? "Unexpected end-of-input"
            : "Cannot parse the request body",
        kaftan_error_message(err));
    kaftan_error_free(err);
    return mine;
}

/* A scalar as the text a Map<String,String> holds; *ret NULL for JSON null. */
static struct kaftan_error *scalar(const char *name, const struct json *v,
                                   char **ret)
{
    switch (v->type) {
    case JSON_NULL:
        *ret = NULL;
        return NULL;
    case JSON_TRUE:
    case JSON_FALSE:
        *ret = mem_strdup(v->type == JSON_TRUE ? "true" : "false");
        return NULL;
    case JSON_STRING:
        if (memchr(v->text.ptr ? v->text.ptr : "", '\0', v->text.len))
            return kaftan_error_new(
                KAFTAN_E_INTERNAL,
                "The value of \"%s\" contains the character U+0000", name);
        if (!utf8_valid(v->text.ptr, v->text.len))
            return kaftan_error_new(
                KAFTAN_E_INTERNAL,
                "The value of \"%s\" contains half of a surrogate pair", name);
        *ret = mem_strndup(v->text.ptr, v->text.len);
        return NULL;
    case JSON_NUMBER:
        *ret = mem_strndup(v->text.ptr, v->text.len);
        return NULL;
    default:
        return kaftan_error_new(
            KAFTAN_E_INTERNAL,
            "Cannot deserialize value of type `java.lang.String` from %s "
            "(field \"%s\")",
            v->type == JSON_OBJECT ? "Object value" : "Array value", name);
    }
}

static struct kaftan_error *member_name(const struct json_member *m,
                                        char **ret)
{
    if (memchr(m->name.ptr ? m->name.ptr : "", '\0', m->name.len) ||
        !utf8_valid(m->name.ptr, m->name.len))
        return kaftan_error_new(KAFTAN_E_INTERNAL,
                                "A field name of the request body is no text");
    *ret = mem_strndup(m->name.ptr ? m->name.ptr : "", m->name.len);
    return NULL;
}

static struct kaftan_error *to_map(const struct json *v, const char *what,
                                   struct text_map **ret)
{
    if (v->type == JSON_NULL)
        return kaftan_error_new(KAFTAN_E_INTERNAL,
                                "Cannot use null as %s: an object with the "
                                "connector's configuration is needed",
                                what);
    if (v->type != JSON_OBJECT)
        return kaftan_error_new(
            KAFTAN_E_INTERNAL,
            "Cannot deserialize value of type "
            "`java.util.LinkedHashMap<java.lang.String,java.lang.String>` "
            "from %s: an object is needed",
            what);
    struct text_map *m = text_map_new();
    for (size_t i = 0; i < v->count; i++) {
        char *name = NULL, *value = NULL;
        struct kaftan_error *err = member_name(&v->members[i], &name);
        if (!err)
            err = scalar(name, &v->members[i].value, &value);
        if (err) {
            mem_free(name);
            text_map_unref(m);
            return err;
        }
        text_map_put(m, name, value);
        mem_free(name);
        mem_free(value);
    }
    *ret = m;
    return NULL;
}

struct kaftan_error *body_parse_map(const char *text, size_t len,
                                    struct text_map **ret)
{
    struct kaftan_arena *a = arena_new(4096);
    const struct json *v = NULL;
    struct kaftan_error *err = parse(a, text, len, &v);
    if (!err)
        err = to_map(v, "the request body", ret);
    arena_free(a);
    return err;
}

struct kaftan_error *body_parse_maps(const char *text, size_t len, struct text_map ***ret, int32_t *ret_count)
{
    struct kaftan_arena *a = arena_new(4096);
    const struct json *v = NULL;
    struct kaftan_error *err = len ? parse(a, text, len, &v)
                                   : kaftan_error_new(KAFTAN_E_INTERNAL, "No content to map due to end-of-input");
    ASSERT(err || v);
    if (!err && v->type != JSON_ARRAY)
        err = kaftan_error_new(KAFTAN_E_INTERNAL, "Cannot deserialize value of type "
                                                  "`java.util.ArrayList<java.util.Map<java.lang.String,java.lang.String>>` "
                                                  "from the request body: an array is needed");
    if (!err) {
        struct text_map **maps = mem_zalloc(v->count, sizeof *maps);
        int32_t n = 0;
        while (!err && (size_t)n < v->count) {
            err = to_map(&v->items[n], "a task's configuration", &maps[n]);
            n += !err;
        }
        *ret = maps;
        *ret_count = n;
    }
    arena_free(a);
    return err;
}

static struct kaftan_error *initial_state(const char *text,
                                          struct create_body *ret)
{
    static const struct {
        const char *name;
        enum target_state state;
    } states[] = {
        { "running", TARGET_STARTED },
        { "paused", TARGET_PAUSED },
        { "stopped", TARGET_STOPPED },
    };
    for (size_t i = 0; i < COUNT_OF(states); i++)
        if (strcasecmp(text, states[i].name) == 0) {
            ret->has_initial = true;
            ret->initial = states[i].state;
            return NULL;
        }
    return kaftan_error_new(
        KAFTAN_E_INTERNAL,
        "Cannot construct instance of "
        "`org.apache.kafka.connect.runtime.rest.entities."
        "CreateConnectorRequest$InitialState`: \"%s\" is none of RUNNING, "
        "PAUSED, STOPPED",
        text);
}

static struct kaftan_error *create_field(const struct json_member *m,
                                         struct create_body *ret)
{
    struct kaftan_error *err = NULL;
    char *text = NULL;
    if (slice_eq_str(m->name, "config"))
        return m->value.type == JSON_NULL
                   ? NULL
                   : to_map(&m->value, "\"config\"", &ret->config);
    if (slice_eq_str(m->name, "name")) {
        err = scalar("name", &m->value, &text);
        if (!err && text) {
            struct kaftan_slice t = slice_trim(slice_of(text));
            ret->name = mem_strndup(t.ptr ? t.ptr : "", t.len);
        }
    } else if (slice_eq_str(m->name, "initial_state")) {
        err = scalar("initial_state", &m->value, &text);
        if (!err && text)
            err = initial_state(text, ret);
    } else {
        err = kaftan_error_new(
            KAFTAN_E_INTERNAL,
            "Unrecognized field \"%.*s\" (class "
            "org.apache.kafka.connect.runtime.rest.entities."
            "CreateConnectorRequest), not marked as ignorable",
            (int)(m->name.len > 256 ? 256 : m->name.len),
            m->name.ptr ? m->name.ptr : "");
    }
    mem_free(text);
    return err;
}

struct kaftan_error *body_parse_create(const char *text, size_t len,
                                       struct create_body *ret)
{
    struct kaftan_arena *a = arena_new(4096);
    const struct json *v = NULL;
    struct create_body b = { 0 };
    struct kaftan_error *err = parse(a, text, len, &v);
    ASSERT(err || v);
    if (!err && v->type != JSON_OBJECT)
        err = kaftan_error_new(
            KAFTAN_E_INTERNAL,
            "Cannot construct instance of "
            "`org.apache.kafka.connect.runtime.rest.entities."
            "CreateConnectorRequest` from the request body: an object with "
            "\"name\" and \"config\" is needed");
    for (size_t i = 0; !err && i < v->count; i++)
        err = create_field(&v->members[i], &b);
    arena_free(a);
    if (!err && !b.config)
        err = kaftan_error_new(KAFTAN_E_INTERNAL,
                               "Cannot create a connector because \"config\" "
                               "is missing or null");
    if (err) {
        mem_free(b.name);
        text_map_unref(b.config);
        return err;
    }
    if (!b.name)
        b.name = mem_strdup("");
    *ret = b;
    return NULL;
}

struct kaftan_error *body_map(const struct exchange *x, struct text_map **ret)
{
    return body_parse_map(x->body.data ? x->body.data : "", x->body.len, ret);
}

struct kaftan_error *body_maps(const struct exchange *x, struct text_map ***ret, int32_t *ret_count)
{
    return body_parse_maps(x->body.data ? x->body.data : "", x->body.len, ret, ret_count);
}

struct kaftan_error *body_create(const struct exchange *x,
                                 struct create_body *ret)
{
    return body_parse_create(x->body.data ? x->body.data : "", x->body.len,
                             ret);
}
