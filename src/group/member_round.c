/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rounds: UNJOINED -> JOINING -> SYNCING -> STABLE (group-protocol.md 7, 8).
 *
 * Who owns the work. The broker gives a member up one session after its last
 * heartbeat; then others may be given its work. So every answered heartbeat
 * extends ownership to `sent + min(session, rebalance timeout)`: by the time
 * it was sent, because a frozen process must not count the time it slept.
 * While the coordinator is out of reach the work goes on until then; after
 * that all of it is stopped (lost), and the next round starts without claims.
 *
 * After a round heartbeats are quick for ten seconds: a worker learns of the
 * next round only from their answers, and the round that revokes is followed
 * by the one that gives.
 *
 * While a JoinGroup is parked, nothing behind it is answered. A round that
 * takes long (another worker stops its tasks) must not cost us our work, so
 * heartbeats then go over the side connection; any answer but "unknown
 * member" shows that the broker still counts us.
 */
#include "config.h"

#include "group/member_int.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

static struct log logger = LOG("group.member");

enum { MISMATCHES_TO_WARN = 3, MISMATCHES_LIMIT = 30, FAST_BEAT_MS = 250, FAST_FOR_MS = 10000, LEAVE_MS = 3000, JOIN_GRACE_MS = 5000 };

static int32_t lease_ms(const struct member *m)
{
    return m->o.session_ms < m->o.rebalance_ms ? m->o.session_ms : m->o.rebalance_ms;
}

/* The broker counted us when this was sent. */
static void owned_since(struct member *m, int64_t sent_ms)
{
    int64_t until = sent_ms + lease_ms(m);
    atomic_store(&m->last_beat, sent_ms);
    if (until > atomic_load(&m->owned_until))
        atomic_store(&m->owned_until, until);
}

bool round_holds_work(const struct member *m)
{
    return m->has_snapshot && m->snapshot.work.count > 0;
}

static void count_work(struct member *m)
{
    size_t tasks = 0, n = m->has_snapshot ? m->snapshot.work.count : 0;
    for (size_t i = 0; i < n; i++)
        tasks += m->snapshot.work.items[i].task >= 0;
    metric_set(m->meters.tasks, (double)tasks);
    metric_set(m->meters.connectors, (double)(n - tasks));
}

void round_forget(struct member *m)
{
    if (m->has_snapshot)
        group_assignment_fini(&m->snapshot);
    m->has_snapshot = false;
    count_work(m);
}

/* All work is to be stopped; nothing is joined before it is. Until when it is owned stays as it is. */
static void give_up(struct member *m)
{
    round_forget(m);
    m->owes = true;
    m->rejoin = true;
    m->events.lost(m->events.self);
}

/* Another worker may have the work already: what is being stopped may not even write what it has finished. */
void round_disown(struct member *m)
{
    atomic_store(&m->owned_until, 0);
    give_up(m);
}

static void set_text(char **field, const char *text)
{
    char *copy = mem_strdup(text);
    mem_free(*field);
    *field = copy;
}

static void end_round(struct member *m)
{
    wire_joined_fini(&m->joined);
    if (m->view)
        m->events.view_free(m->events.self, m->view);
    m->view = NULL;
    m->leads = false;
    leader_shares_free(m->shares, m->share_count);
    m->shares = NULL;
    m->share_count = 0;
}

/* Back to the start of a round; with_id: the group forgot us, too. */
static void reset(struct member *m, bool with_id)
{
    end_round(m);
    m->generation = -1;
    m->stage = STAGE_UNJOINED;
    m->rejoin = true;
    if (with_id)
        set_text(&m->member_id, "");
}

void round_interrupted(struct member *m)
{
    if (m->stage != STAGE_JOINING && m->stage != STAGE_SYNCING)
        return;
    end_round(m);
    m->stage = STAGE_UNJOINED;
    m->rejoin = true;
}

