/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_SASL_H
#define NET_SASL_H
/*
 * sasl: the client's side of one authentication, tokens in and tokens out
 * (group-protocol.md 4).
 *
 * Owner    conn
 * Thread   one at a time; no I/O
 * Memory   two tokens; passwords are cleared when freed
 * Standard RFC 4616 (PLAIN), RFC 5802 without channel binding and SASLprep as
 *          Java has it (SCRAM, KIP-84, KIP-48), RFC 7628 (OAUTHBEARER, KIP-255)
 */
#include <stdbool.h>
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/buf.h"
#include "base/map.h"

struct sasl;

struct sasl_login { /* borrowed during sasl_new */
    const char *mechanism;             /* PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER */
    const char *user, *password;       /* PLAIN, SCRAM */
    bool delegation;                   /* SCRAM: user and password are a delegation token's */
    const char *token;                 /* OAUTHBEARER */
    const struct text_map *extensions; /* OAUTHBEARER; NULL: none */
    const char *nonce;                 /* tests; NULL: random */
};

const char *sasl_mechanism(const struct sasl *s);
bool sasl_known(const char *mechanism);
/* INVALID: unknown mechanism, or something it needs is missing; never quotes a secret. */
struct kaftan_error *sasl_new(const struct sasl_login *l, struct sasl **ret) KAFTAN_MUST_CHECK;
void sasl_free(struct sasl *s); /* NULL is fine */
/*
 * `server` is what the server has said (empty at first); appends what is to
 * be said now. *ret_done: it is authenticated and nothing more is to be sent.
 * FORBIDDEN: the server is not what it should be, or refuses us.
 */
struct kaftan_error *sasl_step(struct sasl *s, struct kaftan_slice server, struct buf *ret, bool *ret_done) KAFTAN_MUST_CHECK;

#endif
