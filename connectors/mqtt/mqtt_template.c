/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_template.h"

#include <string.h>

#include <kaftan/task.h>

enum part_kind { PART_LITERAL, PART_TOPIC, PART_LEVELS, PART_FILTER, PART_HEADER, PART_JSON, PART_CLIENT_ID };

struct part {
    enum part_kind kind;
    struct kaftan_slice text;     /* borrowed from the template's copy: literal, header name; the variable as written */
    struct kaftan_slice name;     /* the variable as written */
    int first, last;              /* PART_LEVELS; negative: from the end */
    struct mqtt_pointer *pointer; /* owned; PART_JSON */
    int fallback;                 /* index of the part that stands in; -1: none */
    bool is_fallback;             /* only reached through another part */
};

enum { PART_LIMIT = 64, KAFKA_TOPIC_LIMIT = 249, POINTER_LIMIT = 64 };

struct mqtt_template {
    char *text; /* owned */
    struct part parts[PART_LIMIT];
    int count;
};

struct mqtt_pointer {
    size_t count;
    char *names[POINTER_LIMIT]; /* owned */
};

/* ---- pointers */

void mqtt_pointer_free(struct mqtt_pointer *p)
{
    for (size_t i = 0; p && i < p->count; i++)
        kaftan_free(p->names[i]);
    kaftan_free(p);
}

struct kaftan_error *mqtt_pointer_compile(struct kaftan_slice text, struct mqtt_pointer **ret)
{
    if (text.len > 0 && text.ptr[0] != '/')
        return kaftan_error_new(KAFTAN_E_INVALID, "a JSON pointer starts with '/'");
    struct mqtt_pointer *p = kaftan_alloc(1, sizeof *p);
    for (size_t i = 0; i < text.len;) {
        size_t end = i + 1;
        while (end < text.len && text.ptr[end] != '/')
            end++;
        if (p->count == POINTER_LIMIT) {
            mqtt_pointer_free(p);
            return kaftan_error_new(KAFTAN_E_INVALID, "a JSON pointer has at most %d levels", POINTER_LIMIT);
        }
        char *name = p->names[p->count++] = kaftan_alloc(end - i, 1);
        for (size_t n = 0, k = i + 1; k < end; k++) {
            bool escape = text.ptr[k] == '~' && k + 1 < end && (text.ptr[k + 1] == '0' || text.ptr[k + 1] == '1');
            if (text.ptr[k] == '~' && !escape) {
                mqtt_pointer_free(p);
                return kaftan_error_new(KAFTAN_E_INVALID, "in a JSON pointer '~' is followed by 0 or 1");
            }
            name[n++] = !escape ? text.ptr[k] : text.ptr[++k] == '0' ? '~' : '/';
        }
        i = end;
    }
    *ret = p;
    return NULL;
}

static const struct kaftan_value *array_get(const struct kaftan_array *array, const char *name)
{
    size_t index = 0;
    if (!*name || (name[0] == '0' && name[1]))
        return NULL;
    for (; *name; name++) {
        if (*name < '0' || *name > '9' || index > array->count)
            return NULL;
        index = index * 10 + (size_t)(*name - '0');
    }
    return index < array->count ? &array->items[index] : NULL;
}

const struct kaftan_value *mqtt_pointer_get(const struct mqtt_pointer *p, const struct kaftan_value *root)
{
    const struct kaftan_value *v = root;
    for (size_t i = 0; v && i < p->count; i++) {
        if (v->kind == KAFTAN_KIND_MAP)
            v = kaftan_map_get(v, p->names[i]);
        else if (v->kind == KAFTAN_KIND_ARRAY)
            v = array_get(v->as.array, p->names[i]);
        else
            v = NULL;
    }
    return v;
}

/* ---- compiling */

/* NULL: there are too many. */
static struct part *part_add(struct mqtt_template *t)
{
    if (t->count == PART_LIMIT)
        return NULL;
    struct part *p = &t->parts[t->count++];
    p->fallback = -1;
    return p;
}

static struct kaftan_error *too_many(void)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "a template has at most %d parts", PART_LIMIT);
}

