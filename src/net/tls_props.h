/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_TLS_PROPS_H
#define NET_TLS_PROPS_H
/*
 * tls_props: the ssl.* properties of Java's clients (runtime-and-storage.md
 * 6.1) to stores and TLS settings. A store's type is seen by its content, so
 * ssl.truststore.type and ssl.keystore.type are not asked. Errors: INVALID,
 * naming the key.
 *
 * Owner    what is made is the caller's
 * Thread   any
 */
#include <kaftan/stream.h>

#include "base/buf.h"
#include "base/map.h"

/* *ret stays as it was when no store is named. */
struct kaftan_error *trust_of_props(const struct text_map *props, struct kaftan_store **ret) KAFTAN_MUST_CHECK;
struct kaftan_error *key_of_props(const struct text_map *props, struct kaftan_store **ret) KAFTAN_MUST_CHECK;
/* A client's side: stores, ssl.enabled.protocols, ssl.cipher.suites, ssl.endpoint.identification.algorithm. */
struct kaftan_error *tls_of_props(const struct text_map *props, struct kaftan_tls **ret) KAFTAN_MUST_CHECK;
/* Appends OpenSSL's names of the TLS 1.2 suites in ssl.cipher.suites, with ':' between them. */
struct kaftan_error *suites_of_props(const struct text_map *props, struct buf *ret) KAFTAN_MUST_CHECK;
/* ssl.enabled.protocols allows TLS 1.2 or 1.3, but not both. */
bool tls_props_narrow(const struct text_map *props);
/* Refuses a class of the user's own in ssl.engine.factory.class. */
struct kaftan_error *tls_props_classes(const struct text_map *props) KAFTAN_MUST_CHECK;

#endif
