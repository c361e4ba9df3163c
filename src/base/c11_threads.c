/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds with the thread sanitizer only. librdkafka starts its threads and
 * locks its queues through C11's functions, which gcc's sanitizer does not
 * watch: such a thread has no state there and crashes at its first allocation.
 * So they are led to the POSIX functions, which are what glibc makes of them
 * anyway (mtx_t and cnd_t are pthread_mutex_t and pthread_cond_t inside).
 */
#include "config.h"

#include "base/thread.h"

#ifdef __SANITIZE_THREAD__

#include <errno.h>
#include <threads.h>

#include "base/mem.h"

#define SHOWN __attribute__((visibility("default")))

struct start {
    thrd_start_t run;
    void *arg;
};

static void *run_start(void *arg)
{
    struct start s = *(struct start *)arg;
    mem_free(arg);
    return (void *)(intptr_t)s.run(s.arg);
}

static int outcome(int err)
{
    return err == 0           ? thrd_success
           : err == ENOMEM    ? thrd_nomem
           : err == ETIMEDOUT ? thrd_timedout
           : err == EBUSY     ? thrd_busy
                              : thrd_error;
}

SHOWN int thrd_create(thrd_t *thread, thrd_start_t run, void *arg)
{
    struct start *s = mem_alloc(sizeof *s);
    *s = (struct start){ run, arg };
    int err = pthread_create(thread, NULL, run_start, s);
    if (err)
        mem_free(s);
    return outcome(err);
}

SHOWN int thrd_join(thrd_t thread, int *ret)
{
    void *value = NULL;
    int err = pthread_join(thread, &value);
    if (!err && ret)
        *ret = (int)(intptr_t)value;
    return outcome(err);
}

SHOWN int thrd_detach(thrd_t thread)
{
    return outcome(pthread_detach(thread));
}

SHOWN int mtx_lock(mtx_t *m)
{
    return outcome(pthread_mutex_lock((pthread_mutex_t *)m));
}

SHOWN int mtx_trylock(mtx_t *m)
{
    return outcome(pthread_mutex_trylock((pthread_mutex_t *)m));
}

SHOWN int mtx_unlock(mtx_t *m)
{
    return outcome(pthread_mutex_unlock((pthread_mutex_t *)m));
}

SHOWN int cnd_signal(cnd_t *c)
{
    return outcome(pthread_cond_signal((pthread_cond_t *)c));
}

SHOWN int cnd_broadcast(cnd_t *c)
{
    return outcome(pthread_cond_broadcast((pthread_cond_t *)c));
}

SHOWN int cnd_wait(cnd_t *c, mtx_t *m)
{
    return outcome(
        pthread_cond_wait((pthread_cond_t *)c, (pthread_mutex_t *)m));
}

SHOWN int cnd_timedwait(cnd_t *restrict c, mtx_t *restrict m,
                        const struct timespec *restrict until)
{
    return outcome(pthread_cond_timedwait((pthread_cond_t *)c,
                                          (pthread_mutex_t *)m, until));
}

#endif
