/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MEM_H
#define BASE_MEM_H
/*
 * mem: memory of the control plane, and what our own code promises.
 *
 * Allocation never returns NULL: out of memory aborts, and the group moves
 * the work. A size that comes from outside is compared with a limit before it
 * gets here. ASSERT is for our own promises, never for outside data, and is
 * never compiled out.
 *
 * Thread   any
 */
#include <stddef.h>
#include <stdint.h>

#define ASSERT(cond)                                                           \
    do {                                                                       \
        if (!(cond))                                                           \
            assert_failed(#cond, __FILE__, __LINE__, __func__);                \
    } while (0)

_Noreturn void assert_failed(const char *cond, const char *file, int line,
                             const char *func);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CONTAINER_OF(ptr, type, member)                                        \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/*
 * An object that passes through a `void *` starts with `uint32_t magic` and
 * comes back through OBJ_FROM, which asserts it.
 */
#define OBJ_FROM(type, MAGIC, ptr) ((type *)obj_check((ptr), (MAGIC), #type))
void *obj_check(void *ptr, uint32_t magic, const char *type);

/* size 0 is fine everywhere: the result can be freed and is not NULL. */
void *mem_alloc(size_t size)
    __attribute__((malloc, returns_nonnull, alloc_size(1)));
void *mem_zalloc(size_t count, size_t size)
    __attribute__((malloc, returns_nonnull, alloc_size(1, 2)));
/* Checks count * size for overflow (aborts). ptr may be NULL. */
void *mem_realloc(void *ptr, size_t count, size_t size)
    __attribute__((returns_nonnull, alloc_size(2, 3)));
char *mem_strdup(const char *s) __attribute__((malloc, returns_nonnull));
char *mem_strndup(const char *s, size_t len) /* NUL terminated copy of len bytes */
    __attribute__((malloc, returns_nonnull));
void *mem_memdup(const void *p, size_t size)
    __attribute__((malloc, returns_nonnull));
char *mem_printf(const char *fmt, ...)
    __attribute__((malloc, returns_nonnull, format(printf, 1, 2)));
void mem_free(void *ptr); /* NULL is fine */

/* Allocations made so far by this process through mem_*: for counting tests. */
uint64_t mem_count(void);

#endif
