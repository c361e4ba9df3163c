/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_session_int.h"

#include <stdio.h>
#include <string.h>

#include <kaftan/log.h>

/*
 * The states of a session and what time does to it.
 *
 *   OFF -> WAITING -> OPENING -> GREETING -> UP -> CLOSING -> OFF
 *            ^___________|__________|________|
 *                 whatever ends a connection
 *
 * Leaving in order is part of UP: nothing new is taken, what is open is waited
 * for and acknowledged, QoS 2 gets half a second for its PUBRELs. Then
 * DISCONNECT; the write side is shut and everything is read until the broker
 * closes, because closing a socket with unread data resets the connection and
 * may destroy the acknowledgements on their way.
 */
enum { READS_PER_STEP = 16, CLOSE_LIMIT_S = 10 };
#define HALF_DONE_US ((kaftan_deadline)500000)

struct mqtt_session *mqtt_session_new(struct mqtt_host *host, uint32_t slot, const char *client_id,
                                      const char *const *filters, const uint32_t *numbers, size_t count,
                                      const struct mqtt_totals *stored)
{
    struct mqtt_session *s = kaftan_alloc(1, sizeof *s);
    s->host = host;
    s->slot = slot;
    s->client_id = kaftan_strdup(client_id);
    s->conn = mqtt_conn_new(host->epoll, slot);
    s->window = mqtt_window_new();
    s->subs = kaftan_alloc(count + 1, sizeof *s->subs);
    s->sub_count = count;
    for (size_t i = 0; i < count; i++) {
        s->subs[i].filter = filters[i];
        s->subs[i].number = numbers[i];
    }
    s->totals = *stored;
    s->totals.filters = NULL;
    s->subscribed = stored->filters ? kaftan_strdup(stored->filters) : NULL;
    s->subscribed_qos = stored->qos;
    s->must_exist = stored->connections > 0;
    s->first_connection = true;
    s->wanted = true;
    s->state = SESSION_WAITING;
    s->now = s->down_since = s->retry_at = kaftan_now_us();
    (void)snprintf(s->last_error, sizeof s->last_error, "not tried yet");
    return s;
}

void mqtt_session_free(struct mqtt_session *s)
{
    if (!s)
        return;
    kaftan_error_free(s->failure);
    mqtt_conn_free(s->conn);
    mqtt_window_free(s->window);
    kaftan_free(s->subs);
    kaftan_free(s->subscribed);
    kaftan_free(s->client_id);
    kaftan_free(s);
}

/* ---- reading */

static void pump(struct mqtt_session *s, bool readable, bool taking)
{
    for (int reads = 0;; reads++) {
        if (!session_packets(s, taking))
            return;
        if (s->later || s->suspended || !readable || reads == READS_PER_STEP)
            return;
        bool more = false;
        switch (mqtt_conn_read(s->conn, &more)) {
        case KAFTAN_IO_OK:
            s->read_at = s->now;
            s->ping_at = 0;
            readable = more;
            break;
        case KAFTAN_IO_AGAIN:
            return;
        case KAFTAN_IO_END:
            session_broken(s, NULL);
            return;
        case KAFTAN_IO_ERROR:
            session_broken(s, mqtt_conn_error(s->conn));
            return;
        }
    }
}

static void flush(struct mqtt_session *s)
{
    size_t before = mqtt_conn_unsent(s->conn);
    if (before == 0)
        return;
    enum kaftan_io io = mqtt_conn_flush(s->conn);
    if (mqtt_conn_unsent(s->conn) < before)
        s->wrote_at = s->now;
    if (io == KAFTAN_IO_ERROR)
        session_broken(s, mqtt_conn_error(s->conn));
}

/* ---- time */

static kaftan_deadline keep_alive_us(const struct mqtt_session *s)
{
    return s->keep_alive_s * SECOND_US;
}

static void keep_alive(struct mqtt_session *s)
{
    kaftan_deadline interval = keep_alive_us(s);
    bool reading = !s->later && !s->suspended;
    if (interval == 0)
        return;
    if (s->ping_at != 0 && !reading)
        s->ping_at = s->now; /* the answer may wait behind what we do not read */
    if (s->ping_at != 0 && s->now - s->ping_at >= interval * 3 / 2) {
        session_lost(s, NEXT_SERVER, "no answer for %lld s (keep alive)",
                     (long long)((s->now - s->read_at) / SECOND_US));
        return;
    }
    if (s->now - s->wrote_at >= interval * 3 / 4) {
        mqtt_put_ping(mqtt_conn_out(s->conn, MQTT_PING_SIZE));
        session_wrote(s, MQTT_PING_SIZE);
        s->wrote_at = s->now;
        if (s->ping_at == 0)
            s->ping_at = s->now;
    }
}

