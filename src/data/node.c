/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/node.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "data/decimal.h"
#include "data/utf16.h"

/*
 * Children are collected on a stack that the reader keeps, and copied into the
 * arena when their parent ends: no allocation per document once it is warm.
 * Nesting is bounded, so the recursion is.
 */
enum {
    DEPTH_LIMIT = 1000,
    STRING_LIMIT = 20000000,
    NAME_LIMIT = 50000,
    NUMBER_LIMIT = 1000,
    LONG_EXPONENT = 9, /* digits from which an exponent may not fit */
    STACK_KEEP = 4096, /* larger stacks are given back */
    SEARCH_LIMIT = 16  /* members up to which equal names are searched for one by one */
};

struct node_reader {
    struct node_member *stack; /* owned */
    size_t count, cap;
    struct buf scratch;
    struct buf wide; /* a document that was not UTF-8 */
    struct kaftan_arena *arena; /* borrowed while reading */
    const char *start, *p, *end;
    unsigned depth;
    bool naming;  /* a member's name is read */
    bool widened; /* it was UTF-32, which may hold surrogates */
    struct kaftan_error *err;
};

struct node_reader *node_reader_new(void)
{
    return mem_zalloc(1, sizeof(struct node_reader));
}

void node_reader_free(struct node_reader *r)
{
    if (!r)
        return;
    mem_free(r->stack);
    buf_fini(&r->scratch);
    buf_fini(&r->wide);
    mem_free(r);
}

static bool fail(struct node_reader *r, const char *what)
{
    size_t line = 1, column = 1;
    for (const char *p = r->start; p < r->p; p++) {
        column++;
        if (*p == '\n') {
            line++;
            column = 1;
        }
    }
    if (!r->err)
        r->err = kaftan_error_new(KAFTAN_E_DATA, "line %zu, column %zu: %s", line, column, what);
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void skip_blanks(struct node_reader *r)
{
    while (r->p < r->end && is_blank(*r->p))
        r->p++;
}

static void push(struct node_reader *r, const struct node_member *m)
{
    if (r->count == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->stack = mem_realloc(r->stack, r->cap, sizeof *r->stack);
    }
    r->stack[r->count++] = *m;
}

static bool read_hex(struct node_reader *r, uint16_t *ret)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++, r->p++) {
        if (r->p >= r->end)
            return fail(r, "end of text in an escape");
        char c = *r->p;
        if (c >= '0' && c <= '9')
            v = v * 16 + (unsigned)(c - '0');
        else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
            v = v * 16 + (unsigned)((c | 0x20) - 'a' + 10);
        else
            return fail(r, "expected a hexadecimal digit in an escape");
    }
    *ret = (uint16_t)v;
    return true;
}

static bool read_escape(struct node_reader *r)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint16_t unit = 0;
    if (r->p >= r->end)
        return fail(r, "end of text in a string");
    char c = *r->p++;
    if (c == 'u') {
        if (!read_hex(r, &unit))
            return false;
        utf16_put(&r->scratch, unit);
        return true;
    }
    const char *at = c ? strchr(from, c) : NULL;
    if (!at)
        return fail(r, "unknown escape");
    buf_putc(&r->scratch, to[at - from]);
    return true;
}

/*
 * One character beyond ASCII at *p. Overlong forms and what lies beyond
 * U+10FFFF are taken the way that reader takes them: by their bits.
 */
