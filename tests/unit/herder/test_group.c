/* SPDX-License-Identifier: Apache-2.0 */
/* What a herder does as one of several: a leader's duties, requests that cross the group, a config topic that lags. */
#include "config.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "fake_member.h"
#include "fake_store.h"
#include "fake_worker.h"
#include "journal.h"
#include "net/hmac.h"
#include "stage.h"

#define NO_LEADER "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway."
#define CONFLICT "Cannot complete request because of a conflicting operation (e.g. worker rebalance)"

static const char *warning;
static atomic_int warned;

static void see_line(void *self, enum log_level level, const char *line)
{
    (void)self;
    if (level == LOG_WARN && strstr(line, warning))
        atomic_fetch_add(&warned, 1);
}

static void watch_for(const char *text)
{
    warning = text;
    atomic_store(&warned, 0);
    log_catch(see_line, NULL);
}

/* ---- the leader's session key (group-protocol.md 14) ---- */

Test(group_herder, a_session_key_is_rotated_when_its_time_is_over)
{
    struct world w;
    make(&w, true, "inter.worker.key.ttl.ms", "200", NULL);
    start(&w);
    saw(&w, "key 32");
    saw(&w, "key 32");
    saw(&w, "key 32");
    wait_started(&w);
    end(&w);
    cr_expect_eq(journal_count(0, "rejoin"), 0u, "a key needs no rebalance");
}

Test(group_herder, a_key_that_is_found_is_kept_until_it_is_old_or_unfit)
{
    static const struct {
        const char *ttl;
        int64_t age_ms;
        size_t len;
        size_t written;
    } cases[] = {
        { "3600000", 1000, 32, 0 },
        { "3600000", 3600001, 32, 1 },
        { "3600000", 1000, 16, 1 }, /* not what this worker's configuration says */
        { "0", 1000, 32, 1 },       /* once; what is read afterwards never ends */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        size_t at = journal_size();
        fake_store_first_key(cases[i].len, clock_wall_ms() - cases[i].age_ms);
        make(&w, true, "inter.worker.key.ttl.ms", cases[i].ttl, NULL);
        start(&w);
        wait_started(&w);
        create(&w, "a"); /* some passes later */
        saw(&w, "start a-0");
        end(&w);
        cr_expect_eq(journal_count(at, "key 32"), cases[i].written, "case %zu", i);
    }
}

/* ---- statuses of what is gone ---- */

static void statuses_of_the_past(void)
{
    store_put_status(fake_store(), "gone", 0, STATE_RUNNING, NULL, "w", NULL, 1);
    store_put_status(fake_store(), "gone", -1, STATE_RUNNING, NULL, "w", NULL, 1);
    store_put_status(fake_store(), "a", 7, STATE_UNASSIGNED, NULL, "w", NULL, 1);
}

Test(group_herder, a_leader_ends_statuses_of_what_is_not_configured)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    statuses_of_the_past();
    size_t at = w.at = journal_size();
    fake_member_assign();
    saw(&w, "forget gone-0");
    saw(&w, "forget gone");
    cr_expect(journal_has(at, "forget a-7"));
    cr_expect_not(journal_has(at, "forget a-0"));
    cr_expect_not(journal_has(at, "forget a"));
    expect_op(&w, HERDER_STATUS, "gone", 404, "No status found for connector gone");
    end(&w);
}

Test(group_herder, a_leader_that_is_behind_ends_no_statuses)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    statuses_of_the_past(); /* the connector may be new, and not read here yet */
    w.at = journal_size();
    fake_member_error(1);
    fake_member_assign();
    saw(&w, "rejoin");
    saw(&w, "forget gone-0"); /* the next round knows better: it really is gone */
    end(&w);
}

Test(group_herder, a_follower_leaves_statuses_alone)
{
    struct world w;
    fake_member_follower("http://leader:1/");
    begin(&w, true);
    wait_started(&w);
    statuses_of_the_past();
    size_t at = journal_size();
    fake_member_assign();
    struct text_map *c = config("o", NULL, NULL);
    fake_store_other_puts("o", c);
    saw(&w, "start o"); /* the next assignment is at work */
    text_map_unref(c);
    cr_expect_not(journal_has(at, "forget gone"));
    end(&w);
}

/* ---- a config topic that cannot be read ---- */

