/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A list on the wire is an array of (connector, task ids), where id -1 is the
 * connector itself. In memory it is flat and keeps the wire's order. Writing,
 * connectors come first, those of an assignment in the order of a Java hash
 * set, and then tasks, each appended to its connector's entry.
 */
#include "config.h"

#include "group/codec.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"

static const char *const names[] = { "default", "compatible", "sessioned" };

const char *group_protocol_name(int16_t version)
{
    ASSERT(version >= 0 && (size_t)version < COUNT_OF(names));
    return names[version];
}

int16_t group_protocol_version(struct kaftan_slice name)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (slice_eq_str(name, names[i]))
            return (int16_t)i;
    return -1;
}

void group_assignment_fini(struct group_assignment *a)
{
    mem_free(a->leader);
    mem_free(a->leader_url);
    work_list_fini(&a->work);
    work_list_fini(&a->revoked);
    *a = (struct group_assignment){ 0 };
}

void group_subscription_fini(struct group_subscription *s)
{
    mem_free(s->url);
    group_assignment_fini(&s->allocation);
    *s = (struct group_subscription){ 0 };
}

/* ---- writing ---------------------------------------------------------- */

static void put_string(struct buf *b, const char *s)
{
    size_t len = strlen(s);
    ASSERT(len <= INT16_MAX);
    buf_put_u16(b, (uint16_t)len);
    buf_put(b, s, len);
}

struct entry {
    const char *connector; /* borrowed from the list */
    int32_t *ids;          /* owned */
    size_t count;
};

static void entry_free(void *p)
{
    struct entry *e = p;
    mem_free(e->ids);
    mem_free(e);
}

static struct entry *entry_of(struct map *entries, const char *connector)
{
    struct entry *e = map_get(entries, connector);
    if (!e) {
        e = mem_zalloc(1, sizeof *e);
        e->connector = connector;
        map_put(entries, connector, e);
    }
    return e;
}

static void entry_add(struct map *entries, const struct work_id *id)
{
    struct entry *e = entry_of(entries, id->connector);
    if ((e->count & (e->count - 1)) == 0)
        e->ids = mem_realloc(e->ids, e->count ? 2 * e->count : 1, sizeof e->ids[0]);
    e->ids[e->count++] = id->task;
}

static void add_connectors(struct map *entries, const struct work_list *l, bool hashed)
{
    int32_t *hashes = mem_zalloc(l->count, sizeof *hashes);
    size_t *order = mem_zalloc(l->count, sizeof *order);
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++) {
        hashes[i] = work_hash(&l->items[i]);
        if (l->items[i].task == -1)
            order[n++] = i;
    }
    if (hashed)
        java_hash_order(hashes, order, n, java_set_size(n));
    for (size_t i = 0; i < n; i++)
        if (!map_has(entries, l->items[order[i]].connector)) /* a set */
            entry_add(entries, &l->items[order[i]]);
    mem_free(hashes);
    mem_free(order);
}

static void put_list(struct buf *b, const struct work_list *l, bool hashed)
{
    struct map *entries = map_new(entry_free);
    const char *key;
    void *value;
    add_connectors(entries, l, hashed);
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].task != -1)
            entry_add(entries, &l->items[i]);
    buf_put_u32(b, (uint32_t)map_count(entries));
    for (size_t i = 0; map_at(entries, &i, &key, &value);) {
        const struct entry *e = value;
        put_string(b, e->connector);
        buf_put_u32(b, (uint32_t)e->count);
        for (size_t t = 0; t < e->count; t++)
            buf_put_u32(b, (uint32_t)e->ids[t]);
    }
    map_free(entries);
}

void group_put_assignment(struct buf *b, int16_t version, const struct group_assignment *a)
{
    buf_put_u16(b, (uint16_t)version);
    buf_put_u16(b, (uint16_t)a->error);
    put_string(b, a->leader);
    put_string(b, a->leader_url);
    buf_put_u64(b, (uint64_t)a->config_offset);
    put_list(b, &a->work, true);
    if (version == GROUP_EAGER)
        return;
    put_list(b, &a->revoked, false);
    buf_put_u32(b, (uint32_t)a->delay_ms);
}

void group_put_subscription(struct buf *b, int16_t version, const char *url, int64_t config_offset,
                            const struct group_assignment *allocation)
{
    buf_put_u16(b, (uint16_t)version);
    put_string(b, url);
    buf_put_u64(b, (uint64_t)config_offset);
    if (version == GROUP_EAGER)
        return;
    if (!allocation) {
        buf_put_u32(b, UINT32_MAX); /* null */
        return;
    }
    struct buf bytes = BUF_INIT;
    group_put_assignment(&bytes, version, allocation);
    buf_put_u32(b, (uint32_t)bytes.len);
    buf_put(b, bytes.data, bytes.len);
    buf_fini(&bytes);
}

