/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "herder/herder.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "fake_member.h"
#include "fake_store.h"
#include "fake_worker.h"
#include "journal.h"
#include "stage.h"

/* ---- distributed ---- */

Test(herder, starts_alone_and_writes_a_session_key)
{
    struct world w;
    begin(&w, true);
    saw(&w, "member started");
    saw(&w, "key 32");
    wait_started(&w);
    expect_op(&w, HERDER_PING, NULL, 0, "");
    cr_expect_str_eq(herder_cluster_id(w.herder), "fake-cluster");
    end(&w);
    w.at = 0;
    saw(&w, "member stopped");
    saw(&w, "store stopped");
    cr_expect_eq(journal_count(0, "rejoin"), 0u, "its own key needs no rebalance");
}

/* For want of a right the answer comes at once, and a worker that asks again at once does nothing else. */
Test(herder, a_session_key_that_cannot_be_written_is_tried_again_after_a_pause)
{
    struct world w;
    int64_t began = clock_mono_ms();
    make(&w, true, NULL, NULL, NULL);
    fake_store_key_fails();
    start(&w);
    saw(&w, "key 32");
    saw(&w, "refresh");
    saw(&w, "key 32");
    cr_expect_geq(clock_mono_ms() - began, 1000);
    wait_started(&w);
    end(&w);
}

Test(herder, life_of_a_connector)
{
    struct world w;
    fake_worker_tasks(2);
    begin(&w, true);
    struct herder_request *r = ask(&w, with_config(HERDER_CREATE, "a", "topic", "x"));
    cr_assert_str_eq(text_of(r), "");
    cr_assert_eq(r->view_count, 1u);
    cr_expect_str_eq(r->views[0].name, "a");
    cr_expect_str_eq(r->views[0].type, "source");
    cr_expect_eq(r->views[0].task_count, 0);
    cr_expect_str_eq(text_map_get(r->views[0].config, "topic"), "x");
    herder_request_free(r);
    saw(&w, "put a");
    saw(&w, "rejoin");
    saw(&w, "start a");
    saw(&w, "configs a");
    saw(&w, "tasks a 2");
    saw(&w, "rejoin");
    saw(&w, "start a-0");
    saw(&w, "start a-1");
    /* a read right after a change waits for the group and sees all of it */
    r = ask(&w, herder_request_new(HERDER_CONNECTOR, "a"));
    cr_assert_eq(r->view_count, 1u);
    cr_expect_eq(r->views[0].task_count, 2);
    cr_expect_eq(r->views[0].task_rows, 2u);
    cr_expect_str_eq(text_map_get(r->views[0].tasks[1].config, "n"), "1");
    herder_request_free(r);
    r = ask(&w, herder_request_new(HERDER_STATUS, "a"));
    cr_expect_str_eq(r->views[0].status.state, "RUNNING");
    cr_expect_str_eq(r->views[0].status.worker_id, "host:8083");
    cr_expect_eq(r->views[0].task_rows, 2u);
    herder_request_free(r);
    r = herder_request_new(HERDER_TASK_STATUS, "a");
    r->task = 1;
    ask(&w, r);
    cr_expect_str_eq(r->views[0].tasks[0].status.state, "RUNNING");
    herder_request_free(r);
    r = ask(&w, herder_request_new(HERDER_LIST, NULL));
    cr_assert_eq(r->view_count, 1u);
    cr_expect(r->views[0].has_status);
    cr_expect_eq(r->views[0].task_rows, 2u);
    herder_request_free(r);
    end(&w);
    saw(&w, "stop a SHUTDOWN");
    w.at = 0;
    saw(&w, "stop a-1 SHUTDOWN");
    saw(&w, "member stopped");
}

Test(herder, update_restarts_the_instance_and_its_tasks)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    struct herder_request *r = ask(&w, with_config(HERDER_PUT_CONFIG, "a", "topic", "y"));
    cr_expect_str_eq(text_of(r), "");
    cr_expect_not(r->created);
    cr_expect_eq(r->views[0].task_count, 1);
    herder_request_free(r);
    saw(&w, "stop a CONFIG");
    saw(&w, "start a");
    saw(&w, "tasks a 1");
    saw(&w, "stop a-0 CONFIG");
    saw(&w, "rejoin");
    saw(&w, "start a-0");
    /* the same config again: the instance restarts, its tasks do not */
    expect(&w, with_config(HERDER_PUT_CONFIG, "a", "topic", "y"), 0, "");
    saw(&w, "stop a CONFIG");
    saw(&w, "start a");
    saw(&w, "configs a");
    r = with_config(HERDER_PUT_CONFIG, "b", NULL, NULL);
    ask(&w, r);
    cr_expect(r->created);
    herder_request_free(r);
    saw(&w, "start b-0");
    cr_expect_eq(journal_count(0, "tasks a 1"), 2u);
    end(&w);
}

