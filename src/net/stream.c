/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <kaftan/stream.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/dial.h"
#include "net/tls_int.h"

enum state { DIALING, HANDSHAKE, OPEN, FAILED };

struct kaftan_stream {
    enum state state;
    char *host; /* owned */
    uint16_t port;
    kaftan_deadline deadline;
    struct kaftan_tls *tls;      /* shared; NULL: plain TCP */
    struct dial *dial;           /* owned; while DIALING */
    int fd;                      /* owned; -1 while DIALING */
    struct tls_session *session; /* owned; NULL: plain TCP */
    char *peer;                  /* owned; `host:port`, later with the address */
    bool more;                   /* the last read filled the caller's buffer */
    bool shut;
    struct kaftan_error *err; /* owned; once FAILED */
};

static enum kaftan_io stream_fail(struct kaftan_stream *s, struct kaftan_error *err)
{
    kaftan_error_free(s->err);
    s->err = err;
    s->state = FAILED;
    return KAFTAN_IO_ERROR;
}

static enum kaftan_io stream_fail_errno(struct kaftan_stream *s, const char *what)
{
    return stream_fail(s, kaftan_error_new(KAFTAN_E_RETRIABLE, "%s: %s: %s", s->peer, what, strerror(errno)));
}

/* `[::1]:1883` needs its brackets to be read. */
static char *peer_name(const char *host, uint16_t port)
{
    return strchr(host, ':') ? mem_printf("[%s]:%u", host, (unsigned)port) : mem_printf("%s:%u", host, (unsigned)port);
}

struct kaftan_error *kaftan_stream_open(const struct kaftan_stream_options *o, struct kaftan_stream **ret)
{
    ASSERT(o->size >= sizeof *o);
    if (!o->host || !*o->host || strlen(o->host) > 255)
        return kaftan_error_new(KAFTAN_E_INVALID, "no host to connect to, or one of more than 255 characters");
    if (o->port == 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "no port to connect to on host \"%s\"", o->host);
    struct kaftan_stream *s = mem_zalloc(1, sizeof *s);
    s->fd = -1;
    s->host = mem_strdup(o->host);
    s->port = o->port;
    s->deadline = o->deadline;
    s->peer = peer_name(o->host, o->port);
    s->tls = o->tls ? tls_ref(o->tls) : NULL;
    struct kaftan_error *err = dial_new(o, &s->dial);
    if (err) {
        kaftan_stream_close(s);
        return err;
    }
    *ret = s;
    return NULL;
}

void kaftan_stream_close(struct kaftan_stream *s)
{
    if (!s)
        return;
    tls_session_free(s->session);
    dial_free(s->dial);
    if (s->fd >= 0)
        (void)close(s->fd);
    kaftan_tls_unref(s->tls);
    kaftan_error_free(s->err);
    mem_free(s->peer);
    mem_free(s->host);
    mem_free(s);
}

static void connected(struct kaftan_stream *s)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    char text[ADDRESS_TEXT] = "?";
    s->fd = dial_take(s->dial);
    dial_free(s->dial);
    s->dial = NULL;
    if (getpeername(s->fd, (struct sockaddr *)&address, &len) == 0)
        address_text((struct sockaddr *)&address, text);
    char *name = mem_printf("%s (%s)", s->peer, text);
    mem_free(s->peer);
    s->peer = name;
}

static enum kaftan_io step_dial(struct kaftan_stream *s)
{
    enum kaftan_io io = dial_step(s->dial);
    if (io == KAFTAN_IO_ERROR)
        return stream_fail(s, dial_error(s->dial));
    if (io != KAFTAN_IO_OK)
        return io;
    connected(s);
    if (!s->tls) {
        s->state = OPEN;
        return KAFTAN_IO_OK;
    }
    struct kaftan_error *err = tls_session_new(s->tls, s->fd, s->host, s->peer, &s->session);
    if (err)
        return stream_fail(s, err);
    s->state = HANDSHAKE;
    return KAFTAN_IO_OK;
}

static enum kaftan_io step_handshake(struct kaftan_stream *s)
{
    struct kaftan_error *err = NULL;
    enum kaftan_io io = tls_session_handshake(s->session, &err);
    if (io == KAFTAN_IO_ERROR)
        return stream_fail(s, err);
    if (io == KAFTAN_IO_AGAIN && kaftan_now_us() >= s->deadline)
        return stream_fail(s, kaftan_error_new(KAFTAN_E_TIMEOUT, "%s: the TLS handshake took too long", s->peer));
    if (io == KAFTAN_IO_OK)
        s->state = OPEN;
    return io;
}

