/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "config/worker.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/keys.h"

static struct log logger = LOG("config.worker");

struct worker_config {
    struct text_map *props;        /* shared */
    struct config_values *values;  /* owned */
    bool distributed;
};

#define V struct worker_values
static const char *const protocols[] = { "eager", "compatible", "sessioned",
                                         NULL };
static const char *const security[] = { "PLAINTEXT", "SSL", "SASL_PLAINTEXT",
                                        "SASL_SSL", NULL };
static const char *const discovery[] = { "only_scan", "hybrid_warn",
                                         "hybrid_fail", "service_load", NULL };

static struct kaftan_error *check_topic(const char *name, const void *field)
{
    const char *v = *(const char *const *)field;
    size_t len = v ? strlen(v) : 0;
    if (!v)
        return NULL;
    bool ok = len > 0 && len <= 249 && strcmp(v, ".") != 0 &&
              strcmp(v, "..") != 0;
    for (size_t i = 0; ok && i < len; i++)
        ok = strchr("._-", v[i]) || (v[i] >= '0' && v[i] <= '9') ||
             (v[i] >= 'a' && v[i] <= 'z') || (v[i] >= 'A' && v[i] <= 'Z');
    return ok ? NULL
              : kaftan_error_new(KAFTAN_E_INVALID,
                                 "Invalid value %s for configuration %s: not "
                                 "a name Kafka allows for a topic",
                                 v, name);
}

static struct kaftan_error *check_partitions(const char *name,
                                             const void *field)
{
    int32_t v = *(const int32_t *)field;
    return v == -1 || v > 0
               ? NULL
               : kaftan_error_new(KAFTAN_E_INVALID,
                                  "Invalid value %d for configuration %s: "
                                  "Number of partitions must be positive, or "
                                  "-1 to use the broker's default",
                                  v, name);
}

static struct kaftan_error *check_replication(const char *name,
                                              const void *field)
{
    int16_t v = *(const int16_t *)field;
    return v == -1 || v > 0
               ? NULL
               : kaftan_error_new(KAFTAN_E_INVALID,
                                  "Invalid value %d for configuration %s: "
                                  "Replication factor must be positive and "
                                  "not larger than the number of brokers in "
                                  "the Kafka cluster, or -1 to use the "
                                  "broker's default",
                                  v, name);
}

#define HIGH .importance = KAFTAN_HIGH
#define MEDIUM .importance = KAFTAN_MEDIUM
#define LOW .importance = KAFTAN_LOW
#define RANGE(lo, hi) .ranged = true, .min = (lo), .max = (hi)

