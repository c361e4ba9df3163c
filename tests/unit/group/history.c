/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "history.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "group/codec.h"
#include "group/leader.h"
#include "group/member.h"

enum { WORKERS = 7, CONNECTORS = 6, TASKS_LIMIT = 9, ROUNDS_TO_REST = 60, NAME = 16 };

struct vworker {
    bool here;
    unsigned life;         /* a new id with each */
    char id[NAME], url[NAME + 16];
    struct work_list claims;
    int32_t last_completed;
    struct leader *leader; /* what it remembers when it leads */
    bool deaf;             /* the next assignment does not reach it */
};

struct history {
    const uint8_t *data;
    size_t size, at;
    int16_t version;
    bool reunite;
    int32_t max_delay_ms;
    struct vworker workers[WORKERS];
    size_t order[WORKERS], count; /* who is in the group, in the order of joining */
    size_t leads;
    int32_t tasks[CONNECTORS];    /* -1: no such connector */
    int64_t now_ms, offset;
    int32_t generation;
    int32_t delay_ms; /* of the last round */
    bool moved;       /* the last round assigned or revoked something */
    char *fault;
};

static char *last_fault;

static void fault(struct history *h, const char *what, const char *who, const struct work_id *id)
{
    if (!h->fault)
        h->fault = mem_printf("generation %d, byte %zu: %s: %s %s/%d", (int)h->generation, h->at, what, who, id ? id->connector : "",
                              id ? (int)id->task : 0);
}

static unsigned take(struct history *h)
{
    return h->at < h->size ? h->data[h->at++] : 0;
}

static const char *connector_name(size_t c)
{
    static const char *const names[CONNECTORS] = { "a", "bb", "connector-c", "\xc3\xb6", "e-5", "\xf0\x9f\x98\x80" };
    return names[c];
}

/* ---- workers ---- */

static void worker_begin(struct history *h, size_t w)
{
    struct vworker *v = &h->workers[w];
    v->life++;
    (void)snprintf(v->id, sizeof v->id, "%zu-%u", w * 7919 % 13, v->life % 100000);
    (void)snprintf(v->url, sizeof v->url, "http://w%zu/", w);
    v->last_completed = -1;
}

static void worker_restart(struct history *h, size_t w)
{
    struct vworker *v = &h->workers[w];
    leader_free(v->leader);
    v->leader = leader_new(h->max_delay_ms, h->reunite);
    work_list_fini(&v->claims);
    worker_begin(h, w);
}

static void join(struct history *h, size_t w)
{
    if (h->workers[w].here)
        return;
    worker_restart(h, w);
    h->workers[w].here = true;
    h->order[h->count++] = w;
}

static void leave(struct history *h, size_t w)
{
    size_t kept = 0;
    if (!h->workers[w].here || h->count == 1)
        return; /* a group of none has no life */
    for (size_t i = 0; i < h->count; i++)
        if (h->order[i] != w)
            h->order[kept++] = h->order[i];
    h->count = kept;
    h->workers[w].here = false;
    work_list_fini(&h->workers[w].claims);
    if (h->leads == w)
        h->leads = h->order[0];
}

/* Out and in again between two rounds: under a new id, with or without what it ran. */
static void return_anew(struct history *h, size_t w, bool with_claims)
{
    struct vworker *v = &h->workers[w];
    if (!v->here)
        return;
    if (with_claims)
        worker_begin(h, w); /* frozen for longer than its session */
    else
        worker_restart(h, w);
}

static void claim_something(struct history *h, size_t w, unsigned what)
{
    struct vworker *v = &h->workers[w];
    int32_t task = (int32_t)(what / CONNECTORS) % (TASKS_LIMIT + 2) - 1;
    task = task == TASKS_LIMIT ? INT32_MAX : task;
    if (v->here && !work_list_has(&v->claims, connector_name(what % CONNECTORS), task))
        work_list_add(&v->claims, connector_name(what % CONNECTORS), task);
}

/* ---- configs ---- */

static void reconfigure(struct history *h, size_t c, unsigned how)
{
    h->offset++;
    if (how % 4 == 0)
        h->tasks[c] = -1;
    else
        h->tasks[c] = (int32_t)(how / 4) % TASKS_LIMIT;
}

static bool configured(const struct history *h, const struct work_id *id)
{
    for (size_t c = 0; c < CONNECTORS; c++)
        if (strcmp(connector_name(c), id->connector) == 0)
            return h->tasks[c] >= 0 && id->task >= -1 && id->task < h->tasks[c];
    return false;
}

/* ---- a round ---- */

struct outcome {
    struct group_assignment told[WORKERS]; /* as h->order */
    struct work_list next[WORKERS];        /* what each then has */
};

static size_t holders(const struct history *h, const struct outcome *o, const struct work_id *id)
{
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++)
        n += work_list_has(&o->next[i], id->connector, id->task);
    return n;
}

static bool being_revoked(const struct history *h, const struct outcome *o, const struct work_id *id)
{
    for (size_t i = 0; i < h->count; i++)
        if (work_list_has(&o->told[i].revoked, id->connector, id->task))
            return true;
    return false;
}

