/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JsonConverter (data-layer.md 4): with schemas.enable an envelope of schema
 * and payload, without it the payload alone.
 */
#include "config.h"

#include "convert/convert_int.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "convert/json_int.h"
#include "data/schema.h"

struct json_config {
    const char *converter_type;
    bool schemas_enable;
    int32_t cache_size;
    const char *content;
    const char *decimal_format;
    bool replace_null;
};

static struct kaftan_error *check_decimal_format(const char *self_name, const void *field)
{
    const char *const *text = field;
    if (strcasecmp(*text, "BASE64") == 0 || strcasecmp(*text, "NUMERIC") == 0)
        return NULL;
    return kaftan_error_new(KAFTAN_E_INVALID,
                            "Invalid value %s for configuration %s: String must be one of (case insensitive): "
                            "NUMERIC, BASE64",
                            *text, self_name);
}

static const struct kaftan_config_key json_keys[] = {
    CONVERTER_TYPE_KEY(struct json_config),
    { .name = "schemas.enable", KAFTAN_BOOLEAN_FIELD(struct json_config, schemas_enable), .def = "true",
      .importance = KAFTAN_HIGH, .width = KAFTAN_WIDTH_MEDIUM, .group = "Schemas", .display_name = "Enable Schemas",
      .doc = "Whether every message carries its schema, in an object with the members schema and payload." },
    { .name = "schemas.cache.size", KAFTAN_INT_FIELD(struct json_config, cache_size), .def = "1000",
      .importance = KAFTAN_HIGH, .width = KAFTAN_WIDTH_MEDIUM, .group = "Schemas", .order_in_group = 1,
      .display_name = "Schema Cache Size", .doc = "How many schemas are kept in memory in either direction." },
    { .name = "schema.content", KAFTAN_STRING_FIELD(struct json_config, content), .def = KAFTAN_NULL_DEFAULT,
      .importance = KAFTAN_HIGH, .width = KAFTAN_WIDTH_MEDIUM, .group = "Schemas", .order_in_group = 2,
      .display_name = "Schema Content",
      .doc = "A schema for every message that is read; then messages are the payload alone. Empty: messages carry "
             "their own." },
    { .name = "decimal.format", KAFTAN_STRING_FIELD(struct json_config, decimal_format), .def = "BASE64",
      .importance = KAFTAN_LOW, .width = KAFTAN_WIDTH_MEDIUM, .group = "Serialization",
      .validate = check_decimal_format, .display_name = "Decimal Format",
      .doc = "How decimals are written: BASE64, as text of their bytes, or NUMERIC, as numbers. Both are read." },
    { .name = "replace.null.with.default", KAFTAN_BOOLEAN_FIELD(struct json_config, replace_null), .def = "true",
      .importance = KAFTAN_LOW, .width = KAFTAN_WIDTH_MEDIUM, .group = "Serialization", .order_in_group = 1,
      .display_name = "Replace null with default",
      .doc = "Whether a null is replaced by the default of its schema; otherwise it stays a null." },
    { 0 },
};

enum { JSON_MAGIC = 0x4a534f4e, ARENA_HINT = 4096 };

static void json_close(void *self)
{
    if (!self)
        return;
    struct json_converter *c = OBJ_FROM(struct json_converter, JSON_MAGIC, self);
    json_cache_free(c);
    kaftan_schema_unref(c->content);
    arena_free(c->content_arena);
    node_reader_free(c->reader);
    buf_fini(&c->out);
    mem_free(c);
}

static struct kaftan_error *read_content(struct json_converter *c, const char *text)
{
    struct node n;
    c->content_arena = arena_new(ARENA_HINT);
    struct kaftan_error *err = node_read(c->reader, c->content_arena, slice_of(text), &n);
    if (err)
        return kaftan_error_wrap(err, "Failed to parse schema in converter config due to serialization error: ");
    if (n.kind == NODE_MISSING) /* nothing but blanks */
        return kaftan_error_new(KAFTAN_E_DATA, "Schema must contain 'type' field");
    return json_read_schema(c, c->content_arena, NULL, &n, &c->content);
}

static struct kaftan_error *json_open(const void *config, bool is_key, void **ret)
{
    const struct json_config *k = config;
    struct json_converter *c = mem_zalloc(1, sizeof *c);
    struct kaftan_error *err = NULL;
    (void)is_key;
    c->magic = JSON_MAGIC;
    c->schemas_enable = k->schemas_enable;
    c->replace_null = k->replace_null;
    c->numeric_decimals = strcasecmp(k->decimal_format, "NUMERIC") == 0;
    c->cache_limit = k->cache_size > 0 ? (size_t)k->cache_size : 0;
    c->reader = node_reader_new();
    if (k->content && *k->content)
        err = read_content(c, k->content);
    if (err) {
        json_close(c);
        return err;
    }
    *ret = c;
    return NULL;
}

