/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_CONFIG_H
#define MQTT_CONFIG_H
/*
 * mqtt_config: the source connector's keys and what is checked about them.
 *
 * One list of rows (mqtt_keys.inc) makes two tables that differ in defaults:
 * our own, and those of the connector whose configs are taken over.
 *
 * Owner    a parsed config is the worker's; it lives as long as the task
 * Thread   any; immutable
 */
#include <kaftan/config.h>

struct mqtt_config {
    /* connection */
    struct kaftan_list servers;
    const char *server_select, *server_redirect, *version;
    const struct kaftan_secret *username, *password;
    bool clean_session;
    int64_t session_expiry_s;
    const char *client_id;
    bool client_id_exact;
    int32_t connect_timeout_s, keep_alive_s;
    int64_t max_retry_ms, backoff_ms, backoff_max_ms;
    int32_t max_message_bytes, maximum_packet_size;
    int32_t receive_buffer, send_buffer, user_timeout_ms;
    struct kaftan_list connect_user_properties;
    const char *will_topic, *will_payload;
    int32_t will_qos;
    bool will_retained;
    bool validate_connection;
    /* TLS */
    const char *trust_path, *key_store_path;
    const struct kaftan_secret *trust_password, *trust_file;
    const struct kaftan_secret *key_store_password, *key_password, *key_store_file;
    const char *ca_path, *certificate_path, *key_path, *key_alias, *endpoint_identification;
    struct kaftan_list tls_protocols, tls_ciphers, tls_alpn;
    const char *crl_path;
    int64_t tls_reload_ms;
    /* subscription */
    struct kaftan_list topics;
    int32_t qos;
    const char *share_group;
    int32_t sessions;
    int32_t retain_handling;
    bool retain_as_published, retained_skip, no_local;
    const char *overlap, *session_lost_action, *qos_downgrade_action;
    int64_t handover_timeout_ms, drain_idle_ms;
    bool session_delete;
    /* record */
    const char *kafka_topic;
    struct kaftan_list topic_map;
    const char *topic_sanitize, *key, *timestamp, *payload_format, *value_schema, *empty_payload, *headers;
    bool user_properties;
    const char *user_properties_prefix;
    bool sparkplug_explode, sparkplug_rebirth;
    /* flow */
    const char *ack_policy;
    int32_t receive_maximum;
    int32_t queue_size;
    int64_t buffer_max_bytes;
    int32_t batch_size, empty_timeout_ms, full_timeout_ms;
    const char *qos0_overflow;
    /* errors */
    const char *dead_letter_topic;
    int16_t dead_letter_replication;
    bool dead_letter_context;
    /* accepted and without effect */
    const struct kaftan_secret *licence;
    const char *licence_topic;
    struct kaftan_list licence_servers;
    int32_t licence_replication;
    /* from task_configs */
    int32_t internal_slots, internal_tasks;
};

extern const struct kaftan_config_key mqtt_own_keys[];
extern const struct kaftan_config_key mqtt_confluent_keys[];

/*
 * Everything that single values cannot tell. `problem` hears each finding: the
 * key and the text that is shown; key NULL: a warning.
 */
typedef void mqtt_problem_fn(void *to, const char *key, const char *text);
void mqtt_config_check(const struct mqtt_config *c, const struct kaftan_config_texts *texts, mqtt_problem_fn *problem,
                       void *to);

/* The choices as numbers, for the code that runs per message. */
bool mqtt_choice(const char *value, const char *choice); /* equal; NULL is no choice */

#endif
