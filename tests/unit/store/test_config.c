/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/config_state.h"
#include "vectors.h"

/* What the listener heard, in the words of Java's callbacks. */
static struct buf heard;

static void on_config(void *self, const char *connector, bool removed)
{
    (void)self;
    buf_printf(&heard, "onConnectorConfig%s(%s)", removed ? "Remove" : "Update", connector);
}

static void on_tasks(void *self, const char *connector)
{
    (void)self, (void)connector;
    buf_puts(&heard, "onTaskConfigUpdate");
}

static void on_target(void *self, const char *connector)
{
    (void)self;
    buf_printf(&heard, "onConnectorTargetStateChange(%s)", connector);
}

static void on_key(void *self, const struct session_key *key)
{
    (void)self, (void)key;
    buf_puts(&heard, "onSessionKeyUpdate(key)");
}

static void on_restart(void *self, const struct restart_asked *r)
{
    (void)self;
    buf_printf(&heard, "onRestartRequest(%s onlyFailed=%s includeTasks=%s)", r->connector, r->only_failed ? "true" : "false",
               r->include_tasks ? "true" : "false");
}

static void on_level(void *self, const char *logger, const char *level)
{
    (void)self;
    buf_printf(&heard, "onLoggingLevelUpdate(%s, %s)", logger, level);
}

static const struct store_listener listener = { NULL, on_config, on_tasks, on_target, on_key, on_restart, on_level };

static int64_t number(const struct json *c, const char *field, int64_t none)
{
    int64_t n = none;
    const struct json *v = json_get(c, field);
    if (v && v->type == JSON_NUMBER)
        cr_assert(json_i64(v, &n));
    return n;
}

static bool flag(const struct json *c, const char *field)
{
    return json_get(c, field)->type == JSON_TRUE;
}

static void expect_config(const char *where, const struct text_map *got, const struct json *want)
{
    if (want->type == JSON_NULL) {
        cr_expect_null(got, "%s", where);
        return;
    }
    cr_assert_not_null(got, "%s", where);
    cr_expect_eq(text_map_count(got), want->count, "%s", where);
    for (size_t i = 0; i < want->count; i++) {
        const struct json *v = &want->members[i].value;
        char *key = mem_strndup(want->members[i].name.ptr, want->members[i].name.len);
        const char *text = text_map_get(got, key);
        cr_expect(text_map_has(got, key), "%s: %s", where, key);
        if (v->type == JSON_STRING || v->type == JSON_NUMBER)
            cr_expect(slice_eq_str(v->text, text ? text : ""), "%s: %s", where, key);
        else if (v->type == JSON_NULL)
            cr_expect_null(text);
        else
            cr_expect_str_eq(text, v->type == JSON_TRUE ? "true" : "false");
        mem_free(key);
    }
}

static void expect_connector(const char *where, const struct snapshot *s, const char *name, const struct json *want)
{
    struct kaftan_slice target;
    const struct snapshot_connector *c = NULL;
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->connectors[i].name, name) == 0)
            c = &s->connectors[i];
    cr_assert_not_null(c, "%s: %s", where, name);
    expect_config(where, c->config, json_get(want, "config"));
    cr_expect_eq(snapshot_find(s, name) != NULL, c->config != NULL);
    if (json_text(json_get(want, "target_state"), &target))
        cr_expect(slice_eq_str(target, target_state_name(c->target)), "%s: %s", where, name);
    cr_expect_eq(c->task_count < 0 ? 0 : c->task_count, number(want, "task_count", 0), "%s: count %d", where, c->task_count);
    if (json_get(want, "tasks")->type == JSON_ARRAY)
        cr_expect_eq((size_t)snapshot_task_count(c), json_get(want, "tasks")->count, "%s: %d tasks", where, snapshot_task_count(c));
    cr_expect_eq(c->inconsistent, flag(want, "inconsistent"), "%s", where);
    cr_expect_eq(c->pending_fencing, flag(want, "pending_fencing"), "%s: %s pending", where, name);
    cr_expect_eq(c->task_count_record, number(want, "task_count_record", -1), "%s", where);
    cr_expect_eq(c->task_generation, number(want, "task_config_generation", -1), "%s: generation %d", where,
                 (int)c->task_generation);
    const struct json *stored = json_get(want, "stored_task_configs");
    size_t count = 0;
    for (int32_t i = 0; i < c->task_slots; i++)
        count += c->tasks[i] != NULL;
    cr_expect_eq(count, stored->count, "%s: %zu stored", where, count);
    for (size_t i = 0; i < stored->count; i++) {
        int64_t id;
        cr_assert(text_to_i64(stored->items[i].text.ptr, stored->items[i].text.len, &id));
        cr_expect(id < c->task_slots && c->tasks[id]);
    }
}

static void expect_heard(const char *where, const struct json *want)
{
    struct buf text = BUF_INIT;
    for (size_t i = 0; i < want->count; i++) {
        struct kaftan_slice t;
        cr_assert(json_text(&want->items[i], &t));
        bool tasks = t.len > 18 && memcmp(t.ptr, "onTaskConfigUpdate", 18) == 0;
        buf_put(&text, t.ptr, tasks ? 18 : t.len);
    }
    cr_expect_str_eq(buf_text(&heard), buf_text(&text), "%s: heard %s, wanted %s", where, buf_text(&heard), buf_text(&text));
    buf_clear(&heard);
    buf_fini(&text);
}

