/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that the gate must refuse without running its code: built several times with other numbers. */
#include "config.h"

#include <stdlib.h>
#include <kaftan/plugin.h>

__attribute__((constructor)) static void ran(void)
{
    (void)setenv("PLUGIN_CODE_RAN", REFUSED_NAME, 1);
}

KAFTAN_API extern const struct kaftan_plugin kaftan_plugin;
const struct kaftan_plugin kaftan_plugin = {
    .abi_major = KAFTAN_ABI_MAJOR + REFUSED_MAJOR,
    .abi_minor = KAFTAN_ABI_MINOR + REFUSED_MINOR,
    .size = sizeof(struct kaftan_plugin),
    .key_size = REFUSED_KEY_SIZE,
    .name = REFUSED_NAME,
};
