/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include "base/regex.h"

#include <pcre2.h>
#include <string.h>

#include "base/mem.h"
#include "base/regex_int.h"
#include "base/text.h"

enum { MATCH_LIMIT = 1000000, DEPTH_LIMIT = 20000, HEAP_LIMIT_KIB = 20000, PATTERN_LIMIT = 16384, NAME_LIMIT = 32 };

struct regex {
    pcre2_code *code;             /* owned */
    pcre2_match_data *data;       /* owned */
    pcre2_match_context *context; /* owned */
    uint32_t groups;
};

static struct kaftan_error *compile(const char *pattern, struct regex_pattern *p, pcre2_code **ret)
{
    int code;
    size_t at;
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | (p->unicode ? PCRE2_UCP : PCRE2_NEVER_UCP);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    ASSERT(context);
    /* Java's line ends but for VT and FF, where only '.', '^' and '$' could tell */
    (void)pcre2_set_newline(context, p->unix_lines ? PCRE2_NEWLINE_LF : PCRE2_NEWLINE_ANY);
    *ret = pcre2_compile((PCRE2_SPTR)buf_text(&p->text), p->text.len, options, &code, &at, context);
    pcre2_compile_context_free(context);
    if (*ret)
        return NULL;
    char text[200];
    (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)text, sizeof text);
    return kaftan_error_new(KAFTAN_E_INVALID, "%s\n%s", text, pattern);
}

static struct regex *make(pcre2_code *code)
{
    struct regex *r = mem_zalloc(1, sizeof *r);
    r->code = code;
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it: slower, the same */
    (void)pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &r->groups);
    r->data = pcre2_match_data_create_from_pattern(code, NULL);
    r->context = pcre2_match_context_create(NULL);
    ASSERT(r->data && r->context);
    (void)pcre2_set_match_limit(r->context, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(r->context, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(r->context, HEAP_LIMIT_KIB);
    return r;
}

struct kaftan_error *regex_new(const char *pattern, struct regex **ret)
{
    size_t len = strlen(pattern);
    if (len > PATTERN_LIMIT)
        return kaftan_error_new(KAFTAN_E_INVALID, "pattern of %zu bytes is longer than %d", len, PATTERN_LIMIT);
    if (!utf8_valid(pattern, len))
        return kaftan_error_new(KAFTAN_E_INVALID, "pattern is no valid UTF-8");
    struct regex_pattern translated = { .text = BUF_INIT };
    pcre2_code *code = NULL;
    struct kaftan_error *err = regex_translate(pattern, &translated);
    if (!err)
        err = compile(pattern, &translated, &code);
    buf_fini(&translated.text);
    if (!err)
        *ret = make(code);
    return err;
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

/* A limit that was hit is no match, too. */
static bool match(struct regex *r, struct kaftan_slice text, uint32_t options)
{
    return pcre2_match(r->code, (PCRE2_SPTR)(text.ptr ? text.ptr : ""), text.len, 0, options, r->data, r->context) >= 0;
}

/* The text itself, or a valid copy of it in `b`. */
static struct kaftan_slice valid(struct kaftan_slice text, struct buf *b)
{
    if (text.len == 0 || utf8_valid(text.ptr, text.len))
        return text;
    utf8_append_lossy(b, text.ptr, text.len);
    return buf_slice(b);
}

bool regex_matches(struct regex *r, struct kaftan_slice text)
{
    struct buf clean = BUF_INIT;
    bool found = match(r, valid(text, &clean), PCRE2_ANCHORED | PCRE2_ENDANCHORED);
    buf_fini(&clean);
    return found;
}

static void put_group(const struct regex *r, struct kaftan_slice text, uint32_t group, struct buf *ret)
{
    const size_t *at = pcre2_get_ovector_pointer(r->data);
    if (at[2 * group] != PCRE2_UNSET)
        buf_put(ret, text.ptr + at[2 * group], at[2 * group + 1] - at[2 * group]);
}

/* At the '{' of ${name}. */
static struct kaftan_error *named_group(const struct regex *r, const char **p, uint32_t *ret)
{
    char name[NAME_LIMIT + 1];
    size_t len = 0;
    const char *s = ++*p;
    while ((s[len] >= '0' && s[len] <= '9') || ((s[len] | 32) >= 'a' && (s[len] | 32) <= 'z'))
        len++;
    if (len == 0)
        return kaftan_error_new(KAFTAN_E_DATA, "named capturing group has 0 length name");
    if (s[len] != '}')
        return kaftan_error_new(KAFTAN_E_DATA, "named capturing group is missing trailing '}'");
    if (s[0] >= '0' && s[0] <= '9')
        return kaftan_error_new(KAFTAN_E_DATA, "capturing group name {%.*s} starts with digit character", (int)len, s);
    int number = PCRE2_ERROR_NOSUBSTRING;
    if (len <= NAME_LIMIT) {
        memcpy(name, s, len);
        name[len] = '\0';
        number = pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)name);
    }
    if (number < 0)
        return kaftan_error_new(KAFTAN_E_DATA, "No group with name {%.*s}", (int)len, s);
    *ret = (uint32_t)number;
    *p = s + len + 1;
    return NULL;
}

/* Behind the '$'. The first digit always counts, further ones while there are that many groups. */
static struct kaftan_error *group_reference(const struct regex *r, const char **p, uint32_t *ret)
{
    if (**p == '\0')
        return kaftan_error_new(KAFTAN_E_DATA, "Illegal group reference: group index is missing");
    if (**p == '{')
        return named_group(r, p, ret);
    if (**p < '0' || **p > '9')
        return kaftan_error_new(KAFTAN_E_DATA, "Illegal group reference");
    uint32_t number = (uint32_t)(*(*p)++ - '0');
    if (number > r->groups)
        return kaftan_error_new(KAFTAN_E_DATA, "No group %u", (unsigned)number);
    while (**p >= '0' && **p <= '9' && number * 10 + (uint32_t)(**p - '0') <= r->groups)
        number = number * 10 + (uint32_t)(*(*p)++ - '0');
    *ret = number;
    return NULL;
}

static struct kaftan_error *put_replacement(const struct regex *r, struct kaftan_slice text, const char *p, struct buf *ret)
{
    while (*p) {
        char c = *p++;
        if (c == '\\') {
            if (!*p)
                return kaftan_error_new(KAFTAN_E_DATA, "character to be escaped is missing");
            buf_putc(ret, *p++);
        } else if (c == '$') {
            uint32_t group = 0;
            struct kaftan_error *err = group_reference(r, &p, &group);
            if (err)
                return err;
            put_group(r, text, group, ret);
        } else {
            buf_putc(ret, c);
        }
    }
    return NULL;
}

struct kaftan_error *regex_replace_first(struct regex *r, struct kaftan_slice text, const char *replacement, struct buf *ret)
{
    struct buf clean = BUF_INIT;
    struct kaftan_error *err = NULL;
    size_t start = ret->len;
    struct kaftan_slice s = valid(text, &clean);
    if (!match(r, s, 0)) {
        buf_put_slice(ret, s);
    } else {
        const size_t *at = pcre2_get_ovector_pointer(r->data);
        buf_put(ret, s.ptr, at[0]);
        err = put_replacement(r, s, replacement, ret);
        if (err)
            ret->len = start;
        else if (at[1] < s.len)
            buf_put(ret, s.ptr + at[1], s.len - at[1]);
    }
    buf_fini(&clean);
    return err;
}
