/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/calendar.h"
#include "data/decimal.h"
#include "data/headers.h"
#include "data/node.h"
#include "data/schema.h"
#include "data/utf16.h"
#include "data/value.h"
#include "data/values.h"

static const struct kaftan_schema *built(struct kaftan_schema_builder *b)
{
    const struct kaftan_schema *s = NULL;
    struct kaftan_error *err = kaftan_schema_build(b, &s);
    cr_assert_null(err);
    return s;
}

static void expect_error(struct kaftan_error *err, const char *message)
{
    cr_assert_not_null(err, "no error, wanted: %s", message);
    cr_expect_str_eq(kaftan_error_message(err), message);
    kaftan_error_free(err);
}

static void expect_misuse(struct kaftan_schema_builder *b, const char *message)
{
    const struct kaftan_schema *s = NULL;
    expect_error(kaftan_schema_build(b, &s), message);
    cr_expect_null(s, "a failure must leave *ret alone");
}

/* A struct of `count` int32 fields f0, f1 ... */
static const struct kaftan_schema *wide(size_t count)
{
    struct kaftan_schema_builder *b = kaftan_schema_builder_new(KAFTAN_TYPE_STRUCT);
    char name[32];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(name, sizeof name, "f%zu", i);
        kaftan_schema_builder_field(b, name, kaftan_schema_of(KAFTAN_TYPE_INT32, false));
    }
    return built(b);
}

Test(schema, primitives_are_shared)
{
    cr_assert_eq(kaftan_schema_of(KAFTAN_TYPE_BYTES, true), kaftan_schema_of(KAFTAN_TYPE_BYTES, true));
    cr_assert_neq(kaftan_schema_of(KAFTAN_TYPE_BYTES, true), kaftan_schema_of(KAFTAN_TYPE_BYTES, false));
    for (int t = KAFTAN_TYPE_INT8; t <= KAFTAN_TYPE_BYTES; t++) {
        const struct kaftan_schema *s = kaftan_schema_of((enum kaftan_type)t, false);
        cr_expect_eq(kaftan_schema_type(s), (enum kaftan_type)t);
        cr_expect(!kaftan_schema_optional(s));
        cr_expect_null(kaftan_schema_name(s));
        const struct kaftan_schema *same = built(kaftan_schema_builder_new((enum kaftan_type)t));
        cr_expect(kaftan_schema_equal(s, same) && kaftan_schema_equal(same, s));
        kaftan_schema_unref(same);
    }
}

Test(schema, builder_reports_the_first_misuse)
{
    struct kaftan_schema_builder *b = kaftan_schema_builder_new(KAFTAN_TYPE_INT32);
    kaftan_schema_builder_field(b, "x", kaftan_schema_of(KAFTAN_TYPE_INT8, false));
    kaftan_schema_builder_name(b, "later calls do nothing");
    expect_misuse(b, "Cannot create fields on type INT32");

    b = kaftan_schema_builder_new(KAFTAN_TYPE_STRUCT);
    kaftan_schema_builder_field(b, "", kaftan_schema_of(KAFTAN_TYPE_INT8, false));
    expect_misuse(b, "fieldName cannot be null.");

    b = kaftan_schema_builder_new(KAFTAN_TYPE_STRUCT);
    kaftan_schema_builder_field(b, "x", NULL);
    expect_misuse(b, "fieldSchema for field x cannot be null.");

    b = kaftan_schema_builder_new(KAFTAN_TYPE_STRUCT);
    kaftan_schema_builder_field(b, "x", kaftan_schema_of(KAFTAN_TYPE_INT8, false));
    kaftan_schema_builder_field(b, "x", kaftan_schema_of(KAFTAN_TYPE_INT8, false));
    expect_misuse(b, "Cannot create field because of field name duplication x");

    expect_misuse(kaftan_schema_builder_new(KAFTAN_TYPE_ARRAY), "valueSchema cannot be null.");
    expect_misuse(kaftan_schema_builder_new(KAFTAN_TYPE_MAP), "keySchema cannot be null.");
    expect_misuse(kaftan_schema_builder_new((enum kaftan_type)99), "type cannot be null");

    b = kaftan_schema_builder_new(KAFTAN_TYPE_INT32);
    kaftan_schema_builder_name(b, "a");
    kaftan_schema_builder_name(b, "a");
    kaftan_schema_builder_name(b, "b");
    expect_misuse(b, "Invalid SchemaBuilder call: name has already been set.");

    b = kaftan_schema_builder_new(KAFTAN_TYPE_INT32);
    struct kaftan_value def = kaftan_string("x", 1);
    kaftan_schema_builder_default(b, &def);
    expect_misuse(b, "Invalid default value");
}

