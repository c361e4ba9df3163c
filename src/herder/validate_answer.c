/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of the answer, in one arena with all their texts. */
#include "config.h"

#include "herder/validate_int.h"

#include <string.h>

#include "base/mem.h"

struct rows {
    struct config_info *items; /* owned */
    size_t count, cap;
};

struct answer {
    struct config_infos pub;
    struct kaftan_arena *arena; /* owned */
    struct rows first, rest;    /* rows without a definition come first */
    const char **groups;        /* owned */
    size_t group_count;
    int32_t errors;
};

struct answer *answer_new(void)
{
    struct answer *a = mem_zalloc(1, sizeof *a);
    a->arena = arena_new(16384);
    return a;
}

void answer_free(struct answer *a)
{
    if (!a)
        return;
    mem_free(a->first.items);
    mem_free(a->rest.items);
    mem_free(a->groups);
    arena_free(a->arena);
    mem_free(a);
}

struct kaftan_arena *answer_arena(struct answer *a)
{
    return a->arena;
}

static const char *keep(struct answer *a, const char *s)
{
    return s ? arena_strndup(a->arena, s, strlen(s)) : NULL;
}

static const char *const *keep_list(struct answer *a, const char *const *items, size_t count)
{
    const char **list = arena_zalloc(a->arena, count + 1, sizeof *list);
    for (size_t i = 0; i < count; i++)
        list[i] = keep(a, items[i]);
    return list;
}

static size_t listed(const char *const *items)
{
    size_t n = 0;
    while (items && items[n])
        n++;
    return n;
}

static struct config_info *row_add(struct rows *rows)
{
    if (rows->count == rows->cap) {
        rows->cap = rows->cap ? rows->cap * 2 : 32;
        rows->items = mem_realloc(rows->items, rows->cap, sizeof *rows->items);
    }
    memset(&rows->items[rows->count], 0, sizeof *rows->items);
    return &rows->items[rows->count++];
}

static void group_add(struct answer *a, const char *group)
{
    if (!group)
        return;
    for (size_t i = 0; i < a->group_count; i++)
        if (strcmp(a->groups[i], group) == 0)
            return;
    a->groups = mem_realloc(a->groups, a->group_count + 1, sizeof *a->groups);
    a->groups[a->group_count++] = keep(a, group);
}

static void errors_of(struct answer *a, struct config_info *row, const char *key, const struct kaftan_config_report *report,
                      enum count_rule count)
{
    const char *name, *text;
    const char **errors;
    size_t n = 0;
    for (size_t i = 0; report && config_report_at(report, &i, &name, &text);)
        n += strcmp(name, key) == 0;
    errors = arena_zalloc(a->arena, n + 1, sizeof *errors);
    n = 0;
    for (size_t i = 0; report && config_report_at(report, &i, &name, &text);)
        if (strcmp(name, key) == 0)
            errors[n++] = keep(a, text);
    row->errors = errors;
    row->error_count = n;
    a->errors += count == COUNT_MESSAGES ? (int32_t)n : n > 0;
}

static const char *shown(struct answer *a, const struct kaftan_config_key *key, const char *text)
{
    struct buf b = BUF_INIT;
    const char *ret = config_value_shown(key, text, &b) ? arena_strndup(a->arena, b.len ? b.data : "", b.len) : NULL;
    buf_fini(&b);
    return ret;
}

static void define(struct answer *a, struct config_info *row, const struct kaftan_config_key *key, int32_t place)
{
    row->defined = true;
    row->type = config_type_name(key->type);
    row->required = key->def == KAFTAN_NO_DEFAULT;
    row->default_value = row->required ? NULL : shown(a, key, key->def);
    row->importance = config_importance_name(key->importance);
    row->documentation = keep(a, key->doc ? key->doc : "");
    row->group = keep(a, key->group);
    row->order_in_group = !key->group ? -1 : key->order_in_group ? key->order_in_group : place;
    row->width = config_width_name(key->width);
    row->display_name = keep(a, key->display_name ? key->display_name : row->name);
    row->dependent_count = listed(key->dependents);
    row->dependents = keep_list(a, key->dependents, row->dependent_count);
    row->recommended_count = listed(key->recommended);
    row->recommended = keep_list(a, key->recommended, row->recommended_count);
    group_add(a, key->group);
}

