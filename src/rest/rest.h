/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REST_REST_H
#define REST_REST_H
/*
 * rest: the Kafka Connect REST API over libmicrohttpd, made from one route
 * table (rest-api.md).
 *
 * Owner    main
 * Thread   libmicrohttpd's; a request is suspended while the herder works
 */
#include <kaftan/error.h>

#include "base/metrics.h"
#include "config/worker.h"
#include "herder/herder.h"
#include "plugin/registry.h"

struct rest;

/* Binds the listeners (port 0 allowed) but answers nothing yet. */
struct kaftan_error *rest_new(const struct worker_config *c, const struct registry *r, struct metrics *m,
                              struct rest **ret) KAFTAN_MUST_CHECK;
const char *rest_url(const struct rest *r);        /* advertised, with the final '/'; borrowed */
const struct herder_peer *rest_peer(struct rest *r);
/* Serves from now on; /health answers 503 until the herder has started. */
struct kaftan_error *rest_start(struct rest *r, struct herder *h) KAFTAN_MUST_CHECK;
void rest_stop(struct rest *r); /* answers what is suspended, closes */
void rest_free(struct rest *r); /* NULL is fine */

#endif
