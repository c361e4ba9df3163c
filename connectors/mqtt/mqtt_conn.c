/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_conn.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <kaftan/task.h>

enum { READ_SIZE = 256 * 1024, WRITE_SIZE = 4096, KEEP_WRITE = 64 * 1024 };

struct mqtt_conn {
    struct kaftan_stream *stream; /* owned; NULL: closed */
    int epoll;                    /* borrowed */
    uint32_t tag;
    int watched_fd;     /* -1: not in the set */
    uint32_t watched;   /* events it is there with */
    bool opening;
    uint8_t *in; /* owned; in[start..end) is unread */
    size_t in_cap, in_start, in_end;
    size_t skip; /* bytes still to come that nobody wants */
    uint8_t *out; /* owned; out[start..end) is unsent */
    size_t out_cap, out_start, out_end;
    uint64_t received;
};

struct mqtt_conn *mqtt_conn_new(int epoll, uint32_t tag)
{
    struct mqtt_conn *c = kaftan_alloc(1, sizeof *c);
    c->epoll = epoll;
    c->tag = tag;
    c->watched_fd = -1;
    return c;
}

void mqtt_conn_free(struct mqtt_conn *c)
{
    if (!c)
        return;
    mqtt_conn_close(c);
    kaftan_free(c->in);
    kaftan_free(c->out);
    kaftan_free(c);
}

struct kaftan_error *mqtt_conn_open(struct mqtt_conn *c, const struct kaftan_stream_options *o)
{
    mqtt_conn_close(c);
    c->received = 0;
    c->opening = true;
    return kaftan_stream_open(o, &c->stream);
}

enum kaftan_io mqtt_conn_opened(struct mqtt_conn *c)
{
    enum kaftan_io io = kaftan_stream_opened(c->stream);
    c->opening = io == KAFTAN_IO_AGAIN;
    return io;
}

bool mqtt_conn_is_open(const struct mqtt_conn *c)
{
    return c->stream != NULL;
}

kaftan_deadline mqtt_conn_deadline(const struct mqtt_conn *c)
{
    return kaftan_stream_deadline(c->stream);
}

void mqtt_conn_shutdown(struct mqtt_conn *c)
{
    c->out_start = c->out_end = 0;
    kaftan_stream_shutdown(c->stream);
}

void mqtt_conn_close(struct mqtt_conn *c)
{
    if (c->stream) {
        /* The set forgets a descriptor only when its last copy is closed, so it is taken out by name. */
        int fd = kaftan_stream_fd(c->stream);
        if (fd >= 0 && c->watched_fd == fd)
            (void)epoll_ctl(c->epoll, EPOLL_CTL_DEL, fd, NULL);
        kaftan_stream_close(c->stream);
    }
    c->stream = NULL;
    c->watched_fd = -1;
    c->watched = 0;
    c->in_start = c->in_end = c->skip = 0;
    c->out_start = c->out_end = 0;
    if (c->in_cap > READ_SIZE) {
        kaftan_free(c->in);
        c->in = NULL;
        c->in_cap = 0;
    }
}

struct kaftan_error *mqtt_conn_error(struct mqtt_conn *c)
{
    return kaftan_stream_error(c->stream);
}

const char *mqtt_conn_peer(const struct mqtt_conn *c)
{
    return kaftan_stream_peer(c->stream);
}

/* ---- reading */

static void in_resize(struct mqtt_conn *c, size_t cap)
{
    uint8_t *in = kaftan_alloc(cap, 1);
    size_t len = c->in_end - c->in_start;
    if (len > 0)
        memcpy(in, c->in + c->in_start, len);
    kaftan_free(c->in);
    c->in = in;
    c->in_cap = cap;
    c->in_start = 0;
    c->in_end = len;
}

/* What is left of the last packet goes to the front, unless there is room enough behind it. */
static void in_compact(struct mqtt_conn *c)
{
    size_t len = c->in_end - c->in_start;
    if (len == 0 && c->in_cap != READ_SIZE) {
        in_resize(c, READ_SIZE);
    } else if (len == 0) {
        c->in_start = c->in_end = 0;
    } else if (c->in_start > 0 && c->in_cap - c->in_end < c->in_cap / 2) {
        memmove(c->in, c->in + c->in_start, len);
        c->in_start = 0;
        c->in_end = len;
    }
}

