/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/asker.h"

#include <stdatomic.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

enum { BOX_LIMIT = 64 };

struct asker {
    struct mailbox *in, *out; /* owned */
    struct thread *thread;    /* owned; NULL before the first question */
    atomic_bool stop;
    void (*rest)(void *self);
    void *self; /* borrowed; outlives the asker */
    int64_t rest_ms;
};

static void question_drop(struct message *msg)
{
    struct question *q = CONTAINER_OF(msg, struct question, base);
    q->free(q);
}

/* Asker's thread. */
static void question_handle(struct message *msg, void *owner)
{
    struct asker *a = owner;
    struct question *q = CONTAINER_OF(msg, struct question, base);
    q->ask(q, a);
    if (!mailbox_send_always(a->out, msg))
        question_drop(msg);
}

static void run(void *arg)
{
    struct asker *a = arg;
    int64_t rest_at = -1; /* -1: it rests, or has nothing to do then */
    while (!atomic_load(&a->stop)) {
        struct message *msg = mailbox_wait(a->in, rest_at);
        if (msg) {
            msg->handle(msg, a);
            rest_at = a->rest ? clock_mono_ms() + a->rest_ms : -1;
        } else if (rest_at >= 0 && clock_mono_ms() >= rest_at) {
            a->rest(a->self);
            rest_at = -1;
        }
    }
}

struct asker *asker_new(void (*rest)(void *self), void *self, int64_t rest_ms)
{
    struct asker *a = mem_zalloc(1, sizeof *a);
    a->in = mailbox_new(BOX_LIMIT);
    a->out = mailbox_new(BOX_LIMIT);
    a->rest = rest;
    a->self = self;
    a->rest_ms = rest_ms;
    return a;
}

void asker_free(struct asker *a)
{
    if (!a)
        return;
    atomic_store(&a->stop, true);
    mailbox_wake(a->in);
    thread_join(a->thread);
    mailbox_free(a->in);
    mailbox_free(a->out);
    mem_free(a);
}

void asker_ask(struct asker *a, struct question *q)
{
    q->base.handle = question_handle;
    q->base.drop = question_drop;
    if (!a->thread)
        a->thread = thread_start(THREAD_JOBS, "kafka-ask", run, a);
    if (!mailbox_send_always(a->in, &q->base))
        q->free(q);
}

struct question *asker_answer(struct asker *a)
{
    struct message *msg = mailbox_receive(a->out);
    return msg ? CONTAINER_OF(msg, struct question, base) : NULL;
}

int asker_fd(const struct asker *a)
{
    return mailbox_fd(a->out);
}

bool asker_stopping(const struct asker *a)
{
    return atomic_load(&a->stop);
}
