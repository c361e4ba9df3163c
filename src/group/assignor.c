/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The incremental assignor's round, in Java's order of steps
 * (group-protocol.md 10.2). What it remembers: the work it last knew to be
 * placed (prev), what it last took away (prev_revoked), who was there, and
 * the delay that runs for work of workers that left. If the last round did
 * not reach the leader itself, the memory of prev is worth nothing.
 *
 * Work moves in two rounds: a revocation, and, once the old owner has come
 * back without it, an assignment. So no two workers ever run the same task.
 */
#include "config.h"

#include "group/assignor.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "group/member.h"
#include "group/table_int.h"

enum { CONNECTORS, TASKS, KINDS };

struct names {
    char **at; /* owned with its texts */
    size_t count;
};

struct assignor {
    int32_t max_delay_ms;
    struct work_list prev, prev_revoked;
    bool revoked_in_previous;
    struct names candidates;
    int64_t scheduled_ms; /* 0: none */
    int32_t delay_ms;
    int32_t prev_generation;
    struct names prev_members;
    int32_t successive;
};

struct worker { /* one member during a round; lists are by kind, flags by item number */
    struct list claims[KINDS], next[KINDS], revoke;
    bool *current, *revoked; /* owned */
};

struct round {
    struct assignor *a;
    const struct assignor_input *in;
    struct table table; /* names borrowed from `in` and the next two */
    struct work_list old_prev, old_revoked; /* owned; the memory of the last round */
    struct worker *workers; /* owned; as in->members */
    size_t *walk;           /* owned */
    bool *configured, *active, *prev, *deleted, *lost, *duplicated; /* owned, by item number */
    size_t configured_count[KINDS];
    struct list fresh; /* what is to be dealt out */
    struct list lost_list;
};

/* ---- small things ------------------------------------------------------- */

static void names_fini(struct names *n)
{
    for (size_t i = 0; i < n->count; i++)
        mem_free(n->at[i]);
    mem_free(n->at);
    *n = (struct names){ NULL, 0 };
}

static bool names_have(const struct names *n, const char *name)
{
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->at[i], name) == 0)
            return true;
    return false;
}

static void names_add(struct names *n, const char *name)
{
    n->at = mem_realloc(n->at, n->count + 1, sizeof n->at[0]);
    n->at[n->count++] = mem_strdup(name);
}

struct assignor *assignor_new(int32_t max_delay_ms)
{
    struct assignor *a = mem_zalloc(1, sizeof *a);
    a->max_delay_ms = max_delay_ms;
    a->prev_generation = -1;
    return a;
}

void assignor_free(struct assignor *a)
{
    if (!a)
        return;
    work_list_fini(&a->prev);
    work_list_fini(&a->prev_revoked);
    names_fini(&a->candidates);
    names_fini(&a->prev_members);
    mem_free(a);
}

struct assignor_state assignor_state(const struct assignor *a)
{
    return (struct assignor_state){ a->scheduled_ms, a->revoked_in_previous, a->successive,
                                    (const char *const *)a->candidates.at, a->candidates.count };
}

void assignor_output_fini(struct assignor_output *o)
{
    for (size_t i = 0; i < o->count; i++) {
        work_list_fini(&o->shares[i].assigned);
        work_list_fini(&o->shares[i].revoked);
    }
    mem_free(o->shares);
    *o = (struct assignor_output){ 0 };
}

/* Grows by 40 each time, in doubles as Java computes it: a cap may come out one too small. */
int32_t assignor_backoff(int32_t max_delay_ms, int32_t n)
{
    static const double base = 40;
    if (max_delay_ms <= 1)
        return max_delay_ms < 0 ? 0 : max_delay_ms;
    double cap = log((double)max_delay_ms) / log(base);
    double delay = pow(base, n < cap ? n : cap);
    return delay >= max_delay_ms ? max_delay_ms : (int32_t)delay;
}

void assignor_walk_order(const struct assignor_input *in, size_t *ret)
{
    int32_t *hashes = mem_zalloc(in->count, sizeof *hashes);
    for (size_t i = 0; i < in->count; i++) {
        hashes[i] = java_hash(in->members[i].id, strlen(in->members[i].id));
        ret[i] = i;
    }
    java_hash_order(hashes, ret, in->count, java_map_size(in->count));
    java_hash_order(hashes, ret, in->count, java_map_size(in->count));
    mem_free(hashes);
}

