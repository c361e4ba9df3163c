/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_STORE_H
#define FAKE_STORE_H
/*
 * fake_store: store.h in memory. Writes are done at once, on the caller's
 * thread, with the same news as from the config topic. One store at a time.
 * Journal: "put a", "remove a", "tasks a 2", "target a PAUSED", "restart a",
 * "key", "refresh", "forget a", "forget a-0", "topics-reset a", "drop-offsets".
 */
#include "store/store.h"

struct store *fake_store(void); /* the one there is; NULL before store_new */
/* The next write (any kind; refreshes too) ends with this code and text. */
void fake_store_fail(enum kaftan_code code, const char *text);
void fake_store_key_fails(void); /* the next session key's write, whatever comes before it */
/* From now on refreshes do not end until fake_store_release. */
void fake_store_hold_refresh(bool hold);
void fake_store_refresh_fails(int times); /* the next refreshes end with TIMEOUT */
/* The next store finds a key of so many zero bytes in its topic. */
void fake_store_first_key(size_t len, int64_t created_ms);
/* The topic begins anew: nothing is configured, and the reader stands at `offset`. */
void fake_store_truncate(int64_t offset);
void fake_store_release(void); /* ends the held refresh well */
/* Another worker's writes: news without a done. */
void fake_store_other_puts(const char *connector, struct text_map *config);
void fake_store_other_tasks(const char *connector, struct text_map *const *tasks, int32_t count);
/* Another worker has put this; it is read here with the next refresh only. */
void fake_store_read_late(const char *connector, struct text_map *config);
void fake_store_other_key(const struct session_key *key);
void fake_store_other_level(const char *name, const char *level);
/* What store_start ends with; code < 0: well (the default). */
void fake_store_start_fails(int code, const char *text);
int64_t fake_store_offset(void);

#endif
