/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "conformance.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/fake_kafka.h"
#include "fake/fake_store.h"
#include "unit/runtime/script.h"

/* Criterion runs each test in a process of its own; inside, all drivers take their turn. */
static const struct conformance_driver *driver;
static struct world *w;
static size_t stops;

static const char *statuses(void)
{
    static char text[4096];
    fake_store_statuses("c", 0, text, sizeof text);
    return text;
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), e = strlen(end);
    return n >= e && strcmp(text + n - e, end) == 0;
}

static struct text_map *config_of(const char *const *more)
{
    struct text_map *m = text_map_new();
    const char *const *lists[] = { driver->config, driver->more ? driver->more() : NULL, more };
    text_map_put(m, "name", "c");
    for (size_t l = 0; l < 3; l++)
        for (size_t i = 0; lists[l] && lists[l][i]; i += 2)
            text_map_put(m, lists[l][i], lists[l][i + 1]);
    return m;
}

static void begin(const struct conformance_driver *d, const char *const *worker)
{
    const char *paths[] = { d->path };
    driver = d;
    stops = 0;
    script_reset();
    if (d->setup)
        d->setup();
    w = world_new(worker);
    registry_load(w->registry, paths, 1);
}

static void end(void)
{
    world_free(w);
    if (driver->teardown)
        driver->teardown();
}

static void start(void)
{
    world_start_task(w, config_of(NULL), TARGET_STARTED);
    WAIT_FOR(ends_with(statuses(), "RUNNING"));
}

static size_t stop_events(void)
{
    size_t n = 0;
    for (const char *p = script_events(); (p = strstr(p, "task_stopped")) != NULL; p++)
        n++;
    return n;
}

static void stop(void)
{
    worker_stop_task(w->worker, "c", 0, KAFTAN_STOP_RESTART);
    stops++;
    WAIT_FOR(stop_events() == stops);
    cr_expect(ends_with(statuses(), "UNASSIGNED"), "%s: %s", driver->name, statuses());
}

static void feed(size_t count)
{
    if (driver->feed)
        driver->feed(count);
}

static long number(size_t record)
{
    return atol(fake_kafka_record(record).value);
}

/* All that was sent is 0, 1, 2 ... without loss, repetition or disorder. */
static void check_sequence(void)
{
    size_t n = fake_kafka_sent();
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(number(i), (long)i, "%s: record %zu is %ld", driver->name, i, number(i));
}

#define FOR_EACH_DRIVER for (size_t d_ = 0; conformance_drivers[d_]; d_++)

TestSuite(conformance, .timeout = 120);

Test(conformance, start_and_stop)
{
    FOR_EACH_DRIVER
    {
        begin(conformance_drivers[d_], NULL);
        start();
        feed(100);
        WAIT_FOR(fake_kafka_sent() >= 100);
        stop();
        check_sequence();
        cr_expect_str_eq(fake_kafka_record(0).topic, "t");
        end();
    }
}

Test(conformance, restarts_resume_without_loss_or_repetition)
{
    FOR_EACH_DRIVER
    {
        begin(conformance_drivers[d_], NULL);
        for (int round = 0; round < 8; round++) {
            size_t before = fake_kafka_sent();
            start();
            feed(25);
            WAIT_FOR(fake_kafka_sent() >= before + 25);
            stop();
        }
        check_sequence();
        end();
    }
}

Test(conformance, a_stop_at_once)
{
    FOR_EACH_DRIVER
    {
        begin(conformance_drivers[d_], NULL);
        for (int round = 0; round < 8; round++) {
            feed(3);
            world_start_task(w, config_of(NULL), TARGET_STARTED);
            stop();
        }
        size_t before = fake_kafka_sent();
        start();
        feed(10);
        WAIT_FOR(fake_kafka_sent() >= before + 10);
        stop();
        check_sequence();
        end();
    }
}

