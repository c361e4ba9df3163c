/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "fake_broker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

void fake_broker_start(struct fake_broker *b)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    memset(b, 0, sizeof *b);
    b->client = -1;
    b->close_after = -1;
    b->suback_code = 255; /* as asked */
    b->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT(b->listener >= 0);
    ASSERT(bind(b->listener, (struct sockaddr *)&a, sizeof a) == 0);
    ASSERT(listen(b->listener, 8) == 0);
    ASSERT(getsockname(b->listener, (struct sockaddr *)&a, &len) == 0);
    b->port = ntohs(a.sin_port);
}

void fake_broker_drop(struct fake_broker *b)
{
    if (b->client >= 0)
        (void)close(b->client);
    b->client = -1;
    b->in_len = 0;
}

void fake_broker_stop(struct fake_broker *b)
{
    fake_broker_drop(b);
    (void)close(b->listener);
}

void fake_broker_send(struct fake_broker *b, const void *data, size_t len)
{
    const uint8_t *p = data;
    while (len > 0 && b->client >= 0) {
        size_t n = len;
        if (b->close_after >= 0 && b->sent + n > (size_t)b->close_after)
            n = (size_t)b->close_after - b->sent;
        ssize_t done = n ? send(b->client, p, n, MSG_NOSIGNAL) : 0;
        if (done > 0) {
            b->sent += (size_t)done;
            p += done;
            len -= (size_t)done;
        }
        if (done < 0 && errno == EAGAIN)
            continue;
        if (done < 0 || (b->close_after >= 0 && b->sent >= (size_t)b->close_after)) {
            fake_broker_drop(b);
            return;
        }
    }
}

