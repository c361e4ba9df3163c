/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "web.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "base/thread.h"

enum { CLIENTS = 256 };

struct client {
    struct web *web;
    int fd;
    SSL *ssl;
    struct thread *thread;
};

struct web {
    struct web_options o;
    int listener, keeper; /* keeper: of the port, once the listener is gone */
    uint16_t port;
    SSL_CTX *ctx;
    struct thread *thread;
    struct lock lock; /* count, the clients' descriptors */
    struct client clients[CLIENTS];
    size_t count;
};

static ssize_t take(struct client *c, char *to, size_t size)
{
    return c->ssl ? SSL_read(c->ssl, to, (int)size) : read(c->fd, to, size);
}

static bool give(struct client *c, const char *p, size_t len)
{
    for (ssize_t n; len > 0; p += n, len -= (size_t)n) {
        n = c->ssl ? SSL_write(c->ssl, p, (int)len) : send(c->fd, p, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
    }
    return true;
}

static bool more(struct client *c, struct buf *in)
{
    char chunk[16384];
    ssize_t n = take(c, chunk, sizeof chunk);
    if (n > 0)
        buf_put(in, chunk, (size_t)n);
    return n > 0;
}

/* One request off `in`; false: the client has ended. */
static bool one(struct client *c, struct buf *in, size_t number, enum web_then *ret)
{
    const char *end;
    while (!(end = in->len ? strstr(buf_text(in), "\r\n\r\n") : NULL))
        if (!more(c, in))
            return false;
    size_t head = (size_t)(end - in->data) + 4;
    const char *length = strcasestr(in->data, "\r\nContent-Length:");
    size_t body = length && length < end ? (size_t)strtoul(length + 17, NULL, 10) : 0;
    while (in->len < head + body)
        if (!more(c, in))
            return false;
    char *text = mem_strndup(in->data, head - 2);
    char *headers = mem_strdup(strstr(text, "\r\n"));
    char *payload = mem_strndup(in->data + head, body);
    *strstr(text, "\r\n") = '\0';
    struct web_request r = { text, headers, payload, body, number };
    struct buf out = BUF_INIT;
    *ret = c->web->o.answer(c->web->o.self, &r, &out);
    bool ok = give(c, out.data ? out.data : "", out.len);
    buf_fini(&out);
    mem_free(text);
    mem_free(headers);
    mem_free(payload);
    memmove(in->data, in->data + head + body, in->len - head - body);
    in->len -= head + body;
    return ok;
}

static void serve(void *arg)
{
    struct client *c = arg;
    struct buf in = BUF_INIT;
    enum web_then then = WEB_GO_ON;
    if (c->web->ctx) {
        c->ssl = SSL_new(c->web->ctx);
        (void)SSL_set_fd(c->ssl, c->fd);
        if (SSL_accept(c->ssl) != 1)
            then = WEB_CLOSE;
    }
    for (size_t n = 1; then == WEB_GO_ON && one(c, &in, n, &then); n++)
        continue;
    while (then == WEB_HOLD && more(c, &in))
        buf_clear(&in);
    buf_fini(&in);
    if (c->ssl)
        (void)SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    (void)shutdown(c->fd, SHUT_RDWR);
}

static void run(void *arg)
{
    struct web *w = arg;
    for (int fd; (fd = accept(w->listener, NULL, NULL)) >= 0;) {
        lock_take(&w->lock);
        ASSERT(w->count < CLIENTS);
        struct client *c = &w->clients[w->count++];
        c->web = w;
        c->fd = fd;
        c->thread = thread_start(THREAD_ANY, "web", serve, c);
        lock_release(&w->lock);
    }
}

static SSL_CTX *context(const struct web_options *o)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    ASSERT(SSL_CTX_use_certificate_chain_file(ctx, o->cert) == 1);
    ASSERT(SSL_CTX_use_PrivateKey_file(ctx, o->key, SSL_FILETYPE_PEM) == 1);
    if (o->want_client) {
        ASSERT(SSL_CTX_load_verify_file(ctx, o->ca) == 1);
        SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    }
    return ctx;
}

/* Several sockets may have the port, all ours: the kernel gives it to nobody who asks for any. */
static int bound(uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
    ASSERT(bind(fd, (struct sockaddr *)&a, sizeof a) == 0);
    return fd;
}

int web_nobody(uint16_t *ret_port)
{
    struct sockaddr_in a;
    socklen_t len = sizeof a;
    int fd = bound(0);
    ASSERT(getsockname(fd, (struct sockaddr *)&a, &len) == 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

struct web *web_new(const struct web_options *o)
{
    struct web *w = mem_zalloc(1, sizeof *w);
    w->o = *o;
    lock_init(&w->lock);
    w->keeper = web_nobody(&w->port);
    w->listener = bound(w->port);
    ASSERT(listen(w->listener, 64) == 0);
    if (o->tls)
        w->ctx = context(o);
    w->thread = thread_start(THREAD_ANY, "web-accept", run, w);
    return w;
}

uint16_t web_port(const struct web *w)
{
    return w->port;
}

size_t web_connections(struct web *w)
{
    lock_take(&w->lock);
    size_t n = w->count;
    lock_release(&w->lock);
    return n;
}

void web_end(struct web *w)
{
    if (!w->thread)
        return;
    (void)shutdown(w->listener, SHUT_RDWR);
    thread_join(w->thread);
    (void)close(w->listener);
    for (size_t i = 0; i < w->count; i++)
        (void)shutdown(w->clients[i].fd, SHUT_RDWR);
    for (size_t i = 0; i < w->count; i++) {
        thread_join(w->clients[i].thread);
        (void)close(w->clients[i].fd);
    }
    w->thread = NULL;
}

void web_free(struct web *w)
{
    if (!w)
        return;
    web_end(w);
    (void)close(w->keeper);
    SSL_CTX_free(w->ctx);
    lock_fini(&w->lock);
    mem_free(w);
}

void web_say(struct buf *ret, const char *status, const char *type, const char *body)
{
    buf_printf(ret, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n", status, strlen(body));
    if (type)
        buf_printf(ret, "Content-Type: %s\r\n", type);
    buf_printf(ret, "\r\n%s", body);
}
