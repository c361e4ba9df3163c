/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_TLS_CTX_INT_H
#define NET_TLS_CTX_INT_H
/* tls_ctx_int: a client's TLS settings as OpenSSL has them; between tls.c and tls_session.c. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <openssl/ssl.h>

struct kaftan_tls {
    atomic_uint holders;
    SSL_CTX *ctx; /* owned */
    BIO_METHOD *socket_method; /* owned */
    bool verify_host;
};

BIO_METHOD *tls_socket_method(void);
int tls_on_verdict(int ok, X509_STORE_CTX *ctx); /* verify callback */
/* OpenSSL's newest reason in a few words; empties its queue. */
void tls_reason(char *ret, size_t size);

#endif
