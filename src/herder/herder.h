/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HERDER_HERDER_H
#define HERDER_HERDER_H
/*
 * herder: one cluster's mind. Targets, assignment, every decision to start or
 * stop (group-protocol.md 11 to 13), in Java's order, without waiting.
 * Distributed and standalone are two sets of decisions behind one door.
 *
 * Owner    main
 * Thread   `herder`, one; requests come as messages from rest threads, news
 *          from group, store, connector and task threads
 *
 * A POST /connectors walks so: rest fills a herder_request and sends it; a
 * jobs thread validates; the herder checks leadership and existence, asks the
 * store to write; store_done comes back as a message; the herder fills the
 * answer and calls done, which resumes the suspended connection.
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/error.h>

#include "base/mailbox.h"
#include "base/map.h"
#include "base/metrics.h"
#include "config/worker.h"
#include "group/member.h"
#include "herder/validate.h"
#include "plugin/registry.h"
#include "runtime/worker.h"
#include "store/store.h"

enum herder_op {
    HERDER_PING,      /* /health: answered by the herder thread */
    HERDER_LIST,      /* views of all connectors */
    HERDER_CONNECTOR, /* view of one; NOT_FOUND text of rest-api.md 6 */
    HERDER_STATUS,    /* view with states; `No status found for connector <c>` */
    HERDER_TASK_STATUS,
    HERDER_CREATE,    /* config, initial_state */
    HERDER_PUT_CONFIG,
    HERDER_PATCH_CONFIG, /* config with null values = remove */
    HERDER_DELETE,
    HERDER_PAUSE,
    HERDER_RESUME,
    HERDER_STOP,
    HERDER_RESTART,      /* only_failed, include_tasks */
    HERDER_RESTART_TASK,
    HERDER_VALIDATE,     /* config; answer: infos */
    HERDER_TOPICS,
    HERDER_TOPICS_RESET,
    HERDER_PUT_TASKS, /* from another worker: tasks, proof (group-protocol.md 14) */
    HERDER_FENCE,     /* from another worker: proof */
    HERDER_LOGGER     /* scope cluster: logger, level */
};

/* What a request between workers carries to show that it comes from one of the group. */
struct herder_proof {
    char *algorithm;      /* owned; NULL: no header */
    char *mac;            /* owned, decoded */
    size_t mac_len;
    bool has_mac;
    char *body;           /* owned: the exact bytes that were signed */
    size_t body_len;
};

struct herder_state {
    const char *state, *trace, *worker_id, *version; /* trace, version may be NULL */
};
struct herder_task {
    int32_t id;
    const struct text_map *config; /* NULL: only a status */
    struct herder_state status;
    bool has_status;
};
struct herder_view { /* one connector as REST shows it; texts owned by the request's answer */
    const char *name;
    const struct text_map *config; /* NULL: gone */
    const char *type;              /* "source", "sink", "unknown" */
    int32_t task_count;            /* configured tasks */
    struct herder_task *tasks;     /* by id: configured ones (for tasks), those with a status (for status) */
    size_t task_rows;
    struct herder_state status;
    bool has_status;
};

/* Owner: rest until herder_send; the herder until done; then rest (herder_request_free). */
struct herder_request {
    struct message base;
    enum herder_op op;
    char *connector;          /* owned */
    int32_t task;
    struct text_map *config;  /* owned reference */
    bool has_initial;
    enum target_state initial;
    bool only_failed, include_tasks;
    int forward;              /* query parameter: -1 absent, 0 false, 1 true */
    char *authorization;      /* owned; passed on when forwarded; NULL */
    struct text_map **tasks; int32_t task_count; /* owned references: PUT_TASKS */
    struct herder_proof proof;
    char *logger, *level;     /* owned: LOGGER */
    /* The answer. */
    struct kaftan_error *err; /* owned */
    bool created;             /* PUT_CONFIG: 201 */
    struct herder_view *views; size_t view_count; /* owned */
    struct config_infos *infos;                   /* owned */
    char **topics; size_t topic_count;            /* owned */
    int relayed;              /* status of the worker that answered in our place; 0: none did */
    char *relay; size_t relay_len; /* owned: its JSON; NULL: no body */
    const struct snapshot *snapshot;              /* counted; what the views borrow from */
    struct kaftan_arena *texts;                   /* owned; the views' own texts */
    /*
     * Forwarded, and nobody was there: true takes it back, to be decided anew (the worker may have left the group just now);
     * false: time is up. The peer's thread.
     */
    bool (*again)(struct herder_request *r);
    struct herder *herder;  /* borrowed; for again */
    int64_t again_until_ms; /* clock_mono_ms; 0: was never forwarded */
    /* Any thread; gives the request back exactly once. */
    void (*done)(struct herder_request *r);
    void *user; /* rest's own */
};
struct herder_request *herder_request_new(enum herder_op op, const char *connector);
void herder_request_free(struct herder_request *r);

/*
 * How the herder asks other workers; made by rest (peer thread), given to
 * herder_new. forward: sends r to the worker at `url` and calls r->done with
 * its answer. put_tasks: POST <url>connectors/<c>/tasks, signed unless key is
 * NULL (copied); fence: PUT <url>connectors/<c>/fence. done->err on failure:
 * FORBIDDEN when the signature was refused, RETRIABLE otherwise.
 */
struct herder_peer {
    void *self;
    void (*forward)(void *self, const char *url, struct herder_request *r);
    void (*put_tasks)(void *self, const char *leader_url, const char *connector, struct text_map *const *tasks,
                      int32_t count, const struct session_key *key, struct store_done *done);
    void (*fence)(void *self, const char *leader_url, const char *connector, const struct session_key *key, struct store_done *done);
};

struct herder;

/* Distributed when the config says so. `url`: advertised, with the final '/'. peer NULL: a worker that never forwards. */
struct kaftan_error *herder_new(const struct worker_config *c, const struct registry *r, struct metrics *m,
                                const char *url, const struct herder_peer *peer, struct herder **ret) KAFTAN_MUST_CHECK;
/* Makes store, worker and member and starts the thread; `ended` is called (herder thread) when start-up failed or the herder cannot go on: exit status. */
void herder_start(struct herder *h, void (*ended)(void *self, int status), void *self);
/* Standalone: connectors named on the command line, started once the herder is up; a failure ends with status 3. */
void herder_add_initial(struct herder *h, struct text_map *config, const enum target_state *initial); /* NULL: as POST without one */
/* Any thread. Always answers: UNAVAILABLE when stopping or the mailbox is full. */
void herder_send(struct herder *h, struct herder_request *r);
bool herder_started(const struct herder *h);       /* first tick done; any thread */
const char *herder_stage(const struct herder *h);  /* sentence for /health; any thread */
const char *herder_cluster_id(const struct herder *h); /* NULL until known; any thread */
void herder_stop(struct herder *h); /* stops tasks, connectors, leaves the group, stops the store; joins */
void herder_free(struct herder *h);

#endif
