/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_session_int.h"

#include <stdio.h>
#include <string.h>

#include <kaftan/log.h>

/*
 * From bytes to messages, and back to acknowledgements.
 *
 * Packets are looked at where they lie in the read buffer; a PUBLISH that the
 * host has no room for stays there, and with it everything behind it. So what
 * has been read but not handed on needs no memory of its own, is never
 * acknowledged, and is simply forgotten when the connection ends.
 */
enum {
    CONTROL_LIMIT = 256 * 1024, /* packets other than PUBLISH */
    HEAD_LIMIT = 64 * 1024,     /* of a message too large to keep: topic, id, properties */
    UNSENT_LIMIT = 1 << 20,     /* what the broker does not read; until then no more is read from it */
    WRONG_USE_S = 60,
    FULL_SECONDS = 10,
    FULL_PERCENT = 90,
    PROMPT_US = 2000, /* 3.1.1: silence, and the end of it */
    PEAK_MIN = 8 /* 3.1.1: fewer in flight say nothing about the broker's limit */
};

/* ---- wrong packets */

void session_malformed(struct mqtt_session *s, uint8_t reason, const char *why, const uint8_t *bytes, size_t len)
{
    char hex[2 * POISON_BYTES + 1] = "";
    if (len > POISON_BYTES)
        len = POISON_BYTES;
    for (size_t i = 0; i < len; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    bool same = len > 0 && len == s->poison_len && memcmp(s->poison, bytes, len) == 0;
    s->poison_count = same ? s->poison_count + 1 : 1;
    if (len > 0)
        memcpy(s->poison, bytes, len);
    s->poison_len = len;
    size_t in_buffer;
    (void)mqtt_conn_in(s->conn, &in_buffer);
    kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN, "%s sent a wrong packet: %s (%s at byte %llu of the connection, starts with %s)",
               session_server(s), why, len > 0 ? mqtt_type_name((enum mqtt_type)(bytes[0] >> 4)) : "packet",
               (unsigned long long)(mqtt_conn_received(s->conn) - in_buffer), len > 0 ? hex : "nothing of interest");
    if (s->version == MQTT_V5) {
        uint8_t *p = mqtt_conn_out(s->conn, MQTT_ACK_SIZE);
        session_wrote(s, mqtt_encode_disconnect(s->version, reason, NULL, p, MQTT_ACK_SIZE));
        (void)mqtt_conn_flush(s->conn); /* as much as goes; the connection ends either way */
    }
    if (s->poison_count >= POISON_LIMIT) {
        session_fail(s, KAFTAN_E_INTERNAL,
                     "%s sent the same wrong packet %d times in a row: %s (it starts with %s); remove the message from "
                     "the session of client id '%s'",
                     session_server(s), POISON_LIMIT, why, hex, s->client_id);
        return;
    }
    session_lost(s, NEXT_SERVER, "wrong packet: %s", why);
}

/* The broker breaks the rules of the acknowledgements, but we can go on: told once a minute. */
static void tell_wrong_use(struct mqtt_session *s, const char *what, uint16_t id)
{
    if (s->wrong_use_told != 0 && s->now - s->wrong_use_told < WRONG_USE_S * SECOND_US)
        return;
    s->wrong_use_told = s->now;
    kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN, "%s breaks the protocol: %s (packet %u, slot %u)", session_server(s), what,
               id, s->slot);
}

/* ---- PUBLISH */

static void put_ack(struct mqtt_session *s, enum mqtt_type type, uint16_t id)
{
    mqtt_put_ack(mqtt_conn_out(s->conn, MQTT_ACK_SIZE), type, id);
    session_wrote(s, MQTT_ACK_SIZE);
}

static void count_message(struct mqtt_session *s, const struct mqtt_packet *p)
{
    s->counts.received++;
    s->totals.received++;
    s->counts.received_bytes += p->payload.len;
    s->counts.retained_received += p->retain;
    s->counts.duplicate_flag += p->dup;
}

/*
 * With 3.1.1 nobody tells how many messages the broker sends ahead. When it
 * was silent, and the next message comes right behind our acknowledgements,
 * then what was unacknowledged before them was as much as it allows.
 */
static void guess_window(struct mqtt_session *s, size_t used)
{
    if (s->acked_at != 0 && s->acked_used > 0 && s->now - s->acked_at <= PROMPT_US)
        s->window_limit = s->acked_used;
    s->acked_at = 0;
    s->message_at = s->now;
    if (used > s->window_limit)
        s->window_limit = used;
}

