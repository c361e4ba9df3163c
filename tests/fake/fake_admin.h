/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_ADMIN_H
#define FAKE_ADMIN_H
/*
 * A kafka/admin.h for the store's tests, linked before the room's archive:
 * librdkafka's mock cluster names a controller it does not have, so topics can
 * be neither made nor described there.
 */
#include "kafka/admin.h"

/* What the next start-up finds; set before it, read by the store's thread. */
struct fake_admin {
    enum admin_topic state;     /* of every creation */
    const char *policy;         /* cleanup.policy of every topic; NULL: cannot be read */
    int32_t config_partitions;  /* of the topic `configs` */
    enum kaftan_code failure;   /* with `failures` > 0: this many creations fail so */
    int failures;
    bool no_cluster;
    char requests[1024];        /* "topic/partitions/replication{key=value};" as asked */
};
extern struct fake_admin fake_admin;

#endif
