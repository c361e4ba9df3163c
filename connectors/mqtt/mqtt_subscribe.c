/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_session_int.h"

#include <string.h>

#include <kaftan/log.h>

/*
 * What a session is subscribed to, and making it so.
 *
 * Every SUBSCRIBE of 3.1.1 brings the retained messages again, so a session
 * that is there is subscribed only to what it is not known to have; with 5 the
 * first connection of a task subscribes to everything, which is harmless there
 * and repairs what somebody else may have changed.
 */
enum { FILTERS_PER_PACKET = 64, SUBACK_S = 30, RETRY_FIRST_MS = 1000, RETRY_DOUBLINGS = 5, TRIES_311 = 3 };

/* Calls `see` with each line of the subscribed filters. */
static bool line_next(const char **at, struct kaftan_slice *ret)
{
    if (!*at || !**at)
        return false;
    size_t n = strcspn(*at, "\n");
    *ret = (struct kaftan_slice){ *at, n };
    *at += n + ((*at)[n] == '\n');
    return true;
}

static bool is_filter(struct kaftan_slice line, const char *filter)
{
    return line.len == strlen(filter) && memcmp(line.ptr, filter, line.len) == 0;
}

static bool is_subscribed(const struct mqtt_session *s, const char *filter)
{
    struct kaftan_slice line;
    for (const char *at = s->subscribed; line_next(&at, &line);)
        if (is_filter(line, filter))
            return true;
    return false;
}

static uint16_t next_packet(struct mqtt_session *s)
{
    if (++s->next_packet == 0)
        s->next_packet = 1;
    return s->next_packet;
}

static uint8_t options(const struct mqtt_session *s)
{
    const struct mqtt_config *c = s->host->config;
    unsigned o = (unsigned)c->qos;
    if (s->version == MQTT_V5)
        o |= (c->no_local ? 4u : 0) | (c->retain_as_published ? 8u : 0) | (unsigned)c->retain_handling << 4;
    return (uint8_t)o;
}

/* One packet with as many due filters as fit; false: none is due. */
static bool send_some(struct mqtt_session *s)
{
    const char *filters[FILTERS_PER_PACKET];
    size_t count = 0, limit = s->identifiers ? 1 : FILTERS_PER_PACKET, size = 0;
    uint16_t packet = 0;
    uint32_t number = 0;
    for (size_t i = 0; i < s->sub_count && count < limit; i++) {
        struct subscription *sub = &s->subs[i];
        if (sub->state != SUB_NEEDED || sub->retry_at > s->now)
            continue;
        filters[count] = sub->filter;
        size_t grown = mqtt_encode_subscribe(s->version, 1, s->identifiers ? sub->number : 0, filters, count + 1,
                                             options(s), NULL, 0);
        if (count > 0 && s->maximum_packet_size > 0 && grown > s->maximum_packet_size)
            break;
        if (count++ == 0)
            packet = next_packet(s);
        size = grown;
        number = s->identifiers ? sub->number : 0;
        sub->state = SUB_SENT;
        sub->packet = packet;
    }
    if (count == 0)
        return false;
    (void)mqtt_encode_subscribe(s->version, packet, number, filters, count, options(s), mqtt_conn_out(s->conn, size),
                                size);
    session_wrote(s, size);
    s->suback_by = s->now + SUBACK_S * SECOND_US;
    return true;
}

void session_subscribe_due(struct mqtt_session *s)
{
    while (send_some(s)) {
    }
}

/* Filters of the session that the configuration no longer has. */
static void unsubscribe(struct mqtt_session *s)
{
    struct kaftan_slice line;
    for (const char *at = s->subscribed; line_next(&at, &line);) {
        bool wanted = false;
        for (size_t i = 0; i < s->sub_count; i++)
            wanted = wanted || is_filter(line, s->subs[i].filter);
        if (wanted || line.len == 0)
            continue;
        char *filter = kaftan_alloc(line.len + 1, 1);
        memcpy(filter, line.ptr, line.len);
        const char *const one = filter;
        size_t size = mqtt_encode_unsubscribe(s->version, 1, &one, 1, NULL, 0);
        (void)mqtt_encode_unsubscribe(s->version, next_packet(s), &one, 1, mqtt_conn_out(s->conn, size), size);
        session_wrote(s, size);
        s->unsuback_awaited++;
        s->suback_by = s->now + SUBACK_S * SECOND_US;
        kaftan_log(MQTT_LOG, KAFTAN_LOG_INFO, "unsubscribing from '%.128s', which is no longer configured (slot %u)",
                   filter, s->slot);
        kaftan_free(filter);
    }
}

void session_subscribe(struct mqtt_session *s, bool present)
{
    bool all = !present || !s->subscribed || s->subscribed_qos != s->host->config->qos ||
               (s->version == MQTT_V5 && s->first_connection);
    bool known = present && s->subscribed;
    if (!known && s->subscribed) {
        /* The session is another one: nobody may believe that the old subscriptions are there. */
        kaftan_free(s->subscribed);
        s->subscribed = NULL;
        s->filters_changed = true;
    }
    s->first_connection = false;
    s->suback_by = 0;
    s->unsuback_awaited = 0;
    for (size_t i = 0; i < s->sub_count; i++) {
        struct subscription *sub = &s->subs[i];
        bool had = known && is_subscribed(s, sub->filter);
        sub->state = all || !had ? SUB_NEEDED : SUB_KEPT;
        sub->is_new = !had;
        sub->retry_at = 0;
        sub->packet = 0;
    }
    if (known)
        unsubscribe(s);
    session_subscribe_due(s);
}