static int kind_of(const struct round *r, uint32_t item)
{
    return r->table.items[item].task == -1 ? CONNECTORS : TASKS;
}

static bool *flags(const struct round *r)
{
    return mem_zalloc(r->table.count, sizeof(bool));
}

/* ---- steps 1 to 5: what is there ------------------------------------------ */

static void number_all(struct round *r)
{
    const struct group_view *v = r->in->view;
    for (size_t c = 0; c < v->connector_count; c++)
        for (int32_t t = -1; t < v->connectors[c].task_count; t++)
            (void)table_of(&r->table, (struct work_id){ v->connectors[c].name, t });
    for (size_t m = 0; m < r->in->count; m++)
        for (size_t i = 0; i < r->in->members[m].claims.count; i++)
            (void)table_of(&r->table, r->in->members[m].claims.items[i]);
    for (size_t i = 0; i < r->old_prev.count; i++)
        (void)table_of(&r->table, r->old_prev.items[i]);
    for (size_t i = 0; i < r->old_revoked.count; i++)
        (void)table_of(&r->table, r->old_revoked.items[i]);
}

static void read_claims(struct round *r)
{
    for (size_t m = 0; m < r->in->count; m++) {
        struct worker *w = &r->workers[m];
        const struct work_list *claims = &r->in->members[m].claims;
        w->current = flags(r);
        w->revoked = flags(r);
        for (size_t i = 0; i < claims->count; i++) {
            uint32_t item = table_of(&r->table, claims->items[i]);
            if (w->current[item])
                continue;
            w->current[item] = true;
            list_add(&w->claims[kind_of(r, item)], item);
            r->duplicated[item] = r->duplicated[item] || r->active[item];
            r->active[item] = true;
        }
    }
}

static void remember(struct round *r)
{
    const struct assignor *a = r->a;
    bool still_there = false;
    bool delivered = a->prev_generation == r->in->last_completed;
    for (size_t i = 0; i < r->old_prev.count && delivered; i++)
        r->prev[table_of(&r->table, r->old_prev.items[i])] = true;
    for (size_t i = 0; i < r->old_revoked.count; i++)
        still_there = still_there || r->active[table_of(&r->table, r->old_revoked.items[i])];
    if (still_there)
        memcpy(r->prev, r->active, r->table.count * sizeof(bool));
}

static void compare(struct round *r)
{
    const struct group_view *v = r->in->view;
    for (size_t c = 0; c < v->connector_count; c++)
        for (int32_t t = -1; t < v->connectors[c].task_count; t++) {
            uint32_t item = table_of(&r->table, (struct work_id){ v->connectors[c].name, t });
            r->configured_count[kind_of(r, item)] += !r->configured[item];
            r->configured[item] = true;
        }
    for (uint32_t i = 0; i < r->table.count; i++) {
        r->deleted[i] = r->prev[i] && !r->configured[i];
        r->lost[i] = r->prev[i] && !r->active[i] && !r->deleted[i];
        if (r->lost[i])
            list_add(&r->lost_list, i);
        if (r->configured[i] && !r->prev[i] && !r->active[i])
            list_add(&r->fresh, i);
    }
    list_sort(&r->fresh, &r->table);
    list_sort(&r->lost_list, &r->table);
}

static void revoke(struct worker *w, uint32_t item)
{
    if (!w->revoked[item])
        list_add(&w->revoke, item);
    w->revoked[item] = true;
}

static void revoke_claims(const struct round *r, struct worker *w, const bool *which)
{
    for (int k = 0; k < KINDS; k++) {
        struct list hashed = { 0 };
        for (size_t i = 0; i < w->claims[k].count; i++)
            list_add(&hashed, w->claims[k].at[i]);
        list_hash_order(&hashed, &r->table);
        for (size_t i = 0; i < hashed.count; i++)
            if (which[hashed.at[i]])
                revoke(w, hashed.at[i]);
        list_fini(&hashed);
    }
}

