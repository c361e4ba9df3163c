/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/clock.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "base/mem.h"

static int64_t read_us(clockid_t id)
{
    struct timespec t;
    ASSERT(clock_gettime(id, &t) == 0);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    return read_us(CLOCK_REALTIME) / 1000;
}

int64_t clock_mono_us(void)
{
    return read_us(CLOCK_MONOTONIC);
}

int64_t clock_mono_ms(void)
{
    return read_us(CLOCK_MONOTONIC) / 1000;
}

void random_bytes(void *ret, size_t len)
{
    char *p = ret;
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0) {
            ASSERT(errno == EINTR);
            continue;
        }
        p += n;
        len -= (size_t)n;
    }
}

uint64_t random_below(uint64_t limit)
{
    ASSERT(limit > 0);
    /* values below `skip` would make the small remainders more likely */
    uint64_t skip = (UINT64_MAX - limit + 1) % limit, v;
    do
        random_bytes(&v, sizeof v);
    while (v < skip);
    return v % limit;
}
