/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_session_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <kaftan/log.h>

/*
 * Where to connect, and what follows when a connection ends.
 *
 * A connection that was stable for ten seconds is tried again at once on the
 * same server; any other failure goes to the next server, and after a full
 * round there is a random wait whose limit doubles. Two clients with one id
 * would push each other out for ever, so a takeover is answered slowly, and
 * the third within a minute is a failure that says what to look for.
 */
enum { STABLE_S = 10, QUICK_S = 2, RECENT_S = 60, HOUR_S = 3600, QUICK_BACKOFF_MAX_MS = 60000 };

static const struct mqtt_server *current(const struct mqtt_session *s)
{
    return s->redirect ? &s->redirected : &s->host->servers[s->server];
}

const char *session_server(const struct mqtt_session *s)
{
    const char *peer = mqtt_conn_is_open(s->conn) ? mqtt_conn_peer(s->conn) : NULL;
    return peer ? peer : current(s)->uri;
}

void session_fail(struct mqtt_session *s, enum kaftan_code code, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (!s->failure)
        s->failure = kaftan_error_new(code, "%s", text);
    mqtt_conn_close(s->conn);
    s->state = SESSION_OFF;
    s->levels.connected = 0;
}

/* ---- after a connection */

static int64_t wait_ms(struct mqtt_session *s)
{
    const struct mqtt_config *c = s->host->config;
    int64_t max = c->backoff_max_ms > s->backoff_max_ms ? c->backoff_max_ms : s->backoff_max_ms;
    int64_t limit = c->backoff_ms;
    for (unsigned i = 0; i < s->backoff && limit < max; i++)
        limit *= 2;
    /* At the limit there is nothing to double; so a limit that is raised is approached step by step. */
    if (limit >= max)
        limit = max;
    else
        s->backoff++;
    return (int64_t)kaftan_random((uint64_t)limit + 1);
}

static void next_server(struct mqtt_session *s)
{
    size_t n = s->host->server_count;
    s->redirect = false;
    if (mqtt_choice(s->host->config->server_select, "random"))
        s->server = (size_t)kaftan_random(n);
    else
        s->server = (s->server + 1) % n;
}

static int64_t plan(struct mqtt_session *s, enum next next)
{
    switch (next) {
    case NEXT_SAME:
        s->round = 0;
        if (!mqtt_choice(s->host->config->server_select, "failover"))
            next_server(s);
        return 0;
    case NEXT_LONGEST:
        next_server(s);
        return s->host->config->backoff_max_ms;
    case NEXT_GRACE:
        return 1000 + (int64_t)kaftan_random(4001);
    case NEXT_AT_ONCE:
    case NEXT_SERVER:
        break;
    }
    if (next == NEXT_SERVER)
        next_server(s);
    /* Remedies count as well, so that two brokers that send us to each other do not make us spin. */
    if (++s->round < s->host->server_count || (next == NEXT_AT_ONCE && s->round == s->host->server_count))
        return 0;
    s->round = 0;
    return wait_ms(s);
}

void session_lost(struct mqtt_session *s, enum next next, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(s->last_error, sizeof s->last_error, fmt, args);
    va_end(args);
    enum session_state reached = s->state;
    bool was_up = reached == SESSION_UP;
    char server[MQTT_HOST_LIMIT + 64];
    (void)snprintf(server, sizeof server, "%s", session_server(s));
    mqtt_conn_close(s->conn);
    s->levels.connected = 0;
    s->later = false;
    if (was_up && s->now - s->up_since >= STABLE_S * SECOND_US) {
        s->backoff = 0;
        s->backoff_max_ms = 0;
        if (next == NEXT_SERVER)
            next = NEXT_SAME;
    }
    if (!was_up) {
        s->counts.connect_failures++;
        s->counts.failures[reached == SESSION_GREETING ? MQTT_PHASE_NO_CONNACK : MQTT_PHASE_UNREACHABLE]++;
    } else {
        s->down_since = s->now;
    }
    if (!s->wanted) {
        s->state = SESSION_OFF;
        kaftan_log(MQTT_LOG, KAFTAN_LOG_INFO, "disconnected from %s: %s (slot %u)", server, s->last_error, s->slot);
        return;
    }
    int64_t ms = plan(s, next);
    s->retry_at = s->now + ms * 1000;
    s->state = SESSION_WAITING;
    if (was_up)
        kaftan_log(MQTT_LOG, KAFTAN_LOG_INFO,
                   "disconnected from %s: %s (slot %u; received %llu, delivered %llu, acknowledged %llu, open %zu); "
                   "next attempt in %lld ms",
                   server, s->last_error, s->slot, (unsigned long long)s->counts.received,
                   (unsigned long long)s->counts.delivered, (unsigned long long)s->counts.acked,
                   mqtt_window_used(s->window), (long long)ms);
    else
        kaftan_log(MQTT_LOG, next == NEXT_LONGEST ? KAFTAN_LOG_ERROR : KAFTAN_LOG_WARN,
                   "cannot connect to %s as '%s': %s; next attempt in %lld ms", server, s->client_id, s->last_error,
                   (long long)ms);
    session_check_patience(s);
}

