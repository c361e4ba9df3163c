/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_DATA_H
#define KAFTAN_DATA_H
/*
 * Connect's data model: schemas, values, structs, headers (data-layer.md 1).
 *
 * Values are small and copied; what they point to lives in a kaftan_arena
 * (a batch's) and dies with it. Schemas are immutable, shared and counted, or
 * static; a record borrows them: the connector keeps its reference as long as
 * the task is open. Nothing here takes a lock; counts are atomic.
 */
#include <kaftan/abi.h>
#include <kaftan/error.h>

/* Order and names as Schema.Type. */
enum kaftan_type {
    KAFTAN_TYPE_INT8,
    KAFTAN_TYPE_INT16,
    KAFTAN_TYPE_INT32,
    KAFTAN_TYPE_INT64,
    KAFTAN_TYPE_FLOAT32,
    KAFTAN_TYPE_FLOAT64,
    KAFTAN_TYPE_BOOLEAN,
    KAFTAN_TYPE_STRING,
    KAFTAN_TYPE_BYTES,
    KAFTAN_TYPE_ARRAY,
    KAFTAN_TYPE_MAP,
    KAFTAN_TYPE_STRUCT
};

/* What a value is in memory: its exact type, whatever the schema says. */
enum kaftan_kind {
    KAFTAN_KIND_NULL,
    KAFTAN_KIND_INT8,
    KAFTAN_KIND_INT16,
    KAFTAN_KIND_INT32,
    KAFTAN_KIND_INT64,
    KAFTAN_KIND_FLOAT32,
    KAFTAN_KIND_FLOAT64,
    KAFTAN_KIND_BOOLEAN,
    KAFTAN_KIND_STRING, /* UTF-8; an unpaired surrogate, which Java strings may hold, as its three bytes */
    KAFTAN_KIND_BYTES,
    KAFTAN_KIND_ARRAY,
    KAFTAN_KIND_MAP, /* insertion order */
    KAFTAN_KIND_STRUCT,
    KAFTAN_KIND_DECIMAL, /* unscaled big-endian two's complement and scale (BigDecimal) */
    KAFTAN_KIND_DATE     /* java.util.Date: milliseconds since 1970; which logical type is the schema's matter */
};

/* Schema names that select a behaviour by themselves. */
#define KAFTAN_NAME_DECIMAL "org.apache.kafka.connect.data.Decimal"     /* BYTES, version 1, parameter scale; DECIMAL values */
#define KAFTAN_NAME_DATE "org.apache.kafka.connect.data.Date"           /* INT32, version 1; DATE values at midnight */
#define KAFTAN_NAME_TIME "org.apache.kafka.connect.data.Time"           /* INT32, version 1; DATE values of 1970-01-01 */
#define KAFTAN_NAME_TIMESTAMP "org.apache.kafka.connect.data.Timestamp" /* INT64, version 1; DATE values */

struct kaftan_schema;
struct kaftan_arena;
struct kaftan_struct;

struct kaftan_array;
struct kaftan_map;
struct kaftan_value {
    enum kaftan_kind kind;
    int32_t scale; /* DECIMAL */
    union {
        int64_t i; /* INT8..INT64, DATE */
        float f;
        double d;
        bool b;
        struct kaftan_slice s; /* STRING, BYTES, DECIMAL (unscaled) */
        const struct kaftan_array *array;
        const struct kaftan_map *map;
        const struct kaftan_struct *structure;
    } as;
};
struct kaftan_array {
    size_t count;
    const struct kaftan_value *items;
};
struct kaftan_map_entry {
    struct kaftan_value key, value;
};
struct kaftan_map {
    size_t count;
    const struct kaftan_map_entry *entries;
};
/* A header's schema may be NULL (schemaless). Order kept, names may repeat. */
struct kaftan_header {
    struct kaftan_slice key;
    const struct kaftan_schema *schema; /* borrowed */
    struct kaftan_value value;
};

/* Memory of a batch; all of it dies together. One of one's own, for what is read at open: new, free. */
KAFTAN_API struct kaftan_arena *kaftan_arena_new(void);
KAFTAN_API void kaftan_arena_free(struct kaftan_arena *a); /* NULL is fine */
KAFTAN_API void *kaftan_arena_alloc(struct kaftan_arena *a, size_t size);
KAFTAN_API const char *kaftan_arena_copy(struct kaftan_arena *a, const char *p, size_t len);

