/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_JAAS_H
#define KAFKA_JAAS_H
/*
 * jaas: the value of sasl.jaas.config, `Class flag name="value" ...;`, read as
 * Java's clients read it: exactly one entry. Errors never quote the value: it
 * holds a password.
 *
 * Owner    the caller's storage (jaas_fini)
 * Thread   any; a pure function
 */
#include <stdbool.h>
#include <kaftan/error.h>

#include "base/map.h"

struct jaas {
    char *module;             /* owned; class name */
    struct text_map *options; /* owned */
};

struct kaftan_error *jaas_parse(const char *text, struct jaas *ret) KAFTAN_MUST_CHECK;
/* The section `KafkaClient` of a JAAS file, as text for jaas_parse; its errors name the file. *ret is the caller's. */
struct kaftan_error *jaas_file(const char *path, char **ret) KAFTAN_MUST_CHECK;
/* Java's -Djava.security.auth.login.config=FILE within KAFKA_OPTS; the caller's; NULL: none. */
char *jaas_file_of_options(const char *kafka_opts);
/* The file that counts when a client has no sasl.jaas.config and KAFKA_OPTS names none. Before the first thread; copied. */
void jaas_default_file(const char *path);
/* A client's login: its sasl.jaas.config, or a JAAS file. *ret_found false: neither. jaas_fini when found. */
struct kaftan_error *jaas_of(const struct text_map *props, struct jaas *ret, bool *ret_found) KAFTAN_MUST_CHECK;
void jaas_fini(struct jaas *j); /* a zeroed one is fine */

#endif
