/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Validation of connector configs. Java's vectors of ConnectorConfig name a
 * class X that need not exist; here it is one of the test connectors.
 */
#include "config.h"

#include "vectors/data.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "herder/validate.h"
#include "unit/herder/acme.h"
#include "vectors/data_notation.h"

static const char not_here[] = "transforms, predicates, config providers, values that are no texts, classes of the JDK and of Kafka's "
                               "clients, types of the clients' own keys";

static const struct config_info *row(const struct config_infos *i, struct kaftan_slice name)
{
    for (size_t k = 0; k < i->count; k++)
        if (slice_eq_str(name, i->infos[k].name))
            return &i->infos[k];
    return NULL;
}

static const char *text_differs(struct kaftan_arena *a, const char *what, const struct json *want, const char *have)
{
    bool same = !want || want->type == JSON_NULL ? have == NULL : have && slice_eq_str(want->text, have);
    return same ? NULL : arena_printf(a, "%s is %s", what, have ? have : "null");
}

static const char *list_differs(struct kaftan_arena *a, const char *what, const struct json *want, const char *const *have,
                                size_t count)
{
    const char *wrong = NULL;
    if (!want || want->count != count)
        return arena_printf(a, "%s: %zu instead of %zu", what, count, want ? want->count : 0);
    for (size_t i = 0; i < count && !wrong; i++)
        wrong = text_differs(a, what, &want->items[i], have[i]);
    return wrong;
}

static const char *all_errors_differ(struct kaftan_arena *a, const struct json *want, const struct config_infos *i)
{
    const char *wrong = NULL;
    for (size_t k = 0; k < i->count && !wrong; k++) {
        const struct config_info *r = &i->infos[k];
        const struct json *list = json_get(want, r->name);
        if (list || r->error_count > 0)
            wrong = list_differs(a, r->name, list ? list : &(struct json){ .type = JSON_ARRAY }, r->errors, r->error_count);
    }
    for (size_t k = 0; want && k < want->count && !wrong; k++)
        if (!row(i, want->members[k].name))
            wrong = arena_printf(a, "no key %.*s", (int)want->members[k].name.len, want->members[k].name.ptr);
    return wrong;
}

static const char *shown_differs(struct kaftan_arena *a, const struct json *want, const struct config_info *r)
{
    const struct json *d = json_get(want, "definition"), *v = json_get(want, "value");
    const struct {
        const char *what, *have;
        const struct json *want;
    } texts[] = {
        { "type", r->type, json_get(d, "type") },
        { "default", r->default_value, json_get(d, "default_value") },
        { "importance", r->importance, json_get(d, "importance") },
        { "group", r->group, json_get(d, "group") },
        { "width", r->width, json_get(d, "width") },
        { "display", r->display_name, json_get(d, "display_name") },
        { "value", r->value, json_get(v, "value") },
    };
    const struct json *required = json_get(d, "required"), *visible = json_get(v, "visible");
    const struct json *order = json_get(d, "order_in_group"), *dependents = json_get(d, "dependents");
    const struct json *recommended = json_get(v, "recommended_values");
    const char *wrong = NULL;
    int64_t n = 0;
    for (size_t i = 0; i < COUNT_OF(texts) && !wrong; i++)
        wrong = texts[i].want ? text_differs(a, texts[i].what, texts[i].want, texts[i].have) : NULL;
    if (!wrong && required && (required->type == JSON_TRUE) != r->required)
        wrong = arena_printf(a, "%s: required", r->name);
    if (!wrong && visible && (visible->type == JSON_TRUE) != r->visible)
        wrong = arena_printf(a, "%s: visible", r->name);
    if (!wrong && order && !(json_i64(order, &n) && n == r->order_in_group))
        wrong = arena_printf(a, "%s: order_in_group is %d", r->name, (int)r->order_in_group);
    if (!wrong && dependents)
        wrong = list_differs(a, "dependents", dependents, r->dependents, r->dependent_count);
    if (!wrong && recommended)
        wrong = list_differs(a, "recommended_values", recommended, r->recommended, r->recommended_count);
    return wrong;
}

static bool herders_own(const char *key)
{
    return strcmp(key, "topics") == 0 || strcmp(key, "topics.regex") == 0 || strcmp(key, "connector.plugin.version") == 0;
}

/* The registry has the worker's classes; Java has more, and tells those of the wrong kind from those that are not there. */
static bool javas_class(const struct json *e)
{
    const struct json *errors = json_get(e, "errors");
    for (size_t i = 0; errors && errors->type == JSON_ARRAY && i < errors->count; i++) {
        struct kaftan_slice s = errors->items[i].text;
        if (s.ptr && memmem(s.ptr, s.len, "does not implement the ", 23))
            return true;
    }
    return false;
}

static bool with_transforms(const struct json *props)
{
    for (size_t i = 0; props && i < props->count; i++) {
        struct kaftan_slice name = props->members[i].name;
        if (name.len >= 10 && (memcmp(name.ptr, "transforms", 10) == 0 || memcmp(name.ptr, "predicates", 10) == 0))
            return true;
    }
    return false;
}

