/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_TEXT_INT_H
#define CONVERT_TEXT_INT_H
/*
 * text_int: strings on their way in and out. What is good UTF-8 already is
 * passed on without a copy.
 *
 * Owner    results borrow from the input or live in the arena
 * Thread   any; pure functions
 */
#include <stdbool.h>
#include <kaftan/data.h>

#include "base/arena.h"

/* A null or a string that needs no change, as bytes to write; false: it must be made. */
bool text_borrow(const struct kaftan_value *v, struct kaftan_slice *ret);
/* A made text in the arena, unpaired surrogates as '?'. */
struct kaftan_slice text_keep(struct kaftan_arena *a, struct kaftan_slice s);
/* Bytes as text, malformed parts as U+FFFD. */
struct kaftan_slice text_repair(struct kaftan_arena *a, struct kaftan_slice bytes);

#endif
