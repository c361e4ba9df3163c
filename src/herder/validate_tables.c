/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "herder/validate_int.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/regex.h"
#include "base/text.h"

static const char *text_at(const void *field)
{
    const char *text;
    memcpy(&text, field, sizeof text);
    return text;
}

static struct kaftan_error *check_name(const char *key, const void *field)
{
    const char *name = text_at(field);
    struct buf codes = BUF_INIT;
    struct kaftan_error *err = NULL;
    size_t len = name ? strlen(name) : 0;
    if (!name)
        return NULL;
    if (len == 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value  for configuration %s: String may not be empty", key);
    for (size_t pos = 0; pos < len;) {
        uint32_t c = utf8_next(name, len, &pos);
        if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            buf_printf(&codes, "%s%u", codes.len ? ", " : "", c);
    }
    if (codes.len)
        err = kaftan_error_new(KAFTAN_E_INVALID,
                               "Invalid value %s for configuration %s: String may not contain control sequences but had the "
                               "following ASCII chars: %s",
                               name, key, buf_text(&codes));
    buf_fini(&codes);
    return err;
}

static bool doubled(const struct kaftan_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(list->items[i], list->items[j]) == 0)
                return true;
    return false;
}

static struct kaftan_error *check_aliases(const char *key, const void *field)
{
    const struct kaftan_list *list = field;
    struct buf text = BUF_INIT;
    struct kaftan_error *err;
    if (!doubled(list))
        return NULL;
    for (size_t i = 0; i < list->count; i++)
        buf_printf(&text, "%s%s", i ? ", " : "", list->items[i]);
    err = kaftan_error_new(KAFTAN_E_INVALID, "Invalid value [%s] for configuration %s: Duplicate alias provided.", buf_text(&text), key);
    buf_fini(&text);
    return err;
}

static struct kaftan_error *check_topics(const char *key, const void *field)
{
    const struct kaftan_list *list = field;
    if (doubled(list))
        return kaftan_error_new(KAFTAN_E_INVALID, "Configuration '%s' values must not be duplicated.", key);
    for (size_t i = 0; i < list->count; i++)
        if (!*list->items[i])
            return kaftan_error_new(KAFTAN_E_INVALID, "Configuration '%s' values must not be empty.", key);
    return NULL;
}

static struct kaftan_error *check_regex(const char *key, const void *field)
{
    const char *pattern = text_at(field);
    struct regex *re = NULL;
    struct kaftan_error *err = pattern ? regex_new(pattern, &re) : NULL;
    struct kaftan_error *ret;
    regex_free(re);
    if (!err)
        return NULL;
    ret = kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration %s: Invalid regex: %s", pattern, key,
                           kaftan_error_message(err));
    kaftan_error_free(err);
    return ret;
}

static struct kaftan_error *check_any_case(const char *key, const void *field, const char *const *allowed, const char *shown)
{
    const char *value = text_at(field);
    for (size_t i = 0; value && allowed[i]; i++)
        if (strcasecmp(value, allowed[i]) == 0)
            return NULL;
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration %s: String must be one of (case insensitive): %s",
                            value ? value : "null", key, shown);
}

static struct kaftan_error *check_exactly_once(const char *key, const void *field)
{
    static const char *const allowed[] = { "requested", "required", NULL };
    return check_any_case(key, field, allowed, "REQUIRED, REQUESTED");
}

static struct kaftan_error *check_boundary(const char *key, const void *field)
{
    static const char *const allowed[] = { "poll", "interval", "connector", NULL };
    return check_any_case(key, field, allowed, "INTERVAL, POLL, CONNECTOR");
}

static const char *const reload[] = { "none", "restart", NULL };
static const char *const tolerance[] = { "none", "all", NULL };

#define V struct framework_values
#define HIGH .importance = KAFTAN_HIGH
#define MEDIUM .importance = KAFTAN_MEDIUM
#define LOW .importance = KAFTAN_LOW
#define PLACE(group_, order_, width_, display_) \
    .group = (group_), .order_in_group = (order_), .width = KAFTAN_WIDTH_##width_, .display_name = (display_)

