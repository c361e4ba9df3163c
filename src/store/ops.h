/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OPS_H
#define STORE_OPS_H
/*
 * ops: what was asked of the store and takes time, as states with deadlines
 * (runtime-and-storage.md 2.2). An operation is a list of steps: read to the
 * end, send some records, wait until they are read back.
 *
 * Operations on one connector go one after the other, or task records of two
 * commits would mix; others side by side. One that has run out of time is
 * answered, and stays until the client gives its records back.
 *
 * Owner    the store, from op_start on; before that its maker
 * Thread   making: any. From op_start on: store
 */
#include "store/store_int.h"

struct op *store_op_new(struct store *s, struct topic_log *log, const char *connector /* NULL: waits for nobody */,
                  int64_t deadline_ms /* clock_mono_ms; -1: none */, const char *late, struct store_done *done);
/* Steps, in order. `failure` is the text when the step fails; a literal. */
void op_read_to_end(struct op *o, const char *failure);
/* Starts a sending step; records follow with op_record. */
void op_send(struct op *o, const char *failure);
void op_record(struct op *o, char *key /* taken */, size_t key_len, struct buf *value /* taken; NULL: tombstone */);
void op_read_back(struct op *o, const char *failure);
/* Called when a record is confirmed: the offset table's shortcut. */
void op_on_stored(struct op *o, void (*stored)(struct store *s, const struct sent *r, int64_t offset));
void op_snapshot_wanted(struct op *o);
void op_start(struct op *o); /* gives it to the store */
void op_drop(struct op *o, struct kaftan_error *err /* taken */); /* instead of op_start: answers and frees */

/* Operations that are about to send to this log are answered with an error, and send nothing. */
void ops_drop(struct store *s, const struct topic_log *log);
/* Takes every operation as far as it goes; true: something was sent or ended. */
bool ops_run(struct store *s);
int64_t ops_deadline(const struct store *s); /* of the first that has one; -1 */
void ops_end(struct store *s);               /* answers all with UNAVAILABLE; after the logs are closed */

#endif
