/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/offset_table.h"
#include "store/records.h"
#include "vectors.h"

static void expect_key(struct kaftan_slice key, char *made)
{
    cr_expect(slice_eq_str(key, made), "%.*s was made as %s", (int)key.len, key.ptr, made);
    mem_free(made);
}

static void write_config(struct kaftan_arena *a, struct kaftan_slice key, struct kaftan_slice value, struct buf *ret)
{
    struct config_key k;
    const struct json *v = NULL;
    config_key_parse(key, &k);
    cr_assert_neq(k.kind, CONFIG_OTHER, "%.*s", (int)key.len, key.ptr);
    char *name = mem_strndup(k.name.ptr, k.name.len);
    expect_key(key, config_key_text(k.kind, name, k.task));
    mem_free(name);
    if (!value.ptr)
        return;
    cr_assert_null(json_parse(a, value.ptr, value.len, 0, &v));
    int32_t count = 0;
    switch (k.kind) {
    case CONFIG_CONNECTOR:
    case CONFIG_TASK: {
        struct text_map *m = record_read_properties(v);
        cr_assert_not_null(m);
        record_properties(ret, m);
        text_map_unref(m);
        break;
    }
    case CONFIG_COMMIT:
        cr_assert(record_read_count(v, "tasks", &count));
        record_commit(ret, count);
        break;
    case CONFIG_FENCING:
        cr_assert(record_read_count(v, "task-count", &count));
        record_task_count(ret, count);
        break;
    case CONFIG_TARGET: {
        enum target_state state = TARGET_STARTED;
        cr_assert(record_read_target(v, &state));
        record_target(ret, state);
        break;
    }
    case CONFIG_SESSION_KEY: {
        struct buf raw = BUF_INIT;
        char *algorithm = NULL;
        struct session_key session = { 0 };
        cr_assert(record_read_session_key(v, &raw, &algorithm, &session.created_ms));
        session.key = buf_slice(&raw);
        session.algorithm = algorithm;
        record_session_key(ret, &session);
        buf_fini(&raw);
        mem_free(algorithm);
        break;
    }
    case CONFIG_RESTART: {
        struct restart_asked r = { "x", record_read_flag(v, "only-failed"), record_read_flag(v, "include-tasks") };
        record_restart(ret, &r);
        break;
    }
    case CONFIG_LOGGER: {
        struct kaftan_slice level;
        cr_assert(json_text(json_get(v, "level"), &level));
        char *text = mem_strndup(level.ptr, level.len);
        record_logger(ret, text);
        mem_free(text);
        break;
    }
    case CONFIG_OTHER:
        break;
    }
}

static void write_topic(const struct json *v, struct buf *ret)
{
    const struct json *topic = json_get(v, "topic");
    struct kaftan_slice name, connector;
    int64_t task, found;
    cr_assert(json_text(json_get(topic, "name"), &name) && json_text(json_get(topic, "connector"), &connector));
    cr_assert(json_i64(json_get(topic, "task"), &task) && json_i64(json_get(topic, "discoverTimestamp"), &found));
    char *n = record_text(name), *c = record_text(connector);
    record_topic(ret, c, (int32_t)task, n, found);
    mem_free(n);
    mem_free(c);
}

static void write_status(struct kaftan_arena *a, struct kaftan_slice key, struct kaftan_slice value, struct buf *ret)
{
    struct status_key k;
    const struct json *v = NULL;
    status_key_parse(key, &k);
    cr_assert_neq(k.kind, STATUS_OTHER, "%.*s", (int)key.len, key.ptr);
    char *connector = mem_strndup(k.connector.ptr, k.connector.len);
    if (k.kind == STATUS_TOPIC) {
        char *topic = mem_strndup(k.topic.ptr, k.topic.len);
        expect_key(key, topic_key_text(connector, topic));
        mem_free(topic);
    } else {
        expect_key(key, status_key_text(connector, k.task));
    }
    mem_free(connector);
    if (!value.ptr)
        return;
    cr_assert_null(json_parse(a, value.ptr, value.len, 0, &v));
    if (k.kind == STATUS_TOPIC) {
        write_topic(v, ret);
        return;
    }
    struct work_status s;
    cr_assert(record_read_status(v, &s), "%.*s", (int)value.len, value.ptr);
    record_status(ret, &s);
    work_status_fini(&s);
}

