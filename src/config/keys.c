/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two of ConfigDef's ways in one: its parse() throws the first error of a key
 * and takes double items out of a checked list; its validate() collects all,
 * goes on to the validator with a null after an error, and reports double
 * items. So the report knows which errors validation alone would show.
 */
#include "config.h"

#include "config/keys.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/report_int.h"
#include "config/value_int.h"

const char kaftan_null_default[] = "";

struct kaftan_secret {
    size_t len;
    char text[];
};

struct kaftan_secret *secret_new(const char *text)
{
    size_t len = strlen(text);
    struct kaftan_secret *s = mem_alloc(sizeof *s + len + 1);
    s->len = len;
    memcpy(s->text, text, len + 1);
    return s;
}

void secret_free(struct kaftan_secret *s)
{
    if (!s)
        return;
    explicit_bzero(s->text, s->len);
    mem_free(s);
}

const char *kaftan_secret_reveal(const struct kaftan_secret *s)
{
    return s ? s->text : "";
}

struct config_values {
    void *data;                     /* owned: the struct */
    struct kaftan_arena *arena;     /* owned: what its fields point to */
    struct kaftan_secret **secrets; /* owned */
    size_t secret_count;
};

static size_t field_size(enum kaftan_config_type type)
{
    switch (type) {
    case KAFTAN_BOOLEAN: return sizeof(bool);
    case KAFTAN_INT: return sizeof(int32_t);
    case KAFTAN_SHORT: return sizeof(int16_t);
    case KAFTAN_LONG: return sizeof(int64_t);
    case KAFTAN_DOUBLE: return sizeof(double);
    case KAFTAN_LIST: return sizeof(struct kaftan_list);
    case KAFTAN_STRING:
    case KAFTAN_CLASS:
    case KAFTAN_PASSWORD: break;
    }
    return sizeof(const char *);
}

struct parsing {
    struct config_values *out;
    const struct kaftan_config_key *key;
    struct kaftan_config_report *report;
    enum report_for next; /* whose the key's next error would be */
    bool failed;          /* the field stays zero */
};

static void fail(struct parsing *p, char *text)
{
    report_add(p->report, p->key->name, text, p->next);
    p->next = REPORT_SHOWN;
    p->failed = true;
}

static void fail_value(struct parsing *p, const char *value, size_t len, const char *message)
{
    fail(p, mem_printf("Invalid value %.*s for configuration %s: %s", (int)len, value, p->key->name, message));
}

static void fail_parsed(struct parsing *p, const struct config_value *v, const char *message)
{
    struct buf value = BUF_INIT;
    value_put_message(&value, v);
    fail_value(p, buf_text(&value), value.len, message);
    buf_fini(&value);
}

static void check_range(struct parsing *p, const struct config_value *v)
{
    char text[64];
    if (v->null) {
        fail_parsed(p, v, "Value must be non-null");
        return;
    }
    const struct kaftan_config_key *k = p->key;
    bool real = k->type == KAFTAN_DOUBLE;
    /* NaN is neither below nor above, as in Java */
    if (real ? v->real < (double)k->min : v->number < k->min) {
        (void)snprintf(text, sizeof text, "Value must be at least %lld", (long long)k->min);
        fail_parsed(p, v, text);
    } else if (k->max != 0 && (real ? v->real > (double)k->max : v->number > k->max)) {
        (void)snprintf(text, sizeof text, "Value must be no more than %lld", (long long)k->max);
        fail_parsed(p, v, text);
    }
}

static void put_allowed(struct buf *b, const char *const *allowed)
{
    for (size_t i = 0; allowed[i]; i++) {
        if (i > 0)
            buf_puts(b, ", ");
        buf_puts(b, allowed[i]);
    }
}

static bool contains(const char *const *items, size_t count, const char *item)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i], item) == 0)
            return true;
    return false;
}