static void take_away_what_must_go(struct round *r)
{
    for (size_t m = 0; m < r->in->count; m++) {
        struct worker *w = &r->workers[m];
        revoke_claims(r, w, r->deleted);
        revoke_claims(r, w, r->duplicated);
        for (int k = 0; k < KINDS; k++)
            for (size_t i = 0; i < w->claims[k].count; i++) {
                uint32_t item = w->claims[k].at[i];
                if (r->deleted[item])
                    w->current[item] = false;
                if (!w->revoked[item])
                    list_add(&w->next[k], item);
            }
    }
}

/* ---- step 6: work of workers that left ------------------------------------- */

static void reset_delay(struct assignor *a)
{
    names_fini(&a->candidates);
    a->scheduled_ms = 0;
    a->delay_ms = 0;
}

static size_t member_index(const struct assignor_input *in, const char *id)
{
    for (size_t i = 0; i < in->count; i++)
        if (strcmp(in->members[i].id, id) == 0)
            return i;
    return in->count;
}

static bool nobody_left(const struct round *r)
{
    for (size_t i = 0; i < r->a->prev_members.count; i++)
        if (member_index(r->in, r->a->prev_members.at[i]) == r->in->count)
            return false;
    return true;
}

static void deal_lost_out(struct round *r)
{
    for (size_t i = 0; i < r->lost_list.count; i++)
        list_add(&r->fresh, r->lost_list.at[i]); /* created first, then lost */
}

static void give_to_candidates(struct round *r)
{
    size_t *there = mem_zalloc(r->a->candidates.count, sizeof *there);
    size_t n = 0, turn[KINDS] = { 0, 0 };
    for (size_t i = 0; i < r->a->candidates.count; i++) {
        there[n] = member_index(r->in, r->a->candidates.at[i]);
        n += there[n] < r->in->count;
    }
    for (size_t i = 0; i < r->lost_list.count && n > 0; i++) {
        uint32_t item = r->lost_list.at[i];
        int k = kind_of(r, item);
        list_add(&r->workers[there[turn[k]++ % n]].next[k], item);
    }
    if (n == 0)
        deal_lost_out(r);
    mem_free(there);
}

static void wait_for_them(struct round *r)
{
    struct assignor *a = r->a;
    int64_t now = r->in->now_ms;
    for (size_t i = 0; i < r->in->count; i++) {
        const struct worker *w = &r->workers[r->walk[i]];
        const char *id = r->in->members[r->walk[i]].id;
        if (w->next[CONNECTORS].count + w->next[TASKS].count == 0 && !names_have(&a->candidates, id))
            names_add(&a->candidates, id);
    }
    int64_t left = a->scheduled_ms - now;
    a->delay_ms = left > 0 && left < a->max_delay_ms ? (int32_t)left : a->max_delay_ms;
    a->scheduled_ms = now + a->delay_ms;
}

static void handle_lost(struct round *r)
{
    struct assignor *a = r->a;
    if (r->lost_list.count == 0 && !a->revoked_in_previous) {
        reset_delay(a);
    } else if ((a->scheduled_ms <= 0 && nobody_left(r)) || a->max_delay_ms == 0) {
        deal_lost_out(r); /* nobody left: the assignment did not arrive */
    } else if (a->scheduled_ms > 0 && r->in->now_ms >= a->scheduled_ms) {
        give_to_candidates(r);
        reset_delay(a);
        a->revoked_in_previous = false;
    } else {
        wait_for_them(r);
    }
}

/* ---- step 7: balancing -------------------------------------------------------- */

static bool even(const struct round *r, int kind, size_t min, size_t extra)
{
    size_t with_min = 0, with_more = 0;
    for (size_t m = 0; m < r->in->count; m++) {
        with_min += r->workers[m].next[kind].count == min;
        with_more += r->workers[m].next[kind].count == min + 1;
    }
    return with_more == extra && with_min == r->in->count - extra;
}

/* Adds what worker after worker has too much of to `excess`, by member. */
static void find_excess(const struct round *r, int kind, struct list *excess)
{
    size_t min = r->configured_count[kind] / r->in->count, extra = r->configured_count[kind] % r->in->count;
    size_t granted = 0;
    if (even(r, kind, min, extra))
        return;
    for (size_t i = 0; i < r->in->count; i++) {
        const struct list *next = &r->workers[r->walk[i]].next[kind];
        size_t allowed = min;
        if (next->count <= min)
            continue;
        if (granted < extra) {
            granted++;
            allowed = min + 1;
        }
        for (size_t j = 0; j + allowed < next->count; j++)
            list_add(&excess[r->walk[i]], next->at[j]);
    }
}

