/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thread object has two holders, the starter and the thread itself, because
 * a starter that gives up on a stuck thread (thread_detach) must be able to
 * go away first. The later of the two frees it.
 */
#include "config.h"

#include "base/thread.h"

#include <stdatomic.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"

enum { NAME_SIZE = 16 };

struct thread {
    pthread_t id;
    enum thread_kind kind;
    char name[NAME_SIZE];
    void (*run)(void *arg);
    void *arg; /* borrowed from the starter */
    struct lock lock;  /* guards done, holders */
    struct cond cond;
    bool done;
    int holders;
};

static _Thread_local enum thread_kind kind_here = THREAD_ANY;

static void let_go(struct thread *t)
{
    lock_take(&t->lock);
    int left = --t->holders;
    lock_release(&t->lock);
    if (left > 0)
        return;
    cond_fini(&t->cond);
    lock_fini(&t->lock);
    mem_free(t);
}

static void *trampoline(void *arg)
{
    struct thread *t = arg;
    kind_here = t->kind;
    (void)pthread_setname_np(pthread_self(), t->name);
    t->run(t->arg);
    lock_take(&t->lock);
    t->done = true;
    cond_wake_all(&t->cond);
    lock_release(&t->lock);
    let_go(t);
    return NULL;
}

struct thread *thread_start(enum thread_kind kind, const char *name, void (*run)(void *arg), void *arg)
{
    struct thread *t = mem_zalloc(1, sizeof *t);
    sigset_t all, before;
    t->kind = kind;
    t->run = run;
    t->arg = arg;
    t->holders = 2;
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    lock_init(&t->lock);
    cond_init(&t->cond);
    (void)sigfillset(&all);
    ASSERT(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    ASSERT(pthread_create(&t->id, NULL, trampoline, t) == 0);
    ASSERT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return t;
}

void thread_join(struct thread *t)
{
    if (!t)
        return;
    ASSERT(pthread_join(t->id, NULL) == 0);
    let_go(t);
}

bool thread_join_until(struct thread *t, int64_t deadline_ms)
{
    if (!t)
        return true;
    lock_take(&t->lock);
    while (!t->done && cond_wait_until(&t->cond, &t->lock, deadline_ms))
        ;
    bool done = t->done;
    lock_release(&t->lock);
    if (done)
        thread_join(t);
    return done;
}

void thread_detach(struct thread *t)
{
    if (!t)
        return;
    ASSERT(pthread_detach(t->id) == 0);
    let_go(t);
}

enum thread_kind thread_kind_here(void)
{
    return kind_here;
}

void thread_kind_set(enum thread_kind kind)
{
    kind_here = kind;
}

void lock_init(struct lock *l)
{
    ASSERT(pthread_mutex_init(&l->mutex, NULL) == 0);
}

void lock_fini(struct lock *l)
{
    ASSERT(pthread_mutex_destroy(&l->mutex) == 0);
}

static atomic_uint_fast64_t locks;

uint64_t lock_count(void)
{
    return atomic_load_explicit(&locks, memory_order_relaxed);
}

void lock_take(struct lock *l)
{
    atomic_fetch_add_explicit(&locks, 1, memory_order_relaxed);
    ASSERT(pthread_mutex_lock(&l->mutex) == 0);
}

void lock_release(struct lock *l)
{
    ASSERT(pthread_mutex_unlock(&l->mutex) == 0);
}

void cond_init(struct cond *c)
{
    pthread_condattr_t attr;
    ASSERT(pthread_condattr_init(&attr) == 0);
    ASSERT(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    ASSERT(pthread_cond_init(&c->cond, &attr) == 0);
    (void)pthread_condattr_destroy(&attr);
}

void cond_fini(struct cond *c)
{
    ASSERT(pthread_cond_destroy(&c->cond) == 0);
}

void cond_wait(struct cond *c, struct lock *l)
{
    ASSERT(pthread_cond_wait(&c->cond, &l->mutex) == 0);
}

bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_ms)
{
    if (deadline_ms < 0)
        deadline_ms = 0;
    struct timespec t = { .tv_sec = (time_t)(deadline_ms / 1000), .tv_nsec = (long)(deadline_ms % 1000) * 1000000 };
    int rc = pthread_cond_timedwait(&c->cond, &l->mutex, &t);
    ASSERT(rc == 0 || rc == ETIMEDOUT);
    return rc == 0;
}

void cond_wake_all(struct cond *c)
{
    ASSERT(pthread_cond_broadcast(&c->cond) == 0);
}