/* Values. */
static inline struct kaftan_value kaftan_null(void)
{
    struct kaftan_value v = { KAFTAN_KIND_NULL, 0, { 0 } };
    return v;
}
static inline struct kaftan_value kaftan_int(enum kaftan_kind kind, int64_t i)
{
    struct kaftan_value v = { kind, 0, { 0 } };
    v.as.i = i;
    return v;
}
static inline struct kaftan_value kaftan_bool(bool b)
{
    struct kaftan_value v = { KAFTAN_KIND_BOOLEAN, 0, { 0 } };
    v.as.b = b;
    return v;
}
static inline struct kaftan_value kaftan_double(double d)
{
    struct kaftan_value v = { KAFTAN_KIND_FLOAT64, 0, { 0 } };
    v.as.d = d;
    return v;
}
static inline struct kaftan_value kaftan_string(const char *p, size_t len) /* borrows */
{
    struct kaftan_value v = { KAFTAN_KIND_STRING, 0, { 0 } };
    v.as.s.ptr = p;
    v.as.s.len = len;
    return v;
}
static inline struct kaftan_value kaftan_bytes(const void *p, size_t len) /* borrows */
{
    struct kaftan_value v = { KAFTAN_KIND_BYTES, 0, { 0 } };
    v.as.s.ptr = (const char *)p;
    v.as.s.len = len;
    return v;
}
static inline struct kaftan_value kaftan_float(float f)
{
    struct kaftan_value v = { KAFTAN_KIND_FLOAT32, 0, { 0 } };
    v.as.f = f;
    return v;
}
static inline struct kaftan_value kaftan_array(const struct kaftan_array *array) /* borrows */
{
    struct kaftan_value v = { KAFTAN_KIND_ARRAY, 0, { 0 } };
    v.as.array = array;
    return v;
}
static inline struct kaftan_value kaftan_map(const struct kaftan_map *map) /* borrows */
{
    struct kaftan_value v = { KAFTAN_KIND_MAP, 0, { 0 } };
    v.as.map = map;
    return v;
}
static inline struct kaftan_value kaftan_structure(const struct kaftan_struct *structure) /* borrows */
{
    struct kaftan_value v = { KAFTAN_KIND_STRUCT, 0, { 0 } };
    v.as.structure = structure;
    return v;
}
static inline struct kaftan_value kaftan_decimal(const void *unscaled, size_t len, int32_t scale) /* borrows */
{
    struct kaftan_value v = { KAFTAN_KIND_DECIMAL, 0, { 0 } };
    v.scale = scale;
    v.as.s.ptr = (const char *)unscaled;
    v.as.s.len = len;
    return v;
}
/* Member of a schemaless map by string key; NULL when absent or no map. */
KAFTAN_API const struct kaftan_value *kaftan_map_get(const struct kaftan_value *map, const char *key);
/*
 * A schemaless value from JSON text: objects are maps, whole numbers INT64
 * (beyond 64 bits: DATA error), others FLOAT64 (as JsonConverter reads with
 * schemas off). Errors name line and column.
 */
KAFTAN_API struct kaftan_error *kaftan_value_from_json(struct kaftan_arena *a, const char *text, size_t len,
                                                       struct kaftan_value *ret) KAFTAN_MUST_CHECK;
/* The text of a scalar as Java prints it; arena memory. False for arrays, maps, structs. */
KAFTAN_API bool kaftan_value_text(struct kaftan_arena *a, const struct kaftan_value *v, struct kaftan_slice *ret);

