/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H
/*
 * resolve: a host name to its addresses without blocking the caller.
 *
 * Numeric addresses are there at once. A name is asked for on a short-lived
 * thread of its own; its answer makes a descriptor readable. Giving up early
 * leaves the thread to end by itself.
 *
 * Owner    the caller
 * Thread   one at a time; the caller's
 */
#include <stdbool.h>
#include <stdint.h>
#include <netdb.h>
#include <kaftan/error.h>

struct resolve;

struct resolve *resolve_new(const char *host, uint16_t port);
void resolve_free(struct resolve *r);           /* NULL is fine; never blocks */
int resolve_fd(const struct resolve *r);        /* readable once done */
bool resolve_done(const struct resolve *r);
/* After done: the addresses in the system's order, borrowed; RETRIABLE when there is none. */
struct kaftan_error *resolve_get(const struct resolve *r, const struct addrinfo **ret) KAFTAN_MUST_CHECK;

#endif