static void thrown_out(struct member *m)
{
    log_warn(&logger, "the group does not know this worker any more: joining anew", LOG_STR("member", m->member_id));
    reset(m, true);
    atomic_store(&m->owned_until, 0);
    set_text(&m->reason, "the group did not know the member any more");
    if (m->has_snapshot || m->owes) /* owes: what is being stopped in order is not ours any more */
        round_disown(m);
}

void member_fatal(struct member *m, struct kaftan_error *err)
{
    m->ended = true;
    atomic_store(&m->owned_until, 0);
    conn_free(m->conn);
    m->conn = NULL;
    link_drop_side(m);
    m->link = LINK_PAUSE;
    m->stage = STAGE_OUT;
    m->events.fatal(m->events.self, err);
}

struct kaftan_error *round_broker_error(const struct member *m, const char *what, int16_t code)
{
    if (code == WIRE_GROUP_AUTHORIZATION_FAILED)
        return kaftan_error_new(KAFTAN_E_KAFKA, "%s group \"%s\": not authorized: the worker's user needs the operation Read on the "
                                                "resource Group %s (error %d)", what, m->o.group, m->o.group, (int)code);
    return kaftan_error_new(KAFTAN_E_KAFKA, "%s group \"%s\": %s (error %d)", what, m->o.group, wire_error_text(code), (int)code);
}

/* ---- JoinGroup ------------------------------------------------------------------ */

static void send_join(struct member *m)
{
    struct buf metadata[GROUP_SESSIONED + 1] = { 0 };
    struct wire_protocol protocols[GROUP_SESSIONED + 1];
    struct wire_join j = { .group = m->o.group, .member_id = m->member_id, .protocol_type = "connect", .reason = m->reason,
                           .session_timeout_ms = m->o.session_ms, .rebalance_timeout_ms = m->o.rebalance_ms,
                           .protocols = protocols };
    end_round(m);
    if (!m->round_began)
        m->round_began = clock_mono_ms();
    m->view = m->events.view(m->events.self);
    for (int16_t v = m->o.protocol; v >= GROUP_EAGER; v--) {
        struct buf *b = &metadata[v];
        group_put_subscription(b, v, m->o.url, m->view->config_offset, m->has_snapshot ? &m->snapshot : NULL);
        protocols[j.protocol_count++] = (struct wire_protocol){ group_protocol_name(v), buf_slice(b) };
    }
    int32_t longest = m->o.rebalance_ms < INT32_MAX - JOIN_GRACE_MS ? m->o.rebalance_ms + JOIN_GRACE_MS : INT32_MAX;
    wire_put_join(conn_begin(m->conn, WIRE_JOIN_GROUP), conn_version(m->conn, WIRE_JOIN_GROUP), &j);
    conn_send(m->conn, longest > m->o.request_ms ? longest : m->o.request_ms);
    for (size_t v = 0; v < COUNT_OF(metadata); v++)
        buf_fini(&metadata[v]);
    m->stage = STAGE_JOINING;
    m->beat_at = clock_mono_ms() + m->o.heartbeat_ms; /* over the side, should it take that long */
}

static void send_sync(struct member *m, const struct wire_member *answers, size_t count)
{
    struct wire_sync s = { .group = m->o.group, .member_id = m->member_id, .generation = m->generation,
                           .protocol_type = "connect", .protocol_name = m->protocol_name, .assignments = answers,
                           .assignment_count = count };
    wire_put_sync(conn_begin(m->conn, WIRE_SYNC_GROUP), conn_version(m->conn, WIRE_SYNC_GROUP), &s);
    int32_t longest = m->o.rebalance_ms < INT32_MAX - JOIN_GRACE_MS ? m->o.rebalance_ms + JOIN_GRACE_MS : INT32_MAX;
    conn_send(m->conn, longest > m->o.request_ms ? longest : m->o.request_ms);
    m->stage = STAGE_SYNCING;
}

