/* SPDX-License-Identifier: Apache-2.0 */
/* The reader of the config topic, fed record by record: state and news after each as in Java. */
#include "config.h"

#include "vectors/storage.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/config_state.h"

/* What the listener heard, in the words of Java's callbacks. */

static void on_config(void *self, const char *connector, bool removed)
{
    buf_printf(self, "onConnectorConfig%s(%s)", removed ? "Remove" : "Update", connector);
}

static void on_tasks(void *self, const char *connector)
{
    (void)connector;
    buf_puts(self, "onTaskConfigUpdate");
}

static void on_target(void *self, const char *connector)
{
    buf_printf(self, "onConnectorTargetStateChange(%s)", connector);
}

static void on_key(void *self, const struct session_key *key)
{
    (void)key;
    buf_puts(self, "onSessionKeyUpdate(key)");
}

static void on_restart(void *self, const struct restart_asked *r)
{
    buf_printf(self, "onRestartRequest(%s onlyFailed=%s includeTasks=%s)", r->connector, r->only_failed ? "true" : "false",
               r->include_tasks ? "true" : "false");
}

static void on_level(void *self, const char *logger, const char *level)
{
    buf_printf(self, "onLoggingLevelUpdate(%s, %s)", logger, level);
}

static int64_t number(const struct json *c, const char *field, int64_t none)
{
    int64_t n = none;
    const struct json *v = json_get(c, field);
    return v && v->type == JSON_NUMBER && json_i64(v, &n) ? n : none;
}

static void same_config(struct golden *g, const struct text_map *got, const struct json *want)
{
    if (want->type == JSON_NULL || !golden_expect(g, got != NULL, "no config")) {
        golden_expect(g, want->type != JSON_NULL || !got, "a config that was not wanted");
        return;
    }
    golden_same_int(g, "number of keys", (int64_t)text_map_count(got), (int64_t)want->count);
    for (size_t i = 0; i < want->count; i++) {
        const struct json *v = &want->members[i].value;
        const char *key = arena_strndup(g->arena, want->members[i].name.ptr, want->members[i].name.len);
        const char *text = text_map_get(got, key);
        golden_expect(g, text_map_has(got, key), "no key %s", key);
        if (v->type == JSON_NULL)
            golden_expect(g, text == NULL, "%s is %s, wanted null", key, text);
        else if (v->type == JSON_TRUE || v->type == JSON_FALSE)
            golden_same_text(g, key, text, v->type == JSON_TRUE ? "true" : "false");
        else
            golden_same_slice(g, key, slice_of(text ? text : ""), arena_strndup(g->arena, v->text.ptr, v->text.len));
    }
}

static void same_stored(struct golden *g, const struct snapshot_connector *c, const struct json *stored)
{
    size_t count = 0;
    for (int32_t i = 0; i < c->task_slots; i++)
        count += c->tasks[i] != NULL;
    golden_same_int(g, "number of stored task configs", (int64_t)count, (int64_t)stored->count);
    for (size_t i = 0; i < stored->count; i++) {
        int64_t id = -1;
        golden_expect(g, text_to_i64(stored->items[i].text.ptr, stored->items[i].text.len, &id) && id >= 0 && id < c->task_slots &&
                             c->tasks[id], "task config %lld is not stored", (long long)id);
    }
}

static void same_connector(struct golden *g, const struct snapshot *s, const char *name, const struct json *want)
{
    const struct snapshot_connector *c = NULL;
    const struct json *tasks = json_get(want, "tasks");
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->connectors[i].name, name) == 0)
            c = &s->connectors[i];
    if (!golden_expect(g, c != NULL, "no connector %s", name))
        return;
    same_config(g, c->config, golden_member(g, want, "config"));
    golden_same_int(g, "whether it is found", snapshot_find(s, name) != NULL, c->config != NULL);
    if (*golden_text(g, want, "target_state"))
        golden_same_text(g, "target_state", target_state_name(c->target), golden_text(g, want, "target_state"));
    golden_same_int(g, "task_count", c->task_count < 0 ? 0 : c->task_count, number(want, "task_count", 0));
    if (tasks && tasks->type == JSON_ARRAY)
        golden_same_int(g, "number of tasks", snapshot_task_count(c), (int64_t)tasks->count);
    golden_same_int(g, "inconsistent", c->inconsistent, golden_flag(want, "inconsistent"));
    golden_same_int(g, "pending_fencing", c->pending_fencing, golden_flag(want, "pending_fencing"));
    golden_same_int(g, "task_count_record", c->task_count_record, number(want, "task_count_record", -1));
    golden_same_int(g, "task_config_generation", c->task_generation, number(want, "task_config_generation", -1));
    same_stored(g, c, golden_member(g, want, "stored_task_configs"));
}

