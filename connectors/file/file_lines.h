/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FILE_LINES_H
#define FILE_LINES_H
/*
 * file_lines: bytes of a file in, whole lines out.
 *
 * A line ends with \n, \r or \r\n; the terminator is not part of it. What
 * follows the last terminator is kept until its own comes; a \r at the very
 * end is kept too, because a \n may follow it.
 *
 * Owner    the task
 * Thread   task
 * Memory   one line and one read; at most LINE_LIMIT
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/abi.h>

enum { LINE_LIMIT = 64 * 1024 * 1024, LINES_READ = 64 * 1024 };

struct file_lines {
    char *data; /* owned; kaftan_free */
    size_t cap;
    size_t start, end; /* bytes not returned yet */
    size_t seen;       /* up to here there is no terminator */
    uint64_t position; /* in the file, of `start` */
};

void file_lines_init(struct file_lines *l, uint64_t position);
void file_lines_fini(struct file_lines *l);
/* Room for at least LINES_READ bytes, to be filled and told to file_lines_filled. NULL: the line at hand is too long. */
char *file_lines_room(struct file_lines *l, size_t *ret_size);
void file_lines_filled(struct file_lines *l, size_t n);
/* The next line, valid until the next call of room; l->position is then behind its terminator. */
bool file_lines_next(struct file_lines *l, struct kaftan_slice *ret);

/* Is it UTF-8? */
bool file_text_valid(struct kaftan_slice text);
/* Writes it with U+FFFD in place of what is no UTF-8; `ret` has room for 3 * text.len. Returns the length. */
size_t file_text_repair(struct kaftan_slice text, char *ret);

#endif
