/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_VECTORS_STORAGE_H
#define TESTS_VECTORS_STORAGE_H
/*
 * storage: the sections of storage-vectors.json (runtime-and-storage.md), by
 * the room that answers for them.
 */
#include "vectors/golden.h"

extern const struct golden_section storage_store_sections[];  /* records of the internal topics, the reader of configs */
extern const struct golden_section storage_text_sections[];   /* json_text */
extern const struct golden_section storage_kafka_sections[];  /* partition_of_key, client_settings */
extern const struct golden_section storage_peer_sections[];   /* signatures, requests_between_workers */
extern const struct golden_section storage_broker_sections[]; /* what brokers saw: skipped */

void storage_run_records(struct golden *g, const struct json *list);  /* golden_records */
void storage_run_sequence(struct golden *g, const struct json *list);
void storage_run_reader(struct golden *g, const struct json *list);   /* config_reader */
void storage_run_requests(struct golden *g, const struct json *list); /* requests_between_workers */
void storage_run_signatures(struct golden *g, const struct json *list);

#endif