/* ---- reading ---------------------------------------------------------- */

static struct kaftan_error *bad(const char *what, const char *field)
{
    return kaftan_error_new(KAFTAN_E_DATA, "a worker's %s cannot be read: %s is missing or cut off", what, field);
}

/* NULL: null, negative or cut off. */
static char *read_string(struct reader *r)
{
    int16_t len = (int16_t)reader_u16(r);
    if (r->bad || len < 0)
        return NULL;
    struct kaftan_slice s = reader_bytes(r, (size_t)len);
    return r->bad ? NULL : mem_strndup(s.ptr, s.len);
}

/* A negative count is null is empty; one larger than what is left is an error. */
static bool read_count(struct reader *r, size_t item_bytes, size_t *ret)
{
    int32_t n = (int32_t)reader_u32(r);
    *ret = n < 0 ? 0 : (size_t)n;
    return !r->bad && *ret <= reader_left(r) / item_bytes;
}

/*
 * Each task gets its own copy of its connector's name, so a long name with
 * many tasks could ask for far more memory than it has bytes.
 */
static bool read_entry(struct reader *r, struct work_list *ret, size_t *budget)
{
    size_t tasks = 0;
    char *connector = read_string(r);
    bool ok = connector && read_count(r, sizeof(int32_t), &tasks);
    size_t each = ok ? strlen(connector) + 1 : 1;
    ok = ok && tasks <= *budget / each;
    *budget -= ok ? tasks * each : 0;
    for (size_t i = 0; ok && i < tasks; i++)
        work_list_add(ret, connector, (int32_t)reader_u32(r));
    mem_free(connector);
    return ok;
}

static bool read_list(struct reader *r, struct work_list *ret)
{
    enum { SMALLEST = 2 + 4, NAMES_LIMIT = 64 * 1024 * 1024 };
    size_t count, budget = NAMES_LIMIT;
    if (!read_count(r, SMALLEST, &count))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!read_entry(r, ret, &budget))
            return false;
    return true;
}

static struct kaftan_error *read_assignment(struct reader *r, struct group_assignment *a)
{
    a->version = (int16_t)reader_u16(r);
    if (r->bad || a->version < 0)
        return bad("assignment", "the version");
    a->error = (int16_t)reader_u16(r);
    a->leader = read_string(r);
    if (!a->leader)
        return bad("assignment", "the leader");
    a->leader_url = read_string(r);
    if (!a->leader_url)
        return bad("assignment", "the leader's URL");
    a->config_offset = (int64_t)reader_u64(r);
    if (r->bad)
        return bad("assignment", "the config offset");
    if (reader_left(r) > 0 && !read_list(r, &a->work))
        return bad("assignment", "the assigned work");
    if (reader_left(r) > 0 && !read_list(r, &a->revoked))
        return bad("assignment", "the revoked work");
    if (reader_left(r) > 0)
        a->delay_ms = (int32_t)reader_u32(r);
    return r->bad ? bad("assignment", "the delay") : NULL;
}

struct kaftan_error *group_read_assignment(struct kaftan_slice bytes, struct group_assignment *ret)
{
    struct group_assignment a = { 0 };
    struct reader r = reader_of(bytes.ptr, bytes.len);
    struct kaftan_error *err = read_assignment(&r, &a);
    if (err)
        group_assignment_fini(&a);
    else
        *ret = a;
    return err;
}

static struct kaftan_error *read_subscription(struct reader *r, struct group_subscription *s)
{
    s->version = (int16_t)reader_u16(r);
    if (r->bad || s->version < 0)
        return bad("metadata", "the version");
    s->url = read_string(r);
    if (!s->url)
        return bad("metadata", "the URL");
    s->config_offset = (int64_t)reader_u64(r);
    if (r->bad)
        return bad("metadata", "the config offset");
    if (reader_left(r) == 0)
        return NULL;
    int32_t len = (int32_t)reader_u32(r);
    if (r->bad)
        return bad("metadata", "the allocation");
    if (len < 0)
        return NULL;
    struct kaftan_slice bytes = reader_bytes(r, (size_t)len);
    if (r->bad)
        return bad("metadata", "the allocation");
    struct kaftan_error *err = group_read_assignment(bytes, &s->allocation);
    s->has_allocation = err == NULL;
    return err;
}

struct kaftan_error *group_read_subscription(struct kaftan_slice bytes, struct group_subscription *ret)
{
    struct group_subscription s = { 0 };
    struct reader r = reader_of(bytes.ptr, bytes.len);
    struct kaftan_error *err = read_subscription(&r, &s);
    if (err)
        group_subscription_fini(&s);
    else
        *ret = s;
    return err;
}
