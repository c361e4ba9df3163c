/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_NET_SERVER_H
#define TEST_NET_SERVER_H
/* server: a listener on loopback that serves one connection on a thread of its own. */
#include <stdbool.h>
#include <stdint.h>

struct server_options {
    bool ipv6;
    bool tls;
    const char *cert, *key; /* file names in tests/data/stores */
    bool want_client;       /* demands a certificate of the test authority */
    int max_version;        /* TLS1_2_VERSION ...; 0: any */
    bool cut;               /* closes without TLS goodbye once it has read something */
};

struct server;

struct server *server_start(const struct server_options *o); /* echoes until the other side ends */
uint16_t server_port(const struct server *s);
const char *server_version(const struct server *s); /* after server_stop: "TLSv1.3" */
const char *server_client(const struct server *s);  /* the client's common name, or "" */
const char *server_cipher(const struct server *s);
const char *server_alpn(const struct server *s);    /* chosen, or "" */
void server_stop(struct server *s);                 /* waits for the thread */
void server_free(struct server *s);
const char *store_file(const char *name);           /* path of a fixture; four at a time */

#endif
