/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_SESSION_H
#define MQTT_SESSION_H
/*
 * mqtt_session: one client id at a broker: connecting and reconnecting,
 * subscribing, keep alive, receiving, acknowledging, leaving.
 *
 * Owner    a source task
 * Thread   task; nothing here waits
 * Memory   its connection's buffers and its window
 */
#include <kaftan/task.h>

#include "mqtt_codec.h"
#include "mqtt_config.h"
#include "mqtt_metrics.h"
#include "mqtt_server.h"

struct mqtt_session;

enum mqtt_taken {
    MQTT_TAKEN,      /* handed on; its outcome comes with the token */
    MQTT_TAKEN_DONE, /* dealt with: nothing will come */
    MQTT_LATER,      /* no room now */
    MQTT_REFUSED     /* cannot be dealt with: the host knows why, and stops */
};

/* What all sessions of a task share; it outlives them. */
struct mqtt_host {
    const struct mqtt_config *config; /* borrowed from the worker */
    struct kaftan_task *task;         /* borrowed from the worker */
    const struct mqtt_server *servers;
    size_t server_count;
    struct mqtt_tls *tls;
    int epoll;
    uint32_t will_slot; /* the session that carries the last will */
    uint16_t receive_maximum;
    /* A message, not seen before. It is a view; what is kept must be copied. payload.ptr NULL: too large. */
    enum mqtt_taken (*take)(struct mqtt_host *h, struct mqtt_session *s, const struct mqtt_packet *p,
                            uint64_t *ret_token);
};

/* Numbers kept with the session in Kafka, for people, and to know what is subscribed. */
struct mqtt_totals {
    uint64_t received, delivered, acked, connections;
    bool session_present;
    int32_t qos;         /* asked for; -1: unknown */
    const char *filters; /* newline separated; NULL: unknown */
};

/* `stored` is what a former task left; its filters are copied. `filters` and `numbers` are borrowed. */
struct mqtt_session *mqtt_session_new(struct mqtt_host *host, uint32_t slot, const char *client_id,
                                      const char *const *filters, const uint32_t *numbers, size_t count,
                                      const struct mqtt_totals *stored);
void mqtt_session_free(struct mqtt_session *s); /* NULL is fine; closes without a word */

/*
 * Does what can be done now. `readable`: the connection may have something to
 * read. `taking`: new messages may be handed on. An error is the end.
 */
struct kaftan_error *mqtt_session_step(struct mqtt_session *s, bool readable, bool taking) KAFTAN_MUST_CHECK;
/* When to step again at the latest. */
kaftan_deadline mqtt_session_deadline(const struct mqtt_session *s);
/* One record of a message is done with; false: it was an orphan's. QoS 0 has id 0. */
bool mqtt_session_delivered(struct mqtt_session *s, uint16_t id, uint64_t token, bool ok);
/* Writes the acknowledgements that are due. */
void mqtt_session_acknowledge(struct mqtt_session *s);
/* Reading is not wanted while the buffers are full. */
void mqtt_session_suspend(struct mqtt_session *s, bool suspended);
/* The last step ended because `take` said later. */
bool mqtt_session_waiting(const struct mqtt_session *s);

/* Ends the connection in order: what is open is waited for until `deadline`, acknowledged, then DISCONNECT. */
void mqtt_session_leave(struct mqtt_session *s, kaftan_deadline deadline);
void mqtt_session_return(struct mqtt_session *s); /* connects again */
bool mqtt_session_quiet(const struct mqtt_session *s); /* has left */

uint32_t mqtt_session_slot(const struct mqtt_session *s);
struct kaftan_slice mqtt_session_client_id(const struct mqtt_session *s);
struct mqtt_counts *mqtt_session_counts(struct mqtt_session *s);
struct mqtt_totals mqtt_session_totals(const struct mqtt_session *s); /* filters borrowed until the next step */
bool mqtt_session_filters_changed(struct mqtt_session *s); /* since the last call: worth a flush of offsets */
void mqtt_session_set_series(struct mqtt_session *s, struct mqtt_series *series); /* borrowed */
void mqtt_session_publish_metrics(struct mqtt_session *s);
size_t mqtt_session_unacknowledged(const struct mqtt_session *s);

#endif
