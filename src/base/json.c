/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader collects the values of an array or object on a scratch stack and
 * copies them to the arena when it ends, so the arena holds nothing twice.
 * Depth is limited because the reader calls itself.
 */
#include "config.h"

#include "base/json.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct parser {
    struct kaftan_arena *arena; /* borrowed */
    const char *text;           /* borrowed */
    size_t len, pos;
    unsigned flags;
    int depth;
    struct buf stack; /* values and members of what is not ended yet */
    struct buf chars; /* the string in the making */
};

static struct kaftan_error *parse_value(struct parser *p, struct json *ret) KAFTAN_MUST_CHECK;

static struct kaftan_error *fail(const struct parser *p, size_t at, const char *what)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < at && i < p->len; i++) {
        column++;
        if (p->text[i] == '\n') {
            line++;
            column = 1;
        }
    }
    return kaftan_error_new(KAFTAN_E_INVALID, "%s at line %zu, column %zu", what, line, column);
}

static int peek(const struct parser *p)
{
    return p->pos < p->len ? (unsigned char)p->text[p->pos] : -1;
}

static void skip_space(struct parser *p)
{
    while (p->pos < p->len && memchr(" \t\r\n", p->text[p->pos], 4))
        p->pos++;
}

static struct kaftan_error *parse_hex(struct parser *p, uint32_t *ret)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        int c = peek(p);
        uint32_t d;
        if (c >= '0' && c <= '9')
            d = (uint32_t)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            d = (uint32_t)((c | 32) - 'a' + 10);
        else
            return fail(p, p->pos, "four hex digits expected after \\u");
        v = v << 4 | d;
        p->pos++;
    }
    *ret = v;
    return NULL;
}

/* After the backslash. */
static struct kaftan_error *parse_escape(struct parser *p)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = peek(p);
    const char *found = c > 0 ? memchr(from, c, sizeof from - 1) : NULL;
    if (found) {
        p->pos++;
        buf_putc(&p->chars, to[found - from]);
        return NULL;
    }
    if (c != 'u')
        return fail(p, p->pos, "unknown escape in string");
    p->pos++;
    uint32_t v, low;
    struct kaftan_error *err = parse_hex(p, &v);
    if (err)
        return err;
    if (v >= 0xD800 && v <= 0xDBFF && p->len - p->pos >= 6 && memcmp(p->text + p->pos, "\\u", 2) == 0) {
        size_t back = p->pos;
        p->pos += 2;
        err = parse_hex(p, &low);
        if (err)
            return err;
        if (low >= 0xDC00 && low <= 0xDFFF)
            v = 0x10000 + ((v - 0xD800) << 10) + (low - 0xDC00);
        else
            p->pos = back; /* a lone one; what follows stands for itself */
    }
    utf8_put(&p->chars, v);
    return NULL;
}

/* Bytes up to the position. Longer forms than needed are accepted and mended, as Jackson does; surrogates are not. */
static struct kaftan_error *put_run(struct parser *p, size_t start)
{
    size_t len = p->pos - start;
    const unsigned char *s = (const unsigned char *)p->text + start;
    if (utf8_valid(p->text + start, len)) {
        buf_put(&p->chars, s, len);
        return NULL;
    }
    for (size_t i = 0; i < len;) {
        unsigned char c = s[i];
        size_t n = c < 0x80 ? 1 : (c & 0xE0) == 0xC0 ? 2 : (c & 0xF0) == 0xE0 ? 3 : (c & 0xF8) == 0xF0 ? 4 : 0;
        uint32_t v = n > 1 ? c & (0xFFu >> (n + 1)) : c;
        bool good = n > 0 && n <= len - i;
        for (size_t k = 1; good && k < n; k++) {
            good = (s[i + k] & 0xC0) == 0x80;
            v = v << 6 | (s[i + k] & 0x3Fu);
        }
        if (!good || v > 0x10FFFF || (v >= 0xD800 && v <= 0xDFFF))
            return fail(p, start + i, "malformed UTF-8 in string");
        utf8_put(&p->chars, v);
        i += n;
    }
    return NULL;
}

