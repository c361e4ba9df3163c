/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The acknowledgement window against a simple model: random histories of
 * PUBLISH, delivery, acknowledgement, PUBREL, lost connections with and
 * without the session, redelivery, resending while connected, reuse of ids.
 *
 * The broker of the model keeps the rules (it reuses an id only when it is
 * free to it), loses what we wrote before a cut at random, and Kafka answers
 * in any order. What must hold:
 *   - nothing is acknowledged that Kafka does not have (or that was not done),
 *   - acknowledgements come in the order of reception,
 *   - every message the broker has is either matched or produced: no loss,
 *   - a message is produced again only after a lost connection.
 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "mqtt_window.h"

enum { IDS = 12, MESSAGES = 400, HISTORIES = 20000, STEPS = 120 };

enum at_broker { GONE, QUEUED, SENT_OUT, GOT_PUBREC };
struct message {
    uint64_t hash;
    uint16_t id;
    uint8_t qos;
    enum at_broker state;
    int produced, stored;  /* records given to Kafka; of them there */
    bool acked_by_us;      /* we wrote the first acknowledgement */
    bool acked_here;       /* on this connection */
    bool cut_since;        /* a connection was lost since it was produced */
};
struct record {
    uint64_t token;
    int message;
    uint16_t id;
};
struct model {
    unsigned seed;
    struct mqtt_window *w;
    struct message m[MESSAGES];
    int made;
    int owner[IDS + 1];     /* message that has the id at the broker; -1: free */
    int order[MESSAGES];    /* reception order on this connection, unacknowledged */
    int order_count;
    struct record open[MESSAGES * 4];
    int open_count;
    int last_ack;           /* place of the last acknowledged in reception */
    uint64_t token;
    /* written by us, not read by the broker yet */
    struct { bool rec, comp; int message; } wire[MESSAGES * 4];
    int wire_count;
    int released[IDS + 1];
};

static unsigned pick(struct model *h, unsigned n)
{
    return (unsigned)rand_r(&h->seed) % n;
}

static void produce(struct model *h, int i, unsigned open)
{
    struct message *m = &h->m[i];
    h->token++;
    mqtt_window_add(h->w, m->id, m->qos, m->hash, h->token, (uint16_t)open, (uint32_t)i);
    for (unsigned k = 0; k < open; k++)
        h->open[h->open_count++] = (struct record){ h->token, i, m->id };
    cr_assert(m->produced == 0 || m->cut_since, "message %d was produced twice without a cut", i);
    m->produced += (int)open;
    m->cut_since = false;
    if (open == 0)
        m->stored = 1;
}

static void receive(struct model *h, int i)
{
    struct message *m = &h->m[i];
    bool waiting = false;
    for (int k = 0; k < h->order_count; k++)
        waiting = waiting || h->order[k] == i;
    m->state = m->state == QUEUED ? SENT_OUT : m->state;
    enum mqtt_sight sight = mqtt_window_see(h->w, m->id, m->qos, m->hash);
    switch (sight) {
    case MQTT_NEW:
    case MQTT_CONFLICT:
        cr_assert_neq(sight, MQTT_CONFLICT, "the broker of the model keeps the rules");
        cr_assert_not(waiting, "sent again while connected: must be recognised");
        produce(h, i, 1 + pick(h, 10) / 9 - (pick(h, 20) == 0 ? 1 : 0));
        break;
    case MQTT_SUPPRESSED:
        cr_assert(waiting);
        return;
    case MQTT_RESUMED:
        cr_assert(m->produced > 0 || m->stored, "matched although it was never produced");
        cr_assert_not(waiting);
        break;
    case MQTT_PUBREC_AGAIN:
        cr_assert(m->qos == 2 && m->acked_by_us && m->stored, "PUBREC for what Kafka does not have");
        h->wire[h->wire_count].message = i;
        h->wire[h->wire_count].rec = true;
        h->wire[h->wire_count++].comp = false;
        return;
    }
    h->order[h->order_count++] = i;
}

static void publish_new(struct model *h)
{
    uint16_t id = (uint16_t)(1 + pick(h, IDS));
    if (h->owner[id] >= 0 || h->made == MESSAGES)
        return;
    int i = h->made++;
    h->m[i] = (struct message){ .hash = 1 + pick(h, 40), .id = id, .qos = (uint8_t)(1 + pick(h, 2)), .state = QUEUED };
    h->owner[id] = i;
    receive(h, i);
}

static void deliver(struct model *h)
{
    if (h->open_count == 0)
        return;
    int at = (int)pick(h, (unsigned)h->open_count);
    struct record r = h->open[at];
    h->open[at] = h->open[--h->open_count];
    (void)mqtt_window_delivered(h->w, r.id, r.token);
    bool more = false;
    for (int k = 0; k < h->open_count; k++)
        more = more || h->open[k].token == r.token;
    if (!more)
        h->m[r.message].stored = 1;
}

