/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_BROKER_H
#define FAKE_BROKER_H
/*
 * fake_broker: an MQTT broker under a test's control, on loopback, in the
 * test's own thread. It reads packets with a decoder of its own, refuses what
 * a client must not send, and answers only what the test has not taken over.
 *
 * Owner    the test
 * Thread   the test's; nothing here waits
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
    int type; /* packet type */
    uint16_t id;
    uint8_t reason;
    char text[128]; /* CONNECT: client id; SUBSCRIBE: first filter */
};
struct fake_broker {
    int listener, client; /* client -1: nobody is connected */
    uint16_t port;
    /* what the last CONNECT said */
    int version;
    bool clean;
    uint16_t keep_alive, receive_maximum;
    uint32_t session_expiry;
    /* how it behaves */
    uint8_t connack_code;    /* 0: welcome */
    bool session_present;
    uint8_t suback_code;     /* granted QoS, or a refusal */
    bool mute;               /* answers nothing at all */
    bool stalled;            /* reads nothing, accepts nobody */
    bool no_pubrel;          /* does not answer PUBREC */
    bool refuse_5;           /* closes on MQTT 5 */
    int close_after;         /* closes after so many bytes have been sent by it; -1: never */
    /* what has come */
    struct seen seen[4096];
    size_t seen_count;
    unsigned connections;
    char wrong[160]; /* the first thing a client must not do; "" */
    bool client_closed, disconnected;
    uint8_t in[65536];
    size_t in_len;
    size_t sent;
};

void fake_broker_start(struct fake_broker *b);
void fake_broker_stop(struct fake_broker *b);
void fake_broker_turn(struct fake_broker *b);
void fake_broker_drop(struct fake_broker *b); /* closes the connection */
void fake_broker_send(struct fake_broker *b, const void *data, size_t len);
void fake_broker_send_hex(struct fake_broker *b, const char *hex);
/* A PUBLISH in the version of the connection. */
void fake_broker_publish(struct fake_broker *b, int qos, uint16_t id, bool dup, bool retain, const char *topic,
                         const char *payload);
size_t fake_broker_count(const struct fake_broker *b, int type); /* packets of a type so far */

#endif
