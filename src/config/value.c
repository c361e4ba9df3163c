/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "config/value_int.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"

/* The zeros of Unicode's decimal digits in the BMP, which Java's parseInt takes, too. */
static const uint16_t zeros[] = { 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6,
                                  0x0C66, 0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090,
                                  0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,
                                  0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10 };

static void put_ascii_digits(struct buf *b, struct kaftan_slice s)
{
    for (size_t pos = 0; pos < s.len;) {
        uint32_t c = utf8_next(s.ptr, s.len, &pos);
        for (size_t i = 0; c >= 0x80 && i < COUNT_OF(zeros); i++)
            if (c >= zeros[i] && c < zeros[i] + 10u)
                c = '0' + (c - zeros[i]);
        utf8_put(b, c);
    }
}

static bool parse_whole(struct kaftan_slice s, int64_t min, int64_t max, int64_t *ret)
{
    int64_t v;
    struct buf ascii = BUF_INIT;
    put_ascii_digits(&ascii, s);
    bool ok = text_to_i64(buf_text(&ascii), ascii.len, &v) && v >= min && v <= max;
    buf_fini(&ascii);
    if (ok)
        *ret = v;
    return ok;
}

/* What Java's \s matches. */
static bool space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct kaftan_slice strip_spaces(struct kaftan_slice s)
{
    while (s.len && space(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && space(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Split at \s*,\s*, empty elements kept; an empty text has none. */
static struct kaftan_list split(struct kaftan_arena *a, struct kaftan_slice s)
{
    size_t count = s.len > 0, n = 0;
    for (size_t i = 0; i < s.len; i++)
        count += s.ptr[i] == ',';
    const char **items = arena_alloc(a, (count + 1) * sizeof *items);
    for (size_t start = 0, i = 0; count > 0 && i <= s.len; i++) {
        if (i < s.len && s.ptr[i] != ',')
            continue;
        struct kaftan_slice item = strip_spaces((struct kaftan_slice){ s.ptr + start, i - start });
        items[n++] = arena_strndup(a, item.ptr, item.len);
        start = i + 1;
    }
    items[n] = NULL;
    return (struct kaftan_list){ items, n };
}

const char *value_parse(struct kaftan_arena *a, enum kaftan_config_type type, const char *text,
                        struct config_value *ret)
{
    *ret = (struct config_value){ .type = type, .null = true };
    if (!text)
        return NULL;
    struct kaftan_slice s = slice_trim(slice_of(text));
    const char *wrong = NULL;
    switch (type) {
    case KAFTAN_BOOLEAN:
        ret->flag = s.len == 4 && strncasecmp(s.ptr, "true", 4) == 0;
        if (!ret->flag && !(s.len == 5 && strncasecmp(s.ptr, "false", 5) == 0))
            wrong = "Expected value to be either true or false";
        break;
    case KAFTAN_INT:
        if (!parse_whole(s, INT32_MIN, INT32_MAX, &ret->number))
            wrong = "Not a number of type INT";
        break;
    case KAFTAN_SHORT:
        if (!parse_whole(s, INT16_MIN, INT16_MAX, &ret->number))
            wrong = "Not a number of type SHORT";
        break;
    case KAFTAN_LONG:
        if (!parse_whole(s, INT64_MIN, INT64_MAX, &ret->number))
            wrong = "Not a number of type LONG";
        break;
    case KAFTAN_DOUBLE:
        if (!text_to_double(s.ptr, s.len, &ret->real))
            wrong = "Not a number of type DOUBLE";
        break;
    case KAFTAN_LIST:
        ret->list = split(a, s);
        break;
    case KAFTAN_STRING:
    case KAFTAN_CLASS:
    case KAFTAN_PASSWORD:
        ret->text = (struct kaftan_slice){ arena_strndup(a, s.ptr, s.len), s.len };
        break;
    }
    ret->null = wrong != NULL;
    return wrong;
}

static void put_value(struct buf *b, const struct config_value *v, const char *separator)
{
    char text[32];
    switch (v->type) {
    case KAFTAN_BOOLEAN: buf_puts(b, v->flag ? "true" : "false"); break;
    case KAFTAN_INT:
    case KAFTAN_SHORT:
    case KAFTAN_LONG: buf_printf(b, "%lld", (long long)v->number); break;
    case KAFTAN_DOUBLE: buf_put(b, text, double_text(v->real, text)); break;
    case KAFTAN_STRING:
    case KAFTAN_CLASS: buf_put_slice(b, v->text); break;
    case KAFTAN_PASSWORD: buf_puts(b, "[hidden]"); break;
    case KAFTAN_LIST:
        for (size_t i = 0; i < v->list.count; i++) {
            if (i > 0)
                buf_puts(b, separator);
            buf_puts(b, v->list.items[i]);
        }
        break;
    }
}

void value_put_message(struct buf *b, const struct config_value *v)
{
    if (v->null) {
        buf_puts(b, "null");
        return;
    }
    bool list = v->type == KAFTAN_LIST;
    if (list)
        buf_putc(b, '[');
    put_value(b, v, ", ");
    if (list)
        buf_putc(b, ']');
}

bool value_put_shown(struct buf *b, const struct config_value *v)
{
    if (!v->null)
        put_value(b, v, ",");
    return !v->null;
}
