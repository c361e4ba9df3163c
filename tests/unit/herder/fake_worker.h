/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_WORKER_H
#define FAKE_WORKER_H
/*
 * fake_worker: worker.h without threads. Starts and stops end at once unless
 * held, and write the statuses the real one would.
 * Journal: "start a", "start a-0", "stop a CONFIG", "state a PAUSED",
 * "configs a", "restarting a-0".
 */
#include "runtime/worker.h"

void fake_worker_tasks(int32_t count);           /* what connectors answer; default 1 */
void fake_worker_tasks_fail(const char *text);   /* the next answer is an error */
void fake_worker_hold_stops(bool hold);          /* stops do not end until released */
void fake_worker_release(void);
void fake_worker_start_fails(const char *text);  /* the next connector start */
void fake_worker_reconfigure(const char *connector); /* the connector asks for it */

#endif
