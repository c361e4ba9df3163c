/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PLUGIN_ADOPT_H
#define PLUGIN_ADOPT_H
/*
 * adopt: a plugin's structs in the shape this worker was built with.
 *
 * Structs grow at their end. One that is shorter than ours is copied into
 * zeroed memory of our size, one that is longer is read up to our end, and a
 * config table is copied row by row when its rows have another size.
 *
 * Owner    the copies: adopt_free; they must live as long as the plugin's
 *          classes are used
 * Thread   before the first other thread
 */
#include <kaftan/plugin.h>

#include "plugin/registry.h"

struct adopt; /* keeps the copies */

struct adopt *adopt_new(void);
void adopt_free(struct adopt *a); /* NULL is fine */
/* One class of a plugin as a registry row. INVALID: shorter than ABI 1.0 had it, or without name, table or the functions it must have. */
struct kaftan_error *adopt_class(struct adopt *a, const struct kaftan_plugin *p, enum plugin_type type,
                                 const void *source, const char *path, struct plugin_class *ret) KAFTAN_MUST_CHECK;

#endif