/* A member whose metadata cannot be read claims nothing. */
static void read_member(const struct wire_member *from, struct leader_member *to)
{
    struct group_subscription s = { 0 };
    to->id = mem_strndup(from->id.ptr, from->id.len);
    struct kaftan_error *err = group_read_subscription(from->metadata, &s);
    if (err) {
        log_warn(&logger, "a member's claims cannot be read: counted as none", LOG_STR("member", to->id), LOG_ERR(err));
        kaftan_error_free(err);
        to->url = mem_strdup("");
        to->config_offset = -1;
        return;
    }
    to->url = mem_strdup(s.url);
    to->config_offset = s.config_offset;
    work_list_copy(&to->claims, &s.allocation.work);
    group_subscription_fini(&s);
}

static struct group_view *fresh_view(void *self)
{
    const struct member *m = self;
    return m->events.view(m->events.self);
}

static void fresh_view_free(void *self, struct group_view *v)
{
    const struct member *m = self;
    m->events.view_free(m->events.self, v);
}

/* Once per row of such rounds: which worker it is that knows of more. */
static void warn_behind(const struct member *m, const struct leader_member *members, size_t count)
{
    size_t ahead = 0;
    for (size_t i = 1; i < count; i++)
        if (members[i].config_offset > members[ahead].config_offset)
            ahead = i;
    log_warn(&logger, "a worker of the group has read more of its config topic than there is in this worker's: either two clusters "
                      "use one group.id, or the config topic has lost records",
             LOG_STR("group", m->o.group), LOG_STR("worker", members[ahead].url),
             LOG_INT("its_config_offset", members[ahead].config_offset), LOG_INT("config_offset", m->view->config_offset));
}

/* As leader: says who runs what. */
static void lead(struct member *m, int16_t version)
{
    size_t count = m->joined.member_count;
    struct leader_member *members = mem_zalloc(count, sizeof *members);
    struct wire_member *out = mem_zalloc(count, sizeof *out);
    for (size_t i = 0; i < count; i++)
        read_member(&m->joined.members[i], &members[i]);
    struct leader_round r = { .version = version, .generation = m->generation, .last_completed = m->last_completed,
                              .now_ms = clock_mono_ms(), .leader_id = m->member_id, .view = m->view, .fresh = fresh_view,
                              .fresh_free = fresh_view_free, .self = m, .members = members, .count = count };
    struct buf *answers = leader_assign(m->leader, &r, &m->shares);
    m->share_count = m->shares ? count : 0;
    if (!m->shares && m->mismatches == MISMATCHES_TO_WARN)
        warn_behind(m, members, count);
    for (size_t i = 0; i < count; i++)
        out[i] = (struct wire_member){ slice_of(members[i].id), buf_slice(&answers[i]) };
    send_sync(m, out, count);
    leader_answers_free(answers, count);
    for (size_t i = 0; i < count; i++) {
        mem_free((char *)(uintptr_t)members[i].id);
        mem_free((char *)(uintptr_t)members[i].url);
        work_list_fini(&members[i].claims);
    }
    mem_free(members);
    mem_free(out);
}

static void copy_text(char **field, struct kaftan_slice s)
{
    char *text = mem_strndup(s.ptr ? s.ptr : "", s.len);
    mem_free(*field);
    *field = text;
}

static void join_done(struct member *m)
{
    const struct wire_joined *j = &m->joined;
    int16_t version = group_protocol_version(j->protocol_name);
    if ((j->protocol_type.ptr && !slice_eq_str(j->protocol_type, "connect")) || version < 0 || j->skip_assignment) {
        member_fatal(m, round_broker_error(m, "cannot join", WIRE_INCONSISTENT_GROUP_PROTOCOL));
        return;
    }
    copy_text(&m->member_id, j->member_id);
    copy_text(&m->protocol_name, j->protocol_name);
    m->generation = j->generation;
    m->leads = slice_eq_str(j->leader, m->member_id);
    log_info(&logger, "joined", LOG_STR("group", m->o.group), LOG_INT("generation", m->generation),
             LOG_STR("member", m->member_id), LOG_INT("leader", m->leads), LOG_INT("members", j->member_count));
    if (m->leads && j->member_count > 0)
        lead(m, version);
    else
        send_sync(m, NULL, 0);
}