/* At the opening quote. */
static struct kaftan_error *parse_string(struct parser *p, struct kaftan_slice *ret)
{
    size_t start = ++p->pos, run = start;
    buf_clear(&p->chars);
    for (;;) {
        int c = peek(p);
        if (c < 0)
            return fail(p, start - 1, "string without end");
        if (c < 0x20)
            return fail(p, p->pos, "control character in string");
        if (c != '"' && c != '\\') {
            p->pos++;
            continue;
        }
        struct kaftan_error *err = put_run(p, run);
        p->pos++;
        if (!err && c == '\\')
            err = parse_escape(p);
        if (err)
            return err;
        if (c == '"')
            break;
        run = p->pos;
    }
    ret->ptr = arena_strndup(p->arena, p->chars.data, p->chars.len);
    ret->len = p->chars.len;
    return NULL;
}

static bool word(struct parser *p, const char *w)
{
    size_t n = strlen(w);
    if (p->len - p->pos < n || memcmp(p->text + p->pos, w, n) != 0)
        return false;
    size_t after = p->pos + n;
    if (after < p->len) {
        char c = p->text[after];
        if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')
            return false;
    }
    p->pos = after;
    return true;
}

static size_t skip_digits(struct parser *p)
{
    size_t start = p->pos;
    while (p->pos < p->len && p->text[p->pos] >= '0' && p->text[p->pos] <= '9')
        p->pos++;
    return p->pos - start;
}

static struct kaftan_error *parse_number(struct parser *p, struct json *ret)
{
    size_t start = p->pos;
    if (peek(p) == '-')
        p->pos++;
    size_t first = p->pos, whole = skip_digits(p);
    if (whole == 0)
        return fail(p, start, "value expected");
    if (whole > 1 && p->text[first] == '0' && !(p->flags & JSON_LEADING_ZEROS))
        return fail(p, first, "leading zero in number");
    if (peek(p) == '.') {
        p->pos++;
        if (skip_digits(p) == 0)
            return fail(p, p->pos, "digit expected after the decimal point");
    }
    if (peek(p) == 'e' || peek(p) == 'E') {
        p->pos++;
        if (peek(p) == '+' || peek(p) == '-')
            p->pos++;
        if (skip_digits(p) == 0)
            return fail(p, p->pos, "digit expected in exponent");
    }
    int c = peek(p);
    if (p->depth == 0 && c >= 0 && !memchr(" \t\r\n", c, 4))
        return fail(p, p->pos, "unexpected character after number");
    if (p->pos - start > JSON_NUMBER_LIMIT)
        return fail(p, start, "number is too long");
    ret->type = JSON_NUMBER;
    ret->text.len = p->pos - start;
    ret->text.ptr = arena_strndup(p->arena, p->text + start, ret->text.len);
    return NULL;
}

static struct kaftan_error *parse_array(struct parser *p, struct json *ret)
{
    size_t base = p->stack.len;
    struct json item;
    p->pos++;
    ret->type = JSON_ARRAY;
    skip_space(p);
    if (peek(p) == ']') {
        p->pos++;
        return NULL;
    }
    for (;;) {
        struct kaftan_error *err = parse_value(p, &item);
        if (err)
            return err;
        buf_put(&p->stack, &item, sizeof item);
        ret->count++;
        skip_space(p);
        int c = peek(p);
        if (c != ',' && c != ']')
            return fail(p, p->pos, "',' or ']' expected");
        p->pos++;
        if (c == ']')
            break;
    }
    ret->items = arena_memdup(p->arena, p->stack.data + base, p->stack.len - base);
    p->stack.len = base;
    return NULL;
}

