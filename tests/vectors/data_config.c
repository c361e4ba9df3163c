/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ConfigDef: a definition is made into a row, and what parseType, parse and
 * validate gave in Java is compared. Left out: values that are no texts (a
 * file or a request has texts only), classes (only the registry knows them)
 * and validators that a row has no column for.
 */
#include "config.h"

#include "vectors/data.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "config/keys.h"

static const char no_row[] = "values that are no texts, and definitions that a row of ours cannot express";

union field {
    bool flag;
    int32_t i;
    int16_t s;
    int64_t l;
    double d;
    const char *text;
    struct kaftan_list list;
};

enum { ROWS = 4 };

static const char *text_of(const struct json *v)
{
    struct kaftan_slice s;
    return json_text(v, &s) ? s.ptr : NULL;
}

static bool type_of(const char *name, enum kaftan_config_type *ret)
{
    for (int t = KAFTAN_BOOLEAN; t <= KAFTAN_PASSWORD; t++) {
        if (strcmp(config_type_name((enum kaftan_config_type)t), name) != 0)
            continue;
        *ret = (enum kaftan_config_type)t;
        return true;
    }
    return false;
}

static const char *const a_b[] = { "a", "b", NULL };
static const char *const x_y[] = { "x", "y", NULL };

static bool add_validator(struct kaftan_config_key *k, const char *v)
{
    static const struct {
        const char *name;
        struct kaftan_config_key columns;
    } known[] = {
        { "between(1,10)", { .ranged = true, .min = 1, .max = 10 } },
        { "atLeast(1)", { .ranged = true, .min = 1 } },
        { "atLeast(5)", { .ranged = true, .min = 5 } },
        { "atLeast(0)", { .ranged = true, .min = 0 } },
        { "in(a,b)", { .allowed = a_b } },
        { "in(x,y)", { .allowed = x_y } },
        { "listIn(a,b)", { .allowed = a_b } },
        { "listInNonEmpty(a,b)", { .allowed = a_b, .non_empty = true } },
        { "noDuplicates(false,false)", { .non_empty = true } },
        { "nonEmpty", { .non_empty = true } },
    };
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(known[i].name, v) != 0)
            continue;
        k->ranged = known[i].columns.ranged;
        k->min = known[i].columns.min;
        k->max = known[i].columns.max;
        k->allowed = known[i].columns.allowed;
        k->non_empty = known[i].columns.non_empty;
        return true;
    }
    return false;
}

static bool make_row(struct kaftan_arena *a, const struct json *def, size_t row, struct kaftan_config_key *ret)
{
    const struct json *d = json_get(def, "default");
    const char *type = text_of(json_get(def, "type")), *validator = text_of(json_get(def, "validator"));
    *ret = (struct kaftan_config_key){ .name = text_of(json_get(def, "name")), .offset = row * sizeof(union field) };
    if (!ret->name)
        ret->name = "k";
    if (d && d->type == JSON_NULL)
        ret->def = KAFTAN_NULL_DEFAULT;
    else if (d)
        ret->def = arena_strndup(a, d->text.ptr, d->text.len);
    return type && type_of(type, &ret->type) && ret->type != KAFTAN_CLASS && ret->type != KAFTAN_PASSWORD &&
           (!validator || add_validator(ret, validator));
}

/* The rows of a vector's definitions; false: not expressible. */
static bool make_table(struct kaftan_arena *a, const struct json *config, struct kaftan_config_key *table)
{
    const struct json *many = json_get(config, "definitions"), *one = json_get(config, "definition");
    size_t n = 0;
    if (!many)
        return make_row(a, one ? one : config, 0, table);
    for (size_t i = 0; i < many->count && n + 1 < ROWS; i++) {
        /* a secret's column has its own type; as a text it says the same here */
        if (!make_row(a, &many->items[i], n, &table[n]) && table[n].type != KAFTAN_PASSWORD)
            return false;
        if (table[n].type == KAFTAN_PASSWORD)
            table[n].type = KAFTAN_STRING;
        n++;
    }
    return true;
}

static bool add_text(struct text_map *m, const char *key, const struct json *v)
{
    if (v->type != JSON_STRING && v->type != JSON_NULL)
        return false;
    text_map_put(m, key, text_of(v));
    return true;
}

static struct text_map *make_texts(const struct json *input)
{
    struct text_map *m = text_map_new();
    const struct json *props = json_get(input, "props"), *value = json_get(input, "value");
    bool ok = true;
    for (size_t i = 0; props && i < props->count; i++)
        ok = add_text(m, props->members[i].name.ptr, &props->members[i].value) && ok;
    if (value)
        ok = add_text(m, "k", value) && ok;
    if (ok)
        return m;
    text_map_unref(m);
    return NULL;
}