Test(conformance, pause_and_resume)
{
    FOR_EACH_DRIVER
    {
        begin(conformance_drivers[d_], NULL);
        start();
        feed(10);
        WAIT_FOR(fake_kafka_sent() >= 10);
        worker_target_state(w->worker, "c", TARGET_PAUSED);
        WAIT_FOR(ends_with(statuses(), "RUNNING,PAUSED"));
        size_t paused = fake_kafka_sent();
        feed(10);
        worker_target_state(w->worker, "c", TARGET_STARTED);
        WAIT_FOR(ends_with(statuses(), "PAUSED,RUNNING"));
        WAIT_FOR(fake_kafka_sent() >= paused + 10);
        stop();
        check_sequence();
        end();
    }
}

/* Stopped while Kafka has not answered: what was not confirmed comes again, nothing is skipped. */
Test(conformance, unconfirmed_records_come_again)
{
    /* Its waiting takes most of this; what is left is for a busy machine. */
    static const char *const quick[] = { "task.shutdown.graceful.timeout.ms", "4000", NULL };
    FOR_EACH_DRIVER
    {
        begin(conformance_drivers[d_], quick);
        fake_kafka_hold(true);
        start();
        feed(20);
        WAIT_FOR(fake_kafka_sent() >= 10);
        for (size_t i = 0; i < 5; i++)
            fake_kafka_report(i, -1);
        stop();
        size_t before = fake_kafka_sent();
        fake_kafka_hold(false);
        start();
        feed(20);
        WAIT_FOR(fake_kafka_sent() >= before + 20);
        stop();
        cr_expect_eq(number(before), 5, "%s: goes on with %ld", driver->name, number(before));
        for (size_t i = before; i + 1 < fake_kafka_sent(); i++)
            cr_assert_eq(number(i + 1), number(i) + 1);
        end();
    }
}

Test(conformance, bad_configs_fail_with_a_reason)
{
    char trace[4096];
    FOR_EACH_DRIVER
    for (size_t b = 0; conformance_drivers[d_]->bad && conformance_drivers[d_]->bad[b]; b++) {
        begin(conformance_drivers[d_], NULL);
        const char *const *bad = driver->bad[b];
        world_start_task(w, config_of(bad), TARGET_STARTED);
        WAIT_FOR(strcmp(statuses(), "FAILED") == 0);
        fake_store_trace(trace, sizeof trace);
        cr_expect_not_null(strstr(trace, bad[0]), "%s: '%s' does not name %s", driver->name, trace, bad[0]);
        worker_stop_task(w->worker, "c", 0, KAFTAN_STOP_DELETE);
        WAIT_FOR(stop_events() == 1);
        end();
    }
}

Test(conformance, a_connector_makes_task_configs_within_the_limit)
{
    FOR_EACH_DRIVER
    {
        begin(conformance_drivers[d_], NULL);
        struct text_map *config = config_of(NULL);
        worker_start_connector(w->worker, "c", config, TARGET_STARTED);
        text_map_unref(config);
        worker_task_configs(w->worker, "c", 2);
        WAIT_FOR(strstr(script_events(), "task_configs c "));
        cr_expect(strstr(script_events(), "task_configs c 1 [") || strstr(script_events(), "task_configs c 2 ["), "%s",
                  script_events());
        worker_stop_connector(w->worker, "c", KAFTAN_STOP_DELETE);
        WAIT_FOR(strstr(script_events(), "connector_stopped c"));
        end();
    }
}

Test(conformance, every_key_is_documented)
{
    FOR_EACH_DRIVER
    {
        begin(conformance_drivers[d_], NULL);
        const struct plugin_class *c;
        for (size_t i = 0; (c = registry_at(w->registry, i)) != NULL; i++) {
            if (c->type != PLUGIN_SOURCE || !*c->path)
                continue;
            cr_expect(c->version && *c->version);
            for (const struct kaftan_config_key *k = c->config; k && k->name; k++)
                cr_expect(k->internal || (k->doc && *k->doc), "%s: %s has no documentation", c->name, k->name);
        }
        end();
    }
}
