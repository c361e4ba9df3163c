/* SPDX-License-Identifier: Apache-2.0 */
/* Threads log, levels and the catcher change, plugins' loggers are made: no line is torn, no logger is made twice. */
#include "config.h"

#include <kaftan/log.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"

enum { WRITERS = 4, EACH = 2000, NAMES = 8 };

static struct log logger = LOG("race.log");
static atomic_uint lines;

static void see(void *self, enum log_level level, const char *line)
{
    (void)self;
    (void)level;
    ASSERT(strstr(line, "race.log: ") || strstr(line, "plugin."));
    ASSERT(!strchr(line, '\n'));
    (void)atomic_fetch_add(&lines, 1);
}

static void writer(void *arg)
{
    char name[32];
    log_context(arg, 3);
    for (int i = 0; i < EACH; i++) {
        (void)snprintf(name, sizeof name, "plugin.race%d", i % NAMES);
        kaftan_log(name, KAFTAN_LOG_WARN, "number %d", i % 50);
        log_warn(&logger, "fixed sentence", LOG_INT("i", i), LOG_STR("who", arg));
        log_debug(&logger, "sometimes");
    }
}

static void changer(void *arg)
{
    (void)arg;
    for (int i = 0; i < EACH / 10; i++) {
        (void)log_set_level("race.log", i % 2 ? LOG_DEBUG : LOG_WARN);
        (void)log_set_level(i % 3 ? "root" : "plugin.race1", i % 2 ? LOG_INFO : LOG_TRACE);
        log_catch(see, NULL);
    }
}

struct count {
    int plugins;
};

static void count_plugins(void *self, const char *name, enum log_level level, int64_t modified_ms)
{
    struct count *c = self;
    (void)level;
    (void)modified_ms;
    c->plugins += strncmp(name, "plugin.race", 11) == 0;
}

int main(void)
{
    static char names[WRITERS][16];
    struct thread *threads[WRITERS + 1];
    struct count c = { 0 };
    log_catch(see, NULL);
    for (int i = 0; i < WRITERS; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%d", i);
        threads[i] = thread_start(THREAD_ANY, "writer", writer, names[i]);
    }
    threads[WRITERS] = thread_start(THREAD_ANY, "changer", changer, NULL);
    for (int i = 0; i <= WRITERS; i++)
        thread_join(threads[i]);
    log_each(count_plugins, &c);
    ASSERT(c.plugins == NAMES);
    ASSERT(lines > 0);
    printf("log: %u lines\n", lines);
    return EXIT_SUCCESS;
}