static const struct kaftan_config_key common_keys[] = {
    { .name = "name", KAFTAN_STRING_FIELD(V, name), .def = KAFTAN_NO_DEFAULT, HIGH, .validate = check_name,
      PLACE("Common", 1, MEDIUM, "Connector name"), .doc = "The connector's name, unique in the group." },
    { .name = "connector.class", KAFTAN_STRING_FIELD(V, connector_class), .def = KAFTAN_NO_DEFAULT, HIGH,
      PLACE("Common", 2, LONG, "Connector class"),
      .doc = "Which connector to run: its full class name, the name without package, or that without a final Connector." },
    { .name = "connector.plugin.version", KAFTAN_STRING_FIELD(V, plugin_version), .def = KAFTAN_NULL_DEFAULT, MEDIUM,
      PLACE("Common", 3, MEDIUM, "Connector version"), .doc = "Version, or range of versions, of the connector." },
    { .name = "tasks.max", KAFTAN_INT_FIELD(V, tasks_max), .def = "1", HIGH, .ranged = true, .min = 1,
      PLACE("Common", 4, SHORT, "Tasks max"), .doc = "The most tasks the connector may be split into." },
    { .name = "tasks.max.enforce", KAFTAN_BOOLEAN_FIELD(V, tasks_max_enforce), .def = "true", LOW,
      PLACE("Common", 5, SHORT, "Enforce tasks max"),
      .doc = "Whether a connector that makes more tasks than tasks.max fails (true) or is only warned about." },
    { .name = "key.converter", KAFTAN_CLASS_FIELD(V, key_converter), .def = KAFTAN_NULL_DEFAULT, LOW,
      PLACE("Common", 6, SHORT, "Key converter class"),
      .doc = "Converter between Connect's form of record keys and their bytes in Kafka; the worker's when absent." },
    { .name = "key.converter.plugin.version", KAFTAN_STRING_FIELD(V, key_version), .def = KAFTAN_NULL_DEFAULT, LOW,
      PLACE("Common", 7, SHORT, "Key converter version"), .doc = "Version, or range of versions, of the key converter." },
    { .name = "value.converter", KAFTAN_CLASS_FIELD(V, value_converter), .def = KAFTAN_NULL_DEFAULT, LOW,
      PLACE("Common", 8, SHORT, "Value converter class"),
      .doc = "Converter between Connect's form of record values and their bytes in Kafka; the worker's when absent." },
    { .name = "value.converter.plugin.version", KAFTAN_STRING_FIELD(V, value_version), .def = KAFTAN_NULL_DEFAULT, LOW,
      PLACE("Common", 9, SHORT, "Value converter version"), .doc = "Version, or range of versions, of the value converter." },
    { .name = "header.converter", KAFTAN_CLASS_FIELD(V, header_converter), .def = KAFTAN_NULL_DEFAULT, LOW,
      PLACE("Common", 10, SHORT, "Header converter class"),
      .doc = "Converter between Connect's form of header values and their bytes in Kafka; the worker's when absent." },
    { .name = "header.converter.plugin.version", KAFTAN_STRING_FIELD(V, header_version), .def = KAFTAN_NULL_DEFAULT, LOW,
      PLACE("Common", 11, SHORT, "Header converter version"), .doc = "Version, or range of versions, of the header converter." },
    { .name = "transforms", KAFTAN_LIST_FIELD(V, transforms), .def = "", LOW, .validate = check_aliases,
      PLACE("Transforms", 12, LONG, "Transforms"), .doc = "Aliases of the transformations, in the order they are applied." },
    { .name = "predicates", KAFTAN_LIST_FIELD(V, predicates), .def = "", LOW, .validate = check_aliases,
      PLACE("Predicates", 13, LONG, "Predicates"), .doc = "Aliases of the predicates that transformations refer to." },
    { .name = "config.action.reload", KAFTAN_STRING_FIELD(V, reload), .def = "restart", LOW, .allowed = reload,
      PLACE("Common", 14, MEDIUM, "Reload Action"),
      .doc = "What to do when a value from a config provider has run out: restart the connector, or nothing." },
    { .name = "errors.retry.timeout", KAFTAN_LONG_FIELD(V, retry_timeout_ms), .def = "0", MEDIUM,
      PLACE("Error Handling", 1, MEDIUM, "Retry Timeout for Errors"),
      .doc = "How long, in milliseconds, a failed operation on a record is tried again; 0: not at all, -1: without end." },
    { .name = "errors.retry.delay.max.ms", KAFTAN_LONG_FIELD(V, retry_delay_max_ms), .def = "60000", MEDIUM,
      PLACE("Error Handling", 2, MEDIUM, "Maximum Delay Between Retries for Errors"),
      .doc = "The longest pause between two attempts, in milliseconds." },
    { .name = "errors.tolerance", KAFTAN_STRING_FIELD(V, tolerance), .def = "none", MEDIUM, .allowed = tolerance,
      PLACE("Error Handling", 3, SHORT, "Error Tolerance"),
      .doc = "none: the first bad record fails the task; all: bad records are skipped." },
    { .name = "errors.log.enable", KAFTAN_BOOLEAN_FIELD(V, log), .def = "false", MEDIUM,
      PLACE("Error Handling", 4, SHORT, "Log Errors"), .doc = "Whether each failed operation is logged, tolerated or not." },
    { .name = "errors.log.include.messages", KAFTAN_BOOLEAN_FIELD(V, log_messages), .def = "false", MEDIUM,
      PLACE("Error Handling", 5, SHORT, "Log Error Details"), .doc = "Whether such a line names the record it is about." },
    { 0 },
};

