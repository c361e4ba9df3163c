/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/asker.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"

enum { PATIENCE_MS = 30000 };

static atomic_uint rests;

static void rest(void *self)
{
    (void)self;
    atomic_fetch_add(&rests, 1);
}

static void answer(struct question *q, const struct asker *a)
{
    (void)q, (void)a;
}

static void question_free(struct question *q)
{
    mem_free(q);
}

static void ask_and_wait(struct asker *a)
{
    struct question *q = mem_zalloc(1, sizeof *q);
    q->ask = answer;
    q->free = question_free;
    asker_ask(a, q);
    struct pollfd p = { .fd = asker_fd(a), .events = POLLIN };
    while (!(q = asker_answer(a)))
        cr_assert_eq(poll(&p, 1, PATIENCE_MS), 1);
    q->free(q);
}

/* True: so often, before long. */
static bool rested(unsigned times)
{
    int64_t deadline = clock_mono_ms() + PATIENCE_MS;
    while (atomic_load(&rests) < times && clock_mono_ms() < deadline)
        (void)poll(NULL, 0, 5);
    return atomic_load(&rests) == times;
}

Test(asker, rests_once_after_the_last_question)
{
    struct asker *a = asker_new(rest, NULL, 50);
    ask_and_wait(a);
    cr_expect(rested(1));
    (void)poll(NULL, 0, 150);
    cr_expect_eq(atomic_load(&rests), 1, "once");
    ask_and_wait(a);
    cr_expect(rested(2), "and again after the next one");
    asker_free(a);
}

Test(asker, without_rest_it_only_answers)
{
    struct asker *a = asker_new(NULL, NULL, 0);
    ask_and_wait(a);
    ask_and_wait(a);
    asker_free(a);
}
