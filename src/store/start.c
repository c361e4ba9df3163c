/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/store_int.h"

#include <ctype.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/admin.h"
#include "kafka/conf.h"
#include "store/offset_file.h"

/*
 * Start-up: wait for Kafka, make the three topics or check them, open them,
 * read them to their ends. Nothing else is served meanwhile, so this part may
 * wait; but never for long without a look at `stopping`.
 */

static struct log logger = LOG("store.start");

/* A broker that does not take the login is not asked for as long as one that does not answer (Java ends at once). */
enum { REFUSED_MS = 3000 };
enum { SLICE_MS = 500, TROUBLE_MS = 5000, REQUEST_MS = 30000, LOOKUP_MS = 30000, READ_MS = 15 * 60 * 1000 };

struct topic_plan {
    const char *name, *key, *prefix, *purpose, *client;
    int32_t partitions;
    int16_t replication;
};

static struct kaftan_error *stopped(void)
{
    return kaftan_error_new(KAFTAN_E_UNAVAILABLE, "stopped during start-up");
}

static bool stopping(const struct store *s)
{
    return atomic_load(&s->stopping);
}

/* False: the worker stops. */
static bool pause_ms(const struct store *s, int64_t ms)
{
    for (int64_t end = clock_mono_ms() + ms, left; !stopping(s) && (left = end - clock_mono_ms()) > 0;)
        poll(NULL, 0, (int)(left > 100 ? 100 : left));
    return !stopping(s);
}

static struct text_map *client_props(const struct store *s, const char *suffix)
{
    const char *client = s->values->client_id, *group = s->values->group_id;
    char *id = client && *client ? mem_printf("%s-%s-%s", group ? group : "", client, suffix)
                                 : mem_printf("%s-%s", group ? group : "", suffix);
    struct text_map *m = kafka_worker_props(worker_config_props(s->config), group ? id : client ? client : "");
    mem_free(id);
    return m;
}

/* ---- Kafka answers ---- */

static void say_waiting(const struct store *s, struct admin *a, const struct kaftan_error *err)
{
    const char *servers = text_map_get(worker_config_props(s->config), "bootstrap.servers");
    const char *trouble = admin_trouble(a);
    log_warn(&logger, "Kafka does not answer, trying again", LOG_STR("brokers", servers ? servers : "localhost:9092"),
             LOG_STR("error", *trouble ? trouble : kaftan_error_message(err)));
}

static struct kaftan_error *no_cluster(struct admin *a)
{
    static const char what[] = "Failed to connect to and describe Kafka cluster. Check worker's broker connection and security properties.";
    const char *trouble = admin_trouble(a);
    return *trouble ? kaftan_error_wrap(kaftan_error_new(KAFTAN_E_TIMEOUT, "%s", trouble), what) : kaftan_error_new(KAFTAN_E_TIMEOUT, what);
}

static struct kaftan_error *find_cluster(struct store *s, struct admin *a)
{
    int64_t began = clock_mono_ms(), said = began;
    int64_t refused_ms = s->values->api_timeout_ms < REFUSED_MS ? s->values->api_timeout_ms : REFUSED_MS;
    char *id = NULL;
    for (;;) {
        struct kaftan_error *err = admin_cluster_id(a, SLICE_MS, &id);
        if (!err)
            break;
        int64_t now = clock_mono_ms();
        if (now - said >= TROUBLE_MS) {
            say_waiting(s, a, err);
            said = now;
        }
        kaftan_error_free(err);
        if (stopping(s))
            return stopped();
        if (now - began >= (admin_refused(a) ? refused_ms : s->values->api_timeout_ms))
            return no_cluster(a);
        pause_ms(s, 100);
    }
    log_info(&logger, "Kafka answers", LOG_STR("cluster", id));
    atomic_store(&s->cluster_id, id);
    return NULL;
}

/* ---- topics ---- */

static struct text_map *topic_settings(const struct store *s, const struct topic_plan *t)
{
    static const char *const not_settings[] = { "topic", "partitions", "replication.factor", "file.filename" };
    const char *key, *value;
    struct text_map *m = text_map_new();
    for (size_t i = 0; text_map_at(worker_config_props(s->config), &i, &key, &value);) {
        if (!text_starts(key, t->prefix) || !value)
            continue;
        const char *name = key + strlen(t->prefix);
        bool skip = strcmp(name, "cleanup.policy") == 0;
        if (skip || (t->partitions == 1 && strcmp(name, "partitions") == 0 && strcmp(t->prefix, "config.storage.") == 0))
            log_warn(&logger, "setting of an internal topic cannot be chosen, ignored", LOG_STR("key", key));
        for (size_t k = 0; k < COUNT_OF(not_settings); k++)
            skip = skip || strcmp(name, not_settings[k]) == 0;
        if (!skip)
            text_map_put(m, name, value);
    }
    text_map_put(m, "cleanup.policy", "compact");
    return m;
}

