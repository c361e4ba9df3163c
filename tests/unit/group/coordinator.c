/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "coordinator.h"

#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "group/codec.h"
#include "group/wire.h"

enum { CONNECTIONS = 8, POLL_MS = 10, BENT = 1000 };
static const char OTHER[] = "other-member";

struct coordinator {
    struct coordinator_options o;
    int listener;
    uint16_t port;
    struct thread *thread;
    atomic_bool stop, cut, mute, faulty;
    atomic_uint seen[WIRE_API_LIMIT];
    atomic_int bent[WIRE_API_LIMIT]; /* error + BENT; 0: none */
    atomic_uint length[WIRE_API_LIMIT];
    struct lock lock; /* what a test has asked for, down to the port */
    int damage_api;
    enum damage damage;
    uint32_t damage_at;
    struct buf other, assign;
    bool assign_now;
    char speak_type[32], speak_name[32], sync_name[32], found_host[64];
    int32_t found_port;
    int fds[CONNECTIONS];
    int32_t generation;
    unsigned ids;
    char member[64], protocol[32];
    atomic_uint claims;
    struct buf metadata, assignment, present; /* present: the other member's metadata in this round */
};

static bool flexible(enum wire_api api, int16_t v)
{
    switch (api) {
    case WIRE_JOIN_GROUP:
        return v >= 6;
    case WIRE_FIND_COORDINATOR:
        return v >= 3;
    default:
        return v >= 4;
    }
}

static void put_text(struct buf *b, bool flex, const char *s, size_t len)
{
    if (flex)
        buf_put_u8(b, (uint8_t)(len + 1)); /* all texts here are short */
    else
        buf_put_u16(b, (uint16_t)len);
    buf_put(b, s, len);
}

static void put_blob(struct buf *b, bool flex, const struct buf *v)
{
    uint32_t n = (uint32_t)v->len + 1;
    if (!flex)
        buf_put_u32(b, (uint32_t)v->len);
    for (; flex && n > 0x7F; n >>= 7)
        buf_put_u8(b, (uint8_t)(n | 0x80));
    if (flex)
        buf_put_u8(b, (uint8_t)n);
    buf_put(b, v->data, v->len);
}

static uint32_t get_varint(struct reader *r)
{
    uint32_t v = 0;
    for (unsigned s = 0; s < 35; s += 7) {
        uint8_t c = reader_u8(r);
        v |= (uint32_t)(c & 0x7F) << s;
        if (!(c & 0x80))
            break;
    }
    return v;
}

static struct kaftan_slice get_text(struct reader *r, bool flex)
{
    size_t len = flex ? get_varint(r) : reader_u16(r);
    if (flex ? len == 0 : len == UINT16_MAX)
        return (struct kaftan_slice){ NULL, 0 };
    return reader_bytes(r, flex ? len - 1 : len);
}

static struct kaftan_slice get_blob(struct reader *r, bool flex)
{
    return reader_bytes(r, flex ? get_varint(r) - 1 : reader_u32(r));
}

static size_t get_count(struct reader *r, bool flex)
{
    return flex ? get_varint(r) - 1 : reader_u32(r);
}

static void keep(char *to, size_t size, struct kaftan_slice s)
{
    (void)snprintf(to, size, "%.*s", (int)s.len, s.ptr ? s.ptr : "");
}

static int16_t bent(struct coordinator *c, enum wire_api api)
{
    int e = atomic_exchange(&c->bent[api], 0);
    return (int16_t)(e ? e - BENT : 0);
}

static void answer_versions(struct coordinator *c, int16_t v, struct buf *out)
{
    const struct { enum wire_api api; int16_t max; } list[] = {
        { WIRE_FIND_COORDINATOR, c->o.find }, { WIRE_JOIN_GROUP, c->o.join }, { WIRE_HEARTBEAT, c->o.heartbeat },
        { WIRE_LEAVE_GROUP, c->o.leave },     { WIRE_SYNC_GROUP, c->o.sync },
    };
    bool too_new = c->o.old_versions && v > 0, flex = v >= 3 && !too_new;
    buf_put_u16(out, too_new ? WIRE_UNSUPPORTED_VERSION : 0);
    if (flex)
        buf_put_u8(out, COUNT_OF(list) + 1);
    else
        buf_put_u32(out, COUNT_OF(list));
    for (size_t i = 0; i < COUNT_OF(list); i++) {
        buf_put_u16(out, (uint16_t)list[i].api);
        buf_put_u16(out, 0);
        buf_put_u16(out, (uint16_t)list[i].max);
        if (flex)
            buf_put_u8(out, 0);
    }
    if (v >= 1 && !too_new)
        buf_put_u32(out, 0);
    if (flex)
        buf_put_u8(out, 0);
}

