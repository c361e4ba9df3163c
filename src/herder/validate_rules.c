/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules over several keys, and what this worker has not got yet and therefore
 * refuses by name: a reference to a config provider or a transformation must
 * never be taken for plain text or left out silently.
 */
#include "config.h"

#include "herder/validate_int.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/regex.h"
#include "base/text.h"

static bool is_sink(const struct validating *v)
{
    return v->class->type == PLUGIN_SINK;
}

static bool set(const struct validating *v, const char *key)
{
    return slice_trim(slice_of(text_map_get(v->config, key))).len > 0;
}

static bool any_starts(const struct validating *v, const char *prefix)
{
    const char *key, *value;
    for (size_t i = 0; text_map_at(v->config, &i, &key, &value);)
        if (text_starts(key, prefix))
            return true;
    return false;
}

/* ---- client overrides ---- */

static bool exactly_once_worker(const struct validating *v)
{
    return worker_config_distributed(v->worker) && strcasecmp(v->values->exactly_once ? v->values->exactly_once : "", "enabled") == 0;
}

bool override_used(const struct validating *v, const char *key, const char **ret_key, enum kafka_kind *ret_kind)
{
    static const struct {
        const char *prefix;
        enum kafka_kind kind;
    } kinds[] = { { "producer.override.", KAFKA_PRODUCER }, { "consumer.override.", KAFKA_CONSUMER }, { "admin.override.", KAFKA_ADMIN } };
    bool sink = is_sink(v), dlq = sink && set(v, "errors.deadletterqueue.topic.name");
    bool own_offsets = !sink && worker_config_distributed(v->worker) && (exactly_once_worker(v) || set(v, "offsets.storage.topic"));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        enum kafka_kind kind = kinds[i].kind;
        if (!text_starts(key, kinds[i].prefix))
            continue;
        *ret_key = key + strlen(kinds[i].prefix);
        *ret_kind = kind;
        if (kind == KAFKA_PRODUCER)
            return !sink || dlq;
        if (kind == KAFKA_CONSUMER)
            return sink || own_offsets;
        return dlq || own_offsets || (!sink && any_starts(v, "topic.creation."));
    }
    return false;
}

static const char *policy(const struct worker_values *values)
{
    const char *name = values->override_policy ? values->override_policy : "All";
    return strstr(name, "None") ? "None" : strstr(name, "Principal") ? "Principal" : NULL;
}

static bool principal(const char *key)
{
    return strcmp(key, "sasl.jaas.config") == 0 || strcmp(key, "sasl.mechanism") == 0 || strcmp(key, "security.protocol") == 0;
}

void rules_overrides(struct validating *v)
{
    const char *name = policy(v->values);
    const char *key, *value, *bare;
    enum kafka_kind kind;
    for (size_t i = 0; text_map_at(v->config, &i, &key, &value);) {
        if (!name || !override_used(v, key, &bare, &kind) || (*name == 'P' && principal(bare)))
            continue;
        kaftan_config_error(v->overrides, key, "The '%s' policy does not allow '%s' to be overridden in the connector configuration.",
                            name, bare);
    }
}

struct kaftan_error *rules_override_types(const struct validating *v)
{
    const char *key, *value, *bare;
    enum kafka_kind kind;
    for (size_t i = 0; text_map_at(v->config, &i, &key, &value);) {
        struct kaftan_error *err = override_used(v, key, &bare, &kind) ? kafka_value_check(kind, bare, value) : NULL;
        if (!err)
            continue;
        struct kaftan_error *fatal = kaftan_error_new(KAFTAN_E_INTERNAL, "%s", kaftan_error_message(err));
        kaftan_error_free(err);
        return fatal;
    }
    return NULL;
}

/* ---- keys as such ---- */

static bool of_converter(const struct validating *v, const char *key)
{
    static const char *const names[] = { "key.converter", "value.converter", "header.converter" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t len = strlen(names[i]);
        if (strncmp(key, names[i], len) == 0 && key[len] == '.' && set(v, names[i]))
            return true;
    }
    return false;
}

struct kaftan_config_report *rules_report_of(const struct validating *v, const char *key)
{
    const char *bare;
    enum kafka_kind kind;
    if (config_key_find(framework_common_keys(), key) || config_key_find(v->kind_keys, key))
        return v->framework;
    if (config_key_find(v->class->config, key))
        return v->own;
    if (override_used(v, key, &bare, &kind))
        return v->overrides;
    return of_converter(v, key) ? NULL : v->unknown;
}

void rules_nulls(struct validating *v)
{
    const char *key, *value;
    for (size_t i = 0; text_map_at(v->config, &i, &key, &value);) {
        struct kaftan_config_report *report = rules_report_of(v, key);
        if (!value && report && report != v->own)
            kaftan_config_error(report, key, "Null value can not be supplied as the configuration value.");
    }
}

/*
 * `${provider:[path:]key}`. The variables of templates, which some connectors
 * have in their own keys, look the same: json, header and field are theirs.
 */
void rules_provider(const char *key, const char *value, bool template, struct kaftan_config_report *report)
{
    for (const char *p = value; p && (p = strstr(p, "${"));) {
        const char *name = p + 2;
        size_t len = strcspn(name, ":}");
        p = name;
        if (name[len] != ':' || !strchr(name + len, '}'))
            continue;
        if (template && ((len == 4 && memcmp(name, "json", 4) == 0) || (len == 6 && memcmp(name, "header", 6) == 0) ||
                         (len == 5 && memcmp(name, "field", 5) == 0)))
            continue;
        kaftan_config_error(report, key,
                            "Configuration '%s' refers to the config provider '%.*s', but this worker has no config providers; "
                            "give the value itself",
                            key, (int)(len < 100 ? len : 100), name);
        return;
    }
}

