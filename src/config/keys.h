/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H
/*
 * keys: what a table of kaftan_config_key does: parse texts into a struct,
 * check them with ConfigDef's messages (data-layer.md 9), describe them.
 *
 * Owner    a parsed config is the caller's (config_values_free); it borrows
 *          nothing
 * Thread   any; a parsed config is immutable
 */
#include <stdbool.h>
#include <stddef.h>
#include <kaftan/config.h>

#include "base/buf.h"
#include "base/map.h"

struct kaftan_secret; /* made by secret_new only */
struct kaftan_secret *secret_new(const char *text);
void secret_free(struct kaftan_secret *s); /* overwrites; NULL is fine */

/* Findings of a validation: errors per key in their order, warnings. */
struct kaftan_config_report *config_report_new(void);
void config_report_free(struct kaftan_config_report *r);
size_t config_report_error_count(const struct kaftan_config_report *r);
/* Walks all errors: `for (size_t i = 0; config_report_at(r, &i, &key, &text);)`. */
bool config_report_at(const struct kaftan_config_report *r, size_t *i, const char **ret_key, const char **ret_text);
bool config_report_warning_at(const struct kaftan_config_report *r, size_t *i, const char **ret_text);
/* All errors in one INVALID error: the key and text of each; NULL when there are none. */
struct kaftan_error *config_report_error(const struct kaftan_config_report *r) KAFTAN_MUST_CHECK;

struct config_values; /* a filled struct and what its fields point to */

/*
 * Parses the keys of `table` from `texts` into a struct of `size` bytes. Every
 * bad key is reported with ConfigDef's text; a bad or missing field keeps zero.
 * Never fails: ask the report.
 */
struct config_values *config_parse(const struct kaftan_config_key *table, size_t size, const struct text_map *texts,
                                   struct kaftan_config_report *report);
/*
 * Validation lets a null pass for a key that has another default, as ConfigDef
 * does; what is going to run must not meet it. Reports each such key.
 */
void config_refuse_nulls(const struct kaftan_config_key *table, const struct text_map *texts, struct kaftan_config_report *report);
const void *config_values_get(const struct config_values *v); /* the struct; borrowed */
void config_values_free(struct config_values *v);

/* One value only: NULL or the ConfigDef text after `Invalid value <v> for configuration <key>`. Used by validation of single keys. */
const struct kaftan_config_key *config_key_find(const struct kaftan_config_key *table, const char *name);
/* "STRING", "INT", "LIST", "HIGH", "MEDIUM" ... as REST shows them. */
const char *config_type_name(enum kaftan_config_type type);
const char *config_importance_name(enum kaftan_importance importance);
const char *config_width_name(enum kaftan_width width);
/* The text REST shows for a parsed default or value (ConfigDef.convertToString): lists joined by ',', passwords `[hidden]`; false for null. */
bool config_value_shown(const struct kaftan_config_key *key, const char *text, struct buf *ret);
/* The table as Markdown (docs), one section per group. */
void config_table_markdown(const struct kaftan_config_key *table, struct buf *ret);

/* The SDK's view of the same map. */
const struct kaftan_config_texts *config_texts_of(const struct text_map *m);

#endif