static void answer_find(struct coordinator *c, int16_t v, struct buf *out)
{
    bool flex = flexible(WIRE_FIND_COORDINATOR, v);
    int16_t error = bent(c, WIRE_FIND_COORDINATOR);
    buf_put_u32(out, 0);
    if (v < 4) {
        buf_put_u16(out, (uint16_t)error);
        put_text(out, flex, "", 0);
    } else {
        buf_put_u8(out, 2);
        put_text(out, flex, "g", 1);
    }
    char host[64] = "127.0.0.1";
    int32_t port = c->port;
    lock_take(&c->lock);
    if (c->found_port) {
        (void)snprintf(host, sizeof host, "%s", c->found_host);
        port = c->found_port;
        c->found_port = 0;
    }
    lock_release(&c->lock);
    buf_put_u32(out, 1);
    put_text(out, flex, host, strlen(host));
    buf_put_u32(out, (uint32_t)port);
    if (v >= 4) {
        buf_put_u16(out, (uint16_t)error);
        put_text(out, flex, "", 0);
        buf_put_u8(out, 0);
    }
    if (flex)
        buf_put_u8(out, 0);
}

static void put_member(const char *id, const struct buf *metadata, int16_t v, struct buf *out)
{
    bool flex = flexible(WIRE_JOIN_GROUP, v);
    put_text(out, flex, id, strlen(id));
    if (v >= 5 && flex)
        buf_put_u8(out, 0);
    else if (v >= 5)
        buf_put_u16(out, UINT16_MAX);
    put_blob(out, flex, metadata);
    if (flex)
        buf_put_u8(out, 0);
}

/* The member under test always leads. */
static void put_joined(struct coordinator *c, int16_t v, int16_t error, struct buf *out)
{
    bool flex = flexible(WIRE_JOIN_GROUP, v), ok = error == 0;
    char type[32] = "connect";
    lock_take(&c->lock);
    buf_clear(&c->present);
    buf_put(&c->present, c->other.data ? c->other.data : "", c->other.len);
    if (ok && *c->speak_type)
        (void)snprintf(type, sizeof type, "%s", c->speak_type);
    if (ok && *c->speak_name)
        (void)snprintf(c->protocol, sizeof c->protocol, "%s", c->speak_name);
    if (ok)
        c->speak_type[0] = c->speak_name[0] = '\0';
    lock_release(&c->lock);
    buf_put_u32(out, 0);
    buf_put_u16(out, (uint16_t)error);
    buf_put_u32(out, (uint32_t)(ok ? c->generation : -1));
    if (v >= 7)
        put_text(out, flex, type, strlen(type));
    put_text(out, flex, ok ? c->protocol : "", ok ? strlen(c->protocol) : 0);
    put_text(out, flex, ok ? c->member : "", ok ? strlen(c->member) : 0);
    if (v >= 9)
        buf_put_u8(out, 0);
    put_text(out, flex, c->member, strlen(c->member));
    size_t members = ok ? 1u + (c->present.len > 0) : 0;
    if (flex)
        buf_put_u8(out, (uint8_t)(members + 1));
    else
        buf_put_u32(out, (uint32_t)members);
    if (members > 0)
        put_member(c->member, &c->metadata, v, out);
    if (members > 1)
        put_member(OTHER, &c->present, v, out);
    if (flex)
        buf_put_u8(out, 0);
}

static void count_claims(struct coordinator *c)
{
    struct group_subscription s = { 0 };
    struct kaftan_error *err = group_read_subscription(buf_slice(&c->metadata), &s);
    atomic_store(&c->claims, err ? 0 : (unsigned)s.allocation.work.count);
    if (err)
        kaftan_error_free(err);
    else
        group_subscription_fini(&s);
}

