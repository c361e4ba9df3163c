/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "fake/fake_kafka.h"
#include "fake/fake_store.h"
#include "script.h"

static struct world *w;

static void begin(void)
{
    script_reset();
}

static void end(void)
{
    world_free(w);
    w = NULL;
}

TestSuite(task, .init = begin, .fini = end, .timeout = 60);

static const char *statuses(void)
{
    static char text[1024];
    fake_store_statuses("c", 0, text, sizeof text);
    return text;
}

static const char *trace(void)
{
    static char text[4096];
    fake_store_trace(text, sizeof text);
    return text;
}

static const char *stored(const char *letter)
{
    static char text[128];
    char partition[64];
    (void)snprintf(partition, sizeof partition, "{\"letter\":\"%s\"}", letter);
    (void)fake_store_offset(partition, text, sizeof text);
    return text;
}

static double metric(const char *name)
{
    struct buf text = BUF_INIT;
    double v = -1;
    metrics_write(w->metrics, &text);
    for (const char *p = buf_text(&text); (p = strstr(p, name)) != NULL; p++) {
        const char *space = strchr(p, ' ');
        if ((p == text.data || p[-1] == '\n') && (p[strlen(name)] == '{' || p[strlen(name)] == ' ') && space)
            v = strtod(space, NULL);
    }
    buf_fini(&text);
    return v;
}

static void start(const char *const *worker, const char *const *connector)
{
    w = world_new(worker);
    world_start_task(w, script_config(connector), TARGET_STARTED);
}

static void stop(void)
{
    worker_stop_task(w->worker, "c", 0, KAFTAN_STOP_SHUTDOWN);
    WAIT_FOR(strcmp(script_events(), "task_stopped c 0") == 0);
    cr_expect_not(worker_has_task(w->worker, "c", 0));
}

Test(task, life_of_a_task)
{
    start(NULL, NULL);
    WAIT_FOR(strcmp(statuses(), "RUNNING") == 0);
    cr_expect(worker_has_task(w->worker, "c", 0));
    script_say("a:k1=v1");
    script_say("a:k2=v2");
    WAIT_FOR(strcmp(script_delivered(), "1S 2S") == 0);
    struct fake_record r = fake_kafka_record(0);
    cr_expect_str_eq(r.topic, "t");
    cr_expect_str_eq(r.key, "k1");
    cr_expect_str_eq(r.value, "v1");
    WAIT_FOR(metric("kafka_connect_source_task_source_record_write_total") == 2);
    cr_expect_eq(metric("kafka_connect_source_task_source_record_poll_total"), 2);
    cr_expect_eq(metric("kafka_connect_connector_task_status"), 1);
    cr_expect_eq(fake_store_topics_seen(), 1);
    stop();
    cr_expect_str_eq(statuses(), "RUNNING,UNASSIGNED");
    cr_expect_str_eq(stored("a"), "{\"token\":2}");
    cr_expect_str_eq(script_calls(), "open stop:6 flushed close");
    cr_expect_eq(metric("kafka_connect_connector_task_status"), -1, "the series end with the task");
}

Test(task, a_restart_goes_on)
{
    start(NULL, NULL);
    script_say("a:k=v");
    WAIT_FOR(strcmp(script_delivered(), "1S") == 0);
    stop();
    world_start_task(w, script_config(NULL), TARGET_STARTED);
    script_say("a:k=v");
    WAIT_FOR(strcmp(script_delivered(), "1S 2S") == 0);
    cr_expect_str_eq(statuses(), "RUNNING,UNASSIGNED,RUNNING");
    worker_stop_task(w->worker, "c", 0, KAFTAN_STOP_RESTART);
    WAIT_FOR(strstr(statuses(), "RUNNING,UNASSIGNED,RUNNING,UNASSIGNED"));
    WAIT_FOR(!worker_has_task(w->worker, "c", 0));
}

