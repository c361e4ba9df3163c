/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
/*
 * log: a fixed sentence plus fields, one line per event on stderr, as text or
 * JSON. A logger per file, `static struct log logger = LOG("room.module");`, its
 * level changeable at run time. Connector and task come from the thread
 * (log_context). Repeats are counted, not repeated: more than 10 equal
 * sentences of one logger within a second are summed up in one line.
 *
 * Thread   any; a line is written with one write(2)
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/error.h>

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

struct log {
    const char *name;
    atomic_int level; /* -1: not asked yet */
    struct log *next;    /* the list of all loggers; this and the next one guarded by the log module */
    int64_t modified_ms; /* of the last change of level; 0 = never */
};
#define LOG(name_) { .name = name_, .level = -1 }

enum log_kind { LOG_KIND_INT, LOG_KIND_TEXT, LOG_KIND_ERR };
struct log_field {
    const char *name;
    enum log_kind kind;
    int64_t number;
    const char *text;
    size_t text_len;
    const struct kaftan_error *err;
};
#define LOG_INT(n, v) ((struct log_field){ .name = (n), .kind = LOG_KIND_INT, .number = (int64_t)(v) })
#define LOG_STR(n, v) log_field_str((n), (v))
#define LOG_SLICE(n, s) ((struct log_field){ .name = (n), .kind = LOG_KIND_TEXT, .text = (s).ptr, .text_len = (s).len })
#define LOG_ERR(e) ((struct log_field){ .name = "error", .kind = LOG_KIND_ERR, .err = (e) })
struct log_field log_field_str(const char *name, const char *value); /* NULL: null */

#define log_at(l, lvl, sentence, ...)                                          \
    do {                                                                       \
        if (log_enabled((l), (lvl)))                                           \
            log_write((l), (lvl), (sentence),                                  \
                      (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(, ){ 0 } }); \
    } while (0)
#define log_error(l, ...) log_at((l), LOG_ERROR, __VA_ARGS__)
#define log_warn(l, ...) log_at((l), LOG_WARN, __VA_ARGS__)
#define log_info(l, ...) log_at((l), LOG_INFO, __VA_ARGS__)
#define log_debug(l, ...) log_at((l), LOG_DEBUG, __VA_ARGS__)
#define log_trace(l, ...) log_at((l), LOG_TRACE, __VA_ARGS__)

bool log_enabled(struct log *l, enum log_level level);
void log_write(struct log *l, enum log_level level, const char *sentence,
               const struct log_field *fields); /* ended by .name == NULL */

/* Before the first thread. Root level and format. */
void log_setup(enum log_level root, bool json);
bool log_level_parse(const char *name, enum log_level *ret); /* any case; also FATAL (= ERROR), ALL, OFF */
const char *log_level_name(enum log_level level);            /* "INFO" */
/*
 * Sets the level of all loggers whose name begins with `name`, now and later,
 * and makes one of that name known; NULL or "root": of all. Returns how many
 * changed; log_each before and after tells which.
 */
size_t log_set_level(const char *name, enum log_level level);
/* For GET /admin/loggers: name, level and time of the last change (ms, 0 = never), in name order. */
void log_each(void (*see)(void *self, const char *name, enum log_level level, int64_t modified_ms), void *self);
/* What this thread works on, shown in each of its lines: `[orders|task-0] `; copied; NULL ends it. */
void log_context(const char *connector, int task); /* task -1: the connector itself */
/* Tests: lines go to `see` instead of stderr; NULL: back. */
void log_catch(void (*see)(void *self, enum log_level level, const char *line), void *self);

#endif
