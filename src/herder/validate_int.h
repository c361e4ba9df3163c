/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HERDER_VALIDATE_INT_H
#define HERDER_VALIDATE_INT_H
/*
 * validate_int: the framework's own keys, and how an answer is put together.
 *
 *   validate.c         one connector's config against all its tables
 *   validate_rules.c   rules over several keys
 *   validate_class.c   classes, versions, texts about them
 *   validate_answer.c  rows, groups, counts
 *   validate_tables.c  the framework's keys
 *
 * Thread   jobs
 */
#include "base/arena.h"
#include "base/buf.h"
#include "config/keys.h"
#include "herder/validate.h"
#include "kafka/conf.h"

struct framework_values {
    const char *name, *connector_class, *plugin_version;
    int32_t tasks_max;
    bool tasks_max_enforce;
    const char *key_converter, *key_version, *value_converter, *value_version, *header_converter, *header_version;
    struct kaftan_list transforms, predicates;
    const char *reload;
    int64_t retry_timeout_ms, retry_delay_max_ms;
    const char *tolerance;
    bool log, log_messages;
    /* sink */
    struct kaftan_list topics;
    const char *topics_regex, *dlq_topic;
    int16_t dlq_replication;
    bool dlq_headers;
    /* source */
    struct kaftan_list creation_groups;
    const char *exactly_once, *boundary;
    int64_t boundary_interval_ms;
    const char *offsets_topic;
};
const struct kaftan_config_key *framework_common_keys(void);
const struct kaftan_config_key *framework_source_keys(void);
const struct kaftan_config_key *framework_sink_keys(void);
const struct kaftan_config_key *framework_converter_keys(void); /* converter.type; a const char * at 0 */

/* ---- an answer in the making ---- */
struct answer;
struct answer *answer_new(void);
void answer_free(struct answer *a);
struct kaftan_arena *answer_arena(struct answer *a);
enum count_rule { COUNT_MESSAGES, COUNT_KEYS };
/*
 * Rows of a table with the texts given and the errors reported; `prefix` goes
 * before names. Rows of `but` (may be NULL) are left out.
 */
void answer_table(struct answer *a, const struct kaftan_config_key *table, const struct kaftan_config_key *but, const char *prefix,
                  const struct text_map *texts, const struct kaftan_config_report *report, enum count_rule count);
/* A row of its own; key NULL: undefined, and among the first. */
void answer_row(struct answer *a, const char *name, const struct kaftan_config_key *key, const char *value,
                const struct kaftan_config_report *report, enum count_rule count);
bool answer_has(const struct answer *a, const char *name);
/* Changes of a row there is; no effect when there is none. */
void answer_value(struct answer *a, const char *name, const char *value);
void answer_recommend(struct answer *a, const char *name, const char *const *items, size_t count);
void answer_hide(struct answer *a, const char *name);
struct config_infos *answer_take(struct answer *a, const char *name); /* a is gone */

/* ---- one validation ---- */
struct validating {
    const struct worker_config *worker;
    const struct worker_values *values;
    const struct registry *registry;
    const struct text_map *config;
    const struct plugin_class *class;
    const struct kaftan_config_key *kind_keys; /* the framework's for sources or for sinks */
    /* Findings, owned by who validates: the framework's keys, the connector's, client overrides, keys nothing defines. */
    struct kaftan_config_report *framework, *own, *overrides, *unknown;
    const struct framework_values *fw; /* parsed */
    const void *values_own;            /* parsed; the connector's struct */
};

/* ---- validate_rules.c ---- */
/* Where findings about a key of the config belong; NULL: to a converter that the connector names. */
struct kaftan_config_report *rules_report_of(const struct validating *v, const char *key);
void rules_nulls(struct validating *v);
void rules_transforms(struct validating *v);
void rules_providers(struct validating *v);
void rules_provider(const char *key, const char *value, bool template, struct kaftan_config_report *report);
void rules_overrides(struct validating *v);
/* An override that Java's client cannot parse: no row of the answer but the end of it, as Java has it (rest-api.md 8). */
struct kaftan_error *rules_override_types(const struct validating *v) KAFTAN_MUST_CHECK;
void rules_sink(struct validating *v);
void rules_source(struct validating *v);
/* Is `key` a client override that this connector uses? *ret_key without its prefix. */
bool override_used(const struct validating *v, const char *key, const char **ret_key, enum kafka_kind *ret_kind);

/* ---- validate_class.c ---- */
struct kaftan_error *class_missing(const struct text_map *config) KAFTAN_MUST_CHECK;
struct kaftan_error *class_unknown(const struct registry *r, const char *name) KAFTAN_MUST_CHECK; /* Java's text differs from the second time on */
/* The class a converter key names; reports what is wrong with it and gives NULL. *ret_shown: its full name, if it is any class's. */
const struct plugin_class *class_converter(const struct registry *r, enum plugin_type type, const char *key, const char *name,
                                           struct kaftan_config_report *report, const char **ret_shown);
/* Class names of a type, sorted; in the arena. */
const char *const *class_names(const struct registry *r, enum plugin_type type, struct kaftan_arena *a, size_t *ret_count);
/* NULL: the version text admits this class; else what to say (owned). *ret_bad: the text cannot be read at all. */
char *class_version_wrong(const struct plugin_class *c, const char *version, bool *ret_bad);

#endif