static void acknowledge(struct model *h)
{
    uint16_t id;
    uint8_t qos;
    uint32_t stamp;
    while (mqtt_window_next(h->w, &id, &qos, &stamp)) {
        cr_assert_gt(h->order_count, 0);
        int i = h->order[0];
        struct message *m = &h->m[i];
        cr_assert_eq(m->id, id, "out of order");
        cr_assert_eq(m->qos, qos);
        cr_assert(m->stored, "acknowledged before Kafka had it");
        m->acked_by_us = m->acked_here = true;
        memmove(h->order, h->order + 1, sizeof h->order[0] * (size_t)--h->order_count);
        h->wire[h->wire_count].message = i;
        h->wire[h->wire_count].rec = qos == 2;
        h->wire[h->wire_count++].comp = false;
    }
    cr_assert_eq(mqtt_window_used(h->w), (size_t)h->order_count);
}

static void broker_done(struct model *h, int i)
{
    cr_assert(h->m[i].stored, "the broker forgot message %d, and Kafka does not have it", i);
    h->m[i].state = GONE;
    if (h->owner[h->m[i].id] == i)
        h->owner[h->m[i].id] = -1;
}

static void pubrel(struct model *h, int i)
{
    struct message *m = &h->m[i];
    enum mqtt_release r = mqtt_window_release(h->w, m->id);
    cr_assert_neq(r, MQTT_RELEASE_REFUSED, "the broker of the model has our PUBREC");
    h->wire[h->wire_count].message = i;
    h->wire[h->wire_count].rec = false;
    h->wire[h->wire_count++].comp = true;
}

/* The broker reads the oldest thing we wrote. */
static void broker_reads(struct model *h)
{
    if (h->wire_count == 0)
        return;
    int i = h->wire[0].message;
    bool rec = h->wire[0].rec, comp = h->wire[0].comp;
    memmove(h->wire, h->wire + 1, sizeof h->wire[0] * (size_t)--h->wire_count);
    struct message *m = &h->m[i];
    if (comp) {
        if (m->state == GOT_PUBREC)
            broker_done(h, i);
    } else if (!rec) {
        if (m->state == SENT_OUT)
            broker_done(h, i);
    } else if (m->state == SENT_OUT || m->state == GOT_PUBREC) {
        m->state = GOT_PUBREC;
        pubrel(h, i);
    }
}

static void resend(struct model *h)
{
    uint16_t id = (uint16_t)(1 + pick(h, IDS));
    int i = h->owner[id];
    /* Our PUBACK may be on its way: what is sent again then is a duplicate nobody can know for one. */
    if (i >= 0 && h->m[i].state == SENT_OUT && (h->m[i].qos == 2 || !h->m[i].acked_here))
        receive(h, i);
    else if (i >= 0 && h->m[i].state == GOT_PUBREC)
        pubrel(h, i);
}

/* The connection is lost; some of what we wrote was read before, the rest is gone. */
static void cut(struct model *h, bool session)
{
    for (unsigned n = pick(h, (unsigned)h->wire_count + 1); n > 0; n--)
        broker_reads(h);
    h->wire_count = 0;
    h->order_count = 0;
    for (int i = 0; i < h->made; i++)
        h->m[i].cut_since = true, h->m[i].acked_here = false;
    mqtt_window_connected(h->w, session);
    if (!session) {
        for (int i = 0; i < h->made; i++)
            h->m[i].state = GONE; /* the broker's loss, not ours */
        for (int id = 1; id <= IDS; id++)
            h->owner[id] = -1;
        cr_assert_eq(mqtt_window_used(h->w), 0);
        cr_assert_eq(mqtt_window_half_done(h->w), 0);
        return;
    }
    for (int i = 0; i < h->made; i++) { /* in the old order, before anything new */
        if (h->m[i].state == SENT_OUT)
            receive(h, i);
        else if (h->m[i].state == GOT_PUBREC)
            pubrel(h, i);
    }
}

static void history(unsigned seed)
{
    struct model *h = calloc(1, sizeof *h);
    h->seed = seed;
    h->w = mqtt_window_new();
    for (int id = 0; id <= IDS; id++)
        h->owner[id] = -1;
    mqtt_window_connected(h->w, false);
    for (int step = 0; step < STEPS && h->made < MESSAGES && h->wire_count < MESSAGES && h->open_count < MESSAGES;
         step++) {
        unsigned what = pick(h, 100);
        if (what < 35)
            publish_new(h);
        else if (what < 60)
            deliver(h);
        else if (what < 75)
            acknowledge(h);
        else if (what < 88)
            broker_reads(h);
        else if (what < 95)
            resend(h);
        else
            cut(h, pick(h, 5) != 0);
    }
    /* Kafka answers everything, the broker reads everything: nothing stays behind. */
    for (int i = 0; i < 3; i++) {
        while (h->open_count > 0)
            deliver(h);
        acknowledge(h);
        while (h->wire_count > 0)
            broker_reads(h);
    }
    for (int i = 0; i < h->made; i++)
        cr_assert_eq(h->m[i].state, GONE, "history %u: message %d stays at the broker", seed, i);
    cr_assert_eq(mqtt_window_used(h->w), 0);
    cr_assert_eq(mqtt_window_half_done(h->w), 0);
    mqtt_window_free(h->w);
    free(h);
}

