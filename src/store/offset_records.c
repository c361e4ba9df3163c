/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/records.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/*
 * The bytes of an offset's key are the partition's identity for Java: another
 * order of fields is another key. Two partitions are logically one when they
 * hold the same names and values; for comparing, a partition is spelled with
 * its names sorted and its numbers as Java would read them.
 */

static bool is_plain(const struct json *v)
{
    return v->type != JSON_ARRAY && v->type != JSON_OBJECT;
}

static int by_name(const void *a, const void *b)
{
    const struct json_member *const *x = a, *const *y = b;
    return slice_cmp((*x)->name, (*y)->name);
}

static void put_logical(struct buf *b, const struct json *v)
{
    double d;
    char text[32];
    int64_t n;
    if (v->type == JSON_NUMBER && json_i64(v, &n))
        json_put_i64(b, n);
    else if (v->type == JSON_NUMBER && text_to_double(v->text.ptr, v->text.len, &d))
        buf_put(b, text, double_text(d, text));
    else
        json_put(b, v);
}

static char *logical_of(const struct json *partition)
{
    struct buf b = BUF_INIT;
    if (partition->type == JSON_NULL)
        return mem_strdup("null");
    const struct json_member **sorted = mem_zalloc(partition->count + 1, sizeof *sorted);
    for (size_t i = 0; i < partition->count; i++)
        sorted[i] = &partition->members[i];
    qsort(sorted, partition->count, sizeof *sorted, by_name);
    buf_putc(&b, '{');
    for (size_t i = 0; i < partition->count; i++) {
        if (i)
            buf_putc(&b, ',');
        json_put_string(&b, sorted[i]->name.ptr, sorted[i]->name.len);
        buf_putc(&b, ':');
        put_logical(&b, &sorted[i]->value);
    }
    buf_putc(&b, '}');
    mem_free(sorted);
    return buf_take(&b);
}

bool offset_key_parse(struct kaftan_slice key, struct offset_key *ret)
{
    const struct json *v = NULL;
    struct kaftan_slice name;
    struct buf partition = BUF_INIT;
    if (!key.ptr)
        return false;
    struct kaftan_arena *a = arena_new(1024);
    struct kaftan_error *err = json_parse(a, key.ptr, key.len, JSON_TRAILING | JSON_LEADING_ZEROS, &v);
    bool ok = !err && v->type == JSON_ARRAY && v->count == 2 && json_text(&v->items[0], &name) &&
              (v->items[1].type == JSON_OBJECT || v->items[1].type == JSON_NULL);
    if (ok) {
        json_put(&partition, &v->items[1]);
        *ret = (struct offset_key){ .connector = record_text(name), .partition = buf_take(&partition),
                                    .logical = logical_of(&v->items[1]) };
    }
    kaftan_error_free(err);
    arena_free(a);
    return ok;
}

void offset_key_fini(struct offset_key *k)
{
    mem_free(k->connector);
    mem_free(k->partition);
    mem_free(k->logical);
    *k = (struct offset_key){ 0 };
}

/* java.util.HashMap filled entry by entry: 16 buckets, doubled when more than three quarters are used. */
static void put_hash_order(struct buf *b, const struct json *object)
{
    uint32_t size = 16;
    bool first = true;
    while ((double)object->count > 0.75 * size)
        size *= 2;
    uint32_t *buckets = mem_zalloc(object->count + 1, sizeof *buckets);
    for (size_t i = 0; i < object->count; i++) {
        uint32_t h = (uint32_t)java_hash(object->members[i].name.ptr, object->members[i].name.len);
        buckets[i] = (h ^ (h >> 16)) & (size - 1);
    }
    buf_putc(b, '{');
    for (uint32_t bucket = 0; bucket < size; bucket++) {
        for (size_t i = 0; i < object->count; i++) {
            const struct json_member *m = &object->members[i];
            if (buckets[i] != bucket)
                continue;
            if (!first)
                buf_putc(b, ',');
            first = false;
            json_put_string(b, m->name.ptr, m->name.len);
            buf_putc(b, ':');
            json_put(b, &m->value);
        }
    }
    buf_putc(b, '}');
    mem_free(buckets);
}

enum { FIELDS_LIMIT = 1000 }; /* of one partition or offset */

/* An object of plain values, or null. */
static struct kaftan_error *parse_plain(struct kaftan_arena *a, const char *what, const char *text, size_t len,
                                        const struct json **ret)
{
    const struct json *v = NULL;
    struct kaftan_error *err = json_parse(a, text, len, JSON_NAN, &v);
    if (err) {
        kaftan_error_free(err); /* its text may quote what is not ours to log */
        return kaftan_error_new(KAFTAN_E_DATA, "%s is not JSON", what);
    }
    if (v->type != JSON_OBJECT && v->type != JSON_NULL)
        return kaftan_error_new(KAFTAN_E_DATA, "%s must be a map with string keys", what);
    if (v->count > FIELDS_LIMIT)
        return kaftan_error_new(KAFTAN_E_DATA, "%s has more than %d fields", what, FIELDS_LIMIT);
    for (size_t i = 0; i < v->count; i++)
        if (!is_plain(&v->members[i].value))
            return kaftan_error_new(KAFTAN_E_DATA, "Offsets may only contain primitive types as values, but field %.*s "
                                    "contains %s", (int)v->members[i].name.len, v->members[i].name.ptr,
                                    v->members[i].value.type == JSON_ARRAY ? "ARRAY" : "MAP");
    *ret = v;
    return NULL;
}

struct kaftan_error *offset_key_make(const char *connector, const char *partition, size_t len, struct buf *ret_key,
                                     char **ret_logical)
{
    const struct json *v = NULL;
    struct kaftan_arena *a = arena_new(1024);
    struct kaftan_error *err = parse_plain(a, "the source partition", partition, len, &v);
    if (!err) {
        buf_putc(ret_key, '[');
        record_put_text(ret_key, connector);
        buf_putc(ret_key, ',');
        if (v->type == JSON_NULL)
            buf_puts(ret_key, "null");
        else
            put_hash_order(ret_key, v);
        buf_putc(ret_key, ']');
        *ret_logical = logical_of(v);
    }
    arena_free(a);
    return err;
}

char *offset_logical(const char *partition, size_t len)
{
    const struct json *v = NULL;
    char *text = NULL;
    struct kaftan_arena *a = arena_new(1024);
    struct kaftan_error *err = json_parse(a, partition, len, JSON_LEADING_ZEROS | JSON_NAN, &v);
    if (!err && (v->type == JSON_OBJECT || v->type == JSON_NULL))
        text = logical_of(v);
    kaftan_error_free(err);
    arena_free(a);
    return text;
}

struct kaftan_error *offset_value_make(const char *offset, size_t len, struct buf *ret)
{
    const struct json *v = NULL;
    struct kaftan_arena *a = arena_new(1024);
    struct kaftan_error *err = parse_plain(a, "the source offset", offset, len, &v);
    if (!err)
        json_put(ret, v);
    arena_free(a);
    return err;
}
