/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/offset_table.h"
#include "store/records.h"
#include "vectors/storage.h"

Test(records, golden)
{
    cr_assert_eq(golden_file("storage-vectors.json", storage_store_sections), 0);
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
