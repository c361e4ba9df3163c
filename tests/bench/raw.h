/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_BENCH_RAW_H
#define TESTS_BENCH_RAW_H
/*
 * raw: just enough MQTT 5 over a blocking socket to measure what a program
 * without features could reach. No error handling beyond ending the program.
 */
#include <stddef.h>
#include <stdint.h>

struct raw {
    int fd;
    uint8_t *in; /* owned, ring that is moved to the front */
    size_t in_len, in_cap, in_pos;
};

/* One PUBLISH in the buffer, valid until the next raw_read. */
struct raw_publish {
    const uint8_t *topic, *payload;
    size_t topic_len, payload_len;
    uint16_t id; /* 0: QoS 0 */
};

_Noreturn void die(const char *what);
int64_t now_ns(void);
long option(int argc, char **argv, const char *name, long def);
const char *option_text(int argc, char **argv, const char *name,
                        const char *def);
/* Connects with a session that is kept; receive_maximum 0: not sent. */
void raw_connect(struct raw *r, int port, const char *client_id,
                 uint16_t receive_maximum, int keep_session);
void raw_subscribe(struct raw *r, const char *filter, int qos);
/* Waits for bytes. Returns 0 when the other side has closed. */
int raw_read(struct raw *r);
/* Next complete packet: its type (0: none in the buffer); PUBLISH fills `ret`, PUBACK its id. */
int raw_next(struct raw *r, struct raw_publish *ret);
void raw_write(struct raw *r, const void *data, size_t len);
size_t raw_put_publish(uint8_t *to, const char *topic, int qos, uint16_t id,
                       const void *payload, size_t len);
size_t raw_put_puback(uint8_t *to, uint16_t id);

#endif