static bool find_all_excess(const struct round *r, struct list *excess)
{
    size_t running = 0, found = 0;
    for (size_t m = 0; m < r->in->count; m++)
        running += r->workers[m].next[CONNECTORS].count + r->workers[m].next[TASKS].count;
    if (running == 0 || r->configured_count[CONNECTORS] + r->configured_count[TASKS] == 0)
        return false;
    for (int k = 0; k < KINDS; k++)
        find_excess(r, k, excess);
    for (size_t m = 0; m < r->in->count; m++)
        found += excess[m].count;
    return found > 0;
}

static void balance(struct round *r)
{
    struct assignor *a = r->a;
    if (a->delay_ms != 0) {
        a->revoked_in_previous = false;
        return;
    }
    struct list *excess = mem_zalloc(r->in->count, sizeof *excess);
    bool any = find_all_excess(r, excess);
    if (any && a->revoked_in_previous) {
        a->successive++;
        a->delay_ms = assignor_backoff(a->max_delay_ms, a->successive);
        if (a->delay_ms != 0)
            a->scheduled_ms = r->in->now_ms + a->delay_ms;
    } else if (!any && a->revoked_in_previous) {
        a->revoked_in_previous = false;
        a->successive = 0;
    } else if (any) {
        a->revoked_in_previous = true;
    }
    for (size_t m = 0; m < r->in->count; m++) {
        for (size_t i = 0; i < excess[m].count && a->delay_ms == 0; i++)
            revoke(&r->workers[m], excess[m].at[i]);
        for (int k = 0; k < KINDS && a->delay_ms == 0; k++)
            list_remove_if(&r->workers[m].next[k], r->workers[m].revoked);
        list_fini(&excess[m]);
    }
    mem_free(excess);
}

/* ---- step 8: dealing out -------------------------------------------------------- */

struct load {
    size_t count, member;
    const char *id;
};

static int by_load(const void *a, const void *b)
{
    const struct load *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? -1 : 1;
    return java_compare(x->id, y->id);
}

/* One item each for the least loaded, over and over. */
static void deal(struct round *r, int kind)
{
    size_t n = r->in->count, at = 0;
    struct load *loads = mem_zalloc(n, sizeof *loads);
    for (size_t m = 0; m < n; m++)
        loads[m] = (struct load){ r->workers[m].next[kind].count, m, r->in->members[m].id };
    qsort(loads, n, sizeof *loads, by_load);
    while (at < r->fresh.count) {
        size_t least = loads[0].count;
        for (size_t i = 0; i < n && loads[i].count <= least && at < r->fresh.count; i++) {
            while (at < r->fresh.count && kind_of(r, r->fresh.at[at]) != kind)
                at++;
            if (at == r->fresh.count)
                break;
            list_add(&r->workers[loads[i].member].next[kind], r->fresh.at[at++]);
            loads[i].count++;
        }
    }
    mem_free(loads);
}

/* ---- step 9: the answer, and what to remember ------------------------------------- */

static void answer(const struct round *r, struct assignor_output *ret)
{
    ret->count = r->in->count;
    ret->shares = mem_zalloc(ret->count, sizeof ret->shares[0]);
    ret->delay_ms = r->a->delay_ms;
    for (size_t m = 0; m < ret->count; m++) {
        const struct worker *w = &r->workers[m];
        for (int k = 0; k < KINDS; k++)
            for (size_t i = 0; i < w->next[k].count; i++) {
                const struct work_id *id = &r->table.items[w->next[k].at[i]];
                if (!w->current[w->next[k].at[i]])
                    work_list_add(&ret->shares[m].assigned, id->connector, id->task);
            }
        for (size_t i = 0; i < w->revoke.count; i++) {
            const struct work_id *id = &r->table.items[w->revoke.at[i]];
            work_list_add(&ret->shares[m].revoked, id->connector, id->task);
        }
    }
}

