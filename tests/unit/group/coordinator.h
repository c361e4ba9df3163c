/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_GROUP_COORDINATOR_H
#define TEST_GROUP_COORDINATOR_H
/*
 * coordinator: a broker on loopback that coordinates a group of one, strict
 * about what it is sent, with answers a test can bend and damage.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct coordinator;

struct coordinator_options {
    int16_t join, sync, heartbeat, leave, find; /* the newest version it offers of each */
    bool old_versions; /* knows ApiVersions 0 only */
};

/* What is done to one answer; `at` says where or how much. */
enum damage {
    DAMAGE_NONE,
    DAMAGE_SHORT,       /* it ends after `at` bytes, and its size says so */
    DAMAGE_CUT,         /* so does the connection: the size speaks of more */
    DAMAGE_LONG,        /* `at` bytes more */
    DAMAGE_FLIP,        /* the byte there is another one */
    DAMAGE_SIZE,        /* the size is `at` */
    DAMAGE_CORRELATION, /* it answers another request */
};

struct coordinator *coordinator_start(const struct coordinator_options *o);
uint16_t coordinator_port(const struct coordinator *c);
void coordinator_stop(struct coordinator *c); /* waits and frees */
/* The next answer to this request carries this error. */
void coordinator_bend(struct coordinator *c, int api, int16_t error);
void coordinator_cut(struct coordinator *c);  /* closes the connections once; listens on */
void coordinator_mute(struct coordinator *c, bool mute); /* reads, but does not answer heartbeats */
void coordinator_damage(struct coordinator *c, int api, enum damage how, uint32_t at); /* the next answer to this request */
bool coordinator_damaged(struct coordinator *c); /* that answer has been given */
/* Another member, which joins whenever ours does and says this of itself; len 0: gone again. Taken from the next round on. */
void coordinator_other(struct coordinator *c, const char *metadata, size_t len);
void coordinator_assign(struct coordinator *c, const char *bytes, size_t len); /* the next SyncGroup is answered with these; len 0: with none */
void coordinator_speak(struct coordinator *c, const char *type, const char *name); /* of the next JoinGroup answer; NULL: as asked */
void coordinator_sync_as(struct coordinator *c, const char *name); /* the protocol in the next SyncGroup answer */
void coordinator_found(struct coordinator *c, const char *host, int32_t port); /* where the next FindCoordinator answer sends */
uint32_t coordinator_length(const struct coordinator *c, int api); /* of the last whole answer */
unsigned coordinator_count(const struct coordinator *c, int api); /* requests seen */
unsigned coordinator_claims(const struct coordinator *c); /* pieces of work that our member says it has, in its last JoinGroup */
bool coordinator_faulty(const struct coordinator *c); /* it was sent something wrong */

#endif
