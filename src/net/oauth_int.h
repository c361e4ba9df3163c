/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_OAUTH_INT_H
#define NET_OAUTH_INT_H
/*
 * oauth_int: what a login is made from (oauth_config.c), and tokens as texts
 * (oauth_token.c), for oauth.c and its tests. Thread: any; pure functions.
 */
#include "base/buf.h"
#include "net/oauth.h"

enum oauth_kind { OAUTH_UNSECURED, OAUTH_FILE, OAUTH_ENDPOINT };

struct oauth_config { /* oauth_config_fini */
    enum oauth_kind kind;
    char *fingerprint;              /* equal texts: the same login */
    char *url;                      /* OAUTH_ENDPOINT; OAUTH_FILE: the path */
    char *client_id, *client_secret, *scope;
    char *subject_claim;            /* "sub" */
    char *ca, *cert, *key;          /* PEM, for the endpoint; ca NULL: the system's, the others NULL: none of our own */
    bool urlencode;                 /* id and secret, in the Authorization header */
    int32_t connect_ms, read_ms;    /* of a request to the endpoint */
    int64_t retry_ms, retry_max_ms;
    double window;                  /* part of a token's life after which it is renewed */
    int64_t least_ms, buffer_ms;    /* never sooner than after least; always buffer before its end */
    struct text_map *claims;        /* OAUTH_UNSECURED: name to JSON value */
    struct text_map *extensions;
    int64_t lifetime_ms;            /* OAUTH_UNSECURED */
};
struct kaftan_error *oauth_config_read(const struct text_map *props, const struct text_map *jaas, struct oauth_config *ret)
    KAFTAN_MUST_CHECK;
void oauth_config_fini(struct oauth_config *c);

/* RFC 7515 A.5: no signature. */
void oauth_put_unsecured(struct buf *b, const struct oauth_config *c, int64_t now_ms);
/* Subject and end of life from a JWT's claims; INVALID: it is none, or has no end (Java refuses such tokens, too). */
struct kaftan_error *oauth_read_jwt(const char *jwt, const char *subject_claim, struct oauth_token *ret) KAFTAN_MUST_CHECK;
/* The token endpoint's answer (RFC 6749 5.1). */
struct kaftan_error *oauth_read_answer(struct kaftan_slice body, const struct oauth_config *c, struct oauth_token *ret) KAFTAN_MUST_CHECK;
/* Body and Authorization value of a request for a token (RFC 6749 4.4, 2.3.1). */
void oauth_put_request(const struct oauth_config *c, struct buf *body, struct buf *authorization);
/* When (ms from now) a token is to be renewed. */
int64_t oauth_renew_in(const struct oauth_config *c, int64_t now_ms, int64_t expires_ms);

#endif
