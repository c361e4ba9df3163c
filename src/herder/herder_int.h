/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HERDER_HERDER_INT_H
#define HERDER_HERDER_INT_H
/*
 * What the files of the herder share. Everything here belongs to the herder
 * thread, unless a line says otherwise.
 *
 *   herder.c             birth, loop, shutdown
 *   herder_tick.c        one pass of decisions (group-protocol.md 11)
 *   herder_group.c       assignments: taking, revoking, leader's duties
 *   herder_work.c        connectors and tasks of this worker: start, stop, again
 *   herder_reconf.c      task configs from a connector to the config topic
 *   herder_requests.c    the queue of requests and who may go on
 *   herder_write.c       requests that change something
 *   herder_restart.c     restarts of connectors and tasks
 *   herder_internal.c    requests of other workers, log levels of the group
 *   herder_views.c       answers
 *   herder_standalone.c  what is different without a group
 *   herder_events.c      news from other threads, as messages
 *   herder_metrics.c     worker and rebalance metrics
 */
#include <stdatomic.h>

#include "base/thread.h"
#include "herder/herder.h"
#include "herder/jobs.h"

enum { HERDER_MAGIC = 0x48524452 };
enum {
    HERDER_BOX_LIMIT = 4096,
    HERDER_HOLD_MS = 2000,        /* requests wait so long for the group before a 409 */
    HERDER_LOOK_MS = 1000,        /* a look at the end of the config topic before a 404 */
    HERDER_AGAIN_MS = 100,        /* between attempts to reach another worker, for as long as HERDER_HOLD_MS */
    HERDER_HOLD_START_MS = 60000, /* before the first assignment */
    HERDER_BACKOFF_RETRIES = 5,
    HERDER_STOP_SLACK_MS = 15000, /* connectors 5 s, and 10 s of grace */
};
#define HERDER_STOPPING_TEXT "Worker is shutting down"

enum herder_phase {
    PHASE_BOOT,    /* the store reads its topics */
    PHASE_RUN,
    PHASE_ENDED,   /* main was told to end; nothing is done any more */
    PHASE_STOPPING /* herder_stop: work is being stopped */
};

struct op;
typedef void (*op_step)(struct herder *h, struct op *op, struct kaftan_error *err); /* takes err */

/* A request at work, or the herder's own writing. One owner: the queue, a list of waiters, or a message under way. */
struct op {
    struct op *next;
    struct herder *h;
    struct herder_request *r; /* owned; NULL: our own */
    const struct op_rule *rule;
    char *connector;          /* owned */
    op_step step;             /* what goes on when what it waits for has come */
    int64_t hold_ms;          /* clock_mono_ms until which it waits for the group; 0: has not waited */
    int64_t wait_ms;          /* clock_mono_ms before which it is not looked at; 0: none */
    bool valid;               /* config was found good */
    bool looked;              /* the config topic was read to its end on its behalf */
    struct text_map *config;  /* owned reference: what is to be written */
    struct text_map *base;    /* owned reference: what a patch was made from */
    struct text_map **tasks;  /* owned references; what a reconfiguration writes */
    int32_t task_count;
    bool whole;               /* drain: the connector too, not only its tasks */
    struct store_done done;   /* under way while a store write is */
};

enum op_verdict { OP_WAITS, OP_TAKEN };
struct op_rule {
    bool validate; /* on a jobs thread first */
    bool settled;  /* waits while a rebalance is expected or under way */
    bool slot;     /* one writer at a time */
    enum op_verdict (*run)(struct herder *h, struct op *op);
};

/* A connector (task -1) or a task that this worker has or is getting rid of. */
struct work {
    char *connector; /* owned */
    int32_t task;
    bool running;    /* belongs here and was started: startWork leaves it alone */
    bool started;    /* the runtime has it */
    bool stopping;   /* the runtime was asked to stop it */
    bool again;      /* started anew once stopped */
    bool announce;   /* RESTARTING is written in between */
    bool revoking;   /* an assignment or a loss waits for its end */
    bool forget;     /* its status goes too */
    struct text_map *config, *task_config; /* owned references: what it was started with */
    struct op *waiters; /* restarts: answered after the next start */
    struct op *starting; /* the same, started and not yet answered */
};

/* The way of a connector's task configs to the config topic. */
struct reconf {
    bool busy;          /* the connector was asked, or a write is under way */
    bool asked;         /* busy: the connector's answer is to come */
    bool again;         /* asked for anew meanwhile */
    unsigned attempts;
    int64_t first_ms;   /* clock_mono_ms of the first of them */
    int64_t at_ms;      /* next attempt; 0: none */
    struct op *waiters; /* standalone: answered at its end */
};

/* Of the command line. */
struct initial_connector {
    struct text_map *config; /* owned reference */
    bool has_state;
    enum target_state state;
};

