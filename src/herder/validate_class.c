/* SPDX-License-Identifier: Apache-2.0 */
/* Which class a config means, and Java's words when there is none. */
#include "config.h"

#include "herder/validate_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct kaftan_error *class_missing(const struct text_map *config)
{
    struct buf text = BUF_INIT;
    const char *key, *value;
    struct kaftan_error *err;
    for (size_t i = 0; text_map_at(config, &i, &key, &value);)
        buf_printf(&text, "%s%s=%s", text.len ? ", " : "", key, value ? value : "null");
    err = kaftan_error_new(KAFTAN_E_INVALID, "Connector config {%s} contains no connector type", buf_text(&text));
    buf_fini(&text);
    return err;
}

struct kaftan_error *class_unknown(const struct registry *r, const char *name)
{
    struct buf list = BUF_INIT;
    const struct plugin_class *c;
    struct kaftan_error *err;
    bool again = registry_missed(r, name);
    for (size_t i = 0; (c = registry_at(r, i)); i++) {
        const char *type = plugin_type_name(c->type);
        if (c->type != PLUGIN_SOURCE && c->type != PLUGIN_SINK)
            continue;
        buf_printf(&list, "%sPluginDesc{klass=class %s, name='%s', version='%s', encodedVersion=%s, type=%s, typeName='%s', location='%s'}",
                   list.len ? ", " : "", c->name, c->name, c->version, c->version, type, type, *c->path ? c->path : "classpath");
    }
    err = kaftan_error_new(KAFTAN_E_INVALID,
                           "%sFailed to find any class that implements Connector and which name matches %s, available connectors are: %s",
                           again ? "org.apache.kafka.connect.errors.ConnectException: " : "", name, buf_text(&list));
    buf_fini(&list);
    return err;
}

const struct plugin_class *class_converter(const struct registry *r, enum plugin_type type, const char *key, const char *name,
                                           struct kaftan_config_report *report, const char **ret_shown)
{
    const struct plugin_class *c = registry_find(r, type, name);
    *ret_shown = c ? c->name : NULL;
    if (c)
        return c;
    for (int t = PLUGIN_SOURCE; t <= PLUGIN_CONFIG_PROVIDER; t++) {
        const struct plugin_class *other = registry_find(r, (enum plugin_type)t, name);
        if (!other || (int)type == t)
            continue;
        *ret_shown = other->name;
        kaftan_config_error(report, key, "Class class %s does not implement the %s interface", other->name,
                            type == PLUGIN_CONVERTER ? "Converter" : "HeaderConverter");
        return NULL;
    }
    kaftan_config_error(report, key, "Invalid value %s for configuration %s: Class %s could not be found.", name, key, name);
    return NULL;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *const *class_names(const struct registry *r, enum plugin_type type, struct kaftan_arena *a, size_t *ret_count)
{
    const struct plugin_class *c;
    const char **names;
    size_t n = 0;
    for (size_t i = 0; (c = registry_at(r, i)); i++)
        n += c->type == type;
    names = arena_zalloc(a, n + 1, sizeof *names);
    n = 0;
    for (size_t i = 0; (c = registry_at(r, i)); i++)
        if (c->type == type)
            names[n++] = c->name;
    qsort(names, n, sizeof *names, by_text);
    *ret_count = n;
    return names;
}

/* Dotted numbers as numbers, anything else as text. */
static int version_cmp(struct kaftan_slice a, struct kaftan_slice b)
{
    while (a.len || b.len) {
        size_t x = 0, y = 0;
        int64_t m = 0, n = 0;
        bool numbers;
        while (x < a.len && a.ptr[x] != '.' && a.ptr[x] != '-')
            x++;
        while (y < b.len && b.ptr[y] != '.' && b.ptr[y] != '-')
            y++;
        numbers = (x == 0 || text_to_i64(a.ptr, x, &m)) && (y == 0 || text_to_i64(b.ptr, y, &n));
        if (numbers && m != n)
            return m < n ? -1 : 1;
        if (!numbers) {
            int order = slice_cmp((struct kaftan_slice){ a.ptr, x }, (struct kaftan_slice){ b.ptr, y });
            if (order)
                return order;
        }
        x += x < a.len;
        y += y < b.len;
        a = (struct kaftan_slice){ a.ptr + x, a.len - x };
        b = (struct kaftan_slice){ b.ptr + y, b.len - y };
    }
    return 0;
}

/* `[1.0,2.0)`; a side may be empty. */
static bool in_range(struct kaftan_slice range, struct kaftan_slice version, bool *ret_bad)
{
    const char *comma = memchr(range.ptr, ',', range.len);
    char open = range.ptr[0], close = range.ptr[range.len - 1];
    struct kaftan_slice low, high;
    int order;
    if (close != ']' && close != ')') {
        *ret_bad = true;
        return false;
    }
    if (!comma)
        comma = range.ptr + range.len - 1;
    low = slice_trim((struct kaftan_slice){ range.ptr + 1, (size_t)(comma - range.ptr) - 1 });
    high = *comma == ',' ? slice_trim((struct kaftan_slice){ comma + 1, (size_t)(range.ptr + range.len - comma) - 2 }) : low;
    if (low.len) {
        order = version_cmp(version, low);
        if (order < 0 || (order == 0 && open == '('))
            return false;
    }
    if (high.len) {
        order = version_cmp(version, high);
        if (order > 0 || (order == 0 && close == ')'))
            return false;
    }
    return true;
}

char *class_version_wrong(const struct plugin_class *c, const char *version, bool *ret_bad)
{
    struct kaftan_slice text = slice_trim(slice_of(version));
    bool range = text.len && (text.ptr[0] == '[' || text.ptr[0] == '(');
    *ret_bad = false;
    if (range ? in_range(text, slice_of(c->version), ret_bad) : text.len == 0 || version_cmp(text, slice_of(c->version)) == 0)
        return NULL;
    if (*ret_bad)
        return mem_printf("Unbounded range: %.*s", (int)text.len, text.ptr);
    if (range)
        return mem_printf("Plugin %s not found that matches the version range %.*s, available versions: [%s]", c->name, (int)text.len,
                          text.ptr, c->version);
    return mem_printf("Plugin %s not found that matches the version range [%.*s,%.*s], available versions: [%s]", c->name, (int)text.len,
                      text.ptr, (int)text.len, text.ptr, c->version);
}