void session_check_patience(struct mqtt_session *s)
{
    int64_t limit = s->host->config->max_retry_ms;
    int64_t gone = (s->now - s->down_since) / 1000;
    if (limit >= 0 && gone >= limit)
        session_fail(s, KAFTAN_E_UNAVAILABLE, "no MQTT connection as '%s' for %lld ms (max.retry.time.ms is %lld): %s",
                     s->client_id, (long long)gone, (long long)limit, s->last_error);
}

/* Adds now; true when there were RECENT of them within the time. */
static bool recent(kaftan_deadline *times, kaftan_deadline now)
{
    memmove(times, times + 1, (RECENT - 1) * sizeof *times);
    times[RECENT - 1] = now;
    return times[0] != 0 && now - times[0] <= RECENT_S * SECOND_US;
}

static void close_before_connack(struct mqtt_session *s, const char *why)
{
    bool automatic = mqtt_choice(s->host->config->version, "auto");
    if (automatic && !s->known_version) {
        /* A broker that knows no 5 may just close; so one that closes is asked the other way next time. */
        s->try_old = !s->try_old;
        session_lost(s, s->try_old ? NEXT_AT_ONCE : NEXT_SERVER, "%s before CONNACK (MQTT %s)", why,
                     s->version == MQTT_V5 ? "5" : "3.1.1");
        return;
    }
    session_lost(s, NEXT_SERVER, "%s before CONNACK", why);
}

void session_broken(struct mqtt_session *s, struct kaftan_error *err)
{
    const char *why = err ? kaftan_error_message(err) : "the broker closed the connection";
    if (s->state == SESSION_GREETING) {
        close_before_connack(s, why);
    } else {
        if (s->state == SESSION_UP && !s->leaving && s->now - s->up_since < QUICK_S * SECOND_US &&
            recent(s->quick_close, s->now)) {
            if (s->backoff_max_ms == 0)
                kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN,
                           "connection closed right after CONNACK 3 times in 60 s: another client may use client id "
                           "'%s' on %s, or the network drops us",
                           s->client_id, session_server(s));
            s->backoff_max_ms = QUICK_BACKOFF_MAX_MS;
        }
        session_lost(s, NEXT_SERVER, "%s", why);
    }
    kaftan_error_free(err);
}

/* ---- opening */

static struct kaftan_error *open_stream(struct mqtt_session *s)
{
    const struct mqtt_config *c = s->host->config;
    const struct mqtt_server *server = current(s);
    struct kaftan_tls *tls = NULL;
    struct kaftan_error *err = server->tls ? mqtt_tls_get(s->host->tls, &tls) : NULL;
    if (err)
        return err;
    const struct kaftan_stream_options o = {
        .size = sizeof o,
        .host = server->host,
        .port = server->port,
        .tls = tls,
        .deadline = s->now + c->connect_timeout_s * SECOND_US,
        .receive_buffer = c->receive_buffer,
        .send_buffer = c->send_buffer,
        .user_timeout_ms = c->user_timeout_ms,
    };
    return mqtt_conn_open(s->conn, &o);
}

static enum mqtt_version pick_version(struct mqtt_session *s)
{
    const char *version = s->host->config->version;
    if (!mqtt_choice(version, "auto"))
        return mqtt_choice(version, "5") ? MQTT_V5 : MQTT_V311;
    if (s->known_version && s->now > s->known_until) {
        s->known_version = 0;
        s->try_old = false;
    }
    if (s->known_version)
        return s->known_version;
    return s->try_old ? MQTT_V311 : MQTT_V5;
}

