/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLUGIN_REGISTRY_INT_H
#define PLUGIN_REGISTRY_INT_H
/* Between registry.c (what is there) and search.c (where it is looked for). */
#include <stdbool.h>

#include "plugin/registry.h"

/* Was a plugin of this path added? */
bool registry_has_path(const struct registry *r, const char *path);

#endif
