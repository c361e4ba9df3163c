/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "herder/validate.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "acme.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

static const struct json *load(struct kaftan_arena *a)
{
    char path[1024];
    const struct json *v = NULL;
    struct buf text = BUF_INIT;
    size_t n;
    (void)snprintf(path, sizeof path, "%s/connector-vectors.json", TEST_DATA);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    do {
        buf_reserve(&text, 65536);
        n = fread(text.data + text.len, 1, 65536, f);
        text.len += n;
    } while (n > 0);
    (void)fclose(f);
    struct kaftan_error *err = json_parse(a, text.data, text.len, 0, &v);
    cr_assert_null(err);
    buf_fini(&text);
    return v;
}

static struct text_map *props_of(const struct json *v)
{
    struct text_map *m = text_map_new();
    for (size_t i = 0; i < v->count; i++) {
        char *key = mem_strndup(v->members[i].name.ptr, v->members[i].name.len);
        char *value = v->members[i].value.type == JSON_NULL ? NULL : mem_strndup(v->members[i].value.text.ptr, v->members[i].value.text.len);
        text_map_put(m, key, value);
        mem_free(key);
        mem_free(value);
    }
    return m;
}

static const struct config_info *row(const struct config_infos *i, struct kaftan_slice name)
{
    for (size_t k = 0; k < i->count; k++)
        if (slice_eq_str(name, i->infos[k].name))
            return &i->infos[k];
    return NULL;
}

static void expect_text(const char *id, const char *what, const struct json *want, const char *have)
{
    bool same = want->type == JSON_NULL ? have == NULL : have && slice_eq_str(want->text, have);
    cr_expect(same, "%s %s: have %s, want %.*s", id, what, have ? have : "null", (int)want->text.len, want->text.ptr);
}

static void expect_list(const char *id, const char *what, const struct json *want, const char *const *have, size_t count)
{
    cr_expect_eq(want->count, count, "%s %s: have %zu, want %zu", id, what, count, want->count);
    for (size_t i = 0; i < want->count && i < count; i++)
        expect_text(id, what, &want->items[i], have[i]);
}

static void check_errors(const char *id, const struct json *want, const struct config_infos *i)
{
    size_t with = 0;
    for (size_t k = 0; k < i->count; k++)
        with += i->infos[k].error_count > 0;
    cr_expect_eq(with, want->count, "%s: %zu keys with errors, want %zu", id, with, want->count);
    for (size_t k = 0; k < want->count; k++) {
        const struct config_info *r = row(i, want->members[k].name);
        cr_expect_not_null(r, "%s: no %.*s", id, (int)want->members[k].name.len, want->members[k].name.ptr);
        if (r)
            expect_list(id, r->name, &want->members[k].value, r->errors, r->error_count);
    }
}

static void check_shown(const char *id, const struct json *want, const struct config_infos *i)
{
    for (size_t k = 0; k < want->count; k++) {
        const struct config_info *r = row(i, want->members[k].name);
        const struct json *d = json_get(&want->members[k].value, "definition"), *v = json_get(&want->members[k].value, "value");
        int64_t order = 0;
        cr_assert_not_null(r, "%s", id);
        expect_text(id, "type", json_get(d, "type"), r->type);
        expect_text(id, "default", json_get(d, "default_value"), r->default_value);
        expect_text(id, "importance", json_get(d, "importance"), r->importance);
        expect_text(id, "group", json_get(d, "group"), r->group);
        expect_text(id, "width", json_get(d, "width"), r->width);
        expect_text(id, "display", json_get(d, "display_name"), r->display_name);
        cr_expect_eq(json_get(d, "required")->type == JSON_TRUE, r->required, "%s", id);
        cr_expect(json_i64(json_get(d, "order_in_group"), &order) && order == r->order_in_group, "%s %s order", id, r->name);
        expect_list(id, "dependents", json_get(d, "dependents"), r->dependents, r->dependent_count);
        expect_text(id, "value", json_get(v, "value"), r->value);
        expect_list(id, "recommended", json_get(v, "recommended_values"), r->recommended, r->recommended_count);
        cr_expect_eq(json_get(v, "visible")->type == JSON_TRUE, r->visible, "%s", id);
    }
}

static void check_keys(const char *id, const struct json *want, const struct config_infos *i)
{
    cr_expect_eq(want->count, i->count, "%s: %zu rows, want %zu", id, i->count, want->count);
    for (size_t k = 0; k < want->count && k < i->count; k++)
        expect_text(id, "key", &want->items[k], i->infos[k].name);
}

static void check_answer(const char *id, const struct json *v, const struct config_infos *i)
{
    const struct json *e = json_get(v, "expected"), *key = json_get(v, "key"), *part;
    int64_t count;
    if (key) {
        const struct config_info *r = row(i, key->text);
        cr_assert_not_null(r, "%s", id);
        expect_text(id, "value", json_get(e, "value"), r->value);
        expect_list(id, "errors", json_get(e, "errors"), r->errors, r->error_count);
        return;
    }
    cr_assert(json_i64(json_get(e, "error_count"), &count), "%s", id);
    cr_expect_eq(count, i->error_count, "%s: %d errors, want %d", id, i->error_count, (int)count);
    check_errors(id, json_get(e, "errors"), i);
    if ((part = json_get(e, "configs")))
        check_shown(id, part, i);
    if ((part = json_get(e, "keys")))
        check_keys(id, part, i);
    if ((part = json_get(e, "groups")))
        expect_list(id, "groups", part, i->groups, i->group_count);
}

Test(validate, vectors)
{
    struct kaftan_arena *a = arena_new(65536);
    const struct json *all = json_get(load(a), "vectors");
    struct registry *r = acme_registry();
    struct worker_config *c = acme_config(false, NULL, NULL);
    for (size_t k = 0; k < all->count; k++) {
        const struct json *v = &all->items[k], *error = json_get(json_get(v, "expected"), "error");
        struct text_map *props = props_of(json_get(v, "props"));
        struct config_infos *i = NULL;
        char *id = mem_strndup(json_get(v, "id")->text.ptr, json_get(v, "id")->text.len);
        struct kaftan_error *err = validate_connector(c, r, props, &i);
        cr_assert_eq(err != NULL, error != NULL, "%s: %s", id, err ? kaftan_error_message(err) : "no error");
        if (error) {
            const struct json *whole = json_get(error, "message"), *prefix = json_get(error, "message_prefix");
            if (whole)
                expect_text(id, "error", whole, kaftan_error_message(err));
            else
                cr_expect(strncmp(kaftan_error_message(err), prefix->text.ptr, prefix->text.len) == 0, "%s", kaftan_error_message(err));
            cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
        } else {
            check_answer(id, v, i);
        }
        kaftan_error_free(err);
        config_infos_free(i);
        text_map_unref(props);
        mem_free(id);
    }
    (void)printf("connector vectors: %zu checked\n", all->count);
    worker_config_free(c);
    registry_free(r);
    arena_free(a);
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
