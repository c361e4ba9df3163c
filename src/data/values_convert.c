/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/values.h"

#include <string.h>

#include "base/text.h"
#include "data/decimal.h"
#include "data/schema.h"
#include "data/value.h"

enum { DAY_MS = 86400000 };

struct conversion {
    struct kaftan_arena *arena;
    const struct kaftan_schema *to, *from; /* from: NULL: unknown */
    const struct kaftan_value *v;
};

static bool is_numeric(enum kaftan_type t)
{
    return t <= KAFTAN_TYPE_FLOAT64;
}

const struct kaftan_schema *values_merge(const struct kaftan_schema *previous, const struct kaftan_schema *next)
{
    if (previous->type != next->type) {
        if (!is_numeric(previous->type) || !is_numeric(next->type))
            return NULL;
        return previous->type > next->type ? previous : next;
    }
    return previous->optional && next->optional ? previous : next;
}

static bool is_integer(enum kaftan_kind k)
{
    return k >= KAFTAN_KIND_INT8 && k <= KAFTAN_KIND_INT64;
}

/* "Unable to convert <v> (<class>) to <what>" */
static struct kaftan_error *unable(const struct kaftan_value *v, const struct kaftan_schema *to, struct kaftan_error *cause)
{
    struct buf text = BUF_INIT, what = BUF_INIT;
    if (to)
        schema_put_text(&what, to);
    else
        buf_puts(&what, "a number");
    (void)value_brief(&text, v);
    struct kaftan_error *err =
        cause ? kaftan_error_wrap(cause, "Unable to convert %s (%s) to %s", buf_text(&text), value_class(v), buf_text(&what))
              : kaftan_error_new(KAFTAN_E_DATA, "Unable to convert %s (%s) to %s", buf_text(&text), value_class(v),
                                 buf_text(&what));
    buf_fini(&text);
    buf_fini(&what);
    return err;
}

/* The text is no number: told by the first character that cannot be one. */
static struct kaftan_error *not_a_number(struct kaftan_slice s)
{
    size_t pos = 0;
    while (pos < s.len && ((s.ptr[pos] >= '0' && s.ptr[pos] <= '9') || (pos == 0 && (s.ptr[0] == '-' || s.ptr[0] == '+'))))
        pos++;
    if (pos == s.len)
        return kaftan_error_new(KAFTAN_E_DATA, "No digits found.");
    size_t end = pos;
    (void)utf8_next(s.ptr, s.len, &end);
    return kaftan_error_new(KAFTAN_E_DATA,
                            "Character %.*s is neither a decimal digit number, decimal point, nor \"e\" notation "
                            "exponential mark.",
                            (int)(end - pos), s.ptr + pos);
}

/* Java's cast of a double to long. */
static int64_t saturate(double d)
{
    if (d != d)
        return 0;
    if (d >= 9223372036854775808.0)
        return INT64_MAX;
    return d < -9223372036854775808.0 ? INT64_MIN : (int64_t)d;
}

static struct kaftan_error *date_number(const struct conversion *c, bool *ret_done, int64_t *ret)
{
    int32_t small = 0;
    struct kaftan_error *err = NULL;
    *ret_done = true;
    switch (c->from->logical) {
    case LOGICAL_DATE:
        err = date_to_days(c->v, &small);
        *ret = small;
        return err;
    case LOGICAL_TIME:
        err = time_to_millis(c->v, &small);
        *ret = small;
        return err;
    case LOGICAL_TIMESTAMP:
        *ret = c->v->as.i;
        return NULL;
    default:
        *ret_done = false;
        return NULL;
    }
}

