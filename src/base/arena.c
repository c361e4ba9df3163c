/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { ALIGNMENT = 16, HINT_MIN = 256 };

struct block {
    struct block *next; /* owned */
    size_t size, used;  /* of data */
    _Alignas(ALIGNMENT) char data[];
};

struct kaftan_arena {
    struct block *first;   /* owned; with all that follow */
    struct block *current; /* in the chain; blocks after it are empty */
    size_t hint;
    size_t used;
};

struct kaftan_arena *arena_new(size_t hint)
{
    struct kaftan_arena *a = mem_zalloc(1, sizeof *a);
    a->hint = hint < HINT_MIN ? HINT_MIN : hint;
    return a;
}

static void drop_blocks(struct kaftan_arena *a)
{
    for (struct block *b = a->first; b;) {
        struct block *next = b->next;
        mem_free(b);
        b = next;
    }
    a->first = a->current = NULL;
}

void arena_free(struct kaftan_arena *a)
{
    if (!a)
        return;
    drop_blocks(a);
    mem_free(a);
}

static struct block *block_new(size_t size)
{
    ASSERT(size <= SIZE_MAX / 2);
    struct block *b = mem_alloc(offsetof(struct block, data) + size);
    b->next = NULL;
    b->size = size;
    b->used = 0;
    return b;
}

#ifdef KAFTAN_SANITIZE
void *arena_alloc(struct kaftan_arena *a, size_t size)
{
    struct block *b = block_new(size);
    b->next = a->first;
    a->first = b;
    a->used += size;
    return b->data;
}

void arena_reset(struct kaftan_arena *a)
{
    drop_blocks(a);
    a->used = 0;
}
#else
/* Goes to a block with room for `size`: the one after current if it is large enough, else a new one between. */
static struct block *advance(struct kaftan_arena *a, size_t size)
{
    struct block *cur = a->current;
    struct block *next = cur ? cur->next : a->first;
    if (!next || next->size < size) {
        struct block *b = block_new(size > a->hint ? size : a->hint);
        b->next = next;
        if (cur)
            cur->next = b;
        else
            a->first = b;
        next = b;
    }
    a->current = next;
    return next;
}

void *arena_alloc(struct kaftan_arena *a, size_t size)
{
    ASSERT(size <= SIZE_MAX / 4);
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (rounded == 0)
        rounded = ALIGNMENT; /* two empty pieces are two pieces */
    struct block *b = a->current;
    if (!b || b->size - b->used < rounded)
        b = advance(a, rounded);
    void *p = b->data + b->used;
    b->used += rounded;
    a->used += size;
    return p;
}

void arena_reset(struct kaftan_arena *a)
{
    for (struct block *b = a->first; b; b = b->next)
        b->used = 0;
    a->current = a->first;
    a->used = 0;
}
#endif

void *arena_zalloc(struct kaftan_arena *a, size_t count, size_t size)
{
    size_t bytes;
    ASSERT(!__builtin_mul_overflow(count, size, &bytes));
    void *p = arena_alloc(a, bytes);
    memset(p, 0, bytes);
    return p;
}

void *arena_memdup(struct kaftan_arena *a, const void *p, size_t size)
{
    void *copy = arena_alloc(a, size);
    if (size)
        memcpy(copy, p, size);
    return copy;
}

char *arena_strndup(struct kaftan_arena *a, const char *s, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (len)
        memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *arena_printf(struct kaftan_arena *a, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    char *p = arena_alloc(a, (size_t)len + 1);
    (void)vsnprintf(p, (size_t)len + 1, fmt, again);
    va_end(again);
    return p;
}

size_t arena_used(const struct kaftan_arena *a)
{
    return a->used;
}
