/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fake_worker.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/thread.h"
#include "journal.h"

struct item {
    char *connector;
    int32_t task;
    struct text_map *config;
    enum target_state target;
    bool stopping;
};

struct worker {
    struct worker_events events;
    struct store *store;
    struct map *items;
    char *id;
    int32_t generation;
};

static struct worker *the_worker;
static struct lock lock = { PTHREAD_MUTEX_INITIALIZER };
static int32_t task_count = 1;
static const char *configs_error, *start_error;
static bool hold;

void fake_worker_tasks(int32_t count)
{
    task_count = count;
}

void fake_worker_tasks_fail(const char *text)
{
    configs_error = text;
}

void fake_worker_start_fails(const char *text)
{
    start_error = text;
}

static const char *reason_name(enum kaftan_stop_reason r)
{
    static const char *const names[] = { "RESTART", "MOVE", "PAUSE", "STOPPED", "CONFIG", "DELETE", "SHUTDOWN", "FAILED" };
    return names[r];
}

static void item_free(void *arg)
{
    struct item *i = arg;
    text_map_unref(i->config);
    mem_free(i->connector);
    mem_free(i);
}

struct worker *worker_new(const struct worker_config *c, const struct registry *r, struct store *s, struct metrics *m,
                          const struct worker_events *e)
{
    struct worker *w = mem_zalloc(1, sizeof *w);
    (void)c, (void)r, (void)m;
    w->events = *e;
    w->store = s;
    w->items = map_new(item_free);
    w->id = mem_strdup("");
    the_worker = w;
    return w;
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    map_free(w->items);
    mem_free(w->id);
    mem_free(w);
    the_worker = NULL;
}

void worker_set_id(struct worker *w, const char *worker_id)
{
    mem_free(w->id);
    w->id = mem_strdup(worker_id);
}

void worker_set_generation(struct worker *w, int32_t generation)
{
    w->generation = generation;
}

static void name_of(const char *connector, int32_t task, char ret[300])
{
    if (task < 0)
        (void)snprintf(ret, 300, "%s", connector);
    else
        (void)snprintf(ret, 300, "%s-%d", connector, task);
}

static void status(struct worker *w, const char *connector, int32_t task, enum work_state state)
{
    store_put_status(w->store, connector, task, state, state == STATE_FAILED ? "it failed" : NULL, w->id, "1.0", w->generation);
}

static struct item *item_put(struct worker *w, const char *connector, int32_t task, struct text_map *config, enum target_state target)
{
    struct item *i = mem_zalloc(1, sizeof *i);
    char name[300];
    name_of(connector, task, name);
    i->connector = mem_strdup(connector);
    i->task = task;
    i->config = text_map_ref(config);
    i->target = target;
    ASSERT(!map_has(w->items, name)); /* two of the same would both be at work */
    map_put(w->items, name, i);
    return i;
}

static enum work_state state_of(enum target_state target)
{
    return target == TARGET_STARTED ? STATE_RUNNING : target == TARGET_PAUSED ? STATE_PAUSED : STATE_STOPPED;
}

void worker_start_connector(struct worker *w, const char *connector, struct text_map *config, enum target_state target)
{
    const char *error = start_error;
    start_error = NULL;
    lock_take(&lock);
    item_put(w, connector, -1, config, target);
    lock_release(&lock);
    status(w, connector, -1, error ? STATE_FAILED : state_of(target));
    journal_put("start %s", connector);
    w->events.connector_started(w->events.self, connector, target, error ? kaftan_error_new(KAFTAN_E_INVALID, "%s", error) : NULL);
}

void worker_start_task(struct worker *w, const char *connector, int32_t task, struct text_map *connector_config,
                       struct text_map *task_config, enum target_state target)
{
    (void)connector_config;
    lock_take(&lock);
    item_put(w, connector, task, task_config, target);
    lock_release(&lock);
    status(w, connector, task, state_of(target));
    journal_put("start %s-%d", connector, task);
}

static void ended(struct worker *w, const char *name)
{
    struct item *i;
    lock_take(&lock);
    i = map_take(w->items, name);
    lock_release(&lock);
    status(w, i->connector, i->task, STATE_UNASSIGNED);
    if (i->task < 0)
        w->events.connector_stopped(w->events.self, i->connector);
    else
        w->events.task_stopped(w->events.self, i->connector, i->task);
    item_free(i);
}

