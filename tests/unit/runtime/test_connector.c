/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <string.h>

#include "fake/fake_kafka.h"
#include "fake/fake_store.h"
#include "script.h"

static struct world *w;

static void begin(void)
{
    script_reset();
    w = world_new(NULL);
}

static void end(void)
{
    world_free(w);
    w = NULL;
}

TestSuite(connector, .init = begin, .fini = end, .timeout = 60);

static const char *statuses(void)
{
    static char text[1024];
    fake_store_statuses("c", -1, text, sizeof text);
    return text;
}

static void start(const char *const *more, enum target_state target)
{
    struct text_map *config = script_config(more);
    worker_start_connector(w->worker, "c", config, target);
    text_map_unref(config);
}

static bool last_event(const char *text)
{
    const char *events = script_events(), *last = strrchr(events, '\n');
    return strcmp(last ? last + 1 : events, text) == 0;
}

static void stop(void)
{
    worker_stop_connector(w->worker, "c", KAFTAN_STOP_SHUTDOWN);
    WAIT_FOR(last_event("connector_stopped c"));
    cr_expect_not(worker_has_connector(w->worker, "c"));
}

Test(connector, states)
{
    start(NULL, TARGET_STARTED);
    WAIT_FOR(last_event("connector_started c STARTED"));
    cr_expect(worker_has_connector(w->worker, "c"));
    worker_target_state(w->worker, "c", TARGET_PAUSED);
    WAIT_FOR(last_event("connector_started c PAUSED"));
    worker_target_state(w->worker, "c", TARGET_STOPPED);
    WAIT_FOR(last_event("connector_started c STOPPED"));
    worker_target_state(w->worker, "c", TARGET_STARTED);
    WAIT_FOR(last_event("connector_started c STARTED"));
    stop();
    cr_expect_str_eq(statuses(), "RUNNING,PAUSED,STOPPED,RUNNING,UNASSIGNED");
    cr_expect_str_eq(script_calls(), "start end start end");
}

Test(connector, starts_paused_or_stopped)
{
    start(NULL, TARGET_PAUSED);
    WAIT_FOR(last_event("connector_started c PAUSED"));
    cr_expect_str_eq(script_calls(), "");
    stop();
    script_reset();
    start(NULL, TARGET_STOPPED);
    WAIT_FOR(last_event("connector_started c STOPPED"));
    stop();
    cr_expect_str_eq(statuses(), "STOPPED,UNASSIGNED");
}

Test(connector, task_configs)
{
    script_make_configs(2);
    start(NULL, TARGET_STARTED);
    WAIT_FOR(last_event("connector_started c STARTED"));
    worker_task_configs(w->worker, "c", 3);
    WAIT_FOR(last_event("task_configs c 2 [test.ScriptSourceTask t 0] [test.ScriptSourceTask t 1]"));
    script_make_configs(0);
    worker_task_configs(w->worker, "c", 3);
    WAIT_FOR(last_event("task_configs c 0"));
    worker_target_state(w->worker, "c", TARGET_PAUSED);
    WAIT_FOR(last_event("connector_started c PAUSED"));
    worker_task_configs(w->worker, "c", 3);
    WAIT_FOR(last_event("task_configs c 0 error: Connector c is not running"));
    stop();
    worker_task_configs(w->worker, "c", 3);
    cr_expect(last_event("task_configs c 0 error: Connector c not found in this worker."));
}

Test(connector, too_many_task_configs)
{
    static const char text[] = "The connector c has generated 3 tasks, which is greater than 2, the maximum number of "
                               "tasks it is configured to create.";
    char trace[4096];
    script_make_configs(3);
    start(NULL, TARGET_STARTED);
    worker_task_configs(w->worker, "c", 2);
    WAIT_FOR(strcmp(statuses(), "RUNNING,FAILED") == 0);
    WAIT_FOR(strstr(script_events(), "task_configs c 0 error: "));
    fake_store_trace(trace, sizeof trace);
    cr_expect_not_null(strstr(trace, text), "%s", trace);
    cr_expect_not_null(strstr(script_events(), text));
    stop();
    start((const char *const[]){ "tasks.max.enforce", "false", NULL }, TARGET_STARTED);
    worker_task_configs(w->worker, "c", 2);
    WAIT_FOR(strstr(script_events(), "task_configs c 3 ["));
    stop();
}

