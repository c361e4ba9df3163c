/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/ops.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

enum { STEPS = 8 };
enum step_kind { STEP_READ_TO_END, STEP_SEND, STEP_READ_BACK };

struct op_record {
    struct sent sent;
    struct op *op; /* borrowed; lives until all its records are back */
    struct op_record *next; /* of the same step */
};

struct step {
    enum step_kind kind;
    const char *failure; /* a literal */
    struct op_record *records, **last;
};

struct op {
    struct op *prev, *next;
    struct store *store;    /* borrowed */
    struct topic_log *log;  /* borrowed from the store */
    char *connector;        /* owned; NULL */
    struct store_done *done; /* owned until answered; NULL then */
    int64_t deadline_ms;
    const char *late;       /* what the message says when time is up */
    struct step steps[STEPS];
    size_t step_count, at;
    bool started;           /* in the store's list */
    bool entered;           /* the step at `at` has begun */
    bool wants_snapshot;
    uint64_t ticket;
    size_t on_their_way;
    struct kaftan_error *err; /* owned; of a record */
    int32_t partition;      /* where the newest record of ours is */
    int64_t offset;
    void (*stored)(struct store *s, const struct sent *r, int64_t offset);
};

/* ---- making ---- */

struct op *store_op_new(struct store *s, struct topic_log *log, const char *connector, int64_t deadline_ms, const char *late,
                  struct store_done *done)
{
    struct op *o = mem_zalloc(1, sizeof *o);
    o->store = s;
    o->log = log;
    o->connector = connector ? mem_strdup(connector) : NULL;
    o->deadline_ms = deadline_ms;
    o->late = late;
    o->done = done;
    o->offset = -1;
    return o;
}

static struct step *add_step(struct op *o, enum step_kind kind, const char *failure)
{
    ASSERT(o->step_count < STEPS);
    struct step *step = &o->steps[o->step_count++];
    *step = (struct step){ .kind = kind, .failure = failure };
    step->last = &step->records;
    return step;
}

void op_read_to_end(struct op *o, const char *failure)
{
    add_step(o, STEP_READ_TO_END, failure);
}

void op_send(struct op *o, const char *failure)
{
    add_step(o, STEP_SEND, failure);
}

void op_read_back(struct op *o, const char *failure)
{
    add_step(o, STEP_READ_BACK, failure);
}

static void record_free(struct op_record *r)
{
    mem_free((char *)(uintptr_t)r->sent.key.ptr);
    mem_free((char *)(uintptr_t)r->sent.value.ptr);
    mem_free(r);
}

static void on_stored(struct sent *sent, struct kaftan_error *err, int32_t partition, int64_t offset)
{
    struct op_record *r = CONTAINER_OF(sent, struct op_record, sent);
    struct op *o = r->op;
    o->on_their_way--;
    if (err && !o->err)
        o->err = err;
    else
        kaftan_error_free(err);
    if (!err) {
        o->partition = partition;
        o->offset = offset > o->offset ? offset : o->offset;
        if (o->stored)
            o->stored(o->store, sent, offset);
    }
    record_free(r);
}

void op_record(struct op *o, char *key, size_t key_len, struct buf *value)
{
    struct step *step = &o->steps[o->step_count - 1];
    struct op_record *r = mem_zalloc(1, sizeof *r);
    r->op = o;
    r->sent.key = (struct kaftan_slice){ key, key_len };
    if (value) {
        r->sent.value.len = value->len;
        r->sent.value.ptr = buf_take(value);
    }
    r->sent.done = on_stored;
    *step->last = r;
    step->last = &r->next;
}

void op_on_stored(struct op *o, void (*stored)(struct store *s, const struct sent *r, int64_t offset))
{
    o->stored = stored;
}

void op_snapshot_wanted(struct op *o)
{
    o->wants_snapshot = true;
}

void op_start(struct op *o)
{
    struct store *s = o->store;
    o->started = true;
    o->prev = s->last;
    if (s->last)
        s->last->next = o;
    else
        s->first = o;
    s->last = o;
}

/* ---- running ---- */

static void op_unlink(struct op *o)
{
    if (o->prev)
        o->prev->next = o->next;
    else
        o->store->first = o->next;
    if (o->next)
        o->next->prev = o->prev;
    else
        o->store->last = o->prev;
}

