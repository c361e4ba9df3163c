/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who comes back. Every answer leaves a note: member id, URL, the work it
 * then runs. A member that is missing in the next round has left; its note is
 * kept. A newcomer with the same URL is the same worker, started anew (or cut
 * off for longer than its session): the noted work that nobody else claims
 * and that is still configured is put among its claims before the assignor
 * looks, so to the assignor nothing is lost and nothing waits; afterwards it
 * is moved from "kept" to "assigned" in the worker's answer, because the
 * worker itself does not run it yet.
 */
#include "config.h"

#include "group/leader.h"

#include <string.h>

#include "base/mem.h"
#include "group/codec.h"
#include "group/member.h"

struct note {
    char *id, *url; /* owned */
    struct work_list work;
    bool left;
};

struct leader {
    struct assignor *assignor; /* owned */
    bool reunite;
    struct note *notes; /* owned */
    size_t count;
};

struct leader *leader_new(int32_t max_delay_ms, bool reunite)
{
    struct leader *l = mem_zalloc(1, sizeof *l);
    l->assignor = assignor_new(max_delay_ms);
    l->reunite = reunite;
    return l;
}

static void note_fini(struct note *n)
{
    mem_free(n->id);
    mem_free(n->url);
    work_list_fini(&n->work);
}

void leader_free(struct leader *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->count; i++)
        note_fini(&l->notes[i]);
    mem_free(l->notes);
    assignor_free(l->assignor);
    mem_free(l);
}

struct assignor_state leader_state(const struct leader *l)
{
    return assignor_state(l->assignor);
}

/* ---- who comes back ------------------------------------------------------- */

static struct note *note_of_id(const struct leader *l, const char *id)
{
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->notes[i].id, id) == 0)
            return &l->notes[i];
    return NULL;
}

static void mark_who_left(struct leader *l, const struct leader_round *r)
{
    for (size_t i = 0; i < l->count; i++) {
        l->notes[i].left = true;
        for (size_t m = 0; m < r->count; m++)
            if (strcmp(r->members[m].id, l->notes[i].id) == 0)
                l->notes[i].left = false;
    }
}

static bool configured(const struct group_view *v, const struct work_id *id)
{
    for (size_t i = 0; i < v->connector_count; i++)
        if (strcmp(v->connectors[i].name, id->connector) == 0)
            return id->task < v->connectors[i].task_count;
    return false;
}

static bool claimed(const struct assignor_member *members, size_t count, const struct work_id *id)
{
    for (size_t i = 0; i < count; i++)
        if (work_list_has(&members[i].claims, id->connector, id->task))
            return true;
    return false;
}

/* Gives member `m` the work of those that left under its URL; it is also listed in `back`. */
static void take_back(struct leader *l, const struct group_view *v, struct assignor_member *members, size_t count, size_t m,
                      struct work_list *back)
{
    if (note_of_id(l, members[m].id))
        return; /* no newcomer */
    for (size_t i = 0; i < l->count; i++) {
        struct note *n = &l->notes[i];
        if (!n->left || strcmp(n->url, members[m].url) != 0)
            continue;
        for (size_t w = 0; w < n->work.count; w++) {
            const struct work_id *id = &n->work.items[w];
            if (!configured(v, id) || claimed(members, count, id))
                continue;
            work_list_add(&members[m].claims, id->connector, id->task);
            work_list_add(back, id->connector, id->task);
        }
        work_list_fini(&n->work);
    }
}

/*
 * What was given back and has not been revoked again is newly assigned. What
 * has been is told as revoked all the same, though the worker does not run it:
 * who has something revoked joins again, and that round deals it out.
 */
static void settle(struct assignor_share *share, struct work_list *back)
{
    work_list_remove(back, &share->revoked);
    work_list_copy(&share->assigned, back);
}

static void forget_deleted(struct work_list *l, const struct group_view *v)
{
    struct work_list gone = { NULL, 0 };
    for (size_t i = 0; i < l->count; i++)
        if (!configured(v, &l->items[i]))
            work_list_add(&gone, l->items[i].connector, l->items[i].task);
    work_list_remove(l, &gone);
    work_list_fini(&gone);
}

/* Notes of who left stay until their work has been placed: it is then in somebody's claims. */
static void write_notes(struct leader *l, const struct leader_round *r, const struct group_view *v,
                        const struct assignor_output *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->notes[i].left)
            forget_deleted(&l->notes[i].work, v);
    for (size_t i = 0; i < l->count; i++) {
        if (l->notes[i].left && l->notes[i].work.count > 0)
            l->notes[kept++] = l->notes[i];
        else
            note_fini(&l->notes[i]);
    }
    l->notes = mem_realloc(l->notes, kept + r->count, sizeof l->notes[0]);
    l->count = kept + r->count;
    for (size_t m = 0; m < r->count; m++) {
        struct note *n = &l->notes[kept + m];
        *n = (struct note){ .id = mem_strdup(r->members[m].id), .url = mem_strdup(r->members[m].url) };
        work_list_copy(&n->work, &r->members[m].claims);
        work_list_remove(&n->work, &out->shares[m].revoked);
        work_list_copy(&n->work, &out->shares[m].assigned);
    }
    for (size_t i = 0; i < kept; i++)
        for (size_t m = 0; m < r->count; m++)
            work_list_remove(&l->notes[i].work, &l->notes[kept + m].work);
}

