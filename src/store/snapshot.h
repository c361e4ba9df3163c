/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H
/*
 * snapshot: making one (store.h says what it is).
 *
 * Thread   making: store. The result is immutable and counted: any
 */
#include "store/store.h"

/* `rows` are copied with a reference to each map; they must be in strcmp order of their names. */
const struct snapshot *snapshot_new(int64_t offset, const struct snapshot_connector *rows, size_t count,
                                    const struct session_key *key);

#endif
