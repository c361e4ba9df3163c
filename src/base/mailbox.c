/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The descriptor is an eventfd that is non-zero exactly while the receiver
 * has a reason to look: a message, a wake, or (once) the closing. It changes
 * under the lock only, so it can never disagree with the queue: a wake-up
 * that got lost between "queue is empty" and "now I wait" would be a worker
 * that hangs until the next message.
 */
#include "config.h"

#include "base/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

struct mailbox {
    struct lock lock; /* guards all but fd and limit; rank 95 */
    struct message *head, **tail; /* owned */
    unsigned count;
    bool closed, woken, lit; /* lit: the descriptor is readable */
    unsigned limit;
    int fd;
};

struct mailbox *mailbox_new(unsigned limit)
{
    struct mailbox *box = mem_zalloc(1, sizeof *box);
    lock_init(&box->lock);
    box->tail = &box->head;
    box->limit = limit;
    box->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    ASSERT(box->fd >= 0);
    return box;
}

void mailbox_free(struct mailbox *box)
{
    if (!box)
        return;
    for (struct message *m = box->head; m;) {
        struct message *next = m->next;
        m->drop(m);
        m = next;
    }
    (void)close(box->fd);
    lock_fini(&box->lock);
    mem_free(box);
}

/* With the lock. */
static void set_light(struct mailbox *box)
{
    bool lit = box->head || box->woken;
    if (lit == box->lit)
        return;
    uint64_t v = 1;
    ssize_t n = lit ? write(box->fd, &v, sizeof v) : read(box->fd, &v, sizeof v);
    ASSERT(n == (ssize_t)sizeof v);
    box->lit = lit;
}

static bool send(struct mailbox *box, struct message *msg, bool bounded)
{
    ASSERT(msg->handle && msg->drop);
    lock_take(&box->lock);
    bool taken = !box->closed && (!bounded || box->count < box->limit);
    if (taken) {
        msg->next = NULL;
        *box->tail = msg;
        box->tail = &msg->next;
        box->count++;
        set_light(box);
    }
    lock_release(&box->lock);
    return taken;
}

bool mailbox_send(struct mailbox *box, struct message *msg)
{
    return send(box, msg, true);
}

bool mailbox_send_always(struct mailbox *box, struct message *msg)
{
    return send(box, msg, false);
}

/* With the lock; NULL when empty. */
static struct message *pop(struct mailbox *box)
{
    struct message *m = box->head;
    if (!m)
        return NULL;
    box->head = m->next;
    if (!box->head)
        box->tail = &box->head;
    box->count--;
    m->next = NULL;
    return m;
}

struct message *mailbox_receive(struct mailbox *box)
{
    lock_take(&box->lock);
    struct message *m = pop(box);
    if (!m)
        box->woken = false;
    set_light(box);
    lock_release(&box->lock);
    return m;
}

static void wait_readable(int fd, int64_t deadline_ms)
{
    int timeout = -1;
    if (deadline_ms >= 0) {
        int64_t left = deadline_ms - clock_mono_ms();
        /* one more: the clock is cut off to whole milliseconds */
        timeout = left < 0 ? 0 : left > 3600000 ? 3600000 : (int)left + 1;
    }
    struct pollfd p = { .fd = fd, .events = POLLIN };
    ASSERT(poll(&p, 1, timeout) >= 0 || errno == EINTR);
}

struct message *mailbox_wait(struct mailbox *box, int64_t deadline_ms)
{
    for (;;) {
        lock_take(&box->lock);
        struct message *m = pop(box);
        bool stop = !m && (box->woken || box->closed);
        if (stop)
            box->woken = false;
        set_light(box);
        lock_release(&box->lock);
        if (m || stop)
            return m;
        if (deadline_ms >= 0 && clock_mono_ms() >= deadline_ms)
            return NULL;
        wait_readable(box->fd, deadline_ms);
    }
}

unsigned mailbox_drain(struct mailbox *box, void *owner)
{
    unsigned done = 0;
    lock_take(&box->lock);
    struct message *m = box->head;
    box->head = NULL;
    box->tail = &box->head;
    box->count = 0;
    box->woken = false;
    set_light(box);
    lock_release(&box->lock);
    while (m) {
        struct message *next = m->next; /* handle frees m */
        m->next = NULL;
        m->handle(m, owner);
        m = next;
        done++;
    }
    return done;
}

int mailbox_fd(const struct mailbox *box)
{
    return box->fd;
}

void mailbox_wake(struct mailbox *box)
{
    lock_take(&box->lock);
    box->woken = true;
    set_light(box);
    lock_release(&box->lock);
}

void mailbox_close(struct mailbox *box)
{
    lock_take(&box->lock);
    box->closed = true;
    box->woken = true;
    set_light(box);
    lock_release(&box->lock);
}