static void answer_join(struct coordinator *c, int16_t v, struct reader *in, struct buf *out)
{
    bool flex = flexible(WIRE_JOIN_GROUP, v);
    int16_t error = bent(c, WIRE_JOIN_GROUP);
    (void)get_text(in, flex);
    (void)reader_u64(in); /* both timeouts */
    struct kaftan_slice id = get_text(in, flex);
    if (v >= 5 && get_text(in, flex).ptr)
        atomic_store(&c->faulty, true);
    if (!slice_eq_str(get_text(in, flex), "connect"))
        atomic_store(&c->faulty, true);
    size_t n = get_count(in, flex);
    for (size_t i = 0; i < n && !in->bad; i++) {
        struct kaftan_slice name = get_text(in, flex), metadata = get_blob(in, flex);
        if (flex)
            (void)reader_u8(in);
        if (i > 0)
            continue;
        keep(c->protocol, sizeof c->protocol, name);
        buf_clear(&c->metadata);
        buf_put_slice(&c->metadata, metadata);
        count_claims(c);
    }
    if (v >= 8)
        (void)get_text(in, flex);
    if (error == 0 && id.len == 0) {
        (void)snprintf(c->member, sizeof c->member, "member-%u", ++c->ids);
        error = WIRE_MEMBER_ID_REQUIRED;
    } else if (error == 0 && !slice_eq_str(id, c->member)) {
        error = WIRE_UNKNOWN_MEMBER_ID;
    }
    c->generation += error == 0;
    put_joined(c, v, error, out);
}

/* One for each member, whoever it is. */
static void get_answers(struct coordinator *c, bool flex, struct reader *in)
{
    size_t count = get_count(in, flex);
    if (count != 1u + (c->present.len > 0))
        atomic_store(&c->faulty, true);
    for (size_t i = 0; i < count && !in->bad; i++) {
        struct kaftan_slice id = get_text(in, flex), bytes = get_blob(in, flex);
        if (flex)
            (void)reader_u8(in);
        if (slice_eq_str(id, c->member)) {
            buf_clear(&c->assignment);
            buf_put_slice(&c->assignment, bytes);
        } else if (!slice_eq_str(id, OTHER)) {
            atomic_store(&c->faulty, true);
        }
    }
}

static void answer_sync(struct coordinator *c, int16_t v, struct reader *in, struct buf *out)
{
    bool flex = flexible(WIRE_SYNC_GROUP, v);
    int16_t error = bent(c, WIRE_SYNC_GROUP);
    (void)get_text(in, flex);
    if ((int32_t)reader_u32(in) != c->generation || !slice_eq_str(get_text(in, flex), c->member))
        atomic_store(&c->faulty, true);
    if (v >= 3)
        (void)get_text(in, flex);
    if (v >= 5) {
        (void)get_text(in, flex);
        (void)get_text(in, flex);
    }
    get_answers(c, flex, in);
    char name[32];
    lock_take(&c->lock);
    (void)snprintf(name, sizeof name, "%s", *c->sync_name ? c->sync_name : c->protocol);
    c->sync_name[0] = '\0';
    if (c->assign_now) {
        buf_clear(&c->assignment);
        buf_put(&c->assignment, c->assign.data ? c->assign.data : "", c->assign.len);
        c->assign_now = false;
    }
    lock_release(&c->lock);
    if (v >= 1)
        buf_put_u32(out, 0);
    buf_put_u16(out, (uint16_t)error);
    if (v >= 5) {
        put_text(out, flex, "connect", 7);
        put_text(out, flex, name, strlen(name));
    }
    put_blob(out, flex, &c->assignment);
    if (flex)
        buf_put_u8(out, 0);
}

static void answer_status(struct coordinator *c, enum wire_api api, int16_t v, struct reader *in, struct buf *out)
{
    bool flex = flexible(api, v);
    int16_t error = bent(c, api);
    (void)get_text(in, flex);
    if (api == WIRE_HEARTBEAT && error == 0 && (int32_t)reader_u32(in) != c->generation)
        error = WIRE_ILLEGAL_GENERATION;
    if (v >= 1)
        buf_put_u32(out, 0);
    buf_put_u16(out, (uint16_t)error);
    if (api == WIRE_LEAVE_GROUP && v >= 3 && flex)
        buf_put_u8(out, 1);
    else if (api == WIRE_LEAVE_GROUP && v >= 3)
        buf_put_u32(out, 0);
    if (flex)
        buf_put_u8(out, 0);
}

