/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_TRANSFORM_H
#define KAFTAN_TRANSFORM_H
/*
 * Converters, header converters, transforms, predicates and config providers
 * as plugins: their place in the ABI. Built-in ones use the same structs.
 *
 * Thread: the task's that made the instance. Results live in the given arena
 * or borrow from the input.
 */
#include <kaftan/config.h>
#include <kaftan/record.h>

struct kaftan_converter {
    uint32_t size; /* sizeof(struct kaftan_converter) */
    const char *class_name;
    const char *version;
    const struct kaftan_config_key *config;
    size_t config_size;
    struct kaftan_error *(*open)(const void *config, bool is_key, void **ret);
    void (*close)(void *self);
    /* Connect to bytes; ret->ptr NULL: a null. Bytes and strings pass through without a copy. */
    struct kaftan_error *(*from_connect)(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                         const struct kaftan_schema *schema, const struct kaftan_value *value,
                                         struct kaftan_slice *ret);
    /* Bytes to Connect; bytes.ptr NULL: a null. A schema made here is kept by the instance until close. */
    struct kaftan_error *(*to_connect)(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                       struct kaftan_slice bytes, const struct kaftan_schema **ret_schema,
                                       struct kaftan_value *ret);
};

struct kaftan_header_converter {
    uint32_t size;
    const char *class_name;
    const char *version;
    const struct kaftan_config_key *config;
    size_t config_size;
    struct kaftan_error *(*open)(const void *config, void **ret);
    void (*close)(void *self);
    struct kaftan_error *(*from_connect)(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                         struct kaftan_slice name, const struct kaftan_schema *schema,
                                         const struct kaftan_value *value, struct kaftan_slice *ret);
    struct kaftan_error *(*to_connect)(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                       struct kaftan_slice name, struct kaftan_slice bytes,
                                       const struct kaftan_schema **ret_schema, struct kaftan_value *ret);
};

struct kaftan_transform {
    uint32_t size;
    const char *class_name;
    const char *version;
    const struct kaftan_config_key *config;
    size_t config_size;
    struct kaftan_error *(*open)(const void *config, void **ret);
    void (*close)(void *self);
    /* Changes the record in place; *ret_keep false drops it. */
    struct kaftan_error *(*apply)(void *self, struct kaftan_arena *a, struct kaftan_record *r, bool *ret_keep);
};

struct kaftan_predicate {
    uint32_t size;
    const char *class_name;
    const char *version;
    const struct kaftan_config_key *config;
    size_t config_size;
    struct kaftan_error *(*open)(const void *config, void **ret);
    void (*close)(void *self);
    bool (*test)(void *self, const struct kaftan_record *r);
};

struct kaftan_config_provider {
    uint32_t size;
    const char *class_name;
    const char *version;
    const struct kaftan_config_key *config;
    size_t config_size;
    struct kaftan_error *(*open)(const void *config, void **ret);
    void (*close)(void *self);
    /* Jobs thread. The values of `path` (keys NULL: all) through give(); ttl_ms -1: for ever. */
    struct kaftan_error *(*get)(void *self, const char *path, const char *const *keys, size_t count,
                                void (*give)(void *to, const char *key, const char *value), void *to, int64_t *ret_ttl_ms);
};

#endif
