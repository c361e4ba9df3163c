/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Java and PCRE2 agree on most of what people write, and silently disagree on
 * some of it: `[a&&b]`, `(?u)`, `\u0041`, what `.` and `$` take for the end of
 * a line. So a pattern is read once with Java's eyes. What means the same is
 * passed on, what has another spelling is translated, and the rest is refused:
 * a topic pattern that matches other topics than it used to is worse than a
 * connector that does not start.
 */
#include "config.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { MATCH_LIMIT = 1000000, DEPTH_LIMIT = 20000, HEAP_LIMIT_KIB = 20000, PATTERN_LIMIT = 16384 };

struct regex {
    pcre2_code *code;              /* owned */
    pcre2_match_data *data;        /* owned */
    pcre2_match_context *context;  /* owned */
};

struct translation {
    const char *start, *p; /* borrowed */
    struct buf out;
    const char *what; /* set: this is not supported, at p */
    bool multiline, dotall, caseless;
};

static void refuse(struct translation *t, const char *what)
{
    if (!t->what)
        t->what = what;
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
    { "Punct", "!-/:-@\\[-`{-~" },
    { "Graph", "!-~" },
    { "Print", " -~" },
    { "Blank", " \\t" },
    { "Cntrl", "\\x00-\\x1F\\x7F" },
    { "XDigit", "0-9a-fA-F" },
    { "Space", " \\t-\\r" },
};

static bool general_category(const char *name, size_t len)
{
    static const char all[] = "L M N S P Z C Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Sm Sc Sk So Pc Pd Ps Pe Pi Pf Po Zs Zl Zp Cc Cf Co Cs Cn ";
    char key[4] = { 0 };
    if (len == 0 || len > 2)
        return false;
    memcpy(key, name, len);
    key[len] = ' ';
    const char *found = strstr(all, key);
    return found && (found == all || found[-1] == ' ');
}

/* At the letter of \p or \P. */
static void property(struct translation *t, bool in_class)
{
    char kind = *t->p++;
    size_t len = 1;
    const char *name = t->p;
    if (*name == '{') {
        const char *end = strchr(name, '}');
        if (!end) {
            refuse(t, "\\p without '}'");
            return;
        }
        len = (size_t)(end - ++name);
        t->p = end + 1;
    } else if (*name) {
        t->p++;
    }
    if (general_category(name, len)) {
        buf_printf(&t->out, "\\%c{%.*s}", kind, (int)len, name);
        return;
    }
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        if (strlen(classes[i].name) != len || memcmp(classes[i].name, name, len) != 0)
            continue;
        if (in_class && kind == 'P')
            refuse(t, "a negated \\P{...} of this name inside a class");
        else if (in_class)
            buf_puts(&t->out, classes[i].members);
        else
            buf_printf(&t->out, "[%s%s]", kind == 'P' ? "^" : "", classes[i].members);
        return;
    }
    refuse(t, "this \\p{...} name");
}

static void put_code_point(struct translation *t, uint32_t c)
{
    buf_printf(&t->out, "\\x{%X}", (unsigned)c);
}

/* Reads up to `max` digits to the base; returns how many. */
static int read_number(struct translation *t, unsigned base, int max, uint32_t *ret)
{
    int n = 0;
    for (*ret = 0; n < max; n++) {
        char c = *t->p;
        unsigned d = c >= '0' && c <= '9' ? (unsigned)(c - '0')
                                          : (c | 32) >= 'a' && (c | 32) <= 'f' ? (unsigned)((c | 32) - 'a' + 10) : 99;
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
        refuse(t, "\\u without four hex digits");
        return;
    }
    if (c >= 0xD800 && c <= 0xDBFF && t->p[0] == '\\' && t->p[1] == 'u') {
        t->p += 2;
        if (read_number(t, 16, 4, &low) == 4 && low >= 0xDC00 && low <= 0xDFFF)
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    }
    if (c >= 0xD800 && c <= 0xDFFF)
        refuse(t, "a lone surrogate");
    put_code_point(t, c);
}

static void octal_escape(struct translation *t)
{
    uint32_t c;
    t->p++;
    int max = *t->p >= '0' && *t->p <= '3' ? 3 : 2;
    if (read_number(t, 8, max, &c) == 0)
        refuse(t, "\\0 without octal digits");
    put_code_point(t, c);
}