/* One request; its result or the end of the worker. */
static struct kaftan_error *create_once(struct store *s, struct admin *a, const struct admin_new_topic *t, int timeout_ms,
                                        enum admin_topic *ret)
{
    struct kaftan_error *err = NULL;
    struct admin_request *r = admin_create_start(a, t, timeout_ms);
    while (!admin_result(r, ret, &err)) {
        struct pollfd fd = { .fd = admin_fd(a), .events = POLLIN };
        poll(&fd, 1, SLICE_MS);
        if (stopping(s)) {
            admin_cancel(r);
            return stopped();
        }
    }
    return err;
}

static bool may_come_right(const struct kaftan_error *err)
{
    enum kaftan_code c = kaftan_error_code(err);
    return c == KAFTAN_E_RETRIABLE || c == KAFTAN_E_TIMEOUT || c == KAFTAN_E_CONFLICT;
}

static struct kaftan_error *create(struct store *s, struct admin *a, const struct topic_plan *plan, enum admin_topic *ret)
{
    int64_t deadline = clock_mono_ms() + s->values->api_timeout_ms;
    struct text_map *settings = topic_settings(s, plan);
    struct admin_new_topic t = { plan->name, plan->partitions, plan->replication, settings };
    struct kaftan_error *err;
    for (;;) {
        int64_t left = deadline - clock_mono_ms();
        err = create_once(s, a, &t, (int)(left < 1 ? 1 : left > REQUEST_MS ? REQUEST_MS : left), ret);
        if (!err || !may_come_right(err) || clock_mono_ms() >= deadline)
            break;
        log_info(&logger, "internal topic not made yet, trying again", LOG_STR("topic", plan->name), LOG_ERR(err));
        kaftan_error_free(err);
        if (!pause_ms(s, s->values->retry_backoff_ms > 0 ? s->values->retry_backoff_ms : 100)) {
            err = stopped();
            break;
        }
    }
    text_map_unref(settings);
    if (err && kaftan_error_code(err) == KAFTAN_E_CONFLICT) {
        struct kaftan_error *wrong = kaftan_error_new(KAFTAN_E_INVALID, "%s", kaftan_error_message(err));
        kaftan_error_free(err);
        return wrong;
    }
    return err;
}

/* Exactly {compact}, however it is spelled. */
static bool is_compact(const char *policy)
{
    bool found = false;
    struct kaftan_slice rest = slice_of(policy);
    while (rest.len) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
        struct kaftan_slice word = slice_trim((struct kaftan_slice){ rest.ptr, len });
        if (word.len != 7 || strncasecmp(word.ptr, "compact", 7) != 0)
            return false;
        found = true;
        len += comma ? 1 : 0;
        rest = (struct kaftan_slice){ rest.ptr + len, rest.len - len };
    }
    return found;
}

static struct kaftan_error *check_policy(struct admin *a, const struct topic_plan *t)
{
    char *policy = NULL;
    struct kaftan_error *err = admin_topic_setting(a, t->name, "cleanup.policy", REQUEST_MS, &policy);
    if (err || !policy) {
        log_info(&logger, "cleanup.policy of the internal topic cannot be read, going on", LOG_STR("topic", t->name),
                 LOG_STR("error", err ? kaftan_error_message(err) : "no permission"));
        kaftan_error_free(err);
        return NULL;
    }
    if (!is_compact(policy))
        err = kaftan_error_new(
            KAFTAN_E_INVALID, "Topic '%s' supplied via the '%s' property is required to have 'cleanup.policy=compact' to "
            "guarantee consistency and durability of %s, but found the topic currently has 'cleanup.policy=%s'. Continuing "
            "would likely result in eventually losing %s and problems restarting this Connect cluster in the future. Change "
            "the '%s' property in the Connect worker configurations to use a topic with 'cleanup.policy=compact'.",
            t->name, t->key, t->purpose, policy, t->purpose, t->key);
    mem_free(policy);
    return err;
}

/* A topic that was just made may take a moment to be known everywhere. `denied`: this worker may not make it. */
static struct kaftan_error *look_up(struct store *s, struct admin *a, const struct topic_plan *t, bool denied, int32_t *ret)
{
    int64_t deadline = clock_mono_ms() + LOOKUP_MS;
    for (;;) {
        struct kaftan_error *err = admin_partition_count(a, t->name, SLICE_MS, ret);
        if (!err)
            return NULL;
        if (denied && kaftan_error_code(err) == KAFTAN_E_NOT_FOUND) {
            kaftan_error_free(err);
            return kaftan_error_new(KAFTAN_E_KAFKA, "topic '%s' does not exist and cannot be made: the worker's user needs the operation "
                                    "Create on the resource Topic %s", t->name, t->name);
        }
        if (kaftan_error_code(err) == KAFTAN_E_KAFKA || clock_mono_ms() >= deadline)
            return err;
        kaftan_error_free(err);
        if (!pause_ms(s, 100))
            return stopped();
    }
}

