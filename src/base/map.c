/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries lie in an array in insertion order; a table of slots finds them by
 * hash. A removed entry leaves a hole that goes away when the table is built
 * anew. The hash has a random seed, so keys from outside cannot be chosen to
 * collide.
 */
#include "config.h"

#include "base/map.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

enum { SLOTS_MIN = 16 };
#define SLOT_EMPTY 0u
#define SLOT_HOLE UINT32_MAX

struct entry {
    char *key;   /* owned; NULL: a hole */
    void *value; /* owned if free_value */
    uint32_t hash;
};

struct map {
    void (*free_value)(void *);
    struct entry *entries; /* owned */
    size_t len, cap, live;
    uint32_t *slots; /* owned; entry number + 1 */
    size_t slot_count; /* a power of two, or 0 */
};

static pthread_once_t seed_once = PTHREAD_ONCE_INIT;
static uint64_t seed;

static void seed_make(void)
{
    random_bytes(&seed, sizeof seed);
}

static uint32_t hash_of(const char *key)
{
    (void)pthread_once(&seed_once, seed_make);
    uint64_t h = seed;
    for (const unsigned char *p = (const unsigned char *)key; *p; p++) {
        h = (h ^ *p) * 0x9E3779B97F4A7C15u;
        h ^= h >> 29;
    }
    return (uint32_t)(h ^ h >> 32);
}

struct map *map_new(void (*free_value)(void *))
{
    struct map *m = mem_zalloc(1, sizeof *m);
    m->free_value = free_value;
    return m;
}

static void value_end(const struct map *m, void *value)
{
    if (m->free_value && value)
        m->free_value(value);
}

void map_free(struct map *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->len; i++) {
        if (!m->entries[i].key)
            continue;
        mem_free(m->entries[i].key);
        value_end(m, m->entries[i].value);
    }
    mem_free(m->entries);
    mem_free(m->slots);
    mem_free(m);
}

size_t map_count(const struct map *m)
{
    return m->live;
}

/* The slot of `key`, or NULL. */
static uint32_t *slot_find(const struct map *m, const char *key, uint32_t hash)
{
    if (m->slot_count == 0)
        return NULL;
    size_t mask = m->slot_count - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t s = m->slots[i];
        if (s == SLOT_EMPTY)
            return NULL;
        if (s == SLOT_HOLE)
            continue;
        const struct entry *e = &m->entries[s - 1];
        if (e->hash == hash && strcmp(e->key, key) == 0)
            return &m->slots[i];
    }
}

static struct entry *entry_find(const struct map *m, const char *key)
{
    uint32_t *slot = slot_find(m, key, hash_of(key));
    return slot ? &m->entries[*slot - 1] : NULL;
}

static void slot_add(struct map *m, size_t entry)
{
    ASSERT(m->slots && m->entries);
    size_t mask = m->slot_count - 1, i = m->entries[entry].hash & mask;
    while (m->slots[i] != SLOT_EMPTY)
        i = (i + 1) & mask;
    m->slots[i] = (uint32_t)(entry + 1);
}

/* Closes the holes and makes the table fit for one more entry. */
static void rebuild(struct map *m)
{
    size_t n = 0;
    ASSERT(m->len == 0 || m->entries);
    for (size_t i = 0; i < m->len; i++)
        if (m->entries[i].key)
            m->entries[n++] = m->entries[i];
    m->len = n;
    size_t slots = SLOTS_MIN;
    while (slots < (n + 1) * 4)
        slots *= 2;
    ASSERT(n < UINT32_MAX / 8);
    mem_free(m->slots);
    m->slots = mem_zalloc(slots, sizeof *m->slots);
    m->slot_count = slots;
    m->cap = slots / 2;
    m->entries = mem_realloc(m->entries, m->cap, sizeof *m->entries);
    for (size_t i = 0; i < n; i++)
        slot_add(m, i);
}

