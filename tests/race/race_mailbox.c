/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many senders, one receiver that polls, waits and drains by turns, wakes in
 * between: nothing is lost, nothing comes twice, each sender's order is kept,
 * and the receiver never sleeps while a message waits.
 */
#include "config.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/thread.h"

enum { SENDERS = 4, EACH = 5000, LIMIT = 64, DEADLINE_MS = 120000 };

struct note {
    struct message base;
    int sender, number;
};

struct receiver {
    int last[SENDERS];
    int received;
};

static struct mailbox *box;
static atomic_int dropped;

static void note_handle(struct message *msg, void *owner)
{
    struct note *n = CONTAINER_OF(msg, struct note, base);
    struct receiver *r = owner;
    ASSERT(n->number == r->last[n->sender] + 1);
    r->last[n->sender] = n->number;
    r->received++;
    mem_free(n);
}

static void note_drop(struct message *msg)
{
    (void)atomic_fetch_add(&dropped, 1);
    mem_free(CONTAINER_OF(msg, struct note, base));
}

static void sender(void *arg)
{
    int who = *(const int *)arg;
    for (int i = 1; i <= EACH; i++) {
        struct note *n = mem_zalloc(1, sizeof *n);
        n->base.handle = note_handle;
        n->base.drop = note_drop;
        n->sender = who;
        n->number = i;
        /* every seventh goes past the limit, as replies do */
        while (!(i % 7 == 0 ? mailbox_send_always(box, &n->base) : mailbox_send(box, &n->base)))
            (void)poll(NULL, 0, 1);
        if (i % 11 == 0)
            mailbox_wake(box);
    }
}

static void receive_some(struct receiver *r, int turn, int64_t deadline)
{
    struct message *m = NULL;
    if (turn % 3 == 0) {
        struct pollfd p = { .fd = mailbox_fd(box), .events = POLLIN };
        ASSERT(poll(&p, 1, DEADLINE_MS) == 1);
        (void)mailbox_drain(box, r);
    } else if (turn % 3 == 1) {
        m = mailbox_wait(box, deadline);
    } else {
        m = mailbox_receive(box);
    }
    if (m)
        m->handle(m, r);
}

int main(void)
{
    struct receiver r = { .received = 0 };
    struct thread *threads[SENDERS];
    int numbers[SENDERS];
    int64_t deadline = clock_mono_ms() + DEADLINE_MS;
    box = mailbox_new(LIMIT);
    for (int i = 0; i < SENDERS; i++) {
        numbers[i] = i;
        threads[i] = thread_start(THREAD_ANY, "sender", sender, &numbers[i]);
    }
    for (int turn = 0; r.received < SENDERS * EACH; turn++) {
        ASSERT(clock_mono_ms() < deadline);
        receive_some(&r, turn, deadline);
    }
    for (int i = 0; i < SENDERS; i++)
        thread_join(threads[i]);
    mailbox_close(box);
    mailbox_free(box);
    ASSERT(dropped == 0);
    printf("mailbox: %d messages\n", r.received);
    return EXIT_SUCCESS;
}
