/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OFFSET_TABLE_H
#define STORE_OFFSET_TABLE_H
/*
 * offset_table: the newest offset of each source partition, by connector and
 * logical partition, with the exact key bytes it was stored under
 * (runtime-and-storage.md 1.3, 3).
 *
 * Owner    the store
 * Thread   any, under the store's lock, which the caller holds
 * Memory   an entry per partition ever seen
 */
#include "base/buf.h"
#include "store/store.h"

struct offset_table;

struct offset_table *offset_table_new(void);
void offset_table_free(struct offset_table *t); /* NULL is fine */
/*
 * Applies a record; value.ptr NULL: deleted. `own`: our write was confirmed
 * at this offset of the topic, before it is read back: what was written
 * before it and is read later counts no more.
 */
void offset_table_apply(struct offset_table *t, struct kaftan_slice key, struct kaftan_slice value, int64_t offset, bool own);
/* The value; ptr NULL: none. Borrowed until the lock is left. */
struct kaftan_slice offset_table_get(struct offset_table *t, const char *connector, const char *partition, size_t len);
/* Appends the key for a write: known bytes, or new ones. Errors: DATA. */
struct kaftan_error *offset_table_key(struct offset_table *t, const char *connector, const char *partition,
                                      struct buf *ret) KAFTAN_MUST_CHECK;
void offset_table_each(struct offset_table *t, const char *connector,
                       void (*see)(void *self, struct kaftan_slice partition, struct kaftan_slice offset), void *self);
/* All keys with their values, for the file; value.ptr NULL: deleted. */
void offset_table_each_raw(struct offset_table *t, void (*see)(void *self, struct kaftan_slice key, struct kaftan_slice value),
                           void *self);
size_t offset_table_count(const struct offset_table *t); /* as offset_table_each_raw would show */

#endif
