/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H
/*
 * arena: memory that dies together.
 *
 * Hands out memory that is never freed piece by piece; arena_reset() ends the
 * life of all of it and keeps the blocks for the next round, so a warm arena
 * allocates nothing. In sanitizer builds (KAFTAN_SANITIZE) every piece is an
 * allocation of its own, so that overflows and stale pointers are caught.
 *
 * Owner    whoever made it
 * Thread   one at a time; no locking
 * Memory   blocks of `hint` bytes and larger ones on demand
 */
#include <stddef.h>
#include <kaftan/abi.h>

struct kaftan_arena; /* the SDK sees the same type: kaftan_arena_alloc */

struct kaftan_arena *arena_new(size_t hint);
void arena_free(struct kaftan_arena *a); /* NULL is fine */
/* `size` bytes, aligned for any type, valid until the next reset. */
void *arena_alloc(struct kaftan_arena *a, size_t size)
    __attribute__((malloc, returns_nonnull, alloc_size(2)));
void *arena_zalloc(struct kaftan_arena *a, size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));
void *arena_memdup(struct kaftan_arena *a, const void *p, size_t size);
char *arena_strndup(struct kaftan_arena *a, const char *s, size_t len);
char *arena_printf(struct kaftan_arena *a, const char *fmt, ...) KAFTAN_PRINTF(2, 3);
void arena_reset(struct kaftan_arena *a);
/* Bytes handed out since the last reset. */
size_t arena_used(const struct kaftan_arena *a);

#endif