static size_t count_items(const char *const *items)
{
    size_t n = 0;
    while (items[n])
        n++;
    return n;
}

/* `value` NULL: null. */
static bool check_allowed(struct parsing *p, const char *value)
{
    const char *const *allowed = p->key->allowed;
    if (value && contains(allowed, count_items(allowed), value))
        return true;
    struct buf text = BUF_INIT;
    buf_puts(&text, "String must be one of: ");
    put_allowed(&text, allowed);
    if (!value)
        value = "null";
    fail_value(p, value, strlen(value), buf_text(&text));
    buf_fini(&text);
    return false;
}

static void fail_list(struct parsing *p, const char *what)
{
    fail(p, mem_printf("Configuration '%s' %s", p->key->name, what));
}

static void fail_empty_list(struct parsing *p)
{
    struct buf text = BUF_INIT;
    buf_puts(&text, "must not be empty. Valid values include: ");
    if (p->key->allowed) {
        buf_putc(&text, '[');
        put_allowed(&text, p->key->allowed);
        buf_putc(&text, ']');
    } else {
        buf_puts(&text, "any non-empty value");
    }
    fail_list(p, buf_text(&text));
    buf_fini(&text);
}

/* The list without double items. */
static struct kaftan_list unique(struct kaftan_arena *a, struct kaftan_list list)
{
    const char **items = arena_alloc(a, (list.count + 1) * sizeof *items);
    size_t n = 0;
    for (size_t i = 0; i < list.count; i++)
        if (!contains(items, n, list.items[i]))
            items[n++] = list.items[i];
    items[n] = NULL;
    return (struct kaftan_list){ items, n };
}

static void check_list(struct parsing *p, struct config_value *v)
{
    if (v->null) {
        fail_list(p, "values must not be null.");
        return;
    }
    if (p->key->non_empty && v->list.count == 0) {
        fail_empty_list(p);
        return;
    }
    size_t before = v->list.count;
    v->list = unique(p->out->arena, v->list);
    if (v->list.count != before) {
        report_add(p->report, p->key->name, mem_printf("Configuration '%s' values must not be duplicated.", p->key->name),
                   REPORT_SHOWN);
        if (p->next == REPORT_SHOWN)
            return;
        p->next = REPORT_PARSE;
    }
    if (contains(v->list.items, v->list.count, "")) {
        fail_list(p, "values must not be empty.");
        return;
    }
    for (size_t i = 0; p->key->allowed && i < v->list.count; i++)
        if (!check_allowed(p, v->list.items[i]))
            return;
}

static void store(struct parsing *p, const struct config_value *v, void *field)
{
    if (v->null)
        return;
    int32_t number = (int32_t)v->number;
    int16_t small = (int16_t)v->number;
    struct kaftan_secret *secret;
    switch (v->type) {
    case KAFTAN_BOOLEAN: memcpy(field, &v->flag, sizeof v->flag); break;
    case KAFTAN_INT: memcpy(field, &number, sizeof number); break;
    case KAFTAN_SHORT: memcpy(field, &small, sizeof small); break;
    case KAFTAN_LONG: memcpy(field, &v->number, sizeof v->number); break;
    case KAFTAN_DOUBLE: memcpy(field, &v->real, sizeof v->real); break;
    case KAFTAN_LIST: memcpy(field, &v->list, sizeof v->list); break;
    case KAFTAN_STRING:
    case KAFTAN_CLASS: memcpy(field, &v->text.ptr, sizeof v->text.ptr); break;
    case KAFTAN_PASSWORD:
        secret = secret_new(v->text.ptr);
        explicit_bzero((char *)(uintptr_t)v->text.ptr, v->text.len);
        p->out->secrets = mem_realloc(p->out->secrets, p->out->secret_count + 1, sizeof *p->out->secrets);
        p->out->secrets[p->out->secret_count++] = secret;
        memcpy(field, &secret, sizeof secret);
        break;
    }
}

