/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/values.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/calendar.h"
#include "data/decimal.h"
#include "data/schema.h"
#include "data/utf16.h"
#include "data/value.h"

/*
 * The text is cut into tokens: one of : , { } [ ] " or the run up to the next
 * of them, where a backslash hides one. There is one token of look-ahead. A
 * value that cannot be read as array or map is read again as a single token;
 * so `[1,,2]` becomes a string, and nothing here is an error in the end.
 *
 * Compatibility decides the odd cases, too: blanks before a delimiter are
 * lost, and what follows a complete value is dropped.
 */
enum {
    DEPTH_LIMIT = 3000,
    TEMPORAL_LIMIT = 160, /* bytes; no temporal text is longer, even with every colon escaped */
    /* 0 would make a number that is followed by more tokens a string (proposed upstream). */
    NUMBER_DROPS_REST = 1
};

enum outcome { PARSED, BAD, TOO_DEEP };

struct token {
    size_t start, len;
};

struct parser {
    struct kaftan_arena *arena;
    struct kaftan_slice text;
    size_t at; /* behind what was read, look-ahead included */
    struct token ahead;
    bool has_ahead;
    unsigned depth;
};

struct parsed {
    const struct kaftan_schema *schema; /* NULL with a null value: no schema and value */
    struct kaftan_value value;
};

static struct kaftan_slice token_text(const struct parser *p, struct token t)
{
    return (struct kaftan_slice){ p->text.ptr + t.start, t.len };
}

static bool is_delimiter(char c)
{
    return c == ':' || c == ',' || c == '{' || c == '}' || c == '[' || c == ']' || c == '"';
}

static struct token scan_token(struct parser *p)
{
    struct token t = { p->at, 0 };
    bool escaped = false;
    while (p->at < p->text.len) {
        char c = p->text.ptr[p->at];
        if (is_delimiter(c) && !escaped) {
            if (p->at == t.start)
                p->at++;
            break;
        }
        escaped = c == '\\' && !escaped;
        p->at++;
    }
    t.len = p->at - t.start;
    return t;
}

static bool has_next(const struct parser *p)
{
    return p->has_ahead || p->at < p->text.len;
}

static size_t mark(const struct parser *p)
{
    return p->has_ahead ? p->at - p->ahead.len : p->at;
}

static void rewind_to(struct parser *p, size_t at)
{
    p->at = at;
    p->has_ahead = false;
}

static struct token next_token(struct parser *p)
{
    if (!p->has_ahead)
        return scan_token(p);
    p->has_ahead = false;
    return p->ahead;
}

/* The next `count` tokens as they stand in the text; false and nothing read when there are fewer. */
static bool next_tokens(struct parser *p, int count, struct kaftan_slice *ret)
{
    size_t start = mark(p);
    for (int i = 0; i < count; i++) {
        if (!has_next(p)) {
            rewind_to(p, start);
            return false;
        }
        (void)next_token(p);
    }
    *ret = (struct kaftan_slice){ p->text.ptr + start, p->at - start };
    return true;
}

static bool is_blank(struct kaftan_slice s)
{
    return slice_trim(s).len == 0;
}

static bool accept(struct parser *p, const char *expected)
{
    if (!p->has_ahead) {
        if (!has_next(p))
            return false;
        p->ahead = scan_token(p);
        p->has_ahead = true;
    }
    while (is_blank(token_text(p, p->ahead)) && p->at < p->text.len)
        p->ahead = scan_token(p);
    if (!slice_eq_str(slice_trim(token_text(p, p->ahead)), expected))
        return false;
    p->has_ahead = false;
    return true;
}

static void set(struct parsed *ret, const struct kaftan_schema *schema, struct kaftan_value value)
{
    ret->schema = schema;
    ret->value = value;
}

static void set_string(struct parsed *ret, struct kaftan_slice s)
{
    set(ret, kaftan_schema_of(KAFTAN_TYPE_STRING, false), kaftan_string(s.ptr ? s.ptr : "", s.len));
}

