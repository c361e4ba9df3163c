/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ConfigDef's golden vectors: a definition is made into a row, and what
 * parseType, parse and validate gave in Java is compared. Left out: values
 * that are no texts (a file or a request has texts only), classes (only the
 * registry knows them) and validators that a row has no column for.
 */
#include "config.h"

#include <criterion/criterion.h>

#include <string.h>

#include "unit/base/vectors.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/keys.h"

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

static void check_shown(const char *id, const struct kaftan_config_key *k, const struct text_map *m, const struct json *want)
{
    struct buf b = BUF_INIT;
    const char *text = text_map_has(m, k->name) ? text_map_get(m, k->name) : k->def;
    bool ok = config_value_shown(k, text, &b);
    if (want && want->type == JSON_STRING)
        cr_expect(ok && strcmp(buf_text(&b), want->text.ptr) == 0, "%s: %s", id, buf_text(&b));
    else if (want && want->type == JSON_NULL)
        cr_expect_not(ok, "%s", id);
    buf_fini(&b);
}

static void check_errors(const char *id, const struct kaftan_config_report *r, const struct json *want)
{
    const char *key, *text;
    size_t i = 0, n = 0;
    for (; config_report_at(r, &i, &key, &text); n++)
        cr_expect(n < want->count && strcmp(text, want->items[n].text.ptr) == 0, "%s: %s", id, text);
    cr_expect_eq(n, want->count, "%s: %zu errors", id, n);
}

static void check_parse(const char *id, const struct kaftan_config_report *r, const struct json *expected)
{
    const char *want = text_of(json_get(json_get(expected, "error"), "message"));
    struct kaftan_error *err = config_report_error(r);
    if (want)
        cr_expect(err && strcmp(kaftan_error_message(err), want) == 0, "%s: %s", id, err ? kaftan_error_message(err) : "-");
    else
        cr_expect_null(err, "%s: %s", id, err ? kaftan_error_message(err) : "");
    kaftan_error_free(err);
}

static void check_list(const char *id, const struct kaftan_list *found, const struct json *want)
{
    cr_expect_eq(found->count, want->count, "%s", id);
    for (size_t i = 0; i < want->count && i < found->count; i++)
        cr_expect_str_eq(found->items[i], want->items[i].text.ptr, "%s", id);
}

static void check_value(const char *id, const struct kaftan_config_key *k, const union field *f, const struct json *expected)
{
    const struct json *want = json_get(expected, "value"), *list = json_get(expected, "list");
    int64_t n = 0;
    if (list)
        check_list(id, &f->list, list);
    else if (json_i64(want, &n))
        cr_expect_eq(k->type == KAFTAN_INT ? f->i : k->type == KAFTAN_SHORT ? f->s : f->l, n, "%s", id);
    else if (want && (want->type == JSON_TRUE || want->type == JSON_FALSE))
        cr_expect_eq(f->flag, want->type == JSON_TRUE, "%s", id);
    else if (want && want->type == JSON_STRING)
        cr_expect_str_eq(f->text, want->text.ptr, "%s", id);
}

static bool check_vector(struct kaftan_arena *a, const struct json *v)
{
    struct kaftan_config_key table[ROWS] = { 0 };
    union field fields[ROWS];
    const char *id = text_of(json_get(v, "id")), *op = text_of(json_get(json_get(v, "input"), "op"));
    const struct json *expected = json_get(v, "expected");
    struct text_map *m = make_texts(json_get(v, "input"));
    if (!m || !make_table(a, json_get(v, "config"), table)) {
        text_map_unref(m);
        return false;
    }
    struct kaftan_config_report *r = config_report_new();
    struct config_values *values = config_parse(table, sizeof fields, m, r);
    if (strcmp(op, "validate") == 0) {
        check_errors(id, r, json_get(expected, "errors"));
        check_shown(id, &table[0], m, json_get(expected, "value"));
    } else {
        check_parse(id, r, expected);
        if (strcmp(op, "parseType") == 0)
            check_value(id, &table[0], config_values_get(values), expected);
    }
    config_values_free(values);
    config_report_free(r);
    text_map_unref(m);
    return true;
}

Test(configdef, golden_vectors)
{
    struct kaftan_arena *a = arena_new(0);
    const struct json *all = json_get(vectors_load(a, "configdef-vectors.json"), "vectors");
    size_t done = 0;
    for (size_t i = 0; i < all->count; i++)
        done += check_vector(a, &all->items[i]);
    cr_expect_geq(done, 90u, "%zu of %zu", done, all->count);
    arena_free(a);
}