Test(schema, attributes_are_what_equality_compares)
{
    const struct kaftan_schema *all[9];
    size_t n = 0;
    for (int i = 0; i < 9; i++) {
        struct kaftan_schema_builder *b = kaftan_schema_builder_new(KAFTAN_TYPE_INT32);
        struct kaftan_value def = kaftan_int(KAFTAN_KIND_INT32, 7);
        if (i == 1)
            kaftan_schema_builder_optional(b);
        if (i == 2)
            kaftan_schema_builder_name(b, "n");
        if (i == 3)
            kaftan_schema_builder_version(b, 1);
        if (i == 4)
            kaftan_schema_builder_doc(b, "d");
        if (i == 5)
            kaftan_schema_builder_parameter(b, "k", "v");
        if (i == 6)
            kaftan_schema_builder_default(b, &def);
        if (i == 7)
            kaftan_schema_builder_version(b, 0);
        if (i == 8)
            kaftan_schema_builder_name(b, "");
        all[n++] = built(b);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++)
            cr_expect_eq(kaftan_schema_equal(all[i], all[j]), i == j, "%zu %zu", i, j);
    }
    int32_t version = 5;
    cr_expect(kaftan_schema_version(all[3], &version) && version == 1);
    cr_expect(!kaftan_schema_version(all[0], &version));
    cr_expect_str_eq(kaftan_schema_doc(all[4]), "d");
    cr_expect_str_eq(kaftan_schema_parameter(all[5], "k"), "v");
    cr_expect_null(kaftan_schema_parameter(all[5], "x"));
    cr_expect_eq(kaftan_schema_default(all[6])->as.i, 7);
    for (size_t i = 0; i < n; i++)
        kaftan_schema_unref(all[i]);
}

Test(schema, parameters_are_equal_in_any_order)
{
    struct kaftan_schema_builder *a = kaftan_schema_builder_new(KAFTAN_TYPE_INT8);
    struct kaftan_schema_builder *b = kaftan_schema_builder_new(KAFTAN_TYPE_INT8);
    kaftan_schema_builder_parameter(a, "x", "1");
    kaftan_schema_builder_parameter(a, "y", "2");
    kaftan_schema_builder_parameter(b, "y", "2");
    kaftan_schema_builder_parameter(b, "x", "0");
    kaftan_schema_builder_parameter(b, "x", "1");
    const struct kaftan_schema *s = built(a), *t = built(b);
    cr_expect(kaftan_schema_equal(s, t));
    kaftan_schema_unref(s);
    kaftan_schema_unref(t);
}

Test(schema, finds_fields_of_narrow_and_wide_structs)
{
    static const size_t counts[] = { 0, 1, 8, 9, 17, 1000 };
    for (size_t c = 0; c < COUNT_OF(counts); c++) {
        const struct kaftan_schema *s = wide(counts[c]);
        cr_assert_eq(kaftan_schema_field_count(s), counts[c]);
        for (size_t i = 0; i < counts[c]; i++) {
            cr_expect_eq(kaftan_schema_field_index(s, kaftan_schema_field_name(s, i)), (int)i);
            cr_expect_eq(kaftan_schema_field_schema(s, i), kaftan_schema_of(KAFTAN_TYPE_INT32, false));
        }
        cr_expect_eq(kaftan_schema_field_index(s, "nothing"), -1);
        cr_expect_null(kaftan_schema_field_name(s, counts[c]));
        kaftan_schema_unref(s);
    }
}

Test(schema, outlives_its_parts_by_counting_them)
{
    const struct kaftan_schema *inner = wide(3);
    struct kaftan_schema_builder *b = kaftan_schema_builder_new(KAFTAN_TYPE_ARRAY);
    kaftan_schema_builder_value(b, inner);
    const struct kaftan_schema *outer = built(b);
    kaftan_schema_unref(inner);
    const struct kaftan_schema *again = kaftan_schema_ref(outer);
    kaftan_schema_unref(outer);
    cr_expect_str_eq(kaftan_schema_field_name(kaftan_schema_value(again), 2), "f2");
    kaftan_schema_unref(again);
}

