/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The converters of one primitive type: numbers as big-endian bytes, booleans
 * as one byte, bytes as they are (data-layer.md 5.2 to 5.4).
 */
#include "config.h"

#include "convert/convert_int.h"

#include <string.h>

#include "base/arena.h"
#include "data/schema.h"
#include "data/value.h"

struct number {
    const char *name; /* in messages */
    const char *who;  /* reports a wrong size */
    enum kaftan_kind kind;
    enum kaftan_type type;
    size_t size;
};

static const struct number numbers[] = {
    { "short", "ShortDeserializer", KAFTAN_KIND_INT16, KAFTAN_TYPE_INT16, 2 },
    { "integer", "IntegerDeserializer", KAFTAN_KIND_INT32, KAFTAN_TYPE_INT32, 4 },
    { "long", "LongDeserializer", KAFTAN_KIND_INT64, KAFTAN_TYPE_INT64, 8 },
    { "float", "Deserializer", KAFTAN_KIND_FLOAT32, KAFTAN_TYPE_FLOAT32, 4 },
    { "double", "Deserializer", KAFTAN_KIND_FLOAT64, KAFTAN_TYPE_FLOAT64, 8 },
};

static uint64_t bits_of(const struct kaftan_value *v)
{
    uint64_t bits = (uint64_t)v->as.i;
    uint32_t small = 0;
    if (v->kind == KAFTAN_KIND_FLOAT32) {
        memcpy(&small, &v->as.f, sizeof small);
        bits = small;
    } else if (v->kind == KAFTAN_KIND_FLOAT64) {
        memcpy(&bits, &v->as.d, sizeof bits);
        if (v->as.d != v->as.d)
            bits = 0x7ff8000000000000u; /* the one NaN that Java writes here */
    }
    return bits;
}

static struct kaftan_error *number_out(const struct number *n, struct kaftan_arena *a, const struct kaftan_value *v,
                                       struct kaftan_slice *ret)
{
    if (v->kind == KAFTAN_KIND_NULL) {
        *ret = (struct kaftan_slice){ NULL, 0 };
        return NULL;
    }
    if (v->kind != n->kind)
        return kaftan_error_wrap(kaftan_error_new(KAFTAN_E_DATA, "%s cannot be cast to class %s", value_class(v),
                                                  value_class_name(n->kind)),
                                 "Failed to serialize to %s (was %s): ", n->name, value_class(v));
    uint64_t bits = bits_of(v);
    char *out = arena_alloc(a, n->size);
    for (size_t i = 0; i < n->size; i++)
        out[n->size - 1 - i] = (char)(unsigned char)(bits >> (8 * i));
    *ret = (struct kaftan_slice){ out, n->size };
    return NULL;
}

static struct kaftan_value value_of(const struct number *n, uint64_t bits)
{
    uint32_t small = (uint32_t)bits;
    float f = 0;
    double d = 0;
    switch (n->kind) {
    case KAFTAN_KIND_INT16:
        return kaftan_int(n->kind, (int16_t)(uint16_t)bits);
    case KAFTAN_KIND_INT32:
        return kaftan_int(n->kind, (int32_t)small);
    case KAFTAN_KIND_FLOAT32:
        memcpy(&f, &small, sizeof f);
        return kaftan_float(f);
    case KAFTAN_KIND_FLOAT64:
        memcpy(&d, &bits, sizeof d);
        return kaftan_double(d);
    default:
        return kaftan_int(n->kind, (int64_t)bits);
    }
}

static struct kaftan_error *number_in(const struct number *n, struct kaftan_slice bytes,
                                      const struct kaftan_schema **ret_schema, struct kaftan_value *ret)
{
    uint64_t bits = 0;
    if (bytes.ptr && bytes.len != n->size)
        return kaftan_error_wrap(
            kaftan_error_new(KAFTAN_E_DATA, "Size of data received by %s is not %zu", n->who, n->size),
            "Failed to deserialize %s: ", n->name);
    for (size_t i = 0; bytes.ptr && i < n->size; i++)
        bits = bits << 8 | (unsigned char)bytes.ptr[i];
    *ret_schema = kaftan_schema_of(n->type, true);
    *ret = bytes.ptr ? value_of(n, bits) : kaftan_null();
    return NULL;
}

static struct kaftan_error *boolean_out(struct kaftan_arena *a, const struct kaftan_schema *schema,
                                        const struct kaftan_value *v, struct kaftan_slice *ret)
{
    (void)a;
    if (schema && schema->type != KAFTAN_TYPE_BOOLEAN)
        return kaftan_error_new(KAFTAN_E_DATA, "Invalid schema type for BooleanConverter: %s",
                                schema_type_name(schema->type));
    if (v->kind != KAFTAN_KIND_BOOLEAN && v->kind != KAFTAN_KIND_NULL)
        return kaftan_error_new(KAFTAN_E_DATA, "BooleanConverter is not compatible with objects of type %s",
                                value_class(v));
    if (v->kind == KAFTAN_KIND_NULL)
        *ret = (struct kaftan_slice){ NULL, 0 };
    else
        *ret = (struct kaftan_slice){ v->as.b ? "\001" : "\000", 1 };
    return NULL;
}

