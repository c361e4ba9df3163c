/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_JOURNAL_H
#define FAKE_JOURNAL_H
/*
 * journal: what the fakes were asked to do, line by line, and a way for a test
 * to wait until something has been asked. Thread: any.
 */
#include <stdbool.h>
#include <stddef.h>

void journal_put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Waits until `line` stands at or after *from; then *from is behind it. False after 20 s. */
bool journal_wait(size_t *from, const char *line);
bool journal_has(size_t from, const char *line); /* now */
size_t journal_count(size_t from, const char *line);
size_t journal_size(void);
char *journal_text(size_t from); /* all lines, newline after each; owned */

#endif