static void write_offset(struct kaftan_slice key, struct kaftan_slice value, struct buf *ret)
{
    struct offset_key k;
    struct buf made = BUF_INIT;
    char *logical = NULL;
    cr_assert(offset_key_parse(key, &k), "%.*s", (int)key.len, key.ptr);
    cr_assert_null(offset_key_make(k.connector, k.partition, strlen(k.partition), &made, &logical));
    cr_expect(slice_eq(key, buf_slice(&made)), "%.*s was made as %s", (int)key.len, key.ptr, buf_text(&made));
    cr_expect_str_eq(logical, k.logical);
    offset_key_fini(&k);
    mem_free(logical);
    buf_fini(&made);
    if (value.ptr)
        cr_assert_null(offset_value_make(value.ptr, value.len, ret));
}

static void expect_same(const char *kind, struct kaftan_slice key, const struct json *value)
{
    struct buf made = BUF_INIT;
    struct kaftan_slice bytes = { NULL, 0 };
    struct kaftan_arena *a = arena_new(4096);
    (void)json_text(value, &bytes);
    if (strcmp(kind, "offsets") == 0 || strcmp(kind, "own") == 0)
        write_offset(key, bytes, &made);
    else if (strcmp(kind, "status") == 0)
        write_status(a, key, bytes, &made);
    else
        write_config(a, key, bytes, &made);
    cr_expect_eq(made.len, bytes.len, "%.*s", (int)key.len, key.ptr);
    cr_expect(!bytes.ptr || slice_eq(bytes, buf_slice(&made)), "%.*s\n%.*s\n%s", (int)key.len, key.ptr, (int)bytes.len,
              bytes.ptr, buf_text(&made));
    buf_fini(&made);
    arena_free(a);
}

Test(records, golden)
{
    struct kaftan_arena *a = arena_new(1 << 20);
    const struct json *cases = json_get(vectors_load(a, "storage-vectors.json"), "golden_records");
    cr_assert_gt(cases->count, 50);
    for (size_t i = 0; i < cases->count; i++) {
        struct kaftan_slice kind, key;
        cr_assert(json_text(json_get(&cases->items[i], "kind"), &kind) && json_text(json_get(&cases->items[i], "key"), &key));
        bool offset = slice_eq_str(kind, "source offset");
        bool status = key.len > 7 && memcmp(key.ptr, "status-", 7) == 0;
        expect_same(offset ? "offsets" : status ? "status" : "configs", key, json_get(&cases->items[i], "value"));
    }
    arena_free(a);
}

/* Every different record that Java's workers wrote in a long day. */
Test(records, captured)
{
    struct kaftan_arena *a = arena_new(1 << 20);
    const struct json *cases = json_get(vectors_load(a, "storage-vectors.json"), "records");
    cr_assert_gt(cases->count, 500);
    for (size_t i = 0; i < cases->count; i++) {
        const struct json *c = &cases->items[i];
        struct kaftan_slice topic, key;
        char name[16] = "";
        cr_assert(json_text(&c->items[0], &topic) && json_text(&c->items[1], &key) && topic.len < sizeof name);
        memcpy(name, topic.ptr, topic.len);
        expect_same(name, key, &c->items[2]);
    }
    arena_free(a);
}

Test(records, nul_in_a_value)
{
    struct buf b = BUF_INIT;
    char *text = record_text((struct kaftan_slice){ "a\0b", 3 });
    record_put_text(&b, text);
    cr_expect_str_eq(buf_text(&b), "\"a\\u0000b\"");
    buf_clear(&b);
    record_put_text(&b, NULL);
    cr_expect_str_eq(buf_text(&b), "null");
    mem_free(text);
    buf_fini(&b);
}

