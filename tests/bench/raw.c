/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "raw.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { IN_BYTES = 1 << 18 };

void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

int64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

const char *option_text(int argc, char **argv, const char *name,
                        const char *def)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return def;
}

long option(int argc, char **argv, const char *name, long def)
{
    const char *text = option_text(argc, argv, name, NULL);
    return text ? strtol(text, NULL, 10) : def;
}

void raw_write(struct raw *r, const void *data, size_t len)
{
    for (const char *p = data; len > 0;) {
        ssize_t n = write(r->fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            die("write");
        p += n;
        len -= (size_t)n;
    }
}

static size_t put_length(uint8_t *to, size_t n)
{
    size_t at = 0;
    do {
        to[at] = (uint8_t)(n & 127);
        n >>= 7;
        if (n)
            to[at] |= 128;
        at++;
    } while (n);
    return at;
}

static size_t put_text(uint8_t *to, const char *s)
{
    size_t n = strlen(s);
    to[0] = (uint8_t)(n >> 8);
    to[1] = (uint8_t)n;
    memcpy(to + 2, s, n);
    return n + 2;
}

void raw_connect(struct raw *r, int port, const char *client_id,
                 uint16_t receive_maximum, int keep_session)
{
    struct sockaddr_in a = { .sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int on = 1;
    uint8_t body[256], packet[300];
    size_t n = 0, p = 0;
    struct raw_publish none;
    memset(r, 0, sizeof *r);
    r->fd = socket(AF_INET, SOCK_STREAM, 0);
    r->in_cap = IN_BYTES;
    r->in = malloc(r->in_cap);
    if (!r->in || r->fd < 0 ||
        connect(r->fd, (struct sockaddr *)&a, sizeof a) != 0)
        die("connect");
    (void)setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    n += put_text(body, "MQTT");
    body[n++] = 5;
    body[n++] = keep_session ? 0 : 2;
    body[n++] = 0;
    body[n++] = 0; /* no keep alive */
    size_t props = n++;
    if (keep_session) {
        static const uint8_t expiry[] = { 0x11, 0, 0, 0x0e, 0x10 };
        memcpy(body + n, expiry, sizeof expiry);
        n += sizeof expiry;
    }
    if (receive_maximum) {
        body[n++] = 0x21;
        body[n++] = (uint8_t)(receive_maximum >> 8);
        body[n++] = (uint8_t)receive_maximum;
    }
    body[props] = (uint8_t)(n - props - 1);
    n += put_text(body + n, client_id);
    packet[p++] = 0x10;
    p += put_length(packet + p, n);
    memcpy(packet + p, body, n);
    raw_write(r, packet, p + n);
    int type;
    while ((type = raw_next(r, &none)) == 0)
        if (!raw_read(r))
            die("connack");
    if (type != 2)
        die("no CONNACK");
}

void raw_subscribe(struct raw *r, const char *filter, int qos)
{
    uint8_t packet[300] = { 0x82, 0, 0, 1, 0 };
    size_t n = 5;
    n += put_text(packet + n, filter);
    packet[n++] = (uint8_t)qos;
    packet[1] = (uint8_t)(n - 2);
    raw_write(r, packet, n);
}

int raw_read(struct raw *r)
{
    if (r->in_pos > 0) {
        memmove(r->in, r->in + r->in_pos, r->in_len - r->in_pos);
        r->in_len -= r->in_pos;
        r->in_pos = 0;
    }
    if (r->in_len == r->in_cap) {
        r->in_cap *= 2;
        r->in = realloc(r->in, r->in_cap);
        if (!r->in)
            die("memory");
    }
    for (;;) {
        ssize_t n = read(r->fd, r->in + r->in_len, r->in_cap - r->in_len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return 0;
        r->in_len += (size_t)n;
        return 1;
    }
}

static void parse_publish(uint8_t first, const uint8_t *p, size_t n,
                          struct raw_publish *ret)
{
    const uint8_t *end = p + n;
    ret->topic_len = (size_t)p[0] << 8 | p[1];
    ret->topic = p + 2;
    p += 2 + ret->topic_len;
    ret->id = 0;
    if (first & 6) {
        ret->id = (uint16_t)(p[0] << 8 | p[1]);
        p += 2;
    }
    size_t props = 0, shift = 0;
    do
        props |= (size_t)(*p & 127) << shift;
    while (shift += 7, *p++ & 128);
    p += props;
    ret->payload = p;
    ret->payload_len = (size_t)(end - p);
}

int raw_next(struct raw *r, struct raw_publish *ret)
{
    const uint8_t *p = r->in + r->in_pos;
    size_t have = r->in_len - r->in_pos, n = 0, at = 1, shift = 0;
    do {
        if (at >= have)
            return 0;
        n |= (size_t)(p[at] & 127) << shift;
        shift += 7;
    } while (p[at++] & 128);
    if (at + n > have)
        return 0;
    r->in_pos += at + n;
    if (p[0] >> 4 == 3)
        parse_publish(p[0], p + at, n, ret);
    else if (p[0] >> 4 == 4)
        ret->id = (uint16_t)(p[at] << 8 | p[at + 1]);
    return p[0] >> 4;
}

size_t raw_put_publish(uint8_t *to, const char *topic, int qos, uint16_t id,
                       const void *payload, size_t len)
{
    size_t body = 2 + strlen(topic) + (qos ? 2 : 0) + 1 + len, n = 0;
    to[n++] = (uint8_t)(0x30 | qos << 1);
    n += put_length(to + n, body);
    n += put_text(to + n, topic);
    if (qos) {
        to[n++] = (uint8_t)(id >> 8);
        to[n++] = (uint8_t)id;
    }
    to[n++] = 0;
    memcpy(to + n, payload, len);
    return n + len;
}

size_t raw_put_puback(uint8_t *to, uint16_t id)
{
    to[0] = 0x40;
    to[1] = 2;
    to[2] = (uint8_t)(id >> 8);
    to[3] = (uint8_t)id;
    return 4;
}