static void hex_escape(struct translation *t)
{
    uint32_t c;
    t->p++;
    bool braces = *t->p == '{';
    t->p += braces;
    int n = read_number(t, 16, braces ? 6 : 2, &c);
    if (n == 0 || (!braces && n != 2) || (braces && *t->p != '}') || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        refuse(t, "this \\x escape");
    else
        t->p += braces;
    put_code_point(t, c);
}

/* \Q...\E: every character stands for itself. */
static void quotation(struct translation *t)
{
    const char *end = strstr(++t->p, "\\E");
    size_t len = end ? (size_t)(end - t->p) : strlen(t->p);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)t->p[i];
        bool word = c >= 0x80 || (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c <= ' ';
        if (!word)
            buf_putc(&t->out, '\\');
        buf_putc(&t->out, (char)c);
    }
    t->p += len + (end ? 2 : 0);
}

static void back_reference(struct translation *t)
{
    /* Java reads \11 by how many groups there are, PCRE2 by other rules */
    if (t->p[1] >= '0' && t->p[1] <= '9')
        refuse(t, "a back reference followed by a digit");
    buf_printf(&t->out, "(?:\\g{%c})", *t->p++);
}

/* After the backslash. */
static void escape(struct translation *t, bool in_class)
{
    char c = *t->p;
    bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
    if (c == '\0')
        refuse(t, "a backslash at the end");
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
    else if (c >= '1' && c <= '9' && !in_class)
        back_reference(t);
    else if (c == 'k' && !in_class && t->p[1] == '<') {
        buf_puts(&t->out, "\\k");
        t->p++;
    } else if (c == 'Z' && !in_class) {
        buf_puts(&t->out, "(?=(?:\\r\\n|[\\n\\r\\x{85}\\x{2028}\\x{2029}])?\\z)");
        t->p++;
    } else if (!letter || strchr(in_class ? "tnrfaedDsSwWhHvV" : "tnrfaedDsSwWhHvVbBAzGRX", c)) {
        if (letter && (c == 'b') && t->p[1] == '{')
            refuse(t, "\\b{...}");
        buf_putc(&t->out, '\\');
        /* an escaped character beyond ASCII stands for itself */
        if ((unsigned char)c >= 0x80)
            t->out.len--;
        buf_putc(&t->out, c);
        t->p++;
    } else {
        refuse(t, "this escape");
    }
}

/* At the '['. */
static void class(struct translation *t)
{
    buf_putc(&t->out, *t->p++);
    if (*t->p == '^')
        buf_putc(&t->out, *t->p++);
    if (*t->p == ']') {
        buf_puts(&t->out, "\\]");
        t->p++;
    }
    while (*t->p != ']' && !t->what) {
        if (*t->p == '\0')
            refuse(t, "a class without ']'");
        else if (*t->p == '[')
            refuse(t, "a class inside a class");
        else if (t->p[0] == '&' && t->p[1] == '&')
            refuse(t, "an intersection of classes ('&&')");
        else if (*t->p == '\\') {
            t->p++;
            escape(t, true);
        } else
            buf_putc(&t->out, *t->p++);
    }
    if (!t->what)
        buf_putc(&t->out, *t->p++);
}

/* After "(?": flags up to ')' or ':'. */
static void flags(struct translation *t)
{
    bool on = true;
    for (; *t->p != ')' && *t->p != ':'; t->p++) {
        if (*t->p == '-')
            on = false;
        else if (*t->p == 'i')
            t->caseless = true;
        else if (*t->p == 'm')
            t->multiline = t->multiline || on;
        else if (*t->p == 's')
            t->dotall = t->dotall || on;
        else {
            refuse(t, "this flag or group");
            return;
        }
        buf_putc(&t->out, *t->p);
        if (*t->p == '-')
            continue;
    }
    if (*t->p == ')' || *t->p == ':')
        buf_putc(&t->out, *t->p++);
}

/* At the '('. */
static void group(struct translation *t)
{
    static const char *const plain[] = { "?:", "?=", "?!", "?>", "?<=", "?<!" };
    buf_putc(&t->out, *t->p++);
    if (*t->p == '*') {
        refuse(t, "'*' with nothing to repeat");
        return;
    }
    if (*t->p != '?')
        return;
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        if (!text_starts(t->p, plain[i]))
            continue;
        buf_puts(&t->out, plain[i]);
        t->p += strlen(plain[i]);
        return;
    }
    buf_putc(&t->out, *t->p++);
    if (*t->p != '<') {
        flags(t);
        return;
    }
    while (*t->p && *t->p != '>') {
        if (*t->p == '_')
            refuse(t, "'_' in the name of a group");
        buf_putc(&t->out, *t->p++);
    }
}