static bool decode(struct node_reader *r, const char **p, uint32_t *ret, size_t *ret_len)
{
    const unsigned char *c = (const unsigned char *)*p;
    size_t len = (c[0] & 0xe0) == 0xc0 ? 2 : (c[0] & 0xf0) == 0xe0 ? 3 : (c[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (len == 0)
        return fail(r, "invalid UTF-8 start byte");
    uint32_t v = c[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if (*p + i >= r->end)
            return fail(r, "end of text in a character");
        if ((c[i] & 0xc0) != 0x80)
            return fail(r, "invalid UTF-8 middle byte");
        v = v << 6 | (c[i] & 0x3fu);
    }
    if (len == 3 && v >= 0xd800 && v <= 0xdfff && !r->widened)
        return fail(r, "surrogate encoded in UTF-8");
    *ret = v;
    *ret_len = len;
    return true;
}

static bool canonical(uint32_t cp, size_t len)
{
    return len == 2 ? cp >= 0x80 : len == 3 ? cp >= 0x800 : cp >= 0x10000 && cp <= 0x10ffff;
}

static void put_units(struct node_reader *r, uint32_t cp, size_t len)
{
    if (len < 4) {
        utf16_put(&r->scratch, (uint16_t)cp);
    } else {
        uint32_t c = cp - 0x10000u;
        utf16_put(&r->scratch, (uint16_t)(r->naming ? 0xd800u + (c >> 10) : 0xd800u | (c >> 10)));
        utf16_put(&r->scratch, (uint16_t)(0xdc00u | (c & 0x3ffu)));
    }
}

/* The rest of a string into scratch: it has escapes or odd bytes. */
static bool read_string_slow(struct node_reader *r)
{
    while (r->p < r->end) {
        unsigned char c = (unsigned char)*r->p;
        uint32_t cp = 0;
        size_t len = 1;
        if (c == '"') {
            r->p++;
            return true;
        }
        if (c < 0x20)
            return fail(r, "control character in a string");
        if (c == '\\') {
            r->p++;
            if (!read_escape(r))
                return false;
            continue;
        }
        if (c < 0x80) {
            buf_putc(&r->scratch, (char)c);
        } else {
            if (!decode(r, &r->p, &cp, &len))
                return false;
            put_units(r, cp, len);
        }
        r->p += len;
    }
    return fail(r, "end of text in a string");
}

/* At the opening quote. Plain strings are borrowed from the text. */
static bool read_string(struct node_reader *r, struct kaftan_slice *ret, size_t limit)
{
    const char *start = ++r->p;
    for (; r->p < r->end; r->p++) {
        unsigned char c = (unsigned char)*r->p;
        uint32_t cp = 0;
        size_t len = 0;
        if (c == '"' || c == '\\' || c < 0x20)
            break;
        if (c < 0x80)
            continue;
        if (!decode(r, &r->p, &cp, &len))
            return false;
        if (!canonical(cp, len))
            break;
        r->p += len - 1;
    }
    ret->ptr = start;
    ret->len = (size_t)(r->p - start);
    if (r->p < r->end && *r->p == '"') {
        r->p++;
    } else {
        buf_clear(&r->scratch);
        buf_put_slice(&r->scratch, *ret);
        if (!read_string_slow(r))
            return false;
        ret->ptr = arena_memdup(r->arena, r->scratch.data ? r->scratch.data : "", r->scratch.len);
        ret->len = r->scratch.len;
    }
    return ret->len <= limit || fail(r, "string exceeds the maximum length");
}

static size_t skip_digits(struct node_reader *r)
{
    const char *start = r->p;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
        r->p++;
    return (size_t)(r->p - start);
}

static bool read_number(struct node_reader *r, struct node *ret)
{
    const char *start = r->p;
    size_t exponent = 0;
    struct decimal d;
    ret->kind = NODE_INT;
    if (*r->p == '-')
        r->p++;
    size_t digits = skip_digits(r);
    if (digits == 0)
        return fail(r, "expected a digit after the minus sign");
    if (r->p < r->end && *r->p == '.') {
        r->p++;
        size_t count = skip_digits(r);
        if (count == 0)
            return fail(r, "expected a digit after the decimal point");
        digits += count;
        ret->kind = NODE_DECIMAL;
    }
    if (r->p < r->end && (*r->p | 0x20) == 'e') {
        r->p++;
        if (r->p < r->end && (*r->p == '+' || *r->p == '-'))
            r->p++;
        size_t count = skip_digits(r);
        if (count == 0)
            return fail(r, "expected a digit in the exponent");
        digits += count;
        exponent = count;
        ret->kind = NODE_DECIMAL;
    }
    ret->text.ptr = start;
    ret->text.len = (size_t)(r->p - start);
    if (exponent >= LONG_EXPONENT && !decimal_scan(r->arena, start, ret->text.len, &d))
        return fail(r, "exponent out of range");
    if (digits > NUMBER_LIMIT)
        return fail(r, "number exceeds the maximum length");
    if (r->depth == 0 && r->p < r->end && !is_blank(*r->p))
        return fail(r, "expected a blank after a number");
    return true;
}

static bool read_word(struct node_reader *r, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(r->end - r->p) < len || memcmp(r->p, word, len) != 0)
        return fail(r, "unknown token: expected a string, number, array, object, null, true or false");
    const char *next = r->p + len;
    if (next < r->end) {
        unsigned char c = (unsigned char)*next, low = c | 0x20;
        if (c >= 0x80 || c == '_' || c == '$' || (c >= '0' && c <= '9') || (low >= 'a' && low <= 'z'))
            return fail(r, "unknown token: expected null, true or false");
    }
    r->p = next;
    return true;
}

static bool read_value(struct node_reader *r, struct node *ret);

/* Copies children from the stack; structs of an array's children stand alone. */
static void end_array(struct node_reader *r, size_t base, struct node *ret)
{
    size_t count = r->count - base;
    struct node *items = arena_alloc(r->arena, count * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = r->stack[base + i].value;
    ret->count = count;
    ret->as.items = items;
    r->count = base;
}

static bool read_array(struct node_reader *r, struct node *ret)
{
    size_t base = r->count;
    r->p++;
    skip_blanks(r);
    if (r->p < r->end && *r->p == ']') {
        r->p++;
        end_array(r, base, ret);
        return true;
    }
    for (;;) {
        struct node_member m = { { NULL, 0 }, { .kind = NODE_NULL } };
        skip_blanks(r);
        if (!read_value(r, &m.value))
            return false;
        push(r, &m);
        skip_blanks(r);
        if (r->p >= r->end)
            return fail(r, "end of text in an array");
        char c = *r->p++;
        if (c == ']')
            break;
        if (c != ',') {
            r->p--;
            return fail(r, "expected a comma or the end of the array");
        }
    }
    end_array(r, base, ret);
    return true;
}

static uint64_t name_hash(struct kaftan_slice s)
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
    return h;
}

/* Many members: a table of places finds equal names in one pass. */
static size_t unite_many(struct node_reader *r, struct node_member *m, size_t count)
{
    size_t size = 64, kept = 0;
    while (size < 2 * count)
        size *= 2;
    uint32_t *table = arena_zalloc(r->arena, size, sizeof *table);
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)name_hash(m[i].name) & (size - 1);
        while (table[at] && !slice_eq(m[table[at] - 1].name, m[i].name))
            at = (at + 1) & (size - 1);
        if (table[at]) {
            m[table[at] - 1].value = m[i].value;
        } else {
            m[kept++] = m[i];
            table[at] = (uint32_t)kept;
        }
    }
    return kept;
}