void session_connect(struct mqtt_session *s)
{
    if (!kaftan_task_still_owned(s->host->task)) {
        s->retry_at = s->now + SECOND_US; /* the worker decides; until then nobody is pushed out */
        return;
    }
    s->version = pick_version(s);
    s->state = SESSION_OPENING;
    s->answer_by = s->now + s->host->config->connect_timeout_s * SECOND_US;
    struct kaftan_error *err = open_stream(s);
    if (err)
        session_lost(s, NEXT_SERVER, "%s", kaftan_error_message(err));
    kaftan_error_free(err);
}

static struct kaftan_slice text(const char *s)
{
    return (struct kaftan_slice){ s, strlen(s) };
}

static struct kaftan_slice secret(const struct kaftan_secret *secret)
{
    struct kaftan_slice s = text(kaftan_secret_reveal(secret));
    return s.len ? s : (struct kaftan_slice){ NULL, 0 };
}

/* `name=value` items as pairs; the caller frees the array. */
static struct kaftan_slice *user_pairs(const struct kaftan_list *list, size_t *ret_count)
{
    struct kaftan_slice *pairs = kaftan_alloc(2 * list->count + 1, sizeof *pairs);
    *ret_count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const char *item = list->items[i], *equals = strchr(item, '=');
        if (!equals)
            continue;
        pairs[2 * *ret_count] = (struct kaftan_slice){ item, (size_t)(equals - item) };
        pairs[2 * *ret_count + 1] = text(equals + 1);
        (*ret_count)++;
    }
    return pairs;
}

static bool send_connect(struct mqtt_session *s)
{
    const struct mqtt_config *c = s->host->config;
    bool has_will = c->will_topic && *c->will_topic && s->slot == s->host->will_slot;
    struct mqtt_will will = { .topic = { NULL, 0 } };
    if (has_will)
        will = (struct mqtt_will){ text(c->will_topic), text(c->will_payload ? c->will_payload : ""),
                                   (uint8_t)c->will_qos, c->will_retained };
    size_t pairs = 0;
    struct kaftan_slice *user = user_pairs(&c->connect_user_properties, &pairs);
    const struct mqtt_connect connect = {
        .version = s->version,
        .clean = c->clean_session,
        .keep_alive_s = (uint16_t)c->keep_alive_s,
        .client_id = text(s->client_id),
        .username = secret(c->username),
        .password = secret(c->password),
        .will = has_will ? &will : NULL,
        .session_expiry_s = c->clean_session ? 0 : (uint32_t)c->session_expiry_s,
        .receive_maximum = s->host->receive_maximum,
        .maximum_packet_size = (uint32_t)c->maximum_packet_size,
        .problem_info = true,
        .user = user,
        .user_count = pairs,
    };
    size_t size = mqtt_encode_connect(&connect, NULL, 0);
    if (size > 0) {
        (void)mqtt_encode_connect(&connect, mqtt_conn_out(s->conn, size), size);
        session_wrote(s, size);
    }
    kaftan_free(user);
    return size > 0;
}

void session_opened(struct mqtt_session *s)
{
    const struct mqtt_config *c = s->host->config;
    if (s->version == MQTT_V311 && *kaftan_secret_reveal(c->password) && !*kaftan_secret_reveal(c->username)) {
        session_fail(s, KAFTAN_E_INVALID, "%s speaks MQTT 3.1.1, where mqtt.password needs mqtt.username",
                     session_server(s));
        return;
    }
    s->state = SESSION_GREETING;
    s->read_at = s->wrote_at = s->now;
    s->ping_at = 0;
    s->suspended = false;
    s->later = false;
    if (!send_connect(s))
        session_fail(s, KAFTAN_E_INVALID, "CONNECT cannot be made: client id, user name, password or will are longer "
                                          "than 65535 bytes");
}

/* ---- CONNACK and DISCONNECT */

static const char *reason_string(const struct mqtt_packet *p, char *buf, size_t size)
{
    if (mqtt_has(&p->props, MQTT_REASON_STRING)) {
        struct kaftan_slice r = p->props.text[MQTT_REASON_STRING];
        (void)snprintf(buf, size, "%s (0x%02x): %.*s", mqtt_reason_text(p->reason), p->reason,
                       (int)(r.len < 256 ? r.len : 256), r.ptr);
    } else {
        (void)snprintf(buf, size, "%s (0x%02x)", mqtt_reason_text(p->reason), p->reason);
    }
    return buf;
}

