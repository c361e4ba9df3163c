/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "acme.h"

#include <string.h>

#include "base/mem.h"

struct acme {
    const char *required;
    int32_t i;
    int64_t l;
    int16_t s;
    double d;
    bool b;
    struct kaftan_list list;
    const char *class, *choice;
    const struct kaftan_secret *password;
};

static const char *const int_dependents[] = { "t.long", NULL };
static const char *const choices[] = { "x", "y", NULL };

static const struct kaftan_config_key acme_keys[] = {
    { .name = "t.required", KAFTAN_STRING_FIELD(struct acme, required), .def = KAFTAN_NO_DEFAULT, .importance = KAFTAN_HIGH, .doc = "Text." },
    { .name = "t.int", KAFTAN_INT_FIELD(struct acme, i), .def = "5", .ranged = true, .min = 1, .max = 10, .importance = KAFTAN_MEDIUM,
      .group = "Numbers", .order_in_group = 1, .width = KAFTAN_WIDTH_SHORT, .display_name = "The int", .dependents = int_dependents,
      .doc = "Number." },
    { .name = "t.long", KAFTAN_LONG_FIELD(struct acme, l), .def = "7", .importance = KAFTAN_LOW, .doc = "Long." },
    { .name = "t.short", KAFTAN_SHORT_FIELD(struct acme, s), .def = "3", .importance = KAFTAN_LOW, .doc = "Short." },
    { .name = "t.double", KAFTAN_DOUBLE_FIELD(struct acme, d), .def = "1.5", .importance = KAFTAN_LOW, .doc = "Double." },
    { .name = "t.bool", KAFTAN_BOOLEAN_FIELD(struct acme, b), .def = "true", .importance = KAFTAN_LOW, .doc = "Flag." },
    { .name = "t.list", KAFTAN_LIST_FIELD(struct acme, list), .def = "a,b", .importance = KAFTAN_LOW, .doc = "List." },
    { .name = "t.class", KAFTAN_CLASS_FIELD(struct acme, class), .def = KAFTAN_NULL_DEFAULT, .importance = KAFTAN_LOW, .doc = "Class." },
    { .name = "t.enum", KAFTAN_STRING_FIELD(struct acme, choice), .def = "x", .allowed = choices, .importance = KAFTAN_LOW, .doc = "Choice." },
    { .name = "t.password", KAFTAN_PASSWORD_FIELD(struct acme, password), .def = KAFTAN_NULL_DEFAULT, .importance = KAFTAN_HIGH, .doc = "Secret." },
    { 0 },
};

struct plain {
    const char *topic;
};

static const struct kaftan_config_key plain_keys[] = {
    { .name = "topic", KAFTAN_STRING_FIELD(struct plain, topic), .def = "t", .importance = KAFTAN_HIGH, .doc = "Topic." },
    { 0 },
};

static void plain_validate(const void *config, const struct kaftan_config_texts *texts, struct kaftan_config_report *report)
{
    const struct plain *p = config;
    if (p->topic && strcmp(p->topic, "bad") == 0)
        kaftan_config_error(report, "topic", "the topic is bad");
    if (kaftan_config_text(texts, "odd"))
        kaftan_config_error(report, "odd", "odd is odd");
}

static struct kaftan_error *open_task(const void *config, struct kaftan_task *task, void **ret)
{
    (void)config, (void)task, (void)ret;
    return NULL;
}

static struct kaftan_error *poll_task(void *self, kaftan_deadline deadline, struct kaftan_batch *batch)
{
    (void)self, (void)deadline, (void)batch;
    return NULL;
}

static struct kaftan_error *put(void *self, const struct kaftan_record *records, size_t count, size_t *ret_taken)
{
    (void)self, (void)records;
    *ret_taken = count;
    return NULL;
}

static void close_task(void *self)
{
    (void)self;
}

static const struct kaftan_source acme_source = {
    .size = sizeof acme_source, .class_name = "com.acme.TestSource", .version = "1.0", .config = acme_keys,
    .config_size = sizeof(struct acme), .open = open_task, .poll = poll_task, .close = close_task,
};
static const struct kaftan_source plain_source = {
    .size = sizeof plain_source, .class_name = "com.acme.PlainSourceConnector", .version = "1.0", .config = plain_keys,
    .config_size = sizeof(struct plain), .validate = plain_validate, .open = open_task, .poll = poll_task, .close = close_task,
};
static const struct kaftan_sink acme_sink = {
    .size = sizeof acme_sink, .class_name = "com.acme.TestSink", .version = "1.0", .config = acme_keys,
    .config_size = sizeof(struct acme), .open = open_task, .put = put, .close = close_task,
};

static struct kaftan_error *open_key(const void *config, bool is_key, void **ret)
{
    (void)config, (void)is_key, (void)ret;
    return NULL;
}

static struct kaftan_error *open_header(const void *config, void **ret)
{
    (void)config, (void)ret;
    return NULL;
}

static struct kaftan_error *from(void *self, struct kaftan_arena *a, struct kaftan_slice topic, const struct kaftan_schema *schema,
                                 const struct kaftan_value *value, struct kaftan_slice *ret)
{
    (void)self, (void)a, (void)topic, (void)schema, (void)value, (void)ret;
    return NULL;
}

