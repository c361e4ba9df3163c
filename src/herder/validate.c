/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "herder/validate_int.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

enum { CONVERTERS = 3 };

static const struct converter_kind {
    const char *key, *version_key, *prefix, *type;
    enum plugin_type class;
} kinds[CONVERTERS] = { /* in the order of the answer's last part */
    { "header.converter", "header.converter.plugin.version", "header.converter.", "header", PLUGIN_HEADER_CONVERTER },
    { "key.converter", "key.converter.plugin.version", "key.converter.", "key", PLUGIN_CONVERTER },
    { "value.converter", "value.converter.plugin.version", "value.converter.", "value", PLUGIN_CONVERTER },
};

struct chosen { /* a converter as the connector's config has it */
    const struct plugin_class *class; /* NULL: unknown */
    bool given;
    const char *shown; /* full name; NULL: none such */
};

static void set_default(struct kaftan_config_key *table, const char *name, const char *def)
{
    for (struct kaftan_config_key *k = table; k->name; k++)
        if (strcmp(k->name, name) == 0)
            k->def = def ? def : KAFTAN_NULL_DEFAULT;
}

static const char *worker_converter(const struct worker_values *w, enum plugin_type type, const char *key)
{
    if (type == PLUGIN_HEADER_CONVERTER)
        return w->header_converter;
    return key[0] == 'k' ? w->key_converter : w->value_converter;
}

static struct kaftan_config_key *common_copy(struct kaftan_arena *a)
{
    const struct kaftan_config_key *table = framework_common_keys();
    struct kaftan_config_key *copy;
    size_t n = 1;
    while (table[n - 1].name)
        n++;
    copy = arena_zalloc(a, n, sizeof *copy);
    memcpy(copy, table, n * sizeof *copy);
    return copy;
}

/* Classes named here or inherited, their versions as defaults. */
static void choose(struct validating *v, struct kaftan_config_key *table, struct chosen ret[CONVERTERS])
{
    set_default(table, "connector.plugin.version", v->class->version);
    for (size_t i = 0; i < CONVERTERS; i++) {
        const struct converter_kind *k = &kinds[i];
        const char *inherited = worker_converter(v->values, k->class, k->key);
        const struct plugin_class *c = inherited ? registry_find(v->registry, k->class, inherited) : NULL;
        struct kaftan_slice name = slice_trim(slice_of(text_map_get(v->config, k->key)));
        set_default(table, k->key, c ? c->name : inherited);
        ret[i] = (struct chosen){ .class = c };
        if (text_map_get(v->config, k->key)) {
            char *text = mem_strndup(name.ptr, name.len);
            ret[i].given = true;
            ret[i].class = class_converter(v->registry, k->class, k->key, text, v->framework, &ret[i].shown);
            mem_free(text);
        }
        set_default(table, k->version_key, ret[i].class ? ret[i].class->version : NULL);
    }
}

static void check_versions(struct validating *v, const struct chosen chosen[CONVERTERS])
{
    for (size_t i = 0; i < CONVERTERS; i++) {
        const char *version = text_map_get(v->config, kinds[i].version_key);
        bool bad;
        char *text = version && chosen[i].class ? class_version_wrong(chosen[i].class, version, &bad) : NULL;
        if (!text)
            continue;
        if (!bad)
            kaftan_config_error(v->framework, kinds[i].key, "%s", text);
        kaftan_config_error(v->framework, kinds[i].version_key, "%s", text);
        mem_free(text);
    }
}

static void show_classes(struct validating *v, struct answer *a, const struct chosen chosen[CONVERTERS])
{
    answer_recommend(a, "connector.plugin.version", &v->class->version, 1);
    for (size_t i = 0; i < CONVERTERS; i++) {
        size_t count;
        const char *const *names = class_names(v->registry, kinds[i].class, answer_arena(a), &count);
        answer_recommend(a, kinds[i].key, names, count);
        if (chosen[i].given)
            answer_value(a, kinds[i].key, chosen[i].shown);
        if (chosen[i].class)
            answer_recommend(a, kinds[i].version_key, &chosen[i].class->version, 1);
        else
            answer_hide(a, kinds[i].version_key);
    }
}

/* The connector's own checks; what they say about the framework's keys goes there. */
static void own_checks(struct validating *v)
{
    struct kaftan_config_report *found = config_report_new();
    const char *key, *text;
    bool sink = v->class->type == PLUGIN_SINK;
    void (*validate)(const void *, const struct kaftan_config_texts *, struct kaftan_config_report *) =
        sink ? v->class->as.sink->validate : v->class->as.source->validate;
    if (validate)
        validate(v->values_own, config_texts_of(v->config), found);
    for (size_t i = 0; config_report_at(found, &i, &key, &text);) {
        struct kaftan_config_report *to = config_key_find(v->class->config, key) ? v->own : rules_report_of(v, key);
        kaftan_config_error(to ? to : v->unknown, key, "%s", text);
    }
    config_report_free(found);
}

