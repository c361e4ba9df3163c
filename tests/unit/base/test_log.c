/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/log.h"

#include <criterion/criterion.h>

#include <kaftan/log.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

static struct log logger = LOG("base.test");
static struct log other = LOG("base.tester");

struct caught {
    struct buf all; /* lines, each ended by a line feed */
    unsigned lines;
    enum log_level last;
};

static void catch(void *self, enum log_level level, const char *line)
{
    struct caught *c = self;
    buf_puts(&c->all, line);
    buf_putc(&c->all, '\n');
    c->lines++;
    c->last = level;
}

static void begin(struct caught *c, bool json)
{
    *c = (struct caught){ .all = BUF_INIT };
    log_setup(LOG_INFO, json);
    log_catch(catch, c);
}

static void end(struct caught *c)
{
    log_catch(NULL, NULL);
    log_context(NULL, 0);
    buf_fini(&c->all);
}

Test(log, text_line)
{
    struct caught c;
    begin(&c, false);
    log_context("orders", 0);
    struct kaftan_error *err = kaftan_error_new(KAFTAN_E_KAFKA, "broker gone");
    err = kaftan_error_wrap(err, "no \"flush\"");
    log_info(&logger, "task started", LOG_INT("partitions", 3), LOG_STR("name", "a b"), LOG_STR("none", NULL),
             LOG_STR("empty", ""), LOG_STR("plain", "x-1"), LOG_ERR(err));
    kaftan_error_free(err);
    const char *line = buf_text(&c.all);
    cr_assert_gt(strlen(line), 24u);
    cr_expect(line[4] == '-' && line[10] == ' ' && line[13] == ':' && line[19] == '.', "%s", line);
    cr_expect_str_eq(line + 23, " INFO  [orders|task-0] base.test: task started partitions=3 name=\"a b\" none=null"
                                " empty=\"\" plain=x-1 error=\"no \\\"flush\\\", caused by: broker gone\"\n");
    buf_clear(&c.all);
    log_context("orders", -1);
    log_warn(&logger, "no fields");
    cr_expect(text_ends(buf_text(&c.all), " WARN  [orders|worker] base.test: no fields\n"));
    buf_clear(&c.all);
    log_context(NULL, 0);
    log_error(&logger, "no context");
    cr_expect(text_ends(buf_text(&c.all), " ERROR base.test: no context\n"));
    cr_expect_eq(c.last, LOG_ERROR);
    end(&c);
}

Test(log, nothing_from_outside_starts_a_line)
{
    struct caught c;
    begin(&c, false);
    log_info(&logger, "got", LOG_STR("x", "a\nERROR forged\x1b[2J"));
    cr_expect_null(strchr(strchr(buf_text(&c.all), '\n') + 1, '\n'));
    cr_expect_not_null(strstr(buf_text(&c.all), "x=\"a\\nERROR forged\\x1B[2J\""));
    end(&c);
}

Test(log, json_line)
{
    struct caught c;
    struct kaftan_arena *a = arena_new(0);
    const struct json *v = NULL;
    struct kaftan_slice s;
    int64_t n = 0;
    begin(&c, true);
    log_context("orders", 7);
    log_info(&logger, "read \"x\"", LOG_INT("n", -1), LOG_STR("s", "\n\""), LOG_STR("z", NULL));
    struct kaftan_error *err = json_parse(a, c.all.data, c.all.len, 0, &v);
    cr_assert_null(err);
    cr_expect(json_text(json_get(v, "message"), &s) && slice_eq_str(s, "read \"x\""));
    cr_expect(json_text(json_get(v, "connector"), &s) && slice_eq_str(s, "orders"));
    cr_expect(json_i64(json_get(v, "task"), &n) && n == 7);
    cr_expect(json_i64(json_get(json_get(v, "fields"), "n"), &n) && n == -1);
    cr_expect(json_text(json_get(json_get(v, "fields"), "s"), &s) && slice_eq_str(s, "\n\""));
    cr_expect_eq(json_get(json_get(v, "fields"), "z")->type, JSON_NULL);
    arena_free(a);
    end(&c);
}

struct wanted {
    const char *name;
    enum log_level level;
    int64_t modified_ms;
    bool found;
    const char *before;
    bool unordered;
};

