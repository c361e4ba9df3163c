/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_window.h"

#include <kaftan/task.h>

/*
 * An entry per packet id:
 *
 *   FREE --add--> SENT --last delivered--> DONE --its turn--> FREE (QoS 1)
 *                                                        `--> RECED (QoS 2) --PUBREL--> FREE
 *
 * There is no state for "received, not yet handed on": a message is only taken
 * out of the read buffer when it can be handed on at once.
 *
 * The ring holds the ids of this connection in the order of reception; each id
 * at most once. After a reconnect the ring is empty but the entries stay: the
 * broker sends everything again that it has no acknowledgement for, in the old
 * order, and the entries of an older epoch tell which of that is in Kafka or on
 * its way. An entry that does not come again was acknowledged in time; it is
 * overwritten when its id returns. What was acknowledged is forgotten at once,
 * even if the broker may not have read it: remembering it could swallow a new
 * message under the same id, and a duplicate is better than a loss.
 */
enum state { FREE, SENT, DONE, RECED };

struct entry {
    uint64_t hash;
    uint64_t token; /* whose reports count; others are orphans */
    uint32_t epoch; /* the connection that saw it last */
    uint32_t stamp;
    uint16_t open; /* records not reported yet */
    uint8_t state;
    uint8_t qos;
};

enum { PAGE = 256, RING_FIRST = 64, RING_LIMIT = 65536 };

struct mqtt_window {
    struct entry *pages[RING_LIMIT / PAGE]; /* owned; NULL until needed */
    uint16_t *ring;                         /* owned; capacity is a power of two */
    size_t capacity, head, used;
    size_t half_done;
    uint32_t epoch;
};

struct mqtt_window *mqtt_window_new(void)
{
    struct mqtt_window *w = kaftan_alloc(1, sizeof *w);
    w->capacity = RING_FIRST;
    w->ring = kaftan_alloc(w->capacity, sizeof *w->ring);
    return w;
}

void mqtt_window_free(struct mqtt_window *w)
{
    if (!w)
        return;
    for (size_t i = 0; i < RING_LIMIT / PAGE; i++)
        kaftan_free(w->pages[i]);
    kaftan_free(w->ring);
    kaftan_free(w);
}

static struct entry *entry_find(const struct mqtt_window *w, uint16_t id)
{
    struct entry *page = w->pages[id / PAGE];
    return page ? &page[id % PAGE] : NULL;
}

static struct entry *entry_need(struct mqtt_window *w, uint16_t id)
{
    struct entry **page = &w->pages[id / PAGE];
    if (!*page)
        *page = kaftan_alloc(PAGE, sizeof **page);
    return &(*page)[id % PAGE];
}

static void ring_push(struct mqtt_window *w, uint16_t id)
{
    if (w->used == w->capacity) {
        /* Ids are in the ring once, so 65,536 places are always enough. */
        size_t wider = w->capacity * 2;
        uint16_t *ring = kaftan_alloc(wider, sizeof *ring);
        for (size_t i = 0; i < w->used; i++)
            ring[i] = w->ring[(w->head + i) & (w->capacity - 1)];
        kaftan_free(w->ring);
        w->ring = ring;
        w->capacity = wider;
        w->head = 0;
    }
    w->ring[(w->head + w->used++) & (w->capacity - 1)] = id;
}

/* In the ring of this connection, that is: seen on it and not acknowledged. */
static bool is_waiting(const struct mqtt_window *w, const struct entry *e)
{
    return e->epoch == w->epoch && (e->state == SENT || e->state == DONE);
}

void mqtt_window_connected(struct mqtt_window *w, bool session_present)
{
    w->epoch++;
    w->head = w->used = 0;
    if (session_present)
        return;
    w->half_done = 0;
    for (size_t i = 0; i < RING_LIMIT / PAGE; i++) {
        kaftan_free(w->pages[i]);
        w->pages[i] = NULL;
    }
}

enum mqtt_sight mqtt_window_see(struct mqtt_window *w, uint16_t id, uint8_t qos, uint64_t hash)
{
    struct entry *e = entry_find(w, id);
    if (!e || e->state == FREE)
        return MQTT_NEW;
    bool same = e->hash == hash && e->qos == qos;
    if (e->state == RECED)
        return same ? MQTT_PUBREC_AGAIN : MQTT_CONFLICT;
    if (is_waiting(w, e))
        return same ? MQTT_SUPPRESSED : MQTT_CONFLICT;
    if (!same)
        return MQTT_NEW;
    e->epoch = w->epoch;
    ring_push(w, id);
    return MQTT_RESUMED;
}

void mqtt_window_add(struct mqtt_window *w, uint16_t id, uint8_t qos, uint64_t hash, uint64_t token, uint16_t open,
                     uint32_t stamp)
{
    struct entry *e = entry_need(w, id);
    if (e->state == RECED)
        w->half_done--;
    if (!is_waiting(w, e)) /* a conflict keeps the place it has: one acknowledgement, and a later one */
        ring_push(w, id);
    e->hash = hash;
    e->token = token;
    e->epoch = w->epoch;
    e->stamp = stamp;
    e->open = open;
    e->state = open ? SENT : DONE;
    e->qos = qos;
}

bool mqtt_window_delivered(struct mqtt_window *w, uint16_t id, uint64_t token)
{
    struct entry *e = entry_find(w, id);
    if (!e || e->state != SENT || e->token != token)
        return false;
    if (--e->open == 0)
        e->state = DONE;
    return true;
}

bool mqtt_window_ready(const struct mqtt_window *w)
{
    return w->used > 0 && entry_find(w, w->ring[w->head])->state == DONE;
}

bool mqtt_window_next(struct mqtt_window *w, uint16_t *ret_id, uint8_t *ret_qos, uint32_t *ret_stamp)
{
    if (!mqtt_window_ready(w))
        return false;
    uint16_t id = w->ring[w->head];
    struct entry *e = entry_find(w, id);
    w->head = (w->head + 1) & (w->capacity - 1);
    w->used--;
    if (e->qos == 2) {
        e->state = RECED;
        w->half_done++;
    } else {
        e->state = FREE;
    }
    *ret_id = id;
    *ret_qos = e->qos;
    *ret_stamp = e->stamp;
    return true;
}

enum mqtt_release mqtt_window_release(struct mqtt_window *w, uint16_t id)
{
    struct entry *e = entry_find(w, id);
    if (!e || e->state == FREE)
        return MQTT_COMPLETE_UNKNOWN;
    if (is_waiting(w, e))
        return MQTT_RELEASE_REFUSED;
    /* Left from an older connection and not sent again: the broker has had an acknowledgement for it. */
    bool known = e->state == RECED;
    if (known)
        w->half_done--;
    e->state = FREE;
    return known ? MQTT_COMPLETE : MQTT_COMPLETE_UNKNOWN;
}

size_t mqtt_window_used(const struct mqtt_window *w)
{
    return w->used;
}

size_t mqtt_window_half_done(const struct mqtt_window *w)
{
    return w->half_done;
}

bool mqtt_window_oldest(const struct mqtt_window *w, uint32_t *ret_stamp)
{
    if (w->used == 0)
        return false;
    *ret_stamp = entry_find(w, w->ring[w->head])->stamp;
    return true;
}

uint32_t mqtt_window_epoch(const struct mqtt_window *w)
{
    return w->epoch;
}
