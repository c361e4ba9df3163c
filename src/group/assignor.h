/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUP_ASSIGNOR_H
#define GROUP_ASSIGNOR_H
/*
 * assignor: who runs what, decided by the group's leader.
 *
 * Two ways, equal to Java's (group-protocol.md 10): eager deals everything
 * out anew each time; incremental moves as little as it can, revokes before
 * it gives elsewhere, and waits a while for workers that have left.
 *
 * Owner    member (the leader's memory is kept between rounds and lost with
 *          the process)
 * Thread   group; no I/O, the time comes in with each round
 * Memory   one entry per connector and task, per round one list per worker
 */
#include <stdbool.h>
#include <stdint.h>

#include "group/work.h"

struct group_view;

struct assignor_member { /* in join order */
    const char *id, *url;
    struct work_list claims; /* what it says it runs; in the order of its allocation; borrowed */
};

struct assignor_input {
    int64_t now_ms;
    int32_t generation;
    int32_t last_completed; /* the leader's own; -1: none */
    const struct group_view *view;
    const struct assignor_member *members;
    size_t count;
};

struct assignor_share { /* what one member is told, by index of assignor_input.members */
    struct work_list assigned;
    struct work_list revoked;
};

struct assignor_output { /* the caller's: assignor_output_fini */
    struct assignor_share *shares;
    size_t count;
    int32_t delay_ms;
};
void assignor_output_fini(struct assignor_output *o);

void assignor_eager(const struct assignor_input *in, struct assignor_output *ret);

struct assignor; /* the incremental one's memory */

struct assignor *assignor_new(int32_t max_delay_ms);
void assignor_free(struct assignor *a); /* NULL is fine */
void assignor_incremental(struct assignor *a, const struct assignor_input *in, struct assignor_output *ret);
/* Delay after the n-th revoking round in a row. */
int32_t assignor_backoff(int32_t max_delay_ms, int32_t n);
/* The order in which members are visited: indexes into in->members. */
void assignor_walk_order(const struct assignor_input *in, size_t *ret);

struct assignor_state { /* for tests and logs */
    int64_t scheduled_ms;
    bool revoked_in_previous;
    int32_t successive;
    const char *const *candidates; /* borrowed until the next round */
    size_t candidate_count;
};
struct assignor_state assignor_state(const struct assignor *a);

#endif