static bool same_server(const struct mqtt_server *a, const struct mqtt_server *b)
{
    return strcmp(a->host, b->host) == 0 && a->port == b->port;
}

/* Where a broker sends us, as far as the configuration allows. */
static void redirect(struct mqtt_session *s, const struct mqtt_packet *p, const char *why)
{
    const char *policy = s->host->config->server_redirect;
    struct mqtt_server to;
    bool read = mqtt_has(&p->props, MQTT_SERVER_REFERENCE) &&
                mqtt_server_reference(p->props.text[MQTT_SERVER_REFERENCE], current(s), &to);
    if (read && !mqtt_choice(policy, "off")) {
        for (size_t i = 0; i < s->host->server_count; i++) {
            if (!same_server(&s->host->servers[i], &to))
                continue;
            kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN, "%s sends us to %s:%u: %s", session_server(s), to.host, to.port, why);
            session_lost(s, NEXT_AT_ONCE, "redirected to %s:%u", to.host, to.port);
            s->redirect = false;
            s->server = i;
            return;
        }
        if (mqtt_choice(policy, "any")) {
            kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN, "%s sends us to %s:%u: %s", session_server(s), to.host, to.port, why);
            session_lost(s, NEXT_AT_ONCE, "redirected to %s:%u", to.host, to.port);
            to.uri = "the server we were sent to";
            s->redirected = to;
            s->redirect = true;
            return;
        }
    }
    session_lost(s, NEXT_SERVER, "%s", why);
}

static void taken_over(struct mqtt_session *s)
{
    s->counts.takeovers++;
    if (!kaftan_task_still_owned(s->host->task)) {
        session_lost(s, NEXT_GRACE, "the task has moved");
        return;
    }
    if (recent(s->taken_over, s->now)) {
        session_fail(s, KAFTAN_E_CONFLICT,
                     "another client uses client id '%s' on %s; is the connector running in a second cluster with the "
                     "same group.id and name?",
                     s->client_id, session_server(s));
        return;
    }
    kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN, "another client has taken over client id '%s' on %s", s->client_id,
               session_server(s));
    session_lost(s, NEXT_GRACE, "session taken over");
}

void session_refused(struct mqtt_session *s, const struct mqtt_packet *p)
{
    char why[ERROR_TEXT];
    bool greeting = s->state == SESSION_GREETING;
    (void)reason_string(p, why, sizeof why);
    switch (p->reason) {
    case MQTT_UNSUPPORTED_VERSION:
        if (mqtt_choice(s->host->config->version, "auto") && s->version == MQTT_V5) {
            s->try_old = true;
            session_lost(s, NEXT_AT_ONCE, "the broker refuses MQTT 5");
        } else {
            session_fail(s, KAFTAN_E_INVALID, "%s refuses MQTT %s; set mqtt.version", session_server(s),
                         s->version == MQTT_V5 ? "5" : "3.1.1");
        }
        return;
    case MQTT_BAD_CLIENT_ID:
        session_fail(s, KAFTAN_E_INVALID, "the broker rejects client id '%s'; set mqtt.client.id", s->client_id);
        return;
    case MQTT_BAD_USER:
    case MQTT_NOT_AUTHORIZED:
    case MQTT_BANNED:
    case MQTT_BAD_AUTH_METHOD:
        session_lost(s, NEXT_LONGEST, "%s", why);
        return;
    case MQTT_TAKEN_OVER:
        taken_over(s);
        return;
    case MQTT_USE_ANOTHER_SERVER:
    case MQTT_SERVER_MOVED:
        redirect(s, p, why);
        return;
    case MQTT_MALFORMED:
    case MQTT_PROTOCOL_ERROR:
    case 0x90: /* topic name invalid */
    case MQTT_PACKET_TOO_LARGE:
    case 0x99: /* payload format invalid */
        if (greeting) {
            session_fail(s, KAFTAN_E_INTERNAL, "%s refuses the connection: %s", session_server(s), why);
            return;
        }
        break;
    default:
        break;
    }
    session_lost(s, NEXT_SERVER, "%s", why);
}

