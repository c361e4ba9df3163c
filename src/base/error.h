/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H
/*
 * error: what the worker itself does with errors beyond the SDK's functions.
 * Errors end in three places: rest, the task runner and main.
 *
 * Thread   any
 */
#include <kaftan/error.h>

#include "base/buf.h"

const struct kaftan_error *error_cause(const struct kaftan_error *err); /* borrowed; NULL at the end */
/* The trace a status shows: message, then "\nCaused by: " and each cause's; bounded to 16 KiB. */
void error_trace(const struct kaftan_error *err, struct buf *ret);
struct kaftan_error *error_copy(const struct kaftan_error *err) KAFTAN_MUST_CHECK;
const char *error_code_name(enum kaftan_code code); /* "INVALID" */

#endif