/* `text` in up to two parts, to spare the caller a copy. The length of the whole decides what it may be. */
static bool read_temporal(struct kaftan_slice head, struct kaftan_slice tail, struct parsed *ret)
{
    char text[TEMPORAL_LIMIT];
    size_t len = 0;
    int64_t millis = 0;
    const char *pattern = NULL;
    enum schema_logical logical = LOGICAL_NONE;
    if (head.len + tail.len > sizeof text)
        return false;
    for (size_t i = 0; i < head.len + tail.len; i++) {
        char c = i < head.len ? head.ptr[i] : tail.ptr[i - head.len];
        if (c == ':' && len > 0 && text[len - 1] == '\\')
            len--; /* an escaped colon */
        text[len++] = c;
    }
    size_t units = utf16_length((struct kaftan_slice){ text, len });
    if (units == 10) {
        pattern = CALENDAR_DATE;
        logical = LOGICAL_DATE;
    } else if (units == 13) {
        pattern = CALENDAR_TIME;
        logical = LOGICAL_TIME;
    } else if (units == 24) {
        pattern = CALENDAR_TIMESTAMP;
        logical = LOGICAL_TIMESTAMP;
    }
    if (!pattern || !calendar_parse(pattern, text, len, &millis))
        return false;
    set(ret, schema_logical(logical), kaftan_int(KAFTAN_KIND_DATE, millis));
    return true;
}

static void set_integer(struct parsed *ret, int64_t v)
{
    enum kaftan_kind kind = KAFTAN_KIND_INT64;
    enum kaftan_type type = KAFTAN_TYPE_INT64;
    if (v >= INT8_MIN && v <= INT8_MAX) {
        kind = KAFTAN_KIND_INT8;
        type = KAFTAN_TYPE_INT8;
    } else if (v >= INT16_MIN && v <= INT16_MAX) {
        kind = KAFTAN_KIND_INT16;
        type = KAFTAN_TYPE_INT16;
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
        kind = KAFTAN_KIND_INT32;
        type = KAFTAN_TYPE_INT32;
    }
    set(ret, kaftan_schema_of(type, false), kaftan_int(kind, v));
}

static bool read_number(struct parser *p, struct kaftan_slice token, struct parsed *ret)
{
    struct decimal d;
    int64_t whole = 0;
    if (!decimal_scan(p->arena, token.ptr, token.len, &d))
        return false;
    if (decimal_to_i64(&d, &whole)) {
        set_integer(ret, whole);
        return true;
    }
    float f = d.scale != 0 ? decimal_to_float(&d) : 0;
    double g = d.scale != 0 ? decimal_to_double(&d) : 0;
    if (d.scale != 0 && __builtin_isfinite(f))
        set(ret, kaftan_schema_of(KAFTAN_TYPE_FLOAT32, false), kaftan_float(f));
    else if (d.scale != 0 && __builtin_isfinite(g))
        set(ret, kaftan_schema_of(KAFTAN_TYPE_FLOAT64, false), kaftan_double(g));
    else
        set(ret, schema_decimal_in(p->arena, d.scale), decimal_value(p->arena, &d));
    return true;
}

/* Times hold colons, which cut them into five tokens. */
static bool read_temporal_tokens(struct parser *p, struct kaftan_slice token, struct parsed *ret)
{
    struct kaftan_slice rest = { NULL, 0 };
    size_t at = mark(p);
    if (next_tokens(p, 4, &rest) && read_temporal(token, rest, ret))
        return true;
    rewind_to(p, at);
    return read_temporal(token, (struct kaftan_slice){ NULL, 0 }, ret);
}

static enum outcome read_token(struct parser *p, bool embedded, struct parsed *ret)
{
    struct kaftan_slice raw = token_text(p, next_token(p));
    struct kaftan_slice token = slice_trim(raw);
    size_t pos = 0;
    if (token.len == 0) {
        set_string(ret, raw);
        return PARSED;
    }
    bool digit = digit_next(token.ptr, token.len, &pos) >= 0;
    if (digit && read_temporal_tokens(p, token, ret))
        return PARSED;
    if ((digit || token.ptr[0] == '+' || token.ptr[0] == '-') && read_number(p, token, ret) &&
        (NUMBER_DROPS_REST || embedded || !has_next(p)))
        return PARSED;
    if (embedded)
        return BAD;
    set_string(ret, p->text);
    return PARSED;
}

