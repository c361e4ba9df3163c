/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/resolve.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"

/*
 * The question is shared by the caller and the thread; whoever is done with
 * it last frees it. The caller may leave while getaddrinfo is still waiting
 * for a dead name server, which nothing can interrupt.
 */
struct question {
    atomic_uint holders;
    atomic_bool done;
    int event; /* readable once done; -1: numeric, done from the start */
    char *host;
    char port[8];
    int status;             /* getaddrinfo's; before `done`: the thread's */
    int system_error;       /* errno with EAI_SYSTEM */
    struct addrinfo *found; /* owned */
};

struct resolve {
    struct question *question; /* shared */
    struct thread *thread;     /* owned; NULL: numeric */
};

static void question_release(struct question *q)
{
    if (atomic_fetch_sub(&q->holders, 1) != 1)
        return;
    if (q->found)
        freeaddrinfo(q->found);
    if (q->event >= 0)
        (void)close(q->event);
    mem_free(q->host);
    mem_free(q);
}

static void ask(struct question *q, int flags)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_NUMERICSERV | flags };
    q->status = getaddrinfo(q->host, q->port, &hints, &q->found);
    q->system_error = q->status == EAI_SYSTEM ? errno : 0;
}

static void run(void *arg)
{
    struct question *q = arg;
    const uint64_t one = 1;
    ask(q, AI_ADDRCONFIG);
    /* No address of a family we have: try the families we seem not to have. */
    if (q->status == EAI_NONAME || q->status == EAI_ADDRFAMILY)
        ask(q, 0);
    atomic_store(&q->done, true);
    ssize_t n = write(q->event, &one, sizeof one);
    (void)n; /* a fresh eventfd takes one */
    question_release(q);
}

struct resolve *resolve_new(const char *host, uint16_t port)
{
    struct resolve *r = mem_zalloc(1, sizeof *r);
    struct question *q = mem_zalloc(1, sizeof *q);
    r->question = q;
    atomic_init(&q->holders, 1);
    q->host = mem_strdup(host);
    (void)snprintf(q->port, sizeof q->port, "%u", (unsigned)port);
    q->event = -1;
    ask(q, AI_NUMERICHOST);
    if (q->status == 0) {
        atomic_store(&q->done, true);
        return r;
    }
    q->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->event < 0) {
        q->status = EAI_SYSTEM;
        q->system_error = errno;
        atomic_store(&q->done, true);
        return r;
    }
    atomic_store(&q->holders, 2);
    r->thread = thread_start(THREAD_JOBS, "resolve", run, q);
    return r;
}

void resolve_free(struct resolve *r)
{
    if (!r)
        return;
    if (r->thread) {
        if (resolve_done(r))
            thread_join(r->thread); /* it has nothing left to wait for */
        else
            thread_detach(r->thread);
    }
    question_release(r->question);
    mem_free(r);
}

int resolve_fd(const struct resolve *r)
{
    return r->question->event;
}

bool resolve_done(const struct resolve *r)
{
    return atomic_load(&r->question->done);
}

struct kaftan_error *resolve_get(const struct resolve *r, const struct addrinfo **ret)
{
    const struct question *q = r->question;
    ASSERT(resolve_done(r));
    if (q->status != 0)
        return kaftan_error_new(KAFTAN_E_RETRIABLE, "cannot resolve host \"%s\": %s", q->host,
                                q->status == EAI_SYSTEM ? strerror(q->system_error) : gai_strerror(q->status));
    *ret = q->found;
    return NULL;
}
