/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_TLS_INT_H
#define NET_TLS_INT_H
/*
 * tls: TLS over one connected socket, for streams.
 *
 * Owner    the stream
 * Thread   one at a time; the stream's
 */
#include <kaftan/stream.h>

struct tls_session;

struct kaftan_tls *tls_ref(struct kaftan_tls *t);
/* Takes no ownership of the socket. `host` is who must be there, `peer` (borrowed for good) names it in errors. */
struct kaftan_error *tls_session_new(struct kaftan_tls *t, int fd, const char *host, const char *peer,
                                     struct tls_session **ret) KAFTAN_MUST_CHECK;
void tls_session_free(struct tls_session *s); /* NULL is fine */
/* All of these: ERROR writes *ret_err, which the caller owns. */
enum kaftan_io tls_session_handshake(struct tls_session *s, struct kaftan_error **ret_err);
enum kaftan_io tls_session_read(struct tls_session *s, void *buf, size_t size, size_t *ret, struct kaftan_error **ret_err);
enum kaftan_io tls_session_write(struct tls_session *s, const void *buf, size_t size, size_t *ret,
                                 struct kaftan_error **ret_err);
int tls_session_events(const struct tls_session *s, int wanted);
bool tls_session_pending(const struct tls_session *s);
void tls_session_shutdown(struct tls_session *s);

/* OpenSSL's name of a cipher suite, by that name or IANA's; NULL: unknown. Lives as long as `name`. */
const char *tls_suite_name(const char *name, bool *ret_v13);

#endif
