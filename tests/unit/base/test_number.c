/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/text.h"

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

/* Lines of `d BITS TEXT` and `f BITS TEXT`, made by Java. */
Test(number, golden_texts)
{
    char kind, bits[17], text[64], found[32];
    FILE *f = fopen(TEST_DATA "/number-text.txt", "r");
    cr_assert_not_null(f);
    int n = 0;
    for (; fscanf(f, " %c %16s %63s", &kind, bits, text) == 3; n++) {
        uint64_t wide = strtoull(bits, NULL, 16);
        uint32_t narrow = (uint32_t)wide;
        double d;
        float x;
        memcpy(&d, &wide, sizeof d);
        memcpy(&x, &narrow, sizeof x);
        size_t len = kind == 'd' ? double_text(d, found) : float_text(x, found);
        const char *want = text[0] == '"' ? text + 1 : text;
        size_t want_len = strcspn(want, "\"");
        cr_expect(len == want_len && memcmp(found, want, len) == 0, "%c %s: %s, wanted %s", kind, bits, found, text);
    }
    (void)fclose(f);
    cr_expect_gt(n, 90);
}

Test(number, texts_read_back)
{
    char text[32];
    for (int i = 0; i < 20000; i++) {
        uint64_t bits;
        double d, back;
        random_bytes(&bits, sizeof bits);
        memcpy(&d, &bits, sizeof d);
        size_t len = double_text(d, text);
        cr_assert_lt(len, 32u);
        cr_assert(text_to_double(text, len, &back), "%s", text);
        cr_assert(back == d || (isnan(back) && isnan(d)), "%s", text);
    }
}

Test(number, i64)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "+7", true, 7 },
        { "-7", true, -7 },
        { "007", true, 7 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775809", false, 0 },
        { "99999999999999999999999", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "--1", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "1.0", false, 0 },
        { "0x1", false, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int64_t v = 0;
        cr_expect_eq(text_to_i64(cases[i].text, strlen(cases[i].text), &v), cases[i].ok, "%s", cases[i].text);
        cr_expect_eq(v, cases[i].value, "%s", cases[i].text);
    }
}

Test(number, doubles_of_java)
{
    static const struct {
        const char *text;
        bool ok;
        double value;
    } cases[] = {
        { "1", true, 1 },           { "-1.5e3", true, -1500 }, { "+.5", true, 0.5 },
        { "5.", true, 5 },          { "1e400", true, INFINITY }, { "0x1p3", true, 8 },
        { "0x.8p0", true, 0.5 },    { "2.5f", true, 2.5 },     { "2.5D", true, 2.5 },
        { "Infinity", true, INFINITY }, { "-Infinity", true, -INFINITY }, { "infinity", false, 0 },
        { "inf", false, 0 },        { "nan", false, 0 },       { "", false, 0 },
        { ".", false, 0 },          { "e5", false, 0 },        { "1e", false, 0 },
        { "0x1", false, 0 },        { "1,5", false, 0 },       { "1 ", false, 0 },
        { "1fd", false, 0 },        { "-", false, 0 },         { "0x", false, 0 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        double v = 0;
        cr_expect_eq(text_to_double(cases[i].text, strlen(cases[i].text), &v), cases[i].ok, "%s", cases[i].text);
        cr_expect(v == cases[i].value, "%s: %g", cases[i].text, v);
    }
    double nan = 0;
    cr_expect(text_to_double("NaN", 3, &nan) && isnan(nan));
}
