/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H
/*
 * thread: kinds of threads, starting and joining them, and the few locks.
 *
 * Each thread has a kind; a public function that belongs to one asserts it
 * with ON_THREAD (debug and sanitizer builds; cheap enough to stay always).
 * THREAD_ANY (a test's main thread, librdkafka's) passes every check.
 * All signals are blocked in threads started here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <pthread.h>

enum thread_kind {
    THREAD_ANY,
    THREAD_MAIN,
    THREAD_HERDER,
    THREAD_GROUP,
    THREAD_STORE,
    THREAD_CONNECTOR,
    THREAD_TASK,
    THREAD_REST,
    THREAD_PEER,
    THREAD_JOBS,
};

struct thread;

/* `name` (cut to 15 bytes) shows in ps and logs. run(arg) is the thread. Never fails: no thread, no worker. */
struct thread *thread_start(enum thread_kind kind, const char *name, void (*run)(void *arg), void *arg);
void thread_join(struct thread *t); /* waits and frees; NULL is fine */
/* Waits until deadline (clock_mono_ms); true: joined and freed. */
bool thread_join_until(struct thread *t, int64_t deadline_ms);
void thread_detach(struct thread *t); /* gives up on it: an abandoned (cancelled) task */
enum thread_kind thread_kind_here(void);
void thread_kind_set(enum thread_kind kind); /* for main, and threads a library started */
#define ON_THREAD(kind_) ASSERT(thread_kind_here() == (kind_) || thread_kind_here() == THREAD_ANY)

/* A lock sits in the struct it guards and has a rank in docs/threads.md. */
struct lock {
    pthread_mutex_t mutex;
};
void lock_init(struct lock *l);
void lock_fini(struct lock *l);
void lock_take(struct lock *l);
void lock_release(struct lock *l);
/* Locks taken so far by this process: for counting tests. */
uint64_t lock_count(void);
struct cond {
    pthread_cond_t cond;
};
void cond_init(struct cond *c); /* monotonic clock */
void cond_fini(struct cond *c);
void cond_wait(struct cond *c, struct lock *l);
bool cond_wait_until(struct cond *c, struct lock *l, int64_t deadline_ms); /* false: deadline passed */
void cond_wake_all(struct cond *c);

#endif