static void look(void *self, const char *name, enum log_level level, int64_t modified_ms)
{
    struct wanted *w = self;
    if (w->before && strcmp(w->before, name) >= 0)
        w->unordered = true;
    if (strcmp(name, w->name) == 0) {
        w->found = true;
        w->level = level;
        w->modified_ms = modified_ms;
    }
}

static struct wanted level_of(const char *name)
{
    struct wanted w = { .name = name };
    log_each(look, &w);
    return w;
}

Test(log, levels)
{
    struct caught c;
    begin(&c, false);
    log_debug(&logger, "silent");
    log_info(&other, "heard");
    cr_expect_eq(c.lines, 1u);
    cr_expect_eq(level_of("base.test").modified_ms, 0);
    cr_expect_eq(log_set_level("base.test", LOG_DEBUG), 2u, "a name covers what begins with it");
    cr_expect_eq(log_set_level("base.test", LOG_DEBUG), 0u, "nothing left to change");
    log_debug(&logger, "heard now");
    cr_expect_eq(c.lines, 2u);
    cr_expect_eq(level_of("base.tester").level, LOG_DEBUG);
    cr_expect_gt(level_of("base.tester").modified_ms, 0);
    cr_expect_eq(level_of("root").level, LOG_INFO);
    cr_expect_not(level_of("nobody.yet").found);
    cr_expect_eq(log_set_level("nobody.yet", LOG_ERROR), 1u);
    cr_expect(level_of("nobody.yet").found);
    cr_expect_not(kaftan_log_enabled("nobody.yet.child", KAFTAN_LOG_WARN), "loggers to come are covered");
    cr_expect_geq(log_set_level("ROOT", LOG_WARN), 4u, "the root covers all");
    cr_expect_eq(level_of("base.test").level, LOG_WARN);
    cr_expect(kaftan_log_enabled("nobody.yet.child", KAFTAN_LOG_WARN));
    cr_expect_eq(log_set_level(NULL, LOG_OFF), log_set_level(NULL, LOG_OFF) + level_of("x").found + 5u);
    log_error(&logger, "off");
    cr_expect_eq(c.lines, 2u);
    end(&c);
}

Test(log, level_names)
{
    enum log_level l = LOG_OFF;
    cr_expect(log_level_parse("debug", &l) && l == LOG_DEBUG);
    cr_expect(log_level_parse("FATAL", &l) && l == LOG_ERROR);
    cr_expect(log_level_parse("All", &l) && l == LOG_TRACE);
    cr_expect(log_level_parse("off", &l) && l == LOG_OFF);
    cr_expect_not(log_level_parse("chatty", &l));
    cr_expect_str_eq(log_level_name(LOG_WARN), "WARN");
}

Test(log, repeats_are_counted)
{
    struct caught c;
    begin(&c, false);
    int64_t start = clock_mono_ms();
    int sent = 0;
    /* more than ten within one second, however slow the machine: until one is held back */
    for (; c.lines == (unsigned)sent; sent++)
        log_warn(&logger, "again", LOG_INT("n", sent));
    cr_expect_geq(sent, 11);
    log_warn(&other, "another sentence");
    cr_expect(strstr(buf_text(&c.all), "another sentence"), "others are heard");
    while (!strstr(buf_text(&c.all), "base.test: repeated times=1 sentence=again")) {
        log_context(clock_mono_ms() % 2 ? "a" : "b", 0);
        log_info(&other, "time goes by");
        cr_assert_lt(clock_mono_ms() - start, 30000);
    }
    end(&c);
}

Test(log, plugins)
{
    struct caught c;
    begin(&c, false);
    kaftan_log("plugin.mqtt.source", KAFTAN_LOG_WARN, "lost %d of %s", 3, "many");
    kaftan_log("plugin.mqtt.source", KAFTAN_LOG_DEBUG, "silent");
    cr_expect(text_ends(buf_text(&c.all), " WARN  plugin.mqtt.source: lost 3 of many\n"));
    cr_expect_eq(c.lines, 1u);
    cr_expect(level_of("plugin.mqtt.source").found);
    end(&c);
}
