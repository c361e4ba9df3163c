/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_BUILTIN_H
#define CONVERT_BUILTIN_H
/*
 * builtin: the converters that are part of the worker, as one plugin.
 *
 * Owner    constant
 * Thread   any; an instance belongs to the task that opened it
 */
#include <kaftan/plugin.h>

const struct kaftan_plugin *convert_builtin(void);

#endif
