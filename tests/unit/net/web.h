/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_WEB_H
#define TEST_NET_WEB_H
/* web: an HTTP server on loopback whose answers a test writes; a thread per connection, which is kept open. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct web_request {
    const char *line;    /* "GET /x HTTP/1.1" */
    const char *headers; /* "\r\nName: value\r\n...\r\n" */
    const char *body;
    size_t body_len;
    size_t number;       /* 1 is the first one of the connection */
};

enum web_then { WEB_GO_ON, WEB_CLOSE, WEB_HOLD }; /* HOLD: says nothing more until the client or web_free ends it */

struct web_options {
    bool tls, want_client;
    const char *cert, *key; /* paths of PEM files */
    const char *ca;
    /* Any of the server's threads; appends what is sent, status line and all. */
    enum web_then (*answer)(void *self, const struct web_request *r, struct buf *ret);
    void *self;
};

struct web;

struct web *web_new(const struct web_options *o);
uint16_t web_port(const struct web *w);
size_t web_connections(struct web *w); /* accepted so far */
/* Gone, as a server that was killed; nobody else gets its port until web_free. */
void web_end(struct web *w);
void web_free(struct web *w);
/* A port of loopback where nobody listens and nobody can, until the descriptor that is returned is closed. */
int web_nobody(uint16_t *ret_port);
/* "HTTP/1.1 <status>", Content-Length and the body. */
void web_say(struct buf *ret, const char *status, const char *type, const char *body);

#endif