/* `cause`, if any, is taken. */
static struct kaftan_error *as_long(const struct conversion *c, struct kaftan_error *cause, int64_t *ret)
{
    const struct kaftan_value *v = c->v;
    struct decimal d;
    bool done = true;
    if (is_integer(v->kind)) {
        *ret = v->as.i;
    } else if (v->kind == KAFTAN_KIND_FLOAT32) {
        *ret = saturate((double)v->as.f);
    } else if (v->kind == KAFTAN_KIND_FLOAT64) {
        *ret = saturate(v->as.d);
    } else if (v->kind == KAFTAN_KIND_DECIMAL) {
        d = decimal_of(c->arena, v);
        *ret = decimal_low64(&d);
    } else if (v->kind == KAFTAN_KIND_STRING && decimal_scan(c->arena, v->as.s.ptr, v->as.s.len, &d)) {
        *ret = decimal_low64(&d);
    } else {
        done = false;
    }
    if (done) {
        kaftan_error_free(cause);
        return NULL;
    }
    if (v->kind == KAFTAN_KIND_DATE && c->from) {
        struct kaftan_error *err = date_number(c, &done, ret);
        if (done || err) {
            kaftan_error_free(cause);
            return err;
        }
    }
    if (v->kind == KAFTAN_KIND_STRING && !cause)
        cause = not_a_number(v->as.s);
    return unable(v, c->from, cause);
}

static struct kaftan_error *as_double(const struct conversion *c, double *ret)
{
    const struct kaftan_value *v = c->v;
    struct decimal d;
    int64_t whole = 0;
    if (v->kind == KAFTAN_KIND_FLOAT32) {
        *ret = (double)v->as.f;
        return NULL;
    }
    if (v->kind == KAFTAN_KIND_FLOAT64) {
        *ret = v->as.d;
        return NULL;
    }
    if (v->kind == KAFTAN_KIND_DECIMAL) {
        d = decimal_of(c->arena, v);
        *ret = decimal_to_double(&d);
        return NULL;
    }
    if (v->kind == KAFTAN_KIND_STRING && decimal_scan(c->arena, v->as.s.ptr, v->as.s.len, &d)) {
        *ret = decimal_to_double(&d);
        return NULL;
    }
    struct kaftan_error *err = as_long(c, NULL, &whole);
    if (!err)
        *ret = (double)whole;
    return err;
}

/* A text that may stand for a value of another type. */
static bool reparse(const struct conversion *c, struct kaftan_value *ret)
{
    const struct kaftan_schema *schema = NULL;
    return c->v->kind == KAFTAN_KIND_STRING && values_parse(c->arena, c->v->as.s, &schema, ret);
}

static struct kaftan_error *to_boolean(const struct conversion *c, struct kaftan_value *ret)
{
    struct kaftan_value parsed;
    int64_t n = 0;
    if (c->v->kind == KAFTAN_KIND_BOOLEAN) {
        *ret = *c->v;
        return NULL;
    }
    if (reparse(c, &parsed) && parsed.kind == KAFTAN_KIND_BOOLEAN) {
        *ret = parsed;
        return NULL;
    }
    struct kaftan_error *err = as_long(c, NULL, &n);
    if (!err)
        *ret = kaftan_bool(n != 0);
    return err;
}

static struct kaftan_error *to_integer(const struct conversion *c, enum kaftan_kind kind, struct kaftan_value *ret)
{
    int64_t n = 0;
    if (c->v->kind == kind) {
        *ret = *c->v;
        return NULL;
    }
    struct kaftan_error *err = as_long(c, NULL, &n);
    if (err)
        return err;
    uint64_t u = (uint64_t)n;
    if (kind == KAFTAN_KIND_INT8)
        n = (int64_t)((u & 0xff) ^ 0x80) - 0x80; /* keeps the low bits, with their sign */
    else if (kind == KAFTAN_KIND_INT16)
        n = (int16_t)(uint16_t)u;
    else if (kind == KAFTAN_KIND_INT32)
        n = (int32_t)(uint32_t)u;
    *ret = kaftan_int(kind, n);
    return NULL;
}

static struct kaftan_error *to_floating(const struct conversion *c, enum kaftan_kind kind, struct kaftan_value *ret)
{
    double d = 0;
    if (c->v->kind == kind) {
        *ret = *c->v;
        return NULL;
    }
    struct kaftan_error *err = as_double(c, &d);
    if (!err)
        *ret = kind == KAFTAN_KIND_FLOAT32 ? kaftan_float((float)d) : kaftan_double(d);
    return err;
}

