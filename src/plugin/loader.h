/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLUGIN_LOADER_H
#define PLUGIN_LOADER_H
/*
 * loader: from a path to a plugin's constant, through the ABI gate.
 *
 * The gate stands before dlopen, because dlopen already runs code of the
 * shared object. What has passed is loaded with RTLD_NOW | RTLD_LOCAL (a
 * missing symbol fails here, not in the middle of a flush) and never unloaded.
 *
 * Thread   before the first other thread
 */
#include <kaftan/plugin.h>

#include "plugin/elf_image.h"

/* Is this version one the worker can use? INVALID: `<path>: <what>: found …, wanted …`; path "" for built-in. */
struct kaftan_error *plugin_gate(const struct plugin_stamp *stamp, const char *path) KAFTAN_MUST_CHECK;
struct kaftan_error *plugin_load(const char *path, const struct kaftan_plugin **ret) KAFTAN_MUST_CHECK;

#endif
