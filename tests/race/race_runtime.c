/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connectors and tasks started, paused, stopped and given up while they work,
 * with metrics read beside them: for the thread sanitizer.
 */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/thread.h"
#include "fake/fake_kafka.h"
#include "fake/fake_store.h"
#include "unit/runtime/script.h"

enum { TASKS = 3, ROUNDS = 12 };

static atomic_bool over;

static void read_metrics(void *arg)
{
    struct world *w = arg;
    struct buf text = BUF_INIT;
    while (!atomic_load(&over)) {
        buf_clear(&text);
        metrics_write(w->metrics, &text);
        (void)poll(NULL, 0, 1);
    }
    buf_fini(&text);
}

static size_t count_of(const char *what)
{
    size_t n = 0;
    for (const char *p = script_events(); (p = strstr(p, what)) != NULL; p += strlen(what))
        n++;
    return n;
}

static void round_of(struct world *w, int round)
{
    struct text_map *config = script_config((const char *const[]){ "tasks.max", "4", NULL });
    size_t stopped = count_of("task_stopped"), ended = count_of("connector_stopped");
    uint64_t delivered = script_delivered_count();
    worker_start_connector(w->worker, "c", config, TARGET_STARTED);
    for (int32_t i = 0; i < TASKS; i++)
        worker_start_task(w->worker, "c", i, config, config, TARGET_STARTED);
    text_map_unref(config);
    for (int i = 0; i < 50; i++)
        script_say("a:k=v");
    worker_task_configs(w->worker, "c", 4);
    script_reconfigure();
    worker_target_state(w->worker, "c", TARGET_PAUSED);
    worker_target_state(w->worker, "c", TARGET_STARTED);
    worker_set_generation(w->worker, round);
    script_flush_request();
    if (round % 3 != 2)
        WAIT_FOR(script_delivered_count() >= delivered + 50);
    for (int32_t i = 0; i < TASKS; i++)
        worker_stop_task(w->worker, "c", i, KAFTAN_STOP_RESTART);
    worker_stop_connector(w->worker, "c", KAFTAN_STOP_RESTART);
    WAIT_FOR(count_of("task_stopped") == stopped + TASKS && count_of("connector_stopped") == ended + 1);
}

/* A task that hangs is given up; it goes on working on its own things beside its successor. */
static void given_up(struct world *w)
{
    size_t stopped = count_of("task_stopped"), polls = script_polls();
    script_hang(true);
    world_start_task(w, script_config(NULL), TARGET_STARTED);
    WAIT_FOR(script_polls() > polls);
    worker_stop_task(w->worker, "c", 0, KAFTAN_STOP_MOVE);
    WAIT_FOR(count_of("task_stopped") == stopped + 1);
    size_t closed = strlen(script_calls());
    script_hang(false);
    WAIT_FOR(strlen(script_calls()) > closed);
    WAIT_FOR(worker_alive() == 0); /* only then may what it borrows be freed */
}

int main(void)
{
    static const char *const quick[] = { "task.shutdown.graceful.timeout.ms", "300", "offset.flush.interval.ms", "10",
                                         NULL };
    log_setup(LOG_ERROR, false);
    script_reset();
    struct world *w = world_new(quick);
    struct thread *reader = thread_start(THREAD_ANY, "reader", read_metrics, w);
    for (int round = 0; round < ROUNDS; round++)
        round_of(w, round);
    given_up(w);
    atomic_store(&over, true);
    thread_join(reader);
    world_free(w);
    printf("%llu records\n", (unsigned long long)script_delivered_count());
    return EXIT_SUCCESS;
}
