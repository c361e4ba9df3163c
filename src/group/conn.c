/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OPENING -> VERSIONS -> READY <-> ASKED -> (any) FAILED, and with a login
 * OPENING -> VERSIONS -> HANDSHAKE -> PROVING (one or more answers) -> VERSIONS
 * -> READY: what a broker offers before it knows us may be less than afterwards.
 *
 * The versions are asked for in version 3. A broker that does not know it
 * answers in version 0 with error 35 and goes on listening; it is asked again
 * in version 0.
 */
#include "config.h"

#include "group/conn.h"

#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { LIFETIME_LEAST_PERCENT = 85, LIFETIME_SPREAD_PERCENT = 10 }; /* of a session, as Java's clients */
enum { VERSIONS_BEST = 3, READ_CHUNK = 16384, SIZE_BYTES = 4 };

enum state { OPENING, VERSIONS, HANDSHAKE, PROVING, READY, ASKED, FAILED };

struct conn {
    enum state state;
    struct kaftan_stream *stream; /* owned */
    char *client_id;              /* owned */
    struct sasl *sasl;            /* owned; NULL: no login, or authenticated */
    int64_t expires_ms;
    struct wire_versions versions;
    int32_t request_timeout_ms;
    struct buf out; /* the frame being sent */
    size_t out_sent, out_start;
    struct buf in;  /* size and frame being received */
    enum wire_api api;
    int16_t version;
    int32_t correlation;
    int64_t sent_ms, deadline_ms;
    struct reader reply;
    struct kaftan_error *err; /* owned; once FAILED */
};

struct kaftan_error *conn_new(const struct conn_options *o, struct conn **ret)
{
    struct conn *c = mem_zalloc(1, sizeof *c);
    kaftan_deadline deadline = kaftan_now_us() + (kaftan_deadline)o->connect_timeout_ms * 1000;
    c->client_id = mem_strdup(o->client_id);
    c->request_timeout_ms = o->request_timeout_ms;
    c->deadline_ms = INT64_MAX;
    c->expires_ms = INT64_MAX;
    struct kaftan_stream_options s = { .size = sizeof s, .host = o->host, .port = (uint16_t)o->port, .tls = o->tls,
                                       .deadline = deadline, .receive_buffer = o->receive_buffer,
                                       .send_buffer = o->send_buffer };
    struct kaftan_error *err = o->port > 0 && o->port <= UINT16_MAX
                                   ? kaftan_stream_open(&s, &c->stream)
                                   : kaftan_error_new(KAFTAN_E_INVALID, "%s has no valid port: %d", o->host, (int)o->port);
    if (!err && o->login)
        err = sasl_new(o->login, &c->sasl);
    if (err) {
        conn_free(c);
        return err;
    }
    *ret = c;
    return NULL;
}

/* Passwords and tokens pass through. */
static void wipe(struct buf *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    buf_fini(b);
}

void conn_free(struct conn *c)
{
    if (!c)
        return;
    kaftan_stream_close(c->stream);
    kaftan_error_free(c->err);
    sasl_free(c->sasl);
    wipe(&c->out);
    wipe(&c->in);
    mem_free(c->client_id);
    mem_free(c);
}

static enum conn_event fail(struct conn *c, struct kaftan_error *err)
{
    kaftan_error_free(c->err);
    c->err = err;
    c->state = FAILED;
    return CONN_FAILED;
}

static enum conn_event garbled(struct conn *c, const char *what)
{
    return fail(c, kaftan_error_new(KAFTAN_E_KAFKA, "%s does not answer like a Kafka broker: %s", conn_peer(c), what));
}

/* ---- requests -------------------------------------------------------------- */

static struct buf *begin(struct conn *c, enum wire_api api, int16_t version)
{
    ASSERT(version >= 0);
    c->api = api;
    c->version = version;
    c->correlation = (c->correlation + 1) & INT32_MAX;
    buf_clear(&c->out);
    buf_clear(&c->in);
    c->out_sent = 0;
    c->out_start = wire_begin(&c->out, api, version, c->correlation, c->client_id);
    return &c->out;
}

struct buf *conn_begin(struct conn *c, enum wire_api api)
{
    ASSERT(c->state == READY);
    return begin(c, api, conn_version(c, api));
}

