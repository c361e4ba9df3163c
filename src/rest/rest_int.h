/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REST_REST_INT_H
#define REST_REST_INT_H
/*
 * What the modules of the room share: the exchange (one request and its
 * answer), the route table's row, the answer's shape.
 *
 * An exchange walks so: libmicrohttpd's thread makes it with the request
 * line, collects the body, routes it (route.c), lets a handler (handlers.c)
 * answer at once or send a herder_request and suspend the connection. The
 * herder's done() fills the answer (on the herder's thread), resumes the
 * connection, and libmicrohttpd's thread sends it. If the time limit passes
 * first, the exchange is answered without the herder; its late answer is
 * freed when it comes.
 */
#include <stdatomic.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/thread.h"
#include "rest/peer.h"
#include "rest/rest.h"
#include "rest/uri.h"

enum {
    BODY_LIMIT = 4 << 20,
    TASKS_LIMIT = 32 << 20, /* another worker's: the configs of all tasks of a connector */
    REQUEST_TIMEOUT_MS = 90000,
    HEALTH_TIMEOUT_MS = 10000
};

struct MHD_Connection;
struct exchange;

struct answer {
    int status;
    const char *content_type; /* NULL: none */
    struct buf body;
    char *location; /* owned; NULL: none */
    char *allow;       /* owned; NULL: none */
    bool close;        /* the request was not read to its end */
};

/* Fills x->answer, or sends x->request to the herder and returns. */
typedef void (*route_handler)(struct exchange *x);
/* Turns the herder's answer into JSON; herder's or a jobs thread. */
typedef void (*route_reply)(struct exchange *x, struct herder_request *r);

struct route {
    const char *method;
    const char *path; /* "/connectors/{c}/tasks/{n}/status" */
    route_handler handle;
    route_reply reply; /* NULL: handled at once */
    enum herder_op op;
    bool reads_body;
    bool any_media; /* no media type rules: `/`, `/health`, `/metrics` */
    bool plain;     /* answers text, Accept is not looked at */
};

enum exchange_state {
    EXCHANGE_OPEN,
    EXCHANGE_WAITING,
    EXCHANGE_CLAIMED, /* somebody is filling the answer */
    EXCHANGE_ANSWERED
};

struct exchange {
    uint32_t magic;
    struct rest *rest;             /* borrowed */
    struct MHD_Connection *connection; /* borrowed; valid until completed */
    struct kaftan_arena *arena;    /* owned: target, segments, query */
    const char *target;
    const char *method;
    struct uri uri;
    const struct route *route;     /* NULL until routed */
    struct buf body;               /* the request's */
    const char *content_type, *accept, *host, *authorization; /* arena; NULL */
    const char *signature, *signature_algorithm; /* of another worker's request; arena; NULL */
    bool routed, sent;
    size_t body_seen, body_limit;
    struct answer answer;
    /* Guarded by rest->lock. */
    enum exchange_state state;
    bool asked; /* libmicrohttpd's thread: sent to the herder, the connection was suspended */
    int64_t deadline_ms;
    struct exchange *next, *prev;  /* of the waiting ones */
    unsigned holders;              /* connection, herder */
};
enum { EXCHANGE_MAGIC = 0x52455354 };

struct rest {
    const struct worker_config *config;
    const struct registry *registry;
    struct metrics *metrics;
    struct herder *herder; /* set by rest_start, before the daemons listen */
    struct daemon_set *daemons; /* owned */
    char *url;                  /* owned */
    struct thread *timer;       /* owned */
    struct peer *peer;          /* owned; NULL standalone */
    atomic_bool stopping;
    struct lock lock; /* rank 60: waiting list, states, holders, asked */
    struct cond wake; /* the timer's */
    struct exchange *waiting;
    unsigned asked; /* suspended once, their answers not yet written */
    struct {
        struct metrics_group *group;
        struct kaftan_metric *requests, *errors, *timeouts;
    } count;
};

/* rest.c: sends r for x with a time limit; the reply of x's route follows. */
void exchange_ask(struct exchange *x, struct herder_request *r,
                  int timeout_ms);
/* answer.c */
void answer_error(struct exchange *x, int status, const char *message);
void answer_err(struct exchange *x, const struct kaftan_error *err);
void answer_routing(struct exchange *x, int status); /* without Content-Type */
void answer_container(struct exchange *x, int status, const char *title);
/* What another worker answered in our place. */
void answer_relayed(struct exchange *x, struct herder_request *r);
void answer_location(struct exchange *x, const char *connector);
void answer_empty(struct exchange *x, int status);
/* body.c: request bodies; errors carry the 500 texts of rest-api.md 1.5. */
struct kaftan_error *body_map(const struct exchange *x, struct text_map **ret) KAFTAN_MUST_CHECK;
/* An array of such maps; *ret and its maps are the caller's, also on failure. */
struct kaftan_error *body_maps(const struct exchange *x, struct text_map ***ret, int32_t *ret_count) KAFTAN_MUST_CHECK;
struct create_body {
    char *name; /* owned, trimmed */
    struct text_map *config; /* counted; NULL when missing */
    bool has_initial;
    enum target_state initial;
};
struct kaftan_error *body_create(const struct exchange *x, struct create_body *ret) KAFTAN_MUST_CHECK;
/* `text` as a body; the pure part, a fuzz target. */
struct kaftan_error *body_parse_map(const char *text, size_t len, struct text_map **ret) KAFTAN_MUST_CHECK;
struct kaftan_error *body_parse_create(const char *text, size_t len, struct create_body *ret) KAFTAN_MUST_CHECK;
struct kaftan_error *body_parse_maps(const char *text, size_t len, struct text_map ***ret, int32_t *ret_count) KAFTAN_MUST_CHECK;
/* internal.c: from other workers; decode: a signature's header, appended; INVALID: Java's texts. */
struct kaftan_error *internal_decode(const char *text, size_t len, struct buf *ret) KAFTAN_MUST_CHECK;
void post_tasks(struct exchange *x);
void put_fence(struct exchange *x);
/* loggers.c */
void get_loggers(struct exchange *x);
void get_logger(struct exchange *x);
void put_logger(struct exchange *x);
/* route.c */
void route_request(struct exchange *x); /* finds x->route or answers; handles */
/* `type` with the parameters that Accept names it with: a client that asks for a charset is told that charset. */
const char *accept_echo(struct kaftan_arena *a, const char *accept, const char *type);
bool accept_allows(const char *accept, const char *type);
/* routes.c: the table, ended by method NULL. */
extern const struct route rest_routes[];

#endif
