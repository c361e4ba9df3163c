/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_TOPIC_H
#define MQTT_TOPIC_H
/*
 * mqtt_topic: topic filters: what is one, what it matches, which overlap.
 *
 * Pure functions. Levels are what stands between slashes, empty ones count.
 *
 * Thread   any
 */
#include <kaftan/abi.h>

/* Why a text is no filter (a sentence's end: "'#' must be the last level"), or NULL. */
const char *mqtt_filter_problem(struct kaftan_slice filter);
/* The filter without `$share/<group>/`; the group, if asked for, has ptr NULL when it is not shared. */
struct kaftan_slice mqtt_filter_bare(struct kaftan_slice filter, struct kaftan_slice *ret_group);
/* `filter` must be bare. Wildcards at the first level do not match topics that start with `$`. */
bool mqtt_filter_matches(struct kaftan_slice filter, struct kaftan_slice topic);
/* Is there a topic that both match? Both bare. */
bool mqtt_filters_overlap(struct kaftan_slice a, struct kaftan_slice b);

#endif
