/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_HERDER_STAGE_H
#define TEST_HERDER_STAGE_H
/* stage: a herder among fakes, and asking it. A failure ends the test. */
#include "base/thread.h"
#include "herder/herder.h"

struct world {
    struct registry *registry;
    struct worker_config *config;
    struct metrics *metrics;
    struct herder *herder;
    size_t at; /* in the journal */
};

/* One world at a time. make: not started yet; end: also of one that was never started. */
void make(struct world *w, bool distributed, const char *key, const char *value, const struct herder_peer *peer);
void start(struct world *w);
void begin(struct world *w, bool distributed);
void end(struct world *w);
int wait_end(void); /* the exit status it ended with; -1: it goes on */
void wait_started(struct world *w);
void saw(struct world *w, const char *line); /* waits for the next such line of the journal */

struct asking {
    struct lock lock;
    struct cond cond;
    bool done;
};

void send(struct world *w, struct herder_request *r, struct asking *a);
void await(struct asking *a);
struct herder_request *ask(struct world *w, struct herder_request *r); /* the same, answered */
const char *text_of(const struct herder_request *r); /* of its error; "" none */
/* Asks and frees; `text` "" for success. */
void expect(struct world *w, struct herder_request *r, int http, const char *text);
void expect_op(struct world *w, enum herder_op op, const char *name, int http, const char *text);
void create(struct world *w, const char *name);

struct text_map *config(const char *name, const char *key, const char *value);
struct herder_request *with_config(enum herder_op op, const char *name, const char *key, const char *value);
/* As the peer of another worker sends it, with the proof that the group's key gives; NULL body: no proof. */
struct herder_request *tasks_of_another(const char *connector, int32_t count, const char *body);

#endif
