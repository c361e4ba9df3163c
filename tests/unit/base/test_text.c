/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/text.h"

#include <criterion/criterion.h>

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

Test(slice, basics)
{
    cr_expect_null(slice_of(NULL).ptr);
    cr_expect(slice_eq_str(slice_of("ab"), "ab"));
    cr_expect_not(slice_eq(slice_of("ab"), slice_of("abc")));
    cr_expect_lt(slice_cmp(slice_of("ab"), slice_of("abc")), 0);
    cr_expect_gt(slice_cmp(slice_of("\xFF"), slice_of("a")), 0);
    cr_expect_eq(slice_cmp(slice_of(""), slice_of(NULL)), 0);
    cr_expect(slice_eq_str(slice_trim(slice_of(" \t\x01 a b\r\n")), "a b"));
    cr_expect_eq(slice_trim(slice_of("  ")).len, 0u);
    cr_expect(text_starts("abc", "ab") && !text_starts("a", "ab"));
    cr_expect(text_ends("abc", "bc") && !text_ends("c", "bc"));
}

Test(utf8, malformed_bytes_become_what_java_makes_of_them)
{
#define R "\xEF\xBF\xBD"
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "a\xC3(\xE2\x82\xF0\x9F\x98\xED\xA0\x80\xFF"
          "b",
          "a" R "(" R R R R "b" },
        { "\xC3\xB6 \xF0\x9F\x98\x80", "\xC3\xB6 \xF0\x9F\x98\x80" },
        { "\xE0\x80\x80", R R R },
        { "\xC0\xAF", R R },
        { "\xF4\x90\x80\x80", R R R R },
        { "\xED\xA0", R },
        { "\xED\xA0x", R "x" },
        { "\xE2\x82", R },
        { "\x80", R },
        { "", "" },
    };
#undef R
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf b = BUF_INIT;
        utf8_append_lossy(&b, cases[i].in, strlen(cases[i].in));
        cr_expect_str_eq(buf_text(&b), cases[i].out, "case %zu", i);
        cr_expect(utf8_valid(b.data, b.len));
        cr_expect_eq(utf8_valid(cases[i].in, strlen(cases[i].in)), strcmp(cases[i].in, cases[i].out) == 0);
        buf_fini(&b);
    }
}

Test(utf8, every_code_point_goes_round)
{
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        struct buf b = BUF_INIT;
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        utf8_put(&b, c);
        size_t pos = 0;
        cr_assert(utf8_valid(b.data, b.len), "U+%X", c);
        cr_assert_eq(utf8_next(b.data, b.len, &pos), c);
        cr_assert_eq(pos, b.len);
        buf_fini(&b);
    }
}

Test(base64, goes_round)
{
    for (size_t len = 0; len < 70; len++) {
        unsigned char data[70];
        struct buf text = BUF_INIT, back = BUF_INIT;
        for (size_t i = 0; i < len; i++)
            data[i] = (unsigned char)(i * 37 + len);
        base64_put(&text, data, len);
        cr_assert(base64_decode(buf_text(&text), text.len, &back));
        cr_assert_eq(back.len, len);
        cr_assert(len == 0 || memcmp(back.data, data, len) == 0);
        buf_fini(&text);
        buf_fini(&back);
    }
}

Test(base64, is_strict)
{
    static const char *const bad[] = { "A", "AA", "AAA", "A===", "AA=A", "=AAA", "AA\nA", "AA-_", "QUI=QUI=", "====" };
    struct buf b = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        cr_expect_not(base64_decode(bad[i], strlen(bad[i]), &b), "%s", bad[i]);
    cr_expect_eq(b.len, 0u, "a failure adds nothing");
    cr_expect(base64_decode("AAH/", 4, &b));
    cr_expect(b.len == 3 && memcmp(b.data, "\x00\x01\xFF", 3) == 0);
    buf_fini(&b);
}

Test(text, java_hash)
{
    cr_expect_eq(java_hash("", 0), 0);
    cr_expect_eq(java_hash("abc", 3), 96354);
    cr_expect_eq(java_hash("connector", 9), -579210163);
    cr_expect_eq(java_hash("\xF0\x9F\x98\x80", 4), 1772899);
}

Test(text, distance)
{
    cr_expect_eq(text_distance("kitten", "sitting", 10), 3u);
    cr_expect_eq(text_distance("", "ab", 10), 2u);
    cr_expect_eq(text_distance("same", "same", 3), 0u);
    cr_expect_eq(text_distance("abcdef", "uvwxyz", 3), 3u);
    cr_expect_eq(text_distance("a", "abcdef", 3), 3u);
}