/* False: no answer. */
static bool answer(struct coordinator *c, struct reader *in, struct buf *out, enum wire_api *ret_api)
{
    enum wire_api api = *ret_api = reader_u16(in);
    int16_t v = (int16_t)reader_u16(in);
    uint32_t correlation = reader_u32(in);
    (void)reader_bytes(in, reader_u16(in)); /* client id */
    if (api >= WIRE_API_LIMIT || in->bad) {
        atomic_store(&c->faulty, true);
        return false;
    }
    bool flex = api == WIRE_API_VERSIONS ? v >= 3 : flexible(api, v);
    if (flex)
        (void)reader_u8(in);
    atomic_fetch_add(&c->seen[api], 1);
    if (api == WIRE_HEARTBEAT && atomic_load(&c->mute))
        return false;
    buf_put_u32(out, correlation);
    if (flex && api != WIRE_API_VERSIONS)
        buf_put_u8(out, 0);
    switch (api) {
    case WIRE_API_VERSIONS:
        answer_versions(c, v, out);
        break;
    case WIRE_FIND_COORDINATOR:
        answer_find(c, v, out);
        break;
    case WIRE_JOIN_GROUP:
        answer_join(c, v, in, out);
        break;
    case WIRE_SYNC_GROUP:
        answer_sync(c, v, in, out);
        break;
    default:
        answer_status(c, api, v, in, out);
        break;
    }
    if (in->bad)
        atomic_store(&c->faulty, true);
    return true;
}

