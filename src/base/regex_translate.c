/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Java and PCRE2 agree on most of what people write, and silently disagree on
 * some of it: `[a&&[^b]]`, `[[:alpha:]]`, `\u0041`, `{` alone. So a pattern is
 * read with Java's eyes. What means the same is passed on, what has another
 * spelling is translated, and the rest is refused: a topic pattern that
 * matches other topics than it used to is worse than a connector that does
 * not start.
 *
 * The pattern is read twice, because a back reference means something else
 * when its group does not exist, and groups are only counted at the end.
 */
#include "config.h"

#include "base/regex_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { CLASS_DEPTH = 50 };

struct translation {
    const char *start, *p;          /* borrowed */
    struct buf *out;                /* where the next piece goes */
    struct regex_pattern *pattern;
    struct kaftan_error *err;       /* the first one; reading stops */
    struct buf names;               /* of groups so far: `n>`, `m>` ... */
    int groups, all_groups;         /* opened so far; in the first reading -1 in all */
    int open;                       /* groups not closed yet */
    int class_depth;
    bool atom;                      /* there is something to repeat */
    bool caseless;
};

/* A UTF-16 index, as Java counts. */
static long index_of(const struct translation *t, const char *at)
{
    long n = 0;
    size_t len = (size_t)(at - t->start);
    for (size_t pos = 0; pos < len; n++)
        n += utf8_next(t->start, len, &pos) > 0xFFFF;
    return n;
}

static void refuse(struct translation *t, const char *at, const char *fmt, ...) KAFTAN_PRINTF(3, 4);
static void refuse(struct translation *t, const char *at, const char *fmt, ...)
{
    struct buf text = BUF_INIT;
    char what[256];
    va_list args;
    if (t->err)
        return;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    buf_puts(&text, what);
    long index = at >= t->start ? index_of(t, at) : -1;
    if (index >= 0)
        buf_printf(&text, " near index %ld", index);
    buf_printf(&text, "\n%s", t->start);
    if (index >= 0 && *at)
        buf_printf(&text, "\n%*s^", (int)index, "");
    t->err = kaftan_error_new(KAFTAN_E_INVALID, "%s", buf_text(&text));
    buf_fini(&text);
}

/* POSIX names of Java's \p{...}; ASCII only, as without UNICODE_CHARACTER_CLASS. */
static const struct {
    const char *name, *members;
} classes[] = {
    { "Lower", "a-z" },
    { "Upper", "A-Z" },
    { "ASCII", "\\x00-\\x7F" },
    { "Alpha", "a-zA-Z" },
    { "Digit", "0-9" },
    { "Alnum", "a-zA-Z0-9" },
    { "Punct", "!-/\\:-@\\[-`{-~" },
    { "Graph", "!-~" },
    { "Print", " -~" },
    { "Blank", " \\t" },
    { "Cntrl", "\\x00-\\x1F\\x7F" },
    { "XDigit", "0-9a-fA-F" },
    { "Space", " \\t-\\r" },
};

static bool general_category(const char *name, size_t len)
{
    static const char all[] = " L M N S P Z C Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Sm Sc Sk So Pc Pd Ps Pe Pi Pf Po Zs Zl Zp "
                              "Cc Cf Co Cs Cn ";
    char key[5] = " ";
    if (len == 0 || len > 2)
        return false;
    memcpy(key + 1, name, len);
    key[len + 1] = ' ';
    return strstr(all, key) != NULL;
}

/* At the letter of \p or \P. */
static void property(struct translation *t, bool in_class)
{
    char kind = *t->p++;
    size_t len = *t->p ? 1 : 0;
    const char *name = t->p;
    t->p += len;
    if (*name == '{') {
        const char *end = strchr(name, '}');
        if (!end) {
            refuse(t, name + strlen(name) - 1, "Unclosed character family");
            return;
        }
        len = (size_t)(end - ++name);
        t->p = end + 1;
    }
    if (general_category(name, len)) {
        buf_printf(t->out, "\\%c{%.*s}", kind, (int)len, name);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        if (strlen(classes[i].name) != len || memcmp(classes[i].name, name, len) != 0)
            continue;
        if (in_class && kind == 'P')
            refuse(t, name, "not supported: \\P{%s} inside a class", classes[i].name);
        else if (in_class)
            buf_puts(t->out, classes[i].members);
        else
            buf_printf(t->out, "[%s%s]", kind == 'P' ? "^" : "", classes[i].members);
        return;
    }
    refuse(t, t->p - 1, "Unknown character property name {%.*s}", (int)len, name);
}

