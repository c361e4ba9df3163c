/* SPDX-License-Identifier: Apache-2.0 */
/* Records of the internal topics: read with our readers and written again, they are the same bytes. */
#include "config.h"

#include "vectors/storage.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/offset_table.h"
#include "store/records.h"

const struct golden_section storage_store_sections[] = {
    { "golden_records", storage_run_records, NULL },
    { "sequence", storage_run_sequence, NULL },
    { "config_reader", storage_run_reader, NULL },
    { NULL, NULL, NULL },
};

static void same_key(struct golden *g, struct kaftan_slice key, char *made)
{
    golden_expect(g, slice_eq_str(key, made), "the key is made as %s", made);
    mem_free(made);
}

static bool parse(struct golden *g, struct kaftan_slice value, const struct json **ret)
{
    struct kaftan_error *err = json_parse(g->arena, value.ptr, value.len, 0, ret);
    bool ok = golden_expect(g, !err, "the value is no JSON: %s", err ? kaftan_error_message(err) : "");
    kaftan_error_free(err);
    return ok;
}

static void write_session_key(struct golden *g, const struct json *v, struct buf *ret)
{
    struct buf raw = BUF_INIT;
    char *algorithm = NULL;
    struct session_key session = { 0 };
    if (golden_expect(g, record_read_session_key(v, &raw, &algorithm, &session.created_ms), "no session key")) {
        session.key = buf_slice(&raw);
        session.algorithm = algorithm;
        record_session_key(ret, &session);
    }
    buf_fini(&raw);
    mem_free(algorithm);
}

static void write_config(struct golden *g, enum config_kind kind, const struct json *v, struct buf *ret)
{
    int32_t count = 0;
    enum target_state state = TARGET_STARTED;
    switch (kind) {
    case CONFIG_CONNECTOR:
    case CONFIG_TASK: {
        struct text_map *m = record_read_properties(v);
        if (golden_expect(g, m != NULL, "no properties"))
            record_properties(ret, m);
        text_map_unref(m);
        break;
    }
    case CONFIG_COMMIT:
        if (golden_expect(g, record_read_count(v, "tasks", &count), "no number of tasks"))
            record_commit(ret, count);
        break;
    case CONFIG_FENCING:
        if (golden_expect(g, record_read_count(v, "task-count", &count), "no task count"))
            record_task_count(ret, count);
        break;
    case CONFIG_TARGET:
        if (golden_expect(g, record_read_target(v, &state), "no target state"))
            record_target(ret, state);
        break;
    case CONFIG_SESSION_KEY:
        write_session_key(g, v, ret);
        break;
    case CONFIG_RESTART: {
        struct restart_asked r = { "x", record_read_flag(v, "only-failed"), record_read_flag(v, "include-tasks") };
        record_restart(ret, &r);
        break;
    }
    case CONFIG_LOGGER:
        record_logger(ret, golden_text(g, v, "level"));
        break;
    case CONFIG_OTHER:
        break;
    }
}

static void config_record(struct golden *g, struct kaftan_slice key, struct kaftan_slice value, struct buf *ret)
{
    struct config_key k;
    const struct json *v = NULL;
    config_key_parse(key, &k);
    if (!golden_expect(g, k.kind != CONFIG_OTHER, "nobody knows the key"))
        return;
    char *name = mem_strndup(k.name.ptr, k.name.len);
    same_key(g, key, config_key_text(k.kind, name, k.task));
    mem_free(name);
    if (value.ptr && parse(g, value, &v))
        write_config(g, k.kind, v, ret);
}

static void write_topic(struct golden *g, const struct json *v, struct buf *ret)
{
    const struct json *topic = golden_member(g, v, "topic");
    record_topic(ret, golden_text(g, topic, "connector"), (int32_t)golden_int(g, topic, "task"), golden_text(g, topic, "name"),
                 golden_int(g, topic, "discoverTimestamp"));
}