void answer_row(struct answer *a, const char *name, const struct kaftan_config_key *key, const char *value,
                const struct kaftan_config_report *report, enum count_rule count)
{
    struct config_info *row = row_add(key || count == COUNT_KEYS ? &a->rest : &a->first);
    row->name = keep(a, name);
    row->visible = true;
    row->dependents = row->recommended = keep_list(a, NULL, 0);
    if (key)
        define(a, row, key, 0);
    row->value = key ? shown(a, key, value) : keep(a, value);
    errors_of(a, row, name, report, count);
}

static int32_t place_of(const struct kaftan_config_key *table, const struct kaftan_config_key *key)
{
    int32_t place = 1;
    for (const struct kaftan_config_key *k = table; k < key; k++)
        place += k->group && key->group && strcmp(k->group, key->group) == 0;
    return place;
}

void answer_table(struct answer *a, const struct kaftan_config_key *table, const struct kaftan_config_key *but, const char *prefix,
                  const struct text_map *texts, const struct kaftan_config_report *report, enum count_rule count)
{
    for (const struct kaftan_config_key *k = table; k && k->name; k++) {
        struct config_info *row;
        if (k->internal || (but && config_key_find(but, k->name)))
            continue;
        row = row_add(&a->rest);
        row->name = arena_printf(a->arena, "%s%s", prefix, k->name);
        row->visible = true;
        define(a, row, k, place_of(table, k));
        if (texts)
            row->value = shown(a, k, text_map_has(texts, k->name) ? text_map_get(texts, k->name) : k->def);
        errors_of(a, row, k->name, report, count);
    }
}

static struct config_info *row_find(const struct answer *a, const char *name)
{
    for (size_t i = 0; i < a->rest.count; i++)
        if (strcmp(a->rest.items[i].name, name) == 0)
            return &a->rest.items[i];
    for (size_t i = 0; i < a->first.count; i++)
        if (strcmp(a->first.items[i].name, name) == 0)
            return &a->first.items[i];
    return NULL;
}

bool answer_has(const struct answer *a, const char *name)
{
    return row_find(a, name);
}

void answer_value(struct answer *a, const char *name, const char *value)
{
    struct config_info *row = row_find(a, name);
    if (row)
        row->value = keep(a, value);
}

void answer_recommend(struct answer *a, const char *name, const char *const *items, size_t count)
{
    struct config_info *row = row_find(a, name);
    if (!row)
        return;
    row->recommended = keep_list(a, items, count);
    row->recommended_count = count;
}

void answer_hide(struct answer *a, const char *name)
{
    struct config_info *row = row_find(a, name);
    if (row)
        row->visible = false;
}

struct config_infos *answer_take(struct answer *a, const char *name)
{
    size_t count = a->first.count + a->rest.count;
    struct config_info *rows = arena_zalloc(a->arena, count, sizeof *rows);
    if (a->first.count)
        memcpy(rows, a->first.items, a->first.count * sizeof *rows);
    if (a->rest.count)
        memcpy(rows + a->first.count, a->rest.items, a->rest.count * sizeof *rows);
    a->pub.name = keep(a, name ? name : "");
    a->pub.error_count = a->errors;
    a->pub.groups = keep_list(a, a->groups, a->group_count);
    a->pub.group_count = a->group_count;
    a->pub.infos = rows;
    a->pub.count = count;
    return &a->pub;
}

void config_infos_free(struct config_infos *i)
{
    answer_free((struct answer *)(void *)i);
}

struct kaftan_error *config_infos_error(const struct config_infos *i)
{
    struct buf text = BUF_INIT;
    struct kaftan_error *err;
    if (i->error_count == 0)
        return NULL;
    buf_printf(&text, "Connector configuration is invalid and contains the following %d error(s):", i->error_count);
    for (size_t k = 0; k < i->count; k++)
        for (size_t e = 0; e < i->infos[k].error_count; e++)
            buf_printf(&text, "\n%s", i->infos[k].errors[e]);
    buf_puts(&text, "\nYou can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`");
    err = kaftan_error_new(KAFTAN_E_INVALID, "%s", buf_text(&text));
    buf_fini(&text);
    return err;
}