static size_t claimants(const struct history *h, const struct work_id *id)
{
    size_t n = 0;
    for (size_t i = 0; i < h->count; i++)
        n += work_list_has(&h->workers[h->order[i]].claims, id->connector, id->task);
    return n;
}

static void check_placed(struct history *h, const struct outcome *o)
{
    for (size_t c = 0; c < CONNECTORS; c++)
        for (int32_t t = -1; t < h->tasks[c]; t++) {
            struct work_id id = { connector_name(c), t };
            size_t n = holders(h, o, &id);
            if (n > 1)
                fault(h, "given to two", "", &id);
            if (n == 0 && h->delay_ms == 0 && !being_revoked(h, o, &id))
                fault(h, "given to nobody", "", &id);
        }
}

static size_t of_kind(const struct work_list *l, bool tasks)
{
    size_t n = 0;
    for (size_t i = 0; i < l->count; i++)
        n += (l->items[i].task >= 0) == tasks;
    return n;
}

static size_t configured_of_kind(const struct history *h, bool tasks)
{
    size_t n = 0;
    for (size_t c = 0; c < CONNECTORS; c++)
        n += h->tasks[c] < 0 ? 0 : tasks ? (size_t)h->tasks[c] : 1;
    return n;
}

/* What is taken away that nobody else claims and that is configured is taken for balance. */
static void check_share(struct history *h, const struct outcome *o, size_t i)
{
    const struct vworker *w = &h->workers[h->order[i]];
    const struct group_assignment *a = &o->told[i];
    bool for_balance[2] = { false, false };
    for (size_t k = 0; k < a->work.count; k++) {
        const struct work_id *id = &a->work.items[k];
        if (!configured(h, id))
            fault(h, "assigned, though not configured", w->id, id);
        if (h->version != GROUP_EAGER && work_list_has(&w->claims, id->connector, id->task))
            fault(h, "assigned to who has it", w->id, id);
    }
    for (size_t k = 0; k < a->revoked.count; k++) {
        const struct work_id *id = &a->revoked.items[k];
        if (!work_list_has(&w->claims, id->connector, id->task) && claimants(h, id) > 0)
            fault(h, "revoked from who has it not", w->id, id); /* but lost work may be given and taken in one round */
        if (work_list_has(&a->work, id->connector, id->task))
            fault(h, "assigned and revoked at once", w->id, id);
        if (configured(h, id) && claimants(h, id) == 1)
            for_balance[id->task >= 0] = true;
    }
    for (int kind = 0; kind < 2; kind++) {
        size_t least = configured_of_kind(h, kind) / h->count;
        if (for_balance[kind] && of_kind(&o->next[i], kind) < least)
            fault(h, "left with less than its share", w->id, NULL);
    }
    if (a->error != GROUP_OK || a->delay_ms != h->delay_ms || a->delay_ms < 0 || a->delay_ms > h->max_delay_ms)
        fault(h, "error or delay", w->id, NULL);
}

static struct leader_member *members_of(const struct history *h)
{
    struct leader_member *m = mem_zalloc(h->count, sizeof *m);
    for (size_t i = 0; i < h->count; i++) {
        const struct vworker *w = &h->workers[h->order[i]];
        m[i] = (struct leader_member){ .id = w->id, .url = w->url, .config_offset = h->offset, .claims = w->claims };
    }
    return m;
}

static void read_outcome(struct history *h, const struct buf *answers, struct outcome *o)
{
    for (size_t i = 0; i < h->count; i++) {
        struct kaftan_error *err = group_read_assignment(buf_slice(&answers[i]), &o->told[i]);
        ASSERT(!err);
        if (h->version != GROUP_EAGER)
            work_list_copy(&o->next[i], &h->workers[h->order[i]].claims);
        work_list_remove(&o->next[i], &o->told[i].revoked);
        work_list_copy(&o->next[i], &o->told[i].work);
    }
    h->delay_ms = o->told[0].delay_ms;
}

/* What was dealt out reaches the members, but for those that are deaf. */
static void deliver(struct history *h, struct outcome *o)
{
    h->moved = false;
    for (size_t i = 0; i < h->count; i++) {
        struct vworker *w = &h->workers[h->order[i]];
        h->moved = h->moved || w->deaf || o->told[i].work.count + o->told[i].revoked.count > 0;
        if (!w->deaf) {
            work_list_fini(&w->claims);
            w->claims = o->next[i];
            o->next[i] = (struct work_list){ NULL, 0 };
            w->last_completed = h->generation;
        }
        w->deaf = false;
        work_list_fini(&o->next[i]);
        group_assignment_fini(&o->told[i]);
    }
}

