/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUP_LEADER_H
#define GROUP_LEADER_H
/*
 * leader: one round of a group that this worker leads: who is behind with
 * the configs, who runs what, and each member's answer as bytes.
 *
 * It also knows who comes back: a worker that returns under a new member id,
 * but with the URL of one that has left, gets that one's work at once; the
 * delay of the assignor is for workers that stay away.
 *
 * Owner    member
 * Thread   group; no I/O
 * Memory   what each member last ran
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "group/assignor.h"
#include "group/work.h"

struct group_view;
struct leader;
struct member_share;

/* `reunite`: returning workers get their work at once; false: exactly Java's assignors. */
struct leader *leader_new(int32_t max_delay_ms, bool reunite);
void leader_free(struct leader *l); /* NULL is fine */

struct leader_member { /* in join order */
    const char *id, *url;
    int64_t config_offset;
    struct work_list claims;
};

struct leader_round {
    int16_t version;
    int32_t generation, last_completed;
    int64_t now_ms;
    const char *leader_id;
    const struct group_view *view; /* as it was when this worker joined; borrowed */
    /* A newer view, asked for when another member is ahead of `view`. */
    struct group_view *(*fresh)(void *self);
    void (*fresh_free)(void *self, struct group_view *v);
    void *self;
    const struct leader_member *members;
    size_t count;
};

/*
 * Assignments as bytes, by index of members; leader_answers_free. *ret_shares: what each of them then runs, in the same
 * order (the caller's: leader_shares_free); NULL when nobody was assigned anything.
 */
struct buf *leader_assign(struct leader *l, const struct leader_round *r, struct member_share **ret_shares);
void leader_shares_free(struct member_share *shares, size_t count); /* NULL is fine */
void leader_answers_free(struct buf *answers, size_t count);
struct assignor_state leader_state(const struct leader *l);

#endif
