/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REST_PEER_H
#define REST_PEER_H
/*
 * peer: requests to other workers of the group: users' requests that another
 * worker has to answer (rest-api.md 2), and signed ones of our own
 * (group-protocol.md 14).
 *
 * Owner    rest
 * Thread   one of its own, `peer`; the calls of herder_peer come from any
 *          thread and only send a message
 *
 * A forwarded PUT config walks so: the herder finds that another worker leads
 * and gives the request away -> the peer thread writes it anew (path, body,
 * `forward`), sends it, and reads the answer -> status and JSON go into
 * r->relayed, or what failed into r->err -> r->done resumes the connection.
 */
#include <kaftan/error.h>

#include "config/worker.h"
#include "herder/herder.h"

struct peer;

/* INVALID: the keys or stores of listeners.https (or ssl) cannot be used. */
struct kaftan_error *peer_new(const struct worker_config *c, struct peer **ret) KAFTAN_MUST_CHECK;
const struct herder_peer *peer_door(struct peer *p); /* borrowed */
void peer_start(struct peer *p);
void peer_stop(struct peer *p); /* what is under way is answered with an error; joins */
void peer_free(struct peer *p); /* NULL is fine */

/* The pure part: method, path with query, and body of a request as another worker is asked for it (rest-api.md 2.1). */
void peer_write(const struct herder_request *r, const char **ret_method, struct buf *target, struct buf *body, bool *ret_has_body);
/* Path of a connector's resource (NULL: of all connectors), without the first '/'; the name fully encoded. */
void peer_put_target(struct buf *b, const char *connector, const char *tail);
/* The JSON array of task configs that the internal request carries. */
void peer_put_maps(struct buf *b, struct text_map *const *maps, int32_t count);
/* The answer of another worker, into r: relayed, or an error with the texts of rest-api.md 2.2. */
void peer_read(struct herder_request *r, int status, struct kaftan_slice body);

#endif