Test(window, model, .timeout = 300)
{
    for (unsigned seed = 1; seed <= HISTORIES; seed++)
        history(seed);
}

static void add(struct mqtt_window *w, uint16_t id, uint8_t qos, uint64_t hash, uint64_t token)
{
    enum mqtt_sight sight = mqtt_window_see(w, id, qos, hash);
    cr_assert(sight == MQTT_NEW || sight == MQTT_CONFLICT);
    mqtt_window_add(w, id, qos, hash, token, 1, 0);
}

static int next(struct mqtt_window *w)
{
    uint16_t id;
    uint8_t qos;
    uint32_t stamp;
    return mqtt_window_next(w, &id, &qos, &stamp) ? id : -1;
}

Test(window, only_the_finished_prefix)
{
    struct mqtt_window *w = mqtt_window_new();
    mqtt_window_connected(w, false);
    for (uint16_t id = 1; id <= 3; id++)
        add(w, id, 1, id, id);
    cr_expect(mqtt_window_delivered(w, 2, 2));
    cr_expect(mqtt_window_delivered(w, 3, 3));
    cr_expect_eq(next(w), -1);
    cr_expect(mqtt_window_delivered(w, 1, 1));
    cr_expect_eq(next(w), 1);
    cr_expect_eq(next(w), 2);
    cr_expect_eq(next(w), 3);
    cr_expect_eq(next(w), -1);
    mqtt_window_free(w);
}

Test(window, orphans_do_not_count)
{
    struct mqtt_window *w = mqtt_window_new();
    mqtt_window_connected(w, false);
    add(w, 5, 1, 100, 1);
    mqtt_window_connected(w, true);
    add(w, 5, 1, 200, 2); /* the id with another content: the old message was acknowledged in time */
    cr_expect_not(mqtt_window_delivered(w, 5, 1), "the old record's report is an orphan's");
    cr_expect_eq(next(w), -1);
    cr_expect(mqtt_window_delivered(w, 5, 2));
    cr_expect_eq(next(w), 5);
    mqtt_window_free(w);
}

Test(window, id_reused_against_the_rules)
{
    struct mqtt_window *w = mqtt_window_new();
    mqtt_window_connected(w, false);
    add(w, 5, 1, 100, 1);
    cr_expect_eq(mqtt_window_see(w, 5, 1, 100), MQTT_SUPPRESSED);
    cr_expect_eq(mqtt_window_see(w, 5, 1, 101), MQTT_CONFLICT);
    mqtt_window_add(w, 5, 1, 101, 2, 1, 0);
    cr_expect_eq(mqtt_window_used(w), 1, "one place, one acknowledgement");
    cr_expect_not(mqtt_window_delivered(w, 5, 1));
    cr_expect(mqtt_window_delivered(w, 5, 2));
    cr_expect_eq(next(w), 5);
    mqtt_window_free(w);
}

Test(window, qos2)
{
    struct mqtt_window *w = mqtt_window_new();
    mqtt_window_connected(w, false);
    cr_expect_eq(mqtt_window_release(w, 9), MQTT_COMPLETE_UNKNOWN, "normal after a crash");
    add(w, 9, 2, 1, 1);
    cr_expect_eq(mqtt_window_release(w, 9), MQTT_RELEASE_REFUSED);
    cr_expect(mqtt_window_delivered(w, 9, 1));
    cr_expect_eq(mqtt_window_release(w, 9), MQTT_RELEASE_REFUSED, "no PUBREC was written yet");
    cr_expect_eq(next(w), 9);
    cr_expect_eq(mqtt_window_half_done(w), 1);
    cr_expect_eq(mqtt_window_see(w, 9, 2, 1), MQTT_PUBREC_AGAIN);
    mqtt_window_connected(w, true);
    cr_expect_eq(mqtt_window_see(w, 9, 2, 1), MQTT_PUBREC_AGAIN, "also after a reconnect");
    cr_expect_eq(mqtt_window_release(w, 9), MQTT_COMPLETE);
    cr_expect_eq(mqtt_window_half_done(w), 0);
    cr_expect_eq(mqtt_window_see(w, 9, 2, 1), MQTT_NEW);
    mqtt_window_free(w);
}

Test(window, all_ids)
{
    struct mqtt_window *w = mqtt_window_new();
    mqtt_window_connected(w, false);
    for (uint32_t id = 1; id <= 65535; id++)
        add(w, (uint16_t)id, 1, id, id);
    cr_expect_eq(mqtt_window_used(w), 65535);
    for (uint32_t id = 65535; id > 0; id--)
        cr_expect(mqtt_window_delivered(w, (uint16_t)id, id));
    for (int id = 1; id <= 65535; id++)
        cr_assert_eq(next(w), id);
    mqtt_window_free(w);
}
