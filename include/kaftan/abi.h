/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_ABI_H
#define KAFTAN_ABI_H
/*
 * The plugin ABI: version, visibility, and the two types everything uses.
 *
 * A plugin is refused before any of its code runs unless its major version is
 * the worker's and its minor version is not newer. Structs that cross the
 * border grow at the end only and carry their size; docs/abi.md lists every
 * change.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KAFTAN_ABI_MAJOR 1u
#define KAFTAN_ABI_MINOR 0u

#if defined(__GNUC__)
#define KAFTAN_API __attribute__((visibility("default")))
#define KAFTAN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define KAFTAN_MUST_CHECK __attribute__((warn_unused_result))
#else
#define KAFTAN_API
#define KAFTAN_PRINTF(fmt, args)
#define KAFTAN_MUST_CHECK
#endif

/* Bytes or text of somebody else: never owned, not NUL terminated; ptr NULL means "none". */
struct kaftan_slice {
    const char *ptr;
    size_t len;
};

/* A point in time: microseconds of CLOCK_MONOTONIC. */
typedef int64_t kaftan_deadline;
KAFTAN_API kaftan_deadline kaftan_now_us(void);

#endif
