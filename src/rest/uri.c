/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rest/uri.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* A raw byte that RFC 3986 does not allow in a path. */
static bool illegal_raw(unsigned char c)
{
    return c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL;
}

/* One segment [p, end), without matrix parameters, into `ret`. */
static const char *decode_segment(struct kaftan_arena *a, const char *p,
                                  const char *end, const char **ret)
{
    char *out = arena_alloc(a, (size_t)(end - p) + 1);
    size_t n = 0;
    bool escaped = false;
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == ';')
            break;
        if (c != '%') {
            if (illegal_raw(c))
                return "Illegal Path Character";
            out[n++] = (char)c;
            continue;
        }
        int hi = end - p > 2 ? hex_digit(p[1]) : -1;
        int lo = end - p > 2 ? hex_digit(p[2]) : -1;
        int v = hi * 16 + lo;
        if (hi < 0 || lo < 0 || v == 0)
            return "Bad Request";
        if (v == '/')
            return "Ambiguous URI path separator";
        if (v == '%')
            return "Ambiguous URI path encoding";
        if (v == '\\' || v < 0x20 || v == 0x7f)
            return "Suspicious Path Character";
        out[n++] = (char)v;
        escaped = true;
        p += 2;
    }
    out[n] = '\0';
    if (escaped && (strcmp(out, ".") == 0 || strcmp(out, "..") == 0))
        return "Ambiguous URI path segment";
    if (!utf8_valid(out, n))
        return "Bad UTF-8 encoding";
    *ret = out;
    return NULL;
}

static const char *parse_path(struct kaftan_arena *a, const char *p,
                              const char *end, struct uri *u)
{
    while (p < end) {
        const char *slash = memchr(p, '/', (size_t)(end - p));
        const char *stop = slash ? slash : end;
        if (stop == p || *p == ';') {
            if (slash)
                return "Ambiguous URI empty segment";
            break;
        }
        const char *text;
        const char *why = decode_segment(a, p, stop, &text);
        if (why)
            return why;
        if (u->count < URI_SEGMENTS)
            u->segments[u->count++] = text;
        else
            u->too_deep = true;
        p = slash ? slash + 1 : end;
    }
    return NULL;
}

/* Broken escapes stand for themselves; '+' is a space. */
static const char *decode_query(struct kaftan_arena *a, const char *p,
                                const char *end)
{
    char *out = arena_alloc(a, (size_t)(end - p) + 1);
    size_t n = 0;
    for (; p < end; p++) {
        int hi = *p == '%' && end - p > 2 ? hex_digit(p[1]) : -1;
        int lo = hi >= 0 ? hex_digit(p[2]) : -1;
        if (lo >= 0 && hi * 16 + lo != 0) {
            out[n++] = (char)(hi * 16 + lo);
            p += 2;
        } else {
            out[n++] = *p == '+' ? ' ' : *p;
        }
    }
    out[n] = '\0';
    return out;
}

static void parse_query(struct kaftan_arena *a, const char *p, struct uri *u)
{
    while (*p && u->param_count < URI_PARAMS) {
        const char *end = p + strcspn(p, "&");
        const char *eq = memchr(p, '=', (size_t)(end - p));
        if (end > p) {
            u->params[u->param_count].name = decode_query(a, p, eq ? eq : end);
            u->params[u->param_count].value =
                eq ? decode_query(a, eq + 1, end) : "";
            u->param_count++;
        }
        p = *end ? end + 1 : end;
    }
}

const char *uri_parse(struct kaftan_arena *a, const char *target,
                      struct uri *ret)
{
    struct uri u = { 0 };
    if (strncasecmp(target, "http://", 7) == 0 ||
        strncasecmp(target, "https://", 8) == 0) { /* absolute form */
        const char *host = strstr(target, "//") + 2;
        const char *path = host + strcspn(host, "/?");
        target = *path ? path : "/";
    }
    const char *end = target + strcspn(target, "?#");
    if (strcmp(target, "*") == 0) {
        u.too_deep = true; /* no route */
    } else if (*target != '/') {
        return "Bad Request";
    } else {
        const char *why = parse_path(a, target + 1, end, &u);
        if (why)
            return why;
    }
    if (*end == '?')
        parse_query(a, end + 1, &u);
    *ret = u;
    return NULL;
}

const char *uri_param(const struct uri *u, const char *name)
{
    for (size_t i = 0; i < u->param_count; i++)
        if (strcmp(u->params[i].name, name) == 0)
            return u->params[i].value;
    return NULL;
}

bool uri_flag(const struct uri *u, const char *name)
{
    const char *v = uri_param(u, name);
    return v && strcasecmp(v, "true") == 0;
}

void uri_put_segment(struct buf *b, const char *name)
{
    static const char raw[] = "&=;/+:@'!~-._$()*,";
    for (const char *p = name; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                     (c >= 'A' && c <= 'Z');
        bool kept = c == '%' && hex_digit(p[1]) >= 0 && hex_digit(p[2]) >= 0;
        if (alnum || kept || strchr(raw, c))
            buf_putc(b, (char)c);
        else
            buf_printf(b, "%%%02X", c);
    }
}
