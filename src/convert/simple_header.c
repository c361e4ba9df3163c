/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SimpleHeaderConverter: values as text, whose types are guessed when they are
 * read (data-layer.md 2.8). Nothing that is read is an error.
 */
#include "config.h"

#include "convert/convert_int.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/text.h"
#include "convert/text_int.h"
#include "data/values.h"

static struct log logger = LOG("convert.simple_header");

static struct kaftan_error *from_connect(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                         struct kaftan_slice name, const struct kaftan_schema *schema,
                                         const struct kaftan_value *value, struct kaftan_slice *ret)
{
    struct buf b = BUF_INIT;
    (void)self, (void)topic, (void)name, (void)schema;
    if (text_borrow(value, ret))
        return NULL;
    values_put_text(&b, value);
    *ret = text_keep(a, buf_slice(&b));
    buf_fini(&b);
    return NULL;
}

static struct kaftan_error *to_connect(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                       struct kaftan_slice name, struct kaftan_slice bytes,
                                       const struct kaftan_schema **ret_schema, struct kaftan_value *ret)
{
    (void)self, (void)topic;
    if (!bytes.ptr) {
        *ret_schema = NULL;
        *ret = kaftan_null();
        return NULL;
    }
    if (!values_parse(a, text_repair(a, bytes), ret_schema, ret)) {
        log_warn(&logger, "header is nested too deeply, taken as bytes", LOG_SLICE("header", name),
                 LOG_INT("bytes", bytes.len));
        *ret_schema = kaftan_schema_of(KAFTAN_TYPE_BYTES, false);
        *ret = kaftan_bytes(bytes.ptr, bytes.len);
    }
    return NULL;
}

static const struct kaftan_config_key no_keys[] = { { 0 } };

const struct kaftan_header_converter convert_simple_header = {
    .size = sizeof(struct kaftan_header_converter),
    .class_name = "org.apache.kafka.connect.storage.SimpleHeaderConverter",
    .version = PACKAGE_VERSION,
    .config = no_keys,
    .config_size = 0,
    .open = convert_open_plain_header,
    .close = convert_close_plain,
    .from_connect = from_connect,
    .to_connect = to_connect,
};