struct herder {
    uint32_t magic;
    const struct worker_config *config; /* borrowed from main */
    const struct registry *registry;    /* borrowed from main */
    struct metrics *metrics;            /* borrowed from main */
    const struct herder_peer *peer;     /* borrowed from rest; NULL */
    const struct worker_values *values; /* borrowed from config */
    char *url;                          /* owned */
    char *worker_id;                    /* owned; host:port */
    bool distributed;
    void (*ended)(void *self, int status);
    void *ended_self;

    struct mailbox *box;   /* owned */
    struct thread *thread; /* owned */
    struct jobs *jobs;     /* owned */
    struct store *store;   /* owned */
    struct worker *worker; /* owned */
    struct member *member; /* owned; NULL standalone */
    struct worker_events worker_events; /* what they were given */
    struct member_events member_events;
    struct store_listener listener;
    struct kaftan_error *boot_err; /* owned: why the store or member could not be made */
    bool member_up, store_up;
    atomic_bool started, gone;
    _Atomic(const char *) stage; /* static text */

    enum herder_phase phase;
    int64_t stop_deadline_ms;
    struct op *queue;  /* in order of arrival */
    struct op *drains; /* wait until work of a connector is gone */
    struct op *slot;   /* borrowed: who writes now */

    const struct snapshot *view; /* counted: what decisions are made by; NULL before the first */
    struct map *known;           /* names of connectors in the order of news: decides what a record means */
    struct map *works;           /* struct work by "task:connector" */
    struct map *reconfs;         /* struct reconf by connector */
    struct map *restarts;        /* struct restart_asked by connector: to be done in the next pass */
    struct map *new_configs, *new_targets, *new_tasks; /* names: news to be applied */

    /* Group. */
    struct member_assignment *assignment; /* owned; NULL before the first and after a loss */
    struct member_assignment *incoming;   /* owned: waits for its revocations */
    int64_t incoming_ms;                 /* clock_mono_ms; since when it waits */
    bool joining;        /* a new assignment is to come */
    bool resolved;       /* Java's rebalanceResolved */
    bool handled;        /* the assignment's work has been started once */
    bool needs_rebalance;
    bool follow_up;      /* the assignment revoked something: join once more */
    bool revoke_owed;    /* the member waits for member_revoked */
    bool losing;         /* all work is being stopped: lost() */
    bool can_read, reading, caught_up, left;
    unsigned backoff_retries;
    int64_t backoff_until_ms;
    int64_t scheduled_ms; /* 0: none */
    unsigned disagreed;   /* rounds in a row without agreement on the configs */
    int64_t pause_ms;     /* clock_mono_ms before which there is no other; 0: none */

    struct session_key key; /* owned copies; key.len 0: none */
    int64_t key_expires_ms; /* wall clock; INT64_MAX: never */
    bool key_writing;

    /* Standalone. */
    struct initial_connector *initial; /* owned */
    size_t initial_count, initial_next;

    struct herder_meters *meters; /* owned */
};

/* ---- herder.c ---- */
void herder_end(struct herder *h, int status); /* tells main once */
void herder_stage_set(struct herder *h, const char *stage);
const struct snapshot_connector *herder_find(const struct herder *h, const char *connector); /* in the view */
int64_t herder_view_offset(const struct herder *h);
void herder_view_take(struct herder *h, const struct snapshot *s); /* takes the reference */
struct store_done *herder_done_new(struct herder *h, void (*handle)(struct herder *h, struct store_done *d));

/* ---- herder_tick.c ---- */
void herder_tick(struct herder *h);
int64_t herder_deadline(const struct herder *h); /* clock_mono_ms; -1: none */

/* ---- herder_group.c ---- */
/* The group counts this worker as its member, as far as it knows (D15): a leader that was frozen may have a successor. */
bool herder_owns(const struct herder *h);
bool herder_leads(const struct herder *h);
bool herder_unsettled(const struct herder *h);
void herder_rejoin(struct herder *h, const char *reason);
void herder_leave(struct herder *h);
void herder_assigned(struct herder *h, struct member_assignment *a); /* takes a */
void herder_lost(struct herder *h);
void herder_group_progress(struct herder *h); /* after work has stopped */
bool herder_key_ready(struct herder *h);
void herder_key_set(struct herder *h, const struct session_key *key, bool adopted);
void herder_key_clear(struct herder *h);
struct group_view *herder_group_view(struct herder *h); /* group thread */
void herder_group_view_free(struct group_view *v);

/* ---- herder_work.c ---- */
struct work *herder_work_find(struct herder *h, const char *connector, int32_t task);
struct work *herder_work_get(struct herder *h, const char *connector, int32_t task); /* makes it */
void herder_work_start(struct herder *h, struct work *w);
void herder_work_stop(struct herder *h, struct work *w, enum kaftan_stop_reason reason); /* may free w */
void herder_work_restart(struct herder *h, struct work *w, enum kaftan_stop_reason reason, bool announce, struct op *waiter);
void herder_work_stopped(struct herder *h, const char *connector, int32_t task);
void herder_work_started(struct herder *h, const char *connector, enum target_state reached, struct kaftan_error *err);
/* Tasks that run with other configs than the view's; the next assignment starts them again. */
void herder_stop_changed(struct herder *h, const char *connector);
void herder_stop_all(struct herder *h, enum kaftan_stop_reason reason, bool revoking);
void herder_stop_connector_work(struct herder *h, const char *connector, enum kaftan_stop_reason reason, bool tasks_only);
size_t herder_works_revoking(const struct herder *h);
size_t herder_works_running(const struct herder *h, bool tasks);
void herder_start_assigned(struct herder *h);
enum kaftan_stop_reason herder_stop_reason(const struct herder *h, const struct snapshot *s, const char *connector, int32_t task);
void work_free(void *w);