Test(task, delivered_keeps_the_order_of_each_partition)
{
    static const char *const messages[] = { "a:k=1", "b:k=2", "a:k=3", "b:k=4", "a:k=5" };
    fake_kafka_hold(true);
    start(NULL, NULL);
    for (size_t i = 0; i < 5; i++)
        script_say(messages[i]);
    WAIT_FOR(fake_kafka_sent() == 5);
    fake_kafka_report(4, -1); /* the youngest of a */
    fake_kafka_report(3, -1); /* the youngest of b */
    fake_kafka_report(2, -1);
    cr_expect_str_eq(script_delivered(), "");
    fake_kafka_report(1, -1);
    WAIT_FOR(strcmp(script_delivered(), "2S 4S") == 0);
    script_flush_request();
    WAIT_FOR(fake_store_flushes() == 1);
    cr_expect_str_eq(stored("a"), "", "nothing of a is finished");
    cr_expect_str_eq(stored("b"), "{\"token\":4}");
    fake_kafka_report(0, -1);
    WAIT_FOR(strcmp(script_delivered(), "2S 4S 1S 3S 5S") == 0);
    stop();
    cr_expect_str_eq(stored("a"), "{\"token\":5}");
}

Test(task, a_failed_report_fails_the_task_and_nothing_behind_it_counts)
{
    fake_kafka_hold(true);
    start(NULL, NULL);
    script_say("a:k=1");
    script_say("a:k=2");
    script_say("a:k=3");
    WAIT_FOR(fake_kafka_sent() == 3);
    fake_kafka_report(0, -1);
    fake_kafka_report(2, -1);
    fake_kafka_report(1, KAFTAN_E_KAFKA);
    WAIT_FOR(strcmp(statuses(), "RUNNING,FAILED") == 0);
    cr_expect_str_eq(script_delivered(), "1S 2F 3F");
    cr_expect_str_eq(trace(), "Unrecoverable exception from producer send callback\nCaused by: Kafka says no");
    cr_expect_str_eq(stored("a"), "{\"token\":1}", "the last commit of a failed task");
    cr_expect(worker_has_task(w->worker, "c", 0));
    stop();
    cr_expect_str_eq(statuses(), "RUNNING,FAILED", "a failed task is not UNASSIGNED afterwards");
}

Test(task, tolerated_reports_are_skipped)
{
    fake_kafka_fail_topic("t", KAFTAN_E_KAFKA);
    start(NULL, (const char *const[]){ "errors.tolerance", "all", "errors.log.enable", "true", NULL });
    script_say("a:k=1");
    WAIT_FOR(strcmp(script_delivered(), "1K") == 0);
    cr_expect_eq(metric("kafka_connect_task_error_total_records_skipped"), 1);
    cr_expect_eq(metric("kafka_connect_task_error_total_errors_logged"), 1);
    stop();
    cr_expect_str_eq(stored("a"), "{\"token\":1}");
}

Test(task, conversion_errors_end_the_task_or_skip)
{
    start(NULL, NULL);
    script_say("a:k=good");
    script_say("a:k=bad");
    script_say("a:k=good");
    WAIT_FOR(strcmp(statuses(), "RUNNING,FAILED") == 0);
    cr_expect_str_eq(script_delivered(), "1S 2F 3F");
    cr_expect_str_eq(trace(), "Tolerance exceeded in error handler\nCaused by: 'bad' cannot be converted");
    stop();
    end();
    begin();
    start(NULL, (const char *const[]){ "errors.tolerance", "all", NULL });
    script_say("a:k=good");
    script_say("a:k=bad");
    script_say("a:bad=good");
    script_say("a:k=good");
    WAIT_FOR(strcmp(script_delivered(), "1S 2K 3K 4S") == 0);
    stop();
    cr_expect_eq(fake_kafka_sent(), 2);
}

Test(task, retriable_conversion_is_tried_again_while_service_goes_on)
{
    start(NULL, (const char *const[]){ "errors.retry.timeout", "-1", "errors.retry.delay.max.ms", "20", NULL });
    script_say("a:k=later");
    script_say("a:k=next");
    WAIT_FOR(strcmp(script_delivered(), "1S 2S") == 0);
    cr_expect_eq(metric("kafka_connect_task_error_total_retries"), 2);
    cr_expect_eq(metric("kafka_connect_task_error_total_record_errors"), 0);
    cr_expect_gt(script_services(), 0);
    stop();
}

Test(task, exhausted_retries_skip_whatever_the_tolerance)
{
    start(NULL, NULL);
    script_say("a:k=later");
    WAIT_FOR(strcmp(script_delivered(), "1K") == 0);
    stop();
    cr_expect_str_eq(statuses(), "RUNNING,UNASSIGNED");
}

