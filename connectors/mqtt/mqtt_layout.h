/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_LAYOUT_H
#define MQTT_LAYOUT_H
/*
 * mqtt_layout: sessions of a connector ("slots", from 0), their client ids,
 * and which filter belongs to which.
 *
 * All of it is a function of the configuration alone, so that a slot finds its
 * session again after restarts, moves and upgrades.
 *
 * Thread   any; pure functions
 */
#include "mqtt_config.h"

/* `<prefix>-<slot>`, or the prefix itself with `exact`. The caller frees it (kaftan_free). */
char *mqtt_client_id(const struct mqtt_config *c, const char *group_id, const char *connector, uint32_t slot);

/* Filters that overlap form a group; returns the number of groups, and of each filter the group's (from 0). */
size_t mqtt_overlap_groups(const struct kaftan_list *filters, size_t *ret_group);
uint32_t mqtt_slot_count(const struct mqtt_config *c, int32_t max_tasks);
/* The slot of each filter: groups in their order, each to the slot with the fewest filters. */
void mqtt_assign_filters(const struct kaftan_list *filters, uint32_t slots, uint32_t *ret_slot);

#endif
