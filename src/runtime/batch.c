/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/batch.h"

#include <string.h>

#include "base/mem.h"

enum { CHUNK_SLOTS = 32, ARENA_HINT = 64 * 1024, FREE_LIMIT = 32 };

struct chunk {
    struct chunk *next;
    struct slot slots[CHUNK_SLOTS];
};

struct batch {
    struct batch *next;          /* in the free list, or in the list of all in use */
    struct batch **link;         /* what points to it in the list of all in use */
    struct kaftan_arena *arena;  /* owned */
    struct chunk *first, *last;  /* arena */
    struct chunk *cursor;        /* holds the slot number `sent` */
    size_t count, sent;
    size_t open;                 /* added and not finished */
};

struct batch_pool {
    struct batch *present;  /* in use as well */
    struct batch *in_use;   /* owned */
    struct batch *free;     /* owned */
    size_t free_count, open;
};

static void batch_use(struct batch_pool *p)
{
    struct batch *b = p->free;
    if (b) {
        p->free = b->next;
        p->free_count--;
    } else {
        b = mem_zalloc(1, sizeof *b);
        b->arena = arena_new(ARENA_HINT);
    }
    b->next = p->in_use;
    if (b->next)
        b->next->link = &b->next;
    b->link = &p->in_use;
    p->in_use = b;
    p->present = b;
}

struct batch_pool *batch_pool_new(void)
{
    struct batch_pool *p = mem_zalloc(1, sizeof *p);
    batch_use(p);
    return p;
}

static void batch_free(struct batch *b)
{
    arena_free(b->arena);
    mem_free(b);
}

void batch_pool_free(struct batch_pool *p)
{
    if (!p)
        return;
    for (struct batch *b = p->in_use, *next; b; b = next) {
        next = b->next;
        batch_free(b);
    }
    for (struct batch *b = p->free, *next; b; b = next) {
        next = b->next;
        batch_free(b);
    }
    mem_free(p);
}

/* Its records are gone. An arena that one huge record has blown up is not kept. */
static void batch_reset(struct batch *b)
{
    if (arena_used(b->arena) > (size_t)4 * BATCH_BYTES) {
        arena_free(b->arena);
        b->arena = arena_new(ARENA_HINT);
    } else {
        arena_reset(b->arena);
    }
    b->first = b->last = b->cursor = NULL;
    b->count = b->sent = 0;
}

static void batch_unuse(struct batch_pool *p, struct batch *b)
{
    *b->link = b->next;
    if (b->next)
        b->next->link = b->link;
    if (p->free_count >= FREE_LIMIT) {
        batch_free(b);
        return;
    }
    batch_reset(b);
    b->next = p->free;
    p->free = b;
    p->free_count++;
}

void batch_pool_turn(struct batch_pool *p)
{
    struct batch *b = p->present;
    ASSERT(b->sent == b->count);
    if (b->count < BATCH_RECORDS && arena_used(b->arena) < BATCH_BYTES)
        return;
    if (b->open == 0)
        batch_reset(b); /* what filled it became no record */
    else
        batch_use(p);
}

struct kaftan_arena *batch_pool_arena(struct batch_pool *p)
{
    return p->present->arena;
}

size_t batch_pool_room(const struct batch_pool *p)
{
    const struct batch *b = p->present;
    return b->count < BATCH_RECORDS && arena_used(b->arena) < BATCH_BYTES ? BATCH_RECORDS - b->count : 0;
}

struct slot *batch_pool_add(struct batch_pool *p)
{
    struct batch *b = p->present;
    size_t at = b->count % CHUNK_SLOTS;
    if (at == 0) {
        struct chunk *c = arena_alloc(b->arena, sizeof *c);
        c->next = NULL;
        if (b->last)
            b->last->next = c;
        else
            b->first = c;
        b->last = c;
        if (b->sent == b->count)
            b->cursor = c;
    }
    struct slot *s = &b->last->slots[at];
    memset(s, 0, sizeof *s);
    s->batch = b;
    b->count++;
    b->open++;
    p->open++;
    return s;
}

struct slot *batch_pool_unsent(const struct batch_pool *p)
{
    const struct batch *b = p->present;
    return b->sent < b->count ? &b->cursor->slots[b->sent % CHUNK_SLOTS] : NULL;
}

void batch_pool_sent(struct batch_pool *p)
{
    struct batch *b = p->present;
    ASSERT(b->sent < b->count);
    b->sent++;
    if (b->sent % CHUNK_SLOTS == 0 && b->cursor->next)
        b->cursor = b->cursor->next;
}

void batch_finished(struct batch_pool *p, struct slot *s)
{
    struct batch *b = s->batch;
    ASSERT(b->open > 0 && p->open > 0);
    p->open--;
    if (--b->open > 0)
        return;
    if (b != p->present)
        batch_unuse(p, b);
    else if (b->sent == b->count)
        batch_reset(b);
}

struct kaftan_arena *batch_arena(const struct slot *s)
{
    return s->batch->arena;
}

size_t batch_pool_open(const struct batch_pool *p)
{
    return p->open;
}

struct kaftan_arena *kaftan_batch_arena(struct kaftan_batch *b)
{
    return batch_pool_arena(b->pool);
}

/*
 * What a record points to may be in the arena before the record is added. So a
 * batch without records takes one whatever the arena holds: else a message that
 * fills an arena by itself would find each new batch full, for ever.
 */
struct kaftan_record *kaftan_batch_add(struct kaftan_batch *b)
{
    if (batch_pool_room(b->pool) == 0 && b->pool->present->count > 0)
        return NULL;
    struct slot *s = batch_pool_add(b->pool);
    s->record.partition = KAFTAN_NO_PARTITION;
    s->record.timestamp = KAFTAN_NO_TIMESTAMP;
    b->count++;
    return &s->record;
}

size_t kaftan_batch_room(const struct kaftan_batch *b)
{
    return batch_pool_room(b->pool);
}

size_t kaftan_batch_count(const struct kaftan_batch *b)
{
    return b->count;
}
