/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_CONVERT_INT_H
#define CONVERT_CONVERT_INT_H
/*
 * convert_int: the converters of this room, and what they share.
 *
 * Every class is both a converter and a header converter; the latter are the
 * same code without topic-side differences.
 *
 * Owner    constants
 * Thread   an instance: its task's
 */
#include <kaftan/transform.h>

extern const struct kaftan_converter convert_string, convert_bytes, convert_short, convert_integer, convert_long,
    convert_float, convert_double, convert_boolean, convert_json;
extern const struct kaftan_header_converter convert_string_header, convert_bytes_header, convert_short_header,
    convert_integer_header, convert_long_header, convert_float_header, convert_double_header, convert_boolean_header,
    convert_json_header, convert_simple_header;

/* The key that every converter but SimpleHeaderConverter has; filled in by the worker. */
extern const char *const convert_types[]; /* key, value, header */
#define CONVERTER_TYPE_KEY(T)                                                  \
    { .name = "converter.type", KAFTAN_STRING_FIELD(T, converter_type),        \
      .def = KAFTAN_NO_DEFAULT, .allowed = convert_types,                      \
      .importance = KAFTAN_LOW, .display_name = "converter.type",              \
      .doc = "What this converter is used for; set by the worker." }

struct plain_config {
    const char *converter_type;
};
extern const struct kaftan_config_key convert_plain_keys[];

/* Instances without state. */
struct kaftan_error *convert_open_plain(const void *config, bool is_key, void **ret);
struct kaftan_error *convert_open_plain_header(const void *config, void **ret);
void convert_close_plain(void *self);

#endif
