/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first byte chooses the configuration, the rest is a message: read,
 * written again if it was good, and what was written read once more.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/keys.h"
#include "convert/builtin.h"
#include "data/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct kaftan_converter *json_class(void)
{
    const struct kaftan_converter *const *c = convert_builtin()->converters;
    while (strcmp((*c)->class_name, "org.apache.kafka.connect.json.JsonConverter") != 0)
        c++;
    return *c;
}

static void *open_converter(uint8_t choice, struct config_values **ret_config)
{
    const struct kaftan_converter *class = json_class();
    struct text_map *texts = text_map_new();
    struct kaftan_config_report *report = config_report_new();
    void *self = NULL;
    text_map_put(texts, "converter.type", "value");
    text_map_put(texts, "schemas.enable", choice & 1 ? "true" : "false");
    text_map_put(texts, "decimal.format", choice & 2 ? "NUMERIC" : "BASE64");
    text_map_put(texts, "replace.null.with.default", choice & 4 ? "true" : "false");
    text_map_put(texts, "schemas.cache.size", choice & 8 ? "0" : "4");
    *ret_config = config_parse(class->config, class->config_size, texts, report);
    struct kaftan_error *err = class->open(config_values_get(*ret_config), false, &self);
    ASSERT(!err);
    config_report_free(report);
    text_map_unref(texts);
    return self;
}

static bool pass(void *self, struct kaftan_arena *a, struct kaftan_slice in, struct kaftan_slice *out)
{
    const struct kaftan_schema *schema = NULL;
    struct kaftan_value v;
    struct buf text = BUF_INIT;
    struct kaftan_slice topic = { "t", 1 };
    struct kaftan_error *err = json_class()->to_connect(self, a, topic, in, &schema, &v);
    if (!err) {
        value_put_text(&text, &v);
        buf_fini(&text);
        err = json_class()->from_connect(self, a, topic, schema, &v, out);
    }
    kaftan_error_free(err);
    return !err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_values *config = NULL;
    struct kaftan_slice in = { (const char *)data + 1, size - 1 }, out = { NULL, 0 }, again = { NULL, 0 };
    if (size < 1)
        return 0;
    void *self = open_converter(data[0], &config);
    struct kaftan_arena *a = arena_new(1 << 16);
    if (pass(self, a, in, &out) && out.ptr) {
        ASSERT(utf8_valid(out.ptr, out.len));
        (void)pass(self, a, out, &again);
    }
    json_class()->close(self);
    config_values_free(config);
    arena_free(a);
    return 0;
}