Test(herder, patch_is_made_from_what_there_is)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    struct herder_request *r = herder_request_new(HERDER_PATCH_CONFIG, "a");
    r->config = text_map_new();
    text_map_put(r->config, "topic", "z");
    text_map_put(r->config, "tasks.max", NULL);
    ask(&w, r);
    cr_expect_str_eq(text_of(r), "");
    cr_expect_str_eq(text_map_get(r->views[0].config, "topic"), "z");
    cr_expect_not(text_map_has(r->views[0].config, "tasks.max"));
    cr_expect_str_eq(text_map_get(r->views[0].config, "name"), "a");
    herder_request_free(r);
    r = herder_request_new(HERDER_PATCH_CONFIG, "a");
    r->config = text_map_new();
    text_map_put(r->config, "topic", "bad");
    expect(&w, r, 400,
           "Connector configuration is invalid and contains the following 1 error(s):\nthe topic is bad\nYou can also find the above list "
           "of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`");
    r = herder_request_new(HERDER_PATCH_CONFIG, "nope");
    r->config = text_map_new();
    expect(&w, r, 404, "Connector nope not found");
    end(&w);
}

Test(herder, delete_revokes_then_forgets)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    create(&w, "b");
    w.at = 0;
    saw(&w, "start a-0");
    fake_worker_hold_stops(true);
    expect_op(&w, HERDER_DELETE, "a", 0, "");
    saw(&w, "remove a");
    saw(&w, "stop a DELETE");
    saw(&w, "stop a-0 DELETE");
    cr_expect_not(journal_has(w.at, "revoked"), "the member must not be told before the work has ended");
    fake_worker_release();
    saw(&w, "topics-reset a");
    size_t at = w.at;
    saw(&w, "rejoin");
    saw(&w, "revoked");
    w.at = at;
    expect_op(&w, HERDER_CONNECTOR, "a", 404, "Connector a not found");
    expect_op(&w, HERDER_STATUS, "a", 404, "No status found for connector a");
    w.at = 0;
    saw(&w, "forget a-0");
    saw(&w, "forget a");
    cr_expect_not(journal_has(0, "stop b DELETE"));
    end(&w);
}

Test(herder, pause_resume_stop)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_PAUSE, "a", 0, "");
    saw(&w, "target a PAUSED");
    saw(&w, "state a PAUSED");
    expect_op(&w, HERDER_RESUME, "a", 0, "");
    saw(&w, "state a STARTED");
    saw(&w, "configs a");
    expect_op(&w, HERDER_STOP, "a", 0, "");
    saw(&w, "tasks a 0");
    saw(&w, "target a STOPPED");
    w.at = 0;
    saw(&w, "stop a-0 STOPPED");
    saw(&w, "state a STOPPED");
    w.at = 0;
    saw(&w, "forget a-0");
    struct herder_request *r = ask(&w, herder_request_new(HERDER_STATUS, "a"));
    cr_expect_str_eq(r->views[0].status.state, "STOPPED");
    herder_request_free(r);
    /* stopping what is stopped writes both records again */
    expect_op(&w, HERDER_STOP, "a", 0, "");
    cr_expect_eq(journal_count(0, "tasks a 0"), 2u);
    cr_expect_eq(journal_count(0, "target a STOPPED"), 2u);
    w.at = journal_size();
    expect_op(&w, HERDER_RESUME, "a", 0, "");
    saw(&w, "tasks a 1");
    saw(&w, "start a-0");
    end(&w);
}

Test(herder, created_stopped_has_no_tasks)
{
    struct world w;
    begin(&w, true);
    struct herder_request *r = with_config(HERDER_CREATE, "a", NULL, NULL);
    r->has_initial = true;
    r->initial = TARGET_STOPPED;
    expect(&w, r, 0, "");
    saw(&w, "put a STOPPED");
    saw(&w, "start a");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    cr_expect_not(journal_has(0, "configs a"));
    end(&w);
}

