/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "convert/builtin.h"

#include "convert/convert_int.h"

const char *const convert_types[] = { "key", "value", "header", NULL };

const struct kaftan_config_key convert_plain_keys[] = {
    CONVERTER_TYPE_KEY(struct plain_config),
    { 0 },
};

/* Not NULL, so that an open instance can be told from none. */
static char no_state;

struct kaftan_error *convert_open_plain(const void *config, bool is_key, void **ret)
{
    (void)config;
    (void)is_key;
    *ret = &no_state;
    return NULL;
}

struct kaftan_error *convert_open_plain_header(const void *config, void **ret)
{
    (void)config;
    *ret = &no_state;
    return NULL;
}

void convert_close_plain(void *self)
{
    (void)self;
}

static const struct kaftan_converter *const converters[] = {
    &convert_json,    &convert_string, &convert_bytes,   &convert_double,  &convert_float,
    &convert_integer, &convert_long,   &convert_short,   &convert_boolean, NULL,
};

static const struct kaftan_header_converter *const header_converters[] = {
    &convert_simple_header, &convert_json_header,    &convert_string_header, &convert_bytes_header,
    &convert_double_header, &convert_float_header,   &convert_integer_header, &convert_long_header,
    &convert_short_header,  &convert_boolean_header, NULL,
};

static const struct kaftan_plugin plugin = {
    .abi_major = KAFTAN_ABI_MAJOR,
    .abi_minor = KAFTAN_ABI_MINOR,
    .size = sizeof(struct kaftan_plugin),
    .key_size = sizeof(struct kaftan_config_key),
    .name = "convert",
    .version = PACKAGE_VERSION,
    .converters = converters,
    .header_converters = header_converters,
};

const struct kaftan_plugin *convert_builtin(void)
{
    return &plugin;
}
