/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/topic_groups.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/regex.h"
#include "base/text.h"

#define PREFIX "topic.creation."
#define DEFAULT_GROUP "default"

struct topic_group {
    char *name;                    /* owned */
    struct regex *include, *exclude; /* owned; NULL: none */
    int32_t partitions;
    int16_t replication;
    struct text_map *config;       /* owned */
};

struct topic_groups {
    struct topic_group *items; /* owned; in order of priority, the default one last */
    size_t count;
};

void topic_groups_free(struct topic_groups *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->count; i++) {
        mem_free(g->items[i].name);
        regex_free(g->items[i].include);
        regex_free(g->items[i].exclude);
        text_map_unref(g->items[i].config);
    }
    mem_free(g->items);
    mem_free(g);
}

/* Comma separated patterns as one: `a|b`. An empty list is no pattern. */
static struct kaftan_error *pattern(const char *key, const char *list, struct regex **ret)
{
    struct buf all = BUF_INIT;
    struct kaftan_error *err = NULL;
    while (list && *list) {
        size_t n = strcspn(list, ",");
        struct kaftan_slice item = slice_trim((struct kaftan_slice){ list, n });
        if (item.len > 0) {
            buf_puts(&all, all.len > 0 ? "|(?:" : "(?:");
            buf_put_slice(&all, item);
            buf_putc(&all, ')');
        }
        list += n + (list[n] == ',');
    }
    if (all.len > 0)
        err = regex_new(buf_text(&all), ret);
    buf_fini(&all);
    return err ? kaftan_error_wrap(err, "Invalid value for configuration %s", key) : NULL;
}

static struct kaftan_error *number(const char *key, const char *text, int64_t max, int64_t *ret)
{
    struct kaftan_slice s = slice_trim(slice_of(text));
    int64_t v;
    if (!text_to_i64(s.ptr, s.len, &v) || v > max || v < -1 || v == 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration %s: must be a number above 0, or -1",
                                text, key);
    *ret = v;
    return NULL;
}

/* One key of a group, `rest` being what follows its name. */
static struct kaftan_error *take_key(struct topic_group *g, const char *key, const char *rest, const char *value)
{
    struct kaftan_error *err = NULL;
    int64_t n = 0;
    if (strcmp(rest, "include") == 0 || strcmp(rest, "exclude") == 0) {
        if (strcmp(g->name, DEFAULT_GROUP) != 0)
            err = pattern(key, value, *rest == 'i' ? &g->include : &g->exclude);
    } else if (strcmp(rest, "partitions") == 0) {
        err = number(key, value, INT32_MAX, &n);
        g->partitions = err ? 0 : (int32_t)n;
    } else if (strcmp(rest, "replication.factor") == 0) {
        err = number(key, value, INT16_MAX, &n);
        g->replication = err ? (int16_t)0 : (int16_t)n;
    } else {
        text_map_put(g->config, rest, value);
    }
    return err;
}

static struct kaftan_error *take_group(struct topic_groups *g, const char *name, const struct text_map *config)
{
    g->items = mem_realloc(g->items, g->count + 1, sizeof *g->items);
    struct topic_group *item = &g->items[g->count++];
    *item = (struct topic_group){ .name = mem_strdup(name), .config = text_map_new() };
    char *prefix = mem_printf(PREFIX "%s.", name);
    const char *key, *value;
    struct kaftan_error *err = NULL;
    for (size_t i = 0; !err && text_map_at(config, &i, &key, &value);)
        if (text_starts(key, prefix) && value)
            err = take_key(item, key, key + strlen(prefix), value);
    mem_free(prefix);
    return err;
}

static struct kaftan_error *take_listed(struct topic_groups *g, const struct text_map *config)
{
    const char *list = text_map_get(config, PREFIX "groups");
    struct kaftan_error *err = NULL;
    while (!err && list && *list) {
        size_t n = strcspn(list, ",");
        struct kaftan_slice item = slice_trim((struct kaftan_slice){ list, n });
        char *name = mem_strndup(item.ptr, item.len);
        if (*name && strcmp(name, DEFAULT_GROUP) != 0)
            err = take_group(g, name, config);
        mem_free(name);
        list += n + (list[n] == ',');
    }
    return err;
}

static bool wanted(const struct text_map *config)
{
    const char *key, *value;
    for (size_t i = 0; text_map_at(config, &i, &key, &value);)
        if (text_starts(key, PREFIX))
            return true;
    return false;
}

struct kaftan_error *topic_groups_new(const struct text_map *config, struct topic_groups **ret)
{
    if (!wanted(config)) {
        *ret = NULL;
        return NULL;
    }
    struct topic_groups *g = mem_zalloc(1, sizeof *g);
    struct kaftan_error *err = take_listed(g, config);
    if (!err)
        err = take_group(g, DEFAULT_GROUP, config);
    const struct topic_group *last = err ? NULL : &g->items[g->count - 1];
    if (last && last->replication == 0)
        err = kaftan_error_new(KAFTAN_E_INVALID, "Missing required configuration \"" PREFIX DEFAULT_GROUP
                                                 ".replication.factor\" which has no default value.");
    else if (last && last->partitions == 0)
        err = kaftan_error_new(KAFTAN_E_INVALID, "Missing required configuration \"" PREFIX DEFAULT_GROUP
                                                 ".partitions\" which has no default value.");
    if (err) {
        topic_groups_free(g);
        return err;
    }
    *ret = g;
    return NULL;
}

void topic_groups_match(struct topic_groups *g, struct kaftan_slice name, struct admin_new_topic *ret,
                        const char **ret_group)
{
    const struct topic_group *base = &g->items[g->count - 1], *found = base;
    for (size_t i = 0; i + 1 < g->count; i++) {
        const struct topic_group *item = &g->items[i];
        if (item->include && regex_matches(item->include, name) &&
            !(item->exclude && regex_matches(item->exclude, name))) {
            found = item;
            break;
        }
    }
    ret->partitions = found->partitions ? found->partitions : base->partitions;
    ret->replication = found->replication ? found->replication : base->replication;
    ret->config = found->config;
    *ret_group = found->name;
}