Test(herder, another_worker_has_task_configs_written)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "tasks a 1");
    expect(&w, tasks_of_another("a", 3, NULL), 400, "Internal request missing required signature");
    struct herder_request *r = tasks_of_another("a", 3, "[]");
    r->proof.body[0] = '{';
    expect(&w, r, 403, "Internal request contained invalid signature.");
    r = tasks_of_another("a", 3, "[]");
    mem_free(r->proof.algorithm);
    r->proof.algorithm = mem_strdup("HmacSHA1");
    ask(&w, r);
    cr_expect(text_starts(text_of(r), "This worker does not support the 'HmacSHA1' key signing algorithm"), "%s", text_of(r));
    herder_request_free(r);
    expect(&w, tasks_of_another("nobody", 3, "[]"), 404, "Connector nobody not found");
    expect(&w, tasks_of_another("a", 3, "[]"), 0, "");
    saw(&w, "tasks a 3");
    expect_op(&w, HERDER_STOP, "a", 0, "");
    /* it may have been resumed, as its owner knows and we do not: not "done", or nobody would write them */
    expect(&w, tasks_of_another("a", 3, "[]"), 400, "Cannot submit non-empty set of task configs for stopped connector a");
    end(&w);
}

Test(herder, restarts)
{
    struct world w;
    fake_worker_tasks(2);
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    saw(&w, "start a-1");
    expect_op(&w, HERDER_RESTART, "a", 0, "");
    saw(&w, "stop a RESTART");
    saw(&w, "start a");
    cr_expect_not(journal_has(0, "restarting a"));
    struct herder_request *r = herder_request_new(HERDER_RESTART_TASK, "a");
    r->task = 1;
    expect(&w, r, 0, "");
    saw(&w, "stop a-1 RESTART");
    saw(&w, "start a-1");
    /* all of it: a record, the plan as the answer, and then the work */
    r = herder_request_new(HERDER_RESTART, "a");
    r->include_tasks = true;
    ask(&w, r);
    cr_expect_str_eq(text_of(r), "");
    cr_expect_str_eq(r->views[0].status.state, "RESTARTING");
    cr_expect_str_eq(r->views[0].tasks[1].status.state, "RESTARTING");
    herder_request_free(r);
    saw(&w, "restart a");
    size_t at = w.at;
    saw(&w, "stop a RESTART");
    saw(&w, "restarting a");
    saw(&w, "start a");
    w.at = at;
    saw(&w, "stop a-0 RESTART");
    saw(&w, "restarting a-0");
    saw(&w, "start a-0");
    w.at = at;
    saw(&w, "restarting a-1");
    saw(&w, "start a-1");
    /* only what has failed */
    store_put_status(fake_store(), "a", 0, STATE_FAILED, "boom", "host:8083", NULL, 1);
    at = journal_size();
    r = herder_request_new(HERDER_RESTART, "a");
    r->include_tasks = r->only_failed = true;
    ask(&w, r);
    cr_expect_str_eq(r->views[0].status.state, "RUNNING");
    cr_expect_str_eq(r->views[0].tasks[0].status.state, "RESTARTING");
    cr_expect_str_eq(r->views[0].tasks[1].status.state, "RUNNING");
    herder_request_free(r);
    w.at = at;
    saw(&w, "restarting a-0");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_PING, NULL, 0, "");
    cr_expect_not(journal_has(at, "stop a RESTART"));
    cr_expect_not(journal_has(at, "stop a-1 RESTART"));
    end(&w);
}

Test(herder, restart_errors)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_RESTART, "x", 404, "Unknown connector: x");
    struct herder_request *r = herder_request_new(HERDER_RESTART, "x");
    r->include_tasks = true;
    expect(&w, r, 404, "Unknown connector: x");
    r = herder_request_new(HERDER_RESTART_TASK, "x");
    expect(&w, r, 404, "Unknown connector: x");
    r = herder_request_new(HERDER_RESTART_TASK, "a");
    r->task = 9;
    expect(&w, r, 404, "Unknown task: a-9");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    fake_worker_start_fails("no way");
    expect_op(&w, HERDER_RESTART, "a", 500, "Failed to start connector: a");
    store_remove_status(fake_store(), "a", -1);
    r = herder_request_new(HERDER_RESTART, "a");
    r->include_tasks = true;
    expect(&w, r, 404, "Status for connector a not found");
    end(&w);
}