static size_t unite_few(struct node_member *m, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t j = 0;
        while (j < kept && !slice_eq(m[j].name, m[i].name))
            j++;
        if (j < kept)
            m[j].value = m[i].value;
        else
            m[kept++] = m[i];
    }
    return kept;
}

static void end_object(struct node_reader *r, size_t base, struct node *ret)
{
    size_t count = r->count - base;
    struct node_member *m = r->stack ? r->stack + base : NULL;
    if (count > 1)
        count = count > SEARCH_LIMIT ? unite_many(r, m, count) : unite_few(m, count);
    ret->count = count;
    ret->as.members = count ? arena_memdup(r->arena, m, count * sizeof *m) : NULL;
    r->count = base;
}

static bool read_member(struct node_reader *r)
{
    struct node_member m = { { NULL, 0 }, { .kind = NODE_NULL } };
    skip_blanks(r);
    if (r->p >= r->end || *r->p != '"')
        return fail(r, "expected a double quote before a member's name");
    r->naming = true;
    if (!read_string(r, &m.name, NAME_LIMIT))
        return false;
    r->naming = false;
    if (!r->widened && utf16_has_lone(m.name)) /* values may hold them, names of a UTF-8 text may not */
        return fail(r, "unpaired surrogate in a member's name");
    skip_blanks(r);
    if (r->p >= r->end || *r->p != ':')
        return fail(r, "expected a colon between name and value");
    r->p++;
    skip_blanks(r);
    if (!read_value(r, &m.value))
        return false;
    push(r, &m);
    return true;
}

static bool read_object(struct node_reader *r, struct node *ret)
{
    size_t base = r->count;
    r->p++;
    skip_blanks(r);
    if (r->p < r->end && *r->p == '}') {
        r->p++;
        end_object(r, base, ret);
        return true;
    }
    for (;;) {
        if (!read_member(r))
            return false;
        skip_blanks(r);
        if (r->p >= r->end)
            return fail(r, "end of text in an object");
        char c = *r->p++;
        if (c == '}')
            break;
        if (c != ',') {
            r->p--;
            return fail(r, "expected a comma or the end of the object");
        }
    }
    end_object(r, base, ret);
    return true;
}

static bool read_nested(struct node_reader *r, struct node *ret)
{
    const char *start = r->p;
    if (r->depth == DEPTH_LIMIT)
        return fail(r, "nesting exceeds the maximum depth of 1000");
    r->depth++;
    ret->kind = *r->p == '[' ? NODE_ARRAY : NODE_OBJECT;
    if (!(ret->kind == NODE_ARRAY ? read_array(r, ret) : read_object(r, ret)))
        return false;
    r->depth--;
    ret->text.ptr = start;
    ret->text.len = (size_t)(r->p - start);
    return true;
}

