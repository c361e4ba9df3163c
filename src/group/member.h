/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUP_MEMBER_H
#define GROUP_MEMBER_H
/*
 * member: this worker's membership in the group (protocol type `connect`,
 * group-protocol.md 1 to 9, D3, D14 to D16). Its own connection to the
 * coordinator; heartbeats go on while the herder is busy.
 *
 * Owner    herder
 * Thread   one of its own, `group`. Calls below: any thread (messages), but
 *          member_owned_until: an atomic
 *
 * A round: member joins, is told the assignment (as leader it makes one, by
 * view()), gives it to the herder by assigned(). If it revokes something, the
 * herder stops that work and says member_revoked(); until then the member
 * beats but does not join again.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/error.h>

#include "base/metrics.h"
#include "config/worker.h"
#include "group/work.h"

struct member_share { /* what a worker of the group runs once this assignment is in force */
    char *url;             /* owned; advertised, with the final '/' */
    struct work_list work;
};

struct member_assignment { /* the receiver's: member_assignment_free */
    int16_t error;            /* 0, or 1: config mismatch */
    char *leader;             /* member id */
    char *leader_url;
    int64_t config_offset;
    struct work_list work;    /* merged as 9.4: all that is to run here */
    struct work_list revoked; /* to be stopped now */
    int32_t delay_ms;         /* scheduled rebalance; 0: none */
    int32_t generation;
    char *member_id;
    bool is_leader;
    int16_t protocol; /* 0 eager, 1 compatible, 2 sessioned */
    /* Only the leader's: who runs what, this worker included; else none. */
    struct member_share *shares;
    size_t share_count;
    size_t member_count; /* of the group; 0: only the leader knows */
    int64_t round_ms;    /* from the first JoinGroup of this round to the SyncGroup answer */
};
void member_assignment_free(struct member_assignment *a);

enum { GROUP_NAME_LIMIT = 32767 }; /* bytes of a connector's name in the group's protocol */

/* What a leader needs to know of the configs; made by the herder from the store's newest snapshot. */
struct group_view {
    int64_t config_offset;
    size_t connector_count;
    const struct group_view_connector {
        const char *name;
        int32_t task_count;
    } *connectors; /* in the order of the snapshot */
};

struct member_events { /* all called on the group thread; they only send messages, except view */
    void *self;
    /* The newest view; member calls view_free. */
    struct group_view *(*view)(void *self);
    void (*view_free)(void *self, struct group_view *v);
    void (*assigned)(void *self, struct member_assignment *a); /* gives it away */
    /*
     * Stop all work; answer member_revoked. D15: ownership has run out without a coordinator, or the group threw us out. Or
     * the eager protocol wants it before a round; then the work is owned until it is stopped.
     */
    void (*lost)(void *self);
    void (*fatal)(void *self, struct kaftan_error *err); /* gives it away; the process ends with 1 */
};

struct member;

/* `url` is the advertised REST URL with the final '/'. */
struct kaftan_error *member_new(const struct worker_config *c, const char *url, const struct member_events *e,
                                struct metrics *m, struct member **ret) KAFTAN_MUST_CHECK;
void member_start(struct member *m); /* thread starts, first join when Kafka answers */
void member_rejoin(struct member *m, const char *reason);
/* The herder has stopped what was revoked or lost; out of the group: all work, which is then claimed no more. */
void member_revoked(struct member *m);
void member_leave(struct member *m);   /* LeaveGroup, forget the id; joins again at member_rejoin */
void member_stop(struct member *m);    /* LeaveGroup, joins the thread */
void member_free(struct member *m);    /* NULL is fine */
/*
 * Until when (clock_mono_ms) this worker owns its work: min(session, rebalance
 * timeout) after the sending of the last answered heartbeat (D15); 0: not a
 * member. Any thread; one atomic load.
 */
int64_t member_owned_until(const struct member *m);

#endif