static uint32_t name_hash(struct kaftan_slice s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 16777619u;
    return h ^ h >> 15;
}

/* Of equal names the last value stays, at the place of the first. Returns how many are left. */
static size_t merge_equal_names(struct json_member *m, size_t count)
{
    size_t slots = 8, kept = 0;
    while (slots < count * 2)
        slots *= 2;
    size_t *table = mem_zalloc(slots, sizeof *table); /* place + 1 */
    for (size_t i = 0; i < count; i++) {
        size_t s = name_hash(m[i].name) & (slots - 1);
        while (table[s] && !slice_eq(m[table[s] - 1].name, m[i].name))
            s = (s + 1) & (slots - 1);
        if (table[s]) {
            m[table[s] - 1].value = m[i].value;
            continue;
        }
        m[kept] = m[i];
        table[s] = ++kept;
    }
    mem_free(table);
    return kept;
}

static struct kaftan_error *parse_member(struct parser *p, struct json_member *ret)
{
    skip_space(p);
    if (peek(p) != '"')
        return fail(p, p->pos, "name in double quotes expected");
    struct kaftan_error *err = parse_string(p, &ret->name);
    if (err)
        return err;
    skip_space(p);
    if (peek(p) != ':')
        return fail(p, p->pos, "':' expected");
    p->pos++;
    return parse_value(p, &ret->value);
}

static struct kaftan_error *parse_object(struct parser *p, struct json *ret)
{
    size_t base = p->stack.len, count = 0;
    struct json_member member;
    p->pos++;
    ret->type = JSON_OBJECT;
    skip_space(p);
    if (peek(p) == '}') {
        p->pos++;
        return NULL;
    }
    for (;;) {
        struct kaftan_error *err = parse_member(p, &member);
        if (err)
            return err;
        buf_put(&p->stack, &member, sizeof member);
        count++;
        skip_space(p);
        int c = peek(p);
        if (c != ',' && c != '}')
            return fail(p, p->pos, "',' or '}' expected");
        p->pos++;
        if (c == '}')
            break;
    }
    struct json_member *members = arena_memdup(p->arena, p->stack.data + base, p->stack.len - base);
    p->stack.len = base;
    ret->count = merge_equal_names(members, count);
    ret->members = members;
    return NULL;
}

static struct kaftan_error *parse_word(struct parser *p, struct json *ret)
{
    static const char *const numbers[] = { "NaN", "Infinity", "+Infinity", "-Infinity" };
    if (word(p, "null"))
        ret->type = JSON_NULL;
    else if (word(p, "true"))
        ret->type = JSON_TRUE;
    else if (word(p, "false"))
        ret->type = JSON_FALSE;
    else {
        for (size_t i = 0; p->flags & JSON_NAN && i < COUNT_OF(numbers); i++) {
            if (!word(p, numbers[i]))
                continue;
            ret->type = JSON_NUMBER;
            ret->text = slice_of(numbers[i]);
            return NULL;
        }
        return parse_number(p, ret);
    }
    return NULL;
}

static struct kaftan_error *parse_value(struct parser *p, struct json *ret)
{
    struct kaftan_error *err;
    *ret = (struct json){ .type = JSON_NULL };
    skip_space(p);
    int c = peek(p);
    if (c < 0)
        return fail(p, p->pos, "value expected, text ends");
    if (c == '"') {
        ret->type = JSON_STRING;
        return parse_string(p, &ret->text);
    }
    if (c != '{' && c != '[')
        return parse_word(p, ret);
    if (p->depth == JSON_DEPTH_LIMIT)
        return fail(p, p->pos, "nested too deeply");
    p->depth++;
    err = c == '{' ? parse_object(p, ret) : parse_array(p, ret);
    p->depth--;
    return err;
}

