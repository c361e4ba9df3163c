/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_WINDOW_H
#define MQTT_WINDOW_H
/*
 * mqtt_window: which messages of a session may be acknowledged, and when.
 *
 * The failure this prevents: the broker is told "received", the worker dies,
 * and Kafka never sees the message. So a message is acknowledged when Kafka
 * has it, in the order of reception, and a message that the broker sends again
 * is recognised by its packet id together with its content.
 *
 * It is a pure machine: no clock, no I/O. What it hands out (mqtt_window_next)
 * the caller writes to the broker.
 *
 * Owner    a session; lives as long as the session's task
 * Thread   task
 * Memory   pages of 256 entries on demand, at most 65,535 entries of 32 bytes,
 *          and a ring of at most 65,536 ids
 */
#include <kaftan/abi.h>

struct mqtt_window;

struct mqtt_window *mqtt_window_new(void);
void mqtt_window_free(struct mqtt_window *w); /* NULL is fine */

/*
 * A new connection. Without the session, everything known is forgotten: what
 * is still on its way to Kafka is not this session's any more.
 */
void mqtt_window_connected(struct mqtt_window *w, bool session_present);

enum mqtt_sight {
    MQTT_NEW,        /* produce it: mqtt_window_add */
    MQTT_CONFLICT,   /* the same, but the broker has used an id that is not free: tell */
    MQTT_SUPPRESSED, /* sent again on this connection: nothing to do */
    MQTT_RESUMED,    /* sent again after a reconnect: known, now in the ring */
    MQTT_PUBREC_AGAIN /* QoS 2, in Kafka and answered before: answer again */
};
/* A PUBLISH of QoS 1 or 2. NEW and CONFLICT change nothing: without an add, it was never seen. */
enum mqtt_sight mqtt_window_see(struct mqtt_window *w, uint16_t id, uint8_t qos, uint64_t hash);
/*
 * After NEW or CONFLICT. `open` records of this message will be reported under
 * `token`; 0: it is done already. `stamp` comes back from mqtt_window_next.
 */
void mqtt_window_add(struct mqtt_window *w, uint16_t id, uint8_t qos, uint64_t hash, uint64_t token, uint16_t open,
                     uint32_t stamp);
/* One record of a message is done with (stored, filtered, skipped). An orphan's report changes nothing: false. */
bool mqtt_window_delivered(struct mqtt_window *w, uint16_t id, uint64_t token);

/* The oldest message of this connection is done: an acknowledgement can be written. */
bool mqtt_window_ready(const struct mqtt_window *w);
/* Takes it: the caller writes PUBACK (QoS 1) or PUBREC (QoS 2). False: none is ready. */
bool mqtt_window_next(struct mqtt_window *w, uint16_t *ret_id, uint8_t *ret_qos, uint32_t *ret_stamp);

enum mqtt_release {
    MQTT_COMPLETE,         /* PUBCOMP */
    MQTT_COMPLETE_UNKNOWN, /* PUBCOMP, in 5 with reason 0x92: normal after a crash */
    MQTT_RELEASE_REFUSED   /* the broker has not had our PUBREC: no answer, tell */
};
enum mqtt_release mqtt_window_release(struct mqtt_window *w, uint16_t id);

/* Messages of this connection that are not acknowledged. */
size_t mqtt_window_used(const struct mqtt_window *w);
/* QoS 2 messages whose PUBREL is to come. */
size_t mqtt_window_half_done(const struct mqtt_window *w);
/* The stamp of the oldest unacknowledged message; false: there is none. */
bool mqtt_window_oldest(const struct mqtt_window *w, uint32_t *ret_stamp);
uint32_t mqtt_window_epoch(const struct mqtt_window *w); /* connections so far */

#endif
