/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "config/props.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

/* `key=value|` for each, in order. */
static char *shown(const struct text_map *m)
{
    struct buf b = BUF_INIT;
    const char *k, *v;
    for (size_t i = 0; text_map_at(m, &i, &k, &v);)
        buf_printf(&b, "%s=%s|", k, v);
    return buf_take(&b);
}

Test(props, as_java_reads_them)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "" },
        { "\n \t\n# c\n! c\n", "" },
        { "a=1\nb:2\nc 3\nd\n", "a=1|b=2|c=3|d=|" },
        { "a = 1\n b\t:\t2 \n", "a=1|b=2 |" },
        { "a==1\nb=:2\nc = = 3", "a==1|b=:2|c== 3|" },
        { "a=1\r\nb=2\rc=3", "a=1|b=2|c=3|" },
        { "a=x\\\n   y\\\r\n\t z\nb=1", "a=xyz|b=1|" },
        { "a=x\\\\\nb=1", "a=x\\|b=1|" },
        { "a=x\\\n# no comment\nb=1", "a=x# no comment|b=1|" },
        { "a=x\\\n\nb=1", "a=x|b=1|" },
        { "# comment \\\nb=1", "b=1|" },
        { "a=x\\", "a=x|" },
        { "a\\ b\\=c\\:d=1", "a b=c:d=1|" },
        { "a=\\t\\n\\r\\f\\q\\\"", "a=\t\n\r\fq\"|" },
        { "a=\\u0041\\u00f6\\uD83D\\uDE00", "a=A\xC3\xB6\xF0\x9F\x98\x80|" },
        { "a=\\ud83dx", "a=?x|" },
        { "a=1\nb=2\na=3", "a=3|b=2|" },
        { "=1", "=1|" },
        { "\\#a=1\n\\ b=2", "#a=1| b=2|" },
        { "a=\xC3\xB6", "a=\xC3\xB6|" },
        { "a=\xF6", "a=\xC3\xB6|" }, /* ISO-8859-1 */
        { "\xEF\xBB\xBFgroup.id=x", "group.id=x|" },
        { "a=1 # not a comment", "a=1 # not a comment|" },
        { "\fa\f=\f1", "a=1|" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text_map *m = NULL;
        struct kaftan_error *err = props_parse(cases[i].text, strlen(cases[i].text), &m);
        cr_assert_null(err, "%s: %s", cases[i].text, err ? kaftan_error_message(err) : "");
        char *found = shown(m);
        cr_expect_str_eq(found, cases[i].want, "%s", cases[i].text);
        mem_free(found);
        text_map_unref(m);
    }
}

Test(props, refuses)
{
    static const struct {
        const char *text;
        size_t len;
        const char *message;
    } cases[] = {
        { "a=1\nb=\\u12", 10, "line 2: malformed \\uxxxx escape" },
        { "a=\\\n\\\n\\uXYZW", 12, "line 1: malformed \\uxxxx escape" },
        { "a=1\n\nb=\0", 8, "line 3: contains a NUL" },
        { "a=\\u0000", 8, "line 1: contains a NUL" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text_map *m = NULL;
        struct kaftan_error *err = props_parse(cases[i].text, cases[i].len, &m);
        cr_assert_not_null(err, "accepted: %zu", i);
        cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
        cr_expect_str_eq(kaftan_error_message(err), cases[i].message);
        cr_expect_null(m, "a failure must leave *ret alone");
        kaftan_error_free(err);
    }
}

static void write_file(char *path, const char *text, size_t len)
{
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, len), (ssize_t)len);
    (void)close(fd);
}

Test(props, files)
{
    char path[] = "/tmp/kaftan-props-XXXXXX";
    struct text_map *m = NULL;
    struct kaftan_error *err = props_load("/nonexistent/x.properties", &m);
    cr_assert_not_null(err);
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_NOT_FOUND);
    cr_expect_not_null(strstr(kaftan_error_message(err), "/nonexistent/x.properties"));
    kaftan_error_free(err);
    write_file(path, "a=1\n", 4);
    err = props_load(path, &m);
    cr_assert_null(err);
    cr_expect_str_eq(text_map_get(m, "a"), "1");
    text_map_unref(m);
    (void)unlink(path);
}

Test(props, bad_files)
{
    char path[] = "/tmp/kaftan-props-XXXXXX", large[] = "/tmp/kaftan-props-XXXXXX";
    struct text_map *m = NULL;
    write_file(path, "a=\\u1", 5);
    struct kaftan_error *err = props_load(path, &m);
    cr_assert_not_null(err);
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
    cr_expect_not_null(strstr(kaftan_error_message(err), path));
    kaftan_error_free(err);
    (void)unlink(path);
    char *text = mem_alloc(PROPS_FILE_LIMIT + 1);
    memset(text, '#', PROPS_FILE_LIMIT + 1);
    write_file(large, text, PROPS_FILE_LIMIT + 1);
    err = props_load(large, &m);
    cr_assert_not_null(err);
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
    kaftan_error_free(err);
    (void)unlink(large);
    mem_free(text);
    cr_expect_null(m);
    err = props_load("/tmp", &m);
    cr_assert_not_null(err, "a directory is no file");
    kaftan_error_free(err);
}
