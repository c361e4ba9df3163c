/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUP_CONN_H
#define GROUP_CONN_H
/*
 * conn: one connection to one broker, one request at a time.
 *
 * It opens (TCP, TLS), authenticates (SASL), asks for the versions the broker
 * speaks, and then carries requests. A broker answers a connection's requests in order, and
 * a parked JoinGroup holds up whatever is behind it: what must not wait goes
 * over a second connection, so one request in flight is all there ever is.
 *
 * Owner    member
 * Thread   group
 * Memory   one request, one response (at most WIRE_FRAME_LIMIT)
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/stream.h>

#include "base/buf.h"
#include "group/wire.h"
#include "net/sasl.h"

struct conn;

struct conn_options {
    const char *host;
    int32_t port;
    struct kaftan_tls *tls; /* NULL: plain; a reference is taken */
    const struct sasl_login *login; /* NULL: no authentication; borrowed during conn_new */
    const char *client_id;
    int32_t connect_timeout_ms, request_timeout_ms;
    int32_t receive_buffer, send_buffer; /* -1: the system's */
};

enum conn_event {
    CONN_WAIT,   /* nothing now: wait for conn_poll_fd, conn_poll_events, conn_deadline_ms */
    CONN_READY,  /* once: requests may be sent */
    CONN_REPLY,  /* conn_reply has the answer; a request may be sent again */
    CONN_FAILED, /* conn_error says why; only conn_free is left */
};

struct kaftan_error *conn_new(const struct conn_options *o, struct conn **ret) KAFTAN_MUST_CHECK;
void conn_free(struct conn *c); /* NULL is fine */
enum conn_event conn_step(struct conn *c);
int conn_poll_fd(const struct conn *c);
short conn_poll_events(const struct conn *c);
int64_t conn_deadline_ms(const struct conn *c); /* clock_mono_ms; INT64_MAX: none */

/*
 * When (clock_mono_ms) a new connection should take this one's place, because the broker will not carry on with this
 * authentication (KIP-368); INT64_MAX: never. After READY.
 */
int64_t conn_expires_ms(const struct conn *c);
bool conn_idle(const struct conn *c); /* ready, and no request in flight */
/* The version both sides speak best; -1: none. After READY. */
int16_t conn_version(const struct conn *c, enum wire_api api);
/*
 * Starts a request; its body goes into the buffer that is returned, then
 * conn_send sends it. `timeout_ms` is the time until its answer.
 */
struct buf *conn_begin(struct conn *c, enum wire_api api);
void conn_send(struct conn *c, int32_t timeout_ms);
enum wire_api conn_asked(const struct conn *c); /* of the request in flight or just answered */
int64_t conn_sent_ms(const struct conn *c);     /* when it was sent */
/* The answer's body; borrowed until the next call of anything but this. */
struct reader conn_reply(const struct conn *c);

const char *conn_peer(const struct conn *c);
struct kaftan_error *conn_error(struct conn *c); /* FORBIDDEN: not authenticated; the caller owns it; after FAILED, once */

#endif
