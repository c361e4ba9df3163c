/* SPDX-License-Identifier: Apache-2.0 */
/* The SDK's small functions that are another name for something of base. */
#include "config.h"

#include <kaftan/data.h>
#include <kaftan/task.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"

kaftan_deadline kaftan_now_us(void)
{
    return clock_mono_us();
}

uint64_t kaftan_random(uint64_t limit)
{
    return random_below(limit);
}

int64_t kaftan_wall_ms(void)
{
    return clock_wall_ms();
}

void *kaftan_alloc(size_t count, size_t size)
{
    return mem_zalloc(count, size);
}

void *kaftan_realloc(void *p, size_t count, size_t size)
{
    return mem_realloc(p, count, size);
}

char *kaftan_strdup(const char *s)
{
    return mem_strdup(s);
}

void kaftan_free(void *p)
{
    mem_free(p);
}

struct kaftan_arena *kaftan_arena_new(void)
{
    return arena_new(4096);
}

void kaftan_arena_free(struct kaftan_arena *a)
{
    arena_free(a);
}

void *kaftan_arena_alloc(struct kaftan_arena *a, size_t size)
{
    return arena_alloc(a, size);
}

const char *kaftan_arena_copy(struct kaftan_arena *a, const char *p, size_t len)
{
    return arena_strndup(a, p, len);
}
