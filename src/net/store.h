/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_STORE_H
#define NET_STORE_H
/*
 * store: what the worker does with key and trust stores beyond the SDK:
 * handing them to librdkafka, which wants PEM text.
 *
 * Owner    counted (kaftan_store_ref)
 * Thread   immutable: any
 */
#include <kaftan/stream.h>

#include "base/buf.h"

/*
 * Appends PEM: the key's certificate and what follows it, the private key
 * (PKCS#8, not encrypted), the trusted certificates. Each buffer may be NULL;
 * what the store does not have leaves its buffer as it was.
 */
void store_pem(const struct kaftan_store *s, struct buf *cert_chain, struct buf *key, struct buf *ca);

#endif