static void launch(struct conn *c, int32_t timeout_ms)
{
    wire_end(&c->out, c->out_start);
    c->sent_ms = clock_mono_ms();
    c->deadline_ms = c->sent_ms + timeout_ms;
}

void conn_send(struct conn *c, int32_t timeout_ms)
{
    launch(c, timeout_ms);
    c->state = ASKED;
}

static void ask_versions(struct conn *c, int16_t version)
{
    struct buf *b = begin(c, WIRE_API_VERSIONS, version);
    wire_put_versions(b, version, PACKAGE_NAME, PACKAGE_VERSION);
    launch(c, c->request_timeout_ms);
    c->state = VERSIONS;
}

/* ---- bytes ------------------------------------------------------------------- */

/* False: failed. */
static bool flush(struct conn *c)
{
    while (c->out_sent < c->out.len) {
        size_t n = 0;
        enum kaftan_io io = kaftan_stream_write(c->stream, c->out.data + c->out_sent, c->out.len - c->out_sent, &n);
        if (io == KAFTAN_IO_AGAIN)
            return true;
        if (io != KAFTAN_IO_OK) {
            (void)fail(c, kaftan_stream_error(c->stream));
            return false;
        }
        c->out_sent += n;
    }
    return true;
}

/* How many bytes of the frame are still to come; 0: it is complete. Brokers never send what was not asked for. */
static size_t missing(const struct conn *c)
{
    if (c->in.len < SIZE_BYTES)
        return SIZE_BYTES - c->in.len;
    struct reader r = reader_of(c->in.data, c->in.len);
    size_t size = reader_u32(&r);
    return size + SIZE_BYTES - c->in.len;
}

static bool size_fits(const struct conn *c)
{
    struct reader r = reader_of(c->in.data, c->in.len);
    return c->in.len < SIZE_BYTES || reader_u32(&r) <= WIRE_FRAME_LIMIT;
}

/* OK: a whole frame. AGAIN: not yet. ERROR: failed. */
static enum kaftan_io receive(struct conn *c)
{
    char chunk[READ_CHUNK];
    for (size_t left; (left = missing(c)) > 0;) {
        size_t n = 0;
        enum kaftan_io io = kaftan_stream_read(c->stream, chunk, left < sizeof chunk ? left : sizeof chunk, &n);
        if (io == KAFTAN_IO_AGAIN)
            return io;
        if (io == KAFTAN_IO_END)
            (void)fail(c, kaftan_error_new(KAFTAN_E_RETRIABLE, "%s closed the connection", conn_peer(c)));
        else if (io == KAFTAN_IO_ERROR)
            (void)fail(c, kaftan_stream_error(c->stream));
        if (io != KAFTAN_IO_OK)
            return KAFTAN_IO_ERROR;
        buf_put(&c->in, chunk, n);
        if (!size_fits(c)) {
            (void)garbled(c, "its answer is larger than 64 MiB");
            return KAFTAN_IO_ERROR;
        }
    }
    return KAFTAN_IO_OK;
}

/* ---- states -------------------------------------------------------------------- */

static enum conn_event step_opening(struct conn *c)
{
    switch (kaftan_stream_opened(c->stream)) {
    case KAFTAN_IO_OK:
        ask_versions(c, c->sasl ? 0 : VERSIONS_BEST); /* the oldest brokers take others for a token */
        return CONN_READY; /* for conn_step: go on */
    case KAFTAN_IO_AGAIN:
        return CONN_WAIT;
    default:
        return fail(c, kaftan_stream_error(c->stream));
    }
}

/* ---- authentication ------------------------------------------------------------- */

static enum conn_event shake_hands(struct conn *c)
{
    int16_t version = conn_version(c, WIRE_SASL_HANDSHAKE);
    if (version < 0 || conn_version(c, WIRE_SASL_AUTHENTICATE) < 0)
        return fail(c, kaftan_error_new(KAFTAN_E_INVALID, "%s is too old, or this port of it does not ask for SASL", conn_peer(c)));
    wire_put_handshake(begin(c, WIRE_SASL_HANDSHAKE, version), sasl_mechanism(c->sasl));
    launch(c, c->request_timeout_ms);
    c->state = HANDSHAKE;
    return CONN_WAIT;
}