static struct kaftan_error *prepare_topic(struct store *s, struct admin *a, const struct topic_plan *t)
{
    enum admin_topic state = ADMIN_TOPIC_EXISTS;
    int32_t partitions = 0;
    struct kaftan_error *err = create(s, a, t, &state);
    if (!err && state == ADMIN_TOPIC_CREATED)
        log_info(&logger, "internal topic made", LOG_STR("topic", t->name));
    else if (!err)
        err = check_policy(a, t);
    if (!err)
        err = look_up(s, a, t, state == ADMIN_TOPIC_DENIED, &partitions);
    if (!err && partitions != 1 && strcmp(t->prefix, "config.storage.") == 0)
        err = kaftan_error_new(KAFTAN_E_INVALID, "Topic '%s' supplied via the 'config.storage.topic' property is required to "
                               "have a single partition in order to guarantee consistency of connector configurations, but "
                               "found %d partitions.", t->name, (int)partitions);
    return err;
}

/* ---- logs ---- */

static struct kaftan_error *open_log(struct store *s, struct topic_log *log, const struct topic_plan *t, bool committed)
{
    struct text_map *props = client_props(s, t->client), *extra = text_map_new();
    bool status = log == &s->statuses;
    text_map_put(extra, "acks", "all");
    text_map_put(extra, "enable.idempotence", "false");
    text_map_put(extra, "max.in.flight.requests.per.connection", "1");
    text_map_put(extra, "delivery.timeout.ms", status ? "120000" : "2147483647");
    text_map_put(extra, "retries", status ? "0" : "2147483647");
    text_map_put(extra, "linger.ms", "0"); /* someone waits for each of these records */
    struct kaftan_error *err = topic_log_open(log, props, extra, committed);
    text_map_unref(extra);
    text_map_unref(props);
    return err;
}

static struct kaftan_error *read_all(struct store *s)
{
    struct topic_log *logs[] = { &s->offsets, &s->statuses, &s->configs };
    uint64_t tickets[COUNT_OF(logs)];
    int64_t deadline = clock_mono_ms() + READ_MS;
    for (size_t i = 0; i < COUNT_OF(logs); i++)
        tickets[i] = topic_log_end_start(logs[i]);
    for (;;) {
        bool more = store_serve_logs(s), all = true;
        struct kaftan_error *err = NULL;
        for (size_t i = 0; i < COUNT_OF(logs) && !err; i++) {
            all = topic_log_reached(logs[i], tickets[i]) && all;
            err = topic_log_denied(logs[i]);
        }
        if (err || all)
            return err;
        if (stopping(s))
            return stopped();
        if (clock_mono_ms() >= deadline)
            return kaftan_error_new(KAFTAN_E_TIMEOUT, "the internal topics could not be read to their ends");
        if (!more)
            store_wait(s, SLICE_MS);
    }
}

static struct kaftan_error *open_distributed(struct store *s, struct admin *a)
{
    const struct worker_values *v = s->values;
    const struct topic_plan plans[] = {
        { v->offset_topic, "offset.storage.topic", "offset.storage.", "source connector offsets", "offsets",
          v->offset_partitions, v->offset_replication },
        { v->status_topic, "status.storage.topic", "status.storage.", "connector and task statuses", "statuses",
          v->status_partitions, v->status_replication },
        { v->config_topic, "config.storage.topic", "config.storage.", "connector configurations", "configs", 1,
          v->config_replication },
    };
    struct topic_log *logs[] = { &s->offsets, &s->statuses, &s->configs };
    bool exactly_once = v->exactly_once && strcasecmp(v->exactly_once, "enabled") == 0;
    struct kaftan_error *err = NULL;
    atomic_store(&s->stage, "Making and checking the internal topics.");
    for (size_t i = 0; i < COUNT_OF(plans) && !err; i++)
        err = prepare_topic(s, a, &plans[i]);
    atomic_store(&s->stage, "Reading the internal topics to their ends.");
    for (size_t i = 0; i < COUNT_OF(plans) && !err; i++) {
        logs[i]->topic = plans[i].name;
        err = open_log(s, logs[i], &plans[i], exactly_once && logs[i] != &s->statuses);
    }
    return err ? err : read_all(s);
}

static void on_file_pair(void *self, struct kaftan_slice key, struct kaftan_slice value)
{
    struct store *s = self;
    offset_table_apply(s->offset_table, key, value, -1, false);
}

static struct kaftan_error *open_standalone(struct store *s)
{
    lock_take(&s->lock);
    struct kaftan_error *err = offset_file_load(s->values->offset_file, on_file_pair, s);
    lock_release(&s->lock);
    return err;
}

struct kaftan_error *store_open(struct store *s)
{
    struct admin *a = NULL;
    struct text_map *props = client_props(s, "shared-admin");
    struct kaftan_error *err = admin_new(props, &a);
    text_map_unref(props);
    if (!err)
        err = find_cluster(s, a);
    if (!err)
        err = s->distributed ? open_distributed(s, a) : open_standalone(s);
    admin_free(a);
    return err;
}