static void await_suback(struct mqtt_session *s)
{
    if (s->suback_by != 0 && (s->later || s->suspended))
        s->suback_by = s->now + 30 * SECOND_US;
    if (s->suback_by != 0 && s->now >= s->suback_by) {
        session_lost(s, NEXT_SERVER, "no SUBACK for 30 s");
        return;
    }
    if (session_subscribe_deadline(s) <= s->now)
        session_subscribe_due(s);
}

/* ---- leaving */

static void send_disconnect(struct mqtt_session *s)
{
    uint8_t *p = mqtt_conn_out(s->conn, MQTT_ACK_SIZE);
    session_wrote(s, mqtt_encode_disconnect(s->version, MQTT_SUCCESS, NULL, p, MQTT_ACK_SIZE));
    s->state = SESSION_CLOSING;
    s->levels.connected = 0;
    s->close_by = 0;
}

static void leave(struct mqtt_session *s)
{
    bool late = s->now >= s->leave_by;
    if (s->open_records > 0 && !late)
        return;
    if (s->half_done_by == 0)
        s->half_done_by = s->now + HALF_DONE_US;
    if (mqtt_window_half_done(s->window) > 0 && s->now < s->half_done_by && !late)
        return;
    send_disconnect(s);
}

static void closed(struct mqtt_session *s)
{
    kaftan_log(MQTT_LOG, KAFTAN_LOG_INFO,
               "disconnected from %s in order (slot %u; received %llu, delivered %llu, acknowledged %llu)",
               session_server(s), s->slot, (unsigned long long)s->counts.received,
               (unsigned long long)s->counts.delivered, (unsigned long long)s->counts.acked);
    mqtt_conn_close(s->conn);
    s->leaving = false;
    s->state = s->wanted ? SESSION_WAITING : SESSION_OFF;
    s->retry_at = s->down_since = s->now;
}

/*
 * A broker closes as soon as it has read our DISCONNECT. One that is busy has
 * not read our acknowledgements either, and would drop them, and deliver again
 * what they are for, if the next owner of the session came before that. So it
 * has until the stop's deadline.
 */
static kaftan_deadline patience(const struct mqtt_session *s)
{
    kaftan_deadline least = s->now + SECOND_US, most = s->now + CLOSE_LIMIT_S * SECOND_US;
    kaftan_deadline by = s->leave_by > least ? s->leave_by : least;
    return by < most ? by : most;
}

static void drain(struct mqtt_session *s)
{
    if (s->close_by == 0) {
        if (mqtt_conn_flush(s->conn) == KAFTAN_IO_AGAIN && s->now < s->leave_by + SECOND_US)
            return;
        mqtt_conn_shutdown(s->conn);
        s->close_by = patience(s);
    }
    for (int reads = 0; reads < READS_PER_STEP; reads++) {
        bool more = false;
        size_t len;
        enum kaftan_io io = mqtt_conn_read(s->conn, &more);
        (void)mqtt_conn_in(s->conn, &len);
        mqtt_conn_consume(s->conn, len);
        if (io == KAFTAN_IO_AGAIN)
            break;
        if (io != KAFTAN_IO_OK) {
            closed(s);
            return;
        }
    }
    if (s->now >= s->close_by)
        closed(s);
}

void mqtt_session_leave(struct mqtt_session *s, kaftan_deadline deadline)
{
    s->now = kaftan_now_us();
    s->wanted = false;
    s->leave_by = deadline;
    s->half_done_by = 0;
    s->suspended = false; /* nothing is taken any more, and PUBREL may lie behind what is not */
    if (s->state == SESSION_UP) {
        s->leaving = true;
    } else if (s->state != SESSION_CLOSING) {
        mqtt_conn_close(s->conn);
        s->state = SESSION_OFF;
    }
}

void mqtt_session_return(struct mqtt_session *s)
{
    s->now = kaftan_now_us();
    s->wanted = true;
    if (s->state == SESSION_OFF) {
        s->leaving = false;
        s->state = SESSION_WAITING;
        s->retry_at = s->down_since = s->now;
    }
}

bool mqtt_session_quiet(const struct mqtt_session *s)
{
    return s->state == SESSION_OFF;
}

/* ---- a step */

static void step_opening(struct mqtt_session *s)
{
    switch (mqtt_conn_opened(s->conn)) {
    case KAFTAN_IO_OK:
        session_opened(s);
        if (s->state == SESSION_GREETING)
            flush(s);
        break;
    case KAFTAN_IO_AGAIN:
        break;
    case KAFTAN_IO_END:
        session_broken(s, NULL);
        break;
    case KAFTAN_IO_ERROR:
        session_broken(s, mqtt_conn_error(s->conn));
        break;
    }
}

