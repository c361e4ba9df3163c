/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_SESSION_INT_H
#define MQTT_SESSION_INT_H
/*
 * The inside of a session, for the files that are it: mqtt_session.c (states
 * and timers), mqtt_connect.c (servers, CONNECT, CONNACK, what follows a lost
 * connection), mqtt_subscribe.c, mqtt_inbound.c (packets and acknowledgements).
 *
 * Owner, thread, memory: mqtt_session.h
 */
#include "mqtt_conn.h"
#include "mqtt_session.h"
#include "mqtt_window.h"

#define MQTT_LOG "mqtt_session"

enum session_state {
    SESSION_OFF,     /* not connected, not wanted */
    SESSION_WAITING, /* until retry_at */
    SESSION_OPENING, /* TCP, TLS */
    SESSION_GREETING, /* CONNECT is sent */
    SESSION_UP,
    SESSION_CLOSING /* DISCONNECT is sent; reads until the broker closes */
};

enum sub_state { SUB_KEPT, SUB_NEEDED, SUB_SENT, SUB_GRANTED };
struct subscription {
    const char *filter; /* borrowed from the config */
    uint32_t number;    /* subscription identifier */
    enum sub_state state;
    bool is_new; /* was not subscribed before this task */
    uint8_t tries;
    uint16_t packet;
    kaftan_deadline retry_at;
};

enum { RECENT = 3, POISON_BYTES = 32, POISON_LIMIT = 5, RATIO_SECONDS = 60, RATIO_SLOTS = RATIO_SECONDS + 1, ERROR_TEXT = 512 };
#define SECOND_US ((kaftan_deadline)1000000)

/* What follows a lost connection. */
enum next {
    NEXT_SERVER,  /* the next one; after a full round, wait */
    NEXT_SAME,    /* the same one at once: it was stable until now */
    NEXT_LONGEST, /* wait as long as the configuration allows */
    NEXT_GRACE,   /* another client has our id: 1 to 5 s */
    NEXT_AT_ONCE  /* a known cause, a known remedy: the other version, another server */
};

struct mqtt_session {
    struct mqtt_host *host; /* borrowed; outlives the session */
    uint32_t slot;
    char *client_id; /* owned */
    struct mqtt_conn *conn; /* owned */
    struct mqtt_window *window; /* owned */
    struct mqtt_series *series; /* borrowed from the task; may be NULL */
    enum session_state state;
    struct kaftan_error *failure; /* owned until step returns it */
    kaftan_deadline now;          /* of the step at work */

    /* wanted or not */
    bool wanted, leaving;
    kaftan_deadline leave_by, half_done_by, close_by;

    /* servers */
    size_t server;
    struct mqtt_server redirected; /* valid with `redirect` */
    bool redirect;
    size_t round;     /* servers tried since the last wait */
    unsigned backoff; /* doublings */
    int64_t backoff_max_ms;
    kaftan_deadline retry_at, down_since, up_since;
    char last_error[ERROR_TEXT];
    char last_uri[MQTT_HOST_LIMIT + 16]; /* where the session is; "" unknown */

    /* version */
    enum mqtt_version version, known_version; /* known_version 0: not known */
    kaftan_deadline known_until;
    bool try_old;

    /* this connection */
    uint16_t keep_alive_s;
    uint32_t maximum_packet_size; /* the broker's; 0: none */
    bool identifiers;             /* subscription identifiers can be used */
    bool session_present;
    bool later; /* the host had no room */
    bool suspended;
    bool overrun_told;
    kaftan_deadline answer_by; /* CONNACK */
    kaftan_deadline wrote_at, read_at, ping_at; /* ping_at 0: none is out */
    uint16_t next_packet;
    struct mqtt_packet packet; /* large; the one being looked at */

    /* subscriptions */
    struct subscription *subs; /* owned */
    size_t sub_count;
    char *subscribed; /* owned; newline separated: what the session is known to have; NULL: unknown */
    int32_t subscribed_qos;
    kaftan_deadline suback_by; /* 0: none is awaited */
    size_t unsuback_awaited;
    bool filters_changed;      /* the source is to flush offsets */
    bool first_connection; /* of this task, with 5: subscribe even to a session that is there */
    bool must_exist;       /* a session was made before */

    /* trouble that repeats */
    kaftan_deadline taken_over[RECENT], quick_close[RECENT];
    uint8_t poison[POISON_BYTES];
    size_t poison_len;
    unsigned poison_count;

    /* window */
    size_t window_limit; /* 5: ours; 3.1.1: what the broker seems to allow */
    kaftan_deadline message_at, acked_at; /* 3.1.1: the last message; the last acknowledgement, 0: looked at */
    size_t acked_used;                    /* unacknowledged until then; 0: messages were still coming */
    bool window_full;
    kaftan_deadline window_tick, window_told, wrong_use_told;
    uint32_t full_us[RATIO_SLOTS];
    int64_t full_second;

    uint64_t open_records;
    struct mqtt_totals totals;
    struct mqtt_counts counts;
    struct mqtt_levels levels;
};

/* mqtt_connect.c */
void session_connect(struct mqtt_session *s);
void session_opened(struct mqtt_session *s);
bool session_connack(struct mqtt_session *s, const struct mqtt_packet *p); /* false: the connection is gone */
const char *session_server(const struct mqtt_session *s);
/* Closes, remembers why, plans what comes next. */
void session_lost(struct mqtt_session *s, enum next next, const char *fmt, ...) KAFTAN_PRINTF(3, 4);
void session_fail(struct mqtt_session *s, enum kaftan_code code, const char *fmt, ...) KAFTAN_PRINTF(3, 4);
/* DISCONNECT from the broker, or its reason in CONNACK. */
void session_refused(struct mqtt_session *s, const struct mqtt_packet *p);
/* The broker closed, or the connection broke. Takes err; NULL: closed in order. */
void session_broken(struct mqtt_session *s, struct kaftan_error *err);
void session_check_patience(struct mqtt_session *s); /* max.retry.time.ms */

/* mqtt_subscribe.c */
void session_subscribe(struct mqtt_session *s, bool present);
void session_subscribe_due(struct mqtt_session *s); /* refused for a while, now again */
bool session_suback(struct mqtt_session *s, const struct mqtt_packet *p); /* false: the connection is gone */
bool session_unsuback(struct mqtt_session *s, const struct mqtt_packet *p);
kaftan_deadline session_subscribe_deadline(const struct mqtt_session *s);

/* mqtt_inbound.c */
/* Looks at what is in the read buffer; false: the connection is gone. */
bool session_packets(struct mqtt_session *s, bool taking);
/* The broker broke the rules: tells it in 5, closes, comes back later. */
void session_malformed(struct mqtt_session *s, uint8_t reason, const char *why, const uint8_t *bytes, size_t len);
void session_window_tick(struct mqtt_session *s);
double session_full_ratio(const struct mqtt_session *s, int seconds);

static inline void session_wrote(struct mqtt_session *s, size_t n)
{
    mqtt_conn_out_add(s->conn, n);
}

#endif
