/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/keys.h"
#include "convert/builtin.h"
#include "data/schema.h"
#include "data/value.h"

struct instance {
    const struct kaftan_converter *class;
    struct config_values *config;
    void *self;
    struct kaftan_arena *arena;
};

static const struct kaftan_converter *class_named(const char *name)
{
    const struct kaftan_converter *const *c = convert_builtin()->converters;
    while (*c && strcmp((*c)->class_name, name) != 0)
        c++;
    cr_assert_not_null(*c, "%s", name);
    return *c;
}

static struct instance opened(const char *class_name, const char *key, const char *value)
{
    struct instance i = { .class = class_named(class_name), .arena = arena_new(1 << 16) };
    struct text_map *texts = text_map_new();
    struct kaftan_config_report *report = config_report_new();
    text_map_put(texts, "converter.type", "value");
    if (key)
        text_map_put(texts, key, value);
    i.config = config_parse(i.class->config, i.class->config_size, texts, report);
    cr_assert_eq(config_report_error_count(report), 0);
    cr_assert_null(i.class->open(config_values_get(i.config), false, &i.self));
    config_report_free(report);
    text_map_unref(texts);
    return i;
}

static void ended(struct instance *i)
{
    i->class->close(i->self);
    config_values_free(i->config);
    arena_free(i->arena);
}

static const struct kaftan_slice topic = { "t", 1 };

#define STRING_CLASS "org.apache.kafka.connect.storage.StringConverter"
#define BYTES_CLASS "org.apache.kafka.connect.converters.ByteArrayConverter"
#define JSON_CLASS "org.apache.kafka.connect.json.JsonConverter"

/* Strings and bytes are what most records hold: neither direction may copy or allocate. */
Test(convert, bytes_and_strings_pass_through)
{
    static const char text[] = "h\xC3\xA9llo";
    static const char *const classes[] = { STRING_CLASS, BYTES_CLASS };
    for (size_t c = 0; c < COUNT_OF(classes); c++) {
        struct instance i = opened(classes[c], NULL, NULL);
        struct kaftan_value v = c == 0 ? kaftan_string(text, strlen(text)) : kaftan_bytes(text, strlen(text));
        const struct kaftan_schema *schema = kaftan_schema_of(c == 0 ? KAFTAN_TYPE_STRING : KAFTAN_TYPE_BYTES, false);
        const struct kaftan_schema *got = NULL;
        struct kaftan_slice out;
        uint64_t before = mem_count();
        size_t used = arena_used(i.arena);
        for (int n = 0; n < 1000; n++) {
            cr_assert_null(i.class->from_connect(i.self, i.arena, topic, schema, &v, &out));
            cr_assert_eq(out.ptr, (const char *)text);
            cr_assert_null(i.class->to_connect(i.self, i.arena, topic, out, &got, &v));
            cr_assert_eq(v.as.s.ptr, (const char *)text);
        }
        cr_expect_eq(mem_count(), before);
        cr_expect_eq(arena_used(i.arena), used);
        cr_expect_eq(out.len, strlen(text));
        ended(&i);
    }
}

Test(convert, empty_is_not_null)
{
    static const char *const classes[] = { STRING_CLASS, BYTES_CLASS };
    for (size_t c = 0; c < COUNT_OF(classes); c++) {
        struct instance i = opened(classes[c], NULL, NULL);
        struct kaftan_value v = c == 0 ? kaftan_string(NULL, 0) : kaftan_bytes(NULL, 0), none = kaftan_null();
        struct kaftan_slice out = { NULL, 9 };
        cr_assert_null(i.class->from_connect(i.self, i.arena, topic, NULL, &v, &out));
        cr_expect_not_null(out.ptr);
        cr_expect_eq(out.len, 0);
        cr_assert_null(i.class->from_connect(i.self, i.arena, topic, NULL, &none, &out));
        cr_expect_null(out.ptr);
        ended(&i);
    }
}

/* Once warm, JSON needs the arena only. */
Test(convert, json_allocates_nothing_per_record)
{
    static const char text[] = "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"field\":\"a\"},"
                               "{\"type\":\"string\",\"optional\":true,\"field\":\"b\"}]},"
                               "\"payload\":{\"a\":1,\"b\":\"x\\ny\"}}";
    struct instance i = opened(JSON_CLASS, NULL, NULL);
    uint64_t before = 0;
#ifdef KAFTAN_SANITIZE
    const bool counted = false; /* there an arena takes every piece from malloc */
#else
    const bool counted = true;
#endif
    for (int n = 0; n < 100; n++) {
        const struct kaftan_schema *schema = NULL;
        struct kaftan_value v;
        struct kaftan_slice out;
        if (n == 3)
            before = mem_count();
        cr_assert_null(i.class->to_connect(i.self, i.arena, topic, slice_of(text), &schema, &v));
        cr_assert_null(i.class->from_connect(i.self, i.arena, topic, schema, &v, &out));
        arena_reset(i.arena);
    }
    cr_expect(!counted || mem_count() == before, "%llu allocations", (unsigned long long)(mem_count() - before));
    ended(&i);
}

