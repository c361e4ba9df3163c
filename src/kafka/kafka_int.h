/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_KAFKA_INT_H
#define KAFKA_KAFKA_INT_H
/* kafka_int: what the modules of this room share about librdkafka. */
#include <librdkafka/rdkafka.h>

#include "base/map.h"
#include "kafka/conf.h"

/*
 * Translates `props` (Java's names) into a client's settings. *ret is the
 * caller's until rd_kafka_new takes it. Errors: INVALID, naming the key.
 */
struct kaftan_error *kafka_conf_new(enum kafka_kind kind, const struct text_map *props, rd_kafka_conf_t **ret)
    KAFTAN_MUST_CHECK;
/* TLS and SASL, a part of kafka_conf_new. */
struct kaftan_error *kafka_conf_security(const struct text_map *props, rd_kafka_conf_t *conf) KAFTAN_MUST_CHECK;
/* OAUTHBEARER: tokens come from a login (net/oauth.h) that lasts as long as `conf` or the client made from it. */
struct kaftan_error *kafka_conf_login(const struct text_map *props, const struct text_map *jaas, rd_kafka_conf_t *conf)
    KAFTAN_MUST_CHECK;
/* After rd_kafka_new: a client that needs tokens gets them on its background thread; for others it does nothing. */
void kafka_login_serve(rd_kafka_t *rk);
/* What librdkafka's text of a failed connection may mean (a TLS port, a login that cannot succeed); NULL: nothing is known. */
const char *kafka_trouble_hint(const rd_kafka_t *rk, const char *text);
/* Threads of clients made from `conf` do not spin; a part of kafka_conf_new. */
void kafka_conf_calm(rd_kafka_conf_t *conf);
/* Sets one of librdkafka's own keys; `key` is the Java key for the message. */
struct kaftan_error *kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, const char *key,
                                    const char *shown) KAFTAN_MUST_CHECK;

/* What a client's error means to us. */
enum kaftan_code kafka_code(rd_kafka_resp_err_t err);
/* "<what>: <text of err>". */
struct kaftan_error *kafka_error(rd_kafka_resp_err_t err, const char *fmt, ...) KAFTAN_MUST_CHECK KAFTAN_PRINTF(2, 3);

/* The same for something done with a topic; when it is not allowed, with the operation and the resource an ACL has to name. */
struct kaftan_error *kafka_topic_error(rd_kafka_resp_err_t err, const char *operation, struct kaftan_slice topic, const char *what)
    KAFTAN_MUST_CHECK;

/* A descriptor that can be written to by rd_kafka_queue_io_event_enable. */
int wake_fd_new(void);
void wake_fd_enable(rd_kafka_queue_t *q, int fd);
void wake_fd_set(int fd);
void wake_fd_clear(int fd);
void wake_fd_close(int fd); /* -1 is fine */

#endif
