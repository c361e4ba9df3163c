/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "config/keys.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

struct sample {
    const char *uri;
    int32_t qos;
    int16_t small;
    int64_t large;
    double factor;
    bool clean;
    struct kaftan_list topics;
    const char *class;
    const struct kaftan_secret *password;
    const char *mode;
};

static struct kaftan_error *check_uri(const char *self_name, const void *field)
{
    const char *uri = *(const char *const *)field;
    if (text_starts(uri, "tcp:"))
        return NULL;
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration %s: unknown scheme", uri, self_name);
}

static const char *const modes[] = { "none", "all", NULL };

static const struct kaftan_config_key sample_keys[] = {
    { .name = "uri", KAFTAN_STRING_FIELD(struct sample, uri), .def = KAFTAN_NO_DEFAULT, .validate = check_uri,
      .importance = KAFTAN_HIGH, .group = "Connection", .doc = "Where the broker is; a|b." },
    { .name = "qos", KAFTAN_INT_FIELD(struct sample, qos), .def = "1", .ranged = true, .min = 0, .max = 2,
      .importance = KAFTAN_MEDIUM, .group = "Subscription", .doc = "Quality of service." },
    { .name = "small", KAFTAN_SHORT_FIELD(struct sample, small), .def = "-5" },
    { .name = "large", KAFTAN_LONG_FIELD(struct sample, large), .def = "5000000000", .ranged = true, .min = -1 },
    { .name = "factor", KAFTAN_DOUBLE_FIELD(struct sample, factor), .def = "1.50" },
    { .name = "clean", KAFTAN_BOOLEAN_FIELD(struct sample, clean), .def = "TRUE" },
    { .name = "topics", KAFTAN_LIST_FIELD(struct sample, topics), .def = KAFTAN_NO_DEFAULT, .non_empty = true,
      .group = "Subscription" },
    { .name = "class", KAFTAN_CLASS_FIELD(struct sample, class), .def = KAFTAN_NULL_DEFAULT },
    { .name = "password", KAFTAN_PASSWORD_FIELD(struct sample, password), .def = KAFTAN_NULL_DEFAULT,
      .group = "Connection" },
    { .name = "mode", KAFTAN_STRING_FIELD(struct sample, mode), .def = "none", .allowed = modes },
    { .name = "hidden", KAFTAN_STRING_FIELD(struct sample, mode), .def = "none", .internal = true },
    { 0 },
};

static struct text_map *texts_of(const char *const *pairs)
{
    struct text_map *m = text_map_new();
    for (size_t i = 0; pairs[i]; i += 2)
        text_map_put(m, pairs[i], pairs[i + 1]);
    return m;
}

Test(keys, fills_the_struct)
{
    static const char *const pairs[] = { "uri",  " tcp://h ", "topics",   " a , b ", "small", "+7",
                                         "class", "x.Y",     "password", " s3cret ", "qos", "2", "unknown", "1", NULL };
    struct text_map *m = texts_of(pairs);
    struct kaftan_config_report *r = config_report_new();
    struct config_values *v = config_parse(sample_keys, sizeof(struct sample), m, r);
    struct kaftan_error *err = config_report_error(r);
    cr_assert_null(err);
    text_map_unref(m);
    const struct sample *s = config_values_get(v);
    cr_expect_str_eq(s->uri, "tcp://h");
    cr_expect_eq(s->qos, 2);
    cr_expect_eq(s->small, 7);
    cr_expect_eq(s->large, 5000000000);
    cr_expect_eq(s->factor, 1.5);
    cr_expect(s->clean);
    cr_assert_eq(s->topics.count, 2u);
    cr_expect_str_eq(s->topics.items[0], "a");
    cr_expect_str_eq(s->topics.items[1], "b");
    cr_expect_str_eq(s->class, "x.Y");
    cr_expect_str_eq(kaftan_secret_reveal(s->password), "s3cret");
    cr_expect_str_eq(s->mode, "none");
    config_values_free(v);
    config_values_free(NULL);
    config_report_free(r);
}