Test(herder, refusals)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    expect(&w, with_config(HERDER_CREATE, "a", NULL, NULL), 409, "Connector a already exists");
    expect_op(&w, HERDER_DELETE, "x", 404, "Connector x not found");
    expect_op(&w, HERDER_PAUSE, "x", 404, "Unknown connector x");
    expect_op(&w, HERDER_RESUME, "x", 404, "Unknown connector x");
    expect_op(&w, HERDER_STOP, "x", 404, "Unknown connector x");
    expect_op(&w, HERDER_CONNECTOR, "x", 404, "Connector x not found");
    expect_op(&w, HERDER_STATUS, "x", 404, "No status found for connector x");
    struct herder_request *r = herder_request_new(HERDER_TASK_STATUS, "a");
    r->task = 7;
    expect(&w, r, 404, "No status found for task a-7");
    r = ask(&w, herder_request_new(HERDER_TOPICS, "a"));
    cr_expect_eq(r->topic_count, 1u);
    herder_request_free(r);
    expect_op(&w, HERDER_TOPICS_RESET, "a", 0, "");
    expect(&w, with_config(HERDER_CREATE, "b", "connector.class", "Nope"), 400,
           "Failed to find any class that implements Connector and which name matches Nope, available connectors are: "
           "PluginDesc{klass=class com.acme.PlainSourceConnector, name='com.acme.PlainSourceConnector', version='1.0', encodedVersion=1.0, "
           "type=source, typeName='source', location='classpath'}, PluginDesc{klass=class com.acme.TestSink, name='com.acme.TestSink', "
           "version='1.0', encodedVersion=1.0, type=sink, typeName='sink', location='classpath'}, PluginDesc{klass=class "
           "com.acme.TestSource, name='com.acme.TestSource', version='1.0', encodedVersion=1.0, type=source, typeName='source', "
           "location='classpath'}");
    r = ask(&w, with_config(HERDER_VALIDATE, "v", "tasks.max", "0"));
    cr_expect_str_eq(text_of(r), "");
    cr_expect_eq(r->infos->error_count, 1);
    herder_request_free(r);
    fake_store_fail(KAFTAN_E_KAFKA, "Error writing target state to Kafka");
    expect_op(&w, HERDER_PAUSE, "a", 500, "Error writing target state to Kafka");
    fake_store_fail(KAFTAN_E_KAFKA, "Error writing connector configuration to Kafka");
    expect(&w, with_config(HERDER_CREATE, "c", NULL, NULL), 500, "Error writing connector configuration to Kafka");
    end(&w);
}

Test(herder, task_configs_are_tried_again)
{
    struct world w;
    fake_worker_tasks_fail("not now");
    begin(&w, true);
    create(&w, "a");
    saw(&w, "configs a");
    saw(&w, "configs a");
    saw(&w, "tasks a 1");
    saw(&w, "start a-0");
    fake_worker_tasks(3);
    fake_store_fail(KAFTAN_E_KAFKA, "Error writing task configurations to Kafka");
    fake_worker_reconfigure("a");
    saw(&w, "tasks a 3");
    saw(&w, "tasks a 3");
    saw(&w, "start a-2");
    end(&w);
}

Test(herder, behind_the_assignment_it_reads_and_ahead_it_joins_again)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    /* the leader has seen more than this worker: read to the end; still not there: join again */
    size_t at = journal_size();
    fake_member_offset(fake_store_offset() + 5);
    fake_member_assign();
    w.at = at;
    saw(&w, "refresh");
    saw(&w, "rejoin");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    /* this worker has seen more: join again without starting anything */
    at = journal_size();
    fake_member_offset(0);
    fake_member_assign();
    w.at = at;
    saw(&w, "rejoin");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    cr_expect_not(journal_has(at, "refresh"));
    /* a failed assignment: the work goes on, the leader reads, all join again */
    at = journal_size();
    fake_member_error(1);
    fake_member_assign();
    w.at = at;
    saw(&w, "refresh");
    saw(&w, "rejoin");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    cr_expect_not(journal_has(at, "stop a-0 MOVE"));
    end(&w);
}

