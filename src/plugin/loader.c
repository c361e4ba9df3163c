/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plugin/loader.h"

#include <dlfcn.h>

/* Ends of the structs as ABI 1.0 had them: a plugin may not be shorter. */
#define END_OF(T, last) (offsetof(T, last) + sizeof((T *)0)->last)
#define PLUGIN_SIZE_1_0 END_OF(struct kaftan_plugin, aliases)
#define KEY_SIZE_1_0 END_OF(struct kaftan_config_key, doc)

struct kaftan_error *plugin_gate(const struct plugin_stamp *stamp, const char *path)
{
    const char *name = *path ? path : "built-in plugin";
    if (stamp->abi_major != KAFTAN_ABI_MAJOR || stamp->abi_minor > KAFTAN_ABI_MINOR)
        return kaftan_error_new(KAFTAN_E_INVALID, "%s: plugin ABI: found %u.%u, wanted %u.0 to %u.%u", name,
                                stamp->abi_major, stamp->abi_minor, KAFTAN_ABI_MAJOR, KAFTAN_ABI_MAJOR,
                                KAFTAN_ABI_MINOR);
    if (stamp->size < PLUGIN_SIZE_1_0)
        return kaftan_error_new(KAFTAN_E_INVALID, "%s: size of struct kaftan_plugin: found %u, wanted at least %zu",
                                name, stamp->size, PLUGIN_SIZE_1_0);
    if (stamp->key_size < KEY_SIZE_1_0)
        return kaftan_error_new(KAFTAN_E_INVALID,
                                "%s: size of struct kaftan_config_key: found %u, wanted at least %zu", name,
                                stamp->key_size, KEY_SIZE_1_0);
    return NULL;
}

struct kaftan_error *plugin_load(const char *path, const struct kaftan_plugin **ret)
{
    struct plugin_stamp stamp;
    struct kaftan_error *err = elf_image_stamp_of(path, &stamp);
    if (!err)
        err = plugin_gate(&stamp, path);
    if (err)
        return err;
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!so) {
        const char *why = dlerror();
        return kaftan_error_new(KAFTAN_E_INVALID, "%s: cannot be loaded: %s", path, why ? why : "no reason given");
    }
    const struct kaftan_plugin *p = dlsym(so, "kaftan_plugin");
    if (!p) {
        (void)dlclose(so);
        return kaftan_error_new(KAFTAN_E_INVALID, "%s: not a plugin: no constant 'kaftan_plugin'", path);
    }
    *ret = p; /* the object stays loaded for the life of the process */
    return NULL;
}
