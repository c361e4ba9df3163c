/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <kaftan/task.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"

Test(mem, empty_sizes_can_be_freed)
{
    mem_free(mem_alloc(0));
    mem_free(mem_zalloc(0, 8));
    mem_free(mem_realloc(NULL, 0, 8));
    mem_free(mem_memdup("", 0));
    mem_free(NULL);
    char *s = mem_strndup("abcdef", 3), *t = mem_printf("%s-%d", s, 7);
    cr_expect_str_eq(s, "abc");
    cr_expect_str_eq(t, "abc-7");
    mem_free(s);
    mem_free(t);
}

Test(mem, counts_allocations)
{
    uint64_t before = mem_count();
    mem_free(mem_alloc(1));
    cr_expect_eq(mem_count(), before + 1);
}

Test(mem, overflow_aborts, .signal = SIGABRT)
{
    volatile size_t many = SIZE_MAX / 2;
    mem_free(mem_realloc(NULL, many, 4));
}

struct thing {
    uint32_t magic;
    int value;
};

Test(mem, object_comes_back)
{
    struct thing t = { 0xC0FFEE, 5 };
    void *p = &t;
    cr_expect_eq(OBJ_FROM(struct thing, 0xC0FFEE, p)->value, 5);
    int *value = &t.value;
    cr_expect_eq(CONTAINER_OF(value, struct thing, value), &t);
}

Test(mem, wrong_object_aborts, .signal = SIGABRT)
{
    struct thing t = { 0xC0FFEE, 5 };
    (void)OBJ_FROM(struct thing, 0xBAD, (void *)&t);
}

Test(arena, pieces_are_aligned_and_apart)
{
    struct kaftan_arena *a = arena_new(512);
    char *p[200];
    for (size_t i = 0; i < COUNT_OF(p); i++) {
        p[i] = arena_alloc(a, i);
        cr_assert_eq((uintptr_t)p[i] % 16, 0u);
        memset(p[i], (int)i, i);
    }
    for (size_t i = 0; i < COUNT_OF(p); i++)
        for (size_t j = 0; j < i; j++)
            cr_assert_eq((unsigned char)p[i][j], (unsigned char)i);
    cr_expect_eq(arena_used(a), 199u * 200 / 2);
    arena_free(a);
    arena_free(NULL);
}

Test(arena, warm_one_allocates_nothing)
{
    struct kaftan_arena *a = arena_new(256);
    for (int round = 0; round < 3; round++) {
        uint64_t before = mem_count();
        for (size_t i = 0; i < 50; i++)
            (void)arena_alloc(a, i * 40);
#ifndef KAFTAN_SANITIZE
        cr_expect(round == 0 || mem_count() == before, "round %d allocated", round);
#else
        (void)before;
#endif
        arena_reset(a);
        cr_expect_eq(arena_used(a), 0u);
    }
    arena_free(a);
}

Test(arena, copies)
{
    struct kaftan_arena *a = arena_new(0);
    cr_expect_str_eq(arena_strndup(a, "hello", 4), "hell");
    cr_expect_str_eq(arena_printf(a, "%05d", 42), "00042");
    cr_expect_str_eq(kaftan_arena_copy(a, "xyz", 2), "xy");
    const int *zeros = arena_zalloc(a, 10, sizeof(int));
    for (int i = 0; i < 10; i++)
        cr_expect_eq(zeros[i], 0);
    cr_expect_eq(memcmp(arena_memdup(a, "a\0b", 3), "a\0b", 3), 0);
    arena_free(a);
}

Test(buf, grows_and_is_taken)
{
    struct buf b = BUF_INIT;
    cr_expect_str_eq(buf_text(&b), "");
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "%d,", i);
    cr_expect_eq(b.len, 3890u);
    buf_clear(&b);
    buf_puts(&b, "ab");
    buf_put_slice(&b, (struct kaftan_slice){ "cdef", 2 });
    buf_putc(&b, '!');
    cr_expect_eq(buf_slice(&b).len, 5u);
    char *s = buf_take(&b);
    cr_expect_str_eq(s, "abcd!");
    cr_expect_null(b.data);
    mem_free(s);
    cr_expect_not_null(buf_slice(&b).ptr, "an empty text is not none");
    buf_fini(&b);
}

Test(buf, numbers_are_big_endian)
{
    struct buf b = BUF_INIT;
    buf_put_u8(&b, 1);
    buf_put_u16(&b, 0x0203);
    buf_put_u32(&b, 0x04050607);
    buf_put_u64(&b, 0x08090A0B0C0D0E0F);
    cr_assert_eq(b.len, 15u);
    for (size_t i = 0; i < b.len; i++)
        cr_expect_eq((size_t)b.data[i], i + 1);
    struct reader r = reader_of(b.data, b.len);
    cr_expect_eq(reader_u8(&r), 1);
    cr_expect_eq(reader_u16(&r), 0x0203);
    cr_expect_eq(reader_u32(&r), 0x04050607u);
    cr_expect_eq(reader_left(&r), 8u);
    cr_expect_eq(reader_u64(&r), 0x08090A0B0C0D0E0Fu);
    cr_expect_not(r.bad);
    buf_fini(&b);
}

Test(reader, never_reads_past_the_end)
{
    struct reader r = reader_of("\1\2\3", 3);
    cr_expect_eq(reader_u32(&r), 0u);
    cr_expect(r.bad);
    cr_expect_eq(reader_u8(&r), 0, "what is bad stays at its end");
    r = reader_of(NULL, 0);
    cr_expect_eq(reader_bytes(&r, 0).len, 0u);
    cr_expect_not(r.bad);
    cr_expect_eq(reader_bytes(&r, SIZE_MAX).len, 0u);
    cr_expect(r.bad);
}

Test(clock, goes_forward)
{
    int64_t us = clock_mono_us(), ms = clock_mono_ms();
    cr_expect_gt(us, 0);
    cr_expect_geq(ms, us / 1000);
    cr_expect_geq(kaftan_now_us(), us);
    cr_expect_gt(clock_wall_ms(), 1600000000000);
}

Test(clock, random_stays_below)
{
    int seen[6] = { 0 };
    for (int i = 0; i < 1000; i++) {
        uint64_t v = random_below(6);
        cr_assert_lt(v, 6u);
        seen[v]++;
    }
    for (int i = 0; i < 6; i++)
        cr_expect_gt(seen[i], 0);
    cr_expect_eq(random_below(1), 0u);
}

Test(sdk, memory)
{
    char *s = kaftan_strdup("x");
    int *p = kaftan_alloc(3, sizeof *p);
    cr_expect_eq(p[2], 0);
    p = kaftan_realloc(p, 10, sizeof *p);
    kaftan_free(p);
    kaftan_free(s);
    cr_expect_lt(kaftan_random(3), 3u);
    cr_expect_gt(kaftan_wall_ms(), 0);
}