/* What the broker has said goes in, what we say goes out; at the end the versions are asked for. */
static enum conn_event prove(struct conn *c, struct kaftan_slice said)
{
    struct buf token = BUF_INIT;
    bool done = false;
    struct kaftan_error *err = sasl_step(c->sasl, said, &token, &done);
    if (err) {
        wipe(&token);
        return fail(c, kaftan_error_wrap(err, "%s", conn_peer(c)));
    }
    if (done) {
        sasl_free(c->sasl);
        c->sasl = NULL;
        ask_versions(c, VERSIONS_BEST);
    } else {
        int16_t version = conn_version(c, WIRE_SASL_AUTHENTICATE);
        wire_put_authenticate(begin(c, WIRE_SASL_AUTHENTICATE, version), version, buf_slice(&token));
        launch(c, c->request_timeout_ms);
        c->state = PROVING;
    }
    wipe(&token);
    return CONN_WAIT;
}

static enum conn_event take_handshake(struct conn *c)
{
    struct wire_mechanisms m;
    struct buf offered = BUF_INIT;
    enum conn_event e;
    if (!wire_get_handshake(&c->reply, &m))
        return garbled(c, "its answer to SaslHandshake cannot be read");
    if (m.error == WIRE_NONE)
        return prove(c, (struct kaftan_slice){ NULL, 0 });
    for (size_t i = 0; i < m.count; i++)
        buf_printf(&offered, "%s%.*s", i ? ", " : "", (int)m.names[i].len, m.names[i].ptr ? m.names[i].ptr : "");
    e = fail(c, kaftan_error_new(KAFTAN_E_INVALID, "%s does not take SASL %s: %s (error %d); it offers %s", conn_peer(c),
                                 sasl_mechanism(c->sasl), wire_error_text(m.error), (int)m.error, buf_text(&offered)));
    buf_fini(&offered);
    return e;
}

static enum conn_event take_proof(struct conn *c)
{
    struct wire_authenticated a;
    struct buf said = BUF_INIT; /* the frame is overwritten by what we answer */
    enum conn_event e;
    if (!wire_get_authenticated(&c->reply, c->version, &a))
        return garbled(c, "its answer to SaslAuthenticate cannot be read");
    if (a.error != WIRE_NONE)
        return fail(c, kaftan_error_new(KAFTAN_E_FORBIDDEN, "%s: %.*s (error %d)", conn_peer(c),
                                        (int)(a.message.ptr ? a.message.len : 0), a.message.ptr ? a.message.ptr : "", (int)a.error));
    if (a.lifetime_ms > 0) {
        int64_t percent = LIFETIME_LEAST_PERCENT + (int64_t)random_below(LIFETIME_SPREAD_PERCENT + 1);
        c->expires_ms = clock_mono_ms() + (a.lifetime_ms < INT64_MAX / 100 ? a.lifetime_ms * percent / 100 : INT64_MAX / 2);
    }
    buf_put_slice(&said, a.token);
    e = prove(c, buf_slice(&said));
    wipe(&said);
    return e;
}

static enum conn_event take_versions(struct conn *c)
{
    if (!wire_get_versions(&c->reply, c->version, &c->versions))
        return garbled(c, "its list of versions cannot be read");
    if (c->versions.error == WIRE_UNSUPPORTED_VERSION && c->version > 0) {
        ask_versions(c, 0);
        return CONN_WAIT;
    }
    if (c->versions.error != WIRE_NONE)
        return fail(c, kaftan_error_new(KAFTAN_E_KAFKA, "%s does not tell its versions: error %d", conn_peer(c),
                                        (int)c->versions.error));
    if (c->sasl)
        return shake_hands(c);
    c->state = READY;
    return CONN_READY;
}

/* What an answer that has arrived means. */
static enum conn_event take_reply(struct conn *c)
{
    c->deadline_ms = INT64_MAX;
    c->reply = reader_of(c->in.data + SIZE_BYTES, c->in.len - SIZE_BYTES);
    if (wire_response_begin(&c->reply, c->api, c->version) != c->correlation || c->reply.bad)
        return garbled(c, "an answer to something else came");
    if (c->state == VERSIONS)
        return take_versions(c);
    if (c->state == HANDSHAKE)
        return take_handshake(c);
    if (c->state == PROVING)
        return take_proof(c);
    c->state = READY;
    return CONN_REPLY;
}

