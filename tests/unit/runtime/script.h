/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_SCRIPT_H
#define RUNTIME_SCRIPT_H
/*
 * script: a source connector that does what the test says, a converter that
 * fails on demand, and a worker around them with fake Kafka and fake store.
 *
 * script_say gives messages "partition:key=value"; the next poll returns them
 * as records with the tokens 1, 2, 3 ... Values beginning with `bad` cannot be
 * converted, with `later` not at the first times. All functions: any thread.
 */
#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/source.h>

#include "base/map.h"
#include "runtime/worker.h"

#define SCRIPT_CLASS "test.ScriptSourceConnector"
#define SCRIPT_CONVERTER "test.ScriptConverter"

/* Waits for a state, generously. */
#define WAIT_FOR(cond)                                                          \
    do {                                                                        \
        int waited_ = 0;                                                        \
        while (!(cond) && waited_++ < 20000)                                    \
            (void)poll(NULL, 0, 1);                                             \
        if (!(cond))                                                            \
            script_failed(#cond);                                               \
    } while (0)

struct world {
    struct worker_config *config;
    struct registry *registry;
    struct metrics *metrics;
    struct worker *worker;
};

/* `more`: worker properties, key, value, ..., NULL. */
struct world *world_new(const char *const *more);
void world_free(struct world *w);
/* A connector config of the script class with name `c`; more: key, value, ..., NULL. */
struct text_map *script_config(const char *const *more);
/* Starts task 0 of `c`. */
void world_start_task(struct world *w, struct text_map *config, enum target_state target);

void script_reset(void);
void script_say(const char *message);
void script_say_dead(const char *message);  /* given to the dead letters instead */
void script_fail_open(const char *text);
void script_fail_poll(const char *text, int code); /* once */
void script_hang(bool hang);                /* poll does not return until false */
void script_flood(size_t per_poll, size_t total);
void script_start_fails(const char *text);  /* connector */
void script_make_configs(int32_t count);    /* task_configs; -1: NULL hook behaviour (one) */
void script_reconfigure(void);              /* the connector asks for it */
void script_flush_request(void);            /* at the next poll or service */
void script_touch(void);                    /* touches partition "p" at the next poll or service */
void script_say_idle(bool idle);                /* poll says that there is nothing to do for a minute */
void script_busy_after_stop(bool busy);     /* idle() says false */
void script_own(bool own);                  /* owned_until */

/* "1S 2S 3F": tokens and outcomes (S stored, K skipped, F failed) as delivered. */
const char *script_delivered(void);
/* What the plugin's functions were called: "open pause:1 stop:6 close". */
const char *script_calls(void);
size_t script_services(void);
size_t script_polls(void);
uint64_t script_delivered_count(void);
bool script_may_acknowledge(void); /* what the task was told when it asked at its last delivery */
/* Events so far, one a line, e.g. "task_stopped c 0". */
const char *script_events(void);
/* Says what did not come and all that is known, and ends the program. */
_Noreturn void script_failed(const char *what);

#endif