static void read_quoted(struct parser *p, struct parsed *ret)
{
    struct kaftan_slice content = { p->text.ptr + p->at, 0 };
    struct buf joined = BUF_INIT; /* only when blanks were lost in between */
    bool first = true;
    while (has_next(p)) {
        if (accept(p, "\""))
            break;
        struct kaftan_slice t = token_text(p, next_token(p));
        if (first)
            content = t;
        else if (joined.len == 0 && content.ptr + content.len == t.ptr)
            content.len += t.len;
        else {
            if (joined.len == 0)
                buf_put_slice(&joined, content);
            buf_put_slice(&joined, t);
        }
        first = false;
    }
    if (joined.len > 0) {
        content.ptr = arena_memdup(p->arena, joined.data, joined.len);
        content.len = joined.len;
        buf_fini(&joined);
    }
    if (!read_temporal(content, (struct kaftan_slice){ NULL, 0 }, ret))
        set_string(ret, content);
}

/* What the elements of a sequence share, fed one by one. */
struct common {
    const struct kaftan_schema *schema;
    bool none; /* they do not */
};

static void common_add(struct common *c, const struct kaftan_schema *schema)
{
    if (c->none || !schema)
        return;
    c->schema = c->schema ? values_merge(c->schema, schema) : schema;
    c->none = c->schema == NULL;
}

/* Without the schema the value came with: instants stay as they are, and are no numbers. */
static bool to_common(struct parser *p, const struct common *c, struct parsed *v)
{
    struct kaftan_value converted;
    if (!c->schema)
        return true;
    struct kaftan_error *err = values_convert(p->arena, c->schema, NULL, &v->value, &converted);
    if (err) {
        kaftan_error_free(err);
        return false;
    }
    v->value = converted;
    return true;
}

struct list {
    struct parsed *items; /* arena */
    size_t count, cap;
};

static void list_add(struct parser *p, struct list *l, const struct parsed *v)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? 2 * l->cap : 8;
        struct parsed *items = arena_alloc(p->arena, cap * sizeof *items);
        if (l->count)
            memcpy(items, l->items, l->count * sizeof *items);
        l->items = items;
        l->cap = cap;
    }
    l->items[l->count++] = *v;
}

static enum outcome parse(struct parser *p, bool embedded, struct parsed *ret);

static enum outcome end_array(struct parser *p, struct list *l, const struct common *c, struct parsed *ret)
{
    struct kaftan_value *items = arena_alloc(p->arena, l->count * sizeof *items);
    struct kaftan_array *array = arena_alloc(p->arena, sizeof *array);
    for (size_t i = 0; i < l->count; i++) {
        if (!to_common(p, c, &l->items[i]))
            return BAD;
        items[i] = l->items[i].value;
    }
    array->count = l->count;
    array->items = items;
    set(ret, schema_array_in(p->arena, c->schema), kaftan_array(array));
    return PARSED;
}

static enum outcome read_array(struct parser *p, struct parsed *ret)
{
    struct list l = { NULL, 0, 0 };
    struct common c = { NULL, false };
    while (has_next(p)) {
        struct parsed v;
        if (accept(p, "]"))
            return end_array(p, &l, &c, ret);
        if (accept(p, ","))
            return BAD;
        enum outcome o = parse(p, true, &v);
        if (o != PARSED)
            return o;
        list_add(p, &l, &v);
        common_add(&c, v.schema);
        size_t at = mark(p);
        if (accept(p, "]"))
            rewind_to(p, at);
        else if (!accept(p, ","))
            return BAD;
    }
    return BAD;
}

