/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_TOPIC_GROUPS_H
#define RUNTIME_TOPIC_GROUPS_H
/*
 * topic_groups: the rules topic.creation.<group>.* of a connector.
 *
 * Owner    the maker
 * Thread   one at a time (it matches patterns)
 */
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/map.h"
#include "kafka/admin.h"

struct topic_groups;

/* *ret NULL when the config has no topic.creation key: the broker decides. INVALID names the key. */
struct kaftan_error *topic_groups_new(const struct text_map *config, struct topic_groups **ret) KAFTAN_MUST_CHECK;
void topic_groups_free(struct topic_groups *g); /* NULL is fine */
/* What a topic of this name is to be like; *ret_group is the group's name (borrowed). ret->name is left alone. */
void topic_groups_match(struct topic_groups *g, struct kaftan_slice name, struct admin_new_topic *ret,
                        const char **ret_group);

#endif
