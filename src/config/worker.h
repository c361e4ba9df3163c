/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_WORKER_H
#define CONFIG_WORKER_H
/*
 * worker: the worker's own configuration (runtime-and-storage.md 6,
 * group-protocol.md 15, rest-api.md 11), one table for both modes.
 *
 * Owner    main; lives as long as the process
 * Thread   immutable: any
 */
#include <stdbool.h>
#include <kaftan/config.h>

#include "base/map.h"

struct worker_values { /* filled by the table in worker.c */
    const char *group_id, *client_id, *connect_protocol;
    struct kaftan_list bootstrap_servers;
    const char *key_converter, *value_converter, *header_converter;
    int64_t graceful_ms, flush_interval_ms, flush_timeout_ms;
    struct kaftan_list plugin_path;
    const char *plugin_discovery, *override_policy;
    bool topic_tracking, topic_tracking_reset, topic_creation;
    struct kaftan_list listeners, admin_listeners, rest_extensions, config_providers;
    const char *advertised_host, *advertised_listener;
    int32_t advertised_port; /* 0: none */
    const char *cors_origin, *cors_methods, *response_headers;
    const char *offset_topic, *config_topic, *status_topic;
    int32_t offset_partitions, status_partitions;
    int16_t offset_replication, config_replication, status_replication;
    const char *exactly_once;
    const char *offset_file; /* standalone */
    int32_t session_timeout_ms, heartbeat_ms, rebalance_timeout_ms;
    int32_t sync_timeout_ms, unsync_backoff_ms, rebalance_delay_max_ms;
    const char *key_algorithm, *signature_algorithm;
    int32_t key_size_bits, key_ttl_ms; /* size 0: the algorithm's */
    struct kaftan_list verification_algorithms;
    int32_t request_timeout_ms;
    int64_t retry_backoff_ms, retry_backoff_max_ms;
    int64_t reconnect_backoff_ms, reconnect_backoff_max_ms;
    int64_t connect_timeout_ms, connect_timeout_max_ms;
    int32_t api_timeout_ms; /* default.api.timeout.ms, 60000 */
    const char *security_protocol, *sasl_mechanism;
    const struct kaftan_secret *jaas;
};

struct worker_config;

/*
 * Parses and checks. Errors: INVALID, all bad keys in one message. Keys that
 * only a JVM needs are named once in the log. `props` is kept (a reference).
 */
struct kaftan_error *worker_config_new(struct text_map *props, bool distributed, struct worker_config **ret) KAFTAN_MUST_CHECK;
void worker_config_free(struct worker_config *c); /* NULL is fine */
const struct worker_values *worker_values(const struct worker_config *c);
const struct text_map *worker_config_props(const struct worker_config *c); /* as given; borrowed */
bool worker_config_distributed(const struct worker_config *c);
const struct kaftan_config_key *worker_config_table(void); /* for docs */

#endif
