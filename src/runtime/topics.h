/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_TOPICS_H
#define RUNTIME_TOPICS_H
/*
 * topics: the topics a task has written to, and their creation by the rules
 * topic.creation.* (KIP-158), without waiting.
 *
 * Before the first record of a topic goes out, the cluster is asked whether
 * the topic is there, and it is created by the first group that matches its
 * name. Without such keys the broker decides, and nothing is asked. The
 * dead-letter topic is always looked after: one partition.
 *
 * Owner    the source task
 * Thread   task
 * Memory   one entry per topic
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/map.h"

struct topic; /* lives as long as its topics */
struct topics;

struct topics_options {
    const struct text_map *worker;    /* the worker's properties; borrowed for the call */
    const struct text_map *connector; /* the connector's config; borrowed for the call */
    const char *client_id;            /* of the admin client */
    bool creation;                    /* topic.creation.enable */
    const char *dead_letter;          /* topic name; NULL or "": none */
    int16_t dead_letter_replication;
};

/* INVALID: a group's keys are wrong. */
struct kaftan_error *topics_new(const struct topics_options *o, struct topics **ret) KAFTAN_MUST_CHECK;
void topics_free(struct topics *t); /* NULL is fine; cancels what is asked */

/* Hot path: the entry of a name, made at its first sight. */
struct topic *topics_find(struct topics *t, struct kaftan_slice name);
struct topic *topics_dead_letter(struct topics *t); /* only when there is one */
struct kaftan_slice topic_name(const struct topic *t);

enum topics_answer {
    TOPIC_READY,
    TOPIC_WAIT,   /* again when topics_fd is readable, or at topics_retry_at */
    TOPIC_REFUSED /* *ret_err says why */
};
/* May records go there? Asks the cluster if that is not known; one question at a time. */
enum topics_answer topics_ready(struct topics *t, struct topic *topic, struct kaftan_error **ret_err);
int topics_fd(const struct topics *t);               /* -1: nothing is asked */
kaftan_deadline topics_retry_at(const struct topics *t); /* 0: no pause */

/* True at most once a second for each topic: its use is to be noted. */
bool topic_seen(struct topic *t, kaftan_deadline now);

#endif