static bool is_text(struct kaftan_slice s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

static bool slice_starts(struct kaftan_slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

static struct kaftan_slice slice_from(struct kaftan_slice s, size_t n)
{
    return (struct kaftan_slice){ s.ptr + n, s.len - n };
}

/* A number of at most four digits with an optional minus; advances *i. */
static bool level_number(struct kaftan_slice s, size_t *i, int *ret)
{
    size_t k = *i;
    bool minus = k < s.len && s.ptr[k] == '-';
    k += minus;
    int v = 0;
    size_t start = k;
    for (; k < s.len && s.ptr[k] >= '0' && s.ptr[k] <= '9'; k++)
        if ((v = v * 10 + (s.ptr[k] - '0')) > 65535)
            return false;
    if (k == start)
        return false;
    *ret = minus ? -v : v;
    *i = k;
    return true;
}

/* `[n]`, `[n..m]`, `[n..]` behind `topic`. */
static bool parse_levels(struct kaftan_slice s, struct part *p)
{
    size_t i = 1;
    if (s.len < 3 || s.ptr[0] != '[' || s.ptr[s.len - 1] != ']' || !level_number(s, &i, &p->first))
        return false;
    p->last = p->first;
    if (i + 2 < s.len && s.ptr[i] == '.' && s.ptr[i + 1] == '.') {
        i += 2;
        p->last = -1;
        if (i + 1 < s.len && !level_number(s, &i, &p->last))
            return false;
    }
    return i + 1 == s.len;
}

static struct kaftan_error *parse_name(struct kaftan_slice name, size_t position, struct part *p)
{
    p->name = name;
    if (is_text(name, "topic")) {
        p->kind = PART_TOPIC;
    } else if (slice_starts(name, "topic[") && parse_levels(slice_from(name, 5), p)) {
        p->kind = PART_LEVELS;
    } else if (is_text(name, "filter")) {
        p->kind = PART_FILTER;
    } else if (is_text(name, "client.id")) {
        p->kind = PART_CLIENT_ID;
    } else if (slice_starts(name, "header:")) {
        p->kind = PART_HEADER;
        p->text = slice_from(name, 7);
    } else if (slice_starts(name, "json:")) {
        p->kind = PART_JSON;
        return mqtt_pointer_compile(slice_from(name, 5), &p->pointer);
    } else {
        return kaftan_error_new(KAFTAN_E_INVALID,
                                "unknown variable '%.*s' at position %zu; known: topic, topic[n], topic[n..m], "
                                "filter, header:, json:, client.id",
                                (int)(name.len < 64 ? name.len : 64), name.ptr, position);
    }
    return NULL;
}

static struct kaftan_error *unclosed(size_t position)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "'${' at position %zu is not closed", position);
}

/* At `${`; leaves *i behind the closing brace. A default is a literal or one variable without a default. */
static struct kaftan_error *parse_variable(struct mqtt_template *t, size_t *i, bool nested, int *ret)
{
    const char *s = t->text;
    size_t position = *i + 1, start = *i + 2, end = start;
    while (s[end] && s[end] != '}' && !(!nested && s[end] == ':' && s[end + 1] == '-'))
        end++;
    if (!s[end])
        return unclosed(position);
    struct part *p = part_add(t);
    if (!p)
        return too_many();
    struct kaftan_error *err = parse_name((struct kaftan_slice){ s + start, end - start }, position, p);
    if (err)
        return err;
    *ret = t->count - 1;
    if (s[end] == '}') {
        *i = end + 1;
        return NULL;
    }
    end += 2;
    if (s[end] == '$' && s[end + 1] == '{') {
        err = parse_variable(t, &end, true, &p->fallback);
        if (!err && s[end] != '}')
            err = kaftan_error_new(KAFTAN_E_INVALID, "the default of '${' at position %zu is a text or one variable",
                                   position);
        if (err)
            return err;
    } else {
        struct part *literal = part_add(t);
        if (!literal)
            return too_many();
        start = end;
        while (s[end] && s[end] != '}')
            end++;
        if (!s[end])
            return unclosed(position);
        literal->text = (struct kaftan_slice){ s + start, end - start };
        p->fallback = t->count - 1;
    }
    t->parts[p->fallback].is_fallback = true;
    *i = end + 1;
    return NULL;
}

static struct kaftan_error *parse(struct mqtt_template *t)
{
    for (size_t i = 0; t->text[i];) {
        const char *s = t->text + i;
        struct kaftan_error *err;
        if (s[0] == '$' && s[1] == '{') {
            int ignored = 0;
            if ((err = parse_variable(t, &i, false, &ignored)) != NULL)
                return err;
            continue;
        }
        if (s[0] == '$' && s[1] != '$')
            return kaftan_error_new(KAFTAN_E_INVALID, "'$' at position %zu is neither '${' nor '$$'", i + 1);
        struct part *p = part_add(t);
        if (!p)
            return too_many();
        size_t n = s[0] == '$' ? 1 : strcspn(s, "$");
        p->text = (struct kaftan_slice){ s, n };
        i += s[0] == '$' ? 2 : n;
    }
    return NULL;
}

struct kaftan_error *mqtt_template_compile(const char *text, struct mqtt_template **ret)
{
    struct mqtt_template *t = kaftan_alloc(1, sizeof *t);
    t->text = kaftan_strdup(text ? text : "");
    struct kaftan_error *err = parse(t);
    if (err) {
        mqtt_template_free(t);
        return err;
    }
    *ret = t;
    return NULL;
}

void mqtt_template_free(struct mqtt_template *t)
{
    if (!t)
        return;
    for (int i = 0; i < t->count; i++)
        mqtt_pointer_free(t->parts[i].pointer);
    kaftan_free(t->text);
    kaftan_free(t);
}

struct kaftan_slice mqtt_template_constant(const struct mqtt_template *t)
{
    if (t->count == 0)
        return (struct kaftan_slice){ t->text, 0 };
    if (t->count == 1 && t->parts[0].kind == PART_LITERAL)
        return t->parts[0].text;
    return (struct kaftan_slice){ NULL, 0 };
}