static void status_record(struct golden *g, struct kaftan_slice key, struct kaftan_slice value, struct buf *ret)
{
    struct status_key k;
    const struct json *v = NULL;
    status_key_parse(key, &k);
    if (!golden_expect(g, k.kind != STATUS_OTHER, "nobody knows the key"))
        return;
    char *connector = mem_strndup(k.connector.ptr, k.connector.len);
    if (k.kind == STATUS_TOPIC) {
        char *topic = mem_strndup(k.topic.ptr, k.topic.len);
        same_key(g, key, topic_key_text(connector, topic));
        mem_free(topic);
    } else {
        same_key(g, key, status_key_text(connector, k.task));
    }
    mem_free(connector);
    if (!value.ptr || !parse(g, value, &v))
        return;
    if (k.kind == STATUS_TOPIC) {
        write_topic(g, v, ret);
        return;
    }
    struct work_status s = { 0 };
    if (golden_expect(g, record_read_status(v, &s), "no status"))
        record_status(ret, &s);
    work_status_fini(&s);
}

static void offset_record(struct golden *g, struct kaftan_slice key, struct kaftan_slice value, struct buf *ret)
{
    struct offset_key k;
    struct buf made = BUF_INIT;
    char *logical = NULL;
    if (!golden_expect(g, offset_key_parse(key, &k), "no key of an offset"))
        return;
    struct kaftan_error *err = offset_key_make(k.connector, k.partition, strlen(k.partition), &made, &logical);
    if (golden_expect(g, !err, "%s", err ? kaftan_error_message(err) : "")) {
        golden_expect(g, slice_eq(key, buf_slice(&made)), "the key is made as %s", buf_text(&made));
        golden_same_text(g, "the partition", logical, k.logical);
    }
    kaftan_error_free(err);
    offset_key_fini(&k);
    mem_free(logical);
    buf_fini(&made);
    if (!value.ptr)
        return;
    err = offset_value_make(value.ptr, value.len, ret);
    golden_expect(g, !err, "%s", err ? kaftan_error_message(err) : "");
    kaftan_error_free(err);
}

/* The key says which topic it is of. */
static void check_record(struct golden *g, const struct json *r)
{
    struct buf made = BUF_INIT;
    struct kaftan_slice key = { "", 0 }, value = { NULL, 0 };
    (void)json_text(golden_member(g, r, "key"), &key);
    (void)json_text(golden_member(g, r, "value"), &value);
    if (key.len > 0 && key.ptr[0] == '[')
        offset_record(g, key, value, &made);
    else if (key.len > 7 && memcmp(key.ptr, "status-", 7) == 0)
        status_record(g, key, value, &made);
    else
        config_record(g, key, value, &made);
    golden_expect(g, !value.ptr || slice_eq(value, buf_slice(&made)), "the value is\n    %.*s, made as\n    %s", (int)value.len,
                  value.ptr ? value.ptr : "", buf_text(&made));
    buf_fini(&made);
}

static void same_base64(struct golden *g, const struct json *v, const char *name, const char *encoded)
{
    struct buf raw = BUF_INIT;
    struct kaftan_slice want, text = { "", 0 };
    if (!json_text(json_get(v, encoded), &want))
        return;
    (void)json_text(json_get(v, name), &text);
    golden_expect(g, base64_decode(want.ptr, want.len, &raw) && slice_eq(buf_slice(&raw), text), "%s is not its %s", name, encoded);
    buf_fini(&raw);
}

void storage_run_records(struct golden *g, const struct json *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct json *r = &list->items[i];
        if (!golden_begin(g, "%s, %s", golden_text(g, r, "kind"), golden_text(g, r, "key")))
            continue;
        check_record(g, r);
        same_base64(g, r, "key", "key_base64");
        same_base64(g, r, "value", "value_base64");
        golden_end(g);
    }
}

/* Every record that Java's workers wrote in a long day. */
void storage_run_sequence(struct golden *g, const struct json *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct json *step = &list->items[i], *records = json_get(step, "records");
        const char *group = golden_text(g, step, "group"), *action = golden_text(g, step, "action");
        for (size_t k = 0; records && k < records->count; k++) {
            if (!golden_begin(g, "%s, \"%s\", record %zu, %s", group, action, k + 1, golden_text(g, &records->items[k], "key")))
                continue;
            check_record(g, &records->items[k]);
            golden_end(g);
        }
    }
}
