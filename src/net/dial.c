/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/dial.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/resolve.h"

enum { ADDRESS_LIMIT = 16, PAUSE_US = 250 * 1000 };

struct attempt {
    int fd; /* owned; -1: over */
    const struct addrinfo *address; /* borrowed from the resolver */
};

struct dial {
    char *host; /* owned */
    uint16_t port;
    int32_t receive_buffer, send_buffer, user_timeout_ms;
    kaftan_deadline deadline;
    int poll;                /* owned; epoll over the resolver or all attempts */
    struct resolve *resolve; /* owned */
    bool resolved;
    const struct addrinfo *order[ADDRESS_LIMIT]; /* borrowed from the resolver */
    size_t count, begun, waiting;
    struct attempt attempts[ADDRESS_LIMIT];
    kaftan_deadline next; /* when to begin the next address */
    struct buf failures;  /* "address: why; ..." */
    int won;              /* owned; the connected socket, or -1 */
    struct kaftan_error *err; /* owned */
};

void dial_free(struct dial *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < d->begun; i++)
        if (d->attempts[i].fd >= 0)
            (void)close(d->attempts[i].fd);
    if (d->won >= 0)
        (void)close(d->won);
    if (d->poll >= 0)
        (void)close(d->poll);
    resolve_free(d->resolve);
    kaftan_error_free(d->err);
    buf_fini(&d->failures);
    mem_free(d->host);
    mem_free(d);
}

static bool watch(struct dial *d, int fd, uint32_t events)
{
    struct epoll_event e = { .events = events, .data.fd = fd };
    return epoll_ctl(d->poll, EPOLL_CTL_ADD, fd, &e) == 0;
}

struct kaftan_error *dial_new(const struct kaftan_stream_options *o, struct dial **ret)
{
    struct dial *d = mem_zalloc(1, sizeof *d);
    struct kaftan_error *err = NULL;
    d->won = -1;
    d->host = mem_strdup(o->host);
    d->port = o->port;
    d->receive_buffer = o->receive_buffer;
    d->send_buffer = o->send_buffer;
    d->user_timeout_ms = o->user_timeout_ms;
    d->deadline = o->deadline;
    d->poll = epoll_create1(EPOLL_CLOEXEC);
    if (d->poll < 0) {
        err = kaftan_error_new(KAFTAN_E_RETRIABLE, "cannot connect to %s: no descriptor: %s", o->host, strerror(errno));
        goto fail;
    }
    d->resolve = resolve_new(o->host, o->port);
    if (!resolve_done(d->resolve) && !watch(d, resolve_fd(d->resolve), EPOLLIN)) {
        err = kaftan_error_new(KAFTAN_E_RETRIABLE, "cannot connect to %s: %s", o->host, strerror(errno));
        goto fail;
    }
    *ret = d;
    return NULL;
fail:
    dial_free(d);
    return err;
}

/* Alternates between the families, beginning with the one the system prefers. */
static void put_in_order(struct dial *d, const struct addrinfo *list)
{
    const struct addrinfo *same = list, *other = list;
    int family = list->ai_family;
    for (bool first = true; d->count < ADDRESS_LIMIT; first = !first) {
        const struct addrinfo **at = first ? &same : &other;
        while (*at && ((*at)->ai_family == family) != first)
            *at = (*at)->ai_next;
        if (*at) {
            d->order[d->count++] = *at;
            *at = (*at)->ai_next;
        } else if (!same && !other) {
            return;
        }
    }
}

static void tune(const struct dial *d, int fd)
{
    const int one = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (d->receive_buffer >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &d->receive_buffer, sizeof d->receive_buffer);
    if (d->send_buffer >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &d->send_buffer, sizeof d->send_buffer);
    if (d->user_timeout_ms > 0) {
        unsigned ms = (unsigned)d->user_timeout_ms;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof ms);
    }
}

static void attempt_failed(struct dial *d, const struct addrinfo *a, int why)
{
    char text[ADDRESS_TEXT];
    address_text(a->ai_addr, text);
    buf_printf(&d->failures, "%s%s: %s", d->failures.len ? "; " : "", text, strerror(why));
    d->next = 0; /* no reason to wait for the next one */
}

