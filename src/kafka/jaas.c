/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/jaas.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

/* ---- the language ---------------------------------------------------------------- */

/*
 * Java reads the value with a StreamTokenizer, and so does this: words are of
 * everything but blanks, quotes, `;`, `=` and `/`; a `/` begins a comment,
 * quoted or not is the writer's choice, and a quoted text has C's escapes.
 */
struct tokens {
    const char *at;
    char kind;       /* 'w' a word or a quoted text, ';', '=', 0 at the end */
    bool open_quote; /* the last one was not closed on its line */
    struct buf text;
};

static const char *skip_space(const char *p)
{
    while (*p && (unsigned char)*p <= ' ')
        p++;
    return p;
}

/* Behind blanks and comments. */
static const char *skip_comments(const char *p)
{
    for (p = skip_space(p); *p == '/'; p = skip_space(p)) {
        const char *end = p[1] == '*' ? strstr(p + 2, "*/") : NULL;
        p = p[1] != '*' ? p + strcspn(p, "\r\n") : end ? end + 2 : p + strlen(p);
    }
    return p;
}

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* p stands behind a backslash; returns what follows the escape. */
static const char *escape(const char *p, struct buf *ret)
{
    static const char names[] = "abfnrtv", values[] = "\a\b\f\n\r\t\v";
    const char *name = *p ? strchr(names, *p) : NULL;
    unsigned code = 0;
    if (!*p)
        return p;
    if (!is_octal(*p)) {
        buf_putc(ret, name ? values[name - names] : *p);
        return p + 1;
    }
    for (int left = *p <= '3' ? 3 : 2; left > 0 && is_octal(*p); left--)
        code = code * 8 + (unsigned)(*p++ - '0');
    utf8_put(ret, code);
    return p;
}

static const char *quoted(const char *p, struct tokens *t)
{
    char quote = *p++;
    while (*p && *p != quote && *p != '\n' && *p != '\r') {
        if (*p == '\\')
            p = escape(p + 1, &t->text);
        else
            buf_putc(&t->text, *p++);
    }
    t->open_quote = *p != quote;
    return t->open_quote ? p : p + 1;
}

static char next_token(struct tokens *t)
{
    const char *p = skip_comments(t->at);
    buf_clear(&t->text);
    t->kind = !*p || *p == ';' || *p == '=' ? *p : 'w';
    if (t->kind != 'w') {
        t->at = p + (*p != '\0');
    } else if (*p == '"' || *p == '\'') {
        t->at = quoted(p, t);
    } else {
        while ((unsigned char)*p > ' ' && !strchr("\"';=/", *p))
            buf_putc(&t->text, *p++);
        t->at = p;
    }
    return t->kind;
}

static struct kaftan_error *refuse(const char *fmt, ...) KAFTAN_PRINTF(1, 2);

/* Names of options may be told; what may be a value never is. */
static struct kaftan_error *refuse(const char *fmt, ...)
{
    char why[256];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value [hidden] for configuration sasl.jaas.config: %s", why);
}

static struct kaftan_error *parse_option(struct tokens *t, struct text_map *options)
{
    char *name = mem_strdup(buf_text(&t->text));
    struct kaftan_error *err = NULL;
    if (next_token(t) != '=' || next_token(t) != 'w')
        err = refuse("an option has no value; it reads name=\"value\", with the value in quotes unless it is one plain word");
    else if (t->open_quote)
        err = refuse("the quote of the option %.60s is not closed", name);
    else
        text_map_put(options, name, buf_text(&t->text));
    mem_free(name);
    return err;
}