Test(group_herder, five_pauses_then_all_work_is_given_up)
{
    struct world w;
    make(&w, true, "scheduled.rebalance.max.delay.ms", "50", NULL); /* pauses of 1, 1, 1, 2 and 5 ms */
    start(&w);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    size_t at = w.at = journal_size();
    fake_store_refresh_fails(6);
    fake_member_offset(fake_store_offset() + 5);
    fake_member_assign();
    for (int i = 0; i < 5; i++) {
        saw(&w, "refresh");
        saw(&w, "leave");
    }
    saw(&w, "refresh");
    size_t given_up = w.at;
    saw(&w, "leave");
    saw(&w, "drop-offsets");
    saw(&w, "stop a-0 MOVE");
    w.at = given_up;
    saw(&w, "stop a MOVE");
    cr_expect_eq(journal_count(at, "stop a MOVE"), 1u, "and not before");
    saw(&w, "refresh"); /* it can be read again: back into the group, and to work */
    saw(&w, "rejoin");
    saw(&w, "start a");
    saw(&w, "start a-0");
    cr_expect_eq(journal_count(at, "leave"), 6u);
    end(&w);
}

/* Two clusters under one group.id, say: it goes on for ever, but not in a hurry, and somebody is told. */
Test(group_herder, a_group_that_never_agrees_pauses_between_its_rounds)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    watch_for("the workers of this group do not agree on the configs");
    size_t at = journal_size();
    int64_t began = clock_mono_ms();
    fake_member_disagrees(7);
    fake_member_assign();
    while (atomic_load(&warned) < 3) {
        cr_assert_lt(clock_mono_ms() - began, 60000);
        (void)poll(NULL, 0, 5);
    }
    cr_expect_leq(journal_count(at, "rejoin"), 12u, "ten at once, two after a pause each");
    cr_expect_not(journal_has(at, "stop a-0 MOVE"), "work goes on");
    fake_member_disagrees(0);
    create(&w, "b");
    saw(&w, "start b-0");
    log_catch(NULL, NULL);
    end(&w);
}

/* ---- requests while a rebalance is expected ---- */

Test(group_herder, what_is_held_too_long_has_javas_answers)
{
    struct world w;
    struct asking a[3];
    struct herder_request *r[3];
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    fake_member_manual(true);
    fake_member_lose();
    saw(&w, "revoked");
    struct text_map *c = config("b", NULL, NULL);
    fake_store_other_puts("b", c);
    text_map_unref(c);
    int64_t began = clock_mono_ms();
    r[0] = herder_request_new(HERDER_CONNECTOR, "a");
    r[1] = herder_request_new(HERDER_RESTART, "a");
    r[2] = herder_request_new(HERDER_RESTART_TASK, "a");
    for (int i = 0; i < 3; i++)
        send(&w, r[i], &a[i]);
    expect_op(&w, HERDER_STATUS, "a", 0, ""); /* answered meanwhile, as in Java */
    expect_op(&w, HERDER_LIST, NULL, 0, "");
    expect_op(&w, HERDER_PAUSE, "a", 0, "");
    for (int i = 0; i < 3; i++)
        await(&a[i]);
    cr_expect_geq(clock_mono_ms() - began, 2000, "two seconds are waited first");
    cr_expect_str_eq(text_of(r[0]), "Request cannot be completed because a rebalance is expected");
    cr_expect_eq(kaftan_error_http_status(r[0]->err), 500);
    for (int i = 1; i < 3; i++) {
        cr_expect_str_eq(text_of(r[i]), "Cannot complete request momentarily due to stale configuration (typically caused by a "
                                        "concurrent config change)");
        cr_expect_eq(kaftan_error_http_status(r[i]->err), 409);
    }
    for (int i = 0; i < 3; i++)
        herder_request_free(r[i]);
    end(&w);
}

/* Made through another worker just now: this one has not read it yet, and must not deny it. */
Test(group_herder, what_is_not_known_is_looked_for_before_it_is_denied)
{
    static const enum herder_op ops[] = { HERDER_CONNECTOR, HERDER_PAUSE, HERDER_RESUME, HERDER_STOP, HERDER_RESTART };
    struct world w;
    begin(&w, true);
    wait_started(&w);
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "o%zu", i);
        struct text_map *c = config(name, NULL, NULL);
        fake_store_read_late(name, c);
        expect_op(&w, ops[i], name, 0, "");
        text_map_unref(c);
    }
    expect_op(&w, HERDER_CONNECTOR, "x", 404, "Connector x not found"); /* looked for once */
    fake_store_refresh_fails(1);
    expect_op(&w, HERDER_PAUSE, "x", 404, "Unknown connector x");
    expect_op(&w, HERDER_CONNECTOR, "o0", 0, ""); /* the writers' turn is free again */
    end(&w);
}

/* ---- another worker's connector or task ---- */

static struct {
    char url[128];
    int forwards, puts, refusals;
    enum kaftan_code refusal;
} asked;

static void peer_forward(void *self, const char *url, struct herder_request *r)
{
    (void)self;
    asked.forwards++;
    (void)snprintf(asked.url, sizeof asked.url, "%s", url);
    r->done(r);
}