static void attempt_begin(struct dial *d)
{
    struct attempt *a = &d->attempts[d->begun];
    a->address = d->order[d->begun++];
    a->fd = socket(a->address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (a->fd < 0) {
        attempt_failed(d, a->address, errno);
        return;
    }
    tune(d, a->fd);
    d->next = kaftan_now_us() + PAUSE_US;
    if (connect(a->fd, a->address->ai_addr, a->address->ai_addrlen) == 0) {
        d->won = a->fd;
        a->fd = -1;
        return;
    }
    if (errno == EINPROGRESS && watch(d, a->fd, EPOLLOUT)) {
        d->waiting++;
        return;
    }
    attempt_failed(d, a->address, errno);
    (void)close(a->fd);
    a->fd = -1;
}

/* What has become of one socket that connects. */
static void attempt_look(struct dial *d, struct attempt *a)
{
    int why = 0;
    socklen_t len = sizeof why;
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof peer;
    if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &why, &len) < 0)
        why = errno;
    if (why == 0 && getpeername(a->fd, (struct sockaddr *)&peer, &peer_len) < 0) {
        if (errno == ENOTCONN)
            return; /* not yet */
        why = errno;
    }
    d->waiting--;
    if (why == 0) {
        (void)epoll_ctl(d->poll, EPOLL_CTL_DEL, a->fd, NULL);
        d->won = a->fd;
    } else {
        attempt_failed(d, a->address, why);
        (void)close(a->fd);
    }
    a->fd = -1;
}

static enum kaftan_io fail(struct dial *d, enum kaftan_code code, const char *why)
{
    d->err = kaftan_error_new(code, "cannot connect to %s:%u: %s", d->host, (unsigned)d->port, why);
    return KAFTAN_IO_ERROR;
}

static enum kaftan_io step_resolve(struct dial *d)
{
    const struct addrinfo *found;
    if (!resolve_done(d->resolve)) {
        if (kaftan_now_us() < d->deadline)
            return KAFTAN_IO_AGAIN;
        return fail(d, KAFTAN_E_TIMEOUT, "the name server did not answer in time");
    }
    if (resolve_fd(d->resolve) >= 0)
        (void)epoll_ctl(d->poll, EPOLL_CTL_DEL, resolve_fd(d->resolve), NULL);
    d->err = resolve_get(d->resolve, &found);
    if (d->err)
        return KAFTAN_IO_ERROR;
    put_in_order(d, found);
    d->resolved = true;
    return KAFTAN_IO_OK;
}

static enum kaftan_io step_connect(struct dial *d)
{
    for (size_t i = 0; i < d->begun && d->won < 0; i++)
        if (d->attempts[i].fd >= 0)
            attempt_look(d, &d->attempts[i]);
    kaftan_deadline now = kaftan_now_us();
    if (d->won < 0 && now >= d->deadline) {
        buf_printf(&d->failures, "%sno answer in time", d->failures.len ? "; " : "");
        return fail(d, KAFTAN_E_TIMEOUT, buf_text(&d->failures));
    }
    while (d->won < 0 && d->begun < d->count && now >= d->next)
        attempt_begin(d);
    if (d->won >= 0)
        return KAFTAN_IO_OK;
    if (d->waiting > 0 || d->begun < d->count)
        return KAFTAN_IO_AGAIN;
    return fail(d, KAFTAN_E_RETRIABLE, buf_text(&d->failures));
}

enum kaftan_io dial_step(struct dial *d)
{
    if (d->err)
        return KAFTAN_IO_ERROR;
    if (!d->resolved) {
        enum kaftan_io io = step_resolve(d);
        if (io != KAFTAN_IO_OK)
            return io;
    }
    return step_connect(d);
}

int dial_fd(const struct dial *d)
{
    return d->poll;
}

kaftan_deadline dial_deadline(const struct dial *d)
{
    bool more = d->resolved && d->begun < d->count;
    return more && d->next < d->deadline ? d->next : d->deadline;
}

int dial_take(struct dial *d)
{
    int fd = d->won;
    d->won = -1;
    return fd;
}

struct kaftan_error *dial_error(struct dial *d)
{
    struct kaftan_error *err = d->err;
    d->err = NULL;
    return err;
}
