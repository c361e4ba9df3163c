/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_JKS_H
#define NET_JKS_H
/*
 * jks: Java's own key store format, read without Java.
 *
 * A walk over bytes that belong to the caller; nothing is allocated by a
 * length that stands in the file.
 *
 *     struct jks j;
 *     for (err = jks_open(bytes, &j); !err && jks_next(&j, &entry, &err);)
 *         while (jks_cert(&entry, &der)) ...
 *
 * Owner    the caller's storage
 * Thread   any; pure functions of bytes
 * Memory   none; everything points into the bytes
 */
#include <stdbool.h>
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/buf.h"

struct jks {
    struct reader in;
    uint32_t version, left;
};

struct jks_entry {
    bool is_key;
    struct kaftan_slice alias;  /* Java's modified UTF-8 */
    struct kaftan_slice sealed; /* keys: EncryptedPrivateKeyInfo, DER */
    struct reader certs;        /* jks_cert takes from it */
    uint32_t cert_count, version;
};

/* INVALID: no JKS, or cut off. */
struct kaftan_error *jks_open(struct kaftan_slice bytes, struct jks *ret) KAFTAN_MUST_CHECK;
/* False at the end, or with *ret_err set (the caller owns it). */
bool jks_next(struct jks *j, struct jks_entry *ret, struct kaftan_error **ret_err);
/* The next certificate of an entry; false after the last. */
bool jks_cert(struct jks_entry *e, struct kaftan_slice *ret_der);
/* Is the store unchanged, and this its password? */
bool jks_intact(struct kaftan_slice bytes, const char *password);
/* Appends the PKCS#8 of a key; false: wrong password, damaged, or sealed in another way. */
bool jks_unseal(struct kaftan_slice sealed, const char *password, struct buf *ret);

#endif