static void join_later(struct member *m, int64_t pause_ms)
{
    reset(m, false);
    m->join_at = clock_mono_ms() + pause_ms;
}

static void join_refused(struct member *m, int16_t code)
{
    if (code != WIRE_MEMBER_ID_REQUIRED)
        meters_took(m, METER_FAILED, 0);
    switch (code) {
    case WIRE_MEMBER_ID_REQUIRED:
        copy_text(&m->member_id, m->joined.member_id);
        reset(m, false);
        break;
    case WIRE_UNKNOWN_MEMBER_ID:
        thrown_out(m);
        break;
    case WIRE_COORDINATOR_NOT_AVAILABLE:
    case WIRE_NOT_COORDINATOR:
        reset(m, false);
        link_lost(m, round_broker_error(m, "joining", code));
        break;
    case WIRE_COORDINATOR_LOAD_IN_PROGRESS:
    case WIRE_REBALANCE_IN_PROGRESS:
    case WIRE_ILLEGAL_GENERATION:
        join_later(m, m->o.retry_ms);
        break;
    default:
        member_fatal(m, round_broker_error(m, "cannot join", code));
        break;
    }
}

static void join_reply(struct member *m, struct reader *r, int16_t version)
{
    wire_joined_fini(&m->joined);
    if (!wire_get_joined(r, version, &m->joined)) {
        link_lost(m, kaftan_error_new(KAFTAN_E_KAFKA, "%s: the answer to JoinGroup cannot be read", conn_peer(m->conn)));
        return;
    }
    if (m->side_task == SIDE_BEAT)
        link_drop_side(m);
    if (m->joined.error == WIRE_NONE) {
        meters_took(m, METER_JOIN, clock_mono_ms() - conn_sent_ms(m->conn));
        join_done(m);
    } else {
        join_refused(m, m->joined.error);
    }
}

/* ---- SyncGroup -------------------------------------------------------------------- */

/* What is kept of the old work goes behind what is new. */
static void merge(struct member *m, struct group_assignment *a)
{
    if (m->has_snapshot && a->version != GROUP_EAGER) {
        work_list_remove(&m->snapshot.work, &a->revoked);
        work_list_remove(&m->snapshot.work, &a->work); /* delivered twice */
        work_list_copy(&a->work, &m->snapshot.work);
    }
    round_forget(m);
    m->snapshot = *a;
    m->has_snapshot = true;
}

static void tell(struct member *m)
{
    const struct group_assignment *s = &m->snapshot;
    struct member_assignment *a = mem_zalloc(1, sizeof *a);
    a->error = s->error;
    a->leader = mem_strdup(s->leader);
    a->leader_url = mem_strdup(s->leader_url);
    a->config_offset = s->config_offset;
    work_list_copy(&a->work, &s->work);
    work_list_copy(&a->revoked, &s->revoked);
    a->delay_ms = s->delay_ms;
    a->generation = m->generation;
    a->member_id = mem_strdup(m->member_id);
    a->is_leader = strcmp(s->leader, m->member_id) == 0;
    a->protocol = m->active;
    a->shares = m->shares;
    a->share_count = m->share_count;
    a->member_count = m->joined.member_count;
    a->round_ms = clock_mono_ms() - m->round_began;
    m->shares = NULL;
    m->share_count = 0;
    m->round_began = 0;
    m->events.assigned(m->events.self, a);
}

