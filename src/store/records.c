/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/records.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* ---- texts ---- */

char *record_text(struct kaftan_slice s)
{
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i])
            buf_putc(&b, s.ptr[i]);
        else
            buf_put(&b, "\xC0\x80", 2);
    }
    return buf_take(&b);
}

void record_put_text(struct buf *b, const char *text)
{
    const char *nul = text ? strstr(text, "\xC0\x80") : NULL;
    if (!nul) {
        json_put_str(b, text);
        return;
    }
    buf_putc(b, '"');
    for (;; nul = strstr(text, "\xC0\x80")) {
        size_t len = nul ? (size_t)(nul - text) : strlen(text);
        struct buf part = BUF_INIT;
        json_put_string(&part, text, len);
        buf_put(b, part.data + 1, part.len - 2); /* without its quotes */
        buf_fini(&part);
        if (!nul)
            break;
        buf_puts(b, "\\u0000");
        text = nul + 2;
    }
    buf_putc(b, '"');
}

/* ---- config keys ---- */

static const struct { const char *prefix; enum config_kind kind; bool exact; } config_keys[] = {
    { "target-state-", CONFIG_TARGET, false },       { "connector-", CONFIG_CONNECTOR, false },
    { "task-", CONFIG_TASK, false },                 { "commit-", CONFIG_COMMIT, false },
    { "restart-connector-", CONFIG_RESTART, false }, { "tasks-fencing-", CONFIG_FENCING, false },
    { "session-key", CONFIG_SESSION_KEY, true },     { "logger-cluster-", CONFIG_LOGGER, false },
};

/* Splits `<name>-<number>`: the number is what follows the last '-'. */
static bool split_number(struct kaftan_slice s, struct kaftan_slice *ret_name, int32_t *ret_number)
{
    int64_t n;
    size_t dash = s.len;
    while (dash > 0 && s.ptr[dash - 1] != '-')
        dash--;
    if (dash == 0 || !text_to_i64(s.ptr + dash, s.len - dash, &n) || n < 0 || n > INT32_MAX)
        return false;
    *ret_name = (struct kaftan_slice){ s.ptr, dash - 1 };
    *ret_number = (int32_t)n;
    return true;
}

void config_key_parse(struct kaftan_slice key, struct config_key *ret)
{
    *ret = (struct config_key){ .kind = CONFIG_OTHER, .task = -1 };
    if (!key.ptr || memchr(key.ptr, 0, key.len))
        return;
    for (size_t i = 0; i < COUNT_OF(config_keys); i++) {
        size_t len = strlen(config_keys[i].prefix);
        if (key.len < len || memcmp(key.ptr, config_keys[i].prefix, len) != 0 || (config_keys[i].exact && key.len != len))
            continue;
        ret->kind = config_keys[i].kind;
        ret->name = (struct kaftan_slice){ key.ptr + len, key.len - len };
        if (ret->kind == CONFIG_TASK && !split_number(ret->name, &ret->name, &ret->task))
            ret->kind = CONFIG_OTHER;
        return;
    }
}

char *config_key_text(enum config_kind kind, const char *name, int32_t task)
{
    for (size_t i = 0; i < COUNT_OF(config_keys); i++) {
        if (config_keys[i].kind != kind)
            continue;
        if (kind == CONFIG_TASK)
            return mem_printf("task-%s-%d", name, (int)task);
        return mem_printf("%s%s", config_keys[i].prefix, config_keys[i].exact ? "" : name);
    }
    ASSERT(false);
    return NULL;
}

/* ---- config values ---- */

void record_properties(struct buf *b, const struct text_map *properties)
{
    const char *key, *value;
    bool first = true;
    buf_puts(b, "{\"properties\":{");
    for (size_t i = 0; text_map_at(properties, &i, &key, &value); first = false) {
        if (!first)
            buf_putc(b, ',');
        record_put_text(b, key);
        buf_putc(b, ':');
        record_put_text(b, value);
    }
    buf_puts(b, "}}");
}

void record_commit(struct buf *b, int32_t tasks)
{
    buf_printf(b, "{\"tasks\":%d}", (int)tasks);
}

void record_task_count(struct buf *b, int32_t count)
{
    buf_printf(b, "{\"task-count\":%d}", (int)count);
}

void record_target(struct buf *b, enum target_state state)
{
    /* workers before 3.5 read `state` only and know no STOPPED */
    buf_printf(b, "{\"state\":\"%s\",\"state.v2\":\"%s\"}",
               target_state_name(state == TARGET_STOPPED ? TARGET_PAUSED : state), target_state_name(state));
}

void record_session_key(struct buf *b, const struct session_key *key)
{
    buf_puts(b, "{\"key\":\"");
    base64_put(b, key->key.ptr, key->key.len);
    buf_puts(b, "\",\"algorithm\":");
    record_put_text(b, key->algorithm);
    buf_printf(b, ",\"creation-timestamp\":%lld}", (long long)key->created_ms);
}

void record_restart(struct buf *b, const struct restart_asked *r)
{
    buf_printf(b, "{\"include-tasks\":%s,\"only-failed\":%s}", r->include_tasks ? "true" : "false",
               r->only_failed ? "true" : "false");
}

void record_logger(struct buf *b, const char *level)
{
    buf_puts(b, "{\"level\":");
    record_put_text(b, level);
    buf_putc(b, '}');
}

static void put_property(struct text_map *m, const struct json_member *member)
{
    struct buf b = BUF_INIT;
    char *name = record_text(member->name), *value = NULL;
    switch (member->value.type) {
    case JSON_NULL:
        break;
    case JSON_STRING:
    case JSON_NUMBER:
        value = record_text(member->value.text);
        break;
    default:
        json_put(&b, &member->value);
        value = buf_take(&b);
    }
    text_map_put(m, name, value);
    mem_free(name);
    mem_free(value);
}

