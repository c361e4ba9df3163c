/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REST_URI_H
#define REST_URI_H
/*
 * uri: a request target taken apart as Jetty 12 does it for Java Connect
 * (rest-api.md 1.1, 1.4, 1.6): segments decoded, matrix parameters dropped,
 * ambiguous and suspicious paths refused before routing.
 *
 * Owner    the caller's storage; texts live in the arena
 * Thread   any; pure functions
 */
#include <stdbool.h>
#include <stddef.h>
#include <kaftan/abi.h>

#include "base/arena.h"
#include "base/buf.h"

enum { URI_SEGMENTS = 8, URI_PARAMS = 32 };

struct uri {
    size_t count; /* segments; a trailing slash adds none */
    const char *segments[URI_SEGMENTS]; /* decoded, NUL terminated (no NUL inside) */
    bool too_deep;                      /* more segments than any route has */
    size_t param_count;                 /* query; further ones are ignored */
    struct {
        const char *name, *value; /* decoded; "" without '=' */
    } params[URI_PARAMS];
};

/* NULL: fine. Else why the container refuses it (400), as Jetty titles it. */
const char *uri_parse(struct kaftan_arena *a, const char *target, struct uri *ret);
/* First value of a query parameter, or NULL. */
const char *uri_param(const struct uri *u, const char *name);
/* True for "true" in any case; false for anything else. */
bool uri_flag(const struct uri *u, const char *name);
/* Appends a name as a path segment of a Location header (rest-api.md 5). */
void uri_put_segment(struct buf *b, const char *name);

#endif
