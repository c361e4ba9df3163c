/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_ACME_H
#define TEST_ACME_H
/* acme: the vectors' test connectors, a plain one, and converters by Java's names; registered once per test. */
#include "config/worker.h"
#include "plugin/registry.h"

struct registry *acme_registry(void);
struct worker_config *acme_config(bool distributed, const char *key, const char *value); /* one more key; NULL: none */

#endif