Test(herder, a_delay_ends_with_another_round)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    w.at = journal_size(); /* before: the delay may be over sooner than this thread goes on */
    fake_member_delay(20);
    fake_member_assign();
    saw(&w, "rejoin");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    end(&w);
}

Test(herder, a_config_topic_that_cannot_be_read_means_leaving)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    size_t at = journal_size();
    fake_store_hold_refresh(true);
    fake_member_offset(fake_store_offset() + 5);
    fake_member_assign();
    w.at = at;
    saw(&w, "refresh");
    fake_store_fail(KAFTAN_E_TIMEOUT, "too slow");
    fake_store_release();
    saw(&w, "leave");
    cr_expect_not(journal_has(at, "stop a-0 MOVE"), "work goes on meanwhile");
    end(&w);
}

Test(herder, loses_the_coordinator_and_gets_its_work_back)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    w.at = journal_size();
    fake_worker_hold_stops(true);
    fake_member_lose();
    saw(&w, "drop-offsets");
    saw(&w, "stop a MOVE");
    saw(&w, "stop a-0 MOVE");
    cr_expect_not(journal_has(w.at, "revoked"));
    fake_worker_release();
    saw(&w, "revoked");
    saw(&w, "start a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    end(&w);
}

Test(herder, without_a_leader_writes_wait_then_are_refused)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    fake_member_manual(true);
    fake_member_lose();
    saw(&w, "revoked");
    expect(&w, with_config(HERDER_CREATE, "b", NULL, NULL), 409,
           "Cannot complete request momentarily due to no known leader URL, likely because a rebalance was underway.");
    expect_op(&w, HERDER_LIST, NULL, 0, "");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    end(&w);
}

Test(herder, another_worker_writes)
{
    struct world w;
    begin(&w, true);
    wait_started(&w);
    struct text_map *c = config("o", NULL, NULL);
    fake_store_other_puts("o", c);
    saw(&w, "start o");
    saw(&w, "start o-0");
    text_map_unref(c);
    c = config("o", "topic", "q");
    fake_store_other_puts("o", c);
    saw(&w, "stop o CONFIG");
    saw(&w, "start o");
    text_map_unref(c);
    end(&w);
}

/* ---- a follower ---- */

static struct {
    char url[128], connector[64];
    int forwards, puts;
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
    fake_store_other_tasks(connector, tasks, count);
    cr_assert(mailbox_send_always(done->to, &done->base));
}

Test(herder, a_follower_forwards_and_has_the_leader_write)
{
    static const struct herder_peer peer = { .forward = peer_forward, .put_tasks = peer_put_tasks };
    struct world w;
    fake_member_follower("http://leader:1/");
    make(&w, true, NULL, NULL, &peer);
    start(&w);
    wait_started(&w);
    cr_expect_not(journal_has(0, "key 32"), "followers write no key");
    expect(&w, with_config(HERDER_CREATE, "f", NULL, NULL), 0, "");
    cr_expect_eq(asked.forwards, 1);
    cr_expect_str_eq(asked.url, "http://leader:1/");
    cr_expect_not(journal_has(0, "put f"));
    struct herder_request *r = with_config(HERDER_CREATE, "f", NULL, NULL);
    r->forward = 0;
    expect(&w, r, 409, "Cannot complete request because of a conflicting operation (e.g. worker rebalance)");
    expect(&w, with_config(HERDER_CREATE, "f", "tasks.max", "0"), 400,
           "Connector configuration is invalid and contains the following 1 error(s):\nInvalid value 0 for configuration tasks.max: Value "
           "must be at least 1\nYou can also find the above list of errors at the endpoint "
           "`/connector-plugins/{connectorType}/config/validate`");
    cr_expect_eq(asked.forwards, 1);
    struct text_map *c = config("o", NULL, NULL);
    fake_store_other_puts("o", c);
    text_map_unref(c);
    saw(&w, "start o");
    saw(&w, "peer tasks o 1");
    saw(&w, "start o-0");
    end(&w);
}

/* ---- ends ---- */

