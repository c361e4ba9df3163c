/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/table_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void table_fini(struct table *t)
{
    mem_free(t->items);
    mem_free(t->slots);
    *t = (struct table){ 0 };
}

static size_t slot_of(const struct table *t, struct work_id id)
{
    uint64_t h = 1469598103934665603u ^ (uint32_t)id.task;
    for (const char *p = id.connector; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    size_t i = (size_t)(h ^ (h >> 32)) & (t->slot_count - 1);
    while (t->slots[i] != 0) {
        const struct work_id *have = &t->items[t->slots[i] - 1];
        if (have->task == id.task && strcmp(have->connector, id.connector) == 0)
            break;
        i = (i + 1) & (t->slot_count - 1);
    }
    return i;
}

static void grow(struct table *t)
{
    t->cap = t->cap ? 2 * t->cap : 64;
    t->items = mem_realloc(t->items, t->cap, sizeof t->items[0]);
    mem_free(t->slots);
    t->slot_count = 2 * t->cap;
    t->slots = mem_zalloc(t->slot_count, sizeof t->slots[0]);
    for (size_t i = 0; i < t->count; i++)
        t->slots[slot_of(t, t->items[i])] = (uint32_t)i + 1;
}

uint32_t table_of(struct table *t, struct work_id id)
{
    if (t->count == t->cap)
        grow(t);
    size_t slot = slot_of(t, id);
    if (t->slots[slot] == 0) {
        t->items[t->count++] = id;
        t->slots[slot] = (uint32_t)t->count;
    }
    return t->slots[slot] - 1;
}

void list_fini(struct list *l)
{
    mem_free(l->at);
    *l = (struct list){ 0 };
}

void list_add(struct list *l, uint32_t item)
{
    if (l->count == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 16;
        l->at = mem_realloc(l->at, l->cap, sizeof l->at[0]);
    }
    l->at[l->count++] = item;
}

void list_remove_if(struct list *l, const bool *gone)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++)
        if (!gone[l->at[i]])
            l->at[kept++] = l->at[i];
    l->count = kept;
}

static int by_work(const void *a, const void *b, void *table)
{
    const struct table *t = table;
    return work_compare(&t->items[*(const uint32_t *)a], &t->items[*(const uint32_t *)b]);
}

void list_sort(struct list *l, const struct table *t)
{
    if (l->count > 1)
        qsort_r(l->at, l->count, sizeof l->at[0], by_work, (void *)(uintptr_t)t);
}

void list_hash_order(struct list *l, const struct table *t)
{
    if (!l->at)
        return;
    int32_t *hashes = mem_zalloc(l->count, sizeof *hashes);
    size_t *order = mem_zalloc(l->count, sizeof *order);
    uint32_t *old = mem_memdup(l->at, l->count * sizeof *old);
    for (size_t i = 0; i < l->count; i++) {
        hashes[i] = work_hash(&t->items[old[i]]);
        order[i] = i;
    }
    java_hash_order(hashes, order, l->count, java_set_size(l->count));
    for (size_t i = 0; i < l->count; i++)
        l->at[i] = old[order[i]];
    mem_free(old);
    mem_free(order);
    mem_free(hashes);
}
