/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUP_TABLE_INT_H
#define GROUP_TABLE_INT_H
/*
 * table_int: connectors and tasks as small numbers while one round lasts, so
 * that sets are arrays of flags and lists arrays of numbers.
 *
 * Owner    the round
 * Memory   names are borrowed from the round's input
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "group/work.h"

struct table {
    struct work_id *items; /* owned; names borrowed */
    size_t count, cap;
    uint32_t *slots; /* owned; index + 1, 0 free */
    size_t slot_count;
};

struct list { /* of item numbers */
    uint32_t *at; /* owned */
    size_t count, cap;
};

void table_fini(struct table *t);
uint32_t table_of(struct table *t, struct work_id id); /* finds or adds */

void list_fini(struct list *l);
void list_add(struct list *l, uint32_t item);
void list_remove_if(struct list *l, const bool *gone); /* keeps the order */
/* Connectors before tasks, each by name and number. */
void list_sort(struct list *l, const struct table *t);
/* As a Java hash set made from this list walks over it. */
void list_hash_order(struct list *l, const struct table *t);

#endif