static void step_waiting(struct mqtt_session *s)
{
    session_check_patience(s);
    if (s->state == SESSION_WAITING && s->now >= s->retry_at)
        session_connect(s);
}

static void step_up(struct mqtt_session *s)
{
    session_window_tick(s);
    mqtt_session_acknowledge(s);
    if (s->state == SESSION_UP)
        await_suback(s);
    if (s->state == SESSION_UP && s->leaving)
        leave(s);
    if (s->state == SESSION_UP)
        keep_alive(s);
    if (s->state == SESSION_UP)
        flush(s);
}

struct kaftan_error *mqtt_session_step(struct mqtt_session *s, bool readable, bool taking)
{
    s->now = kaftan_now_us();
    if (s->state == SESSION_WAITING)
        step_waiting(s);
    if (s->state == SESSION_OPENING)
        step_opening(s);
    if (s->state == SESSION_GREETING || s->state == SESSION_UP)
        pump(s, readable, taking);
    if (s->state == SESSION_GREETING && s->now >= s->answer_by)
        session_lost(s, NEXT_SERVER, "no CONNACK within %d s", s->host->config->connect_timeout_s);
    if (s->state == SESSION_GREETING)
        flush(s);
    if (s->state == SESSION_UP)
        step_up(s);
    if (s->state == SESSION_CLOSING)
        drain(s);
    mqtt_conn_watch(s->conn, !s->later && !s->suspended);
    struct kaftan_error *failure = s->failure;
    s->failure = NULL;
    return failure;
}

static kaftan_deadline earlier(kaftan_deadline a, kaftan_deadline b)
{
    return a < b ? a : b;
}

kaftan_deadline mqtt_session_deadline(const struct mqtt_session *s)
{
    kaftan_deadline first = INT64_MAX;
    switch (s->state) {
    case SESSION_OFF:
        break;
    case SESSION_WAITING:
        first = s->retry_at;
        if (s->host->config->max_retry_ms >= 0)
            first = earlier(first, s->down_since + s->host->config->max_retry_ms * 1000);
        break;
    case SESSION_OPENING:
        first = mqtt_conn_deadline(s->conn);
        break;
    case SESSION_GREETING:
        first = s->answer_by;
        break;
    case SESSION_UP:
        first = session_subscribe_deadline(s);
        if (s->keep_alive_s > 0)
            first = earlier(first, s->wrote_at + keep_alive_us(s) * 3 / 4);
        if (s->keep_alive_s > 0 && s->ping_at != 0)
            first = earlier(first, s->ping_at + keep_alive_us(s) * 3 / 2);
        if (s->leaving)
            first = earlier(first, s->half_done_by ? s->half_done_by : s->leave_by);
        break;
    case SESSION_CLOSING:
        first = s->close_by ? s->close_by : s->leave_by + SECOND_US;
        break;
    }
    return first;
}

void mqtt_session_suspend(struct mqtt_session *s, bool suspended)
{
    if (suspended && !s->suspended)
        s->counts.reading_suspended++;
    s->suspended = suspended;
}

bool mqtt_session_waiting(const struct mqtt_session *s)
{
    return s->later;
}

/* ---- what others want to know */

uint32_t mqtt_session_slot(const struct mqtt_session *s)
{
    return s->slot;
}

struct kaftan_slice mqtt_session_client_id(const struct mqtt_session *s)
{
    return (struct kaftan_slice){ s->client_id, strlen(s->client_id) };
}

struct mqtt_counts *mqtt_session_counts(struct mqtt_session *s)
{
    return &s->counts;
}

struct mqtt_totals mqtt_session_totals(const struct mqtt_session *s)
{
    struct mqtt_totals t = s->totals;
    t.filters = s->subscribed;
    t.qos = s->subscribed_qos;
    return t;
}

bool mqtt_session_filters_changed(struct mqtt_session *s)
{
    bool changed = s->filters_changed;
    s->filters_changed = false;
    return changed;
}

void mqtt_session_set_series(struct mqtt_session *s, struct mqtt_series *series)
{
    s->series = series;
}

void mqtt_session_publish_metrics(struct mqtt_session *s)
{
    uint32_t since = 0;
    bool open = mqtt_window_oldest(s->window, &since);
    s->now = kaftan_now_us();
    session_window_tick(s);
    s->levels.window = (double)s->window_limit;
    s->levels.window_used = (double)mqtt_window_used(s->window);
    s->levels.window_full_ratio = session_full_ratio(s, RATIO_SECONDS);
    s->levels.oldest_unacked_ms = open ? (double)((uint32_t)(s->now / 1000) - since) : 0;
    if (s->series)
        mqtt_series_update(s->series, &s->counts, &s->levels);
}

size_t mqtt_session_unacknowledged(const struct mqtt_session *s)
{
    return mqtt_window_used(s->window);
}