Test(connector, a_failed_start)
{
    char trace[4096];
    script_start_fails("no such host");
    start(NULL, TARGET_STARTED);
    WAIT_FOR(last_event("connector_started c STARTED error: no such host"));
    fake_store_trace(trace, sizeof trace);
    cr_expect_str_eq(trace, "no such host");
    worker_target_state(w->worker, "c", TARGET_PAUSED);
    WAIT_FOR(last_event("connector_started c PAUSED error: Connector c has failed and must be restarted"));
    worker_target_state(w->worker, "c", TARGET_STOPPED);
    WAIT_FOR(last_event("connector_started c STOPPED"));
    stop();
    cr_expect_str_eq(statuses(), "FAILED,STOPPED,UNASSIGNED");
}

Test(connector, bad_configs)
{
    static const struct {
        const char *key, *value, *text;
    } cases[] = {
        { "connector.class", "Nope", "which name matches Nope" },
        { "topic", "", "String must be non-empty" },
        { "tasks.max", "0", "Invalid value 0 for configuration tasks.max" },
        /* let through by validation, as Java does */
        { "topic", NULL, "Invalid value null for configuration topic: Null value can not be supplied" },
        { "topic.creation.groups", "a", "Missing required configuration \"topic.creation.default.replication.factor\"" },
        { "errors.tolerance", NULL, "for configuration errors.tolerance" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        script_reset();
        struct text_map *config = script_config(NULL);
        text_map_put(config, cases[i].key, cases[i].value);
        worker_start_connector(w->worker, "c", config, TARGET_STARTED);
        text_map_unref(config);
        WAIT_FOR(strcmp(statuses(), "FAILED") == 0);
        WAIT_FOR(strstr(script_events(), cases[i].text));
        worker_task_configs(w->worker, "c", 1);
        WAIT_FOR(strstr(script_events(), "task_configs c 0 error: "));
        stop();
    }
}

/* STOPPED leads out of FAILED; what has no usable config cannot be started afterwards either. */
Test(connector, stopped_and_resumed_with_a_bad_config)
{
    char version[64];
    start((const char *const[]){ "topic", "", NULL }, TARGET_STARTED);
    WAIT_FOR(strcmp(statuses(), "FAILED") == 0);
    fake_store_version(version, sizeof version);
    cr_expect_str_eq(version, "null", "a connector that was never made has no version");
    worker_target_state(w->worker, "c", TARGET_STOPPED);
    WAIT_FOR(last_event("connector_started c STOPPED"));
    worker_target_state(w->worker, "c", TARGET_STARTED);
    WAIT_FOR(strcmp(statuses(), "FAILED,STOPPED,FAILED") == 0);
    WAIT_FOR(strstr(script_events(), "connector_started c STARTED error: "));
    worker_task_configs(w->worker, "c", 1);
    WAIT_FOR(strstr(script_events(), "task_configs c 0 error: "));
    stop();
    cr_expect_str_eq(script_calls(), "");
}

Test(connector, asks_for_new_task_configs)
{
    start(NULL, TARGET_STARTED);
    WAIT_FOR(last_event("connector_started c STARTED"));
    script_reconfigure();
    WAIT_FOR(last_event("reconfigure c"));
    stop();
}

Test(connector, started_twice_and_stopped_when_not_there)
{
    start(NULL, TARGET_STARTED);
    WAIT_FOR(last_event("connector_started c STARTED"));
    start(NULL, TARGET_STARTED);
    stop();
    worker_stop_connector(w->worker, "c", KAFTAN_STOP_DELETE);
    cr_expect_str_eq(script_calls(), "start end");
    worker_status_restarting(w->worker, "c", -1);
    cr_expect_str_eq(statuses(), "RUNNING,UNASSIGNED,RESTARTING");
}