/* One entry; the tokens stand at its first. */
static struct kaftan_error *parse_entry(struct tokens *t, struct jaas *j)
{
    static const char *const flags[] = { "required", "requisite", "sufficient", "optional" };
    bool flag = false;
    struct kaftan_error *err = NULL;
    if (t->kind != 'w' || !t->text.len)
        return refuse("no login module");
    j->module = mem_strdup(buf_text(&t->text));
    if (next_token(t) != 'w')
        return refuse("no control flag (required) after the login module");
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        flag = flag || strcasecmp(buf_text(&t->text), flags[i]) == 0;
    if (!flag)
        return refuse("the word after the login module is no control flag (required, requisite, sufficient, optional)");
    while (!err && next_token(t) == 'w')
        err = t->text.len ? parse_option(t, j->options) : refuse("an option has no name");
    if (!err && t->kind == '=')
        err = refuse("an option has no name");
    if (!err && t->kind != ';')
        err = refuse("no ';' at the end");
    return err;
}

static void wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    buf_fini(b);
}

/* The first entry, and how many there are. */
static struct kaftan_error *parse_all(const char *text, struct jaas *ret, size_t *ret_count)
{
    struct tokens t = { .at = text, .text = BUF_INIT };
    struct kaftan_error *err = NULL;
    *ret_count = 0;
    while (!err && next_token(&t)) {
        struct jaas j = { .options = text_map_new() };
        err = parse_entry(&t, &j);
        if (!err && *ret_count == 0)
            *ret = j;
        else
            jaas_fini(&j);
        *ret_count += !err;
    }
    wipe(&t.text);
    if (!err && *ret_count == 0)
        err = refuse("no login module");
    else if (err && *ret_count > 0)
        jaas_fini(ret);
    return err;
}

struct kaftan_error *jaas_parse(const char *text, struct jaas *ret)
{
    size_t count;
    struct kaftan_error *err = parse_all(text, ret, &count);
    if (err || count == 1)
        return err;
    jaas_fini(ret);
    return refuse("it has %zu login modules, one is expected", count);
}

void jaas_fini(struct jaas *j)
{
    mem_free(j->module);
    text_map_unref(j->options);
    *j = (struct jaas){ 0 };
}

/* ---- JAAS files ------------------------------------------------------------------ */

enum { FILE_LIMIT = 1 << 20 };
#define SECTION "KafkaClient"

static char *default_file; /* set before the first thread */

static struct kaftan_error *read_file(const char *path, struct buf *ret)
{
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "re");
    if (!f)
        return kaftan_error_new(KAFTAN_E_INVALID, "the JAAS file %s cannot be read: %s", path, strerror(errno));
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && ret->len <= FILE_LIMIT)
        buf_put(ret, chunk, n);
    bool bad = ferror(f) != 0;
    (void)fclose(f);
    explicit_bzero(chunk, sizeof chunk);
    if (bad || ret->len > FILE_LIMIT)
        return kaftan_error_new(KAFTAN_E_INVALID, "the JAAS file %s cannot be read: %s", path,
                                bad ? "reading fails" : "it is larger than 1 MiB");
    return NULL;
}

/* Behind a comment that begins at p, or p itself. */
static const char *skip_comment(const char *p)
{
    const char *end;
    if (p[0] == '#' || (p[0] == '/' && p[1] == '/'))
        return p + strcspn(p, "\n");
    if (p[0] != '/' || p[1] != '*')
        return p;
    end = strstr(p + 2, "*/");
    return end ? end + 2 : p + strlen(p);
}

/* The text without comments, a blank in the place of each. */
static void strip(const char *p, struct buf *ret)
{
    char quote = 0;
    while (*p) {
        const char *next = quote ? p : skip_comment(p);
        if (next != p) {
            buf_putc(ret, ' ');
            p = next;
            continue;
        }
        if (quote && *p == '\\' && p[1])
            buf_putc(ret, *p++);
        else if (quote && *p == quote)
            quote = 0;
        else if (!quote && (*p == '"' || *p == '\''))
            quote = *p;
        buf_putc(ret, *p++);
    }
}

/* Where the closing brace of a section stands; NULL: nowhere. */
static const char *section_end(const char *p)
{
    char quote = 0;
    for (; *p; p++) {
        if (quote && *p == '\\' && p[1])
            p++;
        else if (quote)
            quote = *p == quote ? 0 : quote;
        else if (*p == '"' || *p == '\'')
            quote = *p;
        else if (*p == '}')
            return p;
    }
    return NULL;
}

