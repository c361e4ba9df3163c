/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "herder/validate.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "acme.h"
#include "base/mem.h"
#include "base/text.h"
#include "vectors/data.h"

static const struct config_info *row(const struct config_infos *i, struct kaftan_slice name)
{
    for (size_t k = 0; k < i->count; k++)
        if (slice_eq_str(name, i->infos[k].name))
            return &i->infos[k];
    return NULL;
}

static void run(struct golden *g, const struct json *list)
{
    static const struct data_component *const tables[] = { data_herder_components, NULL };
    data_run(g, list, tables);
}

static const struct golden_section sections[] = { { "vectors", run, NULL }, { NULL, NULL, NULL } };

Test(validate, vectors)
{
    cr_assert_eq(golden_file("connector-vectors.json", sections), 0);
}

struct one {
    const char *key, *value; /* added to a good config */
    const char *where;       /* whose errors; NULL: none anywhere */
    const char *text;        /* begins with */
};

static void check_one(const struct one *o, bool distributed, const char *worker_key, const char *worker_value, const char *class)
{
    struct registry *r = acme_registry();
    struct worker_config *c = acme_config(distributed, worker_key, worker_value);
    struct text_map *props = text_map_new();
    struct config_infos *i = NULL;
    text_map_put(props, "name", "n");
    text_map_put(props, "connector.class", class);
    text_map_put(props, "t.required", "x");
    if (o->key)
        text_map_put(props, o->key, o->value);
    struct kaftan_error *err = validate_connector(c, r, props, &i);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    if (!o->where) {
        err = config_infos_error(i);
        cr_expect_null(err, "%s=%s: %s", o->key, o->value, err ? kaftan_error_message(err) : "");
        kaftan_error_free(err);
    } else {
        const struct config_info *row_of = row(i, slice_of(o->where));
        cr_expect(row_of && row_of->error_count > 0 && text_starts(row_of->errors[row_of->error_count - 1], o->text), "%s=%s: %s", o->key,
                  o->value, row_of && row_of->error_count ? row_of->errors[row_of->error_count - 1] : "no error");
    }
    config_infos_free(i);
    text_map_unref(props);
    worker_config_free(c);
    registry_free(r);
}

