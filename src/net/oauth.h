/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_OAUTH_H
#define NET_OAUTH_H
/*
 * oauth: the token of one login, fetched and kept fresh (KIP-255, KIP-768):
 * by client credentials from an https endpoint, from a file, or unsecured
 * (RFC 7515 appendix A.5, for tests). One login is shared by all that have the
 * same settings: the group client and librdkafka's.
 *
 * Owner    counted: who asks for it by its settings holds one
 * Thread   one of its own per login, `oauth`; oauth_token, oauth_wait: any
 * Lock     the current token, rank 55
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/error.h>

#include "base/map.h"

struct oauth;

struct oauth_token { /* the receiver's: oauth_token_fini */
    char *value, *principal;
    int64_t expires_ms; /* wall clock */
    struct text_map *extensions;
};
void oauth_token_fini(struct oauth_token *t);

/*
 * `props` are the client's (sasl.oauthbearer.*, sasl.login.*), `jaas` the
 * options of its sasl.jaas.config. INVALID names the key that is missing or
 * that asks for what only a JVM has (a login callback class of one's own).
 */
struct kaftan_error *oauth_open(const struct text_map *props, const struct text_map *jaas, struct oauth **ret) KAFTAN_MUST_CHECK;
uint64_t oauth_number(const struct oauth *o); /* its name in texts; never used again */
struct oauth *oauth_find(uint64_t number);    /* one more holder, who closes; NULL: it has ended. Any thread */
void oauth_close(struct oauth *o); /* the last one ends the thread; NULL is fine */
/* The present token, at once. RETRIABLE: none yet, and why. */
struct kaftan_error *oauth_token(struct oauth *o, struct oauth_token *ret) KAFTAN_MUST_CHECK;
/* The same, waiting at most timeout_ms for the first one. */
struct kaftan_error *oauth_wait(struct oauth *o, int timeout_ms, struct oauth_token *ret) KAFTAN_MUST_CHECK;

#endif
