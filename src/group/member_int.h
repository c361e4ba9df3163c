/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUP_MEMBER_INT_H
#define GROUP_MEMBER_INT_H
/*
 * member_int: the member between its four files. member.c has the thread and
 * what others call, member_link.c finds and holds the coordinator,
 * member_round.c joins, syncs, beats and leaves, member_config.c reads the
 * worker's configuration.
 */
#include <stdatomic.h>
#include <kaftan/stream.h>

#include "base/mailbox.h"
#include "base/sampled.h"
#include "base/thread.h"
#include "group/codec.h"
#include "group/conn.h"
#include "group/leader.h"
#include "group/member.h"
#include "net/oauth.h"

struct member_address {
    char *host; /* owned */
    int32_t port;
};

struct member_options { /* owned by the member: member_options_fini */
    char *group, *client_id, *url;
    int16_t protocol; /* the best we offer */
    struct member_address *bootstrap;
    size_t bootstrap_count;
    int32_t session_ms, heartbeat_ms, rebalance_ms, request_ms, connect_ms;
    int64_t retry_ms, retry_max_ms, reconnect_ms, reconnect_max_ms;
    int32_t delay_max_ms; /* scheduled.rebalance.max.delay.ms */
    int32_t receive_buffer, send_buffer;
    struct kaftan_tls *tls; /* NULL: plain */
    char *mechanism, *user, *password; /* SASL; mechanism NULL: none */
    bool delegation;
    struct oauth *oauth; /* owned; OAUTHBEARER */
};
void member_options_fini(struct member_options *o);
struct kaftan_error *member_options_read(const struct worker_config *c, const char *url, struct member_options *ret)
    KAFTAN_MUST_CHECK;
/* Takes the options; for member_new, and tests without a worker's file. */
struct member *member_new_with(struct member_options *o, const struct member_events *e, struct metrics *m);

enum link { LINK_PAUSE, LINK_SEEK, LINK_CONNECT, LINK_UP }; /* wait; asking who coordinates; going there; there */
enum stage { STAGE_OUT, STAGE_UNJOINED, STAGE_JOINING, STAGE_SYNCING, STAGE_STABLE };

/* The second connection: for what must not wait behind a parked JoinGroup. */
enum side_task { SIDE_NONE, SIDE_BEAT, SIDE_LEAVE };

enum member_meter_kind { METER_BEAT, METER_JOIN, METER_SYNC, METER_REBALANCE, METER_FAILED, METER_KINDS };
struct member_meter {
    struct kaftan_metric *count, *rate, *average, *max; /* the last two may be NULL */
    struct sampled calls, ms;
};
struct member_meters {
    struct metrics_group *group; /* owned */
    struct member_meter kinds[METER_KINDS];
    struct kaftan_metric *latency, *connectors, *tasks;
};

struct member {
    struct member_options o;
    struct member_events events;
    struct mailbox *box;   /* owned */
    struct thread *thread; /* owned; NULL before start and after stop */
    struct leader *leader; /* owned; what a leader remembers */
    struct member_meters meters;
    atomic_int_least64_t owned_until; /* clock_mono_ms; 0: not a member */
    atomic_int_least64_t last_beat;   /* clock_mono_ms; 0: none yet */
    atomic_int_least64_t last_rebalance; /* likewise */

    /* the link */
    enum link link;
    struct conn *conn; /* owned; NULL while pausing */
    struct conn *side; /* owned; NULL: none */
    enum side_task side_task;
    struct member_address coordinator; /* last known; host NULL: none */
    size_t next_server;                /* of bootstrap, then the last coordinator */
    int32_t link_failures;
    int64_t link_at, warned_at;

    /* the group */
    enum stage stage;
    char *member_id; /* owned; "" unknown */
    int32_t generation, last_completed;
    int16_t active; /* protocol of the last completed round; -1: none */
    char *reason;   /* owned; of the next JoinGroup */
    bool rejoin;    /* a new round is wanted */
    bool owes;      /* the herder has yet to say that revoked or lost work is stopped */
    int64_t join_at;
    int32_t mismatches; /* rounds in a row in which a worker had read more of its configs than the leader */
    struct group_view *view; /* the one our metadata was built from; events.view_free */
    bool has_snapshot;
    struct group_assignment snapshot; /* what this worker holds */
    struct wire_joined joined;        /* of the round in progress */
    bool leads;
    struct member_share *shares; /* owned; as leader: what was dealt out, until it is told */
    size_t share_count;
    int64_t round_began; /* clock_mono_ms of the first JoinGroup of the round in progress; 0: none */
    char *protocol_name; /* owned; of the round in progress */
    int64_t beat_at, fast_until;
    bool leaving, come_back; /* come_back: a round was wanted while leaving */
    int64_t leave_until;
    bool stopping, ended;
};

/* member_meters.c */
void meters_init(struct member *m, struct metrics *registry);
void meters_took(struct member *m, enum member_meter_kind kind, int64_t ms); /* one more, that took so long */

/* member_link.c */
void link_step(struct member *m);               /* connections move; replies are handed out */
void link_lost(struct member *m, struct kaftan_error *err); /* the coordinator is unknown; takes err, may be NULL */
void link_drop_side(struct member *m);
void link_open_side(struct member *m, enum side_task what);
int64_t member_backoff(int64_t first_ms, int64_t max_ms, int32_t failures);

/* member_round.c */
void round_step(struct member *m);              /* sends what is due when the connection is idle */
void round_reply(struct member *m);             /* an answer on the main connection */
void round_side_ready(struct member *m);
void round_side_reply(struct member *m);
struct kaftan_error *round_broker_error(const struct member *m, const char *what, int16_t code) KAFTAN_MUST_CHECK;
void round_interrupted(struct member *m);       /* the connection went away under a round */
void round_leave(struct member *m);
void round_left(struct member *m);              /* out: forget the id */
void round_forget(struct member *m);            /* nothing is held, nothing is claimed */
void round_disown(struct member *m);            /* D15: the work is no longer ours */
int64_t round_deadline(const struct member *m); /* when round_step has something to do */
bool round_holds_work(const struct member *m);
void member_fatal(struct member *m, struct kaftan_error *err);

#endif