static void remember(struct mqtt_session *s)
{
    size_t size = 1;
    for (size_t i = 0; i < s->sub_count; i++)
        size += strlen(s->subs[i].filter) + 1;
    char *text = kaftan_alloc(size, 1);
    size_t n = 0;
    for (size_t i = 0; i < s->sub_count; i++) {
        const struct subscription *sub = &s->subs[i];
        if (sub->state != SUB_GRANTED && sub->state != SUB_KEPT)
            continue;
        if (n > 0)
            text[n++] = '\n';
        memcpy(text + n, sub->filter, strlen(sub->filter));
        n += strlen(sub->filter);
    }
    kaftan_free(s->subscribed);
    s->subscribed = text;
    s->subscribed_qos = s->host->config->qos;
}

/* A filter is refused; true: it is tried again later. */
static bool refused(struct mqtt_session *s, struct subscription *sub, uint8_t code)
{
    bool again = s->version == MQTT_V5 ? code == MQTT_UNSPECIFIED || code == MQTT_IMPLEMENTATION
                                       : sub->tries + 1 < TRIES_311;
    if (!again) {
        session_fail(s, KAFTAN_E_INVALID, "%s refuses the subscription '%s': %s", session_server(s), sub->filter,
                     s->version == MQTT_V5 ? mqtt_reason_text(code) : "it gives no reason (MQTT 3.1.1)");
        return false;
    }
    unsigned doublings = sub->tries < RETRY_DOUBLINGS ? sub->tries : RETRY_DOUBLINGS;
    int64_t ms = (int64_t)RETRY_FIRST_MS << doublings;
    if (sub->tries < UINT8_MAX)
        sub->tries++;
    sub->state = SUB_NEEDED;
    sub->retry_at = s->now + ms * 1000;
    kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN, "%s refuses the subscription '%s' for now (%s); next attempt in %lld ms",
               session_server(s), sub->filter, mqtt_reason_text(code), (long long)ms);
    return true;
}

static bool granted(struct mqtt_session *s, struct subscription *sub, uint8_t qos)
{
    const struct mqtt_config *c = s->host->config;
    sub->state = SUB_GRANTED;
    sub->tries = 0;
    kaftan_log(MQTT_LOG, KAFTAN_LOG_INFO, "subscribed to '%s' with QoS %u at %s (slot %u)", sub->filter, qos,
               session_server(s), s->slot);
    if (qos >= c->qos)
        return true;
    if (mqtt_choice(c->qos_downgrade_action, "fail")) {
        session_fail(s, KAFTAN_E_INVALID, "subscription '%s' was granted QoS %u instead of %d by %s", sub->filter, qos,
                     c->qos, session_server(s));
        return false;
    }
    kaftan_log(MQTT_LOG, KAFTAN_LOG_WARN, "subscription '%s' was granted QoS %u instead of %d by %s", sub->filter, qos,
               c->qos, session_server(s));
    return true;
}

bool session_suback(struct mqtt_session *s, const struct mqtt_packet *p)
{
    size_t at = 0;
    bool fresh = false, pending = false;
    for (size_t i = 0; i < s->sub_count; i++) {
        struct subscription *sub = &s->subs[i];
        if (sub->state != SUB_SENT || sub->packet != p->id) {
            pending = pending || sub->state == SUB_SENT || sub->state == SUB_NEEDED;
            continue;
        }
        if (at == p->codes.len)
            break;
        uint8_t code = (uint8_t)p->codes.ptr[at++];
        if (code >= 0x80 ? !refused(s, sub, code) : !granted(s, sub, code))
            return false;
        pending = pending || sub->state == SUB_NEEDED;
        fresh = fresh || (sub->state == SUB_GRANTED && sub->is_new);
    }
    if (at == 0 || at != p->codes.len) {
        session_malformed(s, MQTT_PROTOCOL_ERROR, "a SUBACK that answers no SUBSCRIBE", NULL, 0);
        return false;
    }
    remember(s);
    if (!pending && s->unsuback_awaited == 0)
        s->suback_by = 0;
    /* Without this a crash before the next flush would subscribe anew, and retained messages would come twice. */
    if (fresh)
        s->filters_changed = true;
    return true;
}

bool session_unsuback(struct mqtt_session *s, const struct mqtt_packet *p)
{
    (void)p;
    if (s->unsuback_awaited == 0) {
        session_malformed(s, MQTT_PROTOCOL_ERROR, "an UNSUBACK that answers no UNSUBSCRIBE", NULL, 0);
        return false;
    }
    bool sent = false;
    for (size_t i = 0; i < s->sub_count; i++)
        sent = sent || s->subs[i].state == SUB_SENT;
    if (--s->unsuback_awaited == 0) {
        if (!sent)
            s->suback_by = 0;
        remember(s);
        s->filters_changed = true;
    }
    return true;
}

kaftan_deadline session_subscribe_deadline(const struct mqtt_session *s)
{
    kaftan_deadline first = s->suback_by ? s->suback_by : INT64_MAX;
    for (size_t i = 0; i < s->sub_count; i++)
        if (s->subs[i].state == SUB_NEEDED && s->subs[i].retry_at < first)
            first = s->subs[i].retry_at;
    return first;
}
