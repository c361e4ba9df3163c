/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_HTTP_H
#define NET_HTTP_H
/*
 * http: requests to other servers over libcurl's multi interface: to the
 * other workers of the group (rest-api.md 2, 9), and for tokens. Connections
 * are kept and used again. Redirects are not followed; no proxy of the
 * environment is asked.
 *
 * Owner    its maker (peer, oauth)
 * Thread   one at a time: the maker's. Answers come inside http_step
 * Memory   what is under way; an answer's body is at most HTTP_ANSWER_LIMIT
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/buf.h"

enum { HTTP_ANSWER_LIMIT = 16 << 20 };

struct http;

struct http_options {
    /* PEM texts (borrowed during http_new). `ca` NULL: the system's roots. `cert`, `key` NULL: none of our own. */
    const char *ca, *cert, *key;
    bool any_host; /* https: the server's name is not compared (ssl.endpoint.identification.algorithm empty) */
    int32_t connect_timeout_ms;
    const char *user_agent; /* borrowed during http_new; NULL: none */
};

struct http_request { /* all borrowed during http_send */
    const char *method, *url;
    const char *const *headers; /* "Name: value", ended by NULL; NULL: none */
    struct kaftan_slice body;
    bool has_body;              /* false: no Content-Type of libcurl's, Content-Length 0 for POST and PUT */
    int32_t timeout_ms;         /* without a byte moving */
};

struct http_answer {
    struct kaftan_error *err; /* borrowed: nothing came, or not all of it; then status is 0 */
    bool unreached;           /* err: no connection was made, so the server was not asked anything */
    int status;
    struct kaftan_slice body; /* borrowed */
    const char *content_type; /* borrowed; NULL */
};

struct kaftan_error *http_new(const struct http_options *o, struct http **ret) KAFTAN_MUST_CHECK;
void http_free(struct http *h); /* ends what is under way: its done() is called with an error; NULL is fine */
/* done is called once, from http_step or http_free, or from here when the request cannot be made. */
void http_send(struct http *h, const struct http_request *r, void (*done)(void *self, const struct http_answer *a), void *self);
size_t http_count(const struct http *h); /* under way */
/* Moves what can be moved; waits until `fd` (-1: none) is readable, something happens or `wait_ms` (-1: no limit) is over. */
void http_step(struct http *h, int fd, int wait_ms);

#endif