static bool secret_key(const char *key)
{
    return strcmp(key, "sasl.jaas.config") == 0 || text_ends(key, "password") || text_ends(key, ".passphrase") ||
           strcmp(key, "sasl.oauthbearer.client.credentials.client.secret") == 0 || strcmp(key, "ssl.keystore.key") == 0 ||
           strcmp(key, "ssl.truststore.certificates") == 0 || strcmp(key, "ssl.keystore.certificate.chain") == 0;
}

static void add_overrides(struct validating *v, struct answer *a)
{
    static const enum kafka_kind order[] = { KAFKA_PRODUCER, KAFKA_CONSUMER, KAFKA_ADMIN };
    const char *key, *value, *bare;
    for (size_t k = 0; k < COUNT_OF(order); k++) {
        for (size_t i = 0; text_map_at(v->config, &i, &key, &value);) {
            enum kafka_kind kind;
            struct kaftan_config_key row = { .type = KAFTAN_STRING, .def = KAFTAN_NULL_DEFAULT, .importance = KAFTAN_MEDIUM,
                                             .doc = "Setting of the connector's Kafka client." };
            if (!override_used(v, key, &bare, &kind) || kind != order[k])
                continue;
            row.name = key;
            if (secret_key(bare))
                row.type = KAFTAN_PASSWORD;
            answer_row(a, key, kafka_key_known(kind, bare) || row.type == KAFTAN_PASSWORD ? &row : NULL, value, v->overrides, COUNT_KEYS);
        }
    }
}

static struct text_map *without_prefix(const struct text_map *config, const char *prefix)
{
    struct text_map *m = text_map_new();
    const char *key, *value;
    for (size_t i = 0; text_map_at(config, &i, &key, &value);)
        if (text_starts(key, prefix))
            text_map_put(m, key + strlen(prefix), value);
    return m;
}

static bool has_type_key(const struct plugin_class *c)
{
    return c->type == PLUGIN_CONVERTER || (c->config && c->config->name);
}

static void add_converter(struct answer *a, const struct text_map *config, const struct converter_kind *k, const struct plugin_class *c)
{
    struct text_map *texts = without_prefix(config, k->prefix);
    struct kaftan_config_report *report = config_report_new();
    const char *key, *value;
    if (!text_map_has(texts, "converter.type"))
        text_map_put(texts, "converter.type", k->type);
    config_values_free(config_parse(c->config, c->config_size, texts, report));
    for (size_t i = 0; text_map_at(texts, &i, &key, &value);)
        if (value && config_key_find(c->config, key))
            rules_provider(key, value, false, report);
    if (has_type_key(c) && !config_key_find(c->config, "converter.type")) {
        config_values_free(config_parse(framework_converter_keys(), sizeof(const char *), texts, report));
        answer_table(a, framework_converter_keys(), NULL, k->prefix, texts, report, COUNT_KEYS);
    }
    answer_table(a, c->config, NULL, k->prefix, texts, report, COUNT_KEYS);
    config_report_free(report);
    text_map_unref(texts);
}

static void add_unknown(struct validating *v, struct answer *a)
{
    const char *key, *text;
    for (size_t i = 0; config_report_at(v->unknown, &i, &key, &text);)
        if (!answer_has(a, key) || strcmp(key, "consumer.override.group.id") == 0)
            answer_row(a, key, NULL, text_map_get(v->config, key), v->unknown, COUNT_MESSAGES);
}

static void answer_fill(struct validating *v, struct answer *a, const struct kaftan_config_key *common, const struct chosen chosen[CONVERTERS])
{
    answer_table(a, common, NULL, "", v->config, v->framework, COUNT_MESSAGES);
    answer_table(a, v->kind_keys, NULL, "", v->config, v->framework, COUNT_MESSAGES);
    answer_table(a, v->class->config, NULL, "", v->config, v->own, COUNT_MESSAGES);
    show_classes(v, a, chosen);
    add_overrides(v, a);
    for (size_t i = 0; i < CONVERTERS; i++)
        if (chosen[i].given && chosen[i].class)
            add_converter(a, v->config, &kinds[i], chosen[i].class);
    add_unknown(v, a);
}

/* A version of the connector that is not there: only the common keys are known then. */
static bool wrong_version(struct validating *v, struct answer *a, const struct kaftan_config_key *common, struct kaftan_error **ret_err)
{
    const char *version = text_map_get(v->config, "connector.plugin.version");
    bool bad = false;
    char *text = version ? class_version_wrong(v->class, version, &bad) : NULL;
    if (!text)
        return false;
    if (bad) {
        *ret_err = kaftan_error_new(KAFTAN_E_INVALID, "%s", text);
    } else {
        kaftan_config_error(v->framework, "connector.class", "%s", text);
        kaftan_config_error(v->framework, "connector.plugin.version", "%s", text);
        answer_table(a, common, NULL, "", v->config, v->framework, COUNT_MESSAGES);
    }
    mem_free(text);
    return true;
}