static const char *const dead_letters[] = { "errors.tolerance", "all", "errors.deadletterqueue.topic.name", "dead",
                                            "errors.deadletterqueue.context.headers.enable", "true",
                                            "errors.deadletterqueue.topic.replication.factor", "1",
                                            "errors.log.enable", "true", NULL };

static const char *header(const struct fake_record *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (strcmp(r->headers[i][0], name) == 0)
            return r->headers[i][1];
    return "-";
}

Test(task, dead_letters)
{
    static struct fake_record r;
    char created[256];
    fake_kafka_refuse("huge");
    start(NULL, dead_letters);
    script_say("a:k1=bad value");
    script_say_dead("a:k2=raw");
    script_say("a:k3=huge value");
    script_say("a:k4=fine");
    WAIT_FOR(strcmp(script_delivered(), "1K 2S 3K 4S") == 0);
    fake_kafka_created(created, sizeof created);
    cr_expect_str_eq(created, "dead 1 1");
    size_t dead = 0;
    for (size_t i = 0; i < fake_kafka_sent(); i++) {
        r = fake_kafka_record(i);
        if (strcmp(r.topic, "dead") != 0)
            continue;
        dead++;
        cr_expect_str_eq(header(&r, "__connect.errors.connector.name"), "c");
        cr_expect_str_eq(header(&r, "__connect.errors.task.id"), "0");
        if (strcmp(r.key, "k1") == 0) {
            cr_expect_str_eq(r.value, "bad value");
            cr_expect_str_eq(header(&r, "__connect.errors.stage"), "VALUE_CONVERTER");
            cr_expect_str_eq(header(&r, "__connect.errors.class.name"), SCRIPT_CONVERTER);
            cr_expect_str_eq(header(&r, "__connect.errors.topic"), "t");
            cr_expect_str_eq(header(&r, "__connect.errors.exception.message"), "'bad' cannot be converted");
            cr_expect_str_eq(header(&r, "__connect.errors.exception.class.name"),
                             "org.apache.kafka.connect.errors.DataException");
        } else if (strcmp(r.key, "k2") == 0) {
            cr_expect_str_eq(r.value, "raw");
            cr_expect_str_eq(header(&r, "__connect.errors.exception.message"), "not to my taste");
        } else {
            cr_expect_str_eq(r.key, "k3");
            cr_expect_str_eq(r.value, "<null>", "what Kafka has refused is not sent again");
            cr_expect_str_eq(header(&r, "__connect.errors.stage"), "KAFKA_PRODUCE");
        }
    }
    cr_expect_eq(dead, 3);
    cr_expect_eq(metric("kafka_connect_task_error_deadletterqueue_produce_requests"), 3);
    cr_expect_eq(metric("kafka_connect_task_error_total_errors_logged"), 3, "of the converter, the connector, and Kafka");
    stop();
    cr_expect_str_eq(stored("a"), "{\"token\":4}");
}

Test(task, a_dead_letter_that_cannot_be_written_fails_the_task)
{
    fake_kafka_fail_topic("dead", KAFTAN_E_KAFKA);
    start(NULL, dead_letters);
    script_say("a:k=bad");
    WAIT_FOR(strcmp(statuses(), "RUNNING,FAILED") == 0);
    cr_expect_str_eq(script_delivered(), "1F");
    cr_expect_not_null(strstr(trace(), "a dead letter could not be written"));
    stop();
}

Test(task, dead_letters_without_a_topic_are_a_conflict)
{
    start(NULL, NULL);
    script_say_dead("a:k=raw");
    WAIT_FOR(strstr(script_calls(), "no dead-letter topic is configured"));
    stop();
}

Test(task, a_full_producer_makes_the_batch_wait)
{
    fake_kafka_hold(true);
    fake_kafka_limit(2);
    start(NULL, NULL);
    for (int i = 0; i < 5; i++)
        script_say("a:k=v");
    WAIT_FOR(fake_kafka_sent() == 2);
    size_t polls = script_polls(), services = script_services();
    WAIT_FOR(script_services() > services + 2); /* service goes on */
    cr_expect_eq(script_polls(), polls, "nothing is polled while records wait");
    for (size_t i = 0; i < 5; i++) {
        WAIT_FOR(fake_kafka_sent() > i);
        fake_kafka_report(i, -1);
    }
    WAIT_FOR(strcmp(script_delivered(), "1S 2S 3S 4S 5S") == 0);
    stop();
}

