/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STATUS_TABLE_H
#define STORE_STATUS_TABLE_H
/*
 * status_table: what the status topic says, and the rules of writing to it
 * (runtime-and-storage.md 4).
 *
 * Owner    the store
 * Thread   any, under the store's lock, which the caller holds
 * Memory   an entry per connector, task and topic ever seen
 */
#include "store/store.h"

struct status_table;

struct status_table *status_table_new(void);
void status_table_free(struct status_table *t); /* NULL is fine */
/* Applies a record of the topic. */
void status_table_apply(struct status_table *t, struct kaftan_slice key, struct kaftan_slice value);

const struct work_status *status_table_get(struct status_table *t, const char *connector, int32_t task); /* NULL: none */
void status_table_each_task(struct status_table *t, const char *connector, void (*see)(void *self, int32_t task), void *self);
void status_table_each(struct status_table *t, void (*see)(void *self, const char *connector, int32_t task), void *self);

/*
 * Before a write: false when the rule of safe writes forbids it. A ticket
 * remembers the moment, for status_table_may_repeat.
 */
struct status_ticket {
    uint64_t writes, deletions;
};
bool status_table_write(struct status_table *t, const char *connector, int32_t task, bool safe, const char *worker_id,
                        int32_t generation, struct status_ticket *ret);
/* A failed write may be repeated: not deleted since, and when safe: no newer write, and the rule still holds. */
bool status_table_may_repeat(struct status_table *t, const char *connector, int32_t task, bool safe, const char *worker_id,
                             int32_t generation, const struct status_ticket *ticket);

/* Active topics. True: not known, the caller is to write a record; it is known from now on. */
bool status_table_topic_add(struct status_table *t, const char *connector, const char *topic);
void status_table_topic_failed(struct status_table *t, const char *connector, const char *topic); /* its record was not stored */
/* Topics read back from the topic. */
void status_table_each_topic(struct status_table *t, const char *connector, void (*see)(void *self, const char *topic),
                             void *self);
/* Forgets the connector's topics and returns their names (owned map of name to nothing): a tombstone is due for each. */
struct map *status_table_topics_take(struct status_table *t, const char *connector);

#endif
