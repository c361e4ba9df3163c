/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_CONN_H
#define MQTT_CONN_H
/*
 * mqtt_conn: one connection: a stream with a buffer each way. It knows nothing
 * of sessions; packets are bytes here.
 *
 * Owner    a session
 * Thread   task
 * Memory   256 KiB for reading, more only while one packet needs it; what is
 *          written grows to what is unsent
 */
#include <kaftan/stream.h>

struct mqtt_conn;

/* `epoll` holds the stream while it is open, with `tag` as its data. */
struct mqtt_conn *mqtt_conn_new(int epoll, uint32_t tag);
void mqtt_conn_free(struct mqtt_conn *c); /* NULL is fine */

struct kaftan_error *mqtt_conn_open(struct mqtt_conn *c, const struct kaftan_stream_options *o) KAFTAN_MUST_CHECK;
enum kaftan_io mqtt_conn_opened(struct mqtt_conn *c);
bool mqtt_conn_is_open(const struct mqtt_conn *c); /* opening counts */
kaftan_deadline mqtt_conn_deadline(const struct mqtt_conn *c); /* while opening */
/* Ends our half; what is unsent is lost. */
void mqtt_conn_shutdown(struct mqtt_conn *c);
void mqtt_conn_close(struct mqtt_conn *c); /* forgets what is in the buffers */
struct kaftan_error *mqtt_conn_error(struct mqtt_conn *c); /* after KAFTAN_IO_ERROR; the caller's */
const char *mqtt_conn_peer(const struct mqtt_conn *c);

/* Reads once what there is room for. *ret_more: there may be more to read at once. */
enum kaftan_io mqtt_conn_read(struct mqtt_conn *c, bool *ret_more);
bool mqtt_conn_full(const struct mqtt_conn *c); /* no room to read into */
const uint8_t *mqtt_conn_in(const struct mqtt_conn *c, size_t *ret_len); /* valid until the next read, consume or need */
void mqtt_conn_consume(struct mqtt_conn *c, size_t n);
void mqtt_conn_skip(struct mqtt_conn *c, size_t n); /* like consume, also of what is still to come */
void mqtt_conn_need(struct mqtt_conn *c, size_t size); /* makes room for a packet of that size */

uint8_t *mqtt_conn_out(struct mqtt_conn *c, size_t size); /* room for `size` bytes */
void mqtt_conn_out_add(struct mqtt_conn *c, size_t size); /* so many of them are to be sent */
size_t mqtt_conn_unsent(const struct mqtt_conn *c);
enum kaftan_io mqtt_conn_flush(struct mqtt_conn *c); /* OK: everything is sent */

/* Brings the epoll set up to date. */
void mqtt_conn_watch(struct mqtt_conn *c, bool reading);
uint64_t mqtt_conn_received(const struct mqtt_conn *c); /* bytes since open */

#endif