/* Reads up to `max` digits to the base; returns how many. */
static int read_number(struct translation *t, unsigned base, int max, uint32_t *ret)
{
    int n = 0;
    for (*ret = 0; n < max; n++) {
        char c = *t->p;
        unsigned d = 99;
        if (c >= '0' && c <= '9')
            d = (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            d = (unsigned)((c | 32) - 'a' + 10);
        if (d >= base)
            break;
        *ret = *ret * base + d;
        t->p++;
    }
    return n;
}

/* At the u of \uXXXX; two of them may be one character. */
static void unicode_escape(struct translation *t)
{
    uint32_t c, low;
    t->p++;
    if (read_number(t, 16, 4, &c) != 4) {
        refuse(t, t->p, "Illegal Unicode escape sequence");
        return;
    }
    if (c >= 0xD800 && c <= 0xDBFF && t->p[0] == '\\' && t->p[1] == 'u') {
        t->p += 2;
        if (read_number(t, 16, 4, &low) == 4 && low >= 0xDC00 && low <= 0xDFFF)
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    if (c >= 0xD800 && c <= 0xDFFF)
        refuse(t, t->p, "not supported: a lone surrogate");
    buf_printf(t->out, "\\x{%X}", (unsigned)c);
}

static void octal_escape(struct translation *t)
{
    uint32_t c;
    t->p++;
    int max = *t->p >= '0' && *t->p <= '3' ? 3 : 2;
    if (read_number(t, 8, max, &c) == 0)
        refuse(t, t->p, "Illegal octal escape sequence");
    buf_printf(t->out, "\\x{%X}", (unsigned)c);
}

static void hex_escape(struct translation *t)
{
    uint32_t c;
    t->p++;
    bool braces = *t->p == '{';
    t->p += braces;
    int n = read_number(t, 16, braces ? 6 : 2, &c);
    bool good = braces ? n > 0 && *t->p == '}' : n == 2;
    if (!good || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        refuse(t, t->p, "Illegal hexadecimal escape sequence");
    else
        t->p += braces;
    buf_printf(t->out, "\\x{%X}", (unsigned)c);
}

static void put_literal(struct buf *b, char c)
{
    unsigned char u = (unsigned char)c;
    bool word = u >= 0x80 || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || u <= ' ';
    if (!word)
        buf_putc(b, '\\');
    buf_putc(b, c);
}

/* \Q...\E: every character stands for itself. */
static void quotation(struct translation *t)
{
    const char *end = strstr(++t->p, "\\E");
    size_t len = end ? (size_t)(end - t->p) : strlen(t->p);
    for (size_t i = 0; i < len; i++)
        put_literal(t->out, t->p[i]);
    t->p += len + (end ? 2 : 0);
}

/* The first digit always counts, further ones while there are that many groups. */
static void back_reference(struct translation *t)
{
    int number = *t->p++ - '0';
    while (*t->p >= '0' && *t->p <= '9' && number * 10 + (*t->p - '0') <= t->groups)
        number = number * 10 + (*t->p++ - '0');
    if (t->all_groups >= 0 && number > t->all_groups)
        buf_puts(t->out, "(?!)"); /* a group that does not exist matches nothing */
    else
        buf_printf(t->out, "\\g{%d}", number);
}

static void named_character(struct translation *t)
{
    const char *name = t->p + 2, *end = t->p[1] == '{' ? strchr(name, '}') : NULL;
    if (!end)
        refuse(t, t->p + 1, "Illegal character name escape sequence");
    else
        refuse(t, end, "Unknown character name [%.*s]", (int)(end - name), name);
}

/* After the backslash. */
static void escape(struct translation *t, bool in_class)
{
    char c = *t->p;
    bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
    if (c == '\0')
        refuse(t, t->p, "Unescaped trailing backslash");
    else if (c == 'p' || c == 'P')
        property(t, in_class);
    else if (c == 'u')
        unicode_escape(t);
    else if (c == 'x')
        hex_escape(t);
    else if (c == '0')
        octal_escape(t);
    else if (c == 'Q')
        quotation(t);
    else if (c == 'N')
        named_character(t);
    else if (c >= '1' && c <= '9' && !in_class)
        back_reference(t);
    else if (c == 'k' && !in_class && t->p[1] == '<') {
        buf_puts(t->out, "\\k");
        t->p++;
    } else if (c == 'Z' && !in_class) {
        buf_puts(t->out, "(?=(?:\\r\\n|[\\n\\r\\x{85}\\x{2028}\\x{2029}])?\\z)");
        t->p++;
    } else if (letter && !strchr(in_class ? "tnrfaedDsSwWhHvV" : "tnrfaedDsSwWhHvVbBAzGRX", c)) {
        refuse(t, t->p, "Illegal/unsupported escape sequence");
    } else if (c == 'b' && t->p[1] == '{') {
        refuse(t, t->p, "not supported: \\b{...}");
    } else if (letter) {
        buf_printf(t->out, "\\%c", c);
        t->p++;
    } else {
        put_literal(t->out, c);
        t->p++;
    }
}

struct class_parts {
    struct buf run;   /* plain members of the union in hand */
    struct buf inner; /* `|[...]|...`: classes inside of it */
    struct buf terms; /* `(?=...)(?=...)`: unions before the last && */
};

static void class(struct translation *t, struct buf *out);

static void put_union(const struct class_parts *c, struct buf *out)
{
    if (c->inner.len == 0)
        buf_printf(out, "[%.*s]", (int)c->run.len, c->run.data);
    else if (c->run.len == 0)
        buf_printf(out, "(?:%.*s)", (int)c->inner.len - 1, c->inner.data + 1);
    else
        buf_printf(out, "(?:[%.*s]%.*s)", (int)c->run.len, c->run.data, (int)c->inner.len, c->inner.data);
}

static void put_class(const struct class_parts *c, bool negated, struct buf *out)
{
    if (c->inner.len == 0 && c->terms.len == 0) {
        buf_printf(out, "[%s%.*s]", negated ? "^" : "", (int)c->run.len, c->run.data);
        return;
    }
    buf_puts(out, negated ? "(?:(?!" : "(?:");
    buf_put(out, c->terms.data, c->terms.len);
    put_union(c, out);
    buf_puts(out, negated ? ")[\\s\\S])" : ")");
}

/* One member or operator of a class. */
static void class_part(struct translation *t, const char *start, struct class_parts *c)
{
    if (*t->p == '\0') {
        refuse(t, t->start + strlen(t->start) - 1, "Unclosed character class");
    } else if (*t->p == '[') {
        buf_putc(&c->inner, '|');
        class(t, &c->inner);
    } else if (t->p[0] == '&' && t->p[1] == '&') {
        if (c->run.len + c->inner.len == 0 || t->p[2] == ']' || t->p[2] == '&') {
            refuse(t, start, "not supported: an empty side of '&&'");
            return;
        }
        buf_puts(&c->terms, "(?=");
        put_union(c, &c->terms);
        buf_putc(&c->terms, ')');
        buf_clear(&c->run);
        buf_clear(&c->inner);
        t->p += 2;
    } else if (*t->p == '\\') {
        struct buf *outer = t->out;
        t->out = &c->run;
        t->p++;
        escape(t, true);
        t->out = outer;
    } else if (*t->p == '-' || *t->p == '^') {
        buf_putc(&c->run, *t->p++);
    } else {
        put_literal(&c->run, *t->p++);
    }
}

/* At the '['. */
static void class(struct translation *t, struct buf *out)
{
    struct class_parts c = { BUF_INIT, BUF_INIT, BUF_INIT };
    const char *start = t->p++;
    bool negated = *t->p == '^';
    if (++t->class_depth > CLASS_DEPTH)
        refuse(t, start, "not supported: so many classes inside each other");
    t->p += negated;
    /* a ']' that comes first is a member */
    if (*t->p == ']')
        put_literal(&c.run, *t->p++);
    else if (*t->p == '^')
        put_literal(&c.run, *t->p++);
    while (!t->err && *t->p != ']')
        class_part(t, start, &c);
    if (!t->err) {
        t->p++;
        put_class(&c, negated, out);
    }
    t->class_depth--;
    buf_fini(&c.run);
    buf_fini(&c.inner);
    buf_fini(&c.terms);
}

/* After "(?": flags up to ')' or ':'. False: the group is over already. */
static bool flags(struct translation *t, bool at_start)
{
    bool on = true;
    size_t before = t->out->len;
    buf_puts(t->out, "(?");
    for (; *t->p != ')' && *t->p != ':'; t->p++) {
        char c = *t->p;
        if (c == '-')
            on = false;
        else if (c == 'i')
            t->caseless = true;
        else if (c == 'U' && at_start && on)
            t->pattern->unicode = true;
        else if (c == 'd' && at_start && on)
            t->pattern->unix_lines = true;
        else if (c && strchr("dUux", c))
            refuse(t, t->p, "not supported: flag '%c' here", c);
        else if (c != 'm' && c != 's')
            refuse(t, t->p, "Unknown inline modifier");
        if (t->err)
            return false;
        if (!strchr("Ud", c))
            buf_putc(t->out, c);
    }
    if (*t->p++ == ':') {
        buf_putc(t->out, ':');
        return true;
    }
    buf_putc(t->out, ')');
    if (t->out->len == before + 3)
        t->out->len = before; /* nothing left for PCRE2 to know */
    return false;
}

/* At the '<' of (?<name>. */
static void group_name(struct translation *t)
{
    const char *name = ++t->p;
    size_t len = 0;
    for (char c = name[0]; (c | 32) >= 'a' && (c | 32) <= 'z'; c = name[len])
        do
            c = name[++len];
        while (c >= '0' && c <= '9');
    t->p += len;
    if (len == 0) {
        refuse(t, t->p, "Unknown look-behind group");
        return;
    }
    if (*t->p != '>') {
        refuse(t, t->p, "named capturing group is missing trailing '>'");
        return;
    }
    const char *known = t->names.len ? buf_text(&t->names) : "";
    for (const char *n = known; *n; n = strchr(n, '>') + 1)
        if (strncmp(n, name, len + 1) == 0)
            refuse(t, t->p, "Named capturing group <%.*s> is already defined", (int)len, name);
    buf_put(&t->names, name, len + 1);
    buf_printf(t->out, "(?<%.*s>", (int)len, name);
    t->p++;
    t->groups++;
}

/* At the '('. */
static void group(struct translation *t)
{
    static const char *const plain[] = { "(?:", "(?=", "(?!", "(?>", "(?<=", "(?<!" };
    bool at_start = t->p == t->start;
    t->open++;
    t->atom = false;
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        if (!text_starts(t->p, plain[i]))
            continue;
        buf_puts(t->out, plain[i]);
        t->p += strlen(plain[i]);
        return;
    }
    if (*++t->p != '?') {
        buf_putc(t->out, '(');
        t->groups++;
    } else if (*++t->p == '<') {
        group_name(t);
    } else if (!flags(t, at_start)) {
        t->open--;
    }
}

/* At the '{': Java wants a count there, PCRE2 takes anything else literally. */
static void count(struct translation *t)
{
    const char *start = t->p++;
    long bounds[2] = { 0, -1 };
    if (*t->p < '0' || *t->p > '9') {
        refuse(t, start - 1, "Illegal repetition");
        return;
    }
    for (int i = 0; i < 2; i++) {
        for (bounds[i] = 0; *t->p >= '0' && *t->p <= '9'; t->p++) {
            bounds[i] = bounds[i] * 10 + (*t->p - '0');
            if (bounds[i] > INT32_MAX) {
                refuse(t, t->p, "Illegal repetition range");
                return;
            }
        }
        if (i == 0 && *t->p != ',') {
            bounds[1] = bounds[0];
            break;
        }
        t->p += i == 0;
        if (i == 0 && *t->p == '}') {
            bounds[1] = INT32_MAX;
            break;
        }
    }
    if (*t->p != '}')
        refuse(t, t->p, "Unclosed counted closure");
    else if (bounds[1] < bounds[0])
        refuse(t, t->p, "Illegal repetition range");
    else
        buf_put(t->out, start, (size_t)(++t->p - start));
}

/* At '*', '+', '?' or '{', and what makes it lazy or possessive. */
static void repetition(struct translation *t)
{
    if (*t->p == '{')
        count(t);
    else if (!t->atom)
        refuse(t, t->p, "Dangling meta character '%c'", *t->p);
    else
        buf_putc(t->out, *t->p++);
    if (!t->err && (*t->p == '?' || *t->p == '+'))
        buf_putc(t->out, *t->p++);
    t->atom = false;
}

static void piece(struct translation *t)
{
    char c = *t->p;
    if (strchr("*+?{", c)) {
        repetition(t);
        return;
    }
    if (c == '(') {
        group(t);
        return;
    }
    t->atom = c != '|';
    if (c == '\\') {
        t->p++;
        escape(t, false);
    } else if (c == '[') {
        class(t, t->out);
    } else if (c == ')' && t->open-- == 0) {
        refuse(t, t->p - 1, "Unmatched closing ')'");
    } else {
        buf_putc(t->out, c);
        t->p++;
    }
}

static struct kaftan_error *read_all(const char *pattern, int all_groups, struct regex_pattern *ret, int *ret_groups)
{
    struct translation t = { .start = pattern, .p = pattern, .out = &ret->text, .pattern = ret, .all_groups = all_groups };
    while (*t.p && !t.err)
        piece(&t);
    if (t.open > 0)
        refuse(&t, t.p, "Unclosed group");
    bool ascii = true;
    for (const char *p = pattern; *p; p++)
        ascii = ascii && (unsigned char)*p < 0x80;
    /* Java folds ASCII only unless told otherwise; PCRE2 would fold all */
    if (t.caseless && !ascii && !ret->unicode)
        refuse(&t, pattern, "not supported: (?i) together with characters beyond ASCII");
    buf_fini(&t.names);
    *ret_groups = t.groups;
    return t.err;
}

struct kaftan_error *regex_translate(const char *pattern, struct regex_pattern *ret)
{
    int groups, again;
    struct kaftan_error *err = read_all(pattern, -1, ret, &groups);
    if (err)
        return err;
    buf_clear(&ret->text);
    return read_all(pattern, groups, ret, &again);
}
