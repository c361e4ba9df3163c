/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "config/keys.h"

#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "config/value_int.h"

const struct kaftan_config_key *config_key_find(const struct kaftan_config_key *table, const char *name)
{
    for (const struct kaftan_config_key *k = table; k && k->name; k++)
        if (strcmp(k->name, name) == 0)
            return k;
    return NULL;
}

const char *config_type_name(enum kaftan_config_type type)
{
    static const char *const names[] = {
        [KAFTAN_BOOLEAN] = "BOOLEAN", [KAFTAN_STRING] = "STRING", [KAFTAN_INT] = "INT",
        [KAFTAN_SHORT] = "SHORT",     [KAFTAN_LONG] = "LONG",     [KAFTAN_DOUBLE] = "DOUBLE",
        [KAFTAN_LIST] = "LIST",       [KAFTAN_CLASS] = "CLASS",   [KAFTAN_PASSWORD] = "PASSWORD",
    };
    ASSERT((size_t)type < COUNT_OF(names) && names[type]);
    return names[type];
}

const char *config_importance_name(enum kaftan_importance importance)
{
    static const char *const names[] = { "HIGH", "MEDIUM", "LOW" };
    ASSERT((size_t)importance < COUNT_OF(names));
    return names[importance];
}

const char *config_width_name(enum kaftan_width width)
{
    static const char *const names[] = { "NONE", "SHORT", "MEDIUM", "LONG" };
    ASSERT((size_t)width < COUNT_OF(names));
    return names[width];
}

bool config_value_shown(const struct kaftan_config_key *key, const char *text, struct buf *ret)
{
    struct config_value v;
    if (!text || text == KAFTAN_NULL_DEFAULT)
        return false;
    struct kaftan_arena *a = arena_new(0);
    bool shown = !value_parse(a, key->type, text, &v) && value_put_shown(ret, &v);
    if (key->type == KAFTAN_PASSWORD && !v.null)
        explicit_bzero((char *)(uintptr_t)v.text.ptr, v.text.len);
    arena_free(a);
    return shown;
}

static void put_cell(struct buf *b, const char *s)
{
    for (; *s; s++) {
        if (*s == '|')
            buf_putc(b, '\\');
        buf_putc(b, *s == '\n' ? ' ' : *s);
    }
}

static void put_valid(struct buf *b, const struct kaftan_config_key *k)
{
    if (k->allowed) {
        for (size_t i = 0; k->allowed[i]; i++)
            buf_printf(b, "%s`%s`", i > 0 ? ", " : "", k->allowed[i]);
    } else if (k->ranged) {
        buf_printf(b, "%lld", (long long)k->min);
        if (k->max != 0)
            buf_printf(b, " to %lld", (long long)k->max);
        else
            buf_puts(b, " or more");
    } else if (k->non_empty) {
        buf_puts(b, "not empty");
    }
}

static void put_default(struct buf *b, const struct kaftan_config_key *k)
{
    struct buf text = BUF_INIT;
    if (k->def == KAFTAN_NO_DEFAULT)
        buf_puts(b, "required");
    else if (!config_value_shown(k, k->def, &text))
        buf_puts(b, "none");
    else if (text.len == 0)
        buf_puts(b, "empty");
    else {
        buf_putc(b, '`');
        put_cell(b, buf_text(&text));
        buf_putc(b, '`');
    }
    buf_fini(&text);
}

static void put_row(struct buf *b, const struct kaftan_config_key *k)
{
    static const char *const importances[] = { "high", "medium", "low" };
    static const char *const types[] = { "", "boolean", "string", "int", "short", "long", "double", "list", "class", "password" };
    buf_printf(b, "| `%s` | %s | ", k->name, types[k->type]);
    put_default(b, k);
    buf_puts(b, " | ");
    put_valid(b, k);
    buf_printf(b, " | %s | ", importances[k->importance]);
    put_cell(b, k->doc ? k->doc : "");
    buf_puts(b, " |\n");
}

static bool same_group(const struct kaftan_config_key *a, const struct kaftan_config_key *b)
{
    return strcmp(a->group ? a->group : "", b->group ? b->group : "") == 0;
}

/* The first shown row of its group? */
static bool opens_group(const struct kaftan_config_key *table, const struct kaftan_config_key *k)
{
    for (const struct kaftan_config_key *before = table; before < k; before++)
        if (!before->internal && same_group(before, k))
            return false;
    return true;
}

void config_table_markdown(const struct kaftan_config_key *table, struct buf *ret)
{
    for (const struct kaftan_config_key *k = table; k && k->name; k++) {
        if (k->internal || !opens_group(table, k))
            continue;
        buf_printf(ret, "%s### %s\n\n", ret->len > 0 ? "\n" : "", k->group ? k->group : "General");
        buf_puts(ret, "| key | type | default | valid | importance | what it does |\n"
                      "| --- | --- | --- | --- | --- | --- |\n");
        for (const struct kaftan_config_key *row = k; row->name; row++)
            if (!row->internal && same_group(row, k))
                put_row(ret, row);
    }
}

/* To a plugin the map is opaque and has another name; there is one object only. */
const struct kaftan_config_texts *config_texts_of(const struct text_map *m)
{
    return (const struct kaftan_config_texts *)(const void *)m;
}

static const struct text_map *map_of(const struct kaftan_config_texts *c)
{
    return (const struct text_map *)(const void *)c;
}

const char *kaftan_config_text(const struct kaftan_config_texts *c, const char *key)
{
    return text_map_get(map_of(c), key);
}

bool kaftan_config_text_at(const struct kaftan_config_texts *c, size_t *i, const char **ret_key,
                           const char **ret_value)
{
    return text_map_at(map_of(c), i, ret_key, ret_value);
}
