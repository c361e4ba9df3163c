/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/json.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "vectors/storage.h"

/* Bytes that the Java worker wrote. */
Test(json, golden_bytes)
{
    cr_assert_eq(golden_file("json-text-vectors.json", storage_text_sections), 0);
}

static char *again(const char *text, size_t len, unsigned flags)
{
    struct kaftan_arena *a = arena_new(0);
    const struct json *v = NULL;
    struct buf b = BUF_INIT;
    struct kaftan_error *err = json_parse(a, text, len, flags, &v);
    if (err)
        buf_printf(&b, "error: %s", kaftan_error_message(err));
    else
        json_put(&b, v);
    kaftan_error_free(err);
    arena_free(a);
    return buf_take(&b);
}

Test(json, reads_and_writes)
{
    static const struct {
        const char *in, *out;
        unsigned flags;
    } cases[] = {
        { " { \"a\" : [ 1.50 , -0 , 1E+2 , true , false , null ] , \"b\" : { } } ", "{\"a\":[1.50,-0,1E+2,true,false,null],\"b\":{}}", 0 },
        { "\"\\u0041\\n\\/\\\"\\\\\"", "\"A\\n/\\\"\\\\\"", 0 },
        { "\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"", 0 },
        { "\"\xF0\x9F\x98\x80\"", "\"\\uD83D\\uDE00\"", 0 },
        { "\"\\ud83dx\\ude00\"", "\"\\uD83Dx\\uDE00\"", 0 },
        { "\"\\ud83d\\ud83d\\ude00\"", "\"\\uD83D\\uD83D\\uDE00\"", 0 },
        { "\"\\u0000\"", "\"\\u0000\"", 0 },
        { "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}", 0 },
        { "\xEF\xBB\xBF[]", "[]", 0 },
        { "\"\xC0\xAF\"", "\"/\"", 0 },
        { "{\"a\":1}} xyz", "{\"a\":1}", JSON_TRAILING },
        { "\"a\"b", "\"a\"", JSON_TRAILING },
        { "null x", "null", JSON_TRAILING },
        { "12 x", "12", JSON_TRAILING },
        { "12x", "error: unexpected character after number at line 1, column 3", JSON_TRAILING },
        { "12\"a\"", "error: unexpected character after number at line 1, column 3", JSON_TRAILING },
        { "nullx", "error: value expected at line 1, column 1", JSON_TRAILING },
        { "{} x", "error: unexpected text after the value at line 1, column 4", 0 },
        { "0012", "0012", JSON_LEADING_ZEROS },
        { "0012", "error: leading zero in number at line 1, column 1", 0 },
        { "[NaN,Infinity,-Infinity,+Infinity]", "[\"NaN\",\"Infinity\",\"-Infinity\",\"Infinity\"]", JSON_NAN },
        { "NaN", "error: value expected at line 1, column 1", 0 },
        { "", "error: value expected, text ends at line 1, column 1", 0 },
        { "[1,\n 2,]", "error: value expected at line 2, column 4", 0 },
        { "{\"a\" 1}", "error: ':' expected at line 1, column 6", 0 },
        { "{a:1}", "error: name in double quotes expected at line 1, column 2", 0 },
        { "[1 2]", "error: ',' or ']' expected at line 1, column 4", 0 },
        { "{\"a\":1", "error: ',' or '}' expected at line 1, column 7", 0 },
        { "\"abc", "error: string without end at line 1, column 1", 0 },
        { "\"a\tb\"", "error: control character in string at line 1, column 3", 0 },
        { "\"\\x\"", "error: unknown escape in string at line 1, column 3", 0 },
        { "\"\\u12\"", "error: four hex digits expected after \\u at line 1, column 6", 0 },
        { "\"\xFF\"", "error: malformed UTF-8 in string at line 1, column 2", 0 },
        { "\"\xED\xA0\x80\"", "error: malformed UTF-8 in string at line 1, column 2", 0 },
        { "1.", "error: digit expected after the decimal point at line 1, column 3", 0 },
        { ".5", "error: value expected at line 1, column 1", 0 },
        { "+1", "error: value expected at line 1, column 1", 0 },
        { "1e", "error: digit expected in exponent at line 1, column 3", 0 },
        { "-", "error: value expected at line 1, column 1", 0 },
        { "// c\n1", "error: value expected at line 1, column 1", 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *out = again(cases[i].in, strlen(cases[i].in), cases[i].flags);
        cr_expect_str_eq(out, cases[i].out, "%s", cases[i].in);
        mem_free(out);
    }
}

Test(json, other_encodings)
{
    static const struct {
        const char *in;
        size_t len;
    } cases[] = {
        { "\0[\0\"\xD8\x3D\xDE\x00\0\"\0]", 12 },
        { "\xFF\xFE[\0\"\0\x3D\xD8\x00\xDE\"\0]\0", 14 },
        { "\0\0\0[\0\0\0\"\0\x01\xF6\0\0\0\0\"\0\0\0]", 20 },
        { "\xFF\xFE\0\0[\0\0\0\"\0\0\0\0\xF6\x01\0\"\0\0\0]\0\0\0", 24 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *out = again(cases[i].in, cases[i].len, 0);
        cr_expect_str_eq(out, "[\"\\uD83D\\uDE00\"]", "%zu", i);
        mem_free(out);
    }
}

static char *nested(int depth)
{
    struct buf b = BUF_INIT;
    for (int i = 0; i < depth; i++)
        buf_putc(&b, '[');
    for (int i = 0; i < depth; i++)
        buf_putc(&b, ']');
    return buf_take(&b);
}

Test(json, depth_and_length_are_limited)
{
    char *in = nested(JSON_DEPTH_LIMIT), *out = again(in, strlen(in), 0);
    cr_expect_str_eq(out, in);
    mem_free(in);
    mem_free(out);
    in = nested(JSON_DEPTH_LIMIT + 1);
    out = again(in, strlen(in), 0);
    cr_expect(text_starts(out, "error: nested too deeply"));
    mem_free(in);
    mem_free(out);
    char digits[JSON_NUMBER_LIMIT + 2];
    memset(digits, '1', sizeof digits);
    out = again(digits, JSON_NUMBER_LIMIT, 0);
    cr_expect_eq(strlen(out), (size_t)JSON_NUMBER_LIMIT);
    mem_free(out);
    out = again(digits, JSON_NUMBER_LIMIT + 1, 0);
    cr_expect(text_starts(out, "error: number is too long"));
    mem_free(out);
}

/* Many equal names, and many different ones, in time that does not grow with the square. */
Test(json, large_objects)
{
    struct kaftan_arena *a = arena_new(0);
    const struct json *v = NULL;
    struct buf b = BUF_INIT;
    for (int i = 0; i < 100000; i++)
        buf_printf(&b, "%c\"k%d\":%d", i ? ',' : '{', i % 60000, i);
    buf_putc(&b, '}');
    struct kaftan_error *err = json_parse(a, b.data, b.len, 0, &v);
    cr_assert_null(err);
    cr_expect_eq(v->count, 60000u);
    int64_t n = 0;
    cr_expect(json_i64(json_get(v, "k7"), &n) && n == 60007);
    cr_expect(json_i64(&v->members[59999].value, &n) && n == 59999);
    buf_fini(&b);
    arena_free(a);
}

Test(json, accessors)
{
    struct kaftan_arena *a = arena_new(0);
    const struct json *v = NULL;
    struct kaftan_slice s = { NULL, 0 };
    int64_t n = 5;
    const char *text = "{\"s\":\"x\\u0000y\",\"n\":12,\"f\":1.0,\"big\":9223372036854775808}";
    struct kaftan_error *err = json_parse(a, text, strlen(text), 0, &v);
    cr_assert_null(err);
    cr_expect(json_text(json_get(v, "s"), &s) && s.len == 3 && s.ptr[1] == '\0');
    cr_expect_not(json_text(json_get(v, "n"), &s));
    cr_expect(json_i64(json_get(v, "n"), &n) && n == 12);
    cr_expect_not(json_i64(json_get(v, "f"), &n));
    cr_expect_not(json_i64(json_get(v, "big"), &n));
    cr_expect_not(json_i64(json_get(v, "s"), &n));
    cr_expect_not(json_i64(json_get(v, "absent"), &n));
    cr_expect_null(json_get(json_get(v, "n"), "x"));
    struct buf b = BUF_INIT;
    json_put_str(&b, NULL);
    json_put_double(&b, -INFINITY);
    json_put_str(&b, "a\xFF");
    cr_expect_str_eq(buf_text(&b), "null\"-Infinity\"\"a\xEF\xBF\xBD\"");
    buf_fini(&b);
    arena_free(a);
}