/* ---- herder_reconf.c ---- */
void herder_reconfigure(struct herder *h, const char *connector, struct op *waiter);
void herder_reconf_got(struct herder *h, const char *connector, struct text_map **configs, int32_t count, struct kaftan_error *err);
void herder_reconf_gone(struct herder *h, const char *connector); /* the connector that was asked has ended */
void herder_reconf_run(struct herder *h);
int64_t herder_reconf_deadline(const struct herder *h);
void reconf_free(void *r);

/* ---- herder_requests.c ---- */
struct op *op_new(struct herder *h, struct herder_request *r, const struct op_rule *rule, const char *connector);
void op_finish(struct herder *h, struct op *op, struct kaftan_error *err); /* answers; frees */
void op_queue(struct herder *h, struct op *op);
struct store_done *op_store(struct herder *h, struct op *op, op_step step); /* the op's done, step to come */
void op_list_fail(struct herder *h, struct op **list);
enum op_verdict op_hold(struct herder *h, struct op *op, struct kaftan_error *late); /* waits, or ends with late */
/* True: this worker leads. False: *ret says whether it waits or was taken (forwarded or ended). */
bool op_leads(struct herder *h, struct op *op, enum op_verdict *ret);
enum op_verdict op_forward(struct herder *h, struct op *op, const char *url); /* to another worker, when the request may still travel */
/*
 * What it names is not known here: true, and taken, when it is worth another look, because another worker may have made it
 * just now. It comes back to the queue when the config topic has been read to its end.
 */
bool op_look_again(struct herder *h, struct op *op);
void op_validate(struct herder *h, struct op *op, struct text_map *config);
void op_slot_release(struct herder *h, struct op *op);
void herder_request_arrived(struct herder *h, struct herder_request *r);
void herder_requests_run(struct herder *h);
int64_t herder_requests_deadline(const struct herder *h);
void herder_drains_run(struct herder *h);
void herder_request_answer(struct herder_request *r, struct kaftan_error *err); /* any thread */

/* ---- herder_write.c ---- */
enum op_verdict run_put(struct herder *h, struct op *op);
enum op_verdict run_patch(struct herder *h, struct op *op);
enum op_verdict run_delete(struct herder *h, struct op *op);
enum op_verdict run_target(struct herder *h, struct op *op);
enum op_verdict run_stop(struct herder *h, struct op *op);

/* ---- herder_internal.c ---- */
enum op_verdict run_put_tasks(struct herder *h, struct op *op);
enum op_verdict run_fence(struct herder *h, struct op *op);
enum op_verdict run_logger(struct herder *h, struct op *op);

/* ---- herder_restart.c ---- */
enum op_verdict run_restart(struct herder *h, struct op *op);
enum op_verdict run_restart_task(struct herder *h, struct op *op);
void herder_restart_asked(struct herder *h, const char *connector, bool only_failed, bool include_tasks);
void herder_restarts_run(struct herder *h);

/* ---- herder_views.c ---- */
void views_list(struct herder *h, struct herder_request *r);
/* One view of a connector with this config; `s` is counted by the request. */
void views_connector(struct herder *h, struct herder_request *r, const struct snapshot *s, const char *connector, const struct text_map *config);
bool views_status(struct herder *h, struct herder_request *r, const char *connector); /* false: no status */
bool views_task_status(struct herder *h, struct herder_request *r, const char *connector, int32_t task);
/* Of a status view: RESTARTING in place of what a restart takes. */
void views_restarting(struct herder_request *r, bool only_failed, bool include_tasks);
void views_topics(struct herder *h, struct herder_request *r);

/* ---- herder_standalone.c ---- */
void standalone_booted(struct herder *h);
void standalone_written(struct herder *h, struct op *op);  /* a config is in the store: start it, answer later */
void standalone_tasks(struct herder *h, const char *connector); /* new task configs are in the store */
void standalone_deleted(struct herder *h, struct op *op);
void standalone_stopped(struct herder *h, struct op *op);

/* ---- herder_events.c ---- */
/* self is to be filled in. */
extern const struct worker_events herder_worker_events;
extern const struct member_events herder_member_events;
extern const struct store_listener herder_store_listener;

/* ---- herder_metrics.c ---- */
void meters_new(struct herder *h);
void meters_free(struct herder *h);
void meters_work(struct herder *h);                      /* counts have changed */
void meters_assigned(struct herder *h);
void meters_handled(struct herder *h);

#endif
