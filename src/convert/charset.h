/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONVERT_CHARSET_H
#define CONVERT_CHARSET_H
/*
 * charset: text in encodings other than UTF-8, as Java's charsets write and
 * read them: what cannot be written becomes '?', what cannot be read U+FFFD.
 *
 * Owner    the maker
 * Thread   one at a time
 */
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/buf.h"

struct charset;

/* Names as Java knows them. *ret NULL: UTF-8, for which there is nothing to do. */
struct kaftan_error *charset_new(const char *name, struct charset **ret) KAFTAN_MUST_CHECK;
void charset_free(struct charset *c); /* NULL is fine */
void charset_encode(struct charset *c, struct kaftan_slice text, struct buf *ret);
void charset_decode(struct charset *c, struct kaftan_slice bytes, struct buf *ret);

#endif