Test(schema, in_an_arena_can_be_kept_as_a_copy)
{
    struct kaftan_arena *a = arena_new(4096);
    const struct kaftan_schema *s = schema_map_in(a, kaftan_schema_of(KAFTAN_TYPE_STRING, false),
                                                  schema_array_in(a, schema_decimal_in(a, 3)));
    const struct kaftan_schema *kept = kaftan_schema_ref(s);
    cr_expect_neq(kept, s);
    cr_expect(schema_equal(kept, s));
    arena_free(a);
    cr_expect_str_eq(kaftan_schema_parameter(kaftan_schema_value(kaftan_schema_value(kept)), "scale"), "3");
    kaftan_schema_unref(kept);
}

Test(value, struct_put_validates)
{
    struct kaftan_arena *a = arena_new(4096);
    const struct kaftan_schema *schema = wide(2);
    struct kaftan_struct *s = NULL;
    cr_assert_null(kaftan_struct_new(a, schema, &s));
    cr_expect_null(kaftan_struct_put(s, "f0", kaftan_int(KAFTAN_KIND_INT32, 4)));
    expect_error(kaftan_struct_put(s, "x", kaftan_null()), "x is not a valid field name");
    expect_error(kaftan_struct_put(s, "f1", kaftan_null()),
                 "Invalid value: null used for required field: \"f1\", schema type: INT32");
    expect_error(kaftan_struct_put(s, "f1", kaftan_int(KAFTAN_KIND_INT64, 4)),
                 "Invalid Java object for schema with type INT32: class java.lang.Long for field: \"f1\"");
    expect_error(struct_validate(s), "Invalid value: null used for required field: \"f1\", schema type: INT32");
    cr_expect_eq(kaftan_struct_at(s, 0)->as.i, 4);
    cr_expect_eq(kaftan_struct_get(s, "f1")->kind, KAFTAN_KIND_NULL);
    cr_expect_null(kaftan_struct_get(s, "f2"));
    expect_error(kaftan_struct_new(a, kaftan_schema_of(KAFTAN_TYPE_INT8, false), &s), "Not a struct schema: Schema{INT8}");
    kaftan_schema_unref(schema);
    arena_free(a);
}

Test(value, maps_are_equal_in_any_order)
{
    struct kaftan_map_entry x[2] = { { kaftan_bool(true), kaftan_null() }, { kaftan_bool(false), kaftan_double(1) } };
    struct kaftan_map_entry y[2] = { x[1], x[0] };
    struct kaftan_map m = { 2, x }, n = { 2, y };
    struct kaftan_value v = kaftan_map(&m), w = kaftan_map(&n);
    cr_expect(value_equal(&v, &w));
    y[0].value = kaftan_double(2);
    cr_expect(!value_equal(&v, &w));
    struct kaftan_value zero = kaftan_double(0.0), minus = kaftan_double(-0.0);
    cr_expect(!value_equal(&zero, &minus));
}

Test(value, from_json)
{
    static const char text[] = "{\"a\":[1,2.5,\"x\",true,null],\"b\":{}}";
    struct kaftan_arena *a = arena_new(4096);
    struct kaftan_value v;
    struct kaftan_slice s;
    cr_assert_null(kaftan_value_from_json(a, text, strlen(text), &v));
    const struct kaftan_value *list = kaftan_map_get(&v, "a");
    cr_assert_eq(list->as.array->count, 5);
    cr_expect_eq(list->as.array->items[0].kind, KAFTAN_KIND_INT64);
    cr_expect_eq(list->as.array->items[1].kind, KAFTAN_KIND_FLOAT64);
    cr_expect(kaftan_value_text(a, &list->as.array->items[1], &s) && slice_eq_str(s, "2.5"));
    cr_expect(!kaftan_value_text(a, list, &s));
    cr_expect_null(kaftan_map_get(&v, "c"));
    expect_error(kaftan_value_from_json(a, "[18446744073709551616]", 22, &v),
                 "number 18446744073709551616 does not fit 64 bits");
    expect_error(kaftan_value_from_json(a, "[1\n,x]", 6, &v), "line 2, column 2: unexpected character: expected a value");
    expect_error(kaftan_value_from_json(a, " ", 1, &v), "line 1, column 1: expected a JSON value");
    arena_free(a);
}

