/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/jaas.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

static const char *skip_space(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

/* A quoted text or a bare word (up to space, '=' or ';'); NULL: a quote stays open. */
static const char *word(const char *p, struct buf *ret)
{
    buf_clear(ret);
    if (*p != '"' && *p != '\'') {
        while (*p && !isspace((unsigned char)*p) && *p != '=' && *p != ';')
            buf_putc(ret, *p++);
        return p;
    }
    for (char quote = *p++; *p && *p != quote; p++) {
        if (*p == '\\' && p[1])
            p++;
        buf_putc(ret, *p);
    }
    return *p ? p + 1 : NULL;
}

static struct kaftan_error *refuse(const char *why)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value [hidden] for configuration sasl.jaas.config: %s", why);
}

static struct kaftan_error *parse(const char *p, struct buf *name, struct buf *value, struct jaas *j)
{
    static const char *const flags[] = { "required", "requisite", "sufficient", "optional" };
    bool flag = false;
    p = word(skip_space(p), name);
    if (!p || !name->len)
        return refuse("no login module");
    j->module = mem_strdup(buf_text(name));
    p = word(skip_space(p), name);
    for (size_t i = 0; p && i < COUNT_OF(flags); i++)
        flag = flag || strcasecmp(buf_text(name), flags[i]) == 0;
    if (!flag)
        return refuse("no control flag (required) after the login module");
    for (p = skip_space(p); *p && *p != ';'; p = skip_space(p)) {
        p = word(p, name);
        if (!p || !name->len)
            return refuse("an option has no name");
        p = skip_space(p);
        if (*p != '=')
            return refuse("an option has no value");
        p = word(skip_space(p + 1), value);
        if (!p)
            return refuse("a quote is not closed");
        text_map_put(j->options, buf_text(name), buf_text(value));
    }
    return *p == ';' ? NULL : refuse("no ';' at the end");
}

struct kaftan_error *jaas_parse(const char *text, struct jaas *ret)
{
    struct jaas j = { .options = text_map_new() };
    struct buf name = BUF_INIT, value = BUF_INIT;
    struct kaftan_error *err = parse(text, &name, &value, &j);
    if (value.data)
        explicit_bzero(value.data, value.cap);
    buf_fini(&name);
    buf_fini(&value);
    if (err)
        jaas_fini(&j);
    else
        *ret = j;
    return err;
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

static void wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    buf_fini(b);
}

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

char *jaas_file_of_options(const char *kafka_opts)
{
    static const char option[] = "-Djava.security.auth.login.config=";
    const char *at = kafka_opts ? strstr(kafka_opts, option) : NULL;
    if (!at)
        return NULL;
    at += sizeof option - 1;
    size_t len = *at == '"' ? strcspn(at + 1, "\"") : strcspn(at, " \t\n");
    at += *at == '"';
    return len ? mem_strndup(at, len) : NULL;
}

void jaas_default_file(const char *path)
{
    mem_free(default_file);
    default_file = path && *path ? mem_strdup(path) : NULL;
}

struct kaftan_error *jaas_of(const struct text_map *props, struct jaas *ret, bool *ret_found)
{
    const char *value = text_map_get(props, "sasl.jaas.config");
    char *path = NULL, *text = NULL;
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
        err = jaas_parse(value, ret);
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