static void same_connectors(struct golden *g, const struct snapshot *s, const struct json *want)
{
    size_t have = 0, wanted = 0;
    for (size_t k = 0; k < want->count; k++) {
        const struct json *config = json_get(&want->members[k].value, "config");
        same_connector(g, s, arena_strndup(g->arena, want->members[k].name.ptr, want->members[k].name.len), &want->members[k].value);
        wanted += config && config->type != JSON_NULL;
    }
    for (size_t k = 0; k < s->count; k++)
        have += s->connectors[k].config != NULL;
    golden_same_int(g, "number of connectors", (int64_t)have, (int64_t)wanted);
}

static void same_news(struct golden *g, const struct buf *heard, const struct json *want)
{
    static const char tasks[] = "onTaskConfigUpdate"; /* which ones: ours are told the connector alone */
    struct buf text = BUF_INIT, got = BUF_INIT;
    buf_put(&got, heard->data ? heard->data : "", heard->len);
    for (size_t i = 0; i < want->count; i++) {
        struct kaftan_slice t = want->items[i].text;
        bool of_tasks = t.len > sizeof tasks - 1 && memcmp(t.ptr, tasks, sizeof tasks - 1) == 0;
        buf_put(&text, t.ptr ? t.ptr : "", of_tasks ? sizeof tasks - 1 : t.len);
    }
    golden_same_text(g, "what was heard", buf_text(&got), buf_text(&text));
    buf_fini(&text);
    buf_fini(&got);
}

/* Java accepts a negative number of tasks and breaks on it later; here such a record is ignored, and what follows differs. */
static bool broken_in_java(struct kaftan_slice key, struct kaftan_slice value)
{
    return key.len > 7 && memcmp(key.ptr, "commit-", 7) == 0 && value.ptr && memmem(value.ptr, value.len, ":-", 2);
}

static void check_scenario(struct golden *g, const struct json *records)
{
    struct config_state *c = config_state_new();
    bool started = false, broken = false;
    for (size_t i = 0; i < records->count && !g->bad; i++) {
        const struct json *r = &records->items[i];
        struct buf heard = BUF_INIT;
        const struct store_listener listener = { &heard, on_config, on_tasks, on_target, on_key, on_restart, on_level };
        struct kaftan_slice key = { NULL, 0 }, value = { NULL, 0 };
        (void)json_text(json_get(r, "key"), &key);
        (void)json_text(json_get(r, "value"), &value);
        if (golden_flag(r, "started") && !started) {
            config_state_started(c);
            started = true;
        }
        config_state_apply(c, key, value, (int64_t)i);
        const struct snapshot *s = config_state_snapshot(c);
        config_state_tell(c, &listener, s);
        broken = broken || broken_in_java(key, value);
        golden_same_int(g, "config_offset", s->offset, number(r, "config_offset", -2));
        golden_same_int(g, "session_key_known", s->session_key != NULL, golden_flag(r, "session_key_known"));
        if (!broken) {
            same_news(g, &heard, golden_member(g, r, "callbacks"));
            same_connectors(g, s, golden_member(g, r, "connectors"));
        }
        golden_expect(g, !g->bad, "this was record %zu (%.*s)", i, (int)key.len, key.ptr ? key.ptr : "");
        snapshot_unref(s);
        buf_fini(&heard);
    }
    config_state_free(c);
}

void storage_run_reader(struct golden *g, const struct json *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!golden_begin(g, "%s", golden_text(g, &list->items[i], "name")))
            continue;
        check_scenario(g, golden_member(g, &list->items[i], "records"));
        golden_end(g);
    }
}
