/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_PROPS_H
#define CONFIG_PROPS_H
/*
 * props: Java's properties files (java.util.Properties.load): comments,
 * separators, continuations, escapes. Read as UTF-8 if it is valid, else as
 * ISO-8859-1. A key given twice: the last one counts.
 *
 * Owner    the result is the caller's (text_map_unref)
 * Thread   any
 */
#include <stddef.h>
#include <kaftan/error.h>

#include "base/buf.h"
#include "base/map.h"

enum { PROPS_FILE_LIMIT = 1 << 20 };

/* Errors: INVALID with the line. */
struct kaftan_error *props_parse(const char *text, size_t len, struct text_map **ret) KAFTAN_MUST_CHECK;
/* Errors name the path; NOT_FOUND when it cannot be read. */
struct kaftan_error *props_read(const char *path, struct buf *ret) KAFTAN_MUST_CHECK; /* the bytes, at most PROPS_FILE_LIMIT; the caller ends *ret */
struct kaftan_error *props_load(const char *path, struct text_map **ret) KAFTAN_MUST_CHECK;

#endif
