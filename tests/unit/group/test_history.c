/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of the assignors over random lives of a group; the seed that is printed gives the same life again. */
#include "config.h"

#include <criterion/criterion.h>

#include "base/buf.h"
#include "base/mem.h"
#include "history.h"

enum { LIVES = 1500, LONGEST = 240 };

static uint64_t next(uint64_t *seed) /* splitmix64 */
{
    uint64_t z = (*seed += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* The first byte says which assignor, with or without the step before it, and which delay. */
static void lives(uint64_t from, uint8_t mask, uint8_t first)
{
    for (uint64_t seed = from; seed < from + LIVES; seed++) {
        uint8_t life[LONGEST];
        uint64_t state = seed;
        size_t size = 10 + next(&state) % (LONGEST - 10);
        for (size_t i = 0; i < size; i++)
            life[i] = (uint8_t)next(&state);
        life[0] = (uint8_t)((life[0] & ~mask) | first);
        const char *fault = history_run(life, size);
        cr_assert_null(fault, "seed %llu: %s", (unsigned long long)seed, fault);
    }
}

Test(history, eager) { lives(1, 0x07, 0x00); }
Test(history, cooperative_as_java) { lives(100000, 0x0F, 0x02); }
Test(history, cooperative_with_workers_that_come_back) { lives(200000, 0x0F, 0x0A); }
Test(history, without_a_delay) { lives(300000, 0x7F, 0x0A); }