struct text_map *record_read_properties(const struct json *value)
{
    const struct json *properties = json_get(value, "properties");
    if (!properties || properties->type != JSON_OBJECT)
        return NULL;
    struct text_map *m = text_map_new();
    for (size_t i = 0; i < properties->count; i++)
        put_property(m, &properties->members[i]);
    return m;
}

bool record_read_target(const struct json *value, enum target_state *ret)
{
    struct kaftan_slice text;
    const struct json *v2 = json_get(value, "state.v2"), *v1 = json_get(value, "state");
    if (!(v2 && json_text(v2, &text)) && !(v1 && json_text(v1, &text)))
        return false;
    for (enum target_state s = TARGET_STARTED; s <= TARGET_STOPPED; s++) {
        if (slice_eq_str(text, target_state_name(s))) {
            *ret = s;
            return true;
        }
    }
    return false;
}

bool record_read_count(const struct json *value, const char *field, int32_t *ret)
{
    int64_t n;
    const struct json *v = json_get(value, field);
    if (!v || !json_i64(v, &n) || n < 0 || n > INT32_MAX)
        return false;
    *ret = (int32_t)n;
    return true;
}

bool record_read_session_key(const struct json *value, struct buf *ret_key, char **ret_algorithm, int64_t *ret_created)
{
    struct kaftan_slice key, algorithm;
    const struct json *k = json_get(value, "key"), *a = json_get(value, "algorithm"),
                      *c = json_get(value, "creation-timestamp");
    if (!k || !a || !c || !json_text(k, &key) || !json_text(a, &algorithm) || !json_i64(c, ret_created))
        return false;
    if (!base64_decode(key.ptr, key.len, ret_key))
        return false;
    *ret_algorithm = record_text(algorithm);
    return true;
}

bool record_read_flag(const struct json *value, const char *field)
{
    const struct json *v = json_get(value, field);
    return v && v->type == JSON_TRUE;
}

/* ---- status topic ---- */

static bool cut_prefix(struct kaftan_slice *s, const char *prefix)
{
    size_t len = strlen(prefix);
    if (s->len < len || memcmp(s->ptr, prefix, len) != 0)
        return false;
    s->ptr += len;
    s->len -= len;
    return true;
}

void status_key_parse(struct kaftan_slice key, struct status_key *ret)
{
    *ret = (struct status_key){ .kind = STATUS_OTHER, .task = -1 };
    if (!key.ptr || memchr(key.ptr, 0, key.len))
        return;
    if (cut_prefix(&key, "status-connector-")) {
        ret->kind = STATUS_CONNECTOR;
        ret->connector = key;
    } else if (cut_prefix(&key, "status-task-")) {
        if (split_number(key, &ret->connector, &ret->task))
            ret->kind = STATUS_TASK;
    } else if (cut_prefix(&key, "status-topic-")) {
        const char *colon = memchr(key.ptr, ':', key.len);
        if (!colon)
            return;
        ret->topic = (struct kaftan_slice){ key.ptr, (size_t)(colon - key.ptr) };
        ret->connector = (struct kaftan_slice){ colon + 1, key.len - ret->topic.len - 1 };
        if (cut_prefix(&ret->connector, "connector-"))
            ret->kind = STATUS_TOPIC;
    }
    if (!ret->connector.len)
        ret->kind = STATUS_OTHER;
}

char *status_key_text(const char *connector, int32_t task)
{
    return task < 0 ? mem_printf("status-connector-%s", connector)
                    : mem_printf("status-task-%s-%d", connector, (int)task);
}

char *topic_key_text(const char *connector, const char *topic)
{
    return mem_printf("status-topic-%s:connector-%s", topic, connector);
}

void record_status(struct buf *b, const struct work_status *s)
{
    buf_printf(b, "{\"state\":\"%s\",\"trace\":", work_state_name(s->state));
    record_put_text(b, s->trace);
    buf_puts(b, ",\"worker_id\":");
    record_put_text(b, s->worker_id);
    buf_printf(b, ",\"generation\":%d,\"version\":", (int)s->generation);
    record_put_text(b, s->version);
    buf_putc(b, '}');
}

void record_topic(struct buf *b, const char *connector, int32_t task, const char *topic, int64_t found_ms)
{
    buf_puts(b, "{\"topic\":{\"name\":");
    record_put_text(b, topic);
    buf_puts(b, ",\"connector\":");
    record_put_text(b, connector);
    buf_printf(b, ",\"task\":%d,\"discoverTimestamp\":%lld}}", (int)task, (long long)found_ms);
}

static char *read_text(const struct json *value, const char *field)
{
    struct kaftan_slice text;
    const struct json *v = json_get(value, field);
    return v && json_text(v, &text) ? record_text(text) : NULL;
}

bool record_read_status(const struct json *value, struct work_status *ret)
{
    int64_t generation;
    struct kaftan_slice text;
    const struct json *state = json_get(value, "state"), *g = json_get(value, "generation");
    if (!state || !json_text(state, &text) || !g || !json_i64(g, &generation) || generation < INT32_MIN ||
        generation > INT32_MAX)
        return false;
    char *worker = read_text(value, "worker_id");
    enum work_state s = STATE_UNASSIGNED;
    while (s <= STATE_DESTROYED && !slice_eq_str(text, work_state_name(s)))
        s++;
    if (s > STATE_DESTROYED || !worker) {
        mem_free(worker);
        return false;
    }
    *ret = (struct work_status){ .state = s, .trace = read_text(value, "trace"), .worker_id = worker,
                                 .version = read_text(value, "version"), .generation = (int32_t)generation };
    return true;
}