Test(keys, every_bad_key_is_reported)
{
    static const char *const pairs[] = { "uri", "http://h", "qos", "3", "clean", "yes", "mode", "some", NULL };
    struct text_map *m = texts_of(pairs);
    struct kaftan_config_report *r = config_report_new();
    struct config_values *v = config_parse(sample_keys, sizeof(struct sample), m, r);
    struct buf b = BUF_INIT;
    const char *key, *text;
    for (size_t i = 0; config_report_at(r, &i, &key, &text);)
        buf_printf(&b, "%s: %s\n", key, text);
    cr_expect_str_eq(buf_text(&b),
                     "uri: Invalid value http://h for configuration uri: unknown scheme\n"
                     "qos: Invalid value 3 for configuration qos: Value must be no more than 2\n"
                     "clean: Invalid value yes for configuration clean: Expected value to be either true or false\n"
                     "topics: Missing required configuration \"topics\" which has no default value.\n"
                     "topics: Configuration 'topics' values must not be null.\n"
                     "mode: Invalid value some for configuration mode: String must be one of: none, all\n");
    cr_expect_eq(config_report_error_count(r), 6u);
    struct kaftan_error *err = config_report_error(r);
    cr_assert_not_null(err);
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
    cr_expect_null(strstr(kaftan_error_message(err), "must not be null"), "parse stops at a key's first error");
    kaftan_error_free(err);
    const struct sample *s = config_values_get(v);
    cr_expect_null(s->uri, "a bad field keeps zero");
    cr_expect_eq(s->qos, 0);
    buf_fini(&b);
    config_values_free(v);
    config_report_free(r);
    text_map_unref(m);
}

Test(keys, report_of_plugins)
{
    struct kaftan_config_report *r = config_report_new();
    kaftan_config_warning(r, "unknown key %s", "x");
    kaftan_config_error(r, "topics", "topics and %s are mutually exclusive", "topics.regex");
    kaftan_config_error(r, "k", "bad");
    const char *key, *text;
    size_t i = 0, w = 0;
    cr_expect_eq(config_report_error_count(r), 2u);
    cr_assert(config_report_at(r, &i, &key, &text));
    cr_expect_str_eq(key, "topics");
    cr_assert(config_report_warning_at(r, &w, &text));
    cr_expect_str_eq(text, "unknown key x");
    cr_expect_not(config_report_warning_at(r, &w, &text));
    struct kaftan_error *err = config_report_error(r);
    cr_assert_not_null(err);
    cr_expect_str_eq(kaftan_error_message(err), "topics and topics.regex are mutually exclusive; k: bad");
    kaftan_error_free(err);
    config_report_free(r);
    config_report_free(NULL);
}

Test(keys, described)
{
    struct buf b = BUF_INIT;
    cr_expect_eq(config_key_find(sample_keys, "qos"), &sample_keys[1]);
    cr_expect_null(config_key_find(sample_keys, "nope"));
    cr_expect_str_eq(config_type_name(KAFTAN_PASSWORD), "PASSWORD");
    cr_expect_str_eq(config_importance_name(KAFTAN_LOW), "LOW");
    cr_expect_str_eq(config_width_name(KAFTAN_WIDTH_LONG), "LONG");
    static const struct {
        const char *key, *text, *want;
    } cases[] = {
        { "factor", "1.50", "1.5" }, { "topics", " a , b ", "a,b" }, { "password", "x", "[hidden]" },
        { "clean", " TRUE ", "true" }, { "qos", "x", NULL },          { "qos", NULL, NULL },
        { "topics", "", "" },          { "large", "+07", "7" },       { "password", KAFTAN_NULL_DEFAULT, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        bool ok = config_value_shown(config_key_find(sample_keys, cases[i].key), cases[i].text, &b);
        cr_expect_eq(ok, cases[i].want != NULL, "%zu", i);
        cr_expect_str_eq(buf_text(&b), cases[i].want ? cases[i].want : "", "%zu", i);
    }
    buf_clear(&b);
    config_table_markdown(sample_keys, &b);
    cr_expect_not_null(strstr(buf_text(&b), "### Connection\n"));
    cr_expect_not_null(strstr(buf_text(&b), "| `uri` | string | required |  | high | Where the broker is; a\\|b. |\n"
                                            "| `password` | password | none |  | high |  |\n"));
    cr_expect_not_null(strstr(buf_text(&b), "| `qos` | int | `1` | 0 to 2 | medium | Quality of service. |\n"));
    cr_expect_null(strstr(buf_text(&b), "hidden"));
    buf_fini(&b);
}

Test(keys, sdk_texts)
{
    static const char *const pairs[] = { "a", "1", "b", NULL, NULL };
    struct text_map *m = texts_of(pairs);
    text_map_put(m, "b", NULL);
    const struct kaftan_config_texts *c = config_texts_of(m);
    const char *k, *v;
    size_t n = 0;
    cr_expect_str_eq(kaftan_config_text(c, "a"), "1");
    cr_expect_null(kaftan_config_text(c, "b"));
    cr_expect_null(kaftan_config_text(c, "c"));
    for (size_t i = 0; kaftan_config_text_at(c, &i, &k, &v);)
        n++;
    cr_expect_eq(n, 2u);
    text_map_unref(m);
    cr_expect_str_eq(kaftan_secret_reveal(NULL), "");
    secret_free(NULL);
}
