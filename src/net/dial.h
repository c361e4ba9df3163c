/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_DIAL_H
#define NET_DIAL_H
/*
 * dial: one connected TCP socket out of all the addresses of a name.
 *
 * Addresses are tried alternating between the families, the next one when the
 * last has failed or 250 ms after it was begun; the first that connects wins
 * and the others are closed (RFC 8305).
 *
 * Owner    the stream, while it opens
 * Thread   one at a time; the stream's
 * Memory   at most 16 sockets
 */
#include <kaftan/stream.h>

struct dial;

/* Keeps host, port, buffers and deadline of `o`. */
struct kaftan_error *dial_new(const struct kaftan_stream_options *o, struct dial **ret) KAFTAN_MUST_CHECK;
void dial_free(struct dial *d);               /* NULL is fine */
/* OK: dial_take has a socket. AGAIN: wait for dial_fd (reading) or dial_deadline. ERROR: dial_error. */
enum kaftan_io dial_step(struct dial *d);
int dial_fd(const struct dial *d);
kaftan_deadline dial_deadline(const struct dial *d);
int dial_take(struct dial *d);                /* the caller owns the socket */
struct kaftan_error *dial_error(struct dial *d); /* the caller owns it; once */

#endif