static void round_trip(struct instance *i, int number)
{
    char text[256];
    const struct kaftan_schema *schema = NULL;
    struct kaftan_value v;
    struct kaftan_slice out;
    int len = snprintf(text, sizeof text,
                       "{\"schema\":{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"optional\":false,\"field\":"
                       "\"f%d\"}],\"optional\":false},\"payload\":{\"f%d\":%d}}",
                       number, number, number);
    struct kaftan_slice in = { text, (size_t)len };
    cr_assert_null(i->class->to_connect(i->self, i->arena, topic, in, &schema, &v));
    cr_assert_null(i->class->from_connect(i->self, i->arena, topic, schema, &v, &out));
    cr_expect(slice_eq(in, out), "%.*s", (int)out.len, out.ptr);
}

/* More schemas than the caches take, in an order that meets old ones again. */
Test(convert, json_caches_are_bounded)
{
    static const char *const sizes[] = { "0", "1", "3", "1000" };
    for (size_t s = 0; s < COUNT_OF(sizes); s++) {
        struct instance i = opened(JSON_CLASS, "schemas.cache.size", sizes[s]);
        for (int n = 0; n < 200; n++) {
            round_trip(&i, n % 37);
            if (n % 5 == 4)
                arena_reset(i.arena);
        }
        ended(&i);
    }
}

/* A record's schema stays good while the converter is open, whatever else it reads. */
Test(convert, json_keeps_schemas_that_records_borrow)
{
    struct instance i = opened(JSON_CLASS, "schemas.cache.size", "2");
    const struct kaftan_schema *first = NULL;
    struct kaftan_value v;
    cr_assert_null(i.class->to_connect(i.self, i.arena, topic,
                                       slice_of("{\"schema\":{\"type\":\"int32\",\"name\":\"N\"},\"payload\":1}"), &first, &v));
    for (int n = 0; n < 50; n++)
        round_trip(&i, n);
    cr_expect_str_eq(kaftan_schema_name(first), "N");
    const struct kaftan_schema *kept = kaftan_schema_ref(first);
    ended(&i);
    cr_expect_str_eq(kaftan_schema_name(kept), "N");
    kaftan_schema_unref(kept);
}

Test(convert, every_class_opens_with_its_defaults)
{
    const struct kaftan_plugin *p = convert_builtin();
    size_t count = 0;
    for (; p->converters[count]; count++) {
        struct instance i = opened(p->converters[count]->class_name, NULL, NULL);
        struct kaftan_value none = kaftan_null();
        struct kaftan_slice out = { "x", 1 };
        const struct kaftan_schema *schema = NULL;
        cr_assert_null(i.class->from_connect(i.self, i.arena, topic, NULL, &none, &out));
        cr_expect_null(out.ptr, "%s", i.class->class_name);
        cr_assert_null(i.class->to_connect(i.self, i.arena, topic, out, &schema, &none));
        cr_expect_eq(none.kind, KAFTAN_KIND_NULL);
        ended(&i);
    }
    cr_expect_eq(count, 9);
    for (count = 0; p->header_converters[count]; count++)
        cr_expect_eq(p->header_converters[count]->size, sizeof(struct kaftan_header_converter));
    cr_expect_eq(count, 10);
}

Test(convert, charsets)
{
    static const struct {
        const char *charset, *text, *bytes;
        size_t len;
        const char *back; /* NULL: the same */
    } cases[] = {
        { "UTF-16", "a\xF0\x9F\x98\x80", "\xFE\xFF\0a\xD8\x3D\xDE\x00", 8, NULL },
        { "UTF-16LE", "a", "a\0", 2, NULL },
        { "US-ASCII", "\xC3\xA9", "?", 1, "?" },
        { "UTF-32", "a", "\0\0\0a", 4, NULL },
        { "windows-1252", "\xE2\x82\xAC\xE6\x97\xA5!", "\x80?!", 3, "\xE2\x82\xAC?!" },
        { "ISO-2022-JP", "\xE6\x97\xA5", "\x1b$BF|\x1b(B", 8, NULL },
    };
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        struct instance i = opened(STRING_CLASS, "converter.encoding", cases[c].charset);
        struct kaftan_value v = kaftan_string(cases[c].text, strlen(cases[c].text));
        struct kaftan_slice out, want = { cases[c].bytes, cases[c].len };
        const struct kaftan_schema *schema = NULL;
        cr_assert_null(i.class->from_connect(i.self, i.arena, topic, NULL, &v, &out));
        cr_expect(slice_eq(out, want), "%s", cases[c].charset);
        cr_assert_null(i.class->to_connect(i.self, i.arena, topic, want, &schema, &v));
        cr_expect(slice_eq_str(v.as.s, cases[c].back ? cases[c].back : cases[c].text), "%s: %.*s", cases[c].charset,
                  (int)v.as.s.len, v.as.s.ptr);
        ended(&i);
    }
}
