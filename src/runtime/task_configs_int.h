/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_TASK_CONFIGS_INT_H
#define RUNTIME_TASK_CONFIGS_INT_H
/*
 * task_configs: collects what a plugin's task_configs() makes. Each is a copy
 * of the connector's config, changed by the plugin, with task.class.
 *
 * Owner    the connector's thread
 */
#include <stddef.h>
#include <stdint.h>
#include <kaftan/source.h>

#include "base/map.h"
#include "runtime/work_int.h"

struct kaftan_task_configs *task_configs_new(struct kaftan_task *connector);
void task_configs_free(struct kaftan_task_configs *c);
size_t task_configs_count(const struct kaftan_task_configs *c);
/* The caller owns the array and its references. */
struct text_map **task_configs_take(struct kaftan_task_configs *c, int32_t *ret_count);

#endif
