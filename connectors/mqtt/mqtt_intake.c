/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_source_int.h"

#include <stdio.h>
#include <string.h>

/*
 * What a task holds. A message is taken from its session only when the batch
 * has room and the budget allows it; else it stays in the session's read
 * buffer, reading stops, and in the end the broker keeps it.
 */
enum { MESSAGE_OVERHEAD = 64, HELD_FIRST = 256, TOPIC_TEXT = 128, TOPICS_FIRST = 1024, TOPICS_LIMIT = 1 << 18,
       TOPICS_WARN = 1000, STALL_TOLD_S = 60 };

/* ---- the held */

static bool over_budget(const struct mqtt_source_task *t, uint64_t bytes)
{
    if (t->held_count == 0)
        return false; /* one message larger than everything goes alone */
    return t->held_count >= t->held_limit || t->held_bytes + bytes > t->bytes_limit;
}

static struct held *hold(struct mqtt_source_task *t, uint32_t slot, uint16_t id, uint64_t bytes)
{
    if (t->held_free == t->held_cap) {
        uint32_t cap = t->held_cap ? t->held_cap * 2 : HELD_FIRST;
        t->held = kaftan_realloc(t->held, cap, sizeof *t->held);
        for (uint32_t i = t->held_cap; i < cap; i++)
            t->held[i] = (struct held){ .next_free = i + 1 };
        t->held_cap = cap;
    }
    uint32_t at = t->held_free;
    struct held *h = &t->held[at];
    t->held_free = h->next_free;
    if (++t->generation == 0)
        t->generation = 1;
    *h = (struct held){ .token = (uint64_t)t->generation << 32 | at,
                        .received_us = t->now,
                        .bytes = bytes,
                        .slot = slot,
                        .id = id };
    t->held_count++;
    t->held_bytes += bytes;
    return h;
}

static void let_go(struct mqtt_source_task *t, struct held *h)
{
    t->held_count--;
    t->held_bytes -= h->bytes;
    h->token = 0;
    h->next_free = t->held_free;
    t->held_free = (uint32_t)(h - t->held);
}

static void suspend(struct mqtt_source_task *t, bool suspended)
{
    t->suspended = suspended;
    for (uint32_t i = 0; i < t->slot_count; i++)
        mqtt_session_suspend(t->slots[i].session, suspended);
}

/* ---- what is dropped: counted, told by the worker */

static void skip(struct mqtt_source_task *t, const char *reason)
{
    for (size_t i = 0; i < REASONS; i++) {
        struct skipped *s = &t->skipped[i];
        if (s->reason && strcmp(s->reason, reason) != 0)
            continue;
        s->reason = reason;
        s->count++;
        return;
    }
    kaftan_task_skipped(t->task, reason, 1);
}

static void printable(struct kaftan_slice topic, char ret[4 * TOPIC_TEXT + 4])
{
    size_t n = 0, len = topic.len < TOPIC_TEXT ? topic.len : TOPIC_TEXT;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)topic.ptr[i];
        if (c < 0x20 || c == 0x7f || c == '\\') {
            (void)snprintf(ret + n, 5, "\\x%02x", c);
            n += 4;
        } else {
            ret[n++] = (char)c;
        }
    }
    if (topic.len > len) {
        memcpy(ret + n, "...", 3);
        n += 3;
    }
    ret[n] = '\0';
}

static struct kaftan_error *cannot_deliver(const struct mqtt_packet *p, uint32_t slot, const char *detail)
{
    char topic[4 * TOPIC_TEXT + 4];
    printable(p->topic, topic);
    if (p->qos == 0)
        return kaftan_error_new(KAFTAN_E_DATA,
                                "Cannot deliver MQTT message from topic '%s' (QoS 0, %zu bytes, slot %u): %s. Set "
                                "errors.tolerance=all to skip such messages, and errors.deadletterqueue.topic.name as "
                                "well to keep them.",
                                topic, p->payload.len, slot, detail);
    return kaftan_error_new(KAFTAN_E_DATA,
                            "Cannot deliver MQTT message from topic '%s' (QoS %u, packet %u, %zu bytes, slot %u): %s. "
                            "It stays in the broker's session; set errors.tolerance=all to skip such messages, and "
                            "errors.deadletterqueue.topic.name as well to keep them.",
                            topic, p->qos, p->id, p->payload.len, slot, detail);
}