static struct kaftan_error *parse_utf8(struct parser *p, struct json *ret)
{
    if (p->len >= 3 && memcmp(p->text, "\xEF\xBB\xBF", 3) == 0)
        p->pos = 3;
    struct kaftan_error *err = parse_value(p, ret);
    if (err)
        return err;
    skip_space(p);
    if (p->pos < p->len && !(p->flags & JSON_TRAILING))
        return fail(p, p->pos, "unexpected text after the value");
    return NULL;
}

/*
 * The width of a unit of UTF-16 or UTF-32, told by the zeros around the first
 * character, which is ASCII in every JSON text; 1 for UTF-8.
 */
static unsigned unit_width(const unsigned char *s, size_t len, bool *ret_big, size_t *ret_skip)
{
    static const struct {
        unsigned char head[4];
        unsigned compare, width;
        bool big, mark;
    } forms[] = {
        { { 0, 0, 0xFE, 0xFF }, 4, 4, true, true }, { { 0xFF, 0xFE, 0, 0 }, 4, 4, false, true },
        { { 0xFE, 0xFF, 0, 0 }, 2, 2, true, true }, { { 0xFF, 0xFE, 0, 0 }, 2, 2, false, true },
    };
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (len < forms[i].compare || memcmp(s, forms[i].head, forms[i].compare) != 0)
            continue;
        *ret_big = forms[i].big;
        *ret_skip = forms[i].width;
        return forms[i].width;
    }
    *ret_skip = 0;
    *ret_big = len > 0 && s[0] == 0;
    if (len >= 4 && s[1] == 0 && s[2] == 0 && (s[0] == 0) != (s[3] == 0))
        return 4;
    return len >= 2 && (s[0] == 0) != (s[1] == 0) ? 2 : 1;
}

static void to_utf8(const unsigned char *s, size_t len, unsigned width, bool big, struct buf *ret)
{
    uint32_t high = 0;
    for (size_t i = 0; i + width <= len; i += width) {
        uint32_t c = 0;
        for (unsigned k = 0; k < width; k++)
            c |= (uint32_t)s[i + k] << 8 * (big ? width - 1 - k : k);
        if (width == 2 && high && c >= 0xDC00 && c <= 0xDFFF) {
            ret->len -= 3; /* the high half is already there */
            c = 0x10000 + ((high - 0xD800) << 10) + (c - 0xDC00);
        }
        high = c >= 0xD800 && c <= 0xDBFF ? c : 0;
        utf8_put(ret, c > 0x10FFFF ? 0xFFFD : c);
    }
}

struct kaftan_error *json_parse(struct kaftan_arena *a, const char *text, size_t len,
                                unsigned flags, const struct json **ret)
{
    struct parser p = { .arena = a, .text = text, .len = len, .flags = flags };
    struct buf utf8 = BUF_INIT;
    struct json value;
    bool big;
    size_t skip;
    unsigned width = unit_width((const unsigned char *)text, len, &big, &skip);
    if (width > 1) {
        to_utf8((const unsigned char *)text + skip, len - skip, width, big, &utf8);
        p.text = buf_text(&utf8);
        p.len = utf8.len;
    }
    struct kaftan_error *err = parse_utf8(&p, &value);
    buf_fini(&p.stack);
    buf_fini(&p.chars);
    buf_fini(&utf8);
    if (!err)
        *ret = arena_memdup(a, &value, sizeof value);
    return err;
}

const struct json *json_get(const struct json *object, const char *name)
{
    if (!object || object->type != JSON_OBJECT)
        return NULL;
    for (size_t i = 0; i < object->count; i++)
        if (slice_eq_str(object->members[i].name, name))
            return &object->members[i].value;
    return NULL;
}

bool json_text(const struct json *v, struct kaftan_slice *ret)
{
    if (!v || v->type != JSON_STRING)
        return false;
    *ret = v->text;
    return true;
}

bool json_i64(const struct json *v, int64_t *ret)
{
    return v && v->type == JSON_NUMBER && text_to_i64(v->text.ptr, v->text.len, ret);
}