static void stop(struct worker *w, const char *connector, int32_t task, enum kaftan_stop_reason reason)
{
    char name[300];
    bool wait;
    name_of(connector, task, name);
    lock_take(&lock);
    struct item *i = map_get(w->items, name);
    ASSERT(i && !i->stopping);
    i->stopping = true;
    wait = hold;
    lock_release(&lock);
    journal_put("stop %s %s", name, reason_name(reason));
    if (!wait)
        ended(w, name);
}

void worker_stop_connector(struct worker *w, const char *connector, enum kaftan_stop_reason reason)
{
    stop(w, connector, -1, reason);
}

void worker_stop_task(struct worker *w, const char *connector, int32_t task, enum kaftan_stop_reason reason)
{
    stop(w, connector, task, reason);
}

void fake_worker_hold_stops(bool yes)
{
    lock_take(&lock);
    hold = yes;
    lock_release(&lock);
}

void fake_worker_release(void)
{
    char *names[64];
    size_t count = 0;
    const char *name;
    void *value;
    lock_take(&lock);
    hold = false;
    for (size_t i = 0; map_at(the_worker->items, &i, &name, &value);)
        if (((struct item *)value)->stopping && count < COUNT_OF(names))
            names[count++] = mem_strdup(name);
    lock_release(&lock);
    for (size_t i = 0; i < count; i++) {
        ended(the_worker, names[i]);
        mem_free(names[i]);
    }
}

void worker_target_state(struct worker *w, const char *connector, enum target_state target)
{
    const char *name;
    void *value;
    bool here = false;
    lock_take(&lock);
    for (size_t i = 0; map_at(w->items, &i, &name, &value);) {
        struct item *it = value;
        if (strcmp(it->connector, connector) != 0 || (it->task >= 0 && target == TARGET_STOPPED))
            continue;
        it->target = target;
        status(w, connector, it->task, state_of(target));
        here = here || it->task < 0;
    }
    lock_release(&lock);
    journal_put("state %s %s", connector, target_state_name(target));
    if (here)
        w->events.connector_started(w->events.self, connector, target, NULL);
}

void worker_task_configs(struct worker *w, const char *connector, int32_t max_tasks)
{
    const char *error = configs_error;
    int32_t count = task_count < max_tasks ? task_count : max_tasks;
    struct text_map **list = mem_zalloc((size_t)count, sizeof(struct text_map *));
    configs_error = NULL;
    lock_take(&lock);
    const struct item *it = map_get(w->items, connector);
    for (int32_t i = 0; it && i < count; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, "%d", i);
        list[i] = text_map_copy(it->config);
        text_map_put(list[i], "task.class", "Task");
        text_map_put(list[i], "n", number);
    }
    lock_release(&lock);
    journal_put("configs %s", connector);
    if (error || !it) {
        for (int32_t i = 0; it && i < count; i++)
            text_map_unref(list[i]);
        mem_free(list);
        w->events.task_configs(w->events.self, connector, NULL, 0, kaftan_error_new(KAFTAN_E_INTERNAL, "%s", error ? error : "gone"));
        return;
    }
    w->events.task_configs(w->events.self, connector, list, count, NULL);
}

void fake_worker_reconfigure(const char *connector)
{
    the_worker->events.reconfigure(the_worker->events.self, connector);
}

static bool has(const struct worker *w, const char *connector, int32_t task)
{
    char name[300];
    name_of(connector, task, name);
    lock_take(&lock);
    bool yes = map_has(w->items, name);
    lock_release(&lock);
    return yes;
}

bool worker_has_connector(const struct worker *w, const char *connector)
{
    return has(w, connector, -1);
}

bool worker_has_task(const struct worker *w, const char *connector, int32_t task)
{
    return has(w, connector, task);
}

void worker_status_restarting(struct worker *w, const char *connector, int32_t task)
{
    char name[300];
    name_of(connector, task, name);
    status(w, connector, task, STATE_RESTARTING);
    journal_put("restarting %s", name);
}