static struct kaftan_error *boolean_in(struct kaftan_slice bytes, const struct kaftan_schema **ret_schema,
                                       struct kaftan_value *ret)
{
    struct kaftan_error *err = NULL;
    if (bytes.ptr && bytes.len != 1)
        err = kaftan_error_new(KAFTAN_E_DATA, "Size of data received by BooleanDeserializer is not 1");
    else if (bytes.ptr && bytes.ptr[0] != 0 && bytes.ptr[0] != 1)
        err = kaftan_error_new(KAFTAN_E_DATA, "Unexpected byte received by BooleanDeserializer: %d",
                               (int)(signed char)bytes.ptr[0]);
    if (err)
        return kaftan_error_wrap(err, "Failed to deserialize boolean: ");
    *ret_schema = kaftan_schema_of(KAFTAN_TYPE_BOOLEAN, true);
    *ret = bytes.ptr ? kaftan_bool(bytes.ptr[0] == 1) : kaftan_null();
    return NULL;
}

/* No copy: what the record holds is what is produced. */
static struct kaftan_error *bytes_out(struct kaftan_arena *a, const struct kaftan_schema *schema,
                                      const struct kaftan_value *v, struct kaftan_slice *ret)
{
    (void)a;
    if (schema && schema->type != KAFTAN_TYPE_BYTES)
        return kaftan_error_new(KAFTAN_E_DATA, "Invalid schema type for ByteArrayConverter: %s",
                                schema_type_name(schema->type));
    if (v->kind == KAFTAN_KIND_NULL)
        *ret = (struct kaftan_slice){ NULL, 0 };
    else if (v->kind == KAFTAN_KIND_BYTES)
        *ret = (struct kaftan_slice){ v->as.s.ptr ? v->as.s.ptr : "", v->as.s.len };
    else
        return kaftan_error_new(KAFTAN_E_DATA, "ByteArrayConverter is not compatible with objects of type %s",
                                value_class(v));
    return NULL;
}

static struct kaftan_error *bytes_in(struct kaftan_slice bytes, const struct kaftan_schema **ret_schema,
                                     struct kaftan_value *ret)
{
    *ret_schema = kaftan_schema_of(KAFTAN_TYPE_BYTES, true);
    *ret = bytes.ptr ? kaftan_bytes(bytes.ptr, bytes.len) : kaftan_null();
    return NULL;
}

/* Both forms of one class, around `out(a, schema, v, ret)` and `in(bytes, ret_schema, ret)`. */
#define CLASS(id, name, OUT, IN)                                               \
    static struct kaftan_error *id##_from(void *self, struct kaftan_arena *a, struct kaftan_slice topic,       \
                                          const struct kaftan_schema *schema, const struct kaftan_value *value, \
                                          struct kaftan_slice *ret)            \
    {                                                                          \
        (void)self, (void)topic, (void)schema;                                 \
        return OUT;                                                            \
    }                                                                          \
    static struct kaftan_error *id##_to(void *self, struct kaftan_arena *a, struct kaftan_slice topic,         \
                                        struct kaftan_slice bytes, const struct kaftan_schema **ret_schema,    \
                                        struct kaftan_value *ret)              \
    {                                                                          \
        (void)self, (void)topic, (void)a;                                      \
        return IN;                                                             \
    }                                                                          \
    static struct kaftan_error *id##_header_from(void *self, struct kaftan_arena *a, struct kaftan_slice topic, \
                                                 struct kaftan_slice header, const struct kaftan_schema *schema, \
                                                 const struct kaftan_value *value, struct kaftan_slice *ret)   \
    {                                                                          \
        (void)header;                                                          \
        return id##_from(self, a, topic, schema, value, ret);                  \
    }                                                                          \
    static struct kaftan_error *id##_header_to(void *self, struct kaftan_arena *a, struct kaftan_slice topic,  \
                                               struct kaftan_slice header, struct kaftan_slice bytes,          \
                                               const struct kaftan_schema **ret_schema, struct kaftan_value *ret) \
    {                                                                          \
        (void)header;                                                          \
        return id##_to(self, a, topic, bytes, ret_schema, ret);                \
    }                                                                          \
    const struct kaftan_converter convert_##id = {                             \
        .size = sizeof(struct kaftan_converter),                               \
        .class_name = "org.apache.kafka.connect.converters." name,             \
        .version = PACKAGE_VERSION,                                            \
        .config = convert_plain_keys,                                          \
        .config_size = sizeof(struct plain_config),                            \
        .open = convert_open_plain,                                            \
        .close = convert_close_plain,                                          \
        .from_connect = id##_from,                                             \
        .to_connect = id##_to,                                                 \
    };                                                                         \
    const struct kaftan_header_converter convert_##id##_header = {             \
        .size = sizeof(struct kaftan_header_converter),                        \
        .class_name = "org.apache.kafka.connect.converters." name,             \
        .version = PACKAGE_VERSION,                                            \
        .config = convert_plain_keys,                                          \
        .config_size = sizeof(struct plain_config),                            \
        .open = convert_open_plain_header,                                     \
        .close = convert_close_plain,                                          \
        .from_connect = id##_header_from,                                      \
        .to_connect = id##_header_to,                                          \
    };

#define NUMBER(id, name, i)                                                    \
    CLASS(id, name, number_out(&numbers[i], a, value, ret), number_in(&numbers[i], bytes, ret_schema, ret))

NUMBER(short, "ShortConverter", 0)
NUMBER(integer, "IntegerConverter", 1)
NUMBER(long, "LongConverter", 2)
NUMBER(float, "FloatConverter", 3)
NUMBER(double, "DoubleConverter", 4)
CLASS(boolean, "BooleanConverter", boolean_out(a, schema, value, ret), boolean_in(bytes, ret_schema, ret))
CLASS(bytes, "ByteArrayConverter", bytes_out(a, schema, value, ret), bytes_in(bytes, ret_schema, ret))
