/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_REST_STAGE_H
#define TESTS_UNIT_REST_STAGE_H
/* stage: a worker's REST side on a free port of loopback, before a herder whose answers a test chooses. */
#include <stddef.h>

void stage_up(const char *const *more); /* further worker keys and values, ended by NULL; NULL: none */
void stage_down(void);
/*
 * One request on a connection of its own; headers are whole lines with their
 * ends, or "". Returns the status; *ret_head and *ret_body are the caller's
 * until the next call.
 */
int stage_ask(const char *method, const char *target, const char *headers, const char *body, size_t len,
              const char **ret_head, const char **ret_body);
/* The same with JSON in and the body out; cr_expects the status. */
const char *stage_json(const char *method, const char *target, const char *body, int status);

#endif