static const char *shown_differs(struct kaftan_arena *a, const struct kaftan_config_key *k, const struct text_map *m,
                                 const struct json *want)
{
    struct buf b = BUF_INIT;
    const char *text = text_map_has(m, k->name) ? text_map_get(m, k->name) : k->def, *wrong = NULL;
    bool ok = config_value_shown(k, text, &b);
    if (want && want->type == JSON_STRING && !(ok && slice_eq_str(want->text, buf_text(&b))))
        wrong = arena_printf(a, "value %s", ok ? buf_text(&b) : "none");
    else if (want && want->type == JSON_NULL && ok)
        wrong = arena_printf(a, "value %s", buf_text(&b));
    buf_fini(&b);
    return wrong;
}

static const char *errors_differ(struct kaftan_arena *a, const struct kaftan_config_report *r, const struct json *want)
{
    const char *key, *text;
    size_t i = 0, n = 0;
    for (; config_report_at(r, &i, &key, &text); n++)
        if (!want || n >= want->count || !slice_eq_str(want->items[n].text, text))
            return arena_printf(a, "error \"%s\"", text);
    return want && n == want->count ? NULL : arena_printf(a, "%zu errors", n);
}

static const char *parse_differs(struct kaftan_arena *a, const struct kaftan_config_report *r, const struct json *expected)
{
    const char *want = text_of(json_get(json_get(expected, "error"), "message")), *wrong = NULL;
    struct kaftan_error *err = config_report_error(r);
    if (want && !(err && strcmp(kaftan_error_message(err), want) == 0))
        wrong = arena_printf(a, "error \"%s\"", err ? kaftan_error_message(err) : "none");
    else if (!want && err)
        wrong = arena_printf(a, "error \"%s\"", kaftan_error_message(err));
    kaftan_error_free(err);
    return wrong;
}

static const char *value_differs(struct kaftan_arena *a, const struct kaftan_config_key *k, const union field *f,
                                 const struct json *expected)
{
    const struct json *want = json_get(expected, "value"), *list = json_get(expected, "list");
    int64_t n = 0, got = k->type == KAFTAN_INT ? f->i : k->type == KAFTAN_SHORT ? f->s : f->l;
    if (list && list->count != f->list.count)
        return arena_printf(a, "%zu items", f->list.count);
    for (size_t i = 0; list && i < list->count; i++)
        if (!slice_eq_str(list->items[i].text, f->list.items[i]))
            return arena_printf(a, "item %s", f->list.items[i]);
    if (list || !want)
        return NULL;
    if (json_i64(want, &n) && got != n)
        return arena_printf(a, "value %lld", (long long)got);
    if ((want->type == JSON_TRUE || want->type == JSON_FALSE) && f->flag != (want->type == JSON_TRUE))
        return arena_printf(a, "value %s", f->flag ? "true" : "false");
    if (want->type == JSON_STRING && k->type == KAFTAN_STRING && !(f->text && slice_eq_str(want->text, f->text)))
        return arena_printf(a, "value %s", f->text ? f->text : "null");
    return NULL;
}

static const char *run(struct kaftan_arena *a, const struct json *v)
{
    struct kaftan_config_key table[ROWS] = { 0 };
    union field fields[ROWS];
    const char *op = text_of(json_get(json_get(v, "input"), "op")), *wrong;
    const struct json *expected = json_get(v, "expected");
    struct text_map *m = make_texts(json_get(v, "input"));
    if (!m || !make_table(a, json_get(v, "config"), table)) {
        text_map_unref(m);
        return no_row;
    }
    struct kaftan_config_report *r = config_report_new();
    struct config_values *values = config_parse(table, sizeof fields, m, r);
    if (strcmp(op, "validate") == 0) {
        wrong = errors_differ(a, r, json_get(expected, "errors"));
        wrong = wrong ? wrong : shown_differs(a, &table[0], m, json_get(expected, "value"));
    } else {
        wrong = parse_differs(a, r, expected);
        if (!wrong && strcmp(op, "parseType") == 0)
            wrong = value_differs(a, &table[0], config_values_get(values), expected);
    }
    config_values_free(values);
    config_report_free(r);
    text_map_unref(m);
    return wrong;
}

const struct data_component data_config_components[] = { { "ConfigDef", run, no_row }, { NULL, NULL, NULL } };
