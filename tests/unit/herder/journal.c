/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/thread.h"

enum { WAIT_MS = 20000 };

static struct {
    struct lock lock;
    struct cond cond;
    char **lines;
    size_t count;
} journal;

static void __attribute__((constructor)) journal_init(void)
{
    lock_init(&journal.lock);
    cond_init(&journal.cond);
}

static void __attribute__((destructor)) journal_fini(void)
{
    for (size_t i = 0; i < journal.count; i++)
        mem_free(journal.lines[i]);
    mem_free(journal.lines);
    journal.count = 0;
}

void journal_put(const char *fmt, ...)
{
    char line[1024];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    lock_take(&journal.lock);
    journal.lines = mem_realloc(journal.lines, journal.count + 1, sizeof *journal.lines);
    journal.lines[journal.count++] = mem_strdup(line);
    cond_wake_all(&journal.cond);
    lock_release(&journal.lock);
}

static bool find(size_t from, const char *line, size_t *ret)
{
    for (size_t i = from; i < journal.count; i++) {
        if (strcmp(journal.lines[i], line) == 0) {
            *ret = i;
            return true;
        }
    }
    return false;
}

bool journal_wait(size_t *from, const char *line)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    size_t at = 0;
    bool found;
    lock_take(&journal.lock);
    while (!(found = find(*from, line, &at)) && cond_wait_until(&journal.cond, &journal.lock, deadline))
        ;
    lock_release(&journal.lock);
    if (found) {
        *from = at + 1;
        return true;
    }
    char *text = journal_text(0);
    (void)fprintf(stderr, "waited for \"%s\" after line %zu of:\n%s", line, *from, text);
    mem_free(text);
    return false;
}

bool journal_has(size_t from, const char *line)
{
    return journal_count(from, line) > 0;
}

size_t journal_count(size_t from, const char *line)
{
    size_t n = 0;
    lock_take(&journal.lock);
    for (size_t i = from; i < journal.count; i++)
        n += strcmp(journal.lines[i], line) == 0;
    lock_release(&journal.lock);
    return n;
}

size_t journal_size(void)
{
    lock_take(&journal.lock);
    size_t n = journal.count;
    lock_release(&journal.lock);
    return n;
}

char *journal_text(size_t from)
{
    struct buf b = BUF_INIT;
    lock_take(&journal.lock);
    for (size_t i = from; i < journal.count; i++)
        buf_printf(&b, "%s\n", journal.lines[i]);
    lock_release(&journal.lock);
    return buf_take(&b);
}