Test(herder, a_hanging_task_does_not_hold_the_requests)
{
    struct world w;
    struct asking a;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    fake_worker_hold_stops(true);
    struct herder_request *r = herder_request_new(HERDER_RESTART_TASK, "a");
    send(&w, r, &a);
    saw(&w, "stop a-0 RESTART");
    expect_op(&w, HERDER_STATUS, "a", 0, "");
    expect_op(&w, HERDER_PAUSE, "a", 0, "");
    fake_worker_release();
    await(&a);
    cr_expect_str_eq(text_of(r), "");
    herder_request_free(r);
    saw(&w, "start a-0");
    end(&w);
}

static void stop_herder(void *arg)
{
    herder_stop(arg);
}

Test(herder, shutdown_answers_what_waits_and_ends_the_work_before_it_leaves)
{
    struct world w;
    struct asking a;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    fake_worker_hold_stops(true);
    struct herder_request *r = herder_request_new(HERDER_RESTART_TASK, "a");
    send(&w, r, &a);
    saw(&w, "stop a-0 RESTART");
    struct thread *t = thread_start(THREAD_MAIN, "stopper", stop_herder, w.herder);
    await(&a);
    cr_expect_str_eq(text_of(r), "Worker is shutting down");
    cr_expect_eq(kaftan_error_http_status(r->err), 503);
    herder_request_free(r);
    saw(&w, "stop a SHUTDOWN");
    expect_op(&w, HERDER_LIST, NULL, 503, "Worker is shutting down");
    cr_expect_not(journal_has(0, "member stopped"));
    fake_worker_release();
    thread_join(t);
    saw(&w, "member stopped");
    saw(&w, "store stopped");
    expect_op(&w, HERDER_PAUSE, "a", 503, "Worker is shutting down");
    end(&w);
}

Test(herder, exit_statuses)
{
    static const struct {
        enum kaftan_code code;
        int status;
    } cases[] = { { KAFTAN_E_TIMEOUT, 2 }, { KAFTAN_E_INVALID, 1 } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        fake_store_start_fails((int)cases[i].code, "it cannot be");
        begin(&w, true);
        cr_expect_eq(wait_end(), cases[i].status);
        end(&w);
    }
    fake_store_start_fails(-1, NULL);
    struct world w;
    begin(&w, true);
    wait_started(&w);
    fake_member_fail("GROUP_AUTHORIZATION_FAILED");
    cr_expect_eq(wait_end(), 1);
    end(&w);
}

/* ---- standalone ---- */

Test(herder, standalone_answers_when_tasks_are_there)
{
    struct world w;
    fake_worker_tasks(2);
    begin(&w, false);
    struct herder_request *r = ask(&w, with_config(HERDER_CREATE, "a", NULL, NULL));
    cr_expect_str_eq(text_of(r), "");
    cr_expect_eq(r->views[0].task_count, 2);
    herder_request_free(r);
    saw(&w, "start a-1");
    cr_expect_not(journal_has(0, "member started"));
    r = ask(&w, with_config(HERDER_PUT_CONFIG, "a", "topic", "y"));
    cr_expect_str_eq(text_of(r), "");
    cr_expect_eq(r->views[0].task_count, 2);
    herder_request_free(r);
    saw(&w, "stop a CONFIG");
    saw(&w, "stop a-0 CONFIG");
    saw(&w, "start a-0");
    expect(&w, with_config(HERDER_CREATE, "a", NULL, NULL), 409, "Connector a already exists");
    expect_op(&w, HERDER_PAUSE, "a", 0, "");
    saw(&w, "state a PAUSED");
    expect_op(&w, HERDER_RESUME, "a", 0, "");
    saw(&w, "state a STARTED");
    expect_op(&w, HERDER_RESTART, "a", 0, "");
    r = herder_request_new(HERDER_RESTART, "a");
    r->include_tasks = true;
    ask(&w, r);
    cr_expect_str_eq(r->views[0].tasks[0].status.state, "RESTARTING");
    herder_request_free(r);
    saw(&w, "restarting a-1");
    saw(&w, "start a-1");
    expect_op(&w, HERDER_STOP, "a", 0, "");
    cr_expect(journal_has(w.at, "forget a-0"));
    cr_expect(journal_has(w.at, "state a STOPPED"));
    r = ask(&w, herder_request_new(HERDER_STATUS, "a"));
    cr_expect_eq(r->views[0].task_rows, 0u);
    herder_request_free(r);
    expect_op(&w, HERDER_STOP, "x", 500, "No connector `x` configured");
    r = herder_request_new(HERDER_RESTART_TASK, "x");
    expect(&w, r, 404, "Connector x not found");
    r = herder_request_new(HERDER_RESTART_TASK, "a");
    r->task = 5;
    expect(&w, r, 404, "Task a-5 not found");
    expect_op(&w, HERDER_DELETE, "a", 0, "");
    expect_op(&w, HERDER_STATUS, "a", 404, "No status found for connector a");
    end(&w);
}