bool mqtt_template_empty(const struct mqtt_template *t)
{
    return t->count == 0;
}

/* ---- evaluating */

static bool topic_levels(struct kaftan_slice topic, int first, int last, struct kaftan_slice *ret)
{
    int count = 1;
    for (size_t i = 0; i < topic.len; i++)
        count += topic.ptr[i] == '/';
    first += first < 0 ? count : 0;
    last += last < 0 ? count : 0;
    if (first < 0 || last < first || last >= count)
        return false;
    size_t start = 0, i = 0;
    for (int level = 0; i <= topic.len; i++) {
        if (i < topic.len && topic.ptr[i] != '/')
            continue;
        if (level == last)
            break;
        level++;
        if (level == first)
            start = i + 1;
    }
    *ret = (struct kaftan_slice){ topic.ptr + start, i - start };
    return true;
}

static bool user_property(const struct mqtt_scope *scope, struct kaftan_slice want, struct kaftan_slice *ret)
{
    struct kaftan_slice name, value;
    bool found = false;
    for (size_t pos = 0; mqtt_user_property(scope->props, &pos, &name, &value);) {
        if (name.len == want.len && memcmp(name.ptr, want.ptr, want.len) == 0) {
            *ret = value; /* the last one wins */
            found = true;
        }
    }
    if (found)
        ret->ptr = kaftan_arena_copy(scope->arena, ret->ptr, ret->len);
    return found;
}

static bool part_eval(const struct mqtt_template *t, const struct part *p, const struct mqtt_scope *scope,
                      struct kaftan_slice *ret)
{
    const struct kaftan_value *v;
    bool found = true;
    switch (p->kind) {
    case PART_LITERAL:
        *ret = p->text;
        break;
    case PART_TOPIC:
        *ret = scope->topic;
        break;
    case PART_LEVELS:
        found = topic_levels(scope->topic, p->first, p->last, ret);
        break;
    case PART_FILTER:
        *ret = scope->filter(scope->self);
        found = ret->ptr != NULL;
        break;
    case PART_HEADER:
        found = user_property(scope, p->text, ret);
        break;
    case PART_JSON:
        v = scope->json(scope->self);
        v = v ? mqtt_pointer_get(p->pointer, v) : NULL;
        found = v && v->kind != KAFTAN_KIND_NULL && kaftan_value_text(scope->arena, v, ret);
        break;
    case PART_CLIENT_ID:
        *ret = scope->client_id;
        break;
    }
    return found || (p->fallback >= 0 && part_eval(t, &t->parts[p->fallback], scope, ret));
}

bool mqtt_template_eval(const struct mqtt_template *t, const struct mqtt_scope *scope, struct kaftan_slice *ret,
                        struct kaftan_slice *ret_missing)
{
    struct kaftan_slice pieces[PART_LIMIT];
    size_t count = 0, total = 0;
    for (int i = 0; i < t->count; i++) {
        const struct part *p = &t->parts[i];
        if (p->is_fallback)
            continue;
        if (!part_eval(t, p, scope, &pieces[count])) {
            *ret_missing = p->name;
            return false;
        }
        total += pieces[count++].len;
    }
    if (count == 1) {
        *ret = pieces[0];
        return true;
    }
    char *out = kaftan_arena_alloc(scope->arena, total ? total : 1);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].len > 0)
            memcpy(out + at, pieces[i].ptr, pieces[i].len);
        at += pieces[i].len;
    }
    *ret = (struct kaftan_slice){ out, total };
    return true;
}

static bool is_topic_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

static bool is_topic_name(struct kaftan_slice s)
{
    bool dots = (s.len == 1 && s.ptr[0] == '.') || (s.len == 2 && s.ptr[0] == '.' && s.ptr[1] == '.');
    return s.len > 0 && s.len <= KAFKA_TOPIC_LIMIT && !dots;
}

bool mqtt_topic_sanitize(struct kaftan_arena *arena, struct kaftan_slice text, struct kaftan_slice replacement,
                         struct kaftan_slice *ret)
{
    size_t good = 0;
    while (good < text.len && is_topic_byte(text.ptr[good]))
        good++;
    if (good == text.len) {
        *ret = text;
        return is_topic_name(text);
    }
    if (text.ptr[0] == '/')
        text = slice_from(text, 1);
    char name[KAFKA_TOPIC_LIMIT + 1];
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i] == '/' ? '.' : text.ptr[i];
        struct kaftan_slice put = is_topic_byte(c) ? (struct kaftan_slice){ &c, 1 } : replacement;
        if (put.len == 0 || put.len > sizeof name - n)
            return false;
        memcpy(name + n, put.ptr, put.len);
        n += put.len;
    }
    struct kaftan_slice s = { name, n };
    if (!is_topic_name(s))
        return false;
    *ret = (struct kaftan_slice){ kaftan_arena_copy(arena, name, n), n };
    return true;
}
