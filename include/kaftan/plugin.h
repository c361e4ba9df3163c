/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_PLUGIN_H
#define KAFTAN_PLUGIN_H
/*
 * A plugin is a shared object that exports one constant, `kaftan_plugin`. The
 * worker checks it before any of the plugin's code runs, loads it once with
 * RTLD_NOW | RTLD_LOCAL and never unloads it. A plugin that is refused (path,
 * found, wanted in the log) never stops the others.
 *
 *     static const struct kaftan_source *const sources[] = { &my_source, NULL };
 *     KAFTAN_PLUGIN(.name = "mine", .version = "1.0", .sources = sources);
 */
#include <kaftan/sink.h>
#include <kaftan/source.h>
#include <kaftan/transform.h>

/* The same code under another class name, where existing configs use it. */
struct kaftan_alias {
    const char *alias;      /* full class name users write */
    const char *class_name; /* one of this plugin's classes */
};

struct kaftan_plugin {
    uint32_t abi_major, abi_minor;
    uint32_t size;          /* sizeof(struct kaftan_plugin) */
    uint32_t key_size;      /* sizeof(struct kaftan_config_key): element size of the tables */
    const char *name;       /* short: mqtt */
    const char *version;
    /* NULL ended, or NULL. */
    const struct kaftan_source *const *sources;
    const struct kaftan_sink *const *sinks;
    const struct kaftan_converter *const *converters;
    const struct kaftan_header_converter *const *header_converters;
    const struct kaftan_transform *const *transforms;
    const struct kaftan_predicate *const *predicates;
    const struct kaftan_config_provider *const *config_providers;
    const struct kaftan_alias *aliases; /* ended by alias NULL */
};

#define KAFTAN_PLUGIN(...)                                                     \
    KAFTAN_API extern const struct kaftan_plugin kaftan_plugin;                \
    const struct kaftan_plugin kaftan_plugin = {                               \
        .abi_major = KAFTAN_ABI_MAJOR,                                         \
        .abi_minor = KAFTAN_ABI_MINOR,                                         \
        .size = sizeof(struct kaftan_plugin),                                  \
        .key_size = sizeof(struct kaftan_config_key),                          \
        __VA_ARGS__                                                            \
    }

#endif
