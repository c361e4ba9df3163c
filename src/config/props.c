/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Line by line as java.util.Properties has it: a natural line that is blank
 * or a comment is skipped; of the others an odd backslash at the end takes
 * the next line in, without its leading blanks. Escapes are undone only after
 * the key has been cut off, because an escaped separator is part of the key.
 */
#include "config.h"

#include "config/props.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

struct reading {
    const char *p, *end; /* borrowed */
    size_t line;         /* of p, from 1 */
    struct buf logical;  /* escapes still in it */
    size_t first_line;   /* of the logical line */
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool line_end(char c)
{
    return c == '\n' || c == '\r';
}

static void skip_blanks(struct reading *r)
{
    while (r->p < r->end && blank(*r->p))
        r->p++;
}

static void skip_line_end(struct reading *r)
{
    if (r->p == r->end)
        return;
    if (*r->p == '\r' && r->end - r->p > 1 && r->p[1] == '\n')
        r->p++;
    r->p++;
    r->line++;
}

/* The rest of the natural line; true: the next one belongs to it. */
static bool natural_line(struct reading *r)
{
    const char *start = r->p;
    while (r->p < r->end && !line_end(*r->p))
        r->p++;
    size_t len = (size_t)(r->p - start), slashes = 0;
    while (slashes < len && start[len - 1 - slashes] == '\\')
        slashes++;
    bool continued = slashes % 2 == 1;
    buf_put(&r->logical, start, continued ? len - 1 : len);
    skip_line_end(r);
    return continued;
}

/* False at the end of the text. */
static bool logical_line(struct reading *r)
{
    buf_clear(&r->logical);
    for (;;) {
        skip_blanks(r);
        if (r->p == r->end)
            return false;
        if (line_end(*r->p)) {
            skip_line_end(r);
        } else if (*r->p == '#' || *r->p == '!') {
            while (r->p < r->end && !line_end(*r->p))
                r->p++;
            skip_line_end(r);
        } else {
            break;
        }
    }
    r->first_line = r->line;
    while (natural_line(r))
        skip_blanks(r);
    return true;
}

static bool hex4(const char *s, const char *end, uint32_t *ret)
{
    uint32_t v = 0;
    if (end - s < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = s[i];
        if (c >= '0' && c <= '9')
            v = v << 4 | (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
        else
            return false;
    }
    *ret = v;
    return true;
}

/* Behind the u of \uXXXX; two of them may be one character. NULL: malformed. */
static const char *unescape_unicode(const char *s, const char *end, struct buf *ret)
{
    uint32_t c, low;
    if (!hex4(s, end, &c))
        return NULL;
    s += 4;
    if (c >= 0xD800 && c <= 0xDBFF && end - s >= 6 && s[0] == '\\' && s[1] == 'u' && hex4(s + 2, end, &low) &&
        low >= 0xDC00 && low <= 0xDFFF) {
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        s += 6;
    }
    /* half a pair is no character: what Java prints for it */
    utf8_put(ret, c >= 0xD800 && c <= 0xDFFF ? '?' : c);
    return s;
}

static bool unescape(const char *s, const char *end, struct buf *ret)
{
    static const char from[] = "tnrf", to[] = "\t\n\r\f";
    while (s < end) {
        char c = *s++;
        if (c != '\\') {
            buf_putc(ret, c);
            continue;
        }
        if (s == end)
            break;
        c = *s++;
        if (c == 'u') {
            s = unescape_unicode(s, end, ret);
            if (!s)
                return false;
            continue;
        }
        const char *found = c ? memchr(from, c, sizeof from - 1) : NULL;
        buf_putc(ret, found ? to[found - from] : c);
    }
    return true;
}

/* Where the key ends: at the first blank, '=' or ':' without a backslash. */
static const char *key_end(const char *s, const char *end)
{
    while (s < end && !blank(*s) && *s != '=' && *s != ':')
        s += *s == '\\' && end - s > 1 ? 2 : 1;
    return s;
}

static const char *value_start(const char *s, const char *end)
{
    while (s < end && blank(*s))
        s++;
    if (s < end && (*s == '=' || *s == ':'))
        s++;
    while (s < end && blank(*s))
        s++;
    return s;
}

static struct kaftan_error *parse_line(const struct reading *r, struct text_map *map)
{
    const char *start = r->logical.data, *end = start + r->logical.len, *cut = key_end(start, end);
    struct buf key = BUF_INIT, value = BUF_INIT;
    struct kaftan_error *err = NULL;
    if (!unescape(start, cut, &key) || !unescape(value_start(cut, end), end, &value))
        err = kaftan_error_new(KAFTAN_E_INVALID, "line %zu: malformed \\uxxxx escape", r->first_line);
    else if (memchr(buf_text(&key), '\0', key.len) || memchr(buf_text(&value), '\0', value.len))
        err = kaftan_error_new(KAFTAN_E_INVALID, "line %zu: contains a NUL", r->first_line);
    else
        text_map_put(map, buf_text(&key), buf_text(&value));
    buf_fini(&key);
    buf_fini(&value);
    return err;
}

static struct kaftan_error *parse_utf8(const char *text, size_t len, struct text_map **ret)
{
    struct reading r = { .p = text, .end = text + len, .line = 1 };
    struct text_map *map = text_map_new();
    struct kaftan_error *err = NULL;
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        r.p += 3; /* an editor's mark, never meant as part of the first key */
    while (!err && logical_line(&r))
        err = parse_line(&r, map);
    buf_fini(&r.logical);
    if (err)
        text_map_unref(map);
    else
        *ret = map;
    return err;
}

struct kaftan_error *props_parse(const char *text, size_t len, struct text_map **ret)
{
    if (utf8_valid(text, len))
        return parse_utf8(text, len, ret);
    struct buf utf8 = BUF_INIT;
    for (size_t i = 0; i < len; i++)
        utf8_put(&utf8, (unsigned char)text[i]);
    struct kaftan_error *err = parse_utf8(utf8.data, utf8.len, ret);
    buf_fini(&utf8);
    return err;
}

struct kaftan_error *props_read(const char *path, struct buf *ret)
{
    struct buf text = BUF_INIT;
    struct kaftan_error *err = NULL;
    FILE *f = fopen(path, "rbe");
    if (!f)
        return kaftan_error_new(KAFTAN_E_NOT_FOUND, "cannot read %s: %s", path, strerror(errno));
    buf_reserve(&text, PROPS_FILE_LIMIT + 1);
    text.len = fread(text.data, 1, PROPS_FILE_LIMIT + 1, f);
    if (ferror(f))
        err = kaftan_error_new(KAFTAN_E_NOT_FOUND, "cannot read %s: %s", path, strerror(errno));
    else if (text.len > PROPS_FILE_LIMIT)
        err = kaftan_error_new(KAFTAN_E_INVALID, "%s is larger than %d bytes", path, PROPS_FILE_LIMIT);
    (void)fclose(f);
    if (err)
        buf_fini(&text);
    else
        *ret = text;
    return err;
}

struct kaftan_error *props_load(const char *path, struct text_map **ret)
{
    struct buf text = BUF_INIT;
    struct kaftan_error *err = props_read(path, &text);
    if (err)
        return err;
    err = props_parse(text.data, text.len, ret);
    buf_fini(&text);
    return err ? kaftan_error_wrap(err, "cannot read %s", path) : NULL;
}
