/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_STORE_INT_H
#define NET_STORE_INT_H
/*
 * store_int: what a store is made of, and its three readers.
 *
 * A reader collects entries and certificates; keys stay sealed until store.c
 * has chosen the one that is wanted, because each may have a password of its
 * own.
 */
#include <stdatomic.h>
#include <kaftan/stream.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/buf.h"

struct kaftan_store {
    atomic_uint holders;
    EVP_PKEY *key;           /* owned; NULL: none */
    X509 *cert;              /* owned; the key's; NULL: none */
    STACK_OF(X509) *chain;   /* owned; what follows `cert` towards the root */
    STACK_OF(X509) *trusted; /* owned; what a trust store vouches for */
};

enum sealing { SEALED_JKS, SEALED_PKCS8, OPEN_PKCS8, SEALED_PEM };

struct store_entry { /* a private key with its certificates */
    char *alias;             /* owned; "" when it has none */
    enum sealing sealing;
    struct buf sealed;       /* owned */
    X509 *cert;              /* owned; NULL: none found */
    STACK_OF(X509) *chain;   /* owned */
};

struct store_parts {
    const char *where;       /* for messages, borrowed */
    const char *password;    /* "" none */
    struct store_entry *entries; /* owned */
    size_t count;
    STACK_OF(X509) *loose;   /* owned; certificates that belong to no key */
};

struct store_entry *store_parts_add(struct store_parts *p, const char *alias, size_t alias_len);
/* Texts are what follows `Invalid value <path> for configuration <key>: `. */
struct kaftan_error *store_read_jks(struct store_parts *p, struct kaftan_slice bytes) KAFTAN_MUST_CHECK;
struct kaftan_error *store_read_pkcs12(struct store_parts *p, struct kaftan_slice bytes) KAFTAN_MUST_CHECK;
struct kaftan_error *store_read_pem(struct store_parts *p, struct kaftan_slice bytes) KAFTAN_MUST_CHECK;
/* Opens an entry's key; NULL: wrong password or damaged. */
EVP_PKEY *store_unseal(const struct store_entry *e, const char *password);
struct kaftan_error *store_wrong_password(void) KAFTAN_MUST_CHECK;

#endif
