/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "herder/jobs.h"

#include "base/mem.h"
#include "base/thread.h"

struct jobs {
    struct lock lock; /* first, last, count, stop */
    struct cond cond;
    struct message *first, **last;
    unsigned count;
    bool stop;
    unsigned thread_count;
    struct thread **threads; /* owned */
};

static struct job *jobs_take(struct jobs *jobs)
{
    struct message *m = NULL;
    lock_take(&jobs->lock);
    while (!jobs->first && !jobs->stop)
        cond_wait(&jobs->cond, &jobs->lock);
    if (!jobs->stop) {
        m = jobs->first;
        jobs->first = m->next;
        if (!jobs->first)
            jobs->last = &jobs->first;
        jobs->count--;
    }
    lock_release(&jobs->lock);
    return m ? CONTAINER_OF(m, struct job, base) : NULL;
}

static void jobs_run(void *arg)
{
    struct jobs *jobs = arg;
    struct job *j;
    while ((j = jobs_take(jobs))) {
        j->base.next = NULL;
        j->run(j);
        if (!mailbox_send_always(j->to, &j->base))
            j->base.drop(&j->base);
    }
}

struct jobs *jobs_new(unsigned threads)
{
    struct jobs *jobs = mem_zalloc(1, sizeof *jobs);
    lock_init(&jobs->lock);
    cond_init(&jobs->cond);
    jobs->last = &jobs->first;
    jobs->threads = mem_zalloc(threads, sizeof *jobs->threads);
    jobs->thread_count = threads;
    for (unsigned i = 0; i < threads; i++)
        jobs->threads[i] = thread_start(THREAD_JOBS, "jobs", jobs_run, jobs);
    return jobs;
}

bool jobs_submit(struct jobs *jobs, struct job *j)
{
    bool ok;
    lock_take(&jobs->lock);
    ok = !jobs->stop && jobs->count < JOBS_LIMIT;
    if (ok) {
        j->base.next = NULL;
        *jobs->last = &j->base;
        jobs->last = &j->base.next;
        jobs->count++;
        cond_wake_all(&jobs->cond);
    }
    lock_release(&jobs->lock);
    return ok;
}

void jobs_free(struct jobs *jobs)
{
    struct message *m;
    if (!jobs)
        return;
    lock_take(&jobs->lock);
    jobs->stop = true;
    cond_wake_all(&jobs->cond);
    lock_release(&jobs->lock);
    for (unsigned i = 0; i < jobs->thread_count; i++)
        thread_join(jobs->threads[i]);
    while ((m = jobs->first)) {
        jobs->first = m->next;
        m->drop(m);
    }
    cond_fini(&jobs->cond);
    lock_fini(&jobs->lock);
    mem_free(jobs->threads);
    mem_free(jobs);
}
