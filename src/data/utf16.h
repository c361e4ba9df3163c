/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_UTF16_H
#define DATA_UTF16_H
/*
 * utf16: what Java's strings can hold and UTF-8 cannot. Strings are UTF-8 in
 * memory; an unpaired surrogate is kept as its three bytes (ED A0..BF xx), a
 * pair never is.
 *
 * Thread   any; pure functions
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/abi.h>

#include "base/buf.h"

/* Appends one UTF-16 unit; the second half of a pair joins the first. */
void utf16_put(struct buf *b, uint16_t unit);
/* Units the string would have in Java. */
size_t utf16_length(struct kaftan_slice s);
bool utf16_has_lone(struct kaftan_slice s);
/* Copies `s`; unpaired surrogates become '?', as Java's encoders write them. */
void utf16_put_repaired(struct buf *b, struct kaftan_slice s);

#endif