static void peer_put_tasks(void *self, const char *url, const char *connector, struct text_map *const *tasks, int32_t count,
                           const struct session_key *key, struct store_done *done)
{
    (void)self, (void)url, (void)key;
    asked.puts++;
    journal_put("peer tasks %s %d", connector, count);
    if (asked.refusals > 0 && asked.refusals--)
        done->err = kaftan_error_new(asked.refusal, "no");
    else
        fake_store_other_tasks(connector, tasks, count);
    cr_assert(mailbox_send_always(done->to, &done->base));
}

static const struct herder_peer peer = { .forward = peer_forward, .put_tasks = peer_put_tasks };

/* Frozen for longer than its session, it may have a successor that it has not heard of yet. */
Test(group_herder, a_leader_that_may_have_a_successor_writes_nothing)
{
    struct world w;
    make(&w, true, NULL, NULL, &peer);
    start(&w);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    size_t at = w.at = journal_size();
    fake_member_disown(true);
    fake_worker_tasks(2);
    fake_worker_reconfigure("a");
    saw(&w, "configs a");
    expect(&w, with_config(HERDER_CREATE, "b", NULL, NULL), 409, NO_LEADER);
    expect(&w, tasks_of_another("a", 2, "[]"), 409, NO_LEADER);
    cr_expect_eq(asked.forwards, 0, "it asked itself");
    cr_expect_not(journal_has(at, "put b"));
    cr_expect_not(journal_has(at, "tasks a 2"));
    fake_member_disown(false); /* it had none */
    saw(&w, "tasks a 2");
    create(&w, "b");
    end(&w);
}

static struct herder_request *restart_task(int forward)
{
    struct herder_request *r = herder_request_new(HERDER_RESTART_TASK, "a");
    r->forward = forward;
    return r;
}

Test(group_herder, a_leader_passes_a_restart_on_to_the_owner)
{
    struct world w;
    fake_member_tasks_go_to("http://owner:2/");
    make(&w, true, NULL, NULL, &peer);
    start(&w);
    create(&w, "a");
    saw(&w, "tasks a 1");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    expect(&w, restart_task(-1), 0, "");
    cr_expect_str_eq(asked.url, "http://owner:2/");
    expect(&w, restart_task(1), 0, ""); /* the second hop */
    cr_expect_eq(asked.forwards, 2);
    expect(&w, restart_task(0), 409, CONFLICT);
    expect_op(&w, HERDER_RESTART, "a", 0, ""); /* the connector is its own */
    saw(&w, "stop a RESTART");
    cr_expect_eq(asked.forwards, 2);
    fake_member_tasks_go_to("http://host:8083/"); /* as it sees itself, but it does not run there: nobody has it */
    fake_member_assign();
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    expect(&w, restart_task(-1), 409, NO_LEADER);
    cr_expect_eq(asked.forwards, 2);
    end(&w);
}

Test(group_herder, a_leader_that_refuses_task_configs_is_asked_again)
{
    static const struct {
        enum kaftan_code code;
        bool loud;
    } cases[] = { { KAFTAN_E_FORBIDDEN, false } /* the key has changed just now */, { KAFTAN_E_RETRIABLE, true } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world w;
        char name[8];
        (void)snprintf(name, sizeof name, "o%zu", i);
        fake_member_follower("http://leader:1/");
        asked.refusals = 2;
        asked.refusal = cases[i].code;
        asked.puts = 0;
        watch_for("task configs could not be published");
        make(&w, true, NULL, NULL, &peer);
        start(&w);
        wait_started(&w);
        struct text_map *c = config(name, NULL, NULL);
        fake_store_other_puts(name, c);
        text_map_unref(c);
        char *started = mem_printf("start %s-0", name);
        saw(&w, started);
        mem_free(started);
        end(&w);
        log_catch(NULL, NULL);
        cr_expect_eq(asked.puts, 3);
        cr_expect_eq(atomic_load(&warned), cases[i].loud ? 2 : 0);
    }
}

/* ---- requests of other workers: who proves what (rest-api.md 9) ---- */

static struct herder_request *fence_of_another(const struct session_key *key)
{
    struct herder_request *r = herder_request_new(HERDER_FENCE, "a");
    struct buf mac = BUF_INIT;
    cr_assert_null(hmac_sign("HmacSHA256", key->key, (struct kaftan_slice){ "", 0 }, &mac));
    r->proof.algorithm = mem_strdup("HmacSHA256");
    r->proof.body = mem_strdup("");
    r->proof.has_mac = true;
    r->proof.mac_len = mac.len;
    r->proof.mac = buf_take(&mac);
    return r;
}