Test(task, a_producer_that_is_full_of_nothing_is_asked_again)
{
    fake_kafka_limit(0); /* as while a client is made anew: no report will come */
    start(NULL, NULL);
    script_say("a:k=v");
    size_t services = script_services();
    WAIT_FOR(script_services() > services + 1);
    fake_kafka_limit(10);
    WAIT_FOR(strcmp(script_delivered(), "1S") == 0);
    stop();
}

Test(task, topics_are_created_by_their_group)
{
    static const char *const rules[] = {
        "topic.creation.groups", "logs, others", "topic.creation.default.partitions", "3",
        "topic.creation.default.replication.factor", "-1", "topic.creation.logs.include", "log.*,audit",
        "topic.creation.logs.exclude", "log.private", "topic.creation.logs.partitions", "7",
        "topic.creation.logs.cleanup.policy", "compact", NULL };
    char created[256];
    fake_kafka_admin_failures(1); /* is asked again */
    start(NULL, rules);
    script_say("a@log.x:k=v");
    WAIT_FOR(strcmp(script_delivered(), "1S") == 0);
    fake_kafka_created(created, sizeof created);
    cr_expect_str_eq(created, "log.x 7 -1 cleanup.policy=compact");
    script_say("a@log.private:k=v");
    WAIT_FOR(strcmp(script_delivered(), "1S 2S") == 0);
    fake_kafka_created(created, sizeof created);
    cr_expect_str_eq(created, "log.private 3 -1");
    size_t asked = fake_kafka_questions();
    script_say("a@log.x:k=v");
    WAIT_FOR(strcmp(script_delivered(), "1S 2S 3S") == 0);
    cr_expect_eq(fake_kafka_questions(), asked, "a known topic is not asked for again");
    fake_kafka_deny_creation(true);
    script_say("a@nope:k=v");
    WAIT_FOR(strcmp(statuses(), "RUNNING,FAILED") == 0);
    cr_expect_not_null(strstr(trace(), "Task failed to create new topic 'nope'"), "%s", trace());
    stop();
}

Test(task, a_start_that_fails)
{
    static const struct {
        const char *key, *value, *text;
    } cases[] = {
        { "connector.class", "no.such.Class", "which name matches no.such.Class" },
        { "topic", "", "String must be non-empty" },
        { "errors.tolerance", "some", "Invalid value some for configuration errors.tolerance" },
        { "value.converter", "no.such.Converter", "Class no.such.Converter could not be found." },
        { "transforms", "a", "transforms and predicates are not supported" },
        { "topic.creation.default.partitions", "3", "topic.creation.default.replication.factor" },
    };
    w = world_new(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script_reset();
        world_start_task(w, script_config((const char *const[]){ cases[i].key, cases[i].value, NULL }), TARGET_STARTED);
        WAIT_FOR(strcmp(statuses(), "FAILED") == 0);
        cr_expect_not_null(strstr(trace(), cases[i].text), "'%s' not in '%s'", cases[i].text, trace());
        stop();
    }
    script_reset();
    script_fail_open("cannot open");
    world_start_task(w, script_config(NULL), TARGET_STARTED);
    WAIT_FOR(strcmp(statuses(), "FAILED") == 0);
    cr_expect_str_eq(trace(), "cannot open");
    cr_expect_str_eq(script_calls(), "open", "close is not called after a failed open");
    stop();
}

Test(task, more_tasks_than_allowed)
{
    fake_store_task_count(3);
    start(NULL, (const char *const[]){ "tasks.max", "2", NULL });
    WAIT_FOR(strcmp(statuses(), "FAILED") == 0);
    cr_expect_not_null(strstr(trace(), "The connector c has generated 3 tasks, which is greater than 2, the maximum "
                                       "number of tasks it is configured to create."));
    stop();
}

Test(task, poll_errors)
{
    start(NULL, NULL);
    WAIT_FOR(strcmp(statuses(), "RUNNING") == 0);
    script_fail_poll("broker away", KAFTAN_E_RETRIABLE);
    script_say("a:k=v");
    WAIT_FOR(strcmp(script_delivered(), "1S") == 0);
    script_fail_poll("broken for good", KAFTAN_E_INTERNAL);
    WAIT_FOR(strcmp(statuses(), "RUNNING,FAILED") == 0);
    cr_expect_str_eq(trace(), "broken for good");
    cr_expect_not_null(strstr(script_calls(), "stop:7"), "the reason is FAILED");
    stop();
}