static void check_overrun(struct mqtt_session *s)
{
    size_t used = mqtt_window_used(s->window);
    if (s->version == MQTT_V311) {
        guess_window(s, used);
        return;
    }
    if (used <= s->window_limit)
        return;
    s->counts.receive_maximum_exceeded++;
    if (s->overrun_told)
        return;
    s->overrun_told = true;
    kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN, "receive maximum exceeded by %s: %zu in flight, %zu allowed",
               session_server(s), used, s->window_limit);
}

static uint32_t stamp(const struct mqtt_session *s)
{
    return (uint32_t)(s->now / 1000); /* wraps after 49 days; only differences are used */
}

enum verdict { ON, STOP_LATER, STOP_GONE };

static enum verdict take(struct mqtt_session *s, const struct mqtt_packet *p, uint64_t *ret_token, bool *ret_done)
{
    switch (s->host->take(s->host, s, p, ret_token)) {
    case MQTT_TAKEN:
        s->open_records++;
        *ret_done = false;
        return ON;
    case MQTT_TAKEN_DONE:
        *ret_done = true;
        return ON;
    case MQTT_LATER:
        return STOP_LATER;
    case MQTT_REFUSED:
        break;
    }
    return STOP_LATER; /* the host ends the task; the message stays in the session */
}

static enum verdict on_counted(struct mqtt_session *s, const struct mqtt_packet *p)
{
    uint64_t hash = mqtt_content_hash(p), token = 0;
    bool done = false;
    enum mqtt_sight sight = mqtt_window_see(s->window, p->id, p->qos, hash);
    switch (sight) {
    case MQTT_SUPPRESSED:
    case MQTT_RESUMED:
        count_message(s, p);
        s->counts.duplicate_suppressed++;
        break;
    case MQTT_PUBREC_AGAIN:
        count_message(s, p);
        s->counts.duplicate_suppressed++;
        put_ack(s, MQTT_PUBREC, p->id);
        break;
    case MQTT_CONFLICT:
    case MQTT_NEW: {
        enum verdict v = take(s, p, &token, &done);
        if (v != ON)
            return v;
        if (sight == MQTT_CONFLICT)
            tell_wrong_use(s, "a packet identifier is used for another message before it is free", p->id);
        count_message(s, p);
        /* Policy `received`: nothing is waited for; the outcome will find no entry that waits for it. */
        done = done || mqtt_choice(s->host->config->ack_policy, "received");
        mqtt_window_add(s->window, p->id, p->qos, hash, token, done ? 0 : 1, stamp(s));
        break;
    }
    }
    check_overrun(s);
    return ON;
}

static enum verdict on_publish(struct mqtt_session *s, const struct mqtt_packet *p, bool taking)
{
    if (s->leaving) {
        /* What comes now is not ours any more: unacknowledged, it comes again. QoS 0 is gone, and is counted. */
        s->counts.qos0_dropped += p->qos == 0;
        return ON;
    }
    if (!taking)
        return STOP_LATER;
    if (p->qos > 0)
        return on_counted(s, p);
    uint64_t token = 0;
    bool done = false;
    enum verdict v = take(s, p, &token, &done);
    if (v == ON)
        count_message(s, p);
    return v;
}

/* A message that is larger than the limit: its head is kept until it is dealt with, its payload never. */
static enum verdict on_oversize(struct mqtt_session *s, bool taking, size_t *ret_used)
{
    size_t len, head = 0;
    const uint8_t *in = mqtt_conn_in(s->conn, &len);
    const char *why = NULL;
    enum mqtt_decoded d = mqtt_decode_publish_head(in, len, s->version, &s->packet, &head, &why);
    if (d == MQTT_BAD || (d == MQTT_MORE && len > HEAD_LIMIT)) {
        session_malformed(s, MQTT_MALFORMED, why ? why : "topic and properties of a message take more than 64 KiB", in,
                          len);
        return STOP_GONE;
    }
    if (d == MQTT_MORE) {
        *ret_used = 0;
        return ON;
    }
    if (mqtt_has(&s->packet.props, MQTT_TOPIC_ALIAS)) {
        session_malformed(s, MQTT_PROTOCOL_ERROR, "a topic alias, although none was allowed", in, len);
        return STOP_GONE;
    }
    enum verdict v = on_publish(s, &s->packet, taking);
    if (v == ON) {
        s->counts.oversize += !s->leaving;
        mqtt_conn_skip(s->conn, head + s->packet.payload.len);
        *ret_used = 1;
    }
    return v;
}

/* ---- everything else */

