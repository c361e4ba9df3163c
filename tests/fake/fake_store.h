/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_STORE_H
#define TESTS_FAKE_STORE_H
/*
 * fake_store: what runtime needs of store.h, kept in memory. One instance for
 * the whole test program, any thread. `struct store *` may be NULL for it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fake_store_mode { FAKE_STORE_OK, FAKE_STORE_ERROR, FAKE_STORE_SILENT };

void fake_store_reset(void);
void fake_store_mode(enum fake_store_mode mode); /* of offset writes */
void fake_store_answer_late(void);               /* answers the writes kept silent about, as done */
void fake_store_put(const char *partition, const char *offset); /* as if stored before */
/* The statuses written for a connector or task, oldest first, as "RUNNING,PAUSED"; FAILED without its trace. */
void fake_store_statuses(const char *connector, int32_t task, char *ret, size_t size);
void fake_store_trace(char *ret, size_t size);   /* of the newest FAILED */
void fake_store_version(char *ret, size_t size); /* of the newest status; "null" */
size_t fake_store_flushes(void);                 /* offset writes asked */
/* The offset stored for a partition; false: none. */
bool fake_store_offset(const char *partition, char *ret, size_t size);
void fake_store_task_count(int32_t count);       /* of every connector in the snapshot; -1: no snapshot */
size_t fake_store_topics_seen(void);
size_t fake_store_refreshes(void);               /* reads to the end of the offsets topic */
void fake_store_refresh_failures(int count);     /* so many of them time out */

#endif