static void next_beat(struct member *m)
{
    int64_t now = clock_mono_ms();
    m->beat_at = now + (now < m->fast_until && FAST_BEAT_MS < m->o.heartbeat_ms ? FAST_BEAT_MS : m->o.heartbeat_ms);
}

/*
 * A leader that is behind reads on, and the next round is right. One that
 * stays behind (two clusters under one group id, a config topic that was cut
 * off) would have all workers join over and over.
 */
static void pace_mismatches(struct member *m)
{
    if (m->snapshot.error == GROUP_OK) {
        m->mismatches = 0;
        return;
    }
    if (m->mismatches > 0)
        m->join_at = clock_mono_ms() + member_backoff(m->o.retry_ms, m->o.retry_max_ms, m->mismatches);
    if (m->mismatches < MISMATCHES_LIMIT)
        m->mismatches++;
}

static void sync_done(struct member *m, struct group_assignment *a)
{
    int64_t now = clock_mono_ms();
    m->active = group_protocol_version(slice_of(m->protocol_name));
    a->version = m->active;
    merge(m, a);
    m->stage = STAGE_STABLE;
    m->rejoin = false;
    m->last_completed = m->generation;
    set_text(&m->reason, "");
    owned_since(m, conn_sent_ms(m->conn));
    m->fast_until = now + FAST_FOR_MS;
    next_beat(m);
    m->owes = m->snapshot.revoked.count > 0;
    pace_mismatches(m);
    meters_took(m, METER_SYNC, now - conn_sent_ms(m->conn));
    meters_took(m, METER_REBALANCE, now - m->round_began);
    count_work(m);
    tell(m);
    end_round(m);
}

static void sync_refused(struct member *m, int16_t code)
{
    meters_took(m, METER_FAILED, 0);
    switch (code) {
    case WIRE_UNKNOWN_MEMBER_ID:
        thrown_out(m);
        break;
    case WIRE_ILLEGAL_GENERATION:
    case WIRE_REBALANCE_IN_PROGRESS:
        reset(m, false);
        break;
    case WIRE_COORDINATOR_LOAD_IN_PROGRESS:
        join_later(m, m->o.retry_ms);
        break;
    case WIRE_COORDINATOR_NOT_AVAILABLE:
    case WIRE_NOT_COORDINATOR:
        reset(m, false);
        link_lost(m, round_broker_error(m, "joining", code));
        break;
    default:
        member_fatal(m, round_broker_error(m, "cannot join", code));
        break;
    }
}

static void sync_reply(struct member *m, struct reader *r, int16_t version)
{
    struct wire_synced s;
    struct group_assignment a = { 0 };
    if (!wire_get_synced(r, version, &s)) {
        link_lost(m, kaftan_error_new(KAFTAN_E_KAFKA, "%s: the answer to SyncGroup cannot be read", conn_peer(m->conn)));
        return;
    }
    if (m->side_task == SIDE_BEAT)
        link_drop_side(m);
    if (s.error != WIRE_NONE) {
        sync_refused(m, s.error);
        return;
    }
    if (s.protocol_name.ptr && !slice_eq_str(s.protocol_name, m->protocol_name)) {
        member_fatal(m, round_broker_error(m, "cannot join", WIRE_INCONSISTENT_GROUP_PROTOCOL));
        return;
    }
    struct kaftan_error *err = group_read_assignment(s.assignment, &a);
    if (!err) {
        sync_done(m, &a);
        return;
    }
    log_warn(&logger, "the leader's assignment cannot be read: joining again", LOG_ERR(err));
    kaftan_error_free(err);
    meters_took(m, METER_FAILED, 0);
    join_later(m, m->o.retry_max_ms);
}

/* ---- Heartbeat -------------------------------------------------------------------- */

static void put_beat(struct member *m, struct conn *c)
{
    wire_put_heartbeat(conn_begin(c, WIRE_HEARTBEAT), conn_version(c, WIRE_HEARTBEAT), m->o.group, m->generation, m->member_id);
    conn_send(c, m->o.request_ms < m->o.session_ms ? m->o.request_ms : m->o.session_ms);
}

