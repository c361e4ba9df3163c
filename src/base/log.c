/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levels. A logger learns its level when it is first asked and joins the list
 * of all loggers; from then on asking is one relaxed load. Setting a level
 * changes the loggers there are and leaves a rule for those to come. A name
 * covers all names that begin with it, as text (`a.b` covers `a.bc`), which is
 * what Java's worker does and its users count on.
 */
#include "config.h"

#include "base/log_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <kaftan/log.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"

struct rule {
    char *name; /* owned */
    enum log_level level;
};

/* Rank 96; guards everything below. Static, so that a logger works before log_setup. */
static struct lock lock = { PTHREAD_MUTEX_INITIALIZER };
static struct log *loggers;
static struct rule *rules; /* never freed: they live as long as the loggers */
static size_t rule_count;
static enum log_level root_level = LOG_INFO;
static int64_t root_modified_ms;

/* Loggers that have no object in the program: plugins' and those a level was set for. Only grows, so it is read without the lock. */
struct named_logger {
    struct log log;
    struct named_logger *next;
    char name[];
};
static _Atomic(struct named_logger *) named_loggers;

static const char *const level_names[] = { "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF" };

static enum log_level level_for(const char *name)
{
    const struct rule *best = NULL;
    for (size_t i = 0; i < rule_count; i++) {
        if (text_starts(name, rules[i].name) && (!best || strlen(rules[i].name) > strlen(best->name)))
            best = &rules[i];
    }
    return best ? best->level : root_level;
}

/* With the lock. */
static int join(struct log *l)
{
    int level = atomic_load_explicit(&l->level, memory_order_relaxed);
    if (level >= 0)
        return level; /* another thread was faster */
    level = (int)level_for(l->name);
    l->next = loggers;
    loggers = l;
    atomic_store_explicit(&l->level, level, memory_order_relaxed);
    return level;
}

static int ask_level(struct log *l)
{
    lock_take(&lock);
    int level = join(l);
    lock_release(&lock);
    return level;
}

bool log_enabled(struct log *l, enum log_level level)
{
    int wanted = atomic_load_explicit(&l->level, memory_order_relaxed);
    if (wanted < 0)
        wanted = ask_level(l);
    return (int)level >= wanted && level < LOG_OFF;
}

static struct named_logger *named_logger_find(const char *name)
{
    struct named_logger *p = atomic_load_explicit(&named_loggers, memory_order_acquire);
    while (p && strcmp(p->log.name, name) != 0)
        p = p->next;
    return p;
}

/* With the lock. */
static struct log *named_logger_make(const char *name)
{
    struct named_logger *p = named_logger_find(name);
    if (p)
        return &p->log;
    size_t len = strlen(name);
    p = mem_zalloc(1, sizeof *p + len + 1);
    memcpy(p->name, name, len + 1);
    p->log.name = p->name;
    atomic_init(&p->log.level, -1);
    p->next = atomic_load_explicit(&named_loggers, memory_order_relaxed);
    atomic_store_explicit(&named_loggers, p, memory_order_release);
    return &p->log;
}

/* With the lock. */
static size_t levels_set(const char *prefix, enum log_level level, int64_t now)
{
    size_t changed = 0;
    for (struct log *l = loggers; l; l = l->next) {
        if (!text_starts(l->name, prefix) || atomic_load_explicit(&l->level, memory_order_relaxed) == (int)level)
            continue;
        atomic_store_explicit(&l->level, (int)level, memory_order_relaxed);
        l->modified_ms = now;
        changed++;
    }
    return changed;
}

void log_setup(enum log_level root, bool json)
{
    lock_take(&lock);
    root_level = root;
    for (struct log *l = loggers; l; l = l->next)
        atomic_store_explicit(&l->level, (int)level_for(l->name), memory_order_relaxed);
    lock_release(&lock);
    log_format_set(json);
}

bool log_level_parse(const char *name, enum log_level *ret)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (strcasecmp(name, level_names[i]) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    if (strcasecmp(name, "FATAL") == 0)
        *ret = LOG_ERROR;
    else if (strcasecmp(name, "ALL") == 0)
        *ret = LOG_TRACE;
    else
        return false;
    return true;
}

