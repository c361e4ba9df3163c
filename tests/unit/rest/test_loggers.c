/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "unit/rest/fake_herder.h"
#include "unit/rest/stage.h"

static struct {
    int calls;
    char logger[128], level[32];
} told;

static bool see(struct herder_request *r)
{
    if (r->op != HERDER_LOGGER)
        return false;
    told.calls++;
    (void)snprintf(told.logger, sizeof told.logger, "%s", r->logger);
    (void)snprintf(told.level, sizeof told.level, "%s", r->level);
    return true;
}

/* Loggers of the program that nothing else writes to. */
static struct log one = LOG("unit.loggers.one"), two = LOG("unit.loggers.two"), far = LOG("unit.far");

static void up(void)
{
    fake_hook = see;
    log_setup(LOG_INFO, false);
    (void)log_enabled(&one, LOG_DEBUG);
    (void)log_enabled(&two, LOG_DEBUG);
    (void)log_enabled(&far, LOG_DEBUG);
    stage_up(NULL);
}

TestSuite(loggers, .init = up, .fini = stage_down, .timeout = 60);

static json_t *get(const char *target)
{
    json_error_t why;
    json_t *doc = json_loads(stage_json("GET", target, NULL, 200), 0, &why);
    cr_assert_not_null(doc, "%s: %s", target, why.text);
    return doc;
}

static const char *level_of(const json_t *doc)
{
    return json_string_value(json_object_get(doc, "level"));
}

Test(loggers, are_listed_by_name_with_their_levels)
{
    json_t *all = get("/admin/loggers/");
    const char *name, *before = "";
    json_t *doc;
    json_object_foreach(all, name, doc) {
        cr_expect(strcmp(before, name) < 0, "%s stands after %s", name, before);
        before = name;
        cr_expect_eq(json_object_size(doc), 2);
        cr_expect_not_null(level_of(doc));
        cr_expect(json_is_null(json_object_get(doc, "last_modified")), "%s", name);
    }
    cr_expect_str_eq(level_of(json_object_get(all, "root")), "INFO");
    cr_expect_str_eq(level_of(json_object_get(all, "unit.loggers.one")), "INFO");
    json_decref(all);
    (void)stage_json("PUT", "/admin/loggers/unit.loggers.two", "{\"level\":\"OFF\"}", 200);
    all = get("/admin/loggers");
    cr_expect_null(json_object_get(all, "unit.loggers.two"), "what is off is not listed");
    json_decref(all);
}

Test(loggers, one_by_its_name)
{
    json_t *doc = get("/admin/loggers/unit.loggers.one");
    cr_expect_str_eq(level_of(doc), "INFO");
    json_decref(doc);
    doc = get("/admin/loggers/ROOT");
    cr_expect_str_eq(level_of(doc), "INFO");
    json_decref(doc);
    cr_expect_str_eq(stage_json("GET", "/admin/loggers/unit.none", NULL, 404),
                     "{\"error_code\":404,\"message\":\"Logger unit.none not found.\"}");
}

Test(loggers, a_level_is_for_all_that_begin_with_the_name)
{
    int64_t before = clock_wall_ms();
    cr_expect_str_eq(stage_json("PUT", "/admin/loggers/unit.loggers", "{\"level\":\"debug\",\"more\":1}", 200),
                     "[\"unit.loggers\",\"unit.loggers.one\",\"unit.loggers.two\"]");
    cr_expect(log_enabled(&one, LOG_DEBUG) && log_enabled(&two, LOG_DEBUG) && !log_enabled(&far, LOG_DEBUG));
    json_t *doc = get("/admin/loggers/unit.loggers.one");
    json_int_t first = json_integer_value(json_object_get(doc, "last_modified"));
    cr_expect_str_eq(level_of(doc), "DEBUG");
    cr_expect(first >= before && first <= clock_wall_ms());
    json_decref(doc);
    cr_expect_str_eq(stage_json("PUT", "/admin/loggers/unit.loggers?scope=WORKER", "{\"level\":\"DEBUG\"}", 200), "[]");
    cr_expect_str_eq(stage_json("PUT", "/admin/loggers/unit.loggers.t?scope=elsewhere", "{\"level\":\"WARN\"}", 200),
                     "[\"unit.loggers.t\",\"unit.loggers.two\"]");
    doc = get("/admin/loggers/unit.loggers.one");
    cr_expect_eq(json_integer_value(json_object_get(doc, "last_modified")), first, "touched without a change");
    json_decref(doc);
    cr_expect_not_null(strstr(stage_json("PUT", "/admin/loggers/root", "{\"level\":\"ERROR\"}", 200), "\"root\""));
    cr_expect(!log_enabled(&one, LOG_WARN) && !log_enabled(&far, LOG_WARN));
    cr_expect_eq(told.calls, 0);
}