static const struct kaftan_config_key sink_keys[] = {
    { .name = "topics", KAFTAN_LIST_FIELD(V, topics), .def = "", HIGH, .validate = check_topics,
      PLACE("Common", 4, LONG, "Topics"), .doc = "Topics to read." },
    { .name = "topics.regex", KAFTAN_STRING_FIELD(V, topics_regex), .def = "", HIGH, .validate = check_regex,
      PLACE("Common", 4, LONG, "Topics regex"), .doc = "Java regular expression of the topics to read; in place of topics." },
    { .name = "errors.deadletterqueue.topic.name", KAFTAN_STRING_FIELD(V, dlq_topic), .def = "", MEDIUM,
      PLACE("Error Handling", 6, MEDIUM, "Dead Letter Queue Topic Name"),
      .doc = "Topic for records that could not be handled; empty: none." },
    { .name = "errors.deadletterqueue.topic.replication.factor", KAFTAN_SHORT_FIELD(V, dlq_replication), .def = "3", MEDIUM,
      PLACE("Error Handling", 7, MEDIUM, "Dead Letter Queue Topic Replication Factor"),
      .doc = "Replication factor of that topic when it has to be created." },
    { .name = "errors.deadletterqueue.context.headers.enable", KAFTAN_BOOLEAN_FIELD(V, dlq_headers), .def = "false", MEDIUM,
      PLACE("Error Handling", 8, MEDIUM, "Enable Error Context Headers"),
      .doc = "Whether such records get headers that tell where and why they failed." },
    { 0 },
};

static const struct kaftan_config_key source_keys[] = {
    { .name = "topic.creation.groups", KAFTAN_LIST_FIELD(V, creation_groups), .def = "", LOW, .validate = check_aliases,
      PLACE("Topic Creation", 1, LONG, "Topic Creation Groups"),
      .doc = "Groups of topics with settings of their own for their creation, beside the group default." },
    { .name = "exactly.once.support", KAFTAN_STRING_FIELD(V, exactly_once), .def = "requested", MEDIUM, .validate = check_exactly_once,
      PLACE("Exactly Once Support", 2, SHORT, "Exactly once support"),
      .doc = "required: refuse the connector unless it and the worker can write exactly once; requested: do what is possible." },
    { .name = "transaction.boundary", KAFTAN_STRING_FIELD(V, boundary), .def = "poll", MEDIUM, .validate = check_boundary,
      PLACE("Exactly Once Support", 3, SHORT, "Transaction Boundary"),
      .doc = "Where transactions of exactly-once writing end: with each batch, after an interval, or where the connector says." },
    { .name = "transaction.boundary.interval.ms", KAFTAN_LONG_FIELD(V, boundary_interval_ms), .def = KAFTAN_NULL_DEFAULT, LOW,
      .ranged = true, .min = 0, PLACE("Exactly Once Support", 4, SHORT, "Transaction boundary interval"),
      .doc = "That interval in milliseconds; the worker's offset.flush.interval.ms when absent." },
    { .name = "offsets.storage.topic", KAFTAN_STRING_FIELD(V, offsets_topic), .def = KAFTAN_NULL_DEFAULT, LOW, .non_empty = true,
      PLACE("offsets.topic", 1, LONG, "Offsets topic"), .doc = "A topic of the connector's own for its source offsets." },
    { 0 },
};

static const char *const converter_types[] = { "key", "value", "header", NULL };

struct converter_values {
    const char *type;
};

static const struct kaftan_config_key converter_keys[] = {
    { .name = "converter.type", KAFTAN_STRING_FIELD(struct converter_values, type), .def = KAFTAN_NO_DEFAULT, LOW,
      .allowed = converter_types, .doc = "What the converter is for." },
    { 0 },
};

const struct kaftan_config_key *framework_common_keys(void)
{
    return common_keys;
}

const struct kaftan_config_key *framework_source_keys(void)
{
    return source_keys;
}

const struct kaftan_config_key *framework_sink_keys(void)
{
    return sink_keys;
}

const struct kaftan_config_key *framework_converter_keys(void)
{
    return converter_keys;
}