enum kaftan_io kaftan_stream_opened(struct kaftan_stream *s)
{
    if (s->state == DIALING) {
        enum kaftan_io io = step_dial(s);
        if (io != KAFTAN_IO_OK)
            return io;
    }
    if (s->state == HANDSHAKE)
        return step_handshake(s);
    return s->state == OPEN ? KAFTAN_IO_OK : KAFTAN_IO_ERROR;
}

static enum kaftan_io read_plain(struct kaftan_stream *s, void *buf, size_t size, size_t *ret)
{
    for (;;) {
        ssize_t n = recv(s->fd, buf, size, 0);
        if (n > 0) {
            *ret = (size_t)n;
            return KAFTAN_IO_OK;
        }
        if (n == 0)
            return KAFTAN_IO_END;
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return KAFTAN_IO_AGAIN;
        if (errno != EINTR)
            return stream_fail_errno(s, "reading");
    }
}

enum kaftan_io kaftan_stream_read(struct kaftan_stream *s, void *buf, size_t size, size_t *ret)
{
    struct kaftan_error *err = NULL;
    if (s->state != OPEN) {
        enum kaftan_io io = kaftan_stream_opened(s);
        if (io != KAFTAN_IO_OK)
            return io;
    }
    ASSERT(size > 0);
    if (!s->session)
        return read_plain(s, buf, size, ret);
    enum kaftan_io io = tls_session_read(s->session, buf, size, ret, &err);
    s->more = io == KAFTAN_IO_OK && *ret == size;
    return io == KAFTAN_IO_ERROR ? stream_fail(s, err) : io;
}

static enum kaftan_io write_plain(struct kaftan_stream *s, const void *buf, size_t size, size_t *ret)
{
    for (;;) {
        ssize_t n = send(s->fd, buf, size, MSG_NOSIGNAL);
        if (n >= 0) {
            *ret = (size_t)n;
            return KAFTAN_IO_OK;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK)
            return KAFTAN_IO_AGAIN;
        if (errno != EINTR)
            return stream_fail_errno(s, "writing");
    }
}

enum kaftan_io kaftan_stream_write(struct kaftan_stream *s, const void *buf, size_t size, size_t *ret)
{
    struct kaftan_error *err = NULL;
    if (s->state != OPEN) {
        enum kaftan_io io = kaftan_stream_opened(s);
        if (io != KAFTAN_IO_OK)
            return io;
    }
    ASSERT(size > 0);
    if (!s->session)
        return write_plain(s, buf, size, ret);
    enum kaftan_io io = tls_session_write(s->session, buf, size, ret, &err);
    return io == KAFTAN_IO_ERROR ? stream_fail(s, err) : io;
}

int kaftan_stream_fd(const struct kaftan_stream *s)
{
    return s->dial ? dial_fd(s->dial) : s->fd;
}

int kaftan_stream_events(const struct kaftan_stream *s, int wanted)
{
    switch (s->state) {
    case DIALING:
        return KAFTAN_WANT_READ; /* an epoll descriptor over all that goes on */
    case HANDSHAKE:
        return tls_session_events(s->session, 0);
    default:
        return s->session ? tls_session_events(s->session, wanted) : wanted;
    }
}

bool kaftan_stream_pending(const struct kaftan_stream *s)
{
    return s->session && s->more && tls_session_pending(s->session);
}

kaftan_deadline kaftan_stream_deadline(const struct kaftan_stream *s)
{
    return s->dial ? dial_deadline(s->dial) : s->deadline;
}

struct kaftan_error *kaftan_stream_error(struct kaftan_stream *s)
{
    if (!s->err)
        return kaftan_error_new(KAFTAN_E_INTERNAL, "%s: no error", s->peer);
    return error_copy(s->err);
}

const char *kaftan_stream_peer(const struct kaftan_stream *s)
{
    return s->peer;
}

void kaftan_stream_shutdown(struct kaftan_stream *s)
{
    if (s->state != OPEN || s->shut)
        return;
    s->shut = true;
    if (s->session)
        tls_session_shutdown(s->session);
    (void)shutdown(s->fd, SHUT_WR);
}