/* Both modes. */
#define COMMON_KEYS                                                            \
    { .name = "bootstrap.servers", KAFTAN_LIST_FIELD(V, bootstrap_servers),    \
      .def = "localhost:9092", HIGH, .non_empty = true, .group = "Kafka",      \
      .doc = "Brokers to find the Kafka cluster by, host:port." },             \
    { .name = "key.converter", KAFTAN_CLASS_FIELD(V, key_converter),           \
      .def = KAFTAN_NO_DEFAULT, HIGH, .group = "Converters",                   \
      .doc = "Converter of record keys for connectors that name none; its "    \
             "settings follow under key.converter." },                         \
    { .name = "value.converter", KAFTAN_CLASS_FIELD(V, value_converter),       \
      .def = KAFTAN_NO_DEFAULT, HIGH, .group = "Converters",                   \
      .doc = "Converter of record values for connectors that name none; its "  \
             "settings follow under value.converter." },                       \
    { .name = "header.converter", KAFTAN_CLASS_FIELD(V, header_converter),     \
      .def = "org.apache.kafka.connect.storage.SimpleHeaderConverter", LOW,    \
      .group = "Converters", .doc = "Converter of header values." },           \
    { .name = "task.shutdown.graceful.timeout.ms",                             \
      KAFTAN_LONG_FIELD(V, graceful_ms), .def = "5000", LOW,                   \
      RANGE(0, INT64_MAX), .group = "Tasks",                                   \
      .doc = "Time a task gets to finish what it holds when it is stopped, "   \
             "in milliseconds; then it is cancelled." },                       \
    { .name = "offset.flush.interval.ms",                                      \
      KAFTAN_LONG_FIELD(V, flush_interval_ms), .def = "60000", LOW,            \
      RANGE(1, INT64_MAX), .group = "Offsets",                                 \
      .doc = "Milliseconds between two writes of source offsets." },           \
    { .name = "offset.flush.timeout.ms",                                       \
      KAFTAN_LONG_FIELD(V, flush_timeout_ms), .def = "5000", LOW,              \
      RANGE(1, INT64_MAX), .group = "Offsets",                                 \
      .doc = "Milliseconds one write of offsets may take; then it is tried "   \
             "again at the next interval." },                                  \
    { .name = "plugin.path", KAFTAN_LIST_FIELD(V, plugin_path),                \
      .def = KAFTAN_NULL_DEFAULT, LOW, .group = "Plugins",                     \
      .doc = "Directories or files searched for connector plugins (shared "    \
             "objects), besides the one Kaftan is installed with." },          \
    { .name = "plugin.discovery", KAFTAN_STRING_FIELD(V, plugin_discovery),    \
      .def = "hybrid_warn", LOW, .allowed = discovery, .group = "Plugins",     \
      .doc = "How Java finds plugins; accepted, without effect here." },       \
    { .name = "connector.client.config.override.policy",                       \
      KAFTAN_STRING_FIELD(V, override_policy), .def = "All", LOW,              \
      .group = "Connectors",                                                   \
      .doc = "Which client settings a connector may override: All, None or "   \
             "Principal." },                                                   \
    { .name = "topic.tracking.enable", KAFTAN_BOOLEAN_FIELD(V, topic_tracking), \
      .def = "true", LOW, .group = "Connectors",                               \
      .doc = "Keep the set of topics each connector has used." },              \
    { .name = "topic.tracking.allow.reset",                                    \
      KAFTAN_BOOLEAN_FIELD(V, topic_tracking_reset), .def = "true", LOW,       \
      .group = "Connectors",                                                   \
      .doc = "Allow the set of used topics to be reset by REST." },            \
    { .name = "topic.creation.enable",                                         \
      KAFTAN_BOOLEAN_FIELD(V, topic_creation), .def = "true", LOW,             \
      .group = "Connectors",                                                   \
      .doc = "Create the topics of source connectors that configure "          \
             "topic.creation. keys." },                                        \
    { .name = "config.providers", KAFTAN_LIST_FIELD(V, config_providers),      \
      .def = "", LOW, .group = "Connectors",                                   \
      .doc = "Config providers; this version has none and refuses them." },    \
    { .name = "listeners", KAFTAN_LIST_FIELD(V, listeners),                    \
      .def = "http://:8083", LOW, .group = "REST",                             \
      .doc = "Where the REST API listens: http://host:port, several with "     \
             "commas; port 0 takes a free one." },                             \
    { .name = "admin.listeners", KAFTAN_LIST_FIELD(V, admin_listeners),        \
      .def = KAFTAN_NULL_DEFAULT, LOW, .group = "REST",                        \
      .doc = "Listeners of the admin endpoints; this version serves none "     \
             "apart." },                                                       \
    { .name = "rest.extension.classes",                                        \
      KAFTAN_LIST_FIELD(V, rest_extensions), .def = "", LOW, .group = "REST",  \
      .doc = "REST extensions; this version has none and refuses them." },     \
    { .name = "rest.advertised.host.name",                                     \
      KAFTAN_STRING_FIELD(V, advertised_host), .def = KAFTAN_NULL_DEFAULT,     \
      LOW, .group = "REST",                                                    \
      .doc = "Host name other workers are told instead of the listener's." },  \
    { .name = "rest.advertised.port", KAFTAN_INT_FIELD(V, advertised_port),    \
      .def = KAFTAN_NULL_DEFAULT, LOW, .group = "REST",                        \
      .doc = "Port other workers are told instead of the listener's." },       \
    { .name = "rest.advertised.listener",                                      \
      KAFTAN_STRING_FIELD(V, advertised_listener), .def = KAFTAN_NULL_DEFAULT, \
      LOW, .group = "REST",                                                    \
      .doc = "Protocol of the listener other workers are told." },             \
    { .name = "access.control.allow.origin",                                   \
      KAFTAN_STRING_FIELD(V, cors_origin), .def = "", LOW, .group = "REST",    \
      .doc = "Origins allowed by CORS." },                                     \
    { .name = "access.control.allow.methods",                                  \
      KAFTAN_STRING_FIELD(V, cors_methods), .def = "", LOW, .group = "REST",   \
      .doc = "Methods allowed by CORS." },                                     \
    { .name = "response.http.headers.config",                                  \
      KAFTAN_STRING_FIELD(V, response_headers), .def = "", LOW,                \
      .group = "REST", .doc = "Headers added to every answer." },              \
    { .name = "request.timeout.ms", KAFTAN_INT_FIELD(V, request_timeout_ms),   \
      .def = "40000", MEDIUM, RANGE(0, INT32_MAX), .group = "Kafka",           \
      .doc = "Milliseconds a request to a broker may take." },                 \
    { .name = "retry.backoff.ms", KAFTAN_LONG_FIELD(V, retry_backoff_ms),      \
      .def = "100", LOW, RANGE(0, INT64_MAX), .group = "Kafka",                \
      .doc = "First pause before a failed request is tried again, ms." },      \
    { .name = "retry.backoff.max.ms",                                          \
      KAFTAN_LONG_FIELD(V, retry_backoff_max_ms), .def = "1000", LOW,          \
      RANGE(0, INT64_MAX), .group = "Kafka",                                   \
      .doc = "Longest pause before a failed request is tried again, ms." },    \
    { .name = "reconnect.backoff.ms",                                          \
      KAFTAN_LONG_FIELD(V, reconnect_backoff_ms), .def = "50", LOW,            \
      RANGE(0, INT64_MAX), .group = "Kafka",                                   \
      .doc = "First pause before a broker is connected again, ms." },          \
    { .name = "reconnect.backoff.max.ms",                                      \
      KAFTAN_LONG_FIELD(V, reconnect_backoff_max_ms), .def = "1000", LOW,      \
      RANGE(0, INT64_MAX), .group = "Kafka",                                   \
      .doc = "Longest pause before a broker is connected again, ms." },        \
    { .name = "socket.connection.setup.timeout.ms",                            \
      KAFTAN_LONG_FIELD(V, connect_timeout_ms), .def = "10000", LOW,           \
      RANGE(1, INT64_MAX), .group = "Kafka",                                   \
      .doc = "Milliseconds a connection to a broker may take." },              \
    { .name = "socket.connection.setup.timeout.max.ms",                        \
      KAFTAN_LONG_FIELD(V, connect_timeout_max_ms), .def = "30000", LOW,       \
      RANGE(1, INT64_MAX), .group = "Kafka",                                   \
      .doc = "The same after several failures." },                             \
    { .name = "default.api.timeout.ms", KAFTAN_INT_FIELD(V, api_timeout_ms),   \
      .def = "60000", MEDIUM, RANGE(0, INT32_MAX), .group = "Kafka",           \
      .doc = "Milliseconds Kafka may be away when the worker starts." },       \
    { .name = "security.protocol", KAFTAN_STRING_FIELD(V, security_protocol),  \
      .def = "PLAINTEXT", MEDIUM, .allowed = security, .group = "Security",    \
      .doc = "How brokers are talked to." },                                   \
    { .name = "sasl.mechanism", KAFTAN_STRING_FIELD(V, sasl_mechanism),        \
      .def = "GSSAPI", MEDIUM, .group = "Security",                            \
      .doc = "SASL mechanism for SASL_PLAINTEXT and SASL_SSL." },              \
    { .name = "sasl.jaas.config", KAFTAN_PASSWORD_FIELD(V, jaas),              \
      .def = KAFTAN_NULL_DEFAULT, MEDIUM, .group = "Security",                 \
      .doc = "Login of the SASL mechanism, as Java writes it." }