static void count_undeliverable(struct mqtt_source_task *t, struct slot *slot, const char *reason)
{
    mqtt_session_counts(slot->session)->undeliverable++;
    mqtt_by_reason_count(&t->undeliverable, t->task, "kafka_connect_mqtt_source_undeliverable_by_reason_total",
                         "Messages that could not become records, by reason.", reason, 1);
}

static enum mqtt_taken undeliverable(struct mqtt_source_task *t, uint32_t at, const struct mqtt_message *msg,
                                     uint64_t bytes, const struct mqtt_trouble *trouble, uint64_t *ret_token)
{
    struct slot *slot = &t->slots[at];
    struct mqtt_counts *counts = mqtt_session_counts(slot->session);
    if (!kaftan_task_tolerates(t->task)) {
        t->error = cannot_deliver(msg->packet, mqtt_session_slot(slot->session), trouble->detail);
        return MQTT_REFUSED;
    }
    count_undeliverable(t, slot, trouble->reason);
    if (!kaftan_task_has_dead_letters(t->task)) {
        skip(t, trouble->reason);
        return MQTT_TAKEN_DONE;
    }
    struct kaftan_record raw;
    mqtt_mapping_dead_letter(t->mapping, msg, kaftan_batch_arena(t->batch),
                             t->config->dead_letter_context ? trouble->detail : NULL, &raw);
    struct held *h = hold(t, at, msg->packet->id, bytes);
    raw.source_partition = slot->partition;
    raw.token = *ret_token = h->token;
    t->error = kaftan_task_dead_letter(t->task, &raw, trouble->reason);
    if (t->error) {
        let_go(t, h);
        return MQTT_REFUSED;
    }
    counts->dead_lettered++;
    return MQTT_TAKEN;
}

/* ---- Kafka topics, where they depend on the message */

static uint64_t name_hash(struct kaftan_slice s)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a, 64 bits */
    for (size_t i = 0; i < s.len; i++)
        h = (h ^ (uint8_t)s.ptr[i]) * 1099511628211u;
    return h ? h : 1;
}

static void topics_insert(uint64_t *set, uint32_t cap, uint64_t hash)
{
    uint32_t i = (uint32_t)(hash & (cap - 1));
    while (set[i] != 0 && set[i] != hash)
        i = (i + 1) & (cap - 1);
    set[i] = hash;
}

static void topic_seen(struct mqtt_source_task *t, struct kaftan_slice topic)
{
    uint64_t hash = name_hash(topic);
    if (t->topics_cap == 0) {
        t->topics_cap = TOPICS_FIRST;
        t->topics_seen = kaftan_alloc(t->topics_cap, sizeof *t->topics_seen);
    }
    uint32_t i = (uint32_t)(hash & (t->topics_cap - 1));
    while (t->topics_seen[i] != 0 && t->topics_seen[i] != hash)
        i = (i + 1) & (t->topics_cap - 1);
    if (t->topics_seen[i] == hash || t->topics_count >= TOPICS_LIMIT / 2)
        return;
    t->topics_seen[i] = hash;
    if (++t->topics_count >= TOPICS_WARN && !t->topics_told) {
        t->topics_told = true;
        kaftan_log(MQTT_SOURCE_LOG, KAFTAN_LOG_WARN, "messages go to %u Kafka topics by now: does kafka.topic or "
                                                     "mqtt.topic.map depend on too much of the message?",
                   t->topics_count);
    }
    if (t->topics_count * 2 < t->topics_cap)
        return;
    uint64_t *wider = kaftan_alloc((size_t)t->topics_cap * 2, sizeof *wider);
    for (uint32_t k = 0; k < t->topics_cap; k++)
        if (t->topics_seen[k] != 0)
            topics_insert(wider, t->topics_cap * 2, t->topics_seen[k]);
    kaftan_free(t->topics_seen);
    t->topics_seen = wider;
    t->topics_cap *= 2;
}

/* ---- taking */

static void mark_set(struct mark *m, uint64_t token, uint16_t id, int64_t time_ms, struct kaftan_slice topic)
{
    if (topic.len > m->topic_cap) {
        m->topic = kaftan_realloc(m->topic, topic.len, 1);
        m->topic_cap = topic.len;
    }
    if (topic.len > 0)
        memcpy(m->topic, topic.ptr, topic.len);
    m->topic_len = topic.len;
    m->token = token;
    m->id = id;
    m->time_ms = time_ms;
}

static void count_filter(struct mqtt_source_task *t, const struct mqtt_packet *p)
{
    int i = 0;
    t->by_qos[p->qos].count++;
    if (t->config->topics.count > 1)
        i = mqtt_mapping_filter(t->mapping, p->topic);
    if (i >= 0)
        t->by_filter[i].count++;
}

