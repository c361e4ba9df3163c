/* SPDX-License-Identifier: Apache-2.0 */
/*
 * News from the threads of group, store, connectors and tasks. The functions
 * here run on those threads: they copy what they were told into a message and
 * return. Their order is kept, and the herder relies on it: what a config
 * record means depends on which connectors were known before it.
 */
#include "config.h"

#include "herder/herder_int.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>

static struct log logger = LOG("herder.events");

struct news {
    struct message base;
    void (*tell)(struct herder *h, struct news *n);
    char *connector; /* owned */
    int32_t task;
    bool removed, only_failed, include_tasks;
    enum target_state target;
    struct kaftan_error *err;    /* owned */
    struct text_map **configs;   /* owned with references */
    int32_t count;
    struct session_key key;      /* owned texts */
    struct member_assignment *a; /* owned */
    char *level;                 /* owned */
};

static void news_drop(struct message *msg)
{
    struct news *n = CONTAINER_OF(msg, struct news, base);
    for (int32_t i = 0; n->configs && i < n->count; i++)
        text_map_unref(n->configs[i]);
    mem_free(n->configs);
    kaftan_error_free(n->err);
    mem_free((char *)(uintptr_t)n->key.key.ptr);
    mem_free((char *)(uintptr_t)n->key.algorithm);
    if (n->a)
        member_assignment_free(n->a);
    mem_free(n->connector);
    mem_free(n->level);
    mem_free(n);
}

static void news_handle(struct message *msg, void *owner)
{
    struct news *n = CONTAINER_OF(msg, struct news, base);
    struct herder *h = OBJ_FROM(struct herder, HERDER_MAGIC, owner);
    ON_THREAD(THREAD_HERDER);
    n->tell(h, n);
    news_drop(msg);
}

static struct news *news_new(void (*tell)(struct herder *h, struct news *n), const char *connector)
{
    struct news *n = mem_zalloc(1, sizeof *n);
    n->base.handle = news_handle;
    n->base.drop = news_drop;
    n->tell = tell;
    n->connector = connector ? mem_strdup(connector) : NULL;
    n->task = -1;
    return n;
}

static void news_send(void *self, struct news *n)
{
    struct herder *h = OBJ_FROM(struct herder, HERDER_MAGIC, self);
    if (!mailbox_send_always(h->box, &n->base))
        news_drop(&n->base);
}

/* ---- store: what was read from the config topic (group-protocol.md 12) ---- */

static void tell_connector_config(struct herder *h, struct news *n)
{
    bool known = map_has(h->known, n->connector);
    if (!h->distributed)
        return;
    if (n->removed == known)
        h->needs_rebalance = true;
    else
        map_put(h->new_configs, n->connector, NULL);
    if (n->removed)
        map_remove(h->known, n->connector);
    else
        map_put(h->known, n->connector, NULL);
}

static void on_connector_config(void *self, const char *connector, bool removed)
{
    struct news *n = news_new(tell_connector_config, connector);
    n->removed = removed;
    news_send(self, n);
}

static void tell_task_configs(struct herder *h, struct news *n)
{
    if (!h->distributed)
        return;
    h->needs_rebalance = true;
    map_put(h->new_tasks, n->connector, NULL);
}

static void on_task_configs(void *self, const char *connector)
{
    news_send(self, news_new(tell_task_configs, connector));
}

static void tell_target_state(struct herder *h, struct news *n)
{
    if (h->distributed)
        map_put(h->new_targets, n->connector, NULL);
}

static void on_target_state(void *self, const char *connector)
{
    news_send(self, news_new(tell_target_state, connector));
}

static void tell_session_key(struct herder *h, struct news *n)
{
    herder_key_set(h, &n->key, false);
}

static void on_session_key(void *self, const struct session_key *key)
{
    struct news *n = news_new(tell_session_key, NULL);
    n->key.key = (struct kaftan_slice){ mem_memdup(key->key.ptr, key->key.len), key->key.len };
    n->key.algorithm = mem_strdup(key->algorithm);
    n->key.created_ms = key->created_ms;
    news_send(self, n);
}

static void tell_restart(struct herder *h, struct news *n)
{
    if (h->distributed)
        herder_restart_asked(h, n->connector, n->only_failed, n->include_tasks);
}

static void on_restart(void *self, const struct restart_asked *r)
{
    struct news *n = news_new(tell_restart, r->connector);
    n->only_failed = r->only_failed;
    n->include_tasks = r->include_tasks;
    news_send(self, n);
}