/* The instant of a number in the target's unit. */
static struct kaftan_error *instant(const struct conversion *c, int64_t n, struct kaftan_value *ret)
{
    int32_t small = (int32_t)(uint32_t)(uint64_t)n;
    if (c->to->logical == LOGICAL_TIME)
        return time_from_millis(small, ret);
    *ret = c->to->logical == LOGICAL_DATE ? date_from_days(small) : date_from_millis(n);
    return NULL;
}

/* An instant that is a Date, Time or Timestamp, as another of them. */
static struct kaftan_error *recast(const struct conversion *c, struct kaftan_value *ret)
{
    enum schema_logical to = c->to->logical, from = c->from ? c->from->logical : to;
    int64_t millis = c->v->as.i, n = 0;
    bool done = false;
    if (from == to) {
        *ret = *c->v;
        return NULL;
    }
    if (from == LOGICAL_TIMESTAMP && to == LOGICAL_DATE)
        return instant(c, millis / DAY_MS, ret);
    if (from == LOGICAL_TIMESTAMP && to == LOGICAL_TIME) {
        int64_t rest = millis % DAY_MS;
        return instant(c, rest < 0 ? rest + DAY_MS : rest, ret);
    }
    struct kaftan_error *err = date_number(c, &done, &n);
    if (err)
        return err;
    if (!done)
        return unable(c->v, c->from, NULL);
    return instant(c, from == LOGICAL_DATE && to == LOGICAL_TIMESTAMP ? n * DAY_MS : n, ret);
}

static struct kaftan_error *to_temporal(const struct conversion *c, struct kaftan_value *ret)
{
    struct conversion inner = *c;
    struct kaftan_value parsed;
    int64_t n = 0;
    if (reparse(c, &parsed))
        inner.v = &parsed;
    if (inner.v->kind == KAFTAN_KIND_DATE)
        return recast(&inner, ret);
    struct kaftan_error *err = as_long(&inner, NULL, &n);
    return err ? err : instant(c, n, ret);
}

static struct kaftan_error *to_decimal(const struct conversion *c, struct kaftan_value *ret)
{
    const struct kaftan_value *v = c->v;
    struct decimal d;
    double real = 0;
    int32_t scale = 0;
    switch (v->kind) {
    case KAFTAN_KIND_DECIMAL:
        *ret = *v;
        return NULL;
    case KAFTAN_KIND_STRING:
        if (!decimal_scan(c->arena, v->as.s.ptr, v->as.s.len, &d))
            return not_a_number(v->as.s);
        *ret = decimal_value(c->arena, &d);
        return NULL;
    case KAFTAN_KIND_BYTES: {
        struct kaftan_error *err = decimal_schema_scale(c->to, &scale);
        if (!err && v->as.s.len == 0)
            err = kaftan_error_new(KAFTAN_E_DATA, "Zero length BigInteger");
        if (!err)
            *ret = kaftan_decimal(v->as.s.ptr, v->as.s.len, scale);
        return err;
    }
    default:
        break;
    }
    if (!is_integer(v->kind) && v->kind != KAFTAN_KIND_FLOAT32 && v->kind != KAFTAN_KIND_FLOAT64)
        return unable(v, c->to, NULL);
    struct kaftan_error *err = as_double(c, &real);
    if (!err && !decimal_from_double(c->arena, real, &d))
        err = kaftan_error_new(KAFTAN_E_DATA, "Infinite or NaN");
    if (!err)
        *ret = decimal_value(c->arena, &d);
    return err;
}

static struct kaftan_error *to_bytes(const struct conversion *c, struct kaftan_value *ret)
{
    struct kaftan_slice bytes;
    if (c->to->logical == LOGICAL_DECIMAL)
        return to_decimal(c, ret);
    if (c->v->kind == KAFTAN_KIND_BYTES) {
        *ret = *c->v;
        return NULL;
    }
    if (c->v->kind != KAFTAN_KIND_DECIMAL)
        return unable(c->v, c->to, NULL);
    struct kaftan_error *err = decimal_to_bytes(c->to, c->v, &bytes);
    if (!err)
        *ret = kaftan_bytes(bytes.ptr, bytes.len);
    return err;
}

