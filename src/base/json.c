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
        if (!utf8_valid(p->text + run, p->pos - run))
            return fail(p, run, "malformed UTF-8 in string");
        buf_put(&p->chars, p->text + run, p->pos - run);
        p->pos++;
        if (c == '"')
            break;
        struct kaftan_error *err = parse_escape(p);
        if (err)
            return err;
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
    if ((c | 32) >= 'a' && (c | 32) <= 'z')
        return fail(p, p->pos, "unexpected character after number");
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

struct kaftan_error *json_parse(struct kaftan_arena *a, const char *text, size_t len,
                                unsigned flags, const struct json **ret)
{
    struct parser p = { .arena = a, .text = text, .len = len, .flags = flags };
    struct json value;
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0)
        p.pos = 3;
    struct kaftan_error *err = parse_value(&p, &value);
    if (!err) {
        skip_space(&p);
        if (p.pos < len && !(flags & JSON_TRAILING))
            err = fail(&p, p.pos, "unexpected text after the value");
    }
    buf_fini(&p.stack);
    buf_fini(&p.chars);
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