Test(task, pausing)
{
    w = world_new(NULL);
    world_start_task(w, script_config(NULL), TARGET_PAUSED);
    WAIT_FOR(strcmp(statuses(), "PAUSED") == 0);
    cr_expect_str_eq(script_calls(), "", "nothing is made before it is resumed");
    worker_target_state(w->worker, "c", TARGET_STARTED);
    WAIT_FOR(strcmp(statuses(), "PAUSED,RUNNING") == 0);
    worker_target_state(w->worker, "c", TARGET_PAUSED);
    WAIT_FOR(strcmp(statuses(), "PAUSED,RUNNING,PAUSED") == 0);
    size_t polls = script_polls(), services = script_services();
    script_say("a:k=v");
    WAIT_FOR(script_services() > services + 1);
    cr_expect_eq(script_polls(), polls, "a paused task is served and not polled");
    worker_target_state(w->worker, "c", TARGET_STOPPED); /* is for the connector */
    worker_target_state(w->worker, "c", TARGET_STARTED);
    WAIT_FOR(strcmp(script_delivered(), "1S") == 0);
    cr_expect_str_eq(script_calls(), "open pause:1 pause:0");
    stop();
    cr_expect_str_eq(statuses(), "PAUSED,RUNNING,PAUSED,RUNNING,UNASSIGNED");
}

Test(task, an_idle_task_is_left_alone_until_there_is_something)
{
    w = world_new(NULL);
    script_say_idle(true);
    world_start_task(w, script_config(NULL), TARGET_STARTED);
    WAIT_FOR(script_polls() > 0);
    size_t polls = script_polls();
    (void)poll(NULL, 0, 1500);
    cr_expect_leq(script_polls() + script_services(), polls + 2, "four a second are for those that are not idle");
    script_say("a:k=v"); /* its descriptor */
    WAIT_FOR(strcmp(script_delivered(), "1S") == 0);
    polls = script_polls();
    worker_target_state(w->worker, "c", TARGET_PAUSED); /* an order */
    WAIT_FOR(strcmp(statuses(), "RUNNING,PAUSED") == 0);
    polls = script_services();
    WAIT_FOR(script_services() > polls + 1); /* service has not said it */
    stop();
}

Test(task, stopped_while_it_waits_to_be_resumed)
{
    w = world_new(NULL);
    world_start_task(w, script_config(NULL), TARGET_PAUSED);
    WAIT_FOR(strcmp(statuses(), "PAUSED") == 0);
    stop();
    cr_expect_str_eq(statuses(), "PAUSED,UNASSIGNED");
    cr_expect_str_eq(script_calls(), "");
}

Test(task, offsets_at_their_interval_and_on_request)
{
    start((const char *const[]){ "offset.flush.interval.ms", "20", NULL }, NULL);
    script_say("a:k=v");
    WAIT_FOR(strcmp(stored("a"), "{\"token\":1}") == 0);
    script_touch(); /* no record, but something changed */
    WAIT_FOR(strcmp(stored("p"), "{\"token\":0}") == 0);
    WAIT_FOR(strstr(script_calls(), "flushed"));
    stop();
}

Test(task, a_failed_flush_is_repeated)
{
    fake_store_mode(FAKE_STORE_ERROR);
    start((const char *const[]){ "offset.flush.interval.ms", "20", NULL }, NULL);
    script_say("a:k=v");
    WAIT_FOR(fake_store_flushes() >= 2);
    cr_expect_str_eq(stored("a"), "");
    fake_store_mode(FAKE_STORE_OK);
    WAIT_FOR(strcmp(stored("a"), "{\"token\":1}") == 0);
    cr_expect_gt(metric("kafka_connect_connector_task_offset_commit_failure_percentage"), 0.01 - 1);
    stop();
}