static void memorise(struct round *r)
{
    struct assignor *a = r->a;
    bool *placed = flags(r), *revoked = flags(r);
    for (size_t m = 0; m < r->in->count; m++) {
        const struct worker *w = &r->workers[m];
        for (int k = 0; k < KINDS; k++)
            for (size_t i = 0; i < w->next[k].count; i++)
                placed[w->next[k].at[i]] = true;
        for (size_t i = 0; i < w->revoke.count; i++)
            revoked[w->revoke.at[i]] = true;
    }
    for (uint32_t i = 0; i < r->table.count; i++) {
        if ((placed[i] && !revoked[i]) || r->lost[i])
            work_list_add(&a->prev, r->table.items[i].connector, r->table.items[i].task);
        if (revoked[i])
            work_list_add(&a->prev_revoked, r->table.items[i].connector, r->table.items[i].task);
    }
    a->prev_generation = r->in->generation;
    names_fini(&a->prev_members);
    for (size_t m = 0; m < r->in->count; m++)
        names_add(&a->prev_members, r->in->members[m].id);
    mem_free(placed);
    mem_free(revoked);
}

static void round_fini(struct round *r)
{
    for (size_t m = 0; m < r->in->count; m++) {
        struct worker *w = &r->workers[m];
        for (int k = 0; k < KINDS; k++) {
            list_fini(&w->claims[k]);
            list_fini(&w->next[k]);
        }
        list_fini(&w->revoke);
        mem_free(w->current);
        mem_free(w->revoked);
    }
    list_fini(&r->fresh);
    list_fini(&r->lost_list);
    mem_free(r->workers);
    mem_free(r->walk);
    mem_free(r->configured);
    mem_free(r->active);
    mem_free(r->prev);
    mem_free(r->deleted);
    mem_free(r->lost);
    mem_free(r->duplicated);
    table_fini(&r->table);
    work_list_fini(&r->old_prev);
    work_list_fini(&r->old_revoked);
}

void assignor_incremental(struct assignor *a, const struct assignor_input *in, struct assignor_output *ret)
{
    struct round r = { .a = a, .in = in, .old_prev = a->prev, .old_revoked = a->prev_revoked };
    ASSERT(in->count > 0);
    a->prev = a->prev_revoked = (struct work_list){ NULL, 0 };
    number_all(&r);
    r.workers = mem_zalloc(in->count, sizeof r.workers[0]);
    r.walk = mem_zalloc(in->count, sizeof r.walk[0]);
    r.configured = flags(&r);
    r.active = flags(&r);
    r.prev = flags(&r);
    r.deleted = flags(&r);
    r.lost = flags(&r);
    r.duplicated = flags(&r);
    assignor_walk_order(in, r.walk);
    read_claims(&r);
    remember(&r);
    compare(&r);
    take_away_what_must_go(&r);
    handle_lost(&r);
    balance(&r);
    for (int k = 0; k < KINDS; k++)
        deal(&r, k);
    answer(&r, ret);
    memorise(&r);
    round_fini(&r);
}

/* ---- eager ----------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b, void *members)
{
    const struct assignor_member *m = members;
    return java_compare(m[*(const size_t *)a].id, m[*(const size_t *)b].id);
}

void assignor_eager(const struct assignor_input *in, struct assignor_output *ret)
{
    struct table table = { 0 };
    struct list all = { 0 };
    size_t *order = mem_zalloc(in->count, sizeof *order), turn = 0;
    ASSERT(in->count > 0);
    ret->count = in->count;
    ret->shares = mem_zalloc(in->count, sizeof ret->shares[0]);
    ret->delay_ms = 0;
    for (size_t i = 0; i < in->count; i++)
        order[i] = i;
    qsort_r(order, in->count, sizeof *order, by_id, (void *)(uintptr_t)in->members);
    for (size_t c = 0; c < in->view->connector_count; c++)
        for (int32_t t = -1; t < in->view->connectors[c].task_count; t++)
            list_add(&all, table_of(&table, (struct work_id){ in->view->connectors[c].name, t }));
    list_sort(&all, &table);
    for (size_t i = 0; i < all.count; i++) {
        ASSERT(table.items);
        const struct work_id *id = &table.items[all.at[i]];
        work_list_add(&ret->shares[order[turn++ % in->count]].assigned, id->connector, id->task);
    }
    mem_free(order);
    list_fini(&all);
    table_fini(&table);
}