static void beat_reply(struct member *m, struct reader *r, int16_t version)
{
    int16_t error;
    if (!wire_get_status(r, WIRE_HEARTBEAT, version, &error)) {
        link_lost(m, kaftan_error_new(KAFTAN_E_KAFKA, "%s: the answer to Heartbeat cannot be read", conn_peer(m->conn)));
        return;
    }
    next_beat(m);
    meters_took(m, METER_BEAT, clock_mono_ms() - conn_sent_ms(m->conn));
    switch (error) {
    case WIRE_REBALANCE_IN_PROGRESS:
        m->rejoin = true;
        owned_since(m, conn_sent_ms(m->conn));
        break;
    case WIRE_NONE:
        owned_since(m, conn_sent_ms(m->conn));
        break;
    case WIRE_UNKNOWN_MEMBER_ID:
        thrown_out(m);
        break;
    case WIRE_ILLEGAL_GENERATION:
        reset(m, false);
        break;
    case WIRE_COORDINATOR_NOT_AVAILABLE:
    case WIRE_NOT_COORDINATOR:
        link_lost(m, round_broker_error(m, "heartbeat of", error));
        break;
    default: {
        struct kaftan_error *err = round_broker_error(m, "heartbeat of", error);
        log_warn(&logger, "a heartbeat was refused; trying again", LOG_ERR(err));
        kaftan_error_free(err);
        m->beat_at = clock_mono_ms() + m->o.retry_max_ms;
        break;
    }
    }
}

/* ---- leaving ------------------------------------------------------------------------ */

void round_left(struct member *m)
{
    reset(m, true);
    m->leaving = false;
    m->rejoin = m->come_back;
    m->stage = m->come_back ? STAGE_UNJOINED : STAGE_OUT;
    m->come_back = false;
    atomic_store(&m->owned_until, 0);
    conn_free(m->conn);
    m->conn = NULL;
    link_drop_side(m);
    m->link = LINK_PAUSE;
    m->link_at = 0;
    log_info(&logger, "left the group", LOG_STR("group", m->o.group));
    if (m->stopping)
        m->ended = true;
}

static void put_leave(struct member *m, struct conn *c)
{
    wire_put_leave(conn_begin(c, WIRE_LEAVE_GROUP), conn_version(c, WIRE_LEAVE_GROUP), m->o.group, m->member_id,
                   m->stopping ? "the worker is shutting down" : "the worker cannot read the group's configs");
    conn_send(c, LEAVE_MS);
}

/* One attempt, and not for longer than three seconds. */
void round_leave(struct member *m)
{
    if (m->link != LINK_UP || !*m->member_id || m->stage == STAGE_OUT) {
        round_left(m);
        return;
    }
    m->leaving = true;
    m->come_back = false;
    m->leave_until = clock_mono_ms() + LEAVE_MS;
    if (m->stage == STAGE_JOINING || m->stage == STAGE_SYNCING) {
        link_drop_side(m);
        link_open_side(m, SIDE_LEAVE); /* the main connection may be parked */
        if (!m->side)
            round_left(m);
    }
}

/* ---- both connections ----------------------------------------------------------------- */

void round_reply(struct member *m)
{
    struct reader r = conn_reply(m->conn);
    enum wire_api api = conn_asked(m->conn);
    int16_t version = conn_version(m->conn, api), ignored;
    switch (api) {
    case WIRE_JOIN_GROUP:
        join_reply(m, &r, version);
        break;
    case WIRE_SYNC_GROUP:
        sync_reply(m, &r, version);
        break;
    case WIRE_HEARTBEAT:
        beat_reply(m, &r, version);
        break;
    default:
        (void)!wire_get_status(&r, api, version, &ignored);
        round_left(m);
        break;
    }
}