static void tell_logger_level(struct herder *h, struct news *n)
{
    enum log_level level;
    (void)h;
    if (log_level_parse(n->level, &level))
        (void)log_set_level(n->connector, level);
    else
        log_warn(&logger, "a log level of the cluster is unknown", LOG_STR("logger", n->connector), LOG_STR("level", n->level));
}

static void on_logger_level(void *self, const char *name, const char *level)
{
    struct news *n = news_new(tell_logger_level, name);
    n->level = mem_strdup(level);
    news_send(self, n);
}

const struct store_listener herder_store_listener = {
    .connector_config = on_connector_config,
    .task_configs = on_task_configs,
    .target_state = on_target_state,
    .session_key = on_session_key,
    .restart = on_restart,
    .logger_level = on_logger_level,
};

/* ---- worker ---- */

static void tell_connector_started(struct herder *h, struct news *n)
{
    struct kaftan_error *err = n->err;
    n->err = NULL;
    herder_work_started(h, n->connector, n->target, err);
}

static void on_connector_started(void *self, const char *connector, enum target_state reached, struct kaftan_error *err)
{
    struct news *n = news_new(tell_connector_started, connector);
    n->target = reached;
    n->err = err;
    news_send(self, n);
}

static void tell_stopped(struct herder *h, struct news *n)
{
    herder_work_stopped(h, n->connector, n->task);
}

static void on_connector_stopped(void *self, const char *connector)
{
    news_send(self, news_new(tell_stopped, connector));
}

static void on_task_stopped(void *self, const char *connector, int32_t task)
{
    struct news *n = news_new(tell_stopped, connector);
    n->task = task;
    news_send(self, n);
}

static void tell_got(struct herder *h, struct news *n)
{
    struct text_map **configs = n->configs;
    struct kaftan_error *err = n->err;
    n->configs = NULL;
    n->err = NULL;
    herder_reconf_got(h, n->connector, configs, n->count, err);
}

static void on_task_configs_made(void *self, const char *connector, struct text_map **configs, int32_t count, struct kaftan_error *err)
{
    struct news *n = news_new(tell_got, connector);
    n->configs = configs;
    n->count = configs ? count : 0;
    n->err = err;
    news_send(self, n);
}

static void tell_reconfigure(struct herder *h, struct news *n)
{
    if (h->phase == PHASE_RUN)
        herder_reconfigure(h, n->connector, NULL);
}

static void on_reconfigure(void *self, const char *connector)
{
    news_send(self, news_new(tell_reconfigure, connector));
}

static int64_t owned_until(void *self)
{
    const struct herder *h = OBJ_FROM(struct herder, HERDER_MAGIC, self);
    if (atomic_load(&h->gone))
        return 0;
    return h->member ? member_owned_until(h->member) : INT64_MAX;
}

const struct worker_events herder_worker_events = {
    .connector_started = on_connector_started,
    .connector_stopped = on_connector_stopped,
    .task_stopped = on_task_stopped,
    .task_configs = on_task_configs_made,
    .reconfigure = on_reconfigure,
    .owned_until = owned_until,
};

/* ---- member ---- */

static struct group_view *on_view(void *self)
{
    return herder_group_view(OBJ_FROM(struct herder, HERDER_MAGIC, self));
}

static void on_view_free(void *self, struct group_view *v)
{
    (void)self;
    herder_group_view_free(v);
}

static void tell_assigned(struct herder *h, struct news *n)
{
    struct member_assignment *a = n->a;
    if (h->phase != PHASE_RUN)
        return;
    n->a = NULL;
    herder_assigned(h, a);
}

static void on_assigned(void *self, struct member_assignment *a)
{
    struct news *n = news_new(tell_assigned, NULL);
    n->a = a;
    news_send(self, n);
}

static void tell_lost(struct herder *h, struct news *n)
{
    (void)n;
    if (h->phase == PHASE_RUN)
        herder_lost(h);
    else
        member_revoked(h->member);
}

static void on_lost(void *self)
{
    news_send(self, news_new(tell_lost, NULL));
}

static void tell_fatal(struct herder *h, struct news *n)
{
    log_error(&logger, "the worker group cannot be joined", LOG_ERR(n->err));
    herder_end(h, 1);
}

static void on_fatal(void *self, struct kaftan_error *err)
{
    struct news *n = news_new(tell_fatal, NULL);
    n->err = err;
    news_send(self, n);
}

const struct member_events herder_member_events = {
    .view = on_view,
    .view_free = on_view_free,
    .assigned = on_assigned,
    .lost = on_lost,
    .fatal = on_fatal,
};