/* Walks over `Name { ... };` until the one that is wanted. */
static bool find_section(const char *p, struct kaftan_slice *ret)
{
    while (*(p = skip_space(p))) {
        const char *open = strchr(p, '{'), *close = open ? section_end(open + 1) : NULL;
        if (!close)
            return false;
        struct kaftan_slice name = slice_trim((struct kaftan_slice){ p, (size_t)(open - p) });
        *ret = slice_trim((struct kaftan_slice){ open + 1, (size_t)(close - open - 1) });
        if (slice_eq_str(name, SECTION))
            return true;
        p = skip_space(close + 1);
        p += *p == ';';
    }
    return false;
}

struct kaftan_error *jaas_file(const char *path, char **ret)
{
    struct buf raw = BUF_INIT, text = BUF_INIT;
    struct kaftan_slice section;
    struct kaftan_error *err = read_file(path, &raw);
    if (!err) {
        strip(buf_text(&raw), &text);
        if (find_section(buf_text(&text), &section))
            *ret = mem_strndup(section.ptr, section.len);
        else
            err = kaftan_error_new(KAFTAN_E_INVALID, "the JAAS file %s has no section " SECTION " { ... };", path);
    }
    wipe(&raw);
    wipe(&text);
    return err;
}

/* Java takes a path or a URL, and a second '=' means that no other file counts. */
char *jaas_file_of_options(const char *kafka_opts)
{
    static const char option[] = "-Djava.security.auth.login.config=";
    const char *at = kafka_opts ? strstr(kafka_opts, option) : NULL;
    if (!at)
        return NULL;
    at += sizeof option - 1;
    at += *at == '=';
    size_t len = *at == '"' ? strcspn(at + 1, "\"") : strcspn(at, " \t\n");
    at += *at == '"';
    if (len > 5 && memcmp(at, "file:", 5) == 0) {
        size_t skip = at[5] == '/' && at[6] == '/' ? 7 : 5;
        at += skip;
        len = len > skip ? len - skip : 0;
    }
    return len ? mem_strndup(at, len) : NULL;
}

void jaas_default_file(const char *path)
{
    mem_free(default_file);
    default_file = path && *path ? mem_strdup(path) : NULL;
}

/* The modules whose options are understood, from whatever package (some are shaded); any other is code that cannot be run. */
static struct kaftan_error *check_module(const struct jaas *j)
{
    static const char *const known[] = { "PlainLoginModule", "ScramLoginModule", "OAuthBearerLoginModule" };
    const char *dot = strrchr(j->module, '.'), *name = dot ? dot + 1 : j->module;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (strcmp(name, known[i]) == 0)
            return NULL;
    return refuse("the login module %.100s cannot be used: Kafka's PlainLoginModule, ScramLoginModule and OAuthBearerLoginModule can", j->module);
}

struct kaftan_error *jaas_of(const struct text_map *props, struct jaas *ret, bool *ret_found)
{
    const char *value = text_map_get(props, "sasl.jaas.config");
    char *path = NULL, *text = NULL;
    size_t count;
    struct kaftan_error *err = NULL;
    *ret_found = false;
    if (!value || !*value) {
        path = jaas_file_of_options(getenv("KAFKA_OPTS"));
        if (!path && default_file)
            path = mem_strdup(default_file);
        if (path)
            err = jaas_file(path, &text);
        value = text;
    }
    if (!err && value) {
        err = text ? parse_all(text, ret, &count) : jaas_parse(value, ret); /* in a file the first module counts */
        *ret_found = !err;
        if (!err)
            err = check_module(ret);
        if (err && *ret_found)
            jaas_fini(ret);
        *ret_found = !err;
    }
    if (err && path)
        err = kaftan_error_wrap(err, "the JAAS file %s", path);
    if (text)
        explicit_bzero(text, strlen(text));
    mem_free(text);
    mem_free(path);
    return err;
}
