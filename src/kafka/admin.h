/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_ADMIN_H
#define KAFKA_ADMIN_H
/*
 * admin: topics, their settings and the cluster id. Requests are started and
 * their results polled, so no thread waits; the _wait forms are for start-up
 * and jobs threads only.
 *
 * Owner    whoever made it
 * Thread   the owner's
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/error.h>

#include "base/map.h"

struct admin;
struct admin_request;

enum admin_topic { ADMIN_TOPIC_CREATED, ADMIN_TOPIC_EXISTS, ADMIN_TOPIC_MISSING, ADMIN_TOPIC_DENIED /* not authorized, or unsupported */ };

struct admin_new_topic {
    const char *name;
    int32_t partitions;   /* -1: the broker's default */
    int16_t replication;  /* -1: the broker's default */
    const struct text_map *config; /* may be NULL */
};

struct kaftan_error *admin_new(const struct text_map *props, struct admin **ret) KAFTAN_MUST_CHECK;
void admin_free(struct admin *a); /* NULL is fine; ends open requests */
int admin_fd(const struct admin *a); /* readable when a result may be there */

/* One topic at a time. The request is ended by admin_result. */
struct admin_request *admin_create_start(struct admin *a, const struct admin_new_topic *t, int timeout_ms);
struct admin_request *admin_describe_start(struct admin *a, const char *topic, int timeout_ms); /* EXISTS or MISSING */
/*
 * False: not yet. True: *ret or *ret_err is set and the request is freed.
 * RETRIABLE/TIMEOUT errors may be tried again; CONFLICT: fewer brokers than
 * the replication factor asks for.
 */
bool admin_result(struct admin_request *r, enum admin_topic *ret, struct kaftan_error **ret_err);
void admin_cancel(struct admin_request *r); /* NULL is fine */
/* What the client last complained of (no broker, wrong password ...); "" when nothing. Valid until the next call. */
const char *admin_trouble(struct admin *a);
bool admin_refused(struct admin *a); /* what it complained of is that Kafka does not take its login */

/* Blocking, with a deadline. */
struct kaftan_error *admin_cluster_id(struct admin *a, int timeout_ms, char **ret /* owned; may be NULL text */) KAFTAN_MUST_CHECK;
struct kaftan_error *admin_create_wait(struct admin *a, const struct admin_new_topic *t, int timeout_ms, enum admin_topic *ret) KAFTAN_MUST_CHECK;
/* A setting of a topic; *ret NULL when it cannot be read (old broker, no permission). */
struct kaftan_error *admin_topic_setting(struct admin *a, const char *topic, const char *name, int timeout_ms, char **ret) KAFTAN_MUST_CHECK;
struct kaftan_error *admin_partition_count(struct admin *a, const char *topic, int timeout_ms, int32_t *ret) KAFTAN_MUST_CHECK;

#endif
