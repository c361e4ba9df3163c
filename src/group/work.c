/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/work.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

void work_list_fini(struct work_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        mem_free((char *)(uintptr_t)l->items[i].connector);
    mem_free(l->items);
    *l = (struct work_list){ NULL, 0 };
}

void work_list_add(struct work_list *l, const char *connector, int32_t task)
{
    if ((l->count & (l->count - 1)) == 0) /* doubles */
        l->items = mem_realloc(l->items, l->count ? 2 * l->count : 1, sizeof l->items[0]);
    l->items[l->count++] = (struct work_id){ mem_strdup(connector), task };
}

void work_list_copy(struct work_list *to, const struct work_list *from)
{
    for (size_t i = 0; i < from->count; i++)
        work_list_add(to, from->items[i].connector, from->items[i].task);
}

bool work_list_has(const struct work_list *l, const char *connector, int32_t task)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].task == task && strcmp(l->items[i].connector, connector) == 0)
            return true;
    return false;
}

static int by_id(const void *a, const void *b)
{
    const struct work_id *x = a, *y = b;
    int names = strcmp(x->connector, y->connector);
    return names ? names : (x->task > y->task) - (x->task < y->task);
}

void work_list_remove(struct work_list *l, const struct work_list *gone)
{
    size_t kept = 0;
    if (gone->count == 0)
        return;
    struct work_id *sorted = mem_memdup(gone->items, gone->count * sizeof gone->items[0]);
    qsort(sorted, gone->count, sizeof sorted[0], by_id);
    for (size_t i = 0; i < l->count; i++) {
        struct work_id id = l->items[i];
        if (bsearch(&id, sorted, gone->count, sizeof sorted[0], by_id))
            mem_free((char *)(uintptr_t)id.connector);
        else
            l->items[kept++] = id;
    }
    mem_free(sorted);
    struct work_list rest = { NULL, 0 }; /* so that the doubling rule goes on to hold */
    for (size_t i = 0; i < kept; i++) {
        work_list_add(&rest, l->items[i].connector, l->items[i].task);
        mem_free((char *)(uintptr_t)l->items[i].connector);
    }
    mem_free(l->items);
    *l = rest;
}

/*
 * UTF-8 sorts by code point, UTF-16 puts the surrogates (lead bytes F0..F4)
 * before U+E000..U+FFFF (lead bytes EE, EF).
 */
static int unit_key(unsigned char c)
{
    return c == 0xEE || c == 0xEF ? c + 0x10 : c;
}

int java_compare(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return unit_key((unsigned char)*a) - unit_key((unsigned char)*b);
}

int work_compare(const void *a, const void *b)
{
    const struct work_id *x = a, *y = b;
    if ((x->task == -1) != (y->task == -1))
        return x->task == -1 ? -1 : 1;
    int names = java_compare(x->connector, y->connector);
    return names ? names : (x->task > y->task) - (x->task < y->task);
}

int32_t work_hash(const struct work_id *id)
{
    uint32_t name = (uint32_t)java_hash(id->connector, strlen(id->connector));
    return (int32_t)(id->task == -1 ? name : 31u * name + (uint32_t)id->task);
}

struct placed {
    uint32_t bucket;
    size_t rank, index;
};

static int by_bucket(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->bucket != y->bucket)
        return x->bucket < y->bucket ? -1 : 1;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

void java_hash_order(const int32_t *hashes, size_t *order, size_t count, uint32_t size)
{
    struct placed *p = mem_zalloc(count, sizeof *p);
    for (size_t i = 0; i < count; i++) {
        uint32_t h = (uint32_t)hashes[order[i]];
        p[i] = (struct placed){ (h ^ (h >> 16)) & (size - 1), i, order[i] };
    }
    qsort(p, count, sizeof *p, by_bucket);
    for (size_t i = 0; i < count; i++)
        order[i] = p[i].index;
    mem_free(p);
}

uint32_t java_set_size(size_t count)
{
    uint64_t wanted = (uint64_t)((double)count / 0.75) + 1;
    uint32_t size = 16;
    while (size < wanted && size < 1u << 30)
        size *= 2;
    return size;
}

uint32_t java_map_size(size_t count)
{
    uint32_t size = 16;
    while ((double)count > 0.75 * size && size < 1u << 30)
        size *= 2;
    return size;
}
