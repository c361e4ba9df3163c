/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/thread.h"

#include <criterion/criterion.h>

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/mem.h"

struct shared {
    atomic_int ran;
    atomic_bool go;
    struct lock lock;
    struct cond cond;
    bool open;
};

static void once(void *arg)
{
    struct shared *s = arg;
    ON_THREAD(THREAD_TASK);
    sigset_t blocked;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &blocked);
    atomic_fetch_add(&s->ran, sigismember(&blocked, SIGTERM) == 1 ? 1 : 1000);
}

static void until_open(void *arg)
{
    struct shared *s = arg;
    lock_take(&s->lock);
    while (!s->open)
        cond_wait(&s->cond, &s->lock);
    lock_release(&s->lock);
    atomic_fetch_add(&s->ran, 1);
}

static void open_up(struct shared *s)
{
    lock_take(&s->lock);
    s->open = true;
    cond_wake_all(&s->cond);
    lock_release(&s->lock);
}

Test(thread, runs_and_is_joined)
{
    struct shared s = { .ran = 0 };
    struct thread *t = thread_start(THREAD_TASK, "a name that is too long", once, &s);
    thread_join(t);
    cr_expect_eq(s.ran, 1, "signals are blocked in threads");
    thread_join(NULL);
    cr_expect(thread_join_until(NULL, 0));
    cr_expect_eq(thread_kind_here(), THREAD_ANY);
}

Test(thread, join_has_a_deadline)
{
    struct shared s = { .ran = 0 };
    lock_init(&s.lock);
    cond_init(&s.cond);
    struct thread *t = thread_start(THREAD_STORE, "t", until_open, &s);
    cr_expect_not(thread_join_until(t, clock_mono_ms() + 5));
    open_up(&s);
    cr_expect(thread_join_until(t, clock_mono_ms() + 30000));
    cr_expect_eq(s.ran, 1);
    cond_fini(&s.cond);
    lock_fini(&s.lock);
}

Test(thread, can_be_given_up)
{
    static struct shared s;
    lock_init(&s.lock);
    cond_init(&s.cond);
    thread_detach(thread_start(THREAD_STORE, "t", until_open, &s));
    thread_detach(NULL);
    open_up(&s);
    while (atomic_load(&s.ran) == 0)
        (void)poll(NULL, 0, 1);
    cr_expect_eq(s.ran, 1);
}

Test(thread, wrong_kind_aborts, .signal = SIGABRT)
{
    thread_kind_set(THREAD_HERDER);
    ON_THREAD(THREAD_TASK);
}

struct note {
    struct message base;
    int number;
};

struct reader {
    int last, handled, dropped;
};

static struct reader *dropper;

static void note_handle(struct message *msg, void *owner)
{
    struct note *n = CONTAINER_OF(msg, struct note, base);
    struct reader *r = owner;
    cr_assert_eq(n->number, r->last + 1, "messages keep their order");
    r->last = n->number;
    r->handled++;
    mem_free(n);
}

static void note_drop(struct message *msg)
{
    dropper->dropped++;
    mem_free(CONTAINER_OF(msg, struct note, base));
}

static struct message *note_new(int number)
{
    struct note *n = mem_zalloc(1, sizeof *n);
    n->base.handle = note_handle;
    n->base.drop = note_drop;
    n->number = number;
    return &n->base;
}

static bool readable(const struct mailbox *box)
{
    struct pollfd p = { .fd = mailbox_fd(box), .events = POLLIN };
    return poll(&p, 1, 0) == 1;
}

Test(mailbox, bounded_and_ordered)
{
    struct reader r = { 0 };
    dropper = &r;
    struct mailbox *box = mailbox_new(2);
    cr_expect_not(readable(box));
    cr_expect(mailbox_send(box, note_new(1)));
    cr_expect(readable(box));
    cr_expect(mailbox_send(box, note_new(2)));
    struct message *third = note_new(3);
    cr_expect_not(mailbox_send(box, third), "a full box takes nothing");
    cr_expect(mailbox_send_always(box, third));
    cr_expect_eq(mailbox_drain(box, &r), 3u);
    cr_expect_eq(r.last, 3);
    cr_expect_not(readable(box));
    cr_expect_null(mailbox_receive(box));
    cr_expect(mailbox_send(box, note_new(4)));
    struct message *m = mailbox_receive(box);
    m->handle(m, &r);
    cr_expect_not(readable(box));
    cr_expect(mailbox_send(box, note_new(5)));
    mailbox_free(box);
    cr_expect_eq(r.dropped, 1, "what was never received is dropped");
    mailbox_free(NULL);
}

Test(mailbox, waits_wakes_and_closes)
{
    struct reader r = { 0 };
    dropper = &r;
    struct mailbox *box = mailbox_new(5);
    cr_expect_null(mailbox_wait(box, clock_mono_ms()), "deadline");
    mailbox_wake(box);
    cr_expect(readable(box));
    cr_expect_null(mailbox_wait(box, -1), "woken");
    cr_expect_not(readable(box));
    cr_expect(mailbox_send(box, note_new(1)));
    struct message *m = mailbox_wait(box, -1);
    m->handle(m, &r);
    cr_expect(mailbox_send(box, note_new(2)));
    mailbox_close(box);
    struct message *late = note_new(3);
    cr_expect_not(mailbox_send(box, late));
    cr_expect_not(mailbox_send_always(box, late));
    late->drop(late);
    m = mailbox_wait(box, -1);
    cr_assert_not_null(m, "what came before the end is still there");
    m->handle(m, &r);
    cr_expect_null(mailbox_wait(box, -1));
    cr_expect_null(mailbox_wait(box, -1), "a closed box never waits");
    cr_expect_eq(r.handled, 2);
    mailbox_free(box);
}