static const char *api_name(enum wire_api api)
{
    switch (api) {
    case WIRE_FIND_COORDINATOR:
        return "FindCoordinator";
    case WIRE_JOIN_GROUP:
        return "JoinGroup";
    case WIRE_SYNC_GROUP:
        return "SyncGroup";
    case WIRE_HEARTBEAT:
        return "Heartbeat";
    case WIRE_LEAVE_GROUP:
        return "LeaveGroup";
    case WIRE_SASL_HANDSHAKE:
        return "SaslHandshake";
    case WIRE_SASL_AUTHENTICATE:
        return "SaslAuthenticate";
    default:
        return "ApiVersions";
    }
}

static enum conn_event step_asked(struct conn *c)
{
    if (!flush(c))
        return CONN_FAILED;
    switch (receive(c)) {
    case KAFTAN_IO_OK:
        return take_reply(c);
    case KAFTAN_IO_AGAIN:
        break;
    default:
        return CONN_FAILED;
    }
    if (clock_mono_ms() < c->deadline_ms)
        return CONN_WAIT;
    return fail(c, kaftan_error_new(KAFTAN_E_TIMEOUT, "%s did not answer %s within %lld ms", conn_peer(c), api_name(c->api),
                                    (long long)(c->deadline_ms - c->sent_ms)));
}

/* Nothing is in flight: all that can come is the end. */
static enum conn_event step_ready(struct conn *c)
{
    char byte;
    size_t n;
    switch (kaftan_stream_read(c->stream, &byte, 1, &n)) {
    case KAFTAN_IO_AGAIN:
        return CONN_WAIT;
    case KAFTAN_IO_OK:
        return garbled(c, "an answer came without a question");
    case KAFTAN_IO_END:
        return fail(c, kaftan_error_new(KAFTAN_E_RETRIABLE, "%s closed the connection", conn_peer(c)));
    default:
        return fail(c, kaftan_stream_error(c->stream));
    }
}

enum conn_event conn_step(struct conn *c)
{
    if (c->state == OPENING) {
        enum conn_event e = step_opening(c);
        if (e != CONN_READY)
            return e;
    }
    enum conn_event e = CONN_FAILED;
    while (c->state == VERSIONS || c->state == HANDSHAKE || c->state == PROVING) {
        int32_t asked = c->correlation;
        e = step_asked(c);
        if (e != CONN_WAIT || c->correlation == asked)
            return e; /* nothing new was asked */
    }
    if (c->state == ASKED)
        return step_asked(c);
    return c->state == READY ? step_ready(c) : CONN_FAILED;
}

int conn_poll_fd(const struct conn *c)
{
    return kaftan_stream_fd(c->stream);
}

short conn_poll_events(const struct conn *c)
{
    bool writing = c->state != OPENING && c->out_sent < c->out.len;
    int wanted = kaftan_stream_events(c->stream, KAFTAN_WANT_READ | (writing ? KAFTAN_WANT_WRITE : 0));
    return (short)(((wanted & KAFTAN_WANT_READ) ? POLLIN : 0) | ((wanted & KAFTAN_WANT_WRITE) ? POLLOUT : 0));
}

int64_t conn_deadline_ms(const struct conn *c)
{
    if (c->state == OPENING)
        return kaftan_stream_deadline(c->stream) / 1000 + 1;
    return c->deadline_ms;
}

int64_t conn_expires_ms(const struct conn *c)
{
    return c->expires_ms;
}

bool conn_idle(const struct conn *c)
{
    return c->state == READY;
}

int16_t conn_version(const struct conn *c, enum wire_api api)
{
    return wire_pick(&c->versions, api);
}

enum wire_api conn_asked(const struct conn *c)
{
    return c->api;
}

int64_t conn_sent_ms(const struct conn *c)
{
    return c->sent_ms;
}

struct reader conn_reply(const struct conn *c)
{
    return c->reply;
}

const char *conn_peer(const struct conn *c)
{
    return kaftan_stream_peer(c->stream);
}

struct kaftan_error *conn_error(struct conn *c)
{
    struct kaftan_error *err = c->err;
    c->err = NULL;
    return err;
}