enum kaftan_io mqtt_conn_read(struct mqtt_conn *c, bool *ret_more)
{
    size_t n = 0;
    in_compact(c);
    size_t room = c->in_cap - c->in_end;
    *ret_more = false;
    if (room == 0)
        return KAFTAN_IO_AGAIN;
    enum kaftan_io io = kaftan_stream_read(c->stream, c->in + c->in_end, room, &n);
    if (io != KAFTAN_IO_OK)
        return io;
    c->received += n;
    size_t unwanted = n < c->skip ? n : c->skip;
    c->skip -= unwanted;
    if (unwanted > 0 && n > unwanted)
        memmove(c->in + c->in_end, c->in + c->in_end + unwanted, n - unwanted);
    c->in_end += n - unwanted;
    *ret_more = n == room || unwanted > 0 || kaftan_stream_pending(c->stream);
    return KAFTAN_IO_OK;
}

bool mqtt_conn_full(const struct mqtt_conn *c)
{
    return c->in_cap > 0 && c->in_end - c->in_start == c->in_cap;
}

const uint8_t *mqtt_conn_in(const struct mqtt_conn *c, size_t *ret_len)
{
    *ret_len = c->in_end - c->in_start;
    return c->in + c->in_start;
}

void mqtt_conn_consume(struct mqtt_conn *c, size_t n)
{
    c->in_start += n;
}

void mqtt_conn_skip(struct mqtt_conn *c, size_t n)
{
    size_t here = c->in_end - c->in_start;
    if (here > n)
        here = n;
    c->in_start += here;
    c->skip = n - here;
}

void mqtt_conn_need(struct mqtt_conn *c, size_t size)
{
    if (size > c->in_cap)
        in_resize(c, size);
    else if (c->in_start + size > c->in_cap)
        in_resize(c, c->in_cap);
}

/* ---- writing */

uint8_t *mqtt_conn_out(struct mqtt_conn *c, size_t size)
{
    if (c->out_start == c->out_end)
        c->out_start = c->out_end = 0;
    if (c->out_cap - c->out_end < size) {
        size_t len = c->out_end - c->out_start;
        if (c->out_start > 0 && len > 0)
            memmove(c->out, c->out + c->out_start, len);
        c->out_start = 0;
        c->out_end = len;
        size_t cap = c->out_cap ? c->out_cap : WRITE_SIZE;
        while (cap - len < size)
            cap *= 2;
        if (cap != c->out_cap)
            c->out = kaftan_realloc(c->out, cap, 1);
        c->out_cap = cap;
    }
    return c->out + c->out_end;
}

void mqtt_conn_out_add(struct mqtt_conn *c, size_t size)
{
    c->out_end += size;
}

size_t mqtt_conn_unsent(const struct mqtt_conn *c)
{
    return c->out_end - c->out_start;
}

enum kaftan_io mqtt_conn_flush(struct mqtt_conn *c)
{
    while (c->out_start < c->out_end) {
        size_t n = 0;
        enum kaftan_io io = kaftan_stream_write(c->stream, c->out + c->out_start, c->out_end - c->out_start, &n);
        if (io != KAFTAN_IO_OK)
            return io;
        c->out_start += n;
    }
    c->out_start = c->out_end = 0;
    if (c->out_cap > KEEP_WRITE) {
        kaftan_free(c->out);
        c->out = NULL;
        c->out_cap = 0;
    }
    return KAFTAN_IO_OK;
}

/* ---- waiting */

void mqtt_conn_watch(struct mqtt_conn *c, bool reading)
{
    int fd = c->stream ? kaftan_stream_fd(c->stream) : -1;
    if (fd < 0)
        return;
    int wanted = (reading ? KAFTAN_WANT_READ : 0) | (mqtt_conn_unsent(c) > 0 ? KAFTAN_WANT_WRITE : 0);
    int events = kaftan_stream_events(c->stream, wanted);
    struct epoll_event ev = { .data = { .u32 = c->tag } };
    ev.events = (events & KAFTAN_WANT_READ ? (uint32_t)EPOLLIN : 0) |
                (events & KAFTAN_WANT_WRITE ? (uint32_t)EPOLLOUT : 0);
    /* While a stream is opening, a descriptor's number may stand for another one than before. */
    if (!c->opening && fd == c->watched_fd && ev.events == c->watched)
        return;
    if (ev.events == 0) /* else a hang-up would be told again and again while nobody reads */
        (void)epoll_ctl(c->epoll, EPOLL_CTL_DEL, fd, NULL);
    else if (epoll_ctl(c->epoll, EPOLL_CTL_MOD, fd, &ev) != 0 && errno == ENOENT)
        (void)epoll_ctl(c->epoll, EPOLL_CTL_ADD, fd, &ev);
    c->watched_fd = fd;
    c->watched = ev.events;
}

uint64_t mqtt_conn_received(const struct mqtt_conn *c)
{
    return c->received;
}