/* At the '{': Java wants a count there, PCRE2 takes anything else literally. */
static void count(struct translation *t)
{
    size_t n = strspn(t->p + 1, "0123456789"), m = 0;
    const char *q = t->p + 1 + n;
    if (n > 0 && *q == ',') {
        m = strspn(q + 1, "0123456789") + 1;
        q += m;
    }
    if (n == 0 || *q != '}') {
        refuse(t, "'{' that is no count (write \\{)");
        return;
    }
    buf_put(&t->out, t->p, (size_t)(q - t->p) + 1);
    t->p = q + 1;
}

static void translate(struct translation *t)
{
    while (*t->p && !t->what) {
        char c = *t->p;
        if (c == '\\') {
            t->p++;
            escape(t, false);
        } else if (c == '[')
            class(t);
        else if (c == '(')
            group(t);
        else if (c == '{')
            count(t);
        else {
            buf_putc(&t->out, c);
            t->p++;
        }
    }
}

static bool ascii(const char *s)
{
    while (*s && (unsigned char)*s < 0x80)
        s++;
    return *s == '\0';
}

static struct kaftan_error *unsupported(const char *pattern, const char *what, size_t at)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "regular expression \"%s\" is not supported: %s near index %zu", pattern,
                            what, at);
}

static struct kaftan_error *compile(const char *pattern, struct translation *t, pcre2_code **ret)
{
    int code;
    size_t at;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    ASSERT(context);
    /* Java's line ends but for VT and FF, where only '.', '^' and '$' could tell */
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_ANY);
    *ret = pcre2_compile((PCRE2_SPTR)buf_text(&t->out), t->out.len, PCRE2_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C,
                         &code, &at, context);
    pcre2_compile_context_free(context);
    if (*ret)
        return NULL;
    char text[200];
    (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
    return kaftan_error_new(KAFTAN_E_INVALID, "regular expression \"%s\" is wrong: %s", pattern, text);
}

struct kaftan_error *regex_new(const char *pattern, struct regex **ret)
{
    size_t len = strlen(pattern);
    if (len > PATTERN_LIMIT)
        return kaftan_error_new(KAFTAN_E_INVALID, "regular expression of %zu bytes is longer than %d", len, PATTERN_LIMIT);
    if (!utf8_valid(pattern, len))
        return kaftan_error_new(KAFTAN_E_INVALID, "regular expression is no valid UTF-8");
    struct translation t = { .start = pattern, .p = pattern };
    translate(&t);
    /* Java folds ASCII only unless told (?u); PCRE2 would fold all */
    if (!t.what && t.caseless && !ascii(pattern))
        refuse(&t, "(?i) together with characters beyond ASCII");
    struct kaftan_error *err = NULL;
    pcre2_code *code = NULL;
    if (t.what)
        err = unsupported(pattern, t.what, (size_t)(t.p - t.start));
    else
        err = compile(pattern, &t, &code);
    buf_fini(&t.out);
    if (err)
        return err;
    struct regex *r = mem_zalloc(1, sizeof *r);
    r->code = code;
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it: slower, the same */
    r->data = pcre2_match_data_create_from_pattern(code, NULL);
    r->context = pcre2_match_context_create(NULL);
    ASSERT(r->data && r->context);
    (void)pcre2_set_match_limit(r->context, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(r->context, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(r->context, HEAP_LIMIT_KIB);
    *ret = r;
    return NULL;
}

void regex_free(struct regex *r)
{
    if (!r)
        return;
    pcre2_match_context_free(r->context);
    pcre2_match_data_free(r->data);
    pcre2_code_free(r->code);
    mem_free(r);
}

bool regex_matches(struct regex *r, struct kaftan_slice text)
{
    struct buf clean = BUF_INIT;
    if (text.len > 0 && !utf8_valid(text.ptr, text.len)) {
        utf8_append_lossy(&clean, text.ptr, text.len);
        text = buf_slice(&clean);
    }
    int rc = pcre2_match(r->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, 0,
                         PCRE2_ANCHORED | PCRE2_ENDANCHORED, r->data, r->context);
    buf_fini(&clean);
    return rc >= 0; /* a limit that was hit is no match, too */
}