static const struct kaftan_config_key distributed_keys[] = {
    COMMON_KEYS,
    { .name = "group.id", KAFTAN_STRING_FIELD(V, group_id),
      .def = KAFTAN_NO_DEFAULT, HIGH, .group = "Group",
      .doc = "Name of the worker group." },
    { .name = "client.id", KAFTAN_STRING_FIELD(V, client_id), .def = "", LOW,
      .group = "Group", .doc = "Name of this worker's clients at Kafka." },
    { .name = "connect.protocol", KAFTAN_STRING_FIELD(V, connect_protocol),
      .def = "sessioned", LOW, .allowed = protocols, .group = "Group",
      .doc = "Group protocol: eager, compatible or sessioned." },
    { .name = "session.timeout.ms", KAFTAN_INT_FIELD(V, session_timeout_ms),
      .def = "10000", HIGH, RANGE(1, INT32_MAX), .group = "Group",
      .doc = "Milliseconds without a heartbeat after which the group takes a "
             "worker for dead." },
    { .name = "heartbeat.interval.ms", KAFTAN_INT_FIELD(V, heartbeat_ms),
      .def = "3000", HIGH, RANGE(1, INT32_MAX), .group = "Group",
      .doc = "Milliseconds between two heartbeats." },
    { .name = "rebalance.timeout.ms",
      KAFTAN_INT_FIELD(V, rebalance_timeout_ms), .def = "60000", HIGH,
      RANGE(1, INT32_MAX), .group = "Group",
      .doc = "Milliseconds a worker may take to join a rebalance." },
    { .name = "worker.sync.timeout.ms", KAFTAN_INT_FIELD(V, sync_timeout_ms),
      .def = "3000", MEDIUM, RANGE(0, INT32_MAX), .group = "Group",
      .doc = "Milliseconds a worker may take to catch up with the configs." },
    { .name = "worker.unsync.backoff.ms",
      KAFTAN_INT_FIELD(V, unsync_backoff_ms), .def = "300000", MEDIUM,
      RANGE(0, INT32_MAX), .group = "Group",
      .doc = "Milliseconds a worker that cannot catch up stays away (eager)." },
    { .name = "scheduled.rebalance.max.delay.ms",
      KAFTAN_INT_FIELD(V, rebalance_delay_max_ms), .def = "300000", LOW,
      RANGE(0, INT32_MAX), .group = "Group",
      .doc = "Milliseconds the work of a vanished worker waits for it." },
    { .name = "inter.worker.key.generation.algorithm",
      KAFTAN_STRING_FIELD(V, key_algorithm), .def = "HmacSHA256", LOW,
      .group = "Group", .doc = "Algorithm session keys are made for." },
    { .name = "inter.worker.key.size", KAFTAN_INT_FIELD(V, key_size_bits),
      .def = KAFTAN_NULL_DEFAULT, LOW, .group = "Group",
      .doc = "Bits of a session key; empty: the algorithm's own." },
    { .name = "inter.worker.key.ttl.ms", KAFTAN_INT_FIELD(V, key_ttl_ms),
      .def = "3600000", LOW, RANGE(0, INT32_MAX), .group = "Group",
      .doc = "Milliseconds a session key lives; 0: for ever." },
    { .name = "inter.worker.signature.algorithm",
      KAFTAN_STRING_FIELD(V, signature_algorithm), .def = "HmacSHA256", LOW,
      .group = "Group", .doc = "Algorithm requests to workers are signed by." },
    { .name = "inter.worker.verification.algorithms",
      KAFTAN_LIST_FIELD(V, verification_algorithms), .def = "HmacSHA256", LOW,
      .non_empty = true, .group = "Group",
      .doc = "Algorithms accepted in signatures of other workers." },
    { .name = "exactly.once.source.support",
      KAFTAN_STRING_FIELD(V, exactly_once), .def = "disabled", HIGH,
      .group = "Group",
      .doc = "Exactly-once for sources; this version knows `disabled` only." },
    { .name = "config.storage.topic", KAFTAN_STRING_FIELD(V, config_topic),
      .def = KAFTAN_NO_DEFAULT, HIGH, .validate = check_topic,
      .group = "Internal topics", .doc = "Topic of connector configs." },
    { .name = "config.storage.replication.factor",
      KAFTAN_SHORT_FIELD(V, config_replication), .def = "3", LOW,
      .validate = check_replication, .group = "Internal topics",
      .doc = "Replication factor it is created with." },
    { .name = "offset.storage.topic", KAFTAN_STRING_FIELD(V, offset_topic),
      .def = KAFTAN_NO_DEFAULT, HIGH, .validate = check_topic,
      .group = "Internal topics", .doc = "Topic of source offsets." },
    { .name = "offset.storage.partitions",
      KAFTAN_INT_FIELD(V, offset_partitions), .def = "25", LOW,
      .validate = check_partitions, .group = "Internal topics",
      .doc = "Partitions it is created with." },
    { .name = "offset.storage.replication.factor",
      KAFTAN_SHORT_FIELD(V, offset_replication), .def = "3", LOW,
      .validate = check_replication, .group = "Internal topics",
      .doc = "Replication factor it is created with." },
    { .name = "status.storage.topic", KAFTAN_STRING_FIELD(V, status_topic),
      .def = KAFTAN_NO_DEFAULT, HIGH, .validate = check_topic,
      .group = "Internal topics",
      .doc = "Topic of connector and task states." },
    { .name = "status.storage.partitions",
      KAFTAN_INT_FIELD(V, status_partitions), .def = "5", LOW,
      .validate = check_partitions, .group = "Internal topics",
      .doc = "Partitions it is created with." },
    { .name = "status.storage.replication.factor",
      KAFTAN_SHORT_FIELD(V, status_replication), .def = "3", LOW,
      .validate = check_replication, .group = "Internal topics",
      .doc = "Replication factor it is created with." },
    { 0 },
};