static void check_all(struct validating *v)
{
    rules_nulls(v);
    rules_transforms(v);
    rules_providers(v);
    rules_overrides(v);
    own_checks(v);
    if (v->class->type == PLUGIN_SINK)
        rules_sink(v);
    else
        rules_source(v);
}

static struct kaftan_error *validate_class(struct validating *v, struct config_infos **ret)
{
    struct framework_values *both;
    struct answer *a = answer_new();
    struct kaftan_config_key *common = common_copy(answer_arena(a));
    struct chosen chosen[CONVERTERS];
    struct config_values *fw, *kind, *own;
    struct kaftan_error *err = NULL;
    choose(v, common, chosen);
    fw = config_parse(common, sizeof(struct framework_values), v->config, v->framework);
    if (!wrong_version(v, a, common, &err)) {
        kind = config_parse(v->kind_keys, sizeof(struct framework_values), v->config, v->framework);
        own = config_parse(v->class->config, v->class->config_size, v->config, v->own);
        both = arena_memdup(answer_arena(a), config_values_get(kind), sizeof *both);
        memcpy(both, config_values_get(fw), offsetof(struct framework_values, topics));
        v->fw = both;
        v->values_own = config_values_get(own);
        check_versions(v, chosen);
        check_all(v);
        err = rules_override_types(v);
        if (!err)
            answer_fill(v, a, common, chosen);
        config_values_free(own);
        config_values_free(kind);
    }
    config_values_free(fw);
    if (err)
        answer_free(a);
    else
        *ret = answer_take(a, text_map_get(v->config, "connector.class"));
    return err;
}

static const struct kaftan_config_key *kind_keys(const struct plugin_class *c)
{
    return c->type == PLUGIN_SINK ? framework_sink_keys() : framework_source_keys();
}

struct kaftan_error *validate_connector(const struct worker_config *c, const struct registry *r, const struct text_map *config,
                                        struct config_infos **ret)
{
    struct validating v = { .worker = c, .values = worker_values(c), .registry = r, .config = config };
    const char *given = text_map_get(config, "connector.class");
    struct kaftan_slice name = slice_trim(slice_of(given));
    struct kaftan_error *err;
    char *text;
    if (!given)
        return class_missing(config);
    text = mem_strndup(name.ptr, name.len);
    v.class = registry_connector(r, text);
    if (!v.class) {
        err = class_unknown(r, text);
        mem_free(text);
        return err;
    }
    mem_free(text);
    v.kind_keys = kind_keys(v.class);
    v.framework = config_report_new();
    v.own = config_report_new();
    v.overrides = config_report_new();
    v.unknown = config_report_new();
    err = validate_class(&v, ret);
    config_report_free(v.framework);
    config_report_free(v.own);
    config_report_free(v.overrides);
    config_report_free(v.unknown);
    return err;
}

static struct kaftan_error *check_described(const struct plugin_class *c, const char *version)
{
    bool bad = false;
    char *text;
    struct kaftan_error *err = NULL;
    if (!version || strcmp(version, "latest") == 0)
        return NULL;
    text = *version ? class_version_wrong(c, version, &bad)
                    : mem_printf("Plugin %s not found that matches the version range [,], available versions: [%s]", c->name, c->version);
    if (bad)
        err = kaftan_error_new(KAFTAN_E_INVALID, "Invalid version specification: %s", version);
    else if (text)
        err = kaftan_error_new(KAFTAN_E_INVALID, "%s", text);
    mem_free(text);
    return err;
}

struct kaftan_error *validate_describe(const struct registry *r, const char *class_name, const char *version, struct config_infos **ret)
{
    const struct plugin_class *c = registry_connector(r, class_name);
    struct answer *a;
    struct kaftan_config_key *common;
    struct kaftan_error *err;
    for (int t = PLUGIN_CONVERTER; !c && t <= PLUGIN_PREDICATE; t++)
        c = registry_find(r, (enum plugin_type)t, class_name);
    if (!c)
        return kaftan_error_new(KAFTAN_E_NOT_FOUND, "Unknown plugin %s.", class_name);
    err = check_described(c, version);
    if (err)
        return err;
    a = answer_new();
    if ((c->type == PLUGIN_CONVERTER || c->type == PLUGIN_HEADER_CONVERTER) && has_type_key(c) && !config_key_find(c->config, "converter.type"))
        answer_table(a, framework_converter_keys(), NULL, "", NULL, NULL, COUNT_MESSAGES);
    answer_table(a, c->config, NULL, "", NULL, NULL, COUNT_MESSAGES);
    if (c->type == PLUGIN_SOURCE || c->type == PLUGIN_SINK) {
        common = common_copy(answer_arena(a));
        set_default(common, "connector.plugin.version", c->version);
        answer_table(a, common, c->config, "", NULL, NULL, COUNT_MESSAGES);
        answer_table(a, kind_keys(c), c->config, "", NULL, NULL, COUNT_MESSAGES);
    }
    *ret = answer_take(a, c->name);
    return NULL;
}
