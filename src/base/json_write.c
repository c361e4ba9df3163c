/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/json.h"

#include <math.h>
#include <string.h>

#include "base/text.h"

static void put_unit(struct buf *b, uint32_t unit)
{
    buf_printf(b, "\\u%04X", (unsigned)unit);
}

static void put_control(struct buf *b, unsigned char c)
{
    static const char from[] = "\b\f\n\r\t", to[] = "bfnrt";
    const char *found = c ? memchr(from, c, sizeof from - 1) : NULL;
    if (!found) {
        put_unit(b, c);
        return;
    }
    buf_putc(b, '\\');
    buf_putc(b, to[found - from]);
}

/* A lone surrogate, as the reader makes it: ED A0..BF xx. */
static bool lone_surrogate(const unsigned char *p, size_t left)
{
    return left >= 3 && p[0] == 0xED && p[1] >= 0xA0 && p[1] <= 0xBF && (p[2] & 0xC0) == 0x80;
}

void json_put_string(struct buf *b, const char *s, size_t len)
{
    size_t pos = 0;
    buf_putc(b, '"');
    while (pos < len) {
        const unsigned char *p = (const unsigned char *)s + pos;
        size_t run = 0;
        while (run < len - pos && p[run] >= 0x20 && p[run] < 0x80 && p[run] != '"' && p[run] != '\\')
            run++;
        if (run > 0) {
            buf_put(b, p, run);
            pos += run;
        } else if (*p < 0x20) {
            put_control(b, *p);
            pos++;
        } else if (*p < 0x80) {
            buf_putc(b, '\\');
            buf_putc(b, (char)*p);
            pos++;
        } else if (lone_surrogate(p, len - pos)) {
            put_unit(b, 0xD000u | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu));
            pos += 3;
        } else {
            uint32_t c = utf8_next(s, len, &pos);
            if (c < 0x10000) {
                utf8_put(b, c);
                continue;
            }
            put_unit(b, 0xD800 + ((c - 0x10000) >> 10));
            put_unit(b, 0xDC00 + (c & 0x3FF));
        }
    }
    buf_putc(b, '"');
}

void json_put_str(struct buf *b, const char *s)
{
    if (s)
        json_put_string(b, s, strlen(s));
    else
        buf_puts(b, "null");
}

void json_put_i64(struct buf *b, int64_t v)
{
    buf_printf(b, "%lld", (long long)v);
}

void json_put_double(struct buf *b, double v)
{
    char text[32];
    size_t len = double_text(v, text);
    bool quoted = !isfinite(v);
    if (quoted)
        buf_putc(b, '"');
    buf_put(b, text, len);
    if (quoted)
        buf_putc(b, '"');
}

static void put_array(struct buf *b, const struct json *v)
{
    buf_putc(b, '[');
    for (size_t i = 0; i < v->count; i++) {
        if (i > 0)
            buf_putc(b, ',');
        json_put(b, &v->items[i]);
    }
    buf_putc(b, ']');
}

static void put_object(struct buf *b, const struct json *v)
{
    buf_putc(b, '{');
    for (size_t i = 0; i < v->count; i++) {
        if (i > 0)
            buf_putc(b, ',');
        json_put_string(b, v->members[i].name.ptr, v->members[i].name.len);
        buf_putc(b, ':');
        json_put(b, &v->members[i].value);
    }
    buf_putc(b, '}');
}

/* NaN and the like are no JSON: as strings, as json_put_double has them. */
static void put_number(struct buf *b, struct kaftan_slice text)
{
    char last = text.len ? text.ptr[text.len - 1] : '0';
    if (last >= '0' && last <= '9') {
        buf_put_slice(b, text);
        return;
    }
    if (text.ptr[0] == '+') {
        text.ptr++;
        text.len--;
    }
    json_put_string(b, text.ptr, text.len);
}

void json_put(struct buf *b, const struct json *v)
{
    switch (v->type) {
    case JSON_NULL: buf_puts(b, "null"); break;
    case JSON_FALSE: buf_puts(b, "false"); break;
    case JSON_TRUE: buf_puts(b, "true"); break;
    case JSON_NUMBER: put_number(b, v->text); break;
    case JSON_STRING: json_put_string(b, v->text.ptr, v->text.len); break;
    case JSON_ARRAY: put_array(b, v); break;
    case JSON_OBJECT: put_object(b, v); break;
    }
}