static void assign_incremental(struct leader *l, const struct leader_round *r, const struct assignor_input *in,
                               struct assignor_member *members, struct assignor_output *ret)
{
    if (!l->reunite) {
        assignor_incremental(l->assignor, in, ret);
        return;
    }
    struct work_list *back = mem_zalloc(r->count, sizeof *back);
    mark_who_left(l, r);
    for (size_t m = 0; m < r->count; m++)
        take_back(l, in->view, members, r->count, m, &back[m]);
    assignor_incremental(l->assignor, in, ret);
    for (size_t m = 0; m < r->count; m++) {
        settle(&ret->shares[m], &back[m]);
        work_list_fini(&back[m]);
    }
    mem_free(back);
    write_notes(l, r, in->view, ret);
}

/* ---- the round -------------------------------------------------------------- */

static void assign(struct leader *l, const struct leader_round *r, const struct group_view *view, struct assignor_output *ret)
{
    struct assignor_member *members = mem_zalloc(r->count, sizeof *members);
    struct assignor_input in = { .now_ms = r->now_ms, .generation = r->generation, .last_completed = r->last_completed,
                                 .view = view, .members = members, .count = r->count };
    for (size_t m = 0; m < r->count; m++) {
        members[m].id = r->members[m].id;
        members[m].url = r->members[m].url;
        work_list_copy(&members[m].claims, &r->members[m].claims);
    }
    if (r->version == GROUP_EAGER)
        assignor_eager(&in, ret);
    else
        assign_incremental(l, r, &in, members, ret);
    for (size_t m = 0; m < r->count; m++)
        work_list_fini(&members[m].claims);
    mem_free(members);
}

static const char *leader_url(const struct leader_round *r)
{
    for (size_t m = 0; m < r->count; m++)
        if (strcmp(r->members[m].id, r->leader_id) == 0)
            return r->members[m].url;
    return "";
}

static struct buf *write_answers(const struct leader_round *r, int16_t error, int64_t offset, const struct assignor_output *out)
{
    struct buf *answers = mem_zalloc(r->count, sizeof *answers);
    for (size_t m = 0; m < r->count; m++) {
        struct group_assignment a = { .version = r->version, .error = error, .config_offset = offset,
                                      .leader = (char *)(uintptr_t)r->leader_id,
                                      .leader_url = (char *)(uintptr_t)leader_url(r) };
        if (out) {
            a.work = out->shares[m].assigned;
            a.revoked = out->shares[m].revoked;
            a.delay_ms = out->delay_ms;
        }
        group_put_assignment(&answers[m], r->version, &a); /* borrows all of it */
    }
    return answers;
}

static struct member_share *shares_of(const struct leader_round *r, const struct assignor_output *out)
{
    struct member_share *shares = mem_zalloc(r->count, sizeof *shares);
    for (size_t m = 0; m < r->count; m++) {
        struct work_list *work = &shares[m].work;
        shares[m].url = mem_strdup(r->members[m].url);
        if (r->version != GROUP_EAGER) { /* eager deals everything out anew */
            work_list_copy(work, &r->members[m].claims);
            work_list_remove(work, &out->shares[m].revoked);
        }
        work_list_copy(work, &out->shares[m].assigned);
    }
    return shares;
}

void leader_shares_free(struct member_share *shares, size_t count)
{
    for (size_t m = 0; shares && m < count; m++) {
        mem_free(shares[m].url);
        work_list_fini(&shares[m].work);
    }
    mem_free(shares);
}

struct buf *leader_assign(struct leader *l, const struct leader_round *r, struct member_share **ret_shares)
{
    int64_t newest = r->view->config_offset, offset;
    struct group_view *fresh = NULL;
    const struct group_view *view = r->view;
    struct buf *answers;
    *ret_shares = NULL;
    for (size_t m = 0; m < r->count; m++)
        if (r->members[m].config_offset > newest)
            newest = r->members[m].config_offset;
    offset = newest;
    if (view->config_offset < newest) {
        fresh = r->fresh(r->self);
        view = fresh;
        if (fresh->config_offset > newest)
            offset = fresh->config_offset;
    }
    if (view->config_offset < newest) {
        answers = write_answers(r, GROUP_CONFIG_MISMATCH, newest, NULL);
    } else {
        struct assignor_output out = { 0 };
        assign(l, r, view, &out);
        answers = write_answers(r, GROUP_OK, offset, &out);
        *ret_shares = shares_of(r, &out);
        assignor_output_fini(&out);
    }
    if (fresh)
        r->fresh_free(r->self, fresh);
    return answers;
}

void leader_answers_free(struct buf *answers, size_t count)
{
    for (size_t i = 0; i < count; i++)
        buf_fini(&answers[i]);
    mem_free(answers);
}