Test(task, a_flush_without_an_answer_is_given_up)
{
    fake_store_mode(FAKE_STORE_SILENT);
    start((const char *const[]){ "offset.flush.interval.ms", "20", "offset.flush.timeout.ms", "50", NULL }, NULL);
    script_say("a:k=v");
    WAIT_FOR(fake_store_flushes() >= 2); /* the second asks for the same partition again */
    fake_store_mode(FAKE_STORE_OK);
    fake_store_answer_late(); /* the first of these answers means nothing any more */
    WAIT_FOR(strstr(script_calls(), "flushed"));
    stop();
    cr_expect_str_eq(stored("a"), "{\"token\":1}");
}

Test(task, offsets_of_others_are_read_before_open)
{
    fake_store_refresh_failures(2);
    start(NULL, NULL);
    WAIT_FOR(strcmp(statuses(), "RUNNING") == 0);
    cr_expect_eq(fake_store_refreshes(), 3);
    stop();
}

/* Turns of a task that is not owned end with a service; the one under way when that began may still have polled. */
static void wait_for_services(size_t more)
{
    size_t before = script_services();
    WAIT_FOR(script_services() >= before + more);
}

Test(task, what_is_not_owned_is_not_read_and_writes_no_offsets)
{
    start((const char *const[]){ "offset.flush.interval.ms", "20", NULL }, NULL);
    script_say("a:k=1");
    WAIT_FOR(strcmp(script_delivered(), "1S") == 0);
    WAIT_FOR(fake_store_flushes() == 1);
    script_own(false);
    wait_for_services(2);
    size_t polls = script_polls();
    script_say("a:k=2");
    script_touch();
    wait_for_services(3);
    cr_expect_eq(script_polls(), polls);
    cr_expect_str_eq(script_delivered(), "1S");
    cr_expect_eq(fake_store_flushes(), 1);
    script_own(true); /* it was its own all the time: the coordinator has answered again */
    WAIT_FOR(strcmp(script_delivered(), "1S 2S") == 0);
    WAIT_FOR(fake_store_flushes() >= 2);
    script_own(false);
    wait_for_services(2);
    size_t flushes = fake_store_flushes();
    script_touch();
    stop();
    cr_expect_eq(fake_store_flushes(), flushes);
}

/* Two records are read, one is sent, and the other one has to wait. */
static void one_sent_one_waits(const char *const *config)
{
    fake_kafka_hold(true);
    fake_kafka_limit(1);
    script_say("a:k=1");
    script_say("a:k=2");
    start(config, NULL);
    WAIT_FOR(fake_kafka_sent() == 1);
    script_own(false);
    wait_for_services(2);
}

Test(task, what_is_not_owned_sends_nothing_until_it_is_ours_again)
{
    one_sent_one_waits(NULL);
    fake_kafka_report(0, -1);
    WAIT_FOR(strcmp(script_delivered(), "1S") == 0);
    wait_for_services(3);
    cr_expect_eq(fake_kafka_sent(), 1);
    script_own(true);
    WAIT_FOR(fake_kafka_sent() == 2);
    fake_kafka_report(1, -1);
    WAIT_FOR(strcmp(script_delivered(), "1S 2S") == 0);
    stop();
}

Test(task, what_is_lost_is_not_waited_for)
{
    one_sent_one_waits((const char *const[]){ "task.shutdown.graceful.timeout.ms", "3600000", NULL });
    stop();
    cr_expect_str_eq(script_delivered(), "1F 2F");
    cr_expect_eq(fake_kafka_sent(), 1);
    cr_expect_eq(fake_store_flushes(), 0);
}

Test(task, what_is_lost_reports_no_state)
{
    start(NULL, NULL);
    WAIT_FOR(strcmp(statuses(), "RUNNING") == 0);
    script_own(false); /* another worker may have reported RUNNING by now */
    stop();
    cr_expect_str_eq(statuses(), "RUNNING");
}

Test(task, a_stop_waits_for_outstanding_records)
{
    fake_kafka_hold(true);
    start(NULL, NULL);
    script_say("a:k=1");
    script_say("a:k=2");
    WAIT_FOR(fake_kafka_sent() == 2);
    worker_stop_task(w->worker, "c", 0, KAFTAN_STOP_MOVE);
    WAIT_FOR(strstr(script_calls(), "stop:1"));
    fake_kafka_report(0, -1);
    fake_kafka_report(1, -1);
    WAIT_FOR(strcmp(script_events(), "task_stopped c 0") == 0);
    cr_expect_str_eq(script_delivered(), "1S 2S");
    cr_expect_str_eq(stored("a"), "{\"token\":2}");
}

