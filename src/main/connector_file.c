/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Java tries the forms one after the other and shows the error of the last
 * one, so that a comma too many in a JSON file is reported as a property
 * without a name. Here the first character decides: '{' is JSON, for no
 * property is called so.
 */
#include "config.h"

#include "main/connector_file.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/props.h"

/* A config value: a text, or a number or boolean as it stands there. */
static struct kaftan_error *put_value(struct text_map *m, const struct json_member *member)
{
    const struct json *v = &member->value;
    struct kaftan_slice text = v->text;
    char *name = mem_strndup(member->name.ptr ? member->name.ptr : "", member->name.len), *value = NULL;
    struct kaftan_error *err = NULL;
    if (v->type == JSON_TRUE || v->type == JSON_FALSE)
        text = slice_of(v->type == JSON_TRUE ? "true" : "false");
    if (v->type == JSON_ARRAY || v->type == JSON_OBJECT)
        err = kaftan_error_new(KAFTAN_E_INVALID, "the value of \"%s\" must be a text, a number or a boolean", name);
    else if (text.len > 0 && (memchr(text.ptr, '\0', text.len) || !utf8_valid(text.ptr, text.len)))
        err = kaftan_error_new(KAFTAN_E_INVALID, "the value of \"%s\" is no text", name);
    else if (v->type != JSON_NULL)
        value = mem_strndup(text.ptr ? text.ptr : "", text.len);
    if (!err)
        text_map_put(m, name, value);
    mem_free(name);
    mem_free(value);
    return err;
}

static struct kaftan_error *to_map(const struct json *object, struct text_map **ret)
{
    struct text_map *m = text_map_new();
    struct kaftan_error *err = NULL;
    for (size_t i = 0; !err && i < object->count; i++)
        err = put_value(m, &object->members[i]);
    if (err)
        text_map_unref(m);
    else
        *ret = m;
    return err;
}

static struct kaftan_error *take_initial(const struct json *v, struct connector_file *ret)
{
    static const char *const names[] = {
        [TARGET_STARTED] = "running", [TARGET_PAUSED] = "paused", [TARGET_STOPPED] = "stopped"
    };
    struct kaftan_slice text;
    if (!v || v->type == JSON_NULL)
        return NULL;
    if (json_text(v, &text))
        for (size_t i = 0; i < COUNT_OF(names); i++)
            if (text.len == strlen(names[i]) && strncasecmp(text.ptr, names[i], text.len) == 0) {
                ret->has_initial = true;
                ret->initial = (enum target_state)i;
                return NULL;
            }
    return kaftan_error_new(KAFTAN_E_INVALID, "\"initial_state\" must be one of RUNNING, PAUSED, STOPPED");
}

/* {"name", "config", "initial_state"}: the name goes into the config. */
static struct kaftan_error *take_request(const struct json *v, struct connector_file *ret)
{
    struct text_map *top = NULL;
    struct json named = *v;
    const struct json *name = json_get(v, "name");
    const char *inner;
    struct json_member only = { { "name", 4 }, { 0 } };
    struct kaftan_error *err = to_map(json_get(v, "config"), &ret->config);
    if (!err)
        err = take_initial(json_get(v, "initial_state"), ret);
    if (err || !name)
        return err;
    only.value = *name;
    named.members = &only;
    named.count = 1;
    err = to_map(&named, &top);
    if (err)
        return err;
    inner = text_map_get(ret->config, "name");
    if (!inner)
        text_map_put(ret->config, "name", text_map_get(top, "name"));
    else if (!text_map_get(top, "name") || strcmp(inner, text_map_get(top, "name")) != 0)
        err = kaftan_error_new(KAFTAN_E_INVALID, "\"name\" in \"config\" (%s) is not the \"name\" beside it", inner);
    text_map_unref(top);
    return err;
}

static struct kaftan_error *parse_json(const char *text, size_t len, struct connector_file *ret)
{
    struct kaftan_arena *a = arena_new(4096);
    const struct json *v = NULL, *config;
    struct kaftan_error *err = json_parse(a, text, len, 0, &v);
    if (!err) {
        config = json_get(v, "config");
        err = config && config->type == JSON_OBJECT ? take_request(v, ret) : to_map(v, &ret->config);
    }
    arena_free(a);
    return err;
}

struct kaftan_error *connector_file_load(const char *path, struct connector_file *ret)
{
    struct connector_file file = { 0 };
    struct buf text = BUF_INIT;
    size_t blank = 0;
    const char *name;
    struct kaftan_error *err = props_read(path, &text);
    if (err)
        return err;
    if (text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0)
        blank = 3;
    while (blank < text.len && (text.data[blank] == ' ' || (text.data[blank] >= '\t' && text.data[blank] <= '\r')))
        blank++;
    if (blank < text.len && text.data[blank] == '{')
        err = parse_json(text.data + blank, text.len - blank, &file);
    else
        err = props_parse(text.data, text.len, &file.config);
    buf_fini(&text);
    name = err ? NULL : text_map_get(file.config, "name");
    if (!err && !name)
        err = kaftan_error_new(KAFTAN_E_INVALID, "Missing required configuration \"name\" which has no default value.");
    if (err) {
        text_map_unref(file.config);
        return kaftan_error_wrap(err, "%s", path);
    }
    *ret = file;
    return NULL;
}