Test(offset_records, hash_map_order)
{
    static const struct { const char *given, *made; } cases[] = {
        { "{\"b\":1,\"filename\":\"/z\",\"a\":2}", "[\"fs\",{\"a\":2,\"b\":1,\"filename\":\"/z\"}]" },
        { "{\"db\":\"d\",\"server\":\"s\"}", "[\"fs\",{\"server\":\"s\",\"db\":\"d\"}]" },
        { "{\"table\":\"t\",\"protocol\":\"1\"}", "[\"fs\",{\"protocol\":\"1\",\"table\":\"t\"}]" },
        { "{ \"n\" : 1.50, \"s\":\"\xF0\x9F\x98\x80\" }", "[\"fs\",{\"s\":\"\\uD83D\\uDE00\",\"n\":1.50}]" },
        { "null", "[\"fs\",null]" },
        { "{}", "[\"fs\",{}]" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf key = BUF_INIT;
        char *logical = NULL;
        struct kaftan_error *err = offset_key_make("fs", cases[i].given, strlen(cases[i].given), &key, &logical);
        cr_assert_null(err, "%s", cases[i].given);
        cr_expect_str_eq(buf_text(&key), cases[i].made);
        buf_fini(&key);
        mem_free(logical);
    }
}

Test(offset_records, refuses)
{
    static const char *const bad[] = { "", "7", "\"s\"", "[]", "{\"a\":[1]}", "{\"a\":{}}", "{\"a\":1", "{} x" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct buf out = BUF_INIT;
        char *logical = NULL;
        struct kaftan_error *err = offset_key_make("c", bad[i], strlen(bad[i]), &out, &logical);
        cr_expect_not_null(err, "partition %s", bad[i]);
        cr_expect(!err || kaftan_error_code(err) == KAFTAN_E_DATA);
        kaftan_error_free(err);
        err = offset_value_make(bad[i], strlen(bad[i]), &out);
        cr_expect_not_null(err, "offset %s", bad[i]);
        kaftan_error_free(err);
        buf_fini(&out);
    }
}

static void put(struct offset_table *t, const char *key, const char *value, int64_t offset, bool own)
{
    offset_table_apply(t, slice_of(key), slice_of(value), offset, own);
}

static void expect_offset(struct offset_table *t, const char *partition, const char *want)
{
    struct kaftan_slice got = offset_table_get(t, "c", partition, strlen(partition));
    cr_expect(want ? slice_eq_str(got, want) : !got.ptr, "%s is %.*s", partition, (int)got.len, got.ptr ? got.ptr : "");
}

Test(offset_table, known_bytes_are_used_again)
{
    struct offset_table *t = offset_table_new();
    struct buf key = BUF_INIT;
    put(t, "[\"c\",{\"b\":1, \"a\":2}]", "{\"x\":1}", 0, false);
    expect_offset(t, "{\"a\":2,\"b\":1}", "{\"x\":1}");
    expect_offset(t, "{\"a\":2,\"b\":1.0}", NULL);
    cr_assert_null(offset_table_key(t, "c", "{\"a\":2,\"b\":1}", &key));
    cr_expect_str_eq(buf_text(&key), "[\"c\",{\"b\":1, \"a\":2}]");
    buf_clear(&key);
    cr_assert_null(offset_table_key(t, "d", "{\"b\":1,\"a\":2}", &key));
    cr_expect_str_eq(buf_text(&key), "[\"d\",{\"a\":2,\"b\":1}]");
    /* the same partition in other bytes: the newest count, and an old spelling's deletion does not */
    put(t, "[\"c\",{\"a\":2,\"b\":1}]", "{\"x\":2}", 1, false);
    put(t, "[\"c\",{\"b\":1, \"a\":2}]", NULL, 2, false);
    expect_offset(t, "{\"b\":1,\"a\":2}", "{\"x\":2}");
    put(t, "[\"c\",{\"a\":2,\"b\":1}]", NULL, 3, false);
    expect_offset(t, "{\"b\":1,\"a\":2}", NULL);
    buf_fini(&key);
    offset_table_free(t);
}

Test(offset_table, own_writes_do_not_go_back)
{
    struct offset_table *t = offset_table_new();
    put(t, "[\"c\",{\"a\":1}]", "{\"n\":1}", 10, true);
    put(t, "[\"c\",{\"a\":1}]", "{\"n\":2}", 11, true);
    put(t, "[\"c\",{\"a\":1}]", "{\"n\":1}", 10, false);
    expect_offset(t, "{\"a\":1}", "{\"n\":2}");
    put(t, "[\"c\",{\"a\":1}]", "{\"n\":2}", 11, false);
    put(t, "[\"c\",{\"a\":1}]", "{\"n\":3}", 3, false); /* the topic was made anew */
    expect_offset(t, "{\"a\":1}", "{\"n\":3}");
    offset_table_free(t);
}

Test(offset_table, odd_keys)
{
    static const char *const odd[] = { "", "7", "[]", "[\"c\"]", "[\"c\",7]", "[1,{}]", "[\"c\",{},1]", "[\"c\",{" };
    struct offset_table *t = offset_table_new();
    for (size_t i = 0; i < COUNT_OF(odd); i++)
        put(t, odd[i], "{}", (int64_t)i, false);
    cr_expect_eq(offset_table_count(t), 0);
    offset_table_free(t);
}
