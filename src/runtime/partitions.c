/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/partitions.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"

struct partitions {
    struct source_partition **items; /* owned, each too */
    size_t count, cap;
    struct map *by_name; /* owned; canonical text to item (borrowed) */
};

struct partitions *partitions_new(void)
{
    struct partitions *p = mem_zalloc(1, sizeof *p);
    p->by_name = map_new(NULL);
    return p;
}

void partitions_free(struct partitions *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++) {
        mem_free(p->items[i]->json);
        mem_free(p->items[i]);
    }
    mem_free(p->items);
    map_free(p->by_name);
    mem_free(p);
}

static bool put_primitive(const struct kaftan_value *v, struct buf *ret)
{
    char text[32];
    switch (v->kind) {
    case KAFTAN_KIND_NULL:
        buf_puts(ret, "null");
        return true;
    case KAFTAN_KIND_INT8:
    case KAFTAN_KIND_INT16:
    case KAFTAN_KIND_INT32:
    case KAFTAN_KIND_INT64:
        json_put_i64(ret, v->as.i);
        return true;
    case KAFTAN_KIND_FLOAT32:
        if (v->as.f != v->as.f || v->as.f - v->as.f != 0) /* NaN or infinite */
            json_put_double(ret, (double)v->as.f);
        else
            buf_put(ret, text, float_text(v->as.f, text));
        return true;
    case KAFTAN_KIND_FLOAT64:
        json_put_double(ret, v->as.d);
        return true;
    case KAFTAN_KIND_BOOLEAN:
        buf_puts(ret, v->as.b ? "true" : "false");
        return true;
    case KAFTAN_KIND_STRING:
        json_put_string(ret, v->as.s.ptr, v->as.s.len);
        return true;
    case KAFTAN_KIND_BYTES:
        buf_putc(ret, '"');
        base64_put(ret, v->as.s.ptr, v->as.s.len);
        buf_putc(ret, '"');
        return true;
    default:
        return false;
    }
}

static struct kaftan_error *put_entry(const struct kaftan_map_entry *e, struct buf *ret)
{
    if (e->key.kind != KAFTAN_KIND_STRING)
        return kaftan_error_new(KAFTAN_E_INVALID, "a key of a source partition or offset is no string");
    json_put_string(ret, e->key.as.s.ptr, e->key.as.s.len);
    buf_putc(ret, ':');
    if (!put_primitive(&e->value, ret))
        return kaftan_error_new(KAFTAN_E_INVALID, "the value of '%.*s' in a source partition or offset is not primitive",
                                (int)e->key.as.s.len, e->key.as.s.ptr);
    return NULL;
}

struct kaftan_error *offset_json(const struct kaftan_value *map, struct buf *ret)
{
    if (map->kind != KAFTAN_KIND_MAP)
        return kaftan_error_new(KAFTAN_E_INVALID, "a source partition or offset is no map");
    buf_putc(ret, '{');
    for (size_t i = 0; i < map->as.map->count; i++) {
        if (i > 0)
            buf_putc(ret, ',');
        struct kaftan_error *err = put_entry(&map->as.map->entries[i], ret);
        if (err)
            return err;
    }
    buf_putc(ret, '}');
    return NULL;
}

static int by_key(const void *a, const void *b)
{
    const struct kaftan_map_entry *const *x = a, *const *y = b;
    return slice_cmp((*x)->key.as.s, (*y)->key.as.s);
}

/* The same map in the order of its keys: two orders of one map are one partition. Entries are checked before. */
static char *canonical(const struct kaftan_map *map)
{
    struct buf text = BUF_INIT;
    const struct kaftan_map_entry **sorted = mem_zalloc(map->count, sizeof *sorted);
    for (size_t i = 0; i < map->count; i++)
        sorted[i] = &map->entries[i];
    if (map->count > 1)
        qsort(sorted, map->count, sizeof *sorted, by_key);
    for (size_t i = 0; i < map->count; i++) {
        kaftan_error_free(put_entry(sorted[i], &text));
        buf_putc(&text, ',');
    }
    mem_free(sorted);
    (void)buf_text(&text);
    return buf_take(&text);
}

struct kaftan_error *partitions_number(struct partitions *p, const struct kaftan_value *map, uint32_t *ret)
{
    struct buf text = BUF_INIT;
    struct kaftan_error *err = offset_json(map, &text);
    if (err) {
        buf_fini(&text);
        return err;
    }
    char *name = canonical(map->as.map);
    struct source_partition *item = map_get(p->by_name, name);
    if (!item) {
        item = mem_zalloc(1, sizeof *item);
        item->number = (uint32_t)p->count;
        item->json = mem_strdup(buf_text(&text));
        if (p->count == p->cap) {
            p->cap = p->cap ? p->cap * 2 : 8;
            p->items = mem_realloc(p->items, p->cap, sizeof *p->items);
        }
        p->items[p->count++] = item;
        map_put(p->by_name, name, item);
    }
    *ret = item->number;
    mem_free(name);
    buf_fini(&text);
    return NULL;
}

struct source_partition *partitions_at(const struct partitions *p, uint32_t number)
{
    return number < p->count ? p->items[number] : NULL;
}

size_t partitions_count(const struct partitions *p)
{
    return p->count;
}

void order_add(struct source_partition *p, struct slot *s)
{
    s->partition = p;
    s->behind = NULL;
    if (p->tail)
        p->tail->behind = s;
    else
        p->head = s;
    p->tail = s;
}

void order_finish(struct slot *s, enum kaftan_outcome outcome)
{
    ASSERT(!s->finished);
    s->finished = true;
    s->outcome = outcome;
}

struct slot *order_take(struct source_partition *p)
{
    struct slot *s = p->head;
    if (!s || !s->finished)
        return NULL;
    p->head = s->behind;
    if (!p->head)
        p->tail = NULL;
    if (s->outcome == KAFTAN_FAILED)
        p->failed = true;
    else if (p->failed)
        s->outcome = KAFTAN_FAILED;
    p->touched = p->touched || s->outcome != KAFTAN_FAILED;
    return s;
}