void round_side_ready(struct member *m)
{
    if (m->side_task == SIDE_LEAVE)
        put_leave(m, m->side);
    else if (m->stage == STAGE_JOINING || m->stage == STAGE_SYNCING)
        put_beat(m, m->side);
    else
        link_drop_side(m);
}

void round_side_reply(struct member *m)
{
    struct reader r = conn_reply(m->side);
    int16_t error;
    if (m->side_task == SIDE_LEAVE) {
        round_left(m);
        return;
    }
    bool counted = wire_get_status(&r, WIRE_HEARTBEAT, conn_version(m->side, WIRE_HEARTBEAT), &error) &&
                   (error == WIRE_NONE || error == WIRE_REBALANCE_IN_PROGRESS || error == WIRE_ILLEGAL_GENERATION);
    if (counted)
        owned_since(m, conn_sent_ms(m->side));
    m->beat_at = clock_mono_ms() + m->o.heartbeat_ms;
}

/* ---- what is due ------------------------------------------------------------------------ */

static bool wants_round(const struct member *m)
{
    return m->stage == STAGE_UNJOINED || (m->stage == STAGE_STABLE && m->rejoin);
}

/* Eager: everything is given up before each round, in order: it is ours until we join. */
static bool must_give_up_first(struct member *m)
{
    if (m->active != GROUP_EAGER || !round_holds_work(m) || m->snapshot.error != GROUP_OK)
        return false;
    give_up(m);
    return true;
}

static void step_side(struct member *m, int64_t now)
{
    bool parked = m->stage == STAGE_JOINING || m->stage == STAGE_SYNCING;
    if (m->link != LINK_UP || !parked || m->leaving || !round_holds_work(m) || now < m->beat_at)
        return;
    if (!m->side)
        link_open_side(m, SIDE_BEAT);
    else if (conn_idle(m->side))
        put_beat(m, m->side);
}

void round_step(struct member *m)
{
    int64_t now = clock_mono_ms(), owned = atomic_load(&m->owned_until);
    if (m->ended)
        return;
    if (m->leaving && now >= m->leave_until)
        round_left(m);
    if (round_holds_work(m) && owned != 0 && now >= owned) {
        log_warn(&logger, "no answer from the group's coordinator for a whole session: the work may be another worker's now");
        round_disown(m);
    }
    step_side(m, now);
    if (m->link == LINK_UP && m->stage == STAGE_STABLE && conn_idle(m->conn) && now >= conn_expires_ms(m->conn)) {
        log_debug(&logger, "connecting anew before the authentication ends");
        link_lost(m, NULL);
    }
    if (m->ended || m->link != LINK_UP || !conn_idle(m->conn))
        return;
    if (m->leaving)
        put_leave(m, m->conn);
    else if (wants_round(m) && !m->owes && now >= m->join_at && !must_give_up_first(m))
        send_join(m);
    else if (m->stage == STAGE_STABLE && now >= m->beat_at)
        put_beat(m, m->conn);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t round_deadline(const struct member *m)
{
    int64_t at = INT64_MAX, owned = atomic_load(&m->owned_until);
    if (m->leaving)
        at = m->leave_until;
    if (round_holds_work(m) && owned != 0)
        at = earlier(at, owned);
    if (m->link != LINK_UP)
        return at;
    bool parked = m->stage == STAGE_JOINING || m->stage == STAGE_SYNCING;
    if (parked && round_holds_work(m) && (!m->side || conn_idle(m->side)))
        at = earlier(at, m->beat_at);
    if (!conn_idle(m->conn))
        return at;
    if (m->stage == STAGE_STABLE)
        at = earlier(at, conn_expires_ms(m->conn));
    if (wants_round(m) && !m->owes)
        at = earlier(at, m->join_at);
    return m->stage == STAGE_STABLE ? earlier(at, m->beat_at) : at;
}