void fake_broker_send_hex(struct fake_broker *b, const char *hex)
{
    uint8_t data[1024];
    size_t n = strlen(hex) / 2;
    ASSERT(n <= sizeof data);
    for (size_t i = 0; i < n; i++) {
        char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        data[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    fake_broker_send(b, data, n);
}

void fake_broker_publish(struct fake_broker *b, int qos, uint16_t id, bool dup, bool retain, const char *topic,
                         const char *payload)
{
    size_t topic_len = strlen(topic), payload_len = strlen(payload), n = 0;
    size_t body = 2 + topic_len + (qos ? 2u : 0u) + (b->version == 5 ? 1u : 0u) + payload_len;
    uint8_t *data = mem_alloc(body + 5);
    data[n++] = (uint8_t)(0x30 | (dup ? 8 : 0) | qos << 1 | (retain ? 1 : 0));
    for (size_t rest = body; n < 5; rest >>= 7) {
        data[n++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        if (rest <= 0x7f)
            break;
    }
    data[n++] = (uint8_t)(topic_len >> 8);
    data[n++] = (uint8_t)topic_len;
    memcpy(data + n, topic, topic_len);
    n += topic_len;
    if (qos) {
        data[n++] = (uint8_t)(id >> 8);
        data[n++] = (uint8_t)id;
    }
    if (b->version == 5)
        data[n++] = 0;
    memcpy(data + n, payload, payload_len);
    fake_broker_send(b, data, n + payload_len);
    mem_free(data);
}

size_t fake_broker_count(const struct fake_broker *b, int type)
{
    size_t n = 0;
    for (size_t i = 0; i < b->seen_count; i++)
        n += b->seen[i].type == type;
    return n;
}

/* ---- what comes */

static void wrong(struct fake_broker *b, const char *what)
{
    if (!b->wrong[0])
        (void)snprintf(b->wrong, sizeof b->wrong, "%s", what);
    fake_broker_drop(b);
}

static uint32_t number(const uint8_t *p, size_t size)
{
    uint32_t v = 0;
    for (size_t i = 0; i < size; i++)
        v = v << 8 | p[i];
    return v;
}

static void reply_connack(struct fake_broker *b)
{
    uint8_t p[5] = { 0x20, 2, b->session_present, b->connack_code, 0 };
    if (b->version == 5)
        p[1] = 3;
    fake_broker_send(b, p, b->version == 5 ? 5 : 4);
    if (b->connack_code)
        fake_broker_drop(b);
}

static void on_connect(struct fake_broker *b, const uint8_t *p, size_t len, struct seen *s)
{
    static const uint8_t name[] = { 0, 4, 'M', 'Q', 'T', 'T' };
    if (len < 12 || memcmp(p, name, sizeof name) != 0 || (p[6] != 4 && p[6] != 5)) {
        wrong(b, "CONNECT with another protocol");
        return;
    }
    b->version = p[6];
    b->clean = (p[7] & 2) != 0;
    b->keep_alive = (uint16_t)number(p + 8, 2);
    size_t at = 10;
    b->receive_maximum = 0;
    b->session_expiry = 0;
    if (b->version == 5) {
        size_t end = at + 1 + p[at];
        for (at++; at < end;) {
            uint8_t id = p[at++];
            if (id == 0x11)
                b->session_expiry = number(p + at, 4);
            if (id == 0x21)
                b->receive_maximum = (uint16_t)number(p + at, 2);
            if (id == 0x26) {
                at += 2 + number(p + at, 2);
                at += 2 + number(p + at, 2);
            } else {
                at += id == 0x11 || id == 0x27 ? 4u : id == 0x21 ? 2u : 1u;
            }
        }
    }
    size_t id_len = number(p + at, 2);
    (void)snprintf(s->text, sizeof s->text, "%.*s", (int)id_len, (const char *)p + at + 2);
    b->connections++;
    if (b->refuse_5 && b->version == 5)
        fake_broker_drop(b);
    else if (!b->mute)
        reply_connack(b);
}

static void on_subscribe(struct fake_broker *b, const uint8_t *p, size_t len, struct seen *s, bool un)
{
    uint8_t answer[80], codes[64];
    size_t at = 2, n = 0;
    s->id = (uint16_t)number(p, 2);
    if (b->version == 5)
        at += 1u + p[2];
    while (at + 2 < len && n < sizeof codes) {
        size_t filter = number(p + at, 2);
        if (n == 0)
            (void)snprintf(s->text, sizeof s->text, "%.*s", (int)filter, (const char *)p + at + 2);
        at += 2 + filter;
        uint8_t options = un ? 0 : p[at++];
        codes[n++] = un ? 0 : b->suback_code == 255 ? options & 3 : b->suback_code;
    }
    if (n == 0 || s->id == 0)
        wrong(b, "SUBSCRIBE without a filter or an id");
    if (b->mute)
        return;
    size_t k = 0;
    answer[k++] = un ? 0xb0 : 0x90;
    answer[k++] = (uint8_t)(2u + (b->version == 5 ? 1u : 0u) + (un && b->version == 4 ? 0u : n));
    answer[k++] = (uint8_t)(s->id >> 8);
    answer[k++] = (uint8_t)s->id;
    if (b->version == 5)
        answer[k++] = 0;
    if (!(un && b->version == 4)) {
        memcpy(answer + k, codes, n);
        k += n;
    }
    fake_broker_send(b, answer, k);
}

static void packet(struct fake_broker *b, uint8_t first, const uint8_t *p, size_t len)
{
    int type = first >> 4, flags = first & 15;
    struct seen *s = &b->seen[b->seen_count < 4095 ? b->seen_count++ : 4095];
    *s = (struct seen){ .type = type };
    bool first_packet = b->seen_count == 1 || b->seen[b->seen_count - 2].type == -1;
    if ((type == 1) != first_packet)
        wrong(b, "CONNECT must be first, and only first");
    else if (flags != (type == 6 || type == 8 || type == 10 ? 2 : 0))
        wrong(b, "wrong flags");
    else if (type == 1)
        on_connect(b, p, len, s);
    else if (type == 8 || type == 10)
        on_subscribe(b, p, len, s, type == 10);
    else if (type == 4 || type == 5 || type == 7) {
        s->id = (uint16_t)number(p, 2);
        s->reason = len > 2 ? p[2] : 0;
        if (len < 2 || (b->version == 4 && len != 2) || s->id == 0)
            wrong(b, "an acknowledgement of the wrong size");
        uint8_t rel[4] = { 0x62, 2, (uint8_t)(s->id >> 8), (uint8_t)s->id };
        if (type == 5 && !b->no_pubrel && !b->mute)
            fake_broker_send(b, rel, sizeof rel);
    } else if (type == 12) {
        if (!b->mute)
            fake_broker_send(b, "\xd0\x00", 2);
    } else if (type == 14) {
        s->reason = len > 0 ? p[0] : 0;
        b->disconnected = true;
    } else {
        wrong(b, "a packet a subscriber never sends");
    }
}

static void take_packets(struct fake_broker *b)
{
    for (;;) {
        size_t body = 0, n = 1;
        if (b->in_len < 2)
            return;
        do {
            if (n >= b->in_len)
                return;
            body |= (size_t)(b->in[n] & 0x7f) << (7 * (n - 1));
        } while (b->in[n++] & 0x80);
        if (b->in_len < n + body)
            return;
        size_t used = n + body;
        packet(b, b->in[0], b->in + n, body);
        if (b->client < 0)
            return;
        memmove(b->in, b->in + used, b->in_len - used);
        b->in_len -= used;
    }
}

void fake_broker_turn(struct fake_broker *b)
{
    if (b->stalled)
        return;
    int c = accept4(b->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (c >= 0) {
        int on = 1;
        fake_broker_drop(b); /* taken over */
        b->client = c;
        b->sent = 0;
        b->client_closed = b->disconnected = false;
        (void)setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        if (b->seen_count > 0)
            b->seen[b->seen_count < 4095 ? b->seen_count++ : 4095] = (struct seen){ .type = -1 };
        if (b->close_after == 0)
            fake_broker_drop(b);
    }
    while (b->client >= 0) {
        ssize_t n = recv(b->client, b->in + b->in_len, sizeof b->in - b->in_len, 0);
        if (n < 0)
            return;
        if (n == 0) {
            b->client_closed = true;
            fake_broker_drop(b);
            return;
        }
        b->in_len += (size_t)n;
        take_packets(b);
    }
}
