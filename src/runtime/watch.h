/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_WATCH_H
#define RUNTIME_WATCH_H
/*
 * watch: gives up on work that does not stop in time.
 *
 * One small thread holds the deadlines of everything that was told to stop.
 * What has not ended by then is abandoned: from that moment it can write no
 * status and no offset and acknowledge nothing, and the herder is told that it
 * has stopped. So the herder's event always comes.
 *
 * Owner    the worker
 * Thread   its own; watch_add: any
 */
#include <stdint.h>

struct kaftan_task;
struct watch;

struct watch *watch_new(void);
void watch_free(struct watch *w); /* ends and joins the thread; NULL is fine */
/* Takes a reference of its own. `deadline_ms` is clock_mono_ms time. */
void watch_add(struct watch *w, struct kaftan_task *work, int64_t deadline_ms);

#endif
