/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_ERROR_H
#define KAFTAN_ERROR_H
/*
 * One type for everything that can fail: code, message, cause.
 *
 * A function that can fail returns it; NULL is success. What is expected
 * (queue empty, would block) is no error. A message is for the person who must
 * act: it names the thing and quotes what came from outside, never a secret.
 * Owner: whoever holds the pointer. Thread: one at a time.
 */
#include <kaftan/abi.h>

/* X(code, HTTP status, retriable): the only place where codes and statuses meet */
#define KAFTAN_ERRORS(X)                                                       \
    X(INVALID, 400, false)   /* a config or a request is wrong */              \
    X(FORBIDDEN, 403, false) /* a peer's signature does not match */           \
    X(NOT_FOUND, 404, false)                                                   \
    X(CONFLICT, 409, false) /* exists, or is in the wrong state */             \
    X(REBALANCING, 409, true)                                                  \
    X(DATA, 500, false)     /* a record cannot be converted */                 \
    X(RETRIABLE, 500, true) /* the other side may recover */                   \
    X(TIMEOUT, 500, true)                                                      \
    X(KAFKA, 500, false)                                                       \
    X(INTERNAL, 500, false)                                                    \
    X(UNAVAILABLE, 503, true)

enum kaftan_code {
#define X(code, http, retriable) KAFTAN_E_##code,
    KAFTAN_ERRORS(X)
#undef X
};

struct kaftan_error;

KAFTAN_API struct kaftan_error *kaftan_error_new(enum kaftan_code code, const char *fmt, ...)
    KAFTAN_MUST_CHECK KAFTAN_PRINTF(2, 3);
/* Takes `cause` (not NULL) and keeps its code. */
KAFTAN_API struct kaftan_error *kaftan_error_wrap(struct kaftan_error *cause, const char *fmt, ...)
    KAFTAN_MUST_CHECK KAFTAN_PRINTF(2, 3);
KAFTAN_API enum kaftan_code kaftan_error_code(const struct kaftan_error *err);
KAFTAN_API const char *kaftan_error_message(const struct kaftan_error *err); /* borrowed */
KAFTAN_API int kaftan_error_http_status(const struct kaftan_error *err);
KAFTAN_API bool kaftan_error_retriable(const struct kaftan_error *err);
KAFTAN_API void kaftan_error_free(struct kaftan_error *err); /* with its causes; NULL is fine */

#endif
