/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_GROUP_HISTORY_H
#define TEST_GROUP_HISTORY_H
/*
 * history: a virtual group whose life is read from bytes (any bytes are a
 * life): workers join, leave, die, come back, are frozen and claim what is no
 * longer theirs; assignments get lost; connectors and tasks come and go;
 * others lead. After each round, and when the group has come to rest, what
 * must hold is looked at:
 *
 *   - a configured connector or task is given to one worker, and to none only
 *     while it is being revoked or waits in a delay that runs
 *   - what is assigned is configured, what is revoked was claimed
 *   - nobody is left with less than its share for balance's sake
 *   - at rest all is assigned, loads differ by one at most, nothing is claimed
 *     that is not configured, and nothing moves any more
 *
 * Used by the property tests and by fuzz_assignor.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* NULL: all held; else what did not, in a text that stays until the next call. */
const char *history_run(const uint8_t *data, size_t size);

#endif