static const struct kaftan_config_key standalone_keys[] = {
    COMMON_KEYS,
    { .name = "client.id", KAFTAN_STRING_FIELD(V, client_id), .def = "", LOW,
      .group = "Kafka", .doc = "Name of this worker's clients at Kafka." },
    { .name = "offset.storage.file.filename",
      KAFTAN_STRING_FIELD(V, offset_file), .def = KAFTAN_NO_DEFAULT, HIGH,
      .group = "Offsets", .doc = "File that keeps source offsets." },
    { 0 },
};

/* What only a JVM needs: accepted, named once, without effect. */
static const char *const jvm_keys[] = {
    "metric.reporters",
    "metrics.num.samples",
    "metrics.recording.level",
    "metrics.sample.window.ms",
    "auto.include.jmx.reporter",
    "security.providers",
    "ssl.provider",
    "ssl.keymanager.algorithm",
    "ssl.trustmanager.algorithm",
    "ssl.secure.random.implementation",
    "internal.key.converter",
    "internal.value.converter",
    "plugin.discovery",
};

static void name_jvm_keys(const struct text_map *props)
{
    struct buf list = BUF_INIT;
    for (size_t i = 0; i < COUNT_OF(jvm_keys); i++)
        if (text_map_has(props, jvm_keys[i]))
            buf_printf(&list, "%s%s", list.len ? ", " : "", jvm_keys[i]);
    if (list.len)
        log_info(&logger, "keys that only a JVM needs are without effect",
                 LOG_STR("keys", buf_text(&list)));
    buf_fini(&list);
}

