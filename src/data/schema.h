/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_SCHEMA_H
#define DATA_SCHEMA_H
/*
 * schema: what a value is said to be (data-layer.md 1.2).
 *
 * A schema never changes once it is built. There are three lives: static ones
 * (the primitives and the plain logical types), counted ones (connectors,
 * caches) and ones in a batch's arena, which a reader makes per record without
 * malloc. kaftan_schema_ref() of one in an arena gives a counted copy, so
 * whoever wants to keep a schema keeps what ref returned.
 *
 * Owner    static: nobody. counted: kaftan_schema_unref. arena: the arena
 * Thread   any; counts are atomic
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <kaftan/data.h>

#include "base/arena.h"
#include "base/buf.h"

enum schema_life { SCHEMA_STATIC, SCHEMA_COUNTED, SCHEMA_ARENA };

/* The four names that alone select a behaviour (data-layer.md 1.4). */
enum schema_logical {
    LOGICAL_NONE,
    LOGICAL_DECIMAL,
    LOGICAL_DATE,
    LOGICAL_TIME,
    LOGICAL_TIMESTAMP
};

struct schema_field {
    struct kaftan_slice name;            /* NUL follows */
    const struct kaftan_schema *schema;  /* shared */
};

struct schema_param {
    struct kaftan_slice name, value; /* NUL follows */
};

struct kaftan_schema {
    enum kaftan_type type;
    enum schema_logical logical;
    enum schema_life life;
    bool optional;
    bool has_version;
    int32_t version;
    struct kaftan_slice name, doc; /* ptr NULL: none; NUL follows */
    size_t param_count;
    const struct schema_param *params; /* in their order */
    const struct kaftan_value *def;    /* NULL: none; never a null */
    size_t field_count;
    const struct schema_field *fields;
    const uint32_t *index; /* hash of names to place + 1; NULL for few fields */
    size_t index_mask;
    const struct kaftan_schema *key;   /* MAP; NULL: unknown (text parser) */
    const struct kaftan_schema *value; /* MAP, ARRAY; NULL: unknown */
    uint64_t hash;                     /* of everything equality looks at but the default */
    struct kaftan_arena *arena;        /* counted: owned, holds the schema itself */
    _Atomic uint32_t refs;             /* counted */
};

const char *schema_type_name(enum kaftan_type type);     /* "INT32" */
const char *schema_json_type(enum kaftan_type type);     /* "int32", "float" */
bool schema_json_type_find(struct kaftan_slice text, enum kaftan_type *ret);
enum schema_logical schema_logical_of(struct kaftan_slice name);
const char *schema_logical_name(enum schema_logical logical);
/* Date, Time, Timestamp: version 1, no parameters. */
const struct kaftan_schema *schema_logical(enum schema_logical logical);

bool schema_equal(const struct kaftan_schema *a, const struct kaftan_schema *b);
/* -1: no such field. */
int schema_field_find(const struct kaftan_schema *s, struct kaftan_slice name);
/* NULL: none. */
const struct kaftan_slice *schema_param(const struct kaftan_schema *s, const char *name);
/* `Schema{name:TYPE}`, as Java prints it. */
void schema_put_text(struct buf *b, const struct kaftan_schema *s);

/* In an arena; NULL elements mean an unknown schema. Borrow from the same arena or longer lives. */
const struct kaftan_schema *schema_array_in(struct kaftan_arena *a, const struct kaftan_schema *value);
const struct kaftan_schema *schema_map_in(struct kaftan_arena *a, const struct kaftan_schema *key,
                                          const struct kaftan_schema *value);
const struct kaftan_schema *schema_decimal_in(struct kaftan_arena *a, int32_t scale);
/* The same schema, optional or not. */
const struct kaftan_schema *schema_with_optional(struct kaftan_arena *a, const struct kaftan_schema *s, bool optional);

/*
 * Builder beyond the SDK's: builds into an arena when `a` is not NULL, takes
 * slices (names with any characters) and shows its first error early.
 */
struct kaftan_schema_builder *schema_builder_in(struct kaftan_arena *a, enum kaftan_type type);
void schema_builder_name(struct kaftan_schema_builder *b, struct kaftan_slice name);
void schema_builder_doc(struct kaftan_schema_builder *b, struct kaftan_slice doc);
void schema_builder_param(struct kaftan_schema_builder *b, struct kaftan_slice name, struct kaftan_slice value);
void schema_builder_field(struct kaftan_schema_builder *b, struct kaftan_slice name, const struct kaftan_schema *schema);
/* The schema as far as it is built; for converting its default. */
const struct kaftan_schema *schema_builder_peek(const struct kaftan_schema_builder *b);
struct kaftan_error *schema_builder_error(struct kaftan_schema_builder *b) KAFTAN_MUST_CHECK; /* takes it */
/* Arrays and maps may lack element schemas. */
void schema_builder_allow_unknown(struct kaftan_schema_builder *b);

#endif
