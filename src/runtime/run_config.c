/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "runtime/run_config.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const char *const tolerances[] = { "none", "all", NULL };

static const struct kaftan_config_key run_keys[] = {
    { .name = "tasks.max", KAFTAN_INT_FIELD(struct run_config, tasks_max), .def = "1", .ranged = true, .min = 1 },
    { .name = "tasks.max.enforce", KAFTAN_BOOLEAN_FIELD(struct run_config, tasks_max_enforce), .def = "true" },
    { .name = "key.converter", KAFTAN_CLASS_FIELD(struct run_config, key_converter), .def = KAFTAN_NULL_DEFAULT },
    { .name = "value.converter", KAFTAN_CLASS_FIELD(struct run_config, value_converter), .def = KAFTAN_NULL_DEFAULT },
    { .name = "header.converter", KAFTAN_CLASS_FIELD(struct run_config, header_converter), .def = KAFTAN_NULL_DEFAULT },
    { .name = "transforms", KAFTAN_LIST_FIELD(struct run_config, transforms), .def = "" },
    { .name = "predicates", KAFTAN_LIST_FIELD(struct run_config, predicates), .def = "" },
    { .name = "errors.retry.timeout", KAFTAN_LONG_FIELD(struct run_config, retry_timeout_ms), .def = "0" },
    { .name = "errors.retry.delay.max.ms", KAFTAN_LONG_FIELD(struct run_config, retry_delay_max_ms), .def = "60000" },
    { .name = "errors.tolerance", KAFTAN_STRING_FIELD(struct run_config, tolerance), .def = "none",
      .allowed = tolerances },
    { .name = "errors.log.enable", KAFTAN_BOOLEAN_FIELD(struct run_config, log_enable), .def = "false" },
    { .name = "errors.log.include.messages", KAFTAN_BOOLEAN_FIELD(struct run_config, log_messages), .def = "false" },
    { .name = "errors.deadletterqueue.topic.name", KAFTAN_STRING_FIELD(struct run_config, dead_letter_topic),
      .def = "" },
    { .name = "errors.deadletterqueue.topic.replication.factor",
      KAFTAN_SHORT_FIELD(struct run_config, dead_letter_replication), .def = "3" },
    { .name = "errors.deadletterqueue.context.headers.enable",
      KAFTAN_BOOLEAN_FIELD(struct run_config, dead_letter_context), .def = "false" },
    { .name = NULL },
};

struct kaftan_error *run_config_parse(const struct text_map *config, struct config_values **ret)
{
    struct kaftan_config_report *report = config_report_new();
    struct config_values *values = config_parse(run_keys, sizeof(struct run_config), config, report);
    config_refuse_nulls(run_keys, config, report);
    struct kaftan_error *err = config_report_error(report);
    const struct run_config *c = config_values_get(values);
    config_report_free(report);
    if (!err && c->transforms.count + c->predicates.count > 0)
        err = kaftan_error_new(KAFTAN_E_INVALID, "transforms and predicates are not supported by this version");
    if (err)
        config_values_free(values);
    else
        *ret = values;
    return err;
}

static const struct {
    const char *key, *prefix, *type;
    enum plugin_type plugin;
} roles[] = {
    [ROLE_KEY] = { "key.converter", "key.converter.", "key", PLUGIN_CONVERTER },
    [ROLE_VALUE] = { "value.converter", "value.converter.", "value", PLUGIN_CONVERTER },
    [ROLE_HEADER] = { "header.converter", "header.converter.", "header", PLUGIN_HEADER_CONVERTER },
};

#define DEFAULT_HEADER_CONVERTER "org.apache.kafka.connect.storage.SimpleHeaderConverter"

/* The keys below `prefix`, without it. */
static struct text_map *below(const struct text_map *from, const char *prefix, const char *type)
{
    struct text_map *m = text_map_new();
    const char *key, *value;
    for (size_t i = 0; text_map_at(from, &i, &key, &value);)
        if (text_starts(key, prefix) && strcmp(key + strlen(prefix), "plugin.version") != 0)
            text_map_put(m, key + strlen(prefix), value);
    text_map_put(m, "converter.type", type);
    return m;
}

static const char *named_by_worker(const struct worker_config *worker, enum converter_role role)
{
    const struct worker_values *v = worker_values(worker);
    const char *name = role == ROLE_KEY ? v->key_converter : role == ROLE_VALUE ? v->value_converter
                                                                                : v->header_converter;
    return name ? name : role == ROLE_HEADER ? DEFAULT_HEADER_CONVERTER : NULL;
}

static struct kaftan_error *call_open(struct converter *c, enum converter_role role)
{
    const void *values = config_values_get(c->values);
    if (role == ROLE_HEADER)
        return c->class->as.header_converter->open(values, &c->self);
    return c->class->as.converter->open(values, role == ROLE_KEY, &c->self);
}

struct kaftan_error *converter_open(struct converter *c, enum converter_role role, const struct registry *registry,
                                    const struct worker_config *worker, const struct text_map *connector)
{
    static const struct kaftan_config_key none[] = { { .name = NULL } };
    const char *name = text_map_get(connector, roles[role].key);
    const struct text_map *level = connector;
    if (!name) {
        name = named_by_worker(worker, role);
        level = worker_config_props(worker);
    }
    if (!name)
        return kaftan_error_new(KAFTAN_E_INVALID, "neither the connector nor the worker has a %s", roles[role].key);
    const struct plugin_class *class = registry_find(registry, roles[role].plugin, name);
    if (!class)
        return kaftan_error_new(KAFTAN_E_INVALID,
                                "Invalid value %s for configuration %s: Class %s could not be found.", name,
                                roles[role].key, name);
    struct text_map *texts = below(level, roles[role].prefix, roles[role].type);
    struct kaftan_config_report *report = config_report_new();
    c->values = config_parse(class->config ? class->config : none, class->config_size, texts, report);
    config_refuse_nulls(class->config, texts, report);
    struct kaftan_error *err = config_report_error(report);
    c->class = class;
    if (!err)
        err = call_open(c, role);
    config_report_free(report);
    text_map_unref(texts);
    if (err) {
        config_values_free(c->values);
        *c = (struct converter){ NULL, NULL, NULL };
        err = kaftan_error_wrap(err, "cannot configure the %s %s", roles[role].key, name);
    }
    return err;
}

void converter_close(struct converter *c)
{
    if (!c->class)
        return;
    void (*close)(void *self) = c->class->type == PLUGIN_HEADER_CONVERTER ? c->class->as.header_converter->close
                                                                          : c->class->as.converter->close;
    if (close)
        close(c->self);
    config_values_free(c->values);
    *c = (struct converter){ NULL, NULL, NULL };
}