Test(group_herder, proofs_of_other_workers)
{
    struct world w;
    make(&w, true, "inter.worker.verification.algorithms", "HmacSHA256,HmacSHA512", NULL);
    start(&w);
    create(&w, "a");
    saw(&w, "tasks a 1");
    struct herder_request *r = tasks_of_another("a", 2, "[]");
    r->proof.mac_len--;
    expect(&w, r, 403, "Internal request contained invalid signature.");
    r = tasks_of_another("a", 2, "[]");
    r->proof.body_len--; /* every byte counts */
    expect(&w, r, 403, "Internal request contained invalid signature.");
    r = tasks_of_another("a", 2, "[]");
    mem_free(r->proof.algorithm);
    r->proof.algorithm = mem_strdup("HmacSHA512"); /* accepted, but not what it was made with */
    expect(&w, r, 403, "Internal request contained invalid signature.");
    r = tasks_of_another("a", 2, "[]");
    mem_free(r->proof.algorithm);
    r->proof.algorithm = mem_strdup("HmacMD5");
    expect(&w, r, 400,
           "This worker does not support the 'HmacMD5' key signing algorithm used by other workers. This worker is currently "
           "configured to use: [HmacSHA256, HmacSHA512]. Check that all workers' configuration files permit the same set of "
           "signature algorithms, and correct any misconfigured worker and restart it.");
    r = tasks_of_another("nobody", 2, "[]");
    r->proof.has_mac = false;
    expect(&w, r, 400, "Internal request missing required signature"); /* nothing is told to who proves nothing */
    /* a fence request signs no bytes */
    const struct snapshot *s = store_snapshot(fake_store());
    expect(&w, fence_of_another(s->session_key), 500,
           "This worker leads the group and does not support exactly-once source connectors: connector a cannot be fenced");
    /* what the key before this one signed is refused */
    struct session_key newer = { { "0123456789abcdef0123456789abcdef", 32 }, "HmacSHA256", clock_wall_ms() };
    struct herder_request *old = tasks_of_another("a", 2, "[]");
    fake_store_other_key(&newer);
    snapshot_unref(s);
    expect(&w, old, 403, "Internal request contained invalid signature.");
    expect(&w, tasks_of_another("a", 2, "[]"), 0, "");
    saw(&w, "tasks a 2");
    end(&w);
}

Test(group_herder, before_it_has_a_key_a_worker_says_so)
{
    struct world w;
    struct session_key any = { { "k", 1 }, "HmacSHA256", 1 };
    fake_member_follower("http://leader:1/"); /* who has written none yet */
    begin(&w, true);
    wait_started(&w);
    expect(&w, fence_of_another(&any), 503,
           "This worker is still starting up and has not been able to read a session key from the config topic yet");
    end(&w);
}

Test(group_herder, without_sessions_nothing_is_to_be_proved)
{
    struct world w;
    fake_member_protocol(1);
    begin(&w, true);
    create(&w, "a");
    saw(&w, "tasks a 1");
    expect(&w, tasks_of_another("a", 2, NULL), 0, "");
    saw(&w, "tasks a 2");
    cr_expect_not(journal_has(0, "key 32"), "nor is a key written");
    end(&w);
}

/* ---- log levels ---- */

static struct log here = LOG("test.group.here"), other = LOG("test.group.other");

static struct herder_request *level_of(const char *logger, const char *level)
{
    struct herder_request *r = herder_request_new(HERDER_LOGGER, NULL);
    r->logger = mem_strdup(logger);
    r->level = mem_strdup(level);
    return r;
}

Test(group_herder, log_levels_of_the_group)
{
    struct world w;
    begin(&w, true);
    wait_started(&w);
    (void)log_enabled(&here, LOG_INFO);
    (void)log_enabled(&other, LOG_INFO);
    expect(&w, level_of("test.group.here", "trace"), 0, "");
    saw(&w, "logger test.group.here trace");
    expect_op(&w, HERDER_PING, NULL, 0, ""); /* behind the news */
    cr_expect(log_enabled(&here, LOG_TRACE));
    cr_expect_not(log_enabled(&other, LOG_DEBUG));
    fake_store_other_level("test.group", "DEBUG"); /* asked of another worker, for all below */
    fake_store_other_level("test.group", "LOUD");  /* a newer version's, who knows */
    expect_op(&w, HERDER_PING, NULL, 0, "");
    cr_expect(log_enabled(&other, LOG_DEBUG));
    cr_expect_not(log_enabled(&here, LOG_TRACE));
    fake_store_fail(KAFTAN_E_KAFKA, "Error writing logger level to Kafka");
    expect(&w, level_of("test.group", "INFO"), 500, "Error writing logger level to Kafka");
    cr_expect_eq(journal_count(0, "rejoin"), 0u, "no rebalance");
    end(&w);
    begin(&w, false);
    expect(&w, level_of("test.group.other", "INFO"), 0, "");
    cr_expect_not(log_enabled(&other, LOG_DEBUG), "alone it is the same at once");
    expect(&w, level_of("test.group.other", "LOUD"), 404, "invalid log level 'LOUD'.");
    end(&w);
}