/* The row's own check. A null is shown to it only as an empty list, which cannot be followed into nothing. */
static void check_own(struct parsing *p, const struct config_value *v, void *field)
{
    if (!p->key->validate || (v->null && v->type != KAFTAN_LIST))
        return;
    struct kaftan_error *err = p->key->validate(p->key->name, field);
    if (!err)
        return;
    fail(p, mem_strdup(kaftan_error_message(err)));
    kaftan_error_free(err);
}

static bool numeric(enum kaftan_config_type type)
{
    return type == KAFTAN_INT || type == KAFTAN_SHORT || type == KAFTAN_LONG || type == KAFTAN_DOUBLE;
}

static void check(struct parsing *p, struct config_value *v)
{
    const struct kaftan_config_key *k = p->key;
    if (k->type == KAFTAN_LIST) {
        if (k->allowed || k->non_empty)
            check_list(p, v);
    } else if (k->allowed) {
        (void)check_allowed(p, v->null ? NULL : v->text.ptr);
    } else if (k->non_empty && !v->null && v->text.len == 0) {
        fail_parsed(p, v, "String must be non-empty");
    } else if (k->ranged && numeric(k->type)) {
        check_range(p, v);
    }
}

static void parse_key(struct parsing *p, const struct text_map *texts)
{
    const struct kaftan_config_key *k = p->key;
    struct config_value v;
    bool given = text_map_has(texts, k->name);
    const char *text = given ? text_map_get(texts, k->name) : k->def;
    void *field = (char *)p->out->data + k->offset;
    if (!given && k->def == KAFTAN_NULL_DEFAULT)
        return; /* a default of null is the table's word, not to be checked */
    if (!given && k->def == KAFTAN_NO_DEFAULT)
        fail(p, mem_printf("Missing required configuration \"%s\" which has no default value.", k->name));
    const char *wrong = value_parse(p->out->arena, k->type, text, &v);
    if (wrong && text)
        fail_value(p, text, strlen(text), wrong);
    bool typed = !p->failed;
    check(p, &v);
    if (p->failed && typed)
        return; /* Java's composite validators stop at the first finding, too */
    store(p, &v, field);
    check_own(p, &v, field);
    if (p->failed)
        memset(field, 0, field_size(k->type));
}

struct config_values *config_parse(const struct kaftan_config_key *table, size_t size, const struct text_map *texts,
                                   struct kaftan_config_report *report)
{
    struct config_values *out = mem_zalloc(1, sizeof *out);
    out->data = mem_zalloc(1, size);
    out->arena = arena_new(0);
    for (const struct kaftan_config_key *k = table; k && k->name; k++) {
        ASSERT(k->offset + field_size(k->type) <= size);
        struct parsing p = { .out = out, .key = k, .report = report };
        parse_key(&p, texts);
    }
    return out;
}

static bool reported(const struct kaftan_config_report *report, const char *name)
{
    const char *key, *text;
    for (size_t i = 0; config_report_at(report, &i, &key, &text);)
        if (strcmp(key, name) == 0)
            return true;
    return false;
}

void config_refuse_nulls(const struct kaftan_config_key *table, const struct text_map *texts, struct kaftan_config_report *report)
{
    for (const struct kaftan_config_key *k = table; k && k->name; k++)
        if (k->def != KAFTAN_NULL_DEFAULT && text_map_has(texts, k->name) && !text_map_get(texts, k->name) &&
            !reported(report, k->name))
            kaftan_config_error(report, k->name, "Invalid value null for configuration %s: Null value can not be supplied as the configuration value.",
                                k->name);
}

const void *config_values_get(const struct config_values *v)
{
    return v->data;
}

void config_values_free(struct config_values *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < v->secret_count; i++)
        secret_free(v->secrets[i]);
    mem_free(v->secrets);
    arena_free(v->arena);
    mem_free(v->data);
    mem_free(v);
}