static bool read_value(struct node_reader *r, struct node *ret)
{
    if (r->p >= r->end)
        return fail(r, "end of text: expected a value");
    switch (*r->p) {
    case '{':
    case '[':
        return read_nested(r, ret);
    case '"':
        ret->kind = NODE_STRING;
        return read_string(r, &ret->text, STRING_LIMIT);
    case 'n':
        ret->kind = NODE_NULL;
        return read_word(r, "null");
    case 't':
    case 'f':
        ret->kind = NODE_BOOLEAN;
        ret->b = *r->p == 't';
        return read_word(r, ret->b ? "true" : "false");
    default:
        if (*r->p == '-' || (*r->p >= '0' && *r->p <= '9'))
            return read_number(r, ret);
        return fail(r, "unexpected character: expected a value");
    }
}

static uint32_t unit_at(const unsigned char *p, size_t width, bool big)
{
    uint32_t v = 0;
    for (size_t i = 0; i < width; i++)
        v |= (uint32_t)p[i] << (8 * (big ? width - 1 - i : i));
    return v;
}

/* A pair is one character; what is no pair goes with the unit behind it. */
static uint32_t pair_at(const unsigned char *p, size_t left, bool big, size_t *ret_len)
{
    uint32_t high = unit_at(p, 2, big), low = 0;
    *ret_len = 2;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high >= 0xdc00 || left < 4)
        return 0xfffd;
    *ret_len = 4;
    low = unit_at(p + 2, 2, big);
    return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
}

/* UTF-16 (width 2) and UTF-32 (4) become UTF-8. */
static void widen(struct node_reader *r, struct kaftan_slice text, size_t width, bool big)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    bool bad = false;
    buf_clear(&r->wide);
    for (size_t i = 0; i + width <= text.len;) {
        size_t len = width;
        uint32_t v = width == 2 ? pair_at(p + i, text.len - i, big, &len) : unit_at(p + i, 4, big);
        if (v >= 0xd800 && v <= 0xdfff)
            utf16_put(&r->wide, (uint16_t)v);
        else
            utf8_put(&r->wide, v > 0x10ffff ? 0xfffd : v);
        bad = bad || v > 0x10ffff;
        i += len;
    }
    if (text.len % width) /* half a character: an error, if the value has not ended before */
        utf8_put(&r->wide, width == 2 ? 0xfffd : 1);
    r->widened = true;
    r->start = r->p = buf_text(&r->wide);
    r->end = r->start + r->wide.len;
    if (bad)
        (void)fail(r, "invalid UTF-32 character");
}

/* By a byte order mark, else by where the zeros of the first character are. */
static void detect(struct node_reader *r, struct kaftan_slice text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t skip = 0, width = 1;
    bool big = true;
    if (text.len >= 4 && unit_at(p, 4, true) == 0xfeff) {
        skip = width = 4;
    } else if (text.len >= 4 && unit_at(p, 4, false) == 0xfeff) {
        skip = width = 4;
        big = false;
    } else if (text.len >= 4 && unit_at(p, 2, true) == 0xfeff) {
        skip = width = 2;
    } else if (text.len >= 4 && unit_at(p, 2, false) == 0xfeff) {
        skip = width = 2;
        big = false;
    } else if (text.len >= 4 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf) {
        skip = 3;
    } else if (text.len >= 4 && (p[0] | p[1] | p[2]) == 0) {
        width = 4;
    } else if (text.len >= 4 && (p[1] | p[2] | p[3]) == 0) {
        width = 4;
        big = false;
    } else if (text.len >= 2 && (p[0] == 0 || p[1] == 0)) {
        width = 2;
        big = p[0] == 0;
    } else if (text.len == 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf) {
        skip = 3;
    }
    struct kaftan_slice rest = { text.ptr + skip, text.len - skip };
    r->start = rest.ptr;
    r->end = rest.ptr + rest.len;
    if (width > 1) {
        widen(r, rest, width, big);
        r->start = arena_memdup(r->arena, r->start, r->wide.len + 1); /* nodes borrow from it */
        r->end = r->start + r->wide.len;
    }
}

struct kaftan_error *node_read(struct node_reader *r, struct kaftan_arena *a, struct kaftan_slice text,
                               struct node *ret)
{
    struct node n = { .kind = NODE_MISSING };
    if (!text.ptr || text.len == 0) {
        *ret = n;
        return NULL;
    }
    r->arena = a;
    r->count = 0;
    r->depth = 0;
    r->err = NULL;
    r->naming = r->widened = false;
    detect(r, text);
    r->p = r->start;
    skip_blanks(r);
    if (!r->err && r->p < r->end)
        (void)read_value(r, &n);
    if (r->cap > STACK_KEEP) {
        mem_free(r->stack);
        r->stack = NULL;
        r->cap = 0;
    }
    if (!r->err)
        *ret = n;
    return r->err;
}
