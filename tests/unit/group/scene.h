/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_GROUP_SCENE_H
#define TEST_GROUP_SCENE_H
/*
 * scene: a member with the test's coordinator, and an ear for what the member
 * tells its herder. There is one connector, A.
 */
#include "base/metrics.h"
#include "base/thread.h"
#include "coordinator.h"
#include "group/member_int.h"

enum { GENEROUS_MS = 60000, ASSIGNMENTS = 4096 };

struct ear {
    struct lock lock; /* all of it, but `all` below `assigned`, which stays as it is until the scene ends */
    struct cond news;
    struct member *member; /* borrowed from the scene; NULL before it is made */
    unsigned assigned, lost, fatal;
    int64_t owned_at_loss; /* member_owned_until at the last loss */
    struct member_assignment *all[ASSIGNMENTS]; /* in order */
    char fatal_text[256];
    int64_t offset;
    int32_t tasks;
};

struct scene {
    struct ear ear;
    struct coordinator *coordinator;
    struct metrics *metrics;
    struct member *member;
    bool forgiving; /* the member was told wrong things that it could not see: what it then sends is not judged */
};

extern const struct coordinator_options scene_newest;

void scene_start(struct scene *s, const struct coordinator_options *o, int16_t protocol, int32_t session_ms);
void scene_end(struct scene *s);

void wait_for(struct ear *e, const unsigned *counter, unsigned n); /* until the counter has reached `n` */
unsigned heard(struct ear *e, const unsigned *counter);
/* The assignment of round `n`, the first being 1; waits for it. */
const struct member_assignment *assigned(struct ear *e, unsigned n);
void wait_count(struct scene *s, int api, unsigned n); /* until the coordinator has been asked this so often */
void look_again(struct ear *e); /* between two looks at a state that nobody announces */

#endif
