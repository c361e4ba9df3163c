/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_CONFIG_STATE_H
#define STORE_CONFIG_STATE_H
/*
 * config_state: what the records of the config topic mean, read one by one
 * (runtime-and-storage.md 2.3 to 2.5, group-protocol.md 9.1).
 *
 * News are kept until config_state_tell, so that a snapshot that holds them
 * can be published first.
 *
 * Owner    the store
 * Thread   store
 */
#include "store/store.h"

struct config_state;

enum { TASK_ID_LIMIT = 1 << 16 }; /* a record with a larger id is ignored: nobody has that many tasks */

struct config_state *config_state_new(void);
void config_state_free(struct config_state *c); /* NULL is fine */
/* Applies a record; never fails: what cannot be read is logged and ignored. */
void config_state_apply(struct config_state *c, struct kaftan_slice key, struct kaftan_slice value, int64_t offset);
/* The first read is complete: from now on there are news. */
void config_state_started(struct config_state *c);
/* A reference to the newest snapshot; made anew only when something has changed. */
const struct snapshot *config_state_snapshot(struct config_state *c);
/* Tells and forgets the news; `now` is the snapshot that was published for them. */
void config_state_tell(struct config_state *c, const struct store_listener *listener, const struct snapshot *now);

#endif