/* Static schemas: never counted. */
KAFTAN_API const struct kaftan_schema *kaftan_schema_of(enum kaftan_type primitive, bool optional);
/* Builder: `*ret` is owned by the caller (kaftan_schema_unref). Misuse gives the DATA errors of data-layer.md 1.2. */
struct kaftan_schema_builder;
KAFTAN_API struct kaftan_schema_builder *kaftan_schema_builder_new(enum kaftan_type type);
KAFTAN_API void kaftan_schema_builder_free(struct kaftan_schema_builder *b);
KAFTAN_API void kaftan_schema_builder_optional(struct kaftan_schema_builder *b);
KAFTAN_API void kaftan_schema_builder_name(struct kaftan_schema_builder *b, const char *name);
KAFTAN_API void kaftan_schema_builder_version(struct kaftan_schema_builder *b, int32_t version);
KAFTAN_API void kaftan_schema_builder_doc(struct kaftan_schema_builder *b, const char *doc);
KAFTAN_API void kaftan_schema_builder_parameter(struct kaftan_schema_builder *b, const char *name, const char *value);
KAFTAN_API void kaftan_schema_builder_default(struct kaftan_schema_builder *b, const struct kaftan_value *def); /* deep copy */
KAFTAN_API void kaftan_schema_builder_field(struct kaftan_schema_builder *b, const char *name, const struct kaftan_schema *schema); /* refs */
KAFTAN_API void kaftan_schema_builder_key(struct kaftan_schema_builder *b, const struct kaftan_schema *schema);
KAFTAN_API void kaftan_schema_builder_value(struct kaftan_schema_builder *b, const struct kaftan_schema *schema);
/* Ends the builder; reports the first misuse. */
KAFTAN_API struct kaftan_error *kaftan_schema_build(struct kaftan_schema_builder *b, const struct kaftan_schema **ret)
    KAFTAN_MUST_CHECK;
/*
 * Keep what this returns, not what was given: a schema that a converter made
 * in a batch's arena comes back as a copy of its own. NULL is fine.
 */
KAFTAN_API const struct kaftan_schema *kaftan_schema_ref(const struct kaftan_schema *s);
KAFTAN_API void kaftan_schema_unref(const struct kaftan_schema *s);
KAFTAN_API enum kaftan_type kaftan_schema_type(const struct kaftan_schema *s);
KAFTAN_API bool kaftan_schema_optional(const struct kaftan_schema *s);
KAFTAN_API const char *kaftan_schema_name(const struct kaftan_schema *s); /* NULL: none */
KAFTAN_API bool kaftan_schema_version(const struct kaftan_schema *s, int32_t *ret); /* false: none */
KAFTAN_API const char *kaftan_schema_doc(const struct kaftan_schema *s);            /* NULL: none */
KAFTAN_API const char *kaftan_schema_parameter(const struct kaftan_schema *s, const char *name); /* NULL: none */
KAFTAN_API const struct kaftan_value *kaftan_schema_default(const struct kaftan_schema *s);      /* NULL: none */
KAFTAN_API const struct kaftan_schema *kaftan_schema_key(const struct kaftan_schema *s);   /* MAP; NULL: unknown */
KAFTAN_API const struct kaftan_schema *kaftan_schema_value(const struct kaftan_schema *s); /* MAP, ARRAY; NULL: unknown */
KAFTAN_API bool kaftan_schema_equal(const struct kaftan_schema *a, const struct kaftan_schema *b); /* NULL is fine */
KAFTAN_API size_t kaftan_schema_field_count(const struct kaftan_schema *s);
KAFTAN_API const char *kaftan_schema_field_name(const struct kaftan_schema *s, size_t i);
KAFTAN_API const struct kaftan_schema *kaftan_schema_field_schema(const struct kaftan_schema *s, size_t i);
KAFTAN_API int kaftan_schema_field_index(const struct kaftan_schema *s, const char *name); /* -1: none */

/* Structs in arena memory; put validates (data-layer.md 1.5). */
KAFTAN_API struct kaftan_error *kaftan_struct_new(struct kaftan_arena *a, const struct kaftan_schema *schema,
                                                  struct kaftan_struct **ret) KAFTAN_MUST_CHECK;
KAFTAN_API struct kaftan_error *kaftan_struct_put(struct kaftan_struct *s, const char *field, struct kaftan_value v)
    KAFTAN_MUST_CHECK;
KAFTAN_API const struct kaftan_schema *kaftan_struct_schema(const struct kaftan_struct *s);
/* Without the default, by index. */
KAFTAN_API const struct kaftan_value *kaftan_struct_at(const struct kaftan_struct *s, size_t i);
/* By name; the field's default in place of a null. NULL: no such field. */
KAFTAN_API const struct kaftan_value *kaftan_struct_get(const struct kaftan_struct *s, const char *field);

#endif
