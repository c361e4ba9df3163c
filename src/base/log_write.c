/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Repeats. A broker that is gone makes every task say the same sentence many
 * times a second, and the disk is full before anyone looks. So of equal
 * sentences (same logger, same connector and task) ten a second are written;
 * the rest is counted, and the count is written with the next line of any
 * kind after that second. What is remembered is a small table; a sentence
 * that is pushed out of it takes its count to the log first.
 */
#include "config.h"

#include "base/log_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"

enum { CONTEXT_SIZE = 256, REPEATS = 10, WINDOW_MS = 1000, SEEN = 64, SENTENCE_SIZE = 160 };

struct context {
    char connector[CONTEXT_SIZE]; /* "": none */
    int task;
};

struct seen {
    uint64_t key; /* of logger, context and sentence */
    int64_t since_ms;
    uint64_t count;
    struct log *log; /* borrowed; loggers stay */
    enum log_level level;
    struct context context;
    char sentence[SENTENCE_SIZE];
};

/* Rank 97; guards seen_table, seen_hidden, catch and catch_self. */
static struct lock lock = { PTHREAD_MUTEX_INITIALIZER };
static struct seen seen_table[SEEN];
static unsigned seen_hidden; /* entries with a count above REPEATS */
static void (*catch)(void *self, enum log_level level, const char *line);
static void *catch_self;
static atomic_bool as_json;

static _Thread_local struct context here;

void log_format_set(bool json)
{
    atomic_store_explicit(&as_json, json, memory_order_relaxed);
}

void log_vformat(struct buf *b, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    ASSERT(len >= 0);
    buf_reserve(b, (size_t)len + 1);
    (void)vsnprintf(b->data + b->len, (size_t)len + 1, fmt, args);
    b->len += (size_t)len;
}

struct log_field log_field_str(const char *name, const char *value)
{
    return (struct log_field){ .name = name, .kind = LOG_KIND_TEXT, .text = value, .text_len = value ? strlen(value) : 0 };
}

void log_context(const char *connector, int task)
{
    (void)snprintf(here.connector, sizeof here.connector, "%s", connector ? connector : "");
    here.task = task;
}

void log_catch(void (*see)(void *self, enum log_level level, const char *line), void *self)
{
    lock_take(&lock);
    catch = see;
    catch_self = self;
    memset(seen_table, 0, sizeof seen_table);
    seen_hidden = 0;
    lock_release(&lock);
}

static void put_time(struct buf *b, bool json)
{
    int64_t ms = clock_wall_ms();
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[32];
    if (json)
        (void)gmtime_r(&seconds, &tm);
    else
        (void)localtime_r(&seconds, &tm);
    (void)strftime(text, sizeof text, json ? "%Y-%m-%dT%H:%M:%S" : "%Y-%m-%d %H:%M:%S", &tm);
    buf_printf(b, "%s.%03d", text, (int)(ms % 1000));
}

/* A text on a line of its own kind: nothing in it can start a new line or speak to a terminal. */
static void put_plain(struct buf *b, const char *s, size_t len, bool quoted)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '\n')
            buf_puts(b, "\\n");
        else if (c < 0x20 || c == 0x7F)
            buf_printf(b, "\\x%02X", (unsigned)c);
        else if (quoted && (c == '"' || c == '\\')) {
            buf_putc(b, '\\');
            buf_putc(b, (char)c);
        } else
            buf_putc(b, (char)c);
    }
}

static void put_value(struct buf *b, const char *s, size_t len)
{
    bool quoted = len == 0;
    for (size_t i = 0; i < len && !quoted; i++)
        quoted = (unsigned char)s[i] <= ' ' || strchr("\"\\=", s[i]) != NULL;
    if (quoted)
        buf_putc(b, '"');
    put_plain(b, s, len, quoted);
    if (quoted)
        buf_putc(b, '"');
}

static void put_error(struct buf *b, const struct kaftan_error *err)
{
    for (const struct kaftan_error *e = err; e; e = error_cause(e)) {
        if (e != err)
            buf_puts(b, ", caused by: ");
        buf_puts(b, kaftan_error_message(e));
    }
}

static void put_text_field(struct buf *b, const struct log_field *f)
{
    struct buf text = BUF_INIT;
    buf_printf(b, " %s=", f->name);
    if (f->kind == LOG_KIND_INT)
        buf_printf(b, "%" PRId64, f->number);
    else if (f->kind == LOG_KIND_TEXT && f->text)
        put_value(b, f->text, f->text_len);
    else if (f->kind == LOG_KIND_ERR && f->err) {
        put_error(&text, f->err);
        put_value(b, buf_text(&text), text.len);
    } else
        buf_puts(b, "null");
    buf_fini(&text);
}

static void put_json_field(struct buf *b, const struct log_field *f)
{
    struct buf text = BUF_INIT;
    json_put_str(b, f->name);
    buf_putc(b, ':');
    if (f->kind == LOG_KIND_INT)
        json_put_i64(b, f->number);
    else if (f->kind == LOG_KIND_TEXT && f->text)
        json_put_string(b, f->text, f->text_len);
    else if (f->kind == LOG_KIND_ERR && f->err) {
        put_error(&text, f->err);
        json_put_string(b, buf_text(&text), text.len);
    } else
        buf_puts(b, "null");
    buf_fini(&text);
}

