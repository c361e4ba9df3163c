/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "server.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "base/thread.h"

struct server {
    struct server_options o;
    int listener;
    uint16_t port;
    SSL_CTX *ctx;
    struct thread *thread;
    char version[32], client[128], cipher[64], alpn[64];
};

const char *store_file(const char *name)
{
    static char paths[4][512];
    static unsigned at;
    char *path = paths[at++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/stores/%s", TEST_DATA, name);
    return path;
}

static int pick_alpn(SSL *ssl, const unsigned char **out, unsigned char *len, const unsigned char *in, unsigned in_len,
                     void *self)
{
    struct server *s = self;
    (void)ssl;
    if (in_len < 1 || in[0] >= sizeof s->alpn)
        return SSL_TLSEXT_ERR_NOACK;
    *len = in[0];
    *out = in + 1;
    memcpy(s->alpn, in + 1, in[0]);
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *context(struct server *s)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    ASSERT(SSL_CTX_use_certificate_chain_file(ctx, store_file(s->o.cert)) == 1);
    ASSERT(SSL_CTX_use_PrivateKey_file(ctx, store_file(s->o.key), SSL_FILETYPE_PEM) == 1);
    if (s->o.max_version)
        (void)SSL_CTX_set_max_proto_version(ctx, s->o.max_version);
    if (s->o.want_client) {
        ASSERT(SSL_CTX_load_verify_file(ctx, store_file("ca.pem")) == 1);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    SSL_CTX_set_alpn_select_cb(ctx, pick_alpn, s);
    return ctx;
}

static void note(struct server *s, SSL *ssl)
{
    X509 *client = SSL_get0_peer_certificate(ssl);
    (void)snprintf(s->version, sizeof s->version, "%s", SSL_get_version(ssl));
    (void)snprintf(s->cipher, sizeof s->cipher, "%s", SSL_get_cipher_name(ssl));
    if (client)
        (void)X509_NAME_get_text_by_NID(X509_get_subject_name(client), NID_commonName, s->client, sizeof s->client);
}

static void serve_tls(struct server *s, int fd)
{
    static const int chunk = 65536;
    char *buf = mem_alloc((size_t)chunk);
    SSL *ssl = SSL_new(s->ctx);
    (void)SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1) {
        note(s, ssl);
        for (int n; (n = SSL_read(ssl, buf, chunk)) > 0 && !s->o.cut;)
            if (SSL_write(ssl, buf, n) != n)
                break;
        if (!s->o.cut)
            (void)SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    mem_free(buf);
}

static void serve_plain(struct server *s, int fd)
{
    char buf[65536];
    for (ssize_t n; (n = read(fd, buf, sizeof buf)) > 0 && !s->o.cut;)
        for (ssize_t at = 0, m; at < n; at += m)
            if ((m = send(fd, buf + at, (size_t)(n - at), MSG_NOSIGNAL)) <= 0)
                return;
}

static void run(void *arg)
{
    struct server *s = arg;
    int fd = accept(s->listener, NULL, NULL);
    if (fd < 0)
        return;
    if (s->ctx)
        serve_tls(s, fd);
    else
        serve_plain(s, fd);
    (void)close(fd);
}

static void listen_on_loopback(struct server *s)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    struct sockaddr *a = s->o.ipv6 ? (struct sockaddr *)&v6 : (struct sockaddr *)&v4;
    socklen_t len = s->o.ipv6 ? sizeof v6 : sizeof v4;
    s->listener = socket(a->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(bind(s->listener, a, len) == 0 && listen(s->listener, 1) == 0);
    ASSERT(getsockname(s->listener, a, &len) == 0);
    s->port = ntohs(s->o.ipv6 ? v6.sin6_port : v4.sin_port);
}

struct server *server_start(const struct server_options *o)
{
    struct server *s = mem_zalloc(1, sizeof *s);
    s->o = *o;
    listen_on_loopback(s);
    if (o->tls)
        s->ctx = context(s);
    s->thread = thread_start(THREAD_ANY, "server", run, s);
    return s;
}

uint16_t server_port(const struct server *s) { return s->port; }
const char *server_version(const struct server *s) { return s->version; }
const char *server_client(const struct server *s) { return s->client; }
const char *server_cipher(const struct server *s) { return s->cipher; }
const char *server_alpn(const struct server *s) { return s->alpn; }

void server_stop(struct server *s)
{
    (void)shutdown(s->listener, SHUT_RDWR);
    thread_join(s->thread);
    s->thread = NULL;
}

void server_free(struct server *s)
{
    if (s->thread)
        server_stop(s);
    (void)close(s->listener);
    SSL_CTX_free(s->ctx);
    mem_free(s);
}