Test(task, a_stop_does_not_wait_for_ever)
{
    fake_kafka_hold(true);
    start((const char *const[]){ "task.shutdown.graceful.timeout.ms", "4000", NULL }, NULL);
    script_say("a:k=1");
    script_say("a:k=2");
    WAIT_FOR(fake_kafka_sent() == 2);
    fake_kafka_report(0, -1);
    stop();
    cr_expect_str_eq(script_delivered(), "1S 2F", "each record exactly once");
    cr_expect_str_eq(stored("a"), "{\"token\":1}");
    cr_expect_str_eq(statuses(), "RUNNING,UNASSIGNED");
}

Test(task, a_hanging_task_is_given_up_and_can_do_no_harm)
{
    fake_kafka_topic_add("d");
    start((const char *const[]){ "task.shutdown.graceful.timeout.ms", "200", NULL },
          (const char *const[]){ "errors.deadletterqueue.topic.name", "d", NULL });
    WAIT_FOR(strcmp(statuses(), "RUNNING") == 0);
    script_say("a:k=1");
    WAIT_FOR(strcmp(script_delivered(), "1S") == 0);
    cr_expect(script_may_acknowledge());
    fake_kafka_hold(true);
    script_say("a:k=2");
    WAIT_FOR(fake_kafka_sent() == 2); /* waits inside the client */
    size_t polls = script_polls();
    script_hang(true);
    WAIT_FOR(script_polls() > polls);
    script_say("a:k=3"); /* poll will come back with these two */
    script_say_dead("a:k=4");
    worker_stop_task(w->worker, "c", 0, KAFTAN_STOP_MOVE);
    WAIT_FOR(strcmp(script_events(), "task_stopped c 0") == 0);
    cr_expect_eq(fake_kafka_cut(), 1, "what was in the client is thrown away before anybody hears that the task has stopped");
    cr_expect_not(worker_has_task(w->worker, "c", 0));
    world_start_task(w, script_config(NULL), TARGET_PAUSED); /* its successor */
    WAIT_FOR(strcmp(statuses(), "RUNNING,PAUSED") == 0);
    script_hang(false);
    WAIT_FOR(strstr(script_calls(), "close"));
    cr_expect_eq(fake_kafka_sent(), 2, "nothing is produced after it was given up");
    cr_expect_eq(fake_store_flushes(), 0, "no offset after it was given up");
    cr_expect_str_eq(statuses(), "RUNNING,PAUSED", "no status either");
    cr_expect_str_eq(script_delivered(), "1S 2F 3F 4F");
    cr_expect_not(script_may_acknowledge(), "nor may it acknowledge anything");
    worker_stop_task(w->worker, "c", 0, KAFTAN_STOP_MOVE);
    WAIT_FOR(strcmp(script_events(), "task_stopped c 0\ntask_stopped c 0") == 0);
    WAIT_FOR(worker_alive() == 0); /* only then may what it borrows be freed */
}

Test(task, stopping_what_is_not_there_is_answered)
{
    w = world_new(NULL);
    worker_stop_task(w->worker, "c", 0, KAFTAN_STOP_MOVE);
    cr_expect_str_eq(script_events(), "task_stopped c 0");
}

/* The hot path: neither allocation nor lock per record; a turn, for hundreds of them, takes a few locks. */
Test(task, nothing_is_allocated_or_locked_per_record)
{
    enum { WARM = 200000, COUNTED = 200000 };
    fake_kafka_keep(false);
    start(NULL, NULL);
    script_flood(700, WARM);
    WAIT_FOR(script_delivered_count() == WARM);
    uint64_t before = mem_count(), locks_before = lock_count();
    script_flood(700, COUNTED);
    WAIT_FOR(script_delivered_count() == WARM + COUNTED);
    uint64_t allocations = mem_count() - before, locks = lock_count() - locks_before;
    cr_expect_leq(locks, COUNTED / 20, "%llu locks for %d records", (unsigned long long)locks, COUNTED);
#ifdef KAFTAN_SANITIZE
    (void)allocations; /* arenas allocate piece by piece there */
#else
    cr_expect_leq(allocations, 20, "%llu allocations for %d records", (unsigned long long)allocations, COUNTED);
#endif
    stop();
}