/* A class as Java finds it: by its short, its simple or its full name. */
static bool known_policy(const char *name)
{
    static const char package[] = "org.apache.kafka.connect.connector.policy.";
    static const char suffix[] = "ConnectorClientConfigOverridePolicy";
    static const char *const policies[] = { "All", "None", "Principal" };
    if (strncmp(name, package, sizeof package - 1) == 0)
        name += sizeof package - 1;
    for (size_t i = 0; i < COUNT_OF(policies); i++) {
        size_t n = strlen(policies[i]);
        if (strncmp(name, policies[i], n) == 0 &&
            (!name[n] || strcmp(name + n, suffix) == 0))
            return true;
    }
    return false;
}

static void check_signature(const struct worker_values *v,
                            struct kaftan_config_report *report)
{
    const struct kaftan_list *l = &v->verification_algorithms;
    if (!v->signature_algorithm || l->count == 0)
        return; /* standalone, or reported already */
    for (size_t i = 0; i < l->count; i++)
        if (strcmp(l->items[i], v->signature_algorithm) == 0)
            return;
    kaftan_config_error(report, "inter.worker.signature.algorithm",
                        "Invalid value %s for configuration "
                        "inter.worker.signature.algorithm: Signature algorithm "
                        "must be present in "
                        "inter.worker.verification.algorithms list",
                        v->signature_algorithm);
}