static struct kaftan_error *to_string(const struct conversion *c, struct kaftan_value *ret)
{
    struct buf b = BUF_INIT;
    if (c->v->kind == KAFTAN_KIND_STRING) {
        *ret = *c->v;
        return NULL;
    }
    values_put_text(&b, c->v);
    *ret = kaftan_string(arena_memdup(c->arena, buf_text(&b), b.len), b.len);
    buf_fini(&b);
    return NULL;
}

static struct kaftan_error *to_collection(const struct conversion *c, enum kaftan_kind kind, struct kaftan_value *ret)
{
    struct kaftan_value parsed;
    if (c->v->kind == kind) {
        *ret = *c->v;
        return NULL;
    }
    if (kind != KAFTAN_KIND_STRUCT && reparse(c, &parsed) && parsed.kind == kind) {
        *ret = parsed;
        return NULL;
    }
    return unable(c->v, c->to, NULL);
}

struct kaftan_error *values_convert(struct kaftan_arena *a, const struct kaftan_schema *to,
                                    const struct kaftan_schema *from, const struct kaftan_value *v,
                                    struct kaftan_value *ret)
{
    struct conversion c = { a, to, from, v };
    if (v->kind == KAFTAN_KIND_NULL) {
        if (!to->optional)
            return kaftan_error_new(KAFTAN_E_DATA, "Unable to convert a null value to a schema that requires a value");
        *ret = *v;
        return NULL;
    }
    switch (to->type) {
    case KAFTAN_TYPE_BYTES:
        return to_bytes(&c, ret);
    case KAFTAN_TYPE_STRING:
        return to_string(&c, ret);
    case KAFTAN_TYPE_BOOLEAN:
        return to_boolean(&c, ret);
    case KAFTAN_TYPE_INT8:
        return to_integer(&c, KAFTAN_KIND_INT8, ret);
    case KAFTAN_TYPE_INT16:
        return to_integer(&c, KAFTAN_KIND_INT16, ret);
    case KAFTAN_TYPE_INT32:
        if (to->logical == LOGICAL_DATE || to->logical == LOGICAL_TIME)
            return to_temporal(&c, ret);
        return to_integer(&c, KAFTAN_KIND_INT32, ret);
    case KAFTAN_TYPE_INT64:
        return to->logical == LOGICAL_TIMESTAMP ? to_temporal(&c, ret) : to_integer(&c, KAFTAN_KIND_INT64, ret);
    case KAFTAN_TYPE_FLOAT32:
        return to_floating(&c, KAFTAN_KIND_FLOAT32, ret);
    case KAFTAN_TYPE_FLOAT64:
        return to_floating(&c, KAFTAN_KIND_FLOAT64, ret);
    case KAFTAN_TYPE_ARRAY:
        return to_collection(&c, KAFTAN_KIND_ARRAY, ret);
    case KAFTAN_TYPE_MAP:
        return to_collection(&c, KAFTAN_KIND_MAP, ret);
    case KAFTAN_TYPE_STRUCT:
        return to_collection(&c, KAFTAN_KIND_STRUCT, ret);
    }
    return unable(v, to, NULL);
}

/* Java compares arrays by identity, so keys of bytes all stay. */
static bool same_key(const struct kaftan_value *a, const struct kaftan_value *b)
{
    return a->kind != KAFTAN_KIND_BYTES && value_equal(a, b);
}

size_t values_unite(struct kaftan_arena *a, struct kaftan_map_entry *entries, size_t count)
{
    size_t size = 16, kept = 0;
    struct buf text = BUF_INIT;
    while (size < 2 * count)
        size *= 2;
    uint32_t *table = arena_zalloc(a, size, sizeof *table);
    for (size_t i = 0; i < count; i++) {
        buf_clear(&text);
        value_put_text(&text, &entries[i].key);
        size_t at = (uint32_t)java_hash(buf_text(&text), text.len) & (size - 1);
        while (table[at] && !same_key(&entries[table[at] - 1].key, &entries[i].key))
            at = (at + 1) & (size - 1);
        if (table[at]) {
            entries[table[at] - 1].value = entries[i].value;
        } else {
            entries[kept++] = entries[i];
            table[at] = (uint32_t)kept;
        }
    }
    buf_fini(&text);
    return kept;
}