static void op_free(struct op *o)
{
    if (o->started)
        op_unlink(o);
    for (size_t i = 0; i < o->step_count; i++) {
        while (o->steps[i].records) { /* never sent */
            struct op_record *r = o->steps[i].records;
            o->steps[i].records = r->next;
            record_free(r);
        }
    }
    kaftan_error_free(o->err);
    mem_free(o->connector);
    mem_free(o);
}

void op_drop(struct op *o, struct kaftan_error *err)
{
    store_done_send(o->done, err, NULL);
    op_free(o);
}

/* Takes err. */
static void op_answer(struct op *o, struct kaftan_error *err)
{
    const char *failure = o->at < o->step_count ? o->steps[o->at].failure : NULL;
    if (err && failure)
        err = kaftan_error_wrap(err, "%s", failure);
    store_done_send(o->done, err, o->wants_snapshot ? snapshot_ref(o->store->snapshot) : NULL);
    o->done = NULL;
}

/* An earlier operation on the same connector is still under way. */
static bool is_blocked(const struct op *o)
{
    if (!o->connector || o->at > 0 || o->entered)
        return false;
    for (const struct op *e = o->prev; e; e = e->prev)
        if (e->done && e->connector && strcmp(e->connector, o->connector) == 0)
            return true;
    return false;
}

static void enter(struct op *o, struct step *step)
{
    o->entered = true;
    if (step->kind == STEP_READ_TO_END)
        o->ticket = topic_log_end_start(o->log);
    if (step->kind != STEP_SEND)
        return;
    struct op_record *r = step->records;
    step->records = NULL;
    for (struct op_record *n = r; n; n = n->next)
        o->on_their_way++;
    while (r) {
        struct op_record *next = r->next; /* sending may end it at once */
        topic_log_send(o->log, &r->sent);
        r = next;
    }
}

static bool is_over(struct op *o, const struct step *step)
{
    switch (step->kind) {
    case STEP_READ_TO_END:
        return topic_log_reached(o->log, o->ticket);
    case STEP_SEND:
        return o->on_their_way == 0 || o->err;
    case STEP_READ_BACK:
        return o->offset < 0 || topic_log_passed(o->log, o->partition, o->offset);
    }
    return false;
}

/* True: it moved. */
static bool op_run(struct op *o)
{
    bool moved = false;
    while (o->done && o->at < o->step_count) {
        struct step *step = &o->steps[o->at];
        if (!o->entered) {
            enter(o, step);
            moved = true;
            if (step->kind == STEP_SEND)
                return true; /* what came out at once is to be published first */
        }
        if (!is_over(o, step))
            break;
        if (o->err) {
            struct kaftan_error *err = o->err;
            o->err = NULL;
            op_answer(o, err);
            return true;
        }
        o->at++;
        o->entered = false;
        moved = true;
    }
    if (o->done && o->at == o->step_count) {
        op_answer(o, o->log == &o->store->offsets ? store_save_offsets(o->store) : NULL);
        moved = true;
    }
    return moved;
}

void ops_drop(struct store *s, const struct topic_log *log)
{
    for (struct op *o = s->first; o; o = o->next) /* ops_run frees them */
        if (o->done && o->log == log && !o->entered && o->at < o->step_count && o->steps[o->at].kind == STEP_SEND)
            op_answer(o, kaftan_error_new(KAFTAN_E_KAFKA, "it was not sent any more"));
}

bool ops_run(struct store *s)
{
    bool moved = false;
    int64_t now = clock_mono_ms();
    for (struct op *o = s->first, *next; o; o = next) {
        if (!is_blocked(o))
            moved |= op_run(o);
        if (o->done && o->deadline_ms >= 0 && now >= o->deadline_ms) {
            op_answer(o, kaftan_error_new(KAFTAN_E_TIMEOUT, "%s", o->late));
            moved = true;
        }
        next = o->next;
        if (!o->done && o->on_their_way == 0)
            op_free(o);
    }
    return moved;
}

int64_t ops_deadline(const struct store *s)
{
    int64_t first = -1;
    for (const struct op *o = s->first; o; o = o->next)
        if (o->done && o->deadline_ms >= 0 && (first < 0 || o->deadline_ms < first))
            first = o->deadline_ms;
    return first;
}

void ops_end(struct store *s)
{
    while (s->first) {
        struct op *o = s->first;
        if (o->done)
            op_answer(o, kaftan_error_new(KAFTAN_E_UNAVAILABLE, "the worker is stopping"));
        ASSERT(o->on_their_way == 0);
        op_free(o);
    }
}
