/* SPDX-License-Identifier: Apache-2.0 */
/* The three forms of a connector file, and what is wrong with one. */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "main/connector_file.h"

static char path[64];

static struct kaftan_error *load(const char *text, struct connector_file *ret)
{
    (void)snprintf(path, sizeof path, "/tmp/kaftan-connector-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
    struct kaftan_error *err = connector_file_load(path, ret);
    (void)unlink(path);
    return err;
}

/* `key=value|` for each, in order. */
static char *shown(const struct text_map *m)
{
    struct buf b = BUF_INIT;
    const char *k, *v;
    for (size_t i = 0; text_map_at(m, &i, &k, &v);)
        buf_printf(&b, "%s=%s|", k, v ? v : "(null)");
    return buf_take(&b);
}

Test(connector_file, takes)
{
    static const struct {
        const char *text, *want;
        int initial; /* -1: none */
    } cases[] = {
        { "# c\nname=a\nfile = /x\n", "name=a|file=/x|", -1 },
        { "{\"name\":\"a\",\"tasks.max\":1,\"t\":true,\"n\":null}", "name=a|tasks.max=1|t=true|n=(null)|", -1 },
        { " \n\t{\"name\":\"a\",\"config\":\"text\"}", "name=a|config=text|", -1 },
        { "\xEF\xBB\xBF{\"name\":\"a\"}", "name=a|", -1 },
        { "{\"name\":\"a\",\"config\":{\"k\":\"v\"}}", "k=v|name=a|", -1 },
        { "{\"name\":\"a\",\"config\":{\"name\":\"a\"},\"initial_state\":\"Paused\",\"more\":{}}", "name=a|", TARGET_PAUSED },
        { "{\"config\":{\"name\":\"a\"},\"initial_state\":\"STOPPED\"}", "name=a|", TARGET_STOPPED },
        { "{\"config\":{\"name\":\"a\"},\"initial_state\":null}", "name=a|", -1 },
        { "{\"config\":{\"name\":\"a\"},\"initial_state\":\"running\"}", "name=a|", TARGET_STARTED },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct connector_file f = { 0 };
        struct kaftan_error *err = load(cases[i].text, &f);
        cr_assert_null(err, "%s: %s", cases[i].text, err ? kaftan_error_message(err) : "");
        char *found = shown(f.config);
        cr_expect_str_eq(found, cases[i].want, "%s gave %s", cases[i].text, found);
        cr_expect_eq(f.has_initial ? (int)f.initial : -1, cases[i].initial, "%s", cases[i].text);
        mem_free(found);
        text_map_unref(f.config);
    }
}

Test(connector_file, refuses)
{
    static const struct {
        const char *text, *part;
    } cases[] = {
        { "file=/x\n", "Missing required configuration \"name\"" },
        { "", "Missing required configuration \"name\"" },
        { "name=a\nb=\\u12\n", "line 2" },
        { "{\"name\":\"a\",}", "line 1" },
        { "{\"file\":\"/x\"}", "Missing required configuration \"name\"" },
        { "{\"name\":null}", "Missing required configuration \"name\"" },
        { "{\"config\":{\"file\":\"/x\"}}", "Missing required configuration \"name\"" },
        { "{\"name\":\"a\",\"k\":[1]}", "the value of \"k\" must be" },
        { "{\"name\":\"a\",\"config\":{\"k\":{}}}", "the value of \"k\" must be" },
        { "{\"name\":\"a\",\"k\":\"\\u0000\"}", "the value of \"k\" is no text" },
        { "{\"name\":\"a\",\"k\":\"\\ud83d\"}", "the value of \"k\" is no text" },
        { "{\"name\":\"a\",\"config\":{\"name\":\"b\"}}", "(b) is not the \"name\" beside it" },
        { "{\"name\":\"a\",\"config\":{},\"initial_state\":\"gone\"}", "\"initial_state\" must be one of" },
        { "{\"name\":\"a\",\"config\":{},\"initial_state\":1}", "\"initial_state\" must be one of" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct connector_file f = { 0 };
        struct kaftan_error *err = load(cases[i].text, &f);
        struct buf trace = BUF_INIT;
        cr_assert_not_null(err, "accepted: %s", cases[i].text);
        cr_expect_null(f.config, "a failure must leave *ret alone");
        cr_expect_not_null(strstr(kaftan_error_message(err), path), "%s", kaftan_error_message(err));
        error_trace(err, &trace);
        cr_expect_not_null(strstr(buf_text(&trace), cases[i].part), "%s gave %s", cases[i].text, buf_text(&trace));
        buf_fini(&trace);
        kaftan_error_free(err);
    }
    struct connector_file f = { 0 };
    struct kaftan_error *err = connector_file_load("/nonexistent/c.properties", &f);
    cr_assert_not_null(err);
    cr_expect_not_null(strstr(kaftan_error_message(err), "/nonexistent/c.properties"));
    kaftan_error_free(err);
}