static struct kaftan_error *json_open_header(const void *config, void **ret)
{
    return json_open(config, false, ret);
}

static struct kaftan_error *json_from(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                      const struct kaftan_schema *schema, const struct kaftan_value *value,
                                      struct kaftan_slice *ret)
{
    struct json_converter *c = OBJ_FROM(struct json_converter, JSON_MAGIC, self);
    struct kaftan_slice text = { NULL, 0 };
    struct kaftan_error *err = NULL;
    (void)topic;
    if (!schema && value->kind == KAFTAN_KIND_NULL) {
        *ret = text;
        return NULL;
    }
    if (c->schemas_enable) {
        err = json_cache_text(c, schema, &text);
        if (err)
            return err;
        if (text.ptr == c->out.data) /* made just now, where the message is to be */
            text.ptr = arena_memdup(a, text.ptr, text.len);
    }
    buf_clear(&c->out);
    if (c->schemas_enable) {
        buf_puts(&c->out, "{\"schema\":");
        buf_put_slice(&c->out, text);
        buf_puts(&c->out, ",\"payload\":");
    }
    err = json_write_value(c, &c->out, schema, value);
    if (err)
        return err;
    if (c->schemas_enable)
        buf_putc(&c->out, '}');
    *ret = (struct kaftan_slice){ arena_memdup(a, c->out.data, c->out.len), c->out.len };
    return NULL;
}

static struct kaftan_error *no_envelope(void)
{
    return kaftan_error_new(KAFTAN_E_DATA,
                            "JsonConverter with schemas.enable requires \"schema\" and \"payload\" fields and may not "
                            "contain additional fields. If you are trying to deserialize plain JSON data, set "
                            "schemas.enable=false in your converter configuration.");
}

static struct kaftan_error *json_to(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                    struct kaftan_slice bytes, const struct kaftan_schema **ret_schema,
                                    struct kaftan_value *ret)
{
    struct json_converter *c = OBJ_FROM(struct json_converter, JSON_MAGIC, self);
    const struct kaftan_schema *schema = NULL;
    struct node n;
    (void)topic;
    if (!bytes.ptr) {
        *ret_schema = NULL;
        *ret = kaftan_null();
        return NULL;
    }
    struct kaftan_error *err = node_read(c->reader, a, bytes, &n);
    if (err)
        return kaftan_error_wrap(err, "Converting byte[] to Kafka Connect data failed due to serialization error: ");
    const struct node *payload = &n;
    if (c->schemas_enable && c->content) {
        schema = c->content;
    } else if (c->schemas_enable) {
        const struct node *described = node_get(&n, "schema");
        payload = node_get(&n, "payload");
        if (!described || !payload || n.count != 2)
            return no_envelope();
        err = json_cache_schema(c, a, described, &schema);
        if (err)
            return err;
    }
    err = json_read_value(c, a, schema, payload, ret);
    if (!err)
        *ret_schema = schema;
    return err;
}

static struct kaftan_error *json_header_from(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                             struct kaftan_slice name, const struct kaftan_schema *schema,
                                             const struct kaftan_value *value, struct kaftan_slice *ret)
{
    (void)name;
    return json_from(self, a, topic, schema, value, ret);
}

static struct kaftan_error *json_header_to(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                           struct kaftan_slice name, struct kaftan_slice bytes,
                                           const struct kaftan_schema **ret_schema, struct kaftan_value *ret)
{
    (void)name;
    return json_to(self, a, topic, bytes, ret_schema, ret);
}

const struct kaftan_converter convert_json = {
    .size = sizeof(struct kaftan_converter),
    .class_name = "org.apache.kafka.connect.json.JsonConverter",
    .version = PACKAGE_VERSION,
    .config = json_keys,
    .config_size = sizeof(struct json_config),
    .open = json_open,
    .close = json_close,
    .from_connect = json_from,
    .to_connect = json_to,
};

const struct kaftan_header_converter convert_json_header = {
    .size = sizeof(struct kaftan_header_converter),
    .class_name = "org.apache.kafka.connect.json.JsonConverter",
    .version = PACKAGE_VERSION,
    .config = json_keys,
    .config_size = sizeof(struct json_config),
    .open = json_open_header,
    .close = json_close,
    .from_connect = json_header_from,
    .to_connect = json_header_to,
};