static bool read_all(int fd, char *to, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t n = recv(fd, to + at, size - at, 0);
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* The answer as it is to go out, size and all. False: and then the connection is closed. */
static bool put_frame(struct coordinator *c, enum wire_api api, struct buf *body, struct buf *out)
{
    static const char more[64];
    enum damage how = DAMAGE_NONE;
    uint32_t at = 0;
    lock_take(&c->lock);
    if (c->damage != DAMAGE_NONE && c->damage_api == (int)api) {
        how = c->damage;
        at = c->damage_at;
        c->damage = DAMAGE_NONE;
    }
    lock_release(&c->lock);
    if (how == DAMAGE_NONE)
        atomic_store(&c->length[api], (unsigned)body->len);
    if (how == DAMAGE_FLIP && at < body->len)
        body->data[at] = (char)~body->data[at];
    if (how == DAMAGE_CORRELATION)
        body->data[3] = (char)~body->data[3];
    if (how == DAMAGE_LONG)
        buf_put(body, more, at < sizeof more ? at : sizeof more);
    size_t sent = (how == DAMAGE_SHORT || how == DAMAGE_CUT) && at < body->len ? at : body->len;
    buf_put_u32(out, how == DAMAGE_SIZE ? at : (uint32_t)(how == DAMAGE_SHORT ? sent : body->len));
    buf_put(out, body->data, sent);
    return how != DAMAGE_CUT;
}

static bool serve(struct coordinator *c, int fd)
{
    char head[4], *frame;
    enum wire_api api;
    struct buf body = BUF_INIT, out = BUF_INIT;
    if (!read_all(fd, head, 4))
        return false;
    struct reader size = reader_of(head, 4);
    uint32_t len = reader_u32(&size);
    frame = mem_alloc(len);
    bool ok = len < 1 << 20 && read_all(fd, frame, len);
    struct reader in = reader_of(frame, len);
    if (ok && answer(c, &in, &body, &api)) {
        ok = put_frame(c, api, &body, &out);
        ok = send(fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len && ok;
    }
    mem_free(frame);
    buf_fini(&body);
    buf_fini(&out);
    return ok;
}

static void drop(struct coordinator *c, size_t i)
{
    (void)close(c->fds[i]);
    c->fds[i] = -1;
}

static void run(void *arg)
{
    struct coordinator *c = arg;
    while (!atomic_load(&c->stop)) {
        struct pollfd p[CONNECTIONS + 1] = { { .fd = c->listener, .events = POLLIN } };
        for (size_t i = 0; i < CONNECTIONS; i++)
            p[i + 1] = (struct pollfd){ .fd = c->fds[i], .events = POLLIN };
        (void)poll(p, CONNECTIONS + 1, POLL_MS);
        bool cut = atomic_exchange(&c->cut, false);
        for (size_t i = 0; i < CONNECTIONS; i++)
            if (c->fds[i] >= 0 && (cut || (p[i + 1].revents && !serve(c, c->fds[i]))))
                drop(c, i);
        for (size_t i = 0; i < CONNECTIONS && p[0].revents; i++)
            if (c->fds[i] < 0) {
                c->fds[i] = accept(c->listener, NULL, NULL);
                break;
            }
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (c->fds[i] >= 0)
            drop(c, i);
}

struct coordinator *coordinator_start(const struct coordinator_options *o)
{
    struct coordinator *c = mem_zalloc(1, sizeof *c);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    c->o = *o;
    lock_init(&c->lock);
    for (size_t i = 0; i < CONNECTIONS; i++)
        c->fds[i] = -1;
    c->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(bind(c->listener, (struct sockaddr *)&a, len) == 0 && listen(c->listener, 8) == 0);
    ASSERT(getsockname(c->listener, (struct sockaddr *)&a, &len) == 0);
    c->port = ntohs(a.sin_port);
    c->thread = thread_start(THREAD_ANY, "coordinator", run, c);
    return c;
}

void coordinator_stop(struct coordinator *c)
{
    atomic_store(&c->stop, true);
    thread_join(c->thread);
    (void)close(c->listener);
    buf_fini(&c->metadata);
    buf_fini(&c->assignment);
    buf_fini(&c->present);
    buf_fini(&c->other);
    buf_fini(&c->assign);
    lock_fini(&c->lock);
    mem_free(c);
}

uint16_t coordinator_port(const struct coordinator *c)
{
    return c->port;
}

void coordinator_bend(struct coordinator *c, int api, int16_t error)
{
    atomic_store(&c->bent[api], error + BENT);
}

void coordinator_cut(struct coordinator *c)
{
    atomic_store(&c->cut, true);
}

void coordinator_mute(struct coordinator *c, bool mute)
{
    atomic_store(&c->mute, mute);
}

void coordinator_damage(struct coordinator *c, int api, enum damage how, uint32_t at)
{
    lock_take(&c->lock);
    c->damage_api = api;
    c->damage = how;
    c->damage_at = at;
    lock_release(&c->lock);
}

bool coordinator_damaged(struct coordinator *c)
{
    lock_take(&c->lock);
    bool done = c->damage == DAMAGE_NONE;
    lock_release(&c->lock);
    return done;
}

void coordinator_other(struct coordinator *c, const char *metadata, size_t len)
{
    lock_take(&c->lock);
    buf_clear(&c->other);
    buf_put(&c->other, metadata, len);
    lock_release(&c->lock);
}

void coordinator_assign(struct coordinator *c, const char *bytes, size_t len)
{
    lock_take(&c->lock);
    buf_clear(&c->assign);
    buf_put(&c->assign, bytes, len);
    c->assign_now = true;
    lock_release(&c->lock);
}

void coordinator_speak(struct coordinator *c, const char *type, const char *name)
{
    lock_take(&c->lock);
    (void)snprintf(c->speak_type, sizeof c->speak_type, "%s", type ? type : "");
    (void)snprintf(c->speak_name, sizeof c->speak_name, "%s", name ? name : "");
    lock_release(&c->lock);
}

void coordinator_sync_as(struct coordinator *c, const char *name)
{
    lock_take(&c->lock);
    (void)snprintf(c->sync_name, sizeof c->sync_name, "%s", name);
    lock_release(&c->lock);
}

void coordinator_found(struct coordinator *c, const char *host, int32_t port)
{
    lock_take(&c->lock);
    (void)snprintf(c->found_host, sizeof c->found_host, "%s", host);
    c->found_port = port;
    lock_release(&c->lock);
}

uint32_t coordinator_length(const struct coordinator *c, int api)
{
    return atomic_load(&((struct coordinator *)(uintptr_t)c)->length[api]);
}

unsigned coordinator_count(const struct coordinator *c, int api)
{
    return atomic_load(&((struct coordinator *)(uintptr_t)c)->seen[api]);
}

bool coordinator_faulty(const struct coordinator *c)
{
    return atomic_load(&((struct coordinator *)(uintptr_t)c)->faulty);
}

unsigned coordinator_claims(const struct coordinator *c)
{
    return atomic_load(&((struct coordinator *)(uintptr_t)c)->claims);
}