/* A session that had to be there is gone, or is on another server. */
static bool session_missing(struct mqtt_session *s)
{
    const struct mqtt_config *c = s->host->config;
    const char *uri = current(s)->uri;
    bool moved = *s->last_uri && strcmp(s->last_uri, uri) != 0;
    if (c->clean_session || !s->must_exist)
        return true;
    if (moved) {
        kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN,
                   "no session of client id '%s' at %s: what %s has queued for it stays there until we return",
                   s->client_id, uri, s->last_uri);
        return true;
    }
    s->counts.session_lost++;
    if (mqtt_choice(c->session_lost_action, "fail")) {
        session_fail(s, KAFTAN_E_INTERNAL, "session of client id '%s' was lost by %s: messages queued for it are gone",
                     s->client_id, session_server(s));
        return false;
    }
    kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN,
               "session of client id '%s' was lost by %s: messages queued for it are gone", s->client_id,
               session_server(s));
    return true;
}

static void take_over_limits(struct mqtt_session *s, const struct mqtt_packet *p)
{
    const struct mqtt_properties *q = &p->props;
    const struct mqtt_config *c = s->host->config;
    s->keep_alive_s = mqtt_has(q, MQTT_SERVER_KEEP_ALIVE) ? (uint16_t)q->number[MQTT_SERVER_KEEP_ALIVE]
                                                          : (uint16_t)c->keep_alive_s;
    s->maximum_packet_size = mqtt_has(q, MQTT_MAXIMUM_PACKET_SIZE) ? q->number[MQTT_MAXIMUM_PACKET_SIZE] : 0;
    s->identifiers = s->version == MQTT_V5 && !(mqtt_has(q, MQTT_SUBSCRIPTION_ID_AVAILABLE) &&
                                                q->number[MQTT_SUBSCRIPTION_ID_AVAILABLE] == 0);
    s->window_limit = s->version == MQTT_V5 ? s->host->receive_maximum : 0;
    if (mqtt_has(q, MQTT_SESSION_EXPIRY) && !c->clean_session &&
        q->number[MQTT_SESSION_EXPIRY] != (uint32_t)c->session_expiry_s)
        kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN, "%s keeps the session of '%s' for %u s instead of %lld s",
                   session_server(s), s->client_id, q->number[MQTT_SESSION_EXPIRY], (long long)c->session_expiry_s);
}

bool session_connack(struct mqtt_session *s, const struct mqtt_packet *p)
{
    if (p->reason != MQTT_SUCCESS) {
        session_refused(s, p);
        return false;
    }
    if (p->old_connack) {
        session_malformed(s, MQTT_MALFORMED, "a CONNACK of MQTT 3.1.1 although 5 was asked for", NULL, 0);
        return false;
    }
    if (mqtt_has(&p->props, MQTT_ASSIGNED_CLIENT_ID)) {
        session_fail(s, KAFTAN_E_INVALID, "the broker replaced the client id; set mqtt.client.id");
        return false;
    }
    bool present = p->session_present && !s->host->config->clean_session;
    if (!present && !session_missing(s))
        return false;
    take_over_limits(s, p);
    if (!present)
        s->totals = (struct mqtt_totals){ .qos = -1 };
    mqtt_window_connected(s->window, present);
    s->state = SESSION_UP;
    s->up_since = s->read_at = s->now;
    s->session_present = s->totals.session_present = present;
    s->totals.connections++;
    s->counts.connections++;
    s->must_exist = true;
    s->overrun_told = false;
    s->levels.connected = 1;
    s->levels.session_present = present;
    (void)snprintf(s->last_uri, sizeof s->last_uri, "%s", current(s)->uri);
    s->known_version = s->version;
    s->known_until = s->now + HOUR_S * SECOND_US;
    char window[32] = "chosen by the broker";
    if (s->version == MQTT_V5)
        (void)snprintf(window, sizeof window, "%u", s->host->receive_maximum);
    kaftan_log(MQTT_LOG, KAFTAN_LOG_INFO,
               "connected to %s with MQTT %s as '%s' (slot %u): session %s, window %s, keep alive %u s%s%s",
               session_server(s), s->version == MQTT_V5 ? "5" : "3.1.1", s->client_id, s->slot,
               present ? "present" : "new", window, s->keep_alive_s, s->maximum_packet_size ? ", packets limited" : "",
               s->version == MQTT_V5 && !s->identifiers ? ", no subscription identifiers" : "");
    session_subscribe(s, present);
    return s->state == SESSION_UP;
}