Test(validate, refuses_by_name_what_does_not_exist_yet)
{
    static const struct one cases[] = {
        { "transforms", "a", "transforms", "The transformation 'a' (no type given) cannot be used" },
        { "predicates", "p", "predicates", "The predicate 'p' (no type given) cannot be used" },
        { "t.password", "${file:/secrets:pw}", "t.password", "Configuration 't.password' refers to the config provider 'file'" },
        { "t.enum", "${env:X}", "t.enum", "Configuration 't.enum' refers to the config provider 'env'" },
        { "anything", "a ${directory:/d:k} b", "anything", "Configuration 'anything' refers to the config provider 'directory'" },
        { "producer.override.sasl.jaas.config", "${file:a:b}", "producer.override.sasl.jaas.config",
          "Configuration 'producer.override.sasl.jaas.config' refers to the config provider 'file'" },
        { "tasks.max", "${env:N}", "tasks.max", "Configuration 'tasks.max' refers to the config provider 'env'" },
        { "topic.creation.default.partitions", "${env:N}", "topic.creation.default.partitions", "Configuration 'topic.creation" },
        { "t.required", "${topic}", NULL, NULL },
        { "t.required", "${json:/id:-${topic}} ${header:a}", NULL, NULL },
        { "t.required", "${file:/id:x}", "t.required", "Configuration 't.required' refers" },
        { "key.converter", "Nope", "key.converter", "Invalid value Nope for configuration key.converter: Class Nope could not be found." },
        { "key.converter", "SimpleHeaderConverter", "key.converter",
          "Class class org.apache.kafka.connect.storage.SimpleHeaderConverter does not implement the Converter interface" },
        { "header.converter", "com.acme.TestSink", "header.converter", "Class class com.acme.TestSink does not implement the HeaderConverter" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_one(&cases[i], true, NULL, NULL, "com.acme.TestSource");
}

Test(validate, nulls_versions_and_exactly_once)
{
    static const struct one cases[] = {
        { "errors.tolerance", NULL, "errors.tolerance", "Null value can not be supplied as the configuration value." },
        { "unheard.of", NULL, "unheard.of", "Null value can not be supplied as the configuration value." },
        { "producer.override.acks", NULL, "producer.override.acks", "Null value can not be supplied as the configuration value." },
        { "t.class", NULL, NULL, NULL },
        { "connector.plugin.version", "1.0", NULL, NULL },
        { "connector.plugin.version", "[0.9,2)", NULL, NULL },
        { "connector.plugin.version", "2.0", "connector.class",
          "Plugin com.acme.TestSource not found that matches the version range [2.0,2.0], available versions: [1.0]" },
        { "exactly.once.support", "required", "exactly.once.support", "The connector does not implement the API required" },
        { "transaction.boundary", "connector", "transaction.boundary", "The connector does not support connector-defined" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_one(&cases[i], true, NULL, NULL, "com.acme.TestSource");
}

Test(validate, override_policies)
{
    static const struct one cases[] = {
        { "producer.override.acks", "1", "producer.override.acks",
          "The 'Principal' policy does not allow 'acks' to be overridden in the connector configuration." },
        { "producer.override.sasl.mechanism", "PLAIN", NULL, NULL },
        { "consumer.override.foo", "1", NULL, NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_one(&cases[i], true, "connector.client.config.override.policy", "Principal", "com.acme.TestSource");
    static const struct one none = { "producer.override.sasl.mechanism", "PLAIN", "producer.override.sasl.mechanism",
                                     "The 'None' policy does not allow 'sasl.mechanism'" };
    check_one(&none, true, "connector.client.config.override.policy", "None", "com.acme.TestSource");
}

Test(validate, consumer_group_of_a_sink)
{
    static const struct one given = { "consumer.override.group.id", "g", "consumer.override.group.id",
                                      "Consumer group g conflicts with Connect worker group g" };
    struct registry *r = acme_registry();
    struct worker_config *c = acme_config(true, "group.id", "connect-n");
    struct text_map *props = text_map_new();
    struct config_infos *i = NULL;
    text_map_put(props, "name", "n");
    text_map_put(props, "connector.class", "TestSink");
    text_map_put(props, "topics", "t");
    text_map_put(props, "t.required", "x");
    cr_assert_null(validate_connector(c, r, props, &i));
    cr_expect_eq(i->error_count, 1);
    cr_expect_str_eq(row(i, slice_of("name"))->errors[0],
                     "Consumer group for sink connector named n conflicts with Connect worker group connect-n");
    config_infos_free(i);
    text_map_put(props, given.key, "connect-n");
    cr_assert_null(validate_connector(c, r, props, &i));
    cr_expect_str_eq(i->infos[0].name, "consumer.override.group.id");
    cr_expect_not(i->infos[0].defined);
    cr_expect_str_eq(i->infos[0].errors[0], "Consumer group connect-n conflicts with Connect worker group connect-n");
    config_infos_free(i);
    text_map_unref(props);
    worker_config_free(c);
    registry_free(r);
}

Test(validate, plugin_checks_and_the_text_of_all_errors)
{
    struct registry *r = acme_registry();
    struct worker_config *c = acme_config(true, NULL, NULL);
    struct text_map *props = text_map_new();
    struct config_infos *i = NULL;
    text_map_put(props, "name", "n");
    text_map_put(props, "connector.class", "Plain");
    cr_assert_null(registry_connector(r, "Plain"));
    text_map_put(props, "connector.class", "PlainSource");
    text_map_put(props, "topic", "bad");
    text_map_put(props, "odd", "1");
    text_map_put(props, "tasks.max", "dog");
    cr_assert_null(validate_connector(c, r, props, &i));
    struct kaftan_error *err = config_infos_error(i);
    cr_assert_not_null(err);
    cr_expect_str_eq(kaftan_error_message(err),
                     "Connector configuration is invalid and contains the following 4 error(s):\n"
                     "odd is odd\n"
                     "Invalid value dog for configuration tasks.max: Not a number of type INT\n"
                     "Invalid value null for configuration tasks.max: Value must be non-null\n"
                     "the topic is bad\n"
                     "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`");
    cr_expect_eq(kaftan_error_http_status(err), 400);
    kaftan_error_free(err);
    config_infos_free(i);
    text_map_unref(props);
    worker_config_free(c);
    registry_free(r);
}

Test(validate, what_no_answer_can_hold)
{
    static const struct {
        const char *class, *key, *value, *text;
        int status;
    } cases[] = {
        { "Nope", NULL, NULL, "Failed to find any class that implements Connector and which name matches Nope, available", 400 },
        { "Nope", NULL, NULL, "org.apache.kafka.connect.errors.ConnectException: Failed to find any class", 400 },
        { "Nope2", NULL, NULL, "Failed to find any class that implements Connector and which name matches Nope2, available", 400 },
        { "com.acme.TestSource", "producer.override.linger.ms", "abc",
          "Invalid value abc for configuration linger.ms: Not a number of type LONG", 500 },
    };
    struct registry *r = acme_registry();
    struct worker_config *c = acme_config(true, NULL, NULL);
    for (size_t n = 0; n < COUNT_OF(cases); n++) {
        struct text_map *props = text_map_new();
        struct config_infos *i = NULL;
        text_map_put(props, "name", "n");
        text_map_put(props, "connector.class", cases[n].class);
        text_map_put(props, "t.required", "x");
        if (cases[n].key)
            text_map_put(props, cases[n].key, cases[n].value);
        struct kaftan_error *err = validate_connector(c, r, props, &i);
        cr_assert_not_null(err, "%zu", n);
        cr_expect(text_starts(kaftan_error_message(err), cases[n].text), "%s", kaftan_error_message(err));
        cr_expect_eq(kaftan_error_http_status(err), cases[n].status);
        cr_expect_null(i);
        kaftan_error_free(err);
        text_map_unref(props);
    }
    worker_config_free(c);
    registry_free(r);
}

Test(validate, describes)
{
    struct registry *r = acme_registry();
    struct config_infos *i = NULL;
    struct kaftan_error *err = validate_describe(r, "Nope", NULL, &i);
    cr_assert_not_null(err);
    cr_expect_str_eq(kaftan_error_message(err), "Unknown plugin Nope.");
    cr_expect_eq(kaftan_error_http_status(err), 404);
    kaftan_error_free(err);
    static const char *const versions[][2] = {
        { "[1", "Invalid version specification: [1" },
        { "7", "not found that matches the version range [7,7], available versions: [1.0]" },
        { "x y", "not found that matches the version range [x y,x y], available versions: [1.0]" },
        { "", "not found that matches the version range [,], available versions: [1.0]" },
        { "1.0", NULL },
        { "[0.9,2)", NULL },
    };
    for (size_t n = 0; n < COUNT_OF(versions); n++) {
        err = validate_describe(r, "PlainSource", versions[n][0], &i);
        cr_expect_eq(!err, !versions[n][1], "%s", versions[n][0]);
        if (err) {
            cr_expect_not_null(strstr(kaftan_error_message(err), versions[n][1]), "%s", kaftan_error_message(err));
            cr_expect_eq(kaftan_error_http_status(err), 400);
        } else {
            config_infos_free(i);
        }
        kaftan_error_free(err);
    }
    cr_assert_null(validate_describe(r, "PlainSource", "latest", &i));
    cr_expect_str_eq(i->infos[0].name, "topic");
    cr_expect_str_eq(i->infos[1].name, "name");
    cr_expect_null(row(i, slice_of("key.converter"))->default_value);
    cr_expect_str_eq(row(i, slice_of("connector.plugin.version"))->default_value, "1.0");
    cr_expect_eq(i->count, 1u + 19u + 5u);
    config_infos_free(i);
    cr_assert_null(validate_describe(r, "JsonConverter", NULL, &i));
    cr_expect_str_eq(i->infos[0].name, "converter.type");
    config_infos_free(i);
    registry_free(r);
}
