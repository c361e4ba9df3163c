/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/regex.h"

#include <criterion/criterion.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "vectors/data.h"

static void run(struct golden *g, const struct json *list)
{
    static const struct data_component *const tables[] = { data_regex_components, NULL };
    data_run(g, list, tables);
}

static const struct golden_section sections[] = { { "vectors", run, NULL }, { NULL, NULL, NULL } };

Test(regex, java_vectors)
{
    cr_assert_eq(golden_file("regexrouter-vectors.json", sections), 0);
}

Test(regex, matches_as_java_does)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        { "a|ab", "ab", true },
        { "orders-.*", "orders-eu", true },
        { "orders-.*", "my-orders-eu", false },
        { "[a[bc]]+", "abc", true },
        { "[^a[bc]]+", "xyz", true },
        { "[^a[bc]]+", "xbz", false },
        { "[a-z&&[^aeiou]&&[^xyz]]+", "bcd", true },
        { "[a-z&&[^aeiou]&&[^xyz]]+", "bxd", false },
        { "[^a-z&&[b-y]]", "a", true },
        { "[^a-z&&[b-y]]", "c", false },
        { "[]a]+", "]a", true },
        { "[a\\]b]+", "a]b", true },
        { "[\\Q]-[\\E]+", "]-[", true },
        { "\\p{Punct}+", "!:[`~", true },
        { "\\P{Digit}+", "abc", true },
        { "\\p{Lu}\\pL+", "Ab", true },
        { "\\x{1F600}", "\xF0\x9F\x98\x80", true },
        { "\\uD83D\\uDE00", "\xF0\x9F\x98\x80", true },
        { "\\d+", "\xD9\xA4", false },
        { "a\\Z", "a", true },
        { "(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)\\10", "abcdefghijj", true },
        { "(a)\\10", "aa0", true },
        { "x\\2", "x", false },
        { "(?<year>\\d{4})-\\k<year>", "2026-2026", true },
        { "a{2}", "aa", true },
        { "a{2,}", "aaa", true },
        { "(?i)OrDeRs", "oRdErS", true },
        { "(?d).*", "a\rb", true },
        { "", "", true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct regex *r = NULL;
        struct kaftan_error *err = regex_new(cases[i].pattern, &r);
        cr_assert_null(err, "%s: %s", cases[i].pattern, err ? kaftan_error_message(err) : "");
        cr_expect_eq(regex_matches(r, slice_of(cases[i].text)), cases[i].matches, "%s on %s", cases[i].pattern, cases[i].text);
        regex_free(r);
    }
    regex_free(NULL);
}

Test(regex, refuses_what_would_mean_something_else)
{
    static const struct {
        const char *pattern, *message;
    } cases[] = {
        { "*a", "Dangling meta character '*' near index 0\n*a\n^" },
        { "a|+", "Dangling meta character '+' near index 2\na|+\n  ^" },
        { "{", "Illegal repetition\n{" },
        { "a{x}", "Illegal repetition near index 0\na{x}\n^" },
        { "(*FAIL)", "Dangling meta character '*' near index 1\n(*FAIL)\n ^" },
        { "(?P<n>a)", "Unknown inline modifier near index 2\n(?P<n>a)\n  ^" },
        { "(?R)", "Unknown inline modifier near index 2\n(?R)\n  ^" },
        { "(?<a_b>x)", "named capturing group is missing trailing '>' near index 4\n(?<a_b>x)\n    ^" },
        { "\\K", "Illegal/unsupported escape sequence near index 1\n\\K\n ^" },
        { "a\\", "Unescaped trailing backslash near index 2\na\\" },
        { ")", "Unmatched closing ')'\n)" },
        { "(?i)\xC3\xA4", "not supported: (?i) together with characters beyond ASCII near index 0\n(?i)\xC3\xA4\n^" },
        { "a(?x)b", "not supported: flag 'x' here near index 3\na(?x)b\n   ^" },
        { "[a&&]", "not supported: an empty side of '&&' near index 0\n[a&&]\n^" },
        { "\xC3", "pattern is no valid UTF-8" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct regex *r = NULL;
        struct kaftan_error *err = regex_new(cases[i].pattern, &r);
        cr_assert_not_null(err, "accepted: %s", cases[i].pattern);
        cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
        cr_expect_str_eq(kaftan_error_message(err), cases[i].message);
        cr_expect_null(r);
        kaftan_error_free(err);
    }
}

Test(regex, cannot_hang)
{
    struct regex *r = NULL;
    struct kaftan_error *err = regex_new("(a*)*(a*)*(a*)*b", &r);
    cr_assert_null(err);
    char text[4000];
    memset(text, 'a', sizeof text);
    cr_expect_not(regex_matches(r, (struct kaftan_slice){ text, sizeof text }));
    cr_expect_not(regex_matches(r, (struct kaftan_slice){ "\xFF\x80", 2 }), "bytes that are no text are only no match");
    regex_free(r);
}
