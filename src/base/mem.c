/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_uint_fast64_t allocations;

_Noreturn void assert_failed(const char *cond, const char *file, int line,
                             const char *func)
{
    /* stdio only: whatever broke, the log module may be part of it */
    (void)fprintf(stderr, "kaftan: %s:%d: %s: assertion failed: %s\n", file, line,
                  func, cond);
    abort();
}

static _Noreturn void out_of_memory(size_t count, size_t size)
{
    (void)fprintf(stderr, "kaftan: out of memory (%zu times %zu bytes)\n", count,
                  size);
    abort();
}

void *obj_check(void *ptr, uint32_t magic, const char *type)
{
    uint32_t found = 0;
    if (ptr)
        memcpy(&found, ptr, sizeof found);
    if (!ptr || found != magic) {
        (void)fprintf(stderr, "kaftan: %p is no %s (magic %08x, wanted %08x)\n", ptr,
                      type, (unsigned)found, (unsigned)magic);
        abort();
    }
    return ptr;
}

static void count_one(void)
{
    (void)atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
}

uint64_t mem_count(void)
{
    return atomic_load_explicit(&allocations, memory_order_relaxed);
}

void *mem_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        out_of_memory(1, size);
    count_one();
    return p;
}

void *mem_zalloc(size_t count, size_t size)
{
    void *p = count && size ? calloc(count, size) : calloc(1, 1);
    if (!p)
        out_of_memory(count, size);
    count_one();
    return p;
}

void *mem_realloc(void *ptr, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        out_of_memory(count, size);
    void *p = realloc(ptr, bytes ? bytes : 1);
    if (!p)
        out_of_memory(count, size);
    count_one();
    return p;
}

char *mem_strndup(const char *s, size_t len)
{
    char *p = mem_alloc(len + 1);
    if (len)
        memcpy(p, s, len);
    p[len] = '\0';
    return p;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

void *mem_memdup(const void *p, size_t size)
{
    void *copy = mem_alloc(size);
    if (size)
        memcpy(copy, p, size);
    return copy;
}

char *mem_printf(const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    char *p = mem_alloc((size_t)len + 1);
    (void)vsnprintf(p, (size_t)len + 1, fmt, again);
    va_end(again);
    return p;
}

void mem_free(void *ptr)
{
    free(ptr);
}