/* What this version does not do is refused, never ignored. */
static void check_unsupported(const struct worker_values *v,
                              struct kaftan_config_report *report)
{
    if (v->config_providers.count > 0)
        kaftan_config_error(report, "config.providers",
                            "Invalid value for configuration "
                            "config.providers: this version has no config "
                            "providers; write the values themselves");
    if (v->rest_extensions.count > 0)
        kaftan_config_error(report, "rest.extension.classes",
                            "Invalid value for configuration "
                            "rest.extension.classes: this version has no "
                            "REST extensions (%s), so the API would be "
                            "without it",
                            v->rest_extensions.items[0]);
    if (v->exactly_once && strcasecmp(v->exactly_once, "disabled") != 0)
        kaftan_config_error(report, "exactly.once.source.support",
                            "Invalid value %s for configuration "
                            "exactly.once.source.support: this version knows "
                            "only disabled",
                            v->exactly_once);
    if (v->security_protocol && strncmp(v->security_protocol, "SASL", 4) == 0 &&
        v->sasl_mechanism && strcmp(v->sasl_mechanism, "GSSAPI") == 0)
        kaftan_config_error(report, "sasl.mechanism",
                            "Invalid value GSSAPI for configuration "
                            "sasl.mechanism: Kerberos is not supported; use "
                            "PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or "
                            "OAUTHBEARER");
    if (v->session_timeout_ms > 0 && v->heartbeat_ms >= v->session_timeout_ms)
        kaftan_config_error(report, "heartbeat.interval.ms",
                            "Invalid value %d for configuration "
                            "heartbeat.interval.ms: must be lower than "
                            "session.timeout.ms (%d)",
                            v->heartbeat_ms, v->session_timeout_ms);
    if (v->override_policy && !known_policy(v->override_policy))
        kaftan_config_error(report, "connector.client.config.override.policy",
                            "Invalid value %s for configuration "
                            "connector.client.config.override.policy: must be "
                            "one of All, None, Principal",
                            v->override_policy);
}

/* Accepted from the files people have, said when it is there, not done. */
static void name_without_effect(const struct text_map *props)
{
    static const char *const keys[] = {
        "admin.listeners",
        "access.control.allow.origin",
        "access.control.allow.methods",
        "response.http.headers.config",
        "rest.advertised.listener",
    };
    static const char interceptors[] = "interceptor.classes";
    const char *key, *value;
    for (size_t i = 0; text_map_at(props, &i, &key, &value);) {
        bool named = text_ends(key, interceptors);
        for (size_t n = 0; n < COUNT_OF(keys); n++)
            named = named || strcmp(key, keys[n]) == 0;
        if (strcmp(key, "rest.advertised.listener") == 0 && value &&
            strcasecmp(value, "http") == 0)
            named = false; /* what it is anyway */
        if (named && value && *value)
            log_warn(&logger, "key is without effect in this version",
                     LOG_STR("key", key), LOG_STR("value", value));
    }
}

/* Choices that Java compares without regard to case, as the rest of the worker spells them. */
static struct text_map *with_usual_case(struct text_map *props)
{
    static const struct {
        const char *key;
        const char *const *choices;
    } keys[] = { { "connect.protocol", protocols },
                 { "security.protocol", security },
                 { "plugin.discovery", discovery } };
    struct text_map *m = text_map_new();
    const char *key, *value;
    for (size_t i = 0; text_map_at(props, &i, &key, &value);)
        text_map_put(m, key, value);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        value = text_map_get(props, keys[i].key);
        for (size_t n = 0; value && keys[i].choices[n]; n++)
            if (strcasecmp(value, keys[i].choices[n]) == 0)
                text_map_put(m, keys[i].key, keys[i].choices[n]);
    }
    return m;
}

struct kaftan_error *worker_config_new(struct text_map *props,
                                       bool distributed,
                                       struct worker_config **ret)
{
    struct worker_config *c = mem_zalloc(1, sizeof *c);
    struct kaftan_config_report *report = config_report_new();
    c->props = with_usual_case(props);
    c->distributed = distributed;
    c->values =
        config_parse(distributed ? distributed_keys : standalone_keys,
                     sizeof(struct worker_values), c->props, report);
    check_unsupported(config_values_get(c->values), report);
    check_signature(config_values_get(c->values), report);
    struct kaftan_error *err = config_report_error(report);
    config_report_free(report);
    if (err) {
        worker_config_free(c);
        return err;
    }
    name_jvm_keys(props);
    name_without_effect(props);
    *ret = c;
    return NULL;
}

void worker_config_free(struct worker_config *c)
{
    if (!c)
        return;
    config_values_free(c->values);
    text_map_unref(c->props);
    mem_free(c);
}

const struct worker_values *worker_values(const struct worker_config *c)
{
    return config_values_get(c->values);
}

const struct text_map *worker_config_props(const struct worker_config *c)
{
    return c->props;
}

bool worker_config_distributed(const struct worker_config *c)
{
    return c->distributed;
}

const struct kaftan_config_key *worker_config_table(void)
{
    return distributed_keys;
}
