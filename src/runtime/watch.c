/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/thread.h"
#include "runtime/work_int.h"

static struct log logger = LOG("runtime.watch");

enum { WATCH_TURN_MS = 1000 }; /* ended work is let go of at least this often */

struct watched {
    struct message base;
    struct watched *next;     /* owned */
    struct kaftan_task *work; /* a reference */
    int64_t deadline_ms;
};

struct watch {
    struct mailbox *box;    /* owned */
    struct thread *thread;  /* owned */
    struct watched *first;  /* owned; the thread's */
    atomic_bool over;
};

static void watched_free(struct watched *d)
{
    work_unref(d->work);
    mem_free(d);
}

static void handle_add(struct message *msg, void *owner)
{
    struct watch *w = owner;
    struct watched *d = CONTAINER_OF(msg, struct watched, base);
    d->next = w->first;
    w->first = d;
}

static void drop_add(struct message *msg)
{
    watched_free(CONTAINER_OF(msg, struct watched, base));
}

static void give_up(struct kaftan_task *t)
{
    if (!work_abandon(t))
        return;
    log_context(t->connector, t->number);
    log_warn(&logger, "does not stop in time and is given up; it can write nothing any more");
    log_context(NULL, -1);
    work_tell_stopped(t);
}

/* Lets go of what has ended, gives up what is late; returns when to look again. */
static int64_t look(struct watch *w)
{
    int64_t now = clock_mono_ms(), next = -1;
    for (struct watched **at = &w->first; *at;) {
        struct watched *d = *at;
        if (!(work_flags(d->work) & (WORK_ENDED | WORK_ABANDONED)) && now < d->deadline_ms) {
            int64_t turn = d->deadline_ms < now + WATCH_TURN_MS ? d->deadline_ms : now + WATCH_TURN_MS;
            next = next < 0 || turn < next ? turn : next;
            at = &d->next;
            continue;
        }
        give_up(d->work);
        *at = d->next;
        watched_free(d);
    }
    return next;
}

static void watch_run(void *arg)
{
    struct watch *w = arg;
    int64_t next = -1;
    while (!atomic_load(&w->over)) {
        struct message *m = mailbox_wait(w->box, next);
        if (m)
            m->handle(m, w);
        (void)mailbox_drain(w->box, w);
        next = look(w);
    }
}

struct watch *watch_new(void)
{
    struct watch *w = mem_zalloc(1, sizeof *w);
    w->box = mailbox_new(16);
    w->thread = thread_start(THREAD_ANY, "watch", watch_run, w);
    return w;
}

void watch_free(struct watch *w)
{
    if (!w)
        return;
    atomic_store(&w->over, true);
    mailbox_wake(w->box);
    thread_join(w->thread);
    mailbox_free(w->box);
    for (struct watched *d = w->first, *next; d; d = next) {
        next = d->next;
        watched_free(d);
    }
    mem_free(w);
}

void watch_add(struct watch *w, struct kaftan_task *work, int64_t deadline_ms)
{
    struct watched *d = mem_zalloc(1, sizeof *d);
    d->base.handle = handle_add;
    d->base.drop = drop_add;
    d->work = work_ref(work);
    d->deadline_ms = deadline_ms;
    if (!mailbox_send_always(w->box, &d->base))
        watched_free(d);
}