Test(decimal, texts)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "0", "0" }, { "-0.00", "0.00" }, { "1e3", "1E+3" }, { "0.0000001", "1E-7" }, { "0.000001", "0.000001" },
        { "-12.50", "-12.50" }, { "+5", "5" }, { "1e-10", "1E-10" }, { "123456789012345678901234567890.1", NULL },
        { "-9223372036854775808", NULL }, { "18446744073709551616", NULL }, { "1000000000000000000", NULL },
        { "1e999999999", "1E+999999999" }, { "0e7", "0E+7" }, { "128", NULL }, { "-128", NULL }, { "255", NULL },
        { "-32769.7e2147483647", "-3.27697E+2147483651" },
    };
    struct kaftan_arena *a = arena_new(4096);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct decimal d;
        struct buf b = BUF_INIT;
        cr_assert(decimal_scan(a, cases[i].in, strlen(cases[i].in), &d), "%s", cases[i].in);
        struct kaftan_value v = decimal_value(a, &d);
        value_put_text(&b, &v);
        cr_expect_str_eq(buf_text(&b), cases[i].out ? cases[i].out : cases[i].in);
        buf_fini(&b);
    }
    static const char *const bad[] = { "", "+", ".", "e5", "1e", "1e+", "1.2.3", "1 ", " 1", "0x1", "1e2147483648",
                                       "1e99999999999", "1e-2147483648.", "--1", "1_0", "NaN" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct decimal d;
        cr_expect(!decimal_scan(a, bad[i], strlen(bad[i]), &d), "%s", bad[i]);
    }
    arena_free(a);
}

/* Long numbers there and back: the base conversion against itself and known ends. */
Test(decimal, long_numbers_come_back)
{
    struct kaftan_arena *a = arena_new(1 << 16);
    char text[4000];
    for (size_t len = 1; len < sizeof text - 1; len += len / 3 + 1) {
        struct decimal d, e;
        for (size_t i = 0; i < len; i++)
            text[i] = (char)('1' + (i * 7 + len) % 9);
        cr_assert(decimal_scan(a, text, len, &d));
        d.negative = len % 2;
        struct kaftan_value v = decimal_value(a, &d);
        e = decimal_of(a, &v);
        cr_expect_eq(e.len, len);
        cr_expect_eq(e.negative, d.negative);
        cr_expect(memcmp(e.digits, text, len) == 0, "%zu", len);
        arena_reset(a);
    }
    arena_free(a);
}