static bool on_pubrel(struct mqtt_session *s, const struct mqtt_packet *p)
{
    switch (mqtt_window_release(s->window, p->id)) {
    case MQTT_COMPLETE:
        put_ack(s, MQTT_PUBCOMP, p->id);
        break;
    case MQTT_COMPLETE_UNKNOWN:
        if (s->version == MQTT_V5) {
            mqtt_put_ack_reason(mqtt_conn_out(s->conn, MQTT_ACK_REASON_SIZE), MQTT_PUBCOMP, p->id, MQTT_ID_NOT_FOUND);
            session_wrote(s, MQTT_ACK_REASON_SIZE);
        } else {
            put_ack(s, MQTT_PUBCOMP, p->id);
        }
        break;
    case MQTT_RELEASE_REFUSED:
        tell_wrong_use(s, "PUBREL for a message that has had no PUBREC", p->id);
        break;
    }
    return true;
}

static bool on_control(struct mqtt_session *s, const struct mqtt_packet *p, const uint8_t *in, size_t len)
{
    bool greeting = s->state == SESSION_GREETING;
    if (greeting != (p->type == MQTT_CONNACK)) {
        session_malformed(s, MQTT_PROTOCOL_ERROR, greeting ? "a packet before CONNACK" : "a second CONNACK", in, len);
        return false;
    }
    switch (p->type) {
    case MQTT_CONNACK:
        return session_connack(s, p);
    case MQTT_PUBREL:
        return on_pubrel(s, p);
    case MQTT_SUBACK:
        return session_suback(s, p);
    case MQTT_UNSUBACK:
        return session_unsuback(s, p);
    case MQTT_PINGRESP:
        return true;
    case MQTT_DISCONNECT:
        session_refused(s, p);
        return false;
    default:
        session_malformed(s, MQTT_PROTOCOL_ERROR, "an answer to a message that was never sent", in, len);
        return false;
    }
}

/* One packet; *ret_used 0: it is not complete yet. */
static enum verdict one_packet(struct mqtt_session *s, bool taking, size_t *ret_used)
{
    size_t len, header = 0, body = 0;
    const uint8_t *in = mqtt_conn_in(s->conn, &len);
    const char *why = NULL;
    *ret_used = 0;
    enum mqtt_decoded d = mqtt_decode(in, len, s->version, &s->packet, ret_used, &why);
    if (d == MQTT_MORE && (len < 2 || mqtt_frame(in, len, &header, &body, &why) == MQTT_MORE))
        return ON;
    if (d == MQTT_MORE) {
        bool publish = in[0] >> 4 == MQTT_PUBLISH;
        if (!publish && header + body > CONTROL_LIMIT) {
            session_malformed(s, MQTT_PACKET_TOO_LARGE, "a packet that is larger than any of its kind", in, len);
            return STOP_GONE;
        }
        if (publish && s->state == SESSION_UP && body > (size_t)s->host->config->max_message_bytes)
            return on_oversize(s, taking, ret_used);
        mqtt_conn_need(s->conn, header + body);
        return ON;
    }
    if (d == MQTT_BAD) {
        session_malformed(s, MQTT_MALFORMED, why, in, len);
        return STOP_GONE;
    }
    if (s->packet.type != MQTT_PUBLISH || s->state == SESSION_GREETING) {
        if (!on_control(s, &s->packet, in, *ret_used))
            return STOP_GONE;
    } else if (mqtt_has(&s->packet.props, MQTT_TOPIC_ALIAS)) {
        session_malformed(s, MQTT_PROTOCOL_ERROR, "a topic alias, although none was allowed", in, *ret_used);
        return STOP_GONE;
    } else if (*ret_used > (size_t)s->host->config->max_message_bytes &&
               mqtt_frame(in, len, &header, &body, &why) == MQTT_DONE &&
               body > (size_t)s->host->config->max_message_bytes) {
        return on_oversize(s, taking, ret_used);
    } else {
        enum verdict v = on_publish(s, &s->packet, taking);
        if (v != ON)
            return v;
    }
    mqtt_conn_consume(s->conn, *ret_used);
    return ON;
}

bool session_packets(struct mqtt_session *s, bool taking)
{
    s->later = false;
    for (;;) {
        size_t used = 0;
        if (mqtt_conn_unsent(s->conn) > UNSENT_LIMIT) {
            s->later = true;
            return true;
        }
        enum verdict v = one_packet(s, taking, &used);
        if (v == STOP_GONE)
            return false;
        s->later = v == STOP_LATER;
        if (s->later || used == 0)
            return true;
    }
}

/* ---- acknowledgements */

