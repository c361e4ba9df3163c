/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levels. A logger learns its level when it is first asked and joins the list
 * of all loggers; from then on asking is one relaxed load. Setting a level
 * writes a rule (name, level, time); the rule of the longest name that covers
 * a logger holds, and a later rule replaces those below it, because setting
 * `a` means all of `a`. Rules for names that no logger has yet are kept.
 */
#include "config.h"

#include "base/log_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <kaftan/log.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/thread.h"

struct rule {
    char *name; /* owned */
    enum log_level level;
    int64_t modified_ms; /* 0: since the start */
};

/* Rank 96; guards everything below. Static, so that a logger works before log_setup. */
static struct lock lock = { PTHREAD_MUTEX_INITIALIZER };
static struct log *loggers;
static struct rule *rules; /* never freed: they live as long as the loggers */
static size_t rule_count;
static enum log_level root_level = LOG_INFO;
static int64_t root_modified_ms;

/* Loggers of plugins, made on first use; only grows, so it is read without the lock. */
struct plugin_logger {
    struct log log;
    struct plugin_logger *next;
    char name[];
};
static _Atomic(struct plugin_logger *) plugin_loggers;

static const char *const level_names[] = { "TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF" };

/* `a` covers `a` and `a.b`, not `ab`. */
static bool covers(const char *rule, const char *name)
{
    size_t n = strlen(rule);
    return strncmp(rule, name, n) == 0 && (name[n] == '\0' || name[n] == '.');
}

static const struct rule *rule_for(const char *name)
{
    const struct rule *best = NULL;
    for (size_t i = 0; i < rule_count; i++) {
        if (covers(rules[i].name, name) && (!best || strlen(rules[i].name) > strlen(best->name)))
            best = &rules[i];
    }
    return best;
}

static enum log_level level_for(const char *name)
{
    const struct rule *r = rule_for(name);
    return r ? r->level : root_level;
}

static int ask_level(struct log *l)
{
    lock_take(&lock);
    int level = atomic_load_explicit(&l->level, memory_order_relaxed);
    if (level < 0) {
        level = (int)level_for(l->name);
        l->next = loggers;
        loggers = l;
        atomic_store_explicit(&l->level, level, memory_order_relaxed);
    }
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

static void levels_refresh(void)
{
    for (struct log *l = loggers; l; l = l->next)
        atomic_store_explicit(&l->level, (int)level_for(l->name), memory_order_relaxed);
}

void log_setup(enum log_level root, bool json)
{
    lock_take(&lock);
    root_level = root;
    levels_refresh();
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
static void rule_set(const char *name, enum log_level level, int64_t now)
{
    size_t kept = 0;
    for (size_t i = 0; i < rule_count; i++) {
        if (covers(name, rules[i].name))
            mem_free(rules[i].name);
        else
            rules[kept++] = rules[i];
    }
    rules = mem_realloc(rules, kept + 1, sizeof *rules);
    rules[kept] = (struct rule){ mem_strdup(name), level, now };
    rule_count = kept + 1;
}

size_t log_set_level(const char *name, enum log_level level)
{
    size_t changed = 0;
    int64_t now = clock_wall_ms();
    bool root = !name || strcasecmp(name, "root") == 0;
    lock_take(&lock);
    if (root) {
        root_level = level;
        root_modified_ms = now;
        changed = 1;
    } else {
        rule_set(name, level, now);
        bool known = false;
        for (const struct log *l = loggers; l; l = l->next) {
            changed += covers(name, l->name);
            known = known || strcmp(name, l->name) == 0;
        }
        changed += !known; /* the name itself is a logger from now on */
    }
    levels_refresh();
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

/* With the lock: every logger, every rule's name and the root, once each, in name order. */
static struct shown *shown_take(size_t *ret_count)
{
    size_t n = 0, cap = rule_count + 1, unique = 0;
    for (const struct log *l = loggers; l; l = l->next)
        cap++;
    struct shown *all = mem_zalloc(cap, sizeof *all);
    all[n++] = (struct shown){ mem_strdup("root"), root_level, root_modified_ms };
    for (size_t i = 0; i < rule_count; i++)
        all[n++] = (struct shown){ mem_strdup(rules[i].name), rules[i].level, rules[i].modified_ms };
    for (const struct log *l = loggers; l; l = l->next) {
        const struct rule *r = rule_for(l->name);
        all[n++] = (struct shown){ mem_strdup(l->name), r ? r->level : root_level, r ? r->modified_ms : 0 };
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

static struct log *plugin_logger_find(const char *name)
{
    struct plugin_logger *p = atomic_load_explicit(&plugin_loggers, memory_order_acquire);
    while (p && strcmp(p->log.name, name) != 0)
        p = p->next;
    return p ? &p->log : NULL;
}

static struct log *plugin_logger_get(const char *name)
{
    struct log *found = plugin_logger_find(name);
    if (found)
        return found;
    lock_take(&lock);
    found = plugin_logger_find(name); /* another thread was faster */
    if (!found) {
        size_t len = strlen(name);
        struct plugin_logger *p = mem_zalloc(1, sizeof *p + len + 1);
        memcpy(p->name, name, len + 1);
        p->log.name = p->name;
        atomic_init(&p->log.level, -1);
        p->next = atomic_load_explicit(&plugin_loggers, memory_order_relaxed);
        atomic_store_explicit(&plugin_loggers, p, memory_order_release);
        found = &p->log;
    }
    lock_release(&lock);
    return found;
}

bool kaftan_log_enabled(const char *logger, enum kaftan_log_level level)
{
    return log_enabled(plugin_logger_get(logger), (enum log_level)level);
}

void kaftan_log(const char *logger, enum kaftan_log_level level, const char *fmt, ...)
{
    struct log *l = plugin_logger_get(logger);
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
