/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MAP_H
#define BASE_MAP_H
/*
 * map: text to pointer, in insertion order. text_map: text to text (or null),
 * in insertion order, counted and immutable once shared: a connector's
 * config, a worker's properties.
 *
 * Owner    map: its maker. text_map: counted; text_map_ref before sharing
 * Thread   map: one at a time. A text_map that is shared is never changed
 */
#include <stdbool.h>
#include <stddef.h>

struct map;

struct map *map_new(void (*free_value)(void *)); /* free_value may be NULL */
void map_free(struct map *m);                    /* NULL is fine */
size_t map_count(const struct map *m);
void *map_get(const struct map *m, const char *key); /* borrowed, NULL when absent */
bool map_has(const struct map *m, const char *key);
void map_put(struct map *m, const char *key, void *value); /* copies key, takes value, frees the old one */
bool map_remove(struct map *m, const char *key);           /* frees the value */
void *map_take(struct map *m, const char *key);            /* caller owns; NULL when absent */
/* Walks in insertion order: `for (size_t i = 0; map_at(m, &i, &key, &value);)`; no change while walking. */
bool map_at(const struct map *m, size_t *i, const char **ret_key, void **ret_value);

struct text_map;

struct text_map *text_map_new(void);
struct text_map *text_map_ref(struct text_map *m);
void text_map_unref(struct text_map *m); /* NULL is fine */
struct text_map *text_map_copy(const struct text_map *m);
size_t text_map_count(const struct text_map *m);
const char *text_map_get(const struct text_map *m, const char *key); /* NULL: absent or null */
bool text_map_has(const struct text_map *m, const char *key);
void text_map_put(struct text_map *m, const char *key, const char *value); /* copies; value NULL = null; keeps an existing key's place */
bool text_map_remove(struct text_map *m, const char *key);
bool text_map_at(const struct text_map *m, size_t *i, const char **ret_key, const char **ret_value);
bool text_map_eq(const struct text_map *a, const struct text_map *b); /* order does not count */

#endif
