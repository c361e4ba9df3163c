/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plugin/adopt.h"

#include <string.h>

#include "base/mem.h"

struct copy {
    struct copy *next; /* owned */
    _Alignas(max_align_t) char bytes[];
};

struct adopt {
    struct copy *copies; /* owned */
};

/* What all class structs share, where each has it: they all begin with size, class_name. */
struct shape {
    size_t size;     /* ours */
    size_t size_1_0; /* at least */
    size_t version, config, config_size; /* offsets */
    size_t must[3];  /* offsets of functions a class must have; 0 ends */
};
#define END_OF(T, last) (offsetof(T, last) + sizeof((T *)0)->last)
#define SHAPE(T, last, ...)                                                    \
    { sizeof(T), END_OF(T, last), offsetof(T, version), offsetof(T, config), offsetof(T, config_size), { __VA_ARGS__ } }

static const struct shape shapes[] = {
    [PLUGIN_SOURCE] = SHAPE(struct kaftan_source, alter_offsets, offsetof(struct kaftan_source, open),
                            offsetof(struct kaftan_source, poll), offsetof(struct kaftan_source, close)),
    [PLUGIN_SINK] = SHAPE(struct kaftan_sink, alter_offsets, offsetof(struct kaftan_sink, open),
                          offsetof(struct kaftan_sink, put), offsetof(struct kaftan_sink, close)),
    [PLUGIN_CONVERTER] = SHAPE(struct kaftan_converter, to_connect, offsetof(struct kaftan_converter, open),
                               offsetof(struct kaftan_converter, from_connect),
                               offsetof(struct kaftan_converter, to_connect)),
    [PLUGIN_HEADER_CONVERTER] =
        SHAPE(struct kaftan_header_converter, to_connect, offsetof(struct kaftan_header_converter, open),
              offsetof(struct kaftan_header_converter, from_connect),
              offsetof(struct kaftan_header_converter, to_connect)),
    [PLUGIN_TRANSFORM] = SHAPE(struct kaftan_transform, apply, offsetof(struct kaftan_transform, open),
                               offsetof(struct kaftan_transform, apply)),
    [PLUGIN_PREDICATE] = SHAPE(struct kaftan_predicate, test, offsetof(struct kaftan_predicate, open),
                               offsetof(struct kaftan_predicate, test)),
    [PLUGIN_CONFIG_PROVIDER] = SHAPE(struct kaftan_config_provider, get, offsetof(struct kaftan_config_provider, open),
                                     offsetof(struct kaftan_config_provider, get)),
};

struct adopt *adopt_new(void)
{
    return mem_zalloc(1, sizeof(struct adopt));
}

void adopt_free(struct adopt *a)
{
    if (!a)
        return;
    for (struct copy *c = a->copies, *next; c; c = next) {
        next = c->next;
        mem_free(c);
    }
    mem_free(a);
}

static void *room(struct adopt *a, size_t size)
{
    struct copy *c = mem_zalloc(1, sizeof *c + size);
    c->next = a->copies;
    a->copies = c;
    return c->bytes;
}

static const struct kaftan_config_key *table_of(struct adopt *a, const struct kaftan_config_key *table,
                                                size_t key_size)
{
    const size_t ours = sizeof *table;
    if (!table || key_size == ours)
        return table;
    size_t rows = 0;
    const char *from = (const char *)table;
    const char *name;
    while (memcpy(&name, from + rows * key_size + offsetof(struct kaftan_config_key, name), sizeof name), name)
        rows++;
    char *to = room(a, (rows + 1) * ours);
    for (size_t i = 0; i < rows; i++)
        memcpy(to + i * ours, from + i * key_size, key_size < ours ? key_size : ours);
    return (const struct kaftan_config_key *)(const void *)to;
}

/* Functions are compared through memcpy: C gives no other way to look at a field by its offset. */
static bool has_function(const void *object, size_t offset)
{
    void (*function)(void);
    memcpy(&function, (const char *)object + offset, sizeof function);
    return function;
}

struct kaftan_error *adopt_class(struct adopt *a, const struct kaftan_plugin *p, enum plugin_type type,
                                 const void *source, const char *path, struct plugin_class *ret)
{
    const struct shape *shape = &shapes[type];
    const char *class_name;
    uint32_t found;
    memcpy(&found, source, sizeof found);
    if (found < shape->size_1_0)
        return kaftan_error_new(KAFTAN_E_INVALID, "%s: size of a %s of plugin '%s': found %u, wanted at least %zu",
                                path, plugin_type_name(type), p->name ? p->name : "", found, shape->size_1_0);
    const void *object = source;
    if (found < shape->size) {
        void *copy = room(a, shape->size);
        memcpy(copy, source, found);
        object = copy;
    }
    memcpy(&class_name, (const char *)object + offsetof(struct kaftan_source, class_name), sizeof class_name);
    if (!class_name || !*class_name)
        return kaftan_error_new(KAFTAN_E_INVALID, "%s: a %s of plugin '%s' has no class name", path,
                                plugin_type_name(type), p->name ? p->name : "");
    for (size_t i = 0; i < COUNT_OF(shape->must) && shape->must[i] != 0; i++)
        if (!has_function(object, shape->must[i]))
            return kaftan_error_new(KAFTAN_E_INVALID, "%s: class %s lacks a function that every %s must have", path,
                                    class_name, plugin_type_name(type));
    struct plugin_class row = { .type = type, .name = class_name, .path = path };
    memcpy(&row.version, (const char *)object + shape->version, sizeof row.version);
    memcpy(&row.config, (const char *)object + shape->config, sizeof row.config);
    memcpy(&row.config_size, (const char *)object + shape->config_size, sizeof row.config_size);
    row.config = table_of(a, row.config, p->key_size);
    if (!row.version)
        row.version = p->version ? p->version : "undefined";
    row.as.source = object; /* the union holds one pointer, whatever its type */
    *ret = row;
    return NULL;
}