static struct kaftan_error *to(void *self, struct kaftan_arena *a, struct kaftan_slice topic, struct kaftan_slice bytes,
                               const struct kaftan_schema **ret_schema, struct kaftan_value *ret)
{
    (void)self, (void)a, (void)topic, (void)bytes, (void)ret_schema, (void)ret;
    return NULL;
}

static struct kaftan_error *from_header(void *self, struct kaftan_arena *a, struct kaftan_slice topic, struct kaftan_slice name,
                                        const struct kaftan_schema *schema, const struct kaftan_value *value, struct kaftan_slice *ret)
{
    (void)self, (void)a, (void)topic, (void)name, (void)schema, (void)value, (void)ret;
    return NULL;
}

static struct kaftan_error *to_header(void *self, struct kaftan_arena *a, struct kaftan_slice topic, struct kaftan_slice name,
                                      struct kaftan_slice bytes, const struct kaftan_schema **ret_schema, struct kaftan_value *ret)
{
    (void)self, (void)a, (void)topic, (void)name, (void)bytes, (void)ret_schema, (void)ret;
    return NULL;
}

struct json_values {
    bool schemas;
    int32_t cache;
    const char *decimals;
};

static struct kaftan_error *check_decimals(const char *name, const void *field)
{
    const char *text;
    memcpy(&text, field, sizeof text);
    if (strcmp(text, "BASE64") == 0 || strcmp(text, "NUMERIC") == 0)
        return NULL;
    return kaftan_error_new(KAFTAN_E_INVALID,
                            "Invalid value %s for configuration %s: String must be one of (case insensitive): NUMERIC, BASE64", text, name);
}

static const struct kaftan_config_key json_keys[] = {
    { .name = "schemas.enable", KAFTAN_BOOLEAN_FIELD(struct json_values, schemas), .def = "true", .importance = KAFTAN_HIGH, .doc = "Envelope." },
    { .name = "schemas.cache.size", KAFTAN_INT_FIELD(struct json_values, cache), .def = "1000", .importance = KAFTAN_HIGH, .doc = "Cache." },
    { .name = "decimal.format", KAFTAN_STRING_FIELD(struct json_values, decimals), .def = "BASE64", .validate = check_decimals,
      .importance = KAFTAN_LOW, .doc = "Decimals." },
    { 0 },
};

static const struct kaftan_converter json = {
    .size = sizeof json, .class_name = "org.apache.kafka.connect.json.JsonConverter", .version = "4.3.1", .config = json_keys,
    .config_size = sizeof(struct json_values), .open = open_key, .close = close_task, .from_connect = from, .to_connect = to,
};
static const struct kaftan_header_converter json_header = {
    .size = sizeof json_header, .class_name = "org.apache.kafka.connect.json.JsonConverter", .version = "4.3.1", .config = json_keys,
    .config_size = sizeof(struct json_values), .open = open_header, .close = close_task, .from_connect = from_header,
    .to_connect = to_header,
};
static const struct kaftan_header_converter simple = {
    .size = sizeof simple, .class_name = "org.apache.kafka.connect.storage.SimpleHeaderConverter", .version = "4.3.1",
    .open = open_header, .close = close_task, .from_connect = from_header, .to_connect = to_header,
};

static const struct kaftan_source *const sources[] = { &acme_source, &plain_source, NULL };
static const struct kaftan_sink *const sinks[] = { &acme_sink, NULL };
static const struct kaftan_converter *const converters[] = { &json, NULL };
static const struct kaftan_header_converter *const header_converters[] = { &json_header, &simple, NULL };
static const struct kaftan_plugin plugin = {
    .abi_major = KAFTAN_ABI_MAJOR, .abi_minor = KAFTAN_ABI_MINOR, .size = sizeof plugin, .key_size = sizeof(struct kaftan_config_key),
    .name = "acme", .version = "1.0", .sources = sources, .sinks = sinks, .converters = converters,
    .header_converters = header_converters,
};

struct registry *acme_registry(void)
{
    struct registry *r = registry_new();
    struct kaftan_error *err = registry_add(r, &plugin, "");
    ASSERT(!err);
    return r;
}

struct worker_config *acme_config(bool distributed, const char *key, const char *value)
{
    static const char *const pairs[][2] = {
        { "bootstrap.servers", "127.0.0.1:9" },
        { "group.id", "g" },
        { "key.converter", "org.apache.kafka.connect.json.JsonConverter" },
        { "value.converter", "org.apache.kafka.connect.json.JsonConverter" },
        { "config.storage.topic", "c" },
        { "offset.storage.topic", "o" },
        { "status.storage.topic", "s" },
        { "offset.storage.file.filename", "/tmp/unused" },
    };
    struct text_map *props = text_map_new();
    struct worker_config *c = NULL;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        text_map_put(props, pairs[i][0], pairs[i][1]);
    if (key)
        text_map_put(props, key, value);
    struct kaftan_error *err = worker_config_new(props, distributed, &c);
    ASSERT(!err);
    text_map_unref(props);
    return c;
}
