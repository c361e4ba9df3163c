/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_GROUP_COORDINATOR_H
#define TEST_GROUP_COORDINATOR_H
/*
 * coordinator: a broker on loopback that coordinates a group of one, strict
 * about what it is sent, with answers a test can bend.
 */
#include <stdbool.h>
#include <stdint.h>

struct coordinator;

struct coordinator_options {
    int16_t join, sync, heartbeat, leave, find; /* the newest version it offers of each */
    bool old_versions; /* knows ApiVersions 0 only */
};

struct coordinator *coordinator_start(const struct coordinator_options *o);
uint16_t coordinator_port(const struct coordinator *c);
void coordinator_stop(struct coordinator *c); /* waits and frees */
/* The next answer to this request carries this error. */
void coordinator_bend(struct coordinator *c, int api, int16_t error);
void coordinator_cut(struct coordinator *c);  /* closes the connections once; listens on */
void coordinator_mute(struct coordinator *c, bool mute); /* reads, but does not answer heartbeats */
unsigned coordinator_count(const struct coordinator *c, int api); /* requests seen */
bool coordinator_faulty(const struct coordinator *c); /* it was sent something wrong */

#endif
