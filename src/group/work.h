/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUP_WORK_H
#define GROUP_WORK_H
/*
 * work: lists of connectors and tasks, as assignments carry them, and Java's
 * orders, which a mixed group does not need but golden vectors compare.
 *
 * Owner    a list owns its items and their names
 * Thread   one at a time
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct work_id {
    const char *connector;
    int32_t task; /* -1: the connector itself */
};
struct work_list {
    struct work_id *items; /* owned with their names */
    size_t count;
};

void work_list_fini(struct work_list *l);
void work_list_add(struct work_list *l, const char *connector, int32_t task); /* copies the name */
void work_list_copy(struct work_list *to, const struct work_list *from);      /* appends copies */
bool work_list_has(const struct work_list *l, const char *connector, int32_t task);
/* Removes every item that stands in `gone`; the others keep their order. */
void work_list_remove(struct work_list *l, const struct work_list *gone);

/* String.compareTo of valid UTF-8: by UTF-16 unit. */
int java_compare(const char *a, const char *b);
/* Connectors before tasks, each by name, then number. */
int work_compare(const void *a, const void *b);
int32_t work_hash(const struct work_id *id); /* of the name, or of ConnectorTaskId */
/*
 * Puts `order` (0..count-1, some order) into the order in which Java's hash
 * tables of `size` buckets walk over `hashes`: by bucket, stable within one.
 */
void java_hash_order(const int32_t *hashes, size_t *order, size_t count, uint32_t size);
uint32_t java_set_size(size_t count); /* buckets of a HashSet made from a list */
uint32_t java_map_size(size_t count); /* buckets of a HashMap filled one by one */

#endif
