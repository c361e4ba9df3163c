/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLUGIN_REGISTRY_H
#define PLUGIN_REGISTRY_H
/*
 * registry: the classes this worker has, by name, alias and short name.
 *
 * Plugins are loaded once, at start, from shared objects of plugin.path and
 * $libdir/kaftan, after the ABI gate; none is ever unloaded. Built-in classes
 * are registered by main the same way.
 *
 * Owner    main
 * Thread   filled before the first other thread, then immutable but for
 *          registry_missed: any
 */
#include <stdbool.h>
#include <stddef.h>
#include <kaftan/plugin.h>

enum plugin_type { /* order and names of REST: "source", "sink", "converter", "header_converter", "transformation", "predicate", "configprovider" */
    PLUGIN_SOURCE,
    PLUGIN_SINK,
    PLUGIN_CONVERTER,
    PLUGIN_HEADER_CONVERTER,
    PLUGIN_TRANSFORM,
    PLUGIN_PREDICATE,
    PLUGIN_CONFIG_PROVIDER
};

struct plugin_class {
    enum plugin_type type;
    const char *name; /* full class name as listed */
    const char *version;
    const char *path; /* of the shared object; "" for built-in */
    const struct kaftan_config_key *config;
    size_t config_size;
    union {
        const struct kaftan_source *source;
        const struct kaftan_sink *sink;
        const struct kaftan_converter *converter;
        const struct kaftan_header_converter *header_converter;
        const struct kaftan_transform *transform;
        const struct kaftan_predicate *predicate;
        const struct kaftan_config_provider *config_provider;
    } as;
};

struct registry;

struct registry *registry_new(void);
void registry_free(struct registry *r);
/* Checks the ABI gate; `path` "" for built-in. Error: path, found, wanted. */
struct kaftan_error *registry_add(struct registry *r, const struct kaftan_plugin *p, const char *path) KAFTAN_MUST_CHECK;
/*
 * Loads the shared objects found on `dirs` (each a directory, searched one
 * level deep as Java does, or a file). What is no plugin or has another ABI is
 * logged (path, found, wanted) and left out; jar files get one line per entry.
 */
void registry_load(struct registry *r, const char *const *dirs, size_t count);
/*
 * Full name, alias, simple name, or simple name without `Connector`,
 * `Converter`, `HeaderConverter`... suffix (runtime-and-storage.md 15.1).
 * Our own class wins among equal short names. NULL: none.
 */
const struct plugin_class *registry_find(const struct registry *r, enum plugin_type type, const char *name);
/*
 * Has a connector class of this name been missed before? Remembers it. Java's
 * worker keeps failed look-ups and words the later ones differently. Any
 * thread; of a great many names some are forgotten.
 */
bool registry_missed(const struct registry *r, const char *name);
/* Source or sink. */
const struct plugin_class *registry_connector(const struct registry *r, const char *name);
/* All, sorted by class name then type: `for (size_t i = 0; (c = registry_at(r, i)); i++)`. */
const struct plugin_class *registry_at(const struct registry *r, size_t i);
const char *plugin_type_name(enum plugin_type type);
/* task.class of a connector: the class's own, or derived from its name. Buffer of 256. */
const char *plugin_task_class(const struct plugin_class *c, char buffer[256]);

#endif
