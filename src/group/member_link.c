/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way to the coordinator: PAUSE -> SEEK -> CONNECT -> UP, and back to
 * PAUSE whenever a connection fails or a broker says that it is not the one.
 * In SEEK the connection goes to a bootstrap server (or to the last
 * coordinator, which knows the cluster as well), in UP to the coordinator.
 *
 * Losing the link does not end the membership: work goes on until ownership
 * runs out (member_round.c), and a new link carries on with the same id.
 */
#include "config.h"

#include "group/member_int.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

static struct log logger = LOG("group.member");

enum { WARN_EVERY_MS = 5000, FAILURES_LIMIT = 30 };

/* Doubles from `first` up to `max`, plus or minus a fifth. */
int64_t member_backoff(int64_t first_ms, int64_t max_ms, int32_t failures)
{
    int64_t ms = first_ms > 0 ? first_ms : 1;
    for (int32_t i = 0; i < failures && ms < max_ms; i++)
        ms *= 2;
    ms = ms < max_ms ? ms : max_ms;
    ms = ms > 0 ? ms : 1;
    return ms - ms / 5 + (int64_t)random_below((uint64_t)(2 * (ms / 5) + 1));
}

void link_drop_side(struct member *m)
{
    conn_free(m->side);
    m->side = NULL;
    m->side_task = SIDE_NONE;
}

static void drop(struct member *m)
{
    conn_free(m->conn);
    m->conn = NULL;
    link_drop_side(m);
}

static void complain(struct member *m, const struct kaftan_error *err)
{
    int64_t now = clock_mono_ms();
    if (m->warned_at && now - m->warned_at < WARN_EVERY_MS)
        return;
    m->warned_at = now;
    log_warn(&logger, "the group's coordinator is out of reach; trying again", LOG_STR("group", m->o.group), LOG_ERR(err));
}

/* A certificate, a name, a password: nothing that waiting mends. Who was once let in, though, is not thrown out by a broker
 * that has not read its passwords yet, or by a token that is a little too old. */
static bool hopeless(const struct member *m, const struct kaftan_error *err)
{
    if (kaftan_error_code(err) == KAFTAN_E_FORBIDDEN)
        return m->last_completed < 0;
    return kaftan_error_code(err) == KAFTAN_E_INVALID;
}

void link_lost(struct member *m, struct kaftan_error *err)
{
    if (err && hopeless(m, err)) {
        member_fatal(m, err);
        return;
    }
    drop(m);
    m->link = LINK_PAUSE;
    m->link_at = clock_mono_ms() + member_backoff(m->o.reconnect_ms, m->o.reconnect_max_ms, m->link_failures);
    if (m->link_failures < FAILURES_LIMIT)
        m->link_failures++;
    if (err)
        complain(m, err);
    kaftan_error_free(err);
    round_interrupted(m);
}

static struct kaftan_error *dial(struct member *m, const struct member_address *a, struct conn **ret)
{
    struct oauth_token token = { 0 };
    struct kaftan_error *err = m->o.oauth ? oauth_token(m->o.oauth, &token) : NULL;
    struct sasl_login login = { .mechanism = m->o.mechanism, .user = m->o.user, .password = m->o.password,
                                .delegation = m->o.delegation, .token = token.value, .extensions = token.extensions };
    struct conn_options o = { .login = m->o.mechanism ? &login : NULL, .host = a->host, .port = a->port, .tls = m->o.tls, .client_id = m->o.client_id,
                              .connect_timeout_ms = m->o.connect_ms, .request_timeout_ms = m->o.request_ms,
                              .receive_buffer = m->o.receive_buffer, .send_buffer = m->o.send_buffer };
    if (!err)
        err = conn_new(&o, ret);
    oauth_token_fini(&token);
    return err;
}

static void seek(struct member *m)
{
    size_t count = m->o.bootstrap_count + (m->coordinator.host != NULL);
    size_t at = m->next_server++ % count;
    const struct member_address *a = at < m->o.bootstrap_count ? &m->o.bootstrap[at] : &m->coordinator;
    struct kaftan_error *err = dial(m, a, &m->conn);
    if (err)
        link_lost(m, err);
    else
        m->link = LINK_SEEK;
}

static void ask_for_coordinator(struct member *m)
{
    int16_t version = conn_version(m->conn, WIRE_FIND_COORDINATOR);
    if (version < 0) {
        member_fatal(m, kaftan_error_new(KAFTAN_E_KAFKA, "%s is too old: it has no FindCoordinator this program knows",
                                         conn_peer(m->conn)));
        return;
    }
    wire_put_find(conn_begin(m->conn, WIRE_FIND_COORDINATOR), version, m->o.group);
    conn_send(m->conn, m->o.request_ms);
}