Test(loggers, java_names_are_kept_as_they_are)
{
    static const char name[] = "/admin/loggers/org.apache.kafka.connect.runtime.WorkerSourceTask";
    cr_expect_str_eq(stage_json("PUT", name, "{\"level\":\"TRACE\"}", 200),
                     "[\"org.apache.kafka.connect.runtime.WorkerSourceTask\"]");
    json_t *doc = get(name);
    cr_expect_str_eq(level_of(doc), "TRACE");
    json_decref(doc);
    /* made just now, with the level of its like: nothing has changed */
    cr_expect_str_eq(stage_json("PUT", "/admin/loggers/org.apache.kafka.clients", "{\"level\":\"INFO\"}", 200), "[]");
    doc = get("/admin/loggers/org.apache.kafka.clients");
    cr_expect(json_is_null(json_object_get(doc, "last_modified")));
    json_decref(doc);
}

Test(loggers, the_whole_group_hears_through_the_herder)
{
    cr_expect_str_eq(stage_json("PUT", "/admin/loggers/unit.loggers?scope=Cluster", "{\"level\":\"debug\"}", 204), "");
    cr_expect_eq(told.calls, 1);
    cr_expect_str_eq(told.logger, "unit.loggers");
    cr_expect_str_eq(told.level, "debug", "as it was submitted");
    cr_expect(!log_enabled(&one, LOG_DEBUG), "not before the record is read");
    (void)stage_json("PUT", "/admin/loggers/Root?scope=cluster", "{\"level\":\"WARN\"}", 204);
    cr_expect_str_eq(told.logger, "root");
}

Test(loggers, refusals)
{
    static const struct {
        const char *target, *body;
        int status;
        const char *said;
    } cases[] = {
        { "/admin/loggers/x", "{}", 400, "Desired 'level' parameter was not specified in request." },
        { "/admin/loggers/x", "{\"level\":null}", 400, "Desired 'level' parameter was not specified in request." },
        { "/admin/loggers/x", "{\"level\":\"bogus\"}", 404, "invalid log level 'bogus'." },
        { "/admin/loggers/x?scope=cluster", "{\"level\":\"bogus\"}", 404, "invalid log level 'bogus'." },
        { "/admin/loggers/x", "{\"level\":5}", 404, "invalid log level '5'." },
        { "/admin/loggers/x", "{\"level\":\"\"}", 500, "Illegal null or empty Level name." },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *want = mem_printf("{\"error_code\":%d,\"message\":\"%s\"}", cases[i].status, cases[i].said);
        cr_expect_str_eq(stage_json("PUT", cases[i].target, cases[i].body, cases[i].status), want);
        mem_free(want);
    }
    (void)stage_json("PUT", "/admin/loggers/x", "", 500);
    (void)stage_json("DELETE", "/admin/loggers/x", NULL, 405);
    (void)stage_json("POST", "/admin/loggers/x", "{}", 405);
    (void)stage_json("GET", "/admin/loggers/x/y", NULL, 404);
    static const char *const levels[] = { "OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL" };
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        char *body = mem_printf("{\"level\":\"%s\"}", levels[i]);
        (void)stage_json("PUT", "/admin/loggers/unit.loggers.one", body, 200);
        mem_free(body);
    }
    cr_expect_eq(told.calls, 0);
}

Test(loggers, a_name_that_is_no_text_is_left_out)
{
    (void)log_set_level("unit.\xed\xa0\x80", LOG_WARN); /* half a pair, from a record of the config topic */
    json_t *all = get("/admin/loggers");
    cr_expect_not_null(json_object_get(all, "root"));
    json_decref(all);
    (void)stage_json("PUT", "/admin/loggers/unit", "{\"level\":\"ERROR\"}", 200);
}

Test(admin_listeners, elsewhere_is_not_here, .timeout = 60)
{
    static const char *const values[] = { "", "http://127.0.0.1:0" };
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        const char *more[] = { "admin.listeners", values[i], NULL };
        stage_up(more);
        (void)stage_json("GET", "/admin/loggers", NULL, 404);
        (void)stage_json("GET", "/admin/loggers/root", NULL, 404);
        (void)stage_json("PUT", "/admin/loggers/root", "{\"level\":\"ERROR\"}", 404);
        stage_down();
    }
}