static void run_scenario(const struct json *scenario)
{
    struct kaftan_slice title;
    const struct json *records = json_get(scenario, "records");
    struct config_state *c = config_state_new();
    bool started = false;
    cr_assert(json_text(json_get(scenario, "name"), &title));
    for (size_t i = 0; i < records->count; i++) {
        const struct json *r = &records->items[i], *connectors = json_get(r, "connectors");
        char where[200];
        struct kaftan_slice key = { NULL, 0 }, value = { NULL, 0 };
        (void)json_text(json_get(r, "key"), &key);
        (void)json_text(json_get(r, "value"), &value);
        (void)snprintf(where, sizeof where, "%.*s, record %zu (%.*s)", (int)title.len, title.ptr, i, (int)key.len,
                       key.ptr ? key.ptr : "");
        if (flag(r, "started") && !started) {
            config_state_started(c);
            started = true;
        }
        config_state_apply(c, key, value, (int64_t)i);
        const struct snapshot *s = config_state_snapshot(c);
        config_state_tell(c, &listener, s);
        cr_expect_eq(s->offset, number(r, "config_offset", -2), "%s: offset %d", where, (int)s->offset);
        cr_expect_eq(s->session_key != NULL, flag(r, "session_key_known"), "%s", where);
        /* Java accepts a negative number of tasks and breaks on it later; here the record is ignored. */
        bool negative = slice_eq_str(value, "{\"tasks\":-1}");
        if (negative || (i > 0 && slice_eq_str(title, "commit values") && i > 6)) {
            buf_clear(&heard);
            snapshot_unref(s);
            continue;
        }
        expect_heard(where, json_get(r, "callbacks"));
        for (size_t k = 0; k < connectors->count; k++) {
            char *name = mem_strndup(connectors->members[k].name.ptr, connectors->members[k].name.len);
            expect_connector(where, s, name, &connectors->members[k].value);
            mem_free(name);
        }
        size_t with_config = 0, want_config = 0;
        for (size_t k = 0; k < s->count; k++)
            with_config += s->connectors[k].config != NULL;
        for (size_t k = 0; k < connectors->count; k++)
            want_config += json_get(&connectors->members[k].value, "config")->type != JSON_NULL;
        cr_expect_eq(with_config, want_config, "%s", where);
        snapshot_unref(s);
    }
    config_state_free(c);
}

Test(config_state, as_javas_reader)
{
    struct kaftan_arena *a = arena_new(1 << 20);
    const struct json *scenarios = json_get(vectors_load(a, "storage-vectors.json"), "config_reader");
    cr_assert_eq(scenarios->count, 17);
    for (size_t i = 0; i < scenarios->count; i++)
        run_scenario(&scenarios->items[i]);
    buf_fini(&heard);
    arena_free(a);
}

static void apply(struct config_state *c, const char *key, const char *value, int64_t offset)
{
    config_state_apply(c, slice_of(key), slice_of(value), offset);
}

Test(config_state, applied_is_the_config_of_the_last_commit)
{
    struct config_state *c = config_state_new();
    apply(c, "connector-a", "{\"properties\":{\"x\":\"1\"}}", 0);
    apply(c, "task-a-0", "{\"properties\":{\"t\":\"1\"}}", 1);
    apply(c, "commit-a", "{\"tasks\":1}", 2);
    apply(c, "connector-a", "{\"properties\":{\"x\":\"2\"}}", 3);
    const struct snapshot *old = config_state_snapshot(c), *same = config_state_snapshot(c);
    cr_expect_eq(old, same, "nothing has changed");
    const struct snapshot_connector *a = snapshot_find(old, "a");
    cr_expect_str_eq(text_map_get(a->config, "x"), "2");
    cr_expect_str_eq(text_map_get(a->applied, "x"), "1");
    apply(c, "connector-a", NULL, 4);
    const struct snapshot *gone = config_state_snapshot(c);
    cr_expect_null(snapshot_find(gone, "a"));
    cr_expect_str_eq(text_map_get(a->config, "x"), "2", "a snapshot never changes");
    snapshot_unref(old);
    snapshot_unref(same);
    snapshot_unref(gone);
    config_state_free(c);
}

Test(config_state, hostile_numbers)
{
    struct config_state *c = config_state_new();
    apply(c, "connector-a", "{\"properties\":{}}", 0);
    apply(c, "task-a-2147483647", "{\"properties\":{}}", 1);
    apply(c, "task-a-99999999999", "{\"properties\":{}}", 2);
    apply(c, "commit-a", "{\"tasks\":2147483647}", 3);
    apply(c, "commit-a", "{\"tasks\":99999999999}", 4);
    const struct snapshot *s = config_state_snapshot(c);
    cr_expect_eq(s->offset, 5);
    const struct snapshot_connector *a = snapshot_find(s, "a");
    cr_expect(a->inconsistent);
    cr_expect_eq(snapshot_task_count(a), 0);
    snapshot_unref(s);
    config_state_free(c);
}