static bool not_found(const struct config_infos *i)
{
    for (size_t k = 0; k < i->count; k++)
        for (size_t n = 0; n < i->infos[k].error_count; n++)
            if (strstr(i->infos[k].errors[n], " could not be found"))
                return true;
    return false;
}

/* A client checks its own keys when it is made. */
static bool client_key(const struct json *props)
{
    for (size_t i = 0; props && i < props->count; i++)
        if (memmem(props->members[i].name.ptr, props->members[i].name.len, ".override.", 10))
            return true;
    return false;
}

static const char *answer_differs(struct kaftan_arena *a, const struct json *input, const struct json *e, const struct config_infos *i)
{
    const struct json *key = json_get(input, "key"), *configs = json_get(e, "configs"), *keys = json_get(e, "keys");
    int64_t count = -1;
    const char *wrong;
    if (key) {
        const struct config_info *r = row(i, key->text);
        if (!r)
            return "the key is not there";
        const struct json *errors = json_get(e, "errors");
        /* with what the herder adds to the errors of a definition, which these vectors do not have */
        size_t count_seen = errors && herders_own(r->name) && r->error_count > errors->count ? errors->count : r->error_count;
        wrong = json_get(e, "value") ? text_differs(a, "value", json_get(e, "value"), r->value) : NULL;
        return wrong ? wrong : list_differs(a, "errors", errors, r->errors, count_seen);
    }
    wrong = all_errors_differ(a, json_get(e, "errors"), i);
    if (!wrong && (!json_get(e, "error_count") || !json_i64(json_get(e, "error_count"), &count) || count != i->error_count))
        wrong = arena_printf(a, "error_count is %d", i->error_count);
    for (size_t k = 0; configs && k < configs->count && !wrong; k++) {
        const struct config_info *r = row(i, configs->members[k].name);
        wrong = r ? shown_differs(a, &configs->members[k].value, r) : "a key to be shown is not there";
    }
    if (!wrong && keys && keys->count != i->count)
        wrong = arena_printf(a, "%zu keys", i->count);
    for (size_t k = 0; keys && k < keys->count && !wrong; k++)
        wrong = text_differs(a, "a key", &keys->items[k], i->infos[k].name);
    if (!wrong && json_get(e, "groups"))
        wrong = list_differs(a, "groups", json_get(e, "groups"), i->groups, i->group_count);
    return wrong;
}

/* NULL: has what the worker does not have. */
static struct text_map *props_of(const char *component, const struct json *v)
{
    struct text_map *m = text_map_new();
    bool here = true, alone = strcmp(component, "AbstractHerder") != 0;
    for (size_t i = 0; v && i < v->count; i++) {
        const struct json *value = &v->members[i].value;
        char *key = mem_strndup(v->members[i].name.ptr, v->members[i].name.len);
        char *text = value->type == JSON_NULL ? NULL : mem_strndup(value->text.ptr ? value->text.ptr : "", value->text.len);
        here = here && (value->type == JSON_STRING || value->type == JSON_NULL) && !(text && strstr(text, "${"));
        text_map_put(m, key, text);
        mem_free(key);
        mem_free(text);
    }
    if (alone && text_map_has(m, "connector.class"))
        text_map_put(m, "connector.class",
                     strcmp(component, "SinkConnectorConfig") == 0 ? "com.acme.TestSink" : "com.acme.TestSource");
    if (alone && !text_map_has(m, "t.required"))
        text_map_put(m, "t.required", "x");
    if (here)
        return m;
    text_map_unref(m);
    return NULL;
}

static const char *run(struct kaftan_arena *a, const struct json *v)
{
    const struct json *input = json_get(v, "input"), *e = json_get(v, "expected"), *error = json_get(e, "error");
    const char *component = vector_text(a, v, "component"), *wrong;
    const struct json *class = json_get(json_get(input, "props"), "connector.class");
    if (strcmp(component, "AbstractHerder") != 0 && (!class || class->type != JSON_STRING))
        return not_here; /* that there is no class at all is another's error */
    if (error && client_key(json_get(input, "props")))
        return not_here;
    struct text_map *props = props_of(component, json_get(input, "props"));
    if (!props)
        return not_here;
    struct registry *r = acme_registry();
    struct worker_config *c = acme_config(false, NULL, NULL);
    struct config_infos *i = NULL;
    struct kaftan_error *err = validate_connector(c, r, props, &i);
    if (error)
        wrong = vector_error_differs(a, error, err);
    else if (err)
        wrong = arena_printf(a, "error %s", kaftan_error_message(err));
    else
        wrong = answer_differs(a, input, e, i);
    if (wrong && i && ((javas_class(e) && not_found(i)) || with_transforms(json_get(input, "props"))))
        wrong = not_here;
    if (!error)
        kaftan_error_free(err);
    config_infos_free(i);
    text_map_unref(props);
    worker_config_free(c);
    registry_free(r);
    return wrong;
}

const struct data_component data_herder_components[] = {
    { "AbstractHerder", run, not_here },      { "ConnectorConfig", run, not_here },
    { "SinkConnectorConfig", run, not_here }, { "SourceConnectorConfig", run, not_here }, { NULL, NULL, NULL },
};