void *map_get(const struct map *m, const char *key)
{
    const struct entry *e = entry_find(m, key);
    return e ? e->value : NULL;
}

bool map_has(const struct map *m, const char *key)
{
    return entry_find(m, key) != NULL;
}

void map_put(struct map *m, const char *key, void *value)
{
    struct entry *e = entry_find(m, key);
    if (e) {
        void *old = e->value;
        e->value = value;
        if (old != value)
            value_end(m, old);
        return;
    }
    if (m->len == m->cap)
        rebuild(m);
    ASSERT(m->entries);
    m->entries[m->len] = (struct entry){ mem_strdup(key), value, hash_of(key) };
    slot_add(m, m->len++);
    m->live++;
}

static bool entry_take(struct map *m, const char *key, void **ret)
{
    uint32_t *slot = slot_find(m, key, hash_of(key));
    if (!slot)
        return false;
    struct entry *e = &m->entries[*slot - 1];
    *slot = SLOT_HOLE;
    *ret = e->value;
    mem_free(e->key);
    e->key = NULL;
    e->value = NULL;
    m->live--;
    return true;
}

bool map_remove(struct map *m, const char *key)
{
    void *value = NULL;
    if (!entry_take(m, key, &value))
        return false;
    value_end(m, value);
    return true;
}

void *map_take(struct map *m, const char *key)
{
    void *value = NULL;
    (void)entry_take(m, key, &value);
    return value;
}

bool map_at(const struct map *m, size_t *i, const char **ret_key, void **ret_value)
{
    while (*i < m->len) {
        const struct entry *e = &m->entries[(*i)++];
        if (!e->key)
            continue;
        *ret_key = e->key;
        *ret_value = e->value;
        return true;
    }
    return false;
}

struct text_map {
    atomic_uint refs;
    struct map *map; /* owned; char * values, NULL for null */
};

struct text_map *text_map_new(void)
{
    struct text_map *m = mem_zalloc(1, sizeof *m);
    atomic_init(&m->refs, 1);
    m->map = map_new(mem_free);
    return m;
}

struct text_map *text_map_ref(struct text_map *m)
{
    (void)atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void text_map_unref(struct text_map *m)
{
    if (!m || atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) > 1)
        return;
    map_free(m->map);
    mem_free(m);
}

struct text_map *text_map_copy(const struct text_map *m)
{
    struct text_map *copy = text_map_new();
    const char *key, *value;
    for (size_t i = 0; text_map_at(m, &i, &key, &value);)
        text_map_put(copy, key, value);
    return copy;
}

size_t text_map_count(const struct text_map *m)
{
    return map_count(m->map);
}

const char *text_map_get(const struct text_map *m, const char *key)
{
    return map_get(m->map, key);
}

bool text_map_has(const struct text_map *m, const char *key)
{
    return map_has(m->map, key);
}

/* A map that someone else can see is immutable. */
static void check_unshared(const struct text_map *m)
{
    ASSERT(atomic_load_explicit(&m->refs, memory_order_relaxed) == 1);
}

void text_map_put(struct text_map *m, const char *key, const char *value)
{
    check_unshared(m);
    map_put(m->map, key, value ? mem_strdup(value) : NULL);
}

bool text_map_remove(struct text_map *m, const char *key)
{
    check_unshared(m);
    return map_remove(m->map, key);
}

bool text_map_at(const struct text_map *m, size_t *i, const char **ret_key, const char **ret_value)
{
    void *value;
    if (!map_at(m->map, i, ret_key, &value))
        return false;
    *ret_value = value;
    return true;
}

bool text_map_eq(const struct text_map *a, const struct text_map *b)
{
    const char *key, *value;
    if (text_map_count(a) != text_map_count(b))
        return false;
    for (size_t i = 0; text_map_at(a, &i, &key, &value);) {
        const char *other = text_map_get(b, key);
        if (!text_map_has(b, key) || !value != !other)
            return false;
        if (value && strcmp(value, other) != 0)
            return false;
    }
    return true;
}