Test(herder, standalone_start_failure_is_the_answer)
{
    struct world w;
    begin(&w, false);
    wait_started(&w);
    fake_worker_start_fails("no");
    expect(&w, with_config(HERDER_CREATE, "a", NULL, NULL), 500, "Failed to start connector: a");
    fake_worker_tasks_fail("no tasks");
    expect(&w, with_config(HERDER_CREATE, "b", NULL, NULL), 500, "no tasks");
    end(&w);
}

Test(herder, connectors_of_the_command_line)
{
    struct world w;
    make(&w, false, NULL, NULL, NULL);
    struct text_map *one = config("one", NULL, NULL), *two = config("two", NULL, NULL), *three = config("three", NULL, NULL);
    const enum target_state stopped = TARGET_STOPPED;
    herder_add_initial(w.herder, one, NULL);
    herder_add_initial(w.herder, two, NULL);
    herder_add_initial(w.herder, three, &stopped);
    start(&w);
    saw(&w, "start one-0");
    saw(&w, "start two-0");
    wait_started(&w);
    expect_op(&w, HERDER_CONNECTOR, "three", 0, "");
    end(&w);
    make(&w, false, NULL, NULL, NULL);
    herder_add_initial(w.herder, one, NULL);
    text_map_unref(two);
    two = config("two", "tasks.max", "dog");
    herder_add_initial(w.herder, two, NULL);
    start(&w);
    cr_expect_eq(wait_end(), 3);
    cr_expect_not(herder_started(w.herder));
    end(&w);
    text_map_unref(one);
    text_map_unref(two);
    text_map_unref(three);
}

static double metric(struct world *w, const char *name)
{
    struct buf b = BUF_INIT;
    double v = -1;
    metrics_write(w->metrics, &b);
    char *line = mem_printf("\n%s ", name);
    const char *at = strstr(buf_text(&b), line);
    cr_expect_not_null(at, "no %s", name);
    if (at)
        v = strtod(at + strlen(line), NULL);
    mem_free(line);
    buf_fini(&b);
    return v;
}

#define REBALANCE "kafka_connect_worker_rebalance_"

Test(herder, metrics)
{
    struct world w;
    struct buf b = BUF_INIT;
    make(&w, true, NULL, NULL, NULL);
    cr_expect(isnan(metric(&w, REBALANCE "rebalance_max_time_ms")));
    cr_expect(isnan(metric(&w, REBALANCE "rebalance_avg_time_ms")));
    cr_expect(isinf(metric(&w, REBALANCE "time_since_last_rebalance_ms")));
    start(&w);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    metrics_write(w.metrics, &b);
    cr_expect_not_null(strstr(buf_text(&b), "kafka_connect_worker_connector_count 1\n"), "%s", buf_text(&b));
    cr_expect_not_null(strstr(buf_text(&b), "kafka_connect_worker_task_count 1\n"));
    cr_expect_not_null(strstr(buf_text(&b), REBALANCE "leader_name{leader_name=\"http://host:8083/\"} 1\n"));
    cr_expect_not_null(strstr(buf_text(&b), REBALANCE "connect_protocol{connect_protocol=\"SESSIONED\"} 1\n"));
    cr_expect_not_null(strstr(buf_text(&b), REBALANCE "rebalancing 0\n"));
    buf_fini(&b);
    cr_expect_eq(metric(&w, REBALANCE "epoch"), fake_member_generation());
    cr_expect_geq(metric(&w, REBALANCE "completed_rebalances_total"), 3.0, "the first, for the connector, for its task");
    cr_expect_geq(metric(&w, REBALANCE "rebalance_max_time_ms"), metric(&w, REBALANCE "rebalance_avg_time_ms"));
    cr_expect(isfinite(metric(&w, REBALANCE "time_since_last_rebalance_ms")));
    end(&w);
}
