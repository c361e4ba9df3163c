/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REST_LISTENER_H
#define REST_LISTENER_H
/*
 * listener: the `listeners` key made into bound sockets, and the URL that
 * other workers and people are told (rest-api.md 11).
 *
 * Owner    rest; Thread main
 */
#include <kaftan/error.h>

#include "base/buf.h"
#include "config/worker.h"

enum { LISTENER_LIMIT = 16 };

struct listener {
    char *host; /* owned; "" : all interfaces */
    int port;   /* as configured */
    int bound;  /* the port really bound */
    int fd;     /* owned until given to the HTTP daemon; -1 */
};
struct listener_set {
    size_t count;
    struct listener items[LISTENER_LIMIT];
};

/* "http://host:port"; the texts of rest-api.md 11. Pure. */
struct kaftan_error *listener_parse(const char *text, struct listener *ret) KAFTAN_MUST_CHECK;
/* Parses all, binds and listens. On failure nothing stays open. */
struct kaftan_error *listeners_open(const struct worker_values *v, struct listener_set *ret) KAFTAN_MUST_CHECK;
void listeners_close(struct listener_set *s);
/* The advertised URL with the final '/'. */
void listeners_url(const struct worker_values *v, const struct listener_set *s, struct buf *ret);

#endif