static void round_of(struct history *h)
{
    struct group_view_connector list[CONNECTORS];
    struct group_view view = { .config_offset = h->offset, .connectors = list };
    struct vworker *leader = &h->workers[h->leads];
    struct outcome o = { 0 };
    struct member_share *shares = NULL;
    for (size_t c = 0; c < CONNECTORS; c++)
        if (h->tasks[c] >= 0)
            list[view.connector_count++] = (struct group_view_connector){ connector_name(c), h->tasks[c] };
    struct leader_member *members = members_of(h);
    h->generation++;
    struct leader_round r = { .version = h->version, .generation = h->generation, .last_completed = leader->last_completed,
                              .now_ms = h->now_ms, .leader_id = leader->id, .view = &view, .members = members, .count = h->count };
    struct buf *answers = leader_assign(leader->leader, &r, &shares);
    read_outcome(h, answers, &o);
    for (size_t i = 0; i < h->count; i++)
        check_share(h, &o, i);
    check_placed(h, &o);
    leader_shares_free(shares, h->count);
    leader_answers_free(answers, h->count);
    mem_free(members);
    deliver(h, &o);
}

/* ---- at rest ---- */

static void check_rest(struct history *h)
{
    size_t least[2] = { SIZE_MAX, SIZE_MAX }, most[2] = { 0, 0 };
    for (size_t i = 0; i < h->count; i++) {
        const struct vworker *w = &h->workers[h->order[i]];
        for (size_t k = 0; k < w->claims.count; k++) {
            if (!configured(h, &w->claims.items[k]))
                fault(h, "at rest, and still claimed", w->id, &w->claims.items[k]);
            if (claimants(h, &w->claims.items[k]) != 1)
                fault(h, "at rest, and claimed twice", w->id, &w->claims.items[k]);
        }
        for (int kind = 0; kind < 2; kind++) { /* eager deals connectors and tasks out in one row */
            size_t n = h->version == GROUP_EAGER ? w->claims.count : of_kind(&w->claims, kind);
            least[kind] = n < least[kind] ? n : least[kind];
            most[kind] = n > most[kind] ? n : most[kind];
        }
    }
    for (int kind = 0; kind < 2; kind++)
        if (most[kind] > least[kind] + 1)
            fault(h, kind ? "at rest, and tasks are uneven" : "at rest, and connectors are uneven", "", NULL);
    for (size_t c = 0; c < CONNECTORS; c++)
        for (int32_t t = -1; t < h->tasks[c]; t++)
            if (claimants(h, &(struct work_id){ connector_name(c), t }) != 1)
                fault(h, "at rest, and nobody's", "", &(struct work_id){ connector_name(c), t });
}

/* Nothing happens any more but rounds and the ends of delays. */
static void come_to_rest(struct history *h)
{
    int quiet = 0, n = 0;
    for (; n < ROUNDS_TO_REST && quiet < 3 && !h->fault; n++) {
        h->now_ms += (int64_t)h->delay_ms + 1;
        round_of(h);
        quiet = h->delay_ms > 0 || (h->moved && h->version != GROUP_EAGER) ? 0 : quiet + 1;
    }
    if (quiet < 3)
        fault(h, "it does not come to rest", "", NULL);
    else
        check_rest(h);
}

static void step(struct history *h)
{
    unsigned op = take(h);
    size_t w = take(h) % WORKERS;
    switch (op % 12) {
    case 0:
        join(h, w);
        break;
    case 1:
        leave(h, w);
        break;
    case 2:
        return_anew(h, w, false);
        break;
    case 3:
        return_anew(h, w, true);
        break;
    case 4:
    case 5:
        reconfigure(h, w % CONNECTORS, take(h));
        break;
    case 6:
        h->now_ms += (int64_t)take(h) * (h->max_delay_ms / 64 + 1);
        break;
    case 7:
        h->workers[w].deaf = h->workers[w].here;
        break;
    case 8:
        if (h->workers[w].here)
            h->leads = w;
        break;
    case 9:
        claim_something(h, w, take(h));
        break;
    case 10:
        come_to_rest(h);
        break;
    default:
        round_of(h);
        break;
    }
}

const char *history_run(const uint8_t *data, size_t size)
{
    static const int32_t delays[] = { 0, 1, 40, 1000, 300000, 300000, 300000, 300000 };
    struct history *h = mem_zalloc(1, sizeof *h);
    *h = (struct history){ .data = data, .size = size, .offset = 1, .now_ms = 1000 };
    unsigned kind = take(h);
    h->version = (int16_t)(kind % 8 == 0 ? GROUP_EAGER : kind % 8 == 1 ? GROUP_COMPATIBLE : GROUP_SESSIONED);
    h->reunite = kind & 8;
    h->max_delay_ms = delays[kind >> 4 & 7];
    for (size_t c = 0; c < CONNECTORS; c++)
        h->tasks[c] = c < 2 ? 3 : -1;
    join(h, 0);
    round_of(h);
    while (h->at < h->size && !h->fault)
        step(h);
    if (!h->fault)
        come_to_rest(h);
    for (size_t w = 0; w < WORKERS; w++) {
        leader_free(h->workers[w].leader);
        work_list_fini(&h->workers[w].claims);
    }
    mem_free(last_fault);
    last_fault = h->fault;
    mem_free(h);
    return last_fault;
}