static void go_to(struct member *m, const struct wire_coordinator *c)
{
    mem_free(m->coordinator.host);
    m->coordinator = (struct member_address){ mem_strndup(c->host.ptr, c->host.len), c->port };
    conn_free(m->conn);
    m->conn = NULL;
    struct kaftan_error *err = dial(m, &m->coordinator, &m->conn);
    if (err) {
        link_lost(m, err);
        return;
    }
    m->link = LINK_CONNECT;
    log_info(&logger, "coordinator found", LOG_STR("group", m->o.group), LOG_STR("host", m->coordinator.host),
             LOG_INT("port", m->coordinator.port), LOG_INT("node", c->node));
}

static bool usable(const struct wire_coordinator *c)
{
    for (size_t i = 0; i < c->host.len; i++)
        if ((unsigned char)c->host.ptr[i] <= ' ' || (unsigned char)c->host.ptr[i] >= 0x7F)
            return false;
    return c->host.ptr && c->host.len > 0 && c->port > 0 && c->port <= UINT16_MAX;
}

static void take_coordinator(struct member *m)
{
    struct wire_coordinator c;
    struct reader r = conn_reply(m->conn);
    if (!wire_get_find(&r, conn_version(m->conn, WIRE_FIND_COORDINATOR), &c)) {
        link_lost(m, kaftan_error_new(KAFTAN_E_KAFKA, "%s: the answer to FindCoordinator cannot be read", conn_peer(m->conn)));
        return;
    }
    if (c.error == WIRE_NONE && !usable(&c)) {
        link_lost(m, kaftan_error_new(KAFTAN_E_KAFKA, "%s names no address of the coordinator of group \"%s\": \"%.*s\", port %d",
                                      conn_peer(m->conn), m->o.group, (int)c.host.len, c.host.ptr ? c.host.ptr : "", (int)c.port));
        return;
    }
    if (c.error == WIRE_NONE) {
        go_to(m, &c);
        return;
    }
    struct kaftan_error *err = round_broker_error(m, "no coordinator for", c.error);
    if (c.error == WIRE_INVALID_GROUP_ID || c.error == WIRE_GROUP_AUTHORIZATION_FAILED)
        member_fatal(m, err);
    else
        link_lost(m, err);
}

static bool versions_fit(struct member *m)
{
    static const enum wire_api needed[] = { WIRE_JOIN_GROUP, WIRE_SYNC_GROUP, WIRE_HEARTBEAT, WIRE_LEAVE_GROUP };
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        if (conn_version(m->conn, needed[i]) < 0) {
            member_fatal(m, kaftan_error_new(KAFTAN_E_KAFKA,
                                             "%s is too old or too new: it speaks no version of request %d that this program knows",
                                             conn_peer(m->conn), (int)needed[i]));
            return false;
        }
    return true;
}

static void ready(struct member *m)
{
    if (m->link == LINK_SEEK) {
        ask_for_coordinator(m);
    } else if (versions_fit(m)) {
        m->link = LINK_UP;
        m->link_failures = 0;
        m->warned_at = 0;
        m->beat_at = 0; /* say at once that we are still here */
    }
}

void link_open_side(struct member *m, enum side_task what)
{
    ASSERT(!m->side && m->coordinator.host);
    kaftan_error_free(dial(m, &m->coordinator, &m->side)); /* without it the main connection has to do */
    m->side_task = m->side ? what : SIDE_NONE;
    m->beat_at = clock_mono_ms() + m->o.heartbeat_ms; /* no quicker again, should it fail */
}

static void step_side(struct member *m)
{
    while (m->side) {
        switch (conn_step(m->side)) {
        case CONN_WAIT:
            return;
        case CONN_READY:
            round_side_ready(m);
            break;
        case CONN_REPLY:
            round_side_reply(m);
            break;
        case CONN_FAILED:
            link_drop_side(m);
            break;
        }
    }
}

static void step_main(struct member *m)
{
    while (m->conn) {
        struct conn *before = m->conn;
        switch (conn_step(m->conn)) {
        case CONN_WAIT:
            return;
        case CONN_READY:
            ready(m);
            break;
        case CONN_REPLY:
            if (m->link == LINK_SEEK)
                take_coordinator(m);
            else
                round_reply(m);
            break;
        case CONN_FAILED:
            link_lost(m, conn_error(m->conn));
            break;
        }
        if (m->conn == before && conn_idle(m->conn))
            return; /* round_step decides what is next */
    }
}

void link_step(struct member *m)
{
    if (m->ended)
        return;
    if (m->link == LINK_PAUSE && m->stage != STAGE_OUT && clock_mono_ms() >= m->link_at)
        seek(m);
    step_main(m);
    step_side(m);
}