Test(calendar, there_and_back)
{
    static const struct {
        int64_t millis;
        const char *text;
    } cases[] = {
        { 0, "Thu Jan 01 00:00:00 UTC 1970" },
        { -1, "Wed Dec 31 23:59:59 UTC 1969" },
        { 951782400000, "Tue Feb 29 00:00:00 UTC 2000" },
        { -12219292800000, "Fri Oct 15 00:00:00 UTC 1582" },
        { -12219292800001, "Thu Oct 04 23:59:59 UTC 1582" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf b = BUF_INIT;
        calendar_put_date(&b, cases[i].millis);
        cr_expect_str_eq(buf_text(&b), cases[i].text);
        buf_fini(&b);
        struct calendar c = calendar_of(cases[i].millis);
        cr_expect_eq(calendar_millis(c.year, c.month, c.day, c.hour, c.minute, c.second, c.millis), cases[i].millis);
    }
    for (int64_t day = -1000000; day < 3000000; day += 997) {
        struct calendar c = calendar_of(day * 86400000);
        cr_assert_eq(calendar_millis(c.year, c.month, c.day, 0, 0, 0, 0), day * 86400000, "%lld", (long long)day);
    }
}

/* Java's number format takes exponents, so its dates do. */
Test(calendar, reads_leniently)
{
    static const struct {
        const char *text;
        int64_t millis;
    } cases[] = {
        { "03E4-36-4t", 884633616000000 },
        { "1580-36-77", -12207801600000 },
        { "2019-08-23", 1566518400000 },
        { "2019- 8-23", 1566518400000 },
        { "2019-08-2E", 1564704000000 },
        { "20E2-01-1E-", 946684800000 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t millis = 0;
        cr_assert(calendar_parse(CALENDAR_DATE, cases[i].text, strlen(cases[i].text), &millis));
        cr_expect_eq(millis, cases[i].millis, "%s: %lld", cases[i].text, (long long)millis);
    }
    int64_t millis = 0;
    cr_expect(!calendar_parse(CALENDAR_DATE, "2019-x8-23", 10, &millis));
    cr_expect(!calendar_parse(CALENDAR_TIME, "12:30", 5, &millis));
}

Test(values, deep_nesting_is_told_apart)
{
    struct kaftan_arena *a = arena_new(1 << 16);
    char text[6000];
    const struct kaftan_schema *schema = NULL;
    struct kaftan_value v;
    memset(text, '[', sizeof text);
    cr_expect(!values_parse(a, (struct kaftan_slice){ text, sizeof text }, &schema, &v));
    cr_expect(values_parse(a, (struct kaftan_slice){ text, 900 }, &schema, &v));
    cr_expect_eq(v.kind, KAFTAN_KIND_STRING);
    arena_free(a);
}

Test(node, limits)
{
    struct kaftan_arena *a = arena_new(1 << 16);
    struct node_reader *r = node_reader_new();
    struct node n;
    char text[2048];
    memset(text, '[', 1001);
    memset(text + 1001, ']', 1001);
    expect_error(node_read(r, a, (struct kaftan_slice){ text, 2002 }, &n),
                 "line 1, column 1001: nesting exceeds the maximum depth of 1000");
    cr_expect_null(node_read(r, a, (struct kaftan_slice){ text + 1, 2000 }, &n));
    cr_expect_eq(n.kind, NODE_ARRAY);
    memset(text, '1', sizeof text);
    cr_expect_null(node_read(r, a, (struct kaftan_slice){ text, 1000 }, &n));
    expect_error(node_read(r, a, (struct kaftan_slice){ text, 1001 }, &n),
                 "line 1, column 1002: number exceeds the maximum length");
    node_reader_free(r);
    arena_free(a);
}

Test(node, unites_members_of_large_objects)
{
    struct kaftan_arena *a = arena_new(1 << 16);
    struct node_reader *r = node_reader_new();
    struct buf b = BUF_INIT;
    struct node n;
    for (int i = 0; i < 300; i++)
        buf_printf(&b, "%c\"m%d\":%d", i ? ',' : '{', i % 100, i);
    buf_putc(&b, '}');
    cr_assert_null(node_read(r, a, buf_slice(&b), &n));
    cr_expect_eq(n.count, 100);
    cr_expect(slice_eq_str(n.as.members[7].name, "m7"));
    cr_expect(slice_eq_str(n.as.members[7].value.text, "207"));
    node_reader_free(r);
    buf_fini(&b);
    arena_free(a);
}

Test(utf16, joins_pairs_only)
{
    struct buf b = BUF_INIT;
    utf16_put(&b, 0xd83d);
    cr_expect(utf16_has_lone(buf_slice(&b)));
    utf16_put(&b, 0xde00);
    cr_expect_str_eq(buf_text(&b), "\xF0\x9F\x98\x80");
    cr_expect_eq(utf16_length(buf_slice(&b)), 2);
    utf16_put(&b, 0xdc00);
    utf16_put(&b, 0xd800);
    struct buf out = BUF_INIT;
    utf16_put_repaired(&out, buf_slice(&b));
    cr_expect_str_eq(buf_text(&out), "\xF0\x9F\x98\x80??");
    buf_fini(&b);
    buf_fini(&out);
}

Test(headers, keep_order_and_rules)
{
    struct kaftan_arena *a = arena_new(4096);
    struct kaftan_record r = { .partition = KAFTAN_NO_PARTITION };
    struct kaftan_value one = kaftan_int(KAFTAN_KIND_INT32, 1), none = kaftan_null();
    const struct kaftan_schema *i32 = kaftan_schema_of(KAFTAN_TYPE_INT32, false);
    cr_expect_null(headers_add(a, &r, slice_of("x"), i32, &one));
    cr_expect_null(headers_add(a, &r, slice_of("y"), NULL, &none));
    cr_expect_null(headers_add(a, &r, slice_of("x"), kaftan_schema_of(KAFTAN_TYPE_INT32, true), &none));
    expect_error(headers_add(a, &r, slice_of("z"), i32, &none),
                 "A null value requires an optional schema but was Schema{INT32}");
    expect_error(headers_add(a, &r, slice_of("z"), kaftan_schema_of(KAFTAN_TYPE_STRING, false), &one),
                 "The value 1 is not compatible with the schema Schema{STRING}");
    cr_expect_eq(r.header_count, 3);
    cr_expect_eq(headers_last(&r, slice_of("x"))->value.kind, KAFTAN_KIND_NULL);
    cr_expect_eq(headers_remove(a, &r, slice_of("x")), 2);
    cr_expect_eq(r.header_count, 1);
    cr_expect(slice_eq_str(r.headers[0].key, "y"));
    arena_free(a);
}

/* Only a failed array or map is read again from its blanks on. */
Test(values, blanks_before_a_delimiter)
{
    static const struct {
        const char *text, *value;
    } cases[] = { { " {foo: 3}", " " }, { " :a{ 3}", " :a{ 3}" }, { " ]", " ]" }, { "  [a]", "  " } };
    struct kaftan_arena *a = arena_new(4096);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct kaftan_schema *schema = NULL;
        struct kaftan_value v;
        cr_assert(values_parse(a, slice_of(cases[i].text), &schema, &v));
        cr_expect(slice_eq_str(v.as.s, cases[i].value), "%s: %.*s", cases[i].text, (int)v.as.s.len, v.as.s.ptr);
    }
    arena_free(a);
}

/* Behaviour of the Java reader beyond the vectors. */
Test(node, wide_texts_and_what_follows)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *text; /* NULL: an error */
    } cases[] = {
        { "1\001", 2, NULL },
        { "1\0\0\0\0", 5, NULL },
        { "1e6300540291139", 15, NULL },
        { "1e2147483647", 12, "1e2147483647" },
        { "[1]\001", 4, "[1]" },
        { "\xFE\xFF\0\"\xD8\x00\x00x\0a\0\"", 12, "\xEF\xBF\xBD" "a" },
        { "\"\0\0\0\0\0\x11\0\"\0\0\0", 12, NULL },
        { "\"\0\0\0\0\xD8\0\0\"\0\0\0", 12, "\xED\xA0\x80" },
        { "\xEF\xBB\xBFtrue", 7, "" },
        { "{\"\\ud800\":1}", 12, NULL },
        { "{\"\\ud83d\\ude00\":1}", 18, "{\"\\ud83d\\ude00\":1}" },
    };
    struct kaftan_arena *a = arena_new(4096);
    struct node_reader *r = node_reader_new();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct node n;
        struct kaftan_error *err = node_read(r, a, (struct kaftan_slice){ cases[i].bytes, cases[i].len }, &n);
        cr_expect_eq(err != NULL, cases[i].text == NULL, "%zu", i);
        if (!err && cases[i].text)
            cr_expect(slice_eq_str(n.text, cases[i].text), "%zu: %.*s", i, (int)n.text.len, n.text.ptr);
        kaftan_error_free(err);
    }
    node_reader_free(r);
    arena_free(a);
}

/* What an array's elements have in common, and maps whose keys repeat. */
Test(values, common_types)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        { "{\"e\":null,\"e\":100}", "{\"e\":100}" },
        { "{\"e\":100,\"e\":null}", NULL },
        { "[1.5,2019-08-23]", NULL },
        { "[99999999999,2019-08-23]", NULL },
        { "[2019-08-23,14:34:54.346Z]", "[2019-08-23,14:34:54.346Z]" },
        { "[14:34:54.346Z,2019-08-23,0]", "[14:34:54.346Z,2019-08-23,00:00:00.000Z]" },
    };
    struct kaftan_arena *a = arena_new(4096);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct kaftan_schema *schema = NULL;
        struct kaftan_value v;
        struct buf b = BUF_INIT;
        cr_assert(values_parse(a, slice_of(cases[i].text), &schema, &v));
        values_put_text(&b, &v);
        cr_expect_eq(schema->type == KAFTAN_TYPE_STRING, cases[i].shown == NULL, "%s", cases[i].text);
        cr_expect_str_eq(buf_text(&b), cases[i].shown ? cases[i].shown : cases[i].text);
        buf_fini(&b);
    }
    arena_free(a);
}