/* Keys and values alternate in the list. What a later entry replaces needs no common type. */
static enum outcome end_map(struct parser *p, struct list *l, const struct common *keys, const struct common *values,
                            struct parsed *ret)
{
    size_t count = l->count / 2;
    struct kaftan_map_entry *entries = arena_alloc(p->arena, count * sizeof *entries);
    struct kaftan_map *map = arena_alloc(p->arena, sizeof *map);
    bool both = keys->schema && values->schema;
    for (size_t i = 0; i < count; i++)
        entries[i] = (struct kaftan_map_entry){ l->items[2 * i].value, kaftan_int(KAFTAN_KIND_INT64, (int64_t)i) };
    if (count > 1)
        count = values_unite(p->arena, entries, count);
    for (size_t i = 0; i < count; i++) {
        struct parsed k = { NULL, entries[i].key }, *v = &l->items[2 * (size_t)entries[i].value.as.i + 1];
        if (!to_common(p, keys, &k) || (both && !to_common(p, values, v)))
            return BAD;
        entries[i] = (struct kaftan_map_entry){ k.value, v->value };
    }
    if (count > 1 && keys->schema && keys->schema->type != KAFTAN_TYPE_STRING)
        count = values_unite(p->arena, entries, count); /* numbers may have become equal */
    map->count = count;
    map->entries = entries;
    set(ret, schema_map_in(p->arena, keys->schema, both ? values->schema : NULL), kaftan_map(map));
    return PARSED;
}

static enum outcome read_map(struct parser *p, struct parsed *ret)
{
    struct list l = { NULL, 0, 0 };
    struct common keys = { NULL, false }, values = { NULL, false };
    while (has_next(p)) {
        struct parsed k, v;
        if (accept(p, "}"))
            return end_map(p, &l, &keys, &values, ret);
        if (accept(p, ","))
            return BAD;
        enum outcome o = parse(p, true, &k);
        if (o != PARSED)
            return o;
        if (k.value.kind == KAFTAN_KIND_NULL || !accept(p, ":"))
            return BAD;
        o = parse(p, true, &v);
        if (o != PARSED)
            return o;
        (void)accept(p, ",");
        list_add(p, &l, &k);
        list_add(p, &l, &v);
        common_add(&keys, k.schema);
        common_add(&values, v.schema);
    }
    return BAD;
}

static bool accept_literal(struct parser *p, bool embedded, const char *word)
{
    size_t at = mark(p);
    if (accept(p, word) && (embedded || !has_next(p)))
        return true;
    rewind_to(p, at);
    return false;
}

static enum outcome parse_inner(struct parser *p, bool embedded, struct parsed *ret)
{
    set(ret, NULL, kaftan_null());
    if (!has_next(p))
        return PARSED;
    if (embedded && accept(p, "\"")) {
        read_quoted(p, ret);
        return PARSED;
    }
    if (accept_literal(p, embedded, "null"))
        return PARSED;
    for (int truth = 1; truth >= 0; truth--) {
        if (accept_literal(p, embedded, truth ? "true" : "false")) {
            set(ret, kaftan_schema_of(KAFTAN_TYPE_BOOLEAN, false), kaftan_bool(truth == 1));
            return PARSED;
        }
    }
    size_t at = mark(p);
    enum outcome o = BAD;
    if (accept(p, "["))
        o = read_array(p, ret);
    else if (accept(p, "{"))
        o = read_map(p, ret);
    else
        return read_token(p, embedded, ret); /* not rewound: blanks that were passed over stay behind */
    if (o != BAD)
        return o;
    rewind_to(p, at);
    return read_token(p, embedded, ret);
}

static enum outcome parse(struct parser *p, bool embedded, struct parsed *ret)
{
    if (p->depth == DEPTH_LIMIT)
        return TOO_DEEP;
    p->depth++;
    enum outcome o = parse_inner(p, embedded, ret);
    p->depth--;
    return o;
}

bool values_parse(struct kaftan_arena *a, struct kaftan_slice text, const struct kaftan_schema **ret_schema,
                  struct kaftan_value *ret)
{
    struct parser p = { .arena = a, .text = text };
    struct parsed v;
    set(&v, NULL, kaftan_null());
    if (text.ptr && text.len == 0)
        set_string(&v, text);
    else if (text.ptr && parse(&p, false, &v) == TOO_DEEP)
        return false;
    *ret_schema = v.schema;
    *ret = v.value;
    return true;
}
