/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_UNIT_REST_FAKE_HERDER_H
#define TESTS_UNIT_REST_FAKE_HERDER_H
#include <stdatomic.h>

#include "herder/herder.h"

extern atomic_bool fake_started;
extern atomic_int fake_created; /* HERDER_CREATE requests seen */
/* Sees each request first and may fill its answer; true: it is answered as it stands. */
extern bool (*fake_hook)(struct herder_request *r);
/* Answers what "slow" was asked. */
void fake_release(void);

#endif
