/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/topics.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

struct topic_entry {
    rd_kafka_topic_t *handle; /* owned; NULL: free */
    const char *name;         /* borrowed from the handle */
    size_t len;
    uint32_t hash;
};

static uint32_t hash_of(struct kaftan_slice s)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (uint8_t)s.ptr[i]) * 16777619u;
    return h;
}

static bool is_name(const struct topic_entry *e, struct kaftan_slice name)
{
    return e->len == name.len && memcmp(e->name, name.ptr, name.len) == 0;
}

static struct topic_entry *slot_of(struct topic_entry *entries, size_t size, uint32_t hash, struct kaftan_slice name)
{
    size_t i = hash & (size - 1);
    while (entries[i].handle && !(entries[i].hash == hash && is_name(&entries[i], name)))
        i = (i + 1) & (size - 1);
    return &entries[i];
}

static void grow(struct topics *t)
{
    size_t size = t->size ? t->size * 2 : 16;
    struct topic_entry *entries = mem_zalloc(size, sizeof *entries);
    for (size_t i = 0; i < t->size; i++) {
        struct topic_entry *e = &t->entries[i];
        if (e->handle)
            *slot_of(entries, size, e->hash, (struct kaftan_slice){ e->name, e->len }) = *e;
    }
    mem_free(t->entries);
    t->entries = entries;
    t->size = size;
    t->last = NULL;
}

rd_kafka_topic_t *topics_get(struct topics *t, rd_kafka_t *rk, struct kaftan_slice name)
{
    if (t->last && is_name(t->last, name))
        return t->last->handle;
    if (t->count * 2 >= t->size)
        grow(t);
    uint32_t hash = hash_of(name);
    struct topic_entry *e = slot_of(t->entries, t->size, hash, name);
    if (!e->handle) {
        char *text = mem_strndup(name.ptr, name.len);
        rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, text, NULL);
        mem_free(text);
        if (!handle)
            return NULL;
        *e = (struct topic_entry){ handle, rd_kafka_topic_name(handle), name.len, hash };
        t->count++;
    }
    t->last = e;
    return e->handle;
}

void topics_fini(struct topics *t)
{
    for (size_t i = 0; i < t->size; i++)
        if (t->entries[i].handle)
            rd_kafka_topic_destroy(t->entries[i].handle);
    mem_free(t->entries);
    *t = (struct topics){ 0 };
}
