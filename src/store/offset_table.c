/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/offset_table.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/records.h"

static struct log logger = LOG("store.offsets");

struct offset_entry {
    struct kaftan_slice key, value; /* owned; value.ptr NULL: deleted */
    char *partition;                /* owned */
    int64_t own_offset;             /* our confirmed write that was not read back yet; -1: none */
};

struct offset_table {
    struct map *connectors; /* owned; name to map of logical partition to offset_entry */
    struct map *others;     /* owned; pairs whose key means nothing to us: a file keeps them. Keyed by a number */
    size_t count;
};

static struct kaftan_slice slice_copy(struct kaftan_slice s)
{
    struct kaftan_slice none = { NULL, 0 };
    return s.ptr ? (struct kaftan_slice){ mem_memdup(s.ptr, s.len), s.len } : none;
}

static void slice_free(struct kaftan_slice s)
{
    mem_free((char *)(uintptr_t)s.ptr);
}

static void entry_free(void *p)
{
    struct offset_entry *e = p;
    slice_free(e->key);
    slice_free(e->value);
    mem_free(e->partition);
    mem_free(e);
}

static void connector_free(void *p)
{
    map_free(p);
}

struct offset_table *offset_table_new(void)
{
    struct offset_table *t = mem_zalloc(1, sizeof *t);
    t->connectors = map_new(connector_free);
    t->others = map_new(entry_free);
    return t;
}

void offset_table_free(struct offset_table *t)
{
    if (!t)
        return;
    map_free(t->connectors);
    map_free(t->others);
    mem_free(t);
}

static struct offset_entry *entry_of(struct offset_table *t, const struct offset_key *k)
{
    struct map *partitions = map_get(t->connectors, k->connector);
    if (!partitions) {
        partitions = map_new(entry_free);
        map_put(t->connectors, k->connector, partitions);
    }
    struct offset_entry *e = map_get(partitions, k->logical);
    if (!e) {
        e = mem_zalloc(1, sizeof *e);
        e->own_offset = -1;
        map_put(partitions, k->logical, e);
        t->count++;
    }
    return e;
}

static void keep_other(struct offset_table *t, struct kaftan_slice key, struct kaftan_slice value)
{
    char *name = mem_printf("%zu", map_count(t->others));
    struct offset_entry *e = mem_zalloc(1, sizeof *e);
    e->key = slice_copy(key);
    e->value = slice_copy(value);
    map_put(t->others, name, e);
    mem_free(name);
    t->count++;
}

void offset_table_apply(struct offset_table *t, struct kaftan_slice key, struct kaftan_slice value, int64_t offset, bool own)
{
    struct offset_key k;
    if (!offset_key_parse(key, &k)) {
        log_warn(&logger, "offset with a key that is none of ours, ignored", LOG_INT("bytes", key.len));
        if (offset < 0) /* from a file, which is written again as a whole */
            keep_other(t, key, value);
        return;
    }
    struct offset_entry *e = entry_of(t, &k);
    bool other_bytes = e->key.ptr && !slice_eq(e->key, key);
    /* A deletion under other bytes is about an older spelling of the partition. */
    if (offset >= 0 && offset < e->own_offset) {
        offset_key_fini(&k);
        return;
    }
    if (!value.ptr && other_bytes && e->value.ptr) {
        offset_key_fini(&k);
        return;
    }
    slice_free(e->key);
    slice_free(e->value);
    mem_free(e->partition);
    e->key = slice_copy(key);
    e->value = slice_copy(value);
    e->partition = k.partition;
    k.partition = NULL;
    e->own_offset = own ? offset : -1;
    offset_key_fini(&k);
}

static struct offset_entry *find(struct offset_table *t, const char *connector, const char *partition, size_t len)
{
    struct map *partitions = map_get(t->connectors, connector);
    char *logical = partitions ? offset_logical(partition, len) : NULL;
    struct offset_entry *e = logical ? map_get(partitions, logical) : NULL;
    mem_free(logical);
    return e;
}

struct kaftan_slice offset_table_get(struct offset_table *t, const char *connector, const char *partition, size_t len)
{
    const struct offset_entry *e = find(t, connector, partition, len);
    return e ? e->value : (struct kaftan_slice){ NULL, 0 };
}

struct kaftan_error *offset_table_key(struct offset_table *t, const char *connector, const char *partition, struct buf *ret)
{
    struct kaftan_slice text = slice_of(partition);
    char *logical = NULL;
    struct buf fresh = BUF_INIT;
    struct kaftan_error *err = offset_key_make(connector, text.ptr, text.len, &fresh, &logical);
    if (!err) {
        struct map *partitions = map_get(t->connectors, connector);
        const struct offset_entry *e = partitions ? map_get(partitions, logical) : NULL;
        buf_put_slice(ret, e ? e->key : buf_slice(&fresh));
    }
    buf_fini(&fresh);
    mem_free(logical);
    return err;
}

void offset_table_each(struct offset_table *t, const char *connector,
                       void (*see)(void *self, struct kaftan_slice partition, struct kaftan_slice offset), void *self)
{
    const struct map *partitions = map_get(t->connectors, connector);
    const char *logical;
    void *value;
    for (size_t i = 0; partitions && map_at(partitions, &i, &logical, &value);) {
        const struct offset_entry *e = value;
        if (e->value.ptr)
            see(self, slice_of(e->partition), e->value);
    }
}

static void each_of(const struct map *m, void (*see)(void *self, struct kaftan_slice key, struct kaftan_slice value), void *self)
{
    const char *name;
    void *value;
    for (size_t i = 0; map_at(m, &i, &name, &value);) {
        const struct offset_entry *e = value;
        see(self, e->key, e->value);
    }
}

void offset_table_each_raw(struct offset_table *t, void (*see)(void *self, struct kaftan_slice key, struct kaftan_slice value),
                           void *self)
{
    const char *name;
    void *value;
    for (size_t i = 0; map_at(t->connectors, &i, &name, &value);)
        each_of(value, see, self);
    each_of(t->others, see, self);
}

size_t offset_table_count(const struct offset_table *t)
{
    return t->count;
}
