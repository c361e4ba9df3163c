/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StringConverter: any value as Java's text for it, bytes as a string
 * (data-layer.md 5.1). In UTF-8, which is the default, strings pass through.
 */
#include "config.h"

#include "convert/convert_int.h"

#include "base/arena.h"
#include "base/mem.h"
#include "convert/charset.h"
#include "convert/text_int.h"
#include "data/value.h"

struct string_config {
    const char *converter_type;
    const char *encoding;
    const char *key_out, *key_in, *value_out, *value_in; /* NULL: `encoding` */
};

/* The serializers' own keys are honoured, but no part of the definition. */
#define OVERRIDE_KEY(key_name, f)                                              \
    { .name = key_name, KAFTAN_STRING_FIELD(struct string_config, f),          \
      .def = KAFTAN_NULL_DEFAULT, .importance = KAFTAN_LOW, .internal = true,  \
      .doc = "Overrides converter.encoding for one direction." }

static const struct kaftan_config_key string_keys[] = {
    CONVERTER_TYPE_KEY(struct string_config),
    { .name = "converter.encoding", KAFTAN_STRING_FIELD(struct string_config, encoding), .def = "UTF-8",
      .importance = KAFTAN_HIGH, .width = KAFTAN_WIDTH_MEDIUM, .display_name = "Encoding",
      .doc = "Character set of the text in Kafka, by any name that Java knows." },
    OVERRIDE_KEY("key.serializer.encoding", key_out),
    OVERRIDE_KEY("key.deserializer.encoding", key_in),
    OVERRIDE_KEY("value.serializer.encoding", value_out),
    OVERRIDE_KEY("value.deserializer.encoding", value_in),
    { 0 },
};

enum { STRING_MAGIC = 0x53545243 };

struct string_converter {
    uint32_t magic;
    struct charset *out, *in; /* owned; NULL: UTF-8 */
    struct buf text, bytes;   /* scratch */
};

static void string_close(void *self)
{
    if (!self)
        return;
    struct string_converter *c = OBJ_FROM(struct string_converter, STRING_MAGIC, self);
    charset_free(c->out);
    charset_free(c->in);
    buf_fini(&c->text);
    buf_fini(&c->bytes);
    mem_free(c);
}

static struct kaftan_error *string_open(const void *config, bool is_key, void **ret)
{
    const struct string_config *k = config;
    const char *out = is_key ? k->key_out : k->value_out;
    const char *in = is_key ? k->key_in : k->value_in;
    struct string_converter *c = mem_zalloc(1, sizeof *c);
    c->magic = STRING_MAGIC;
    struct kaftan_error *err = charset_new(out ? out : k->encoding, &c->out);
    if (!err)
        err = charset_new(in ? in : k->encoding, &c->in);
    if (err) {
        string_close(c);
        return err;
    }
    *ret = c;
    return NULL;
}

static struct kaftan_error *string_open_header(const void *config, void **ret)
{
    return string_open(config, false, ret);
}

static struct kaftan_error *string_from(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                        const struct kaftan_schema *schema, const struct kaftan_value *value,
                                        struct kaftan_slice *ret)
{
    struct string_converter *c = OBJ_FROM(struct string_converter, STRING_MAGIC, self);
    (void)topic, (void)schema;
    if ((!c->out || value->kind == KAFTAN_KIND_NULL) && text_borrow(value, ret))
        return NULL;
    buf_clear(&c->text);
    value_put_text(&c->text, value);
    if (!c->out) {
        *ret = text_keep(a, buf_slice(&c->text));
        return NULL;
    }
    buf_clear(&c->bytes);
    charset_encode(c->out, buf_slice(&c->text), &c->bytes);
    *ret = (struct kaftan_slice){ arena_memdup(a, buf_text(&c->bytes), c->bytes.len), c->bytes.len };
    return NULL;
}

static struct kaftan_error *string_to(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                      struct kaftan_slice bytes, const struct kaftan_schema **ret_schema,
                                      struct kaftan_value *ret)
{
    struct string_converter *c = OBJ_FROM(struct string_converter, STRING_MAGIC, self);
    (void)topic;
    *ret_schema = kaftan_schema_of(KAFTAN_TYPE_STRING, true);
    if (!bytes.ptr) {
        *ret = kaftan_null();
        return NULL;
    }
    if (!c->in) {
        struct kaftan_slice text = text_repair(a, bytes);
        *ret = kaftan_string(text.ptr, text.len);
        return NULL;
    }
    buf_clear(&c->text);
    charset_decode(c->in, bytes, &c->text);
    *ret = kaftan_string(arena_memdup(a, buf_text(&c->text), c->text.len), c->text.len);
    return NULL;
}

static struct kaftan_error *string_header_from(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                               struct kaftan_slice name, const struct kaftan_schema *schema,
                                               const struct kaftan_value *value, struct kaftan_slice *ret)
{
    (void)name;
    return string_from(self, a, topic, schema, value, ret);
}

static struct kaftan_error *string_header_to(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                             struct kaftan_slice name, struct kaftan_slice bytes,
                                             const struct kaftan_schema **ret_schema, struct kaftan_value *ret)
{
    (void)name;
    return string_to(self, a, topic, bytes, ret_schema, ret);
}

const struct kaftan_converter convert_string = {
    .size = sizeof(struct kaftan_converter),
    .class_name = "org.apache.kafka.connect.storage.StringConverter",
    .version = PACKAGE_VERSION,
    .config = string_keys,
    .config_size = sizeof(struct string_config),
    .open = string_open,
    .close = string_close,
    .from_connect = string_from,
    .to_connect = string_to,
};

const struct kaftan_header_converter convert_string_header = {
    .size = sizeof(struct kaftan_header_converter),
    .class_name = "org.apache.kafka.connect.storage.StringConverter",
    .version = PACKAGE_VERSION,
    .config = string_keys,
    .config_size = sizeof(struct string_config),
    .open = string_open_header,
    .close = string_close,
    .from_connect = string_header_from,
    .to_connect = string_header_to,
};
