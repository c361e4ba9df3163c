/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_WORKER_H
#define RUNTIME_WORKER_H
/*
 * worker: connectors and tasks at work on this machine.
 *
 * The herder says what runs; the worker starts a thread per connector and
 * task, writes their statuses, and tells the herder by events what has ended.
 * No call waits.
 *
 * Owner    main
 * Thread   calls: herder (standalone: the same). Events: connector and task
 *          threads; they only send messages
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/error.h>
#include <kaftan/source.h>

#include "base/map.h"
#include "base/metrics.h"
#include "config/worker.h"
#include "plugin/registry.h"
#include "store/store.h"

struct worker;

struct worker_events {
    void *self;
    /* A connector has reached a target state or failed to (err owned by the receiver, status already written). */
    void (*connector_started)(void *self, const char *connector, enum target_state reached, struct kaftan_error *err);
    void (*connector_stopped)(void *self, const char *connector); /* after worker_stop_connector; its thread is over or abandoned */
    void (*task_stopped)(void *self, const char *connector, int32_t task); /* after worker_stop_task; likewise */
    /* After worker_task_configs. On success `configs` (count of them, references given away) are the full task configs with task.class; else err. */
    void (*task_configs)(void *self, const char *connector, struct text_map **configs, int32_t count, struct kaftan_error *err);
    void (*reconfigure)(void *self, const char *connector); /* the connector asks for it (kaftan_task_reconfigure) */
    /* clock_mono_ms until which work is owned (member_owned_until); any thread; INT64_MAX standalone. */
    int64_t (*owned_until)(void *self);
};

struct worker *worker_new(const struct worker_config *c, const struct registry *r, struct store *s, struct metrics *m,
                          const struct worker_events *e);
void worker_free(struct worker *w); /* all stopped before; NULL is fine */
/*
 * Threads of connectors and tasks that have not ended, given-up ones included.
 * While there is one, what it borrows (registry, config, metrics, store, the
 * worker itself) must not be freed. Any thread.
 */
int worker_alive(void);
/* host:port for statuses; before the first start. */
void worker_set_id(struct worker *w, const char *worker_id);
/* Written into statuses from now on. */
void worker_set_generation(struct worker *w, int32_t generation);

/* Configs are borrowed: what is kept is counted up. */
/* Failures become status FAILED and connector_started(err); a started one is always ended by worker_stop_connector. */
void worker_start_connector(struct worker *w, const char *connector, struct text_map *config, enum target_state target);
void worker_stop_connector(struct worker *w, const char *connector, enum kaftan_stop_reason reason); /* 5 s, then abandoned */
void worker_start_task(struct worker *w, const char *connector, int32_t task, struct text_map *connector_config,
                       struct text_map *task_config, enum target_state target);
/* task.shutdown.graceful.timeout.ms, then cancelled: it can do no more harm. */
void worker_stop_task(struct worker *w, const char *connector, int32_t task, enum kaftan_stop_reason reason);
/* To the connector and its tasks here: PAUSED and STARTED; STOPPED goes to the connector only. */
void worker_target_state(struct worker *w, const char *connector, enum target_state target);
void worker_task_configs(struct worker *w, const char *connector, int32_t max_tasks); /* answers with the task_configs event */
bool worker_has_connector(const struct worker *w, const char *connector);
bool worker_has_task(const struct worker *w, const char *connector, int32_t task);
/* Writes RESTARTING (task -1: the connector). */
void worker_status_restarting(struct worker *w, const char *connector, int32_t task);

#endif