struct event {
    const struct log *log;
    enum log_level level;
    const struct context *context;
    const char *sentence;
    const struct log_field *fields;
};

static void put_text_line(struct buf *b, const struct event *e)
{
    put_time(b, false);
    buf_printf(b, " %-5s ", log_level_name(e->level));
    if (e->context->connector[0]) {
        buf_putc(b, '[');
        put_plain(b, e->context->connector, strlen(e->context->connector), false);
        if (e->context->task < 0)
            buf_puts(b, "|worker] ");
        else
            buf_printf(b, "|task-%d] ", e->context->task);
    }
    buf_puts(b, e->log->name);
    buf_puts(b, ": ");
    put_plain(b, e->sentence, strlen(e->sentence), false);
    for (const struct log_field *f = e->fields; f->name; f++)
        put_text_field(b, f);
}

static void put_json_line(struct buf *b, const struct event *e)
{
    buf_puts(b, "{\"time\":\"");
    put_time(b, true);
    buf_printf(b, "Z\",\"level\":\"%s\",\"logger\":", log_level_name(e->level));
    json_put_str(b, e->log->name);
    if (e->context->connector[0]) {
        buf_puts(b, ",\"connector\":");
        json_put_str(b, e->context->connector);
        if (e->context->task >= 0)
            buf_printf(b, ",\"task\":%d", e->context->task);
    }
    buf_puts(b, ",\"message\":");
    json_put_str(b, e->sentence);
    if (e->fields->name) {
        buf_puts(b, ",\"fields\":{");
        for (const struct log_field *f = e->fields; f->name; f++) {
            if (f != e->fields)
                buf_putc(b, ',');
            put_json_field(b, f);
        }
        buf_putc(b, '}');
    }
    buf_putc(b, '}');
}

/* One write(2) per line; a log that cannot be written to is nobody's to tell. */
static void write_out(const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(STDERR_FILENO, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        data += n;
        len -= (size_t)n;
    }
}

static void line_out(const struct event *e)
{
    struct buf b = BUF_INIT;
    if (atomic_load_explicit(&as_json, memory_order_relaxed))
        put_json_line(&b, e);
    else
        put_text_line(&b, e);
    lock_take(&lock);
    void (*see)(void *, enum log_level, const char *) = catch;
    void *self = catch_self;
    lock_release(&lock);
    if (see) {
        see(self, e->level, buf_text(&b));
    } else {
        buf_putc(&b, '\n');
        write_out(b.data, b.len);
    }
    buf_fini(&b);
}

static void summary_out(const struct seen *s)
{
    const struct log_field fields[] = { LOG_INT("times", s->count - REPEATS), LOG_STR("sentence", s->sentence), { 0 } };
    const struct event e = { s->log, s->level, &s->context, "repeated", fields };
    line_out(&e);
}

/* Takes one finished count out of the table; false: there is none. */
static bool summary_take(int64_t now, const struct seen *pushed_out, struct seen *ret)
{
    for (unsigned i = 0; seen_hidden > 0 && i < SEEN; i++) {
        struct seen *s = &seen_table[i];
        if (s->count <= REPEATS || (s != pushed_out && now - s->since_ms < WINDOW_MS))
            continue;
        *ret = *s;
        s->count = 0;
        seen_hidden--;
        return true;
    }
    return false;
}

static uint64_t key_of(const struct log *l, const char *sentence)
{
    uint64_t h = (uint64_t)(uintptr_t)l ^ (uint64_t)(unsigned)here.task << 48;
    for (const char *p = here.connector; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    for (const char *p = sentence; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    return h ^ h >> 31;
}

/* Counts the sentence; true: write it. Counts that are over go out first. */
static bool count_in(struct log *l, enum log_level level, const char *sentence)
{
    uint64_t key = key_of(l, sentence);
    int64_t now = clock_mono_ms();
    struct seen *s = &seen_table[key % SEEN], over;
    for (;;) {
        lock_take(&lock);
        bool found = summary_take(now, s->key != key ? s : NULL, &over);
        if (!found)
            break;
        lock_release(&lock);
        summary_out(&over);
    }
    if (s->key != key || s->count == 0 || now - s->since_ms >= WINDOW_MS) {
        *s = (struct seen){ .key = key, .since_ms = now, .log = l, .level = level, .context = here };
        (void)snprintf(s->sentence, sizeof s->sentence, "%s", sentence);
    }
    s->count++;
    bool shown = s->count <= REPEATS;
    if (s->count == REPEATS + 1)
        seen_hidden++;
    lock_release(&lock);
    return shown;
}

void log_write(struct log *l, enum log_level level, const char *sentence,
               const struct log_field *fields)
{
    if (!count_in(l, level, sentence))
        return;
    const struct event e = { l, level, &here, sentence, fields };
    line_out(&e);
}