static enum mqtt_taken take(struct mqtt_source_task *t, uint32_t at, const struct mqtt_packet *p, uint64_t bytes,
                            uint64_t *ret_token)
{
    struct slot *slot = &t->slots[at];
    const struct mqtt_message msg = { p, mqtt_session_client_id(slot->session), t->wall_ms };
    struct mqtt_trouble trouble = { NULL, NULL };
    struct kaftan_record record;
    enum mqtt_mapped mapped = MQTT_UNDELIVERABLE;
    if (p->payload.ptr) {
        mapped = mqtt_mapping_record(t->mapping, &msg, kaftan_batch_arena(t->batch), &record, &trouble);
    } else {
        trouble.reason = "too large";
        trouble.detail = "it is larger than mqtt.max.message.bytes";
    }
    if (mapped == MQTT_UNDELIVERABLE)
        return undeliverable(t, at, &msg, bytes, &trouble, ret_token);
    if (mapped == MQTT_SKIP) {
        skip(t, trouble.reason);
        return MQTT_TAKEN_DONE;
    }
    struct kaftan_record *to = kaftan_batch_add(t->batch);
    if (!to)
        return MQTT_LATER;
    struct held *h = hold(t, at, p->id, bytes);
    record.source_partition = slot->partition;
    record.token = *ret_token = h->token;
    *to = record;
    if (t->topics_vary)
        topic_seen(t, record.topic);
    else
        t->topics_count = 1;
    mark_set(&slot->newest, h->token, p->id, t->wall_ms, p->topic);
    return MQTT_TAKEN;
}

enum mqtt_taken intake_take(struct mqtt_host *host, struct mqtt_session *s, const struct mqtt_packet *p,
                            uint64_t *ret_token)
{
    struct mqtt_source_task *t = (struct mqtt_source_task *)(void *)host;
    if (t->magic != SOURCE_MAGIC || !t->batch || t->error || t->room == 0 || t->suspended)
        return MQTT_LATER;
    if (kaftan_batch_room(t->batch) == 0) /* also what became no record has used the arena */
        return MQTT_LATER;
    uint64_t bytes = p->topic.len + p->props.raw.len + (p->payload.ptr ? p->payload.len : 0) + MESSAGE_OVERHEAD;
    if (over_budget(t, bytes)) {
        if (p->qos == 0 && t->drop_qos0) {
            mqtt_session_counts(s)->qos0_dropped++;
            skip(t, "QoS 0 message dropped: buffers are full");
            return MQTT_TAKEN_DONE;
        }
        if (!t->drop_qos0 && !t->suspended)
            suspend(t, true);
        return MQTT_LATER;
    }
    uint32_t at = 0;
    while (t->slots[at].session != s)
        at++;
    enum mqtt_taken taken = take(t, at, p, bytes, ret_token);
    if (taken == MQTT_TAKEN || taken == MQTT_TAKEN_DONE) {
        count_filter(t, p);
        t->room--;
    }
    return taken;
}

void intake_poll_done(struct mqtt_source_task *t)
{
    for (uint32_t i = 0; i < t->slot_count; i++) {
        struct slot *s = &t->slots[i];
        if (s->newest.token != 0 && s->mark_count < MARKS) {
            struct mark *m = &s->marks[(s->mark_first + s->mark_count++) % MARKS];
            mark_set(m, s->newest.token, s->newest.id, s->newest.time_ms,
                     (struct kaftan_slice){ s->newest.topic, s->newest.topic_len });
        }
        s->newest.token = 0;
    }
}

/* ---- giving back */

static void mark_passed(struct slot *s, uint64_t token, bool stored)
{
    if (s->mark_count == 0 || s->marks[s->mark_first].token != token)
        return;
    const struct mark *m = &s->marks[s->mark_first];
    if (stored)
        mark_set(&s->stored, m->token, m->id, m->time_ms, (struct kaftan_slice){ m->topic, m->topic_len });
    s->mark_first = (s->mark_first + 1) % MARKS;
    s->mark_count--;
}

