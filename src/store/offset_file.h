/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_OFFSET_FILE_H
#define STORE_OFFSET_FILE_H
/*
 * offset_file: standalone's offsets, a HashMap<byte[],byte[]> in Java's
 * object serialisation (runtime-and-storage.md 5), so that Java's worker can
 * go on where this one stopped and the other way round.
 *
 * Thread   store
 */
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/buf.h"

typedef void offset_file_fn(void *self, struct kaftan_slice key, struct kaftan_slice value); /* ptr NULL: null */

enum { OFFSET_FILE_LIMIT = 256 << 20 };

/* Errors: INVALID, with what is wrong. Calls see() for each pair only once all have been read. */
struct kaftan_error *offset_file_parse(const void *data, size_t len, offset_file_fn *see, void *self) KAFTAN_MUST_CHECK;
/* A missing or empty file holds nothing. Errors name the path. */
struct kaftan_error *offset_file_load(const char *path, offset_file_fn *see, void *self) KAFTAN_MUST_CHECK;

/* Writer: begin with the number of pairs, add each, end. */
struct offset_file_writer {
    struct buf buf;
    bool array_class_written;
};
void offset_file_begin(struct offset_file_writer *w, size_t count);
void offset_file_add(struct offset_file_writer *w, struct kaftan_slice key, struct kaftan_slice value);
/* Replaces the file by what was added, at once or not at all; ends the writer either way. */
struct kaftan_error *offset_file_save(struct offset_file_writer *w, const char *path) KAFTAN_MUST_CHECK;
void offset_file_end(struct offset_file_writer *w, struct buf *ret); /* the bytes only; for tests */

#endif