const char *log_level_name(enum log_level level)
{
    ASSERT((size_t)level < COUNT_OF(level_names));
    return level_names[level];
}

/* With the lock. Drops the rules that `name` covers and adds its own. */
static void rule_set(const char *name, enum log_level level)
{
    size_t kept = 0;
    for (size_t i = 0; i < rule_count; i++) {
        if (text_starts(rules[i].name, name))
            mem_free(rules[i].name);
        else
            rules[kept++] = rules[i];
    }
    rules = mem_realloc(rules, kept + 1, sizeof *rules);
    rules[kept] = (struct rule){ mem_strdup(name), level };
    rule_count = kept + 1;
}

/* With the lock. */
static bool known(const char *name)
{
    const struct log *l = loggers;
    while (l && strcmp(l->name, name) != 0)
        l = l->next;
    return l != NULL;
}

size_t log_set_level(const char *name, enum log_level level)
{
    size_t changed;
    int64_t now = clock_wall_ms();
    bool root = !name || strcasecmp(name, "root") == 0;
    lock_take(&lock);
    if (!root && !known(name))
        (void)join(named_logger_make(name));
    changed = levels_set(root ? "" : name, level, now);
    rule_set(root ? "" : name, level);
    if (root && root_level != level) {
        root_level = level;
        root_modified_ms = now;
        changed++;
    }
    lock_release(&lock);
    return changed;
}

struct shown {
    char *name; /* owned */
    enum log_level level;
    int64_t modified_ms;
};

static int shown_cmp(const void *a, const void *b)
{
    return strcmp(((const struct shown *)a)->name, ((const struct shown *)b)->name);
}

/* With the lock: every logger and the root, in name order. Two objects may share a name; they share the level, too. */
static struct shown *shown_take(size_t *ret_count)
{
    size_t n = 0, cap = 1, unique = 0;
    for (const struct log *l = loggers; l; l = l->next)
        cap++;
    struct shown *all = mem_zalloc(cap, sizeof *all);
    all[n++] = (struct shown){ mem_strdup("root"), root_level, root_modified_ms };
    for (const struct log *l = loggers; l; l = l->next) {
        int level = atomic_load_explicit(&l->level, memory_order_relaxed);
        all[n++] = (struct shown){ mem_strdup(l->name), (enum log_level)level, l->modified_ms };
    }
    qsort(all, n, sizeof *all, shown_cmp);
    for (size_t i = 0; i < n; i++) {
        if (unique > 0 && strcmp(all[unique - 1].name, all[i].name) == 0)
            mem_free(all[i].name);
        else
            all[unique++] = all[i];
    }
    *ret_count = unique;
    return all;
}

void log_each(void (*see)(void *self, const char *name, enum log_level level, int64_t modified_ms), void *self)
{
    size_t count;
    lock_take(&lock);
    struct shown *all = shown_take(&count);
    lock_release(&lock);
    for (size_t i = 0; i < count; i++) {
        see(self, all[i].name, all[i].level, all[i].modified_ms);
        mem_free(all[i].name);
    }
    mem_free(all);
}

static struct log *logger_of(const char *name)
{
    struct named_logger *found = named_logger_find(name);
    if (found)
        return &found->log;
    lock_take(&lock);
    struct log *l = named_logger_make(name);
    lock_release(&lock);
    return l;
}

bool kaftan_log_enabled(const char *logger, enum kaftan_log_level level)
{
    return log_enabled(logger_of(logger), (enum log_level)level);
}

void kaftan_log(const char *logger, enum kaftan_log_level level, const char *fmt, ...)
{
    struct log *l = logger_of(logger);
    if (!log_enabled(l, (enum log_level)level))
        return;
    struct buf text = BUF_INIT;
    va_list args;
    va_start(args, fmt);
    log_vformat(&text, fmt, args);
    va_end(args);
    log_write(l, (enum log_level)level, buf_text(&text), (const struct log_field[]){ { 0 } });
    buf_fini(&text);
}