bool mqtt_session_delivered(struct mqtt_session *s, uint16_t id, uint64_t token, bool ok)
{
    if (s->open_records > 0)
        s->open_records--;
    if (!ok)
        return false; /* never acknowledged: its entry stays as it is */
    s->counts.delivered++;
    s->totals.delivered++;
    return id == 0 || mqtt_window_delivered(s->window, id, token);
}

void mqtt_session_acknowledge(struct mqtt_session *s)
{
    if (s->state != SESSION_UP || !mqtt_window_ready(s->window))
        return;
    s->now = kaftan_now_us();
    if (!kaftan_task_still_owned(s->host->task)) {
        /* Somebody else may have the session by now: what we say could only do harm. */
        session_lost(s, NEXT_GRACE, "the worker is not sure to own the task");
        return;
    }
    session_window_tick(s);
    s->acked_used = s->now - s->message_at > PROMPT_US ? mqtt_window_used(s->window) : 0;
    s->acked_at = s->now;
    uint8_t *start = mqtt_conn_out(s->conn, MQTT_ACK_SIZE * mqtt_window_used(s->window)), *p = start;
    uint16_t id;
    uint8_t qos;
    uint32_t since = 0, first = 0;
    for (; mqtt_window_next(s->window, &id, &qos, &since); p += MQTT_ACK_SIZE) {
        mqtt_put_ack(p, qos == 2 ? MQTT_PUBREC : MQTT_PUBACK, id);
        if (p == start)
            first = since;
    }
    session_wrote(s, (size_t)(p - start));
    uint64_t count = (uint64_t)(p - start) / MQTT_ACK_SIZE;
    s->counts.acked += count;
    s->totals.acked += count;
    if (s->series)
        mqtt_series_ack_latency(s->series, (double)(stamp(s) - first) / 1000);
    enum kaftan_io io = mqtt_conn_flush(s->conn);
    s->wrote_at = s->now;
    session_window_tick(s);
    if (io == KAFTAN_IO_ERROR)
        session_broken(s, mqtt_conn_error(s->conn));
    else if (io == KAFTAN_IO_AGAIN)
        mqtt_conn_watch(s->conn, !s->suspended && !s->later);
}

/* ---- how full the window is */

static bool is_full(const struct mqtt_session *s)
{
    size_t used = mqtt_window_used(s->window);
    return s->state == SESSION_UP && used > 0 && used >= s->window_limit &&
           (s->version == MQTT_V5 || s->window_limit >= PEAK_MIN);
}

double session_full_ratio(const struct mqtt_session *s, int seconds)
{
    uint64_t sum = 0;
    for (int i = 1; i <= seconds; i++) { /* the present second is not over */
        int64_t second = s->full_second - i;
        sum += second >= 0 ? s->full_us[second % RATIO_SLOTS] : 0;
    }
    return (double)sum / (1e6 * seconds);
}

static void tell_full(struct mqtt_session *s)
{
    double ratio = session_full_ratio(s, FULL_SECONDS);
    if (ratio * 100 < FULL_PERCENT || (s->window_told != 0 && s->now - s->window_told < RATIO_SECONDS * SECOND_US))
        return;
    s->window_told = s->now;
    kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN, "slot %u waits for Kafka: window of %zu is full %.0f%% of the time (%s)",
               s->slot, s->window_limit, ratio > 1 ? 100.0 : ratio * 100,
               s->version == MQTT_V5 ? "raise mqtt.receive.maximum"
                                     : "MQTT 3.1.1: the broker decides; raise max_inflight_messages there or use MQTT 5");
}

/* Called before and after what changes the window: the time since the last call belongs to the state it had. */
void session_window_tick(struct mqtt_session *s)
{
    kaftan_deadline from = s->window_tick, to = s->now;
    if (from != 0 && to - from > RATIO_SECONDS * SECOND_US)
        from = to - RATIO_SECONDS * SECOND_US;
    s->window_tick = to;
    if (s->full_second == 0 || from == 0) {
        s->full_second = to / SECOND_US;
        from = to;
    }
    while (s->full_second < to / SECOND_US) {
        kaftan_deadline end = (s->full_second + 1) * SECOND_US;
        if (s->window_full && end > from)
            s->full_us[s->full_second % RATIO_SLOTS] += (uint32_t)(end - from);
        from = end > from ? end : from;
        s->full_second++;
        s->full_us[s->full_second % RATIO_SLOTS] = 0;
        tell_full(s);
    }
    if (s->window_full)
        s->full_us[s->full_second % RATIO_SLOTS] += (uint32_t)(to - from);
    s->window_full = is_full(s);
}
