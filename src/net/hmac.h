/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_HMAC_H
#define NET_HMAC_H
/*
 * hmac: keys and signatures of requests between workers, under the names
 * Java's key generators and MACs have (group-protocol.md 14).
 *
 * Thread   any; pure functions
 */
#include <stdbool.h>
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/buf.h"

/* Can messages be signed with it? In any case of letters, as Java has it. */
bool hmac_known(const char *algorithm);
/*
 * Appends a fresh random key. `size_bits` 0: the algorithm's own (HmacSHA256:
 * 256, HmacSHA1, HmacMD5, HmacSHA512: 512, HmacSHA384: 384). INVALID: unknown
 * algorithm, or a size it cannot have.
 */
struct kaftan_error *hmac_key(const char *algorithm, int32_t size_bits, struct buf *ret) KAFTAN_MUST_CHECK;
/* Bytes hmac_key makes for it; 0: unknown. */
size_t hmac_key_size(const char *algorithm, int32_t size_bits);
/* Appends the MAC of `data`. INVALID: unknown algorithm, empty key. */
struct kaftan_error *hmac_sign(const char *algorithm, struct kaftan_slice key, struct kaftan_slice data, struct buf *ret)
    KAFTAN_MUST_CHECK;
/* In a time that does not depend on where they differ. */
bool hmac_equal(struct kaftan_slice a, struct kaftan_slice b);

#endif