void intake_delivered(struct mqtt_source_task *t, const struct kaftan_delivery *d, size_t count)
{
    kaftan_deadline sample = 0, now = kaftan_now_us();
    uint32_t sample_slot = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t at = (uint32_t)(d[i].token & UINT32_MAX);
        if (at >= t->held_cap || t->held[at].token != d[i].token)
            continue;
        struct held *h = &t->held[at];
        struct slot *slot = &t->slots[h->slot];
        (void)mqtt_session_delivered(slot->session, h->id, h->token, d[i].outcome != KAFTAN_FAILED);
        mark_passed(slot, h->token, d[i].outcome == KAFTAN_STORED);
        if (d[i].outcome == KAFTAN_SKIPPED) {
            count_undeliverable(t, slot, "refused by a converter or by Kafka");
            mqtt_session_counts(slot->session)->dead_lettered += kaftan_task_has_dead_letters(t->task);
        }
        if (d[i].outcome == KAFTAN_STORED) {
            sample = h->received_us;
            sample_slot = h->slot;
        }
        let_go(t, h);
    }
    t->progress_at = now;
    if (sample != 0 && t->slots[sample_slot].series)
        mqtt_series_latency(t->slots[sample_slot].series, (double)(now - sample) / 1e6);
    if (t->suspended && t->held_count <= t->held_limit / 4 * 3 && t->held_bytes <= t->bytes_limit / 4 * 3)
        suspend(t, false);
    for (uint32_t i = 0; i < t->slot_count; i++)
        mqtt_session_acknowledge(t->slots[i].session);
}

/* ---- once a second */

static void check_stall(struct mqtt_source_task *t)
{
    bool full = t->suspended;
    for (uint32_t i = 0; i < t->slot_count && !full; i++)
        full = mqtt_session_waiting(t->slots[i].session);
    int64_t idle_ms = (t->now - t->progress_at) / 1000;
    if (!full || t->held_count == 0) {
        t->progress_at = t->now;
        idle_ms = 0;
    }
    t->levels.buffer_stalled = idle_ms >= t->config->full_timeout_ms;
    if (t->levels.buffer_stalled == 0 ||
        (t->stall_told != 0 && t->now - t->stall_told < (kaftan_deadline)STALL_TOLD_S * 1000000))
        return;
    t->stall_told = t->now;
    kaftan_log(MQTT_SOURCE_LOG, KAFTAN_LOG_WARN, "buffer stalled for %lld s: %llu records wait for Kafka",
               (long long)(idle_ms / 1000), (unsigned long long)t->held_count);
}

static void tell_failures(struct mqtt_source_task *t)
{
    static const char *const reasons[] = { [MQTT_PHASE_UNREACHABLE] = "unreachable",
                                           [MQTT_PHASE_NO_CONNACK] = "no CONNACK or refused" };
    for (size_t p = 0; p < MQTT_PHASES; p++) {
        uint64_t sum = 0;
        for (uint32_t i = 0; i < t->slot_count; i++)
            sum += mqtt_session_counts(t->slots[i].session)->failures[p];
        if (sum > t->failures_told[p])
            mqtt_by_reason_count(&t->connect_failures, t->task,
                                 "kafka_connect_mqtt_source_connect_failures_by_reason_total",
                                 "Attempts to connect that failed, by how far they came.", reasons[p],
                                 sum - t->failures_told[p]);
        t->failures_told[p] = sum;
    }
    mqtt_by_reason_update(&t->connect_failures);
    mqtt_by_reason_update(&t->undeliverable);
}

void intake_housekeeping(struct mqtt_source_task *t)
{
    check_stall(t);
    for (size_t i = 0; i < REASONS && t->skipped[i].reason; i++) {
        if (t->skipped[i].count > 0)
            kaftan_task_skipped(t->task, t->skipped[i].reason, t->skipped[i].count);
        t->skipped[i].count = 0;
    }
    for (uint32_t i = 0; i < t->slot_count; i++)
        mqtt_session_publish_metrics(t->slots[i].session);
    for (size_t i = 0; i < t->config->topics.count; i++)
        mqtt_labelled_update(&t->by_filter[i]);
    for (size_t i = 0; i < 3; i++)
        mqtt_labelled_update(&t->by_qos[i]);
    tell_failures(t);
    t->levels.held_messages = (double)t->held_count;
    t->levels.held_bytes = (double)t->held_bytes;
    t->levels.kafka_topics_seen = (double)t->topics_count;
    mqtt_task_series_update(t->series, &t->levels);
}

void intake_fini(struct mqtt_source_task *t)
{
    for (uint32_t i = 0; t->slots && i < t->slot_count; i++) {
        struct slot *s = &t->slots[i];
        for (size_t k = 0; k < MARKS; k++)
            kaftan_free(s->marks[k].topic);
        kaftan_free(s->newest.topic);
        kaftan_free(s->stored.topic);
    }
    kaftan_free(t->held);
    kaftan_free(t->topics_seen);
}