void rules_providers(struct validating *v)
{
    const char *key, *value;
    for (size_t i = 0; text_map_at(v->config, &i, &key, &value);) {
        struct kaftan_config_report *report = rules_report_of(v, key);
        const struct kaftan_config_key *own = report == v->own ? config_key_find(v->class->config, key) : NULL;
        if (value && report)
            rules_provider(key, value, own && own->type == KAFTAN_STRING, report);
    }
}

void rules_transforms(struct validating *v)
{
    static const struct {
        const char *key, *what;
    } kinds[] = { { "transforms", "transformation" }, { "predicates", "predicate" } };
    for (size_t k = 0; k < COUNT_OF(kinds); k++) {
        const struct kaftan_list *list = k == 0 ? &v->fw->transforms : &v->fw->predicates;
        for (size_t i = 0; i < list->count; i++) {
            char *name = mem_printf("%s.%s.type", kinds[k].key, list->items[i]);
            const char *class = text_map_get(v->config, name);
            kaftan_config_error(v->framework, kinds[k].key, "The %s '%s' (%s) cannot be used: this worker has no %ss yet", kinds[k].what,
                                list->items[i], class ? class : "no type given", kinds[k].what);
            mem_free(name);
        }
    }
}

/* ---- sinks ---- */

static void both_topics(struct validating *v, const char *text)
{
    kaftan_config_error(v->framework, "topics", "%s", text);
    kaftan_config_error(v->framework, "topics.regex", "%s", text);
}

/* A dead letter topic that the connector reads itself would never run dry. */
static void dead_letters(struct validating *v)
{
    const char *dlq = v->fw->dlq_topic;
    const struct kaftan_list *topics = &v->fw->topics;
    struct buf list = BUF_INIT;
    bool listed = false;
    struct regex *re = NULL;
    if (!dlq || !*dlq)
        return;
    for (size_t i = 0; i < topics->count; i++) {
        buf_printf(&list, "%s%s", i ? ", " : "", topics->items[i]);
        listed = listed || strcmp(topics->items[i], dlq) == 0;
    }
    if (listed)
        kaftan_config_error(v->framework, "topics",
                            "The DLQ topic '%s' may not be included in the list of topics ('topics=[%s]') consumed by the connector", dlq,
                            buf_text(&list));
    buf_fini(&list);
    if (!v->fw->topics_regex || !*v->fw->topics_regex)
        return;
    kaftan_error_free(regex_new(v->fw->topics_regex, &re));
    if (re && regex_matches(re, slice_of(dlq)))
        kaftan_config_error(v->framework, "topics.regex",
                            "The DLQ topic '%s' may not be matched by the regex for the topics ('topics.regex=%s') consumed by the connector",
                            dlq, v->fw->topics_regex);
    regex_free(re);
}

static void consumer_group(struct validating *v)
{
    const char *given = text_map_get(v->config, "consumer.override.group.id");
    const char *name = v->fw->name ? v->fw->name : "", *worker = v->values->group_id;
    char *group;
    if (!worker || !worker_config_distributed(v->worker))
        return;
    if (given && strcmp(given, worker) == 0)
        kaftan_config_error(v->unknown, "consumer.override.group.id", "Consumer group %s conflicts with Connect worker group %s", given,
                            worker);
    if (given)
        return;
    group = mem_printf("connect-%s", name);
    if (strcmp(group, worker) == 0)
        kaftan_config_error(v->framework, "name", "Consumer group for sink connector named %s conflicts with Connect worker group %s", name,
                            worker);
    mem_free(group);
}

void rules_sink(struct validating *v)
{
    bool topics = set(v, "topics"), regex = set(v, "topics.regex");
    if (topics && regex)
        both_topics(v, "topics and topics.regex are mutually exclusive options, but both are set.");
    else if (!topics && !regex)
        both_topics(v, "Must configure one of topics or topics.regex");
    dead_letters(v);
    consumer_group(v);
}

/* ---- sources: exactly-once, in a group only ---- */

void rules_source(struct validating *v)
{
    const struct kaftan_source *s = v->class->as.source;
    enum kaftan_support support;
    if (!worker_config_distributed(v->worker))
        return;
    if (v->fw->exactly_once && strcasecmp(v->fw->exactly_once, "required") == 0) {
        support = s->exactly_once_support ? s->exactly_once_support(v->values_own) : KAFTAN_UNKNOWN;
        if (!exactly_once_worker(v))
            kaftan_config_error(v->framework, "exactly.once.support", "This worker does not have exactly-once source support enabled.");
        if (support == KAFTAN_UNSUPPORTED)
            kaftan_config_error(v->framework, "exactly.once.support",
                                "The connector does not support exactly-once semantics with the provided configuration.");
        else if (support == KAFTAN_UNKNOWN)
            kaftan_config_error(v->framework, "exactly.once.support",
                                "The connector does not implement the API required for preflight validation of exactly-once source "
                                "support. Please consult the documentation for the connector to determine whether it supports "
                                "exactly-once semantics, and then consider reconfiguring the connector to use the value \"requested\" "
                                "for this property (which will disable this preflight check and allow the connector to be created).");
    }
    if (v->fw->boundary && strcasecmp(v->fw->boundary, "connector") == 0 &&
        (!s->transaction_boundaries || s->transaction_boundaries(v->values_own) != KAFTAN_SUPPORTED))
        kaftan_config_error(v->framework, "transaction.boundary",
                            "The connector does not support connector-defined transaction boundaries with the given configuration. "
                            "Please reconfigure it to use a different transaction boundary definition.");
}
