/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "config/report_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct finding {
    char *key;  /* owned; NULL: a warning */
    char *text; /* owned */
    enum report_for whose;
};

struct kaftan_config_report {
    struct finding *all; /* owned */
    size_t count, cap, errors;
};

struct kaftan_config_report *config_report_new(void)
{
    return mem_zalloc(1, sizeof(struct kaftan_config_report));
}

void config_report_free(struct kaftan_config_report *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++) {
        mem_free(r->all[i].key);
        mem_free(r->all[i].text);
    }
    mem_free(r->all);
    mem_free(r);
}

void report_add(struct kaftan_config_report *r, const char *key, char *text, enum report_for whose)
{
    if (r->count == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 8;
        r->all = mem_realloc(r->all, r->cap, sizeof *r->all);
    }
    r->all[r->count++] = (struct finding){ key ? mem_strdup(key) : NULL, text, whose };
    r->errors += key && whose != REPORT_PARSE;
}

static char *format(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
static char *format(const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    ASSERT(len >= 0);
    char *text = mem_alloc((size_t)len + 1);
    (void)vsnprintf(text, (size_t)len + 1, fmt, args);
    return text;
}

void kaftan_config_error(struct kaftan_config_report *r, const char *key, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    report_add(r, key, format(fmt, args), REPORT_BOTH);
    va_end(args);
}

void kaftan_config_warning(struct kaftan_config_report *r, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    report_add(r, NULL, format(fmt, args), REPORT_BOTH);
    va_end(args);
}

size_t config_report_error_count(const struct kaftan_config_report *r)
{
    return r->errors;
}

bool config_report_at(const struct kaftan_config_report *r, size_t *i, const char **ret_key, const char **ret_text)
{
    while (*i < r->count) {
        const struct finding *f = &r->all[(*i)++];
        if (!f->key || f->whose == REPORT_PARSE)
            continue;
        *ret_key = f->key;
        *ret_text = f->text;
        return true;
    }
    return false;
}

bool config_report_warning_at(const struct kaftan_config_report *r, size_t *i, const char **ret_text)
{
    while (*i < r->count) {
        const struct finding *f = &r->all[(*i)++];
        if (f->key)
            continue;
        *ret_text = f->text;
        return true;
    }
    return false;
}

struct kaftan_error *config_report_error(const struct kaftan_config_report *r)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < r->count; i++) {
        const struct finding *f = &r->all[i];
        if (!f->key || f->whose == REPORT_SHOWN)
            continue;
        if (text.len > 0)
            buf_puts(&text, "; ");
        if (!strstr(f->text, f->key))
            buf_printf(&text, "%s: ", f->key);
        buf_puts(&text, f->text);
    }
    struct kaftan_error *err = text.len > 0 ? kaftan_error_new(KAFTAN_E_INVALID, "%s", buf_text(&text)) : NULL;
    buf_fini(&text);
    return err;
}
