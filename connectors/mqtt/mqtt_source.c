/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_source_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "mqtt_layout.h"
#include "mqtt_probe.h"

/*
 * The MQTT source: sessions of one connector, spread over its tasks.
 *
 * Session (slot) i belongs to task i mod T. Its number and its filters are a
 * function of the configuration, its client id too, so whoever runs the task
 * continues the session that the broker keeps.
 */
enum { EVENTS = 64, HOUSEKEEPING_US = 1000000, PAUSE_US = 60000000, DEFAULT_RECEIVE_MAXIMUM = 2000, OFFSET_FIELDS = 11 };

static struct mqtt_source_task *self_of(void *self)
{
    struct mqtt_source_task *t = self;
    if (t->magic != SOURCE_MAGIC)
        abort();
    return t;
}

/* ---- validation */

struct findings {
    struct kaftan_config_report *report;
    size_t errors;
};

static void to_report(void *to, const char *key, const char *text)
{
    struct findings *f = to;
    f->errors += key != NULL;
    if (key)
        kaftan_config_error(f->report, key, "%s", text);
    else
        kaftan_config_warning(f->report, "%s", text);
}

/* Connects once, if that is asked for and nothing else is wrong. */
static void try_connection(const struct mqtt_config *c, const struct kaftan_config_texts *texts, struct findings *f)
{
    const char *name = kaftan_config_text(texts, "name");
    char id[64];
    if (!c->validate_connection || f->errors > 0 || c->servers.count == 0 || c->connect_timeout_s < 1)
        return;
    if (c->client_id && *c->client_id)
        (void)snprintf(id, sizeof id, "%.54s-validate", c->client_id);
    else
        (void)snprintf(id, sizeof id, "kaftan-%.46s-validate", name ? name : "connector");
    struct kaftan_error *err = mqtt_probe(c, id);
    if (err)
        kaftan_config_error(f->report, "mqtt.server.uri", "Invalid value %s for configuration mqtt.server.uri: %s",
                            c->servers.items[0], kaftan_error_message(err));
    kaftan_error_free(err);
}

static void source_validate(const void *config, const struct kaftan_config_texts *texts,
                            struct kaftan_config_report *report)
{
    struct findings f = { report, 0 };
    mqtt_config_check(config, texts, to_report, &f);
    try_connection(config, texts, &f);
}

struct start_check {
    struct kaftan_error *err;
    bool tell;
};

static void at_start(void *to, const char *key, const char *text)
{
    struct start_check *c = to;
    if (key && !c->err)
        c->err = kaftan_error_new(KAFTAN_E_INVALID, "%s", text);
    else if (!key && c->tell)
        kaftan_log(MQTT_SOURCE_LOG, KAFTAN_LOG_WARN, "%s", text);
}

static bool is_licence_key(const char *key)
{
    static const char licence[] = "confluent.license", topic[] = "confluent.topic";
    return strncmp(key, licence, sizeof licence - 1) == 0 || strncmp(key, topic, sizeof topic - 1) == 0;
}

/* What was accepted and does nothing, once per start. */
static void tell_ignored(const struct mqtt_source_task *t)
{
    const char *key, *value;
    for (size_t i = 0; kaftan_config_text_at(kaftan_task_texts(t->task), &i, &key, &value);) {
        if (!is_licence_key(key))
            continue;
        kaftan_log(MQTT_SOURCE_LOG, KAFTAN_LOG_INFO,
                   "keys confluent.license and confluent.topic (and what starts with them) are accepted and have no "
                   "effect");
        return;
    }
}

/* ---- tasks */

static struct kaftan_error *source_task_configs(const void *config, struct kaftan_task *context, int32_t max_tasks,
                                                struct kaftan_task_configs *ret)
{
    const struct mqtt_config *c = config;
    char text[16];
    (void)context;
    uint32_t slots = mqtt_slot_count(c, max_tasks);
    uint32_t limit = max_tasks > 1 ? (uint32_t)max_tasks : 1, tasks = slots < limit ? slots : limit;
    for (uint32_t i = 0; i < tasks; i++) {
        kaftan_task_configs_add(ret);
        (void)snprintf(text, sizeof text, "%u", slots);
        kaftan_task_configs_set(ret, "mqtt.internal.slots", text);
        (void)snprintf(text, sizeof text, "%u", tasks);
        kaftan_task_configs_set(ret, "mqtt.internal.tasks", text);
    }
    if (tasks < limit)
        kaftan_log(MQTT_SOURCE_LOG, KAFTAN_LOG_INFO,
                   "%u of %d tasks: one session has the filters that cannot be separated; more sessions need more "
                   "filters that do not overlap",
                   tasks, max_tasks);
    return NULL;
}

/* ---- offsets */

static struct kaftan_value text_value(struct kaftan_arena *a, const char *p, size_t len)
{
    return kaftan_string(kaftan_arena_copy(a, p, len), len);
}

static const char *stored_text(const struct kaftan_value *map, const char *key)
{
    const struct kaftan_value *v = kaftan_map_get(map, key);
    if (!v || v->kind != KAFTAN_KIND_STRING)
        return NULL;
    char *text = kaftan_alloc(v->as.s.len + 1, 1);
    memcpy(text, v->as.s.ptr, v->as.s.len);
    return text;
}

static int64_t stored_number(const struct kaftan_value *map, const char *key, int64_t otherwise)
{
    const struct kaftan_value *v = kaftan_map_get(map, key);
    return v && v->kind == KAFTAN_KIND_INT64 ? v->as.i : otherwise;
}

/* What a former task left; the caller frees filters. */
static void read_offset(const struct kaftan_value *offset, struct mqtt_totals *ret)
{
    *ret = (struct mqtt_totals){ .qos = -1 };
    if (offset->kind != KAFTAN_KIND_MAP)
        return;
    ret->received = (uint64_t)stored_number(offset, "received", 0);
    ret->delivered = (uint64_t)stored_number(offset, "delivered", 0);
    ret->acked = (uint64_t)stored_number(offset, "acked", 0);
    ret->connections = (uint64_t)stored_number(offset, "connections", 0);
    ret->qos = (int32_t)stored_number(offset, "qos", -1);
    ret->filters = stored_text(offset, "filters");
}

static void put(struct kaftan_map_entry *entries, size_t *count, const char *key, struct kaftan_value value)
{
    entries[*count].key = kaftan_string(key, strlen(key));
    entries[(*count)++].value = value;
}

static struct kaftan_value number(uint64_t v)
{
    return kaftan_int(KAFTAN_KIND_INT64, (int64_t)v);
}

static bool source_offset_get(void *self, uint32_t partition, struct kaftan_arena *a, struct kaftan_value *ret)
{
    struct mqtt_source_task *t = self_of(self);
    uint32_t at = 0;
    while (at < t->slot_count && t->slots[at].partition != partition)
        at++;
    if (at == t->slot_count)
        return false;
    const struct slot *s = &t->slots[at];
    struct mqtt_totals totals = mqtt_session_totals(s->session);
    struct kaftan_map_entry *e = kaftan_arena_alloc(a, OFFSET_FIELDS * sizeof *e);
    struct kaftan_map *map = kaftan_arena_alloc(a, sizeof *map);
    size_t n = 0;
    put(e, &n, "v", number(1));
    put(e, &n, "received", number(totals.received));
    put(e, &n, "delivered", number(totals.delivered));
    put(e, &n, "acked", number(totals.acked));
    put(e, &n, "connections", number(totals.connections));
    put(e, &n, "session.present", kaftan_bool(totals.session_present));
    if (totals.filters) {
        put(e, &n, "filters", text_value(a, totals.filters, strlen(totals.filters)));
        put(e, &n, "qos", kaftan_int(KAFTAN_KIND_INT64, totals.qos));
    }
    if (s->stored.token != 0) {
        put(e, &n, "last.topic", text_value(a, s->stored.topic, s->stored.topic_len));
        put(e, &n, "last.time", kaftan_int(KAFTAN_KIND_INT64, s->stored.time_ms));
        put(e, &n, "last.packet.id", number(s->stored.id));
    }
    map->count = n;
    map->entries = e;
    *ret = kaftan_map(map);
    return true;
}

/* ---- open and close */

static void source_close(void *self)
{
    struct mqtt_source_task *t = self_of(self);
    intake_fini(t);
    for (uint32_t i = 0; t->slots && i < t->slot_count; i++) {
        struct slot *s = &t->slots[i];
        mqtt_session_free(s->session);
        mqtt_series_free(s->series);
        kaftan_free((void *)s->filters);
        kaftan_free(s->numbers);
    }
    kaftan_free(t->slots);
    mqtt_task_series_free(t->series);
    kaftan_free(t->by_filter);
    mqtt_mapping_free(t->mapping);
    mqtt_tls_free(t->host.tls);
    kaftan_free(t->servers);
    kaftan_error_free(t->error);
    if (t->epoll >= 0)
        (void)close(t->epoll);
    t->magic = 0;
    kaftan_free(t);
}

static struct kaftan_error *open_numbers(struct mqtt_source_task *t)
{
    static const char *const qos[] = { "0", "1", "2" };
    const struct kaftan_list *topics = &t->config->topics;
    struct kaftan_error *err = mqtt_task_series_new(t->task, &t->series);
    t->by_filter = kaftan_alloc(topics->count + 1, sizeof *t->by_filter);
    for (size_t i = 0; i < topics->count && !err; i++)
        err = mqtt_labelled_new(t->task, "kafka_connect_mqtt_source_filter_received_total",
                                "Messages received, by the first filter that matches.", "filter", topics->items[i],
                                &t->by_filter[i]);
    for (size_t i = 0; i < 3 && !err; i++)
        err = mqtt_labelled_new(t->task, "kafka_connect_mqtt_source_received_by_qos_total",
                                "Messages received, by QoS.", "qos", qos[i], &t->by_qos[i]);
    return err;
}

static struct kaftan_error *open_slot(struct mqtt_source_task *t, struct slot *s, uint32_t number_of_slot,
                                      const uint32_t *slot_of, struct kaftan_arena *arena)
{
    const struct mqtt_config *c = t->config;
    size_t count = 0;
    s->filters = kaftan_alloc(c->topics.count + 1, sizeof *s->filters);
    s->numbers = kaftan_alloc(c->topics.count + 1, sizeof *s->numbers);
    for (size_t i = 0; i < c->topics.count; i++) {
        if (slot_of[i] != number_of_slot)
            continue;
        s->filters[count] = c->topics.items[i];
        s->numbers[count++] = (uint32_t)i + 1;
    }
    char *id = mqtt_client_id(c, kaftan_task_group_id(t->task), kaftan_task_connector(t->task), number_of_slot);
    struct kaftan_map_entry entry = { kaftan_string("mqtt.session", 12), kaftan_string(id, strlen(id)) };
    const struct kaftan_map map = { 1, &entry };
    const struct kaftan_value partition = kaftan_map(&map);
    struct kaftan_value offset = kaftan_null();
    struct mqtt_totals stored;
    struct kaftan_error *err = kaftan_task_partition(t->task, &partition, &s->partition);
    if (!err)
        err = kaftan_task_offset(t->task, &partition, arena, &offset);
    if (!err)
        err = mqtt_series_new(t->task, number_of_slot, &s->series);
    if (!err) {
        read_offset(&offset, &stored);
        s->session = mqtt_session_new(&t->host, number_of_slot, id, s->filters, s->numbers, count, &stored);
        mqtt_session_set_series(s->session, s->series);
        kaftan_free((void *)(uintptr_t)stored.filters);
    }
    kaftan_free(id);
    return err;
}

static struct kaftan_error *open_slots(struct mqtt_source_task *t)
{
    const struct mqtt_config *c = t->config;
    const char *max = kaftan_config_text(kaftan_task_texts(t->task), "tasks.max");
    int32_t max_tasks = max ? (int32_t)strtol(max, NULL, 10) : 1;
    uint32_t slots = c->internal_slots > 0 ? (uint32_t)c->internal_slots : mqtt_slot_count(c, max_tasks);
    uint32_t tasks = c->internal_tasks > 0 ? (uint32_t)c->internal_tasks : 1;
    uint32_t first = (uint32_t)kaftan_task_number(t->task);
    uint32_t *slot_of = kaftan_alloc(c->topics.count + 1, sizeof *slot_of);
    struct kaftan_arena *arena = kaftan_arena_new();
    struct kaftan_error *err = NULL;
    mqtt_assign_filters(&c->topics, slots, slot_of);
    t->slots = kaftan_alloc(slots / tasks + 1, sizeof *t->slots);
    t->host.will_slot = first;
    for (uint32_t n = first; n < slots && !err; n += tasks) {
        err = open_slot(t, &t->slots[t->slot_count], n, slot_of, arena);
        t->slot_count++;
    }
    kaftan_arena_free(arena);
    kaftan_free(slot_of);
    return err;
}

static struct kaftan_error *open_servers(struct mqtt_source_task *t)
{
    const struct kaftan_list *uris = &t->config->servers;
    t->servers = kaftan_alloc(uris->count + 1, sizeof *t->servers);
    for (size_t i = 0; i < uris->count; i++) {
        struct kaftan_error *err = mqtt_server_parse(uris->items[i], &t->servers[i]);
        if (err)
            return kaftan_error_wrap(err, "Invalid value %s for configuration mqtt.server.uri", uris->items[i]);
    }
    t->host.servers = t->servers;
    t->host.server_count = uris->count;
    t->host.tls = mqtt_tls_new(t->config);
    return NULL;
}

static void open_limits(struct mqtt_source_task *t)
{
    const struct mqtt_config *c = t->config;
    int32_t window = c->receive_maximum > 0 ? c->receive_maximum : DEFAULT_RECEIVE_MAXIMUM;
    if (window > c->queue_size)
        window = c->queue_size;
    t->host.receive_maximum = (uint16_t)window;
    t->held_limit = (uint64_t)c->queue_size;
    t->bytes_limit = (uint64_t)c->buffer_max_bytes;
    t->drop_qos0 = mqtt_choice(c->qos0_overflow, "drop");
    t->topics_vary = mqtt_mapping_topic_varies(t->mapping);
}

static struct kaftan_error *source_open(const void *config, struct kaftan_task *task, void **ret)
{
    struct mqtt_source_task *t = kaftan_alloc(1, sizeof *t);
    struct start_check check = { NULL, kaftan_task_number(task) == 0 };
    t->magic = SOURCE_MAGIC;
    t->config = config;
    t->task = task;
    t->epoll = epoll_create1(EPOLL_CLOEXEC);
    t->host = (struct mqtt_host){ .config = config, .task = task, .epoll = t->epoll, .take = intake_take };
    mqtt_config_check(config, kaftan_task_texts(task), at_start, &check);
    struct kaftan_error *err = check.err;
    if (!err && t->epoll < 0)
        err = kaftan_error_new(KAFTAN_E_INTERNAL, "no descriptor is left for epoll");
    if (!err)
        err = mqtt_mapping_new(t->config, &t->mapping);
    if (!err)
        mqtt_mapping_take_json(t->mapping, kaftan_task_takes_json(task));
    if (!err)
        err = open_servers(t);
    if (!err) {
        open_limits(t);
        err = open_numbers(t);
    }
    if (!err)
        err = open_slots(t);
    if (err) {
        source_close(t);
        return err;
    }
    if (check.tell)
        tell_ignored(t);
    t->progress_at = kaftan_now_us();
    *ret = t;
    return NULL;
}

/* ---- the loop */

/* With one session its socket is just tried; with more, one question tells which are worth it. */
static void look_around(struct mqtt_source_task *t)
{
    struct epoll_event events[EVENTS];
    int n = 0;
    bool all = t->slot_count <= 1;
    if (!all)
        n = epoll_wait(t->epoll, events, EVENTS, 0);
    all = all || n >= EVENTS;
    for (uint32_t i = 0; i < t->slot_count; i++) {
        struct slot *s = &t->slots[i];
        s->readable = all;
        for (int k = 0; k < n && !s->readable; k++)
            s->readable = events[k].data.u32 == mqtt_session_slot(s->session);
    }
}

static void step_all(struct mqtt_source_task *t, bool taking)
{
    kaftan_deadline until = INT64_MAX;
    t->now = kaftan_now_us();
    t->wall_ms = kaftan_wall_ms();
    look_around(t);
    for (uint32_t i = 0; i < t->slot_count; i++) {
        struct slot *s = &t->slots[(t->turn + i) % t->slot_count];
        struct kaftan_error *err = mqtt_session_step(s->session, s->readable, taking);
        if (err && !t->error) {
            t->error = err;
            t->error_now = true;
        } else {
            kaftan_error_free(err);
        }
        kaftan_deadline next = mqtt_session_deadline(s->session);
        until = next < until ? next : until;
        if (mqtt_session_filters_changed(s->session)) {
            kaftan_task_offset_touch(t->task, s->partition);
            kaftan_task_flush_request(t->task);
        }
    }
    t->turn++;
    if (t->now >= t->housekeeping_at) {
        intake_housekeeping(t);
        t->housekeeping_at = t->now + HOUSEKEEPING_US;
    }
    kaftan_task_wait_until(t->task, until < t->housekeeping_at ? until : t->housekeeping_at);
}

static struct kaftan_error *take_error(struct mqtt_source_task *t)
{
    struct kaftan_error *err = t->error;
    t->error = NULL;
    t->error_now = false;
    return err;
}

static struct kaftan_error *source_poll(void *self, kaftan_deadline deadline, struct kaftan_batch *batch)
{
    struct mqtt_source_task *t = self_of(self);
    (void)deadline;
    if (t->error)
        return take_error(t);
    size_t room = kaftan_batch_room(batch), limit = (size_t)t->config->batch_size;
    t->batch = batch;
    t->room = room < limit ? room : limit;
    step_all(t, true);
    t->batch = NULL;
    intake_poll_done(t);
    /* What came before a message that cannot be delivered is delivered first. */
    return t->error && kaftan_batch_count(batch) == 0 ? take_error(t) : NULL;
}

static struct kaftan_error *source_service(void *self, kaftan_deadline deadline)
{
    struct mqtt_source_task *t = self_of(self);
    (void)deadline;
    step_all(t, false);
    return t->error_now ? take_error(t) : NULL;
}

static int source_fd(void *self)
{
    return self_of(self)->epoll;
}

static void source_delivered(void *self, const struct kaftan_delivery *d, size_t count)
{
    intake_delivered(self_of(self), d, count);
}

/* ---- the end */

static void source_stop(void *self, enum kaftan_stop_reason reason, kaftan_deadline deadline)
{
    struct mqtt_source_task *t = self_of(self);
    (void)reason;
    for (uint32_t i = 0; i < t->slot_count; i++)
        mqtt_session_leave(t->slots[i].session, deadline);
}

static void source_pause(void *self, bool paused)
{
    struct mqtt_source_task *t = self_of(self);
    t->paused = paused;
    for (uint32_t i = 0; i < t->slot_count; i++) {
        if (paused)
            mqtt_session_leave(t->slots[i].session, kaftan_now_us() + PAUSE_US);
        else
            mqtt_session_return(t->slots[i].session);
    }
}

static bool source_idle(void *self)
{
    const struct mqtt_source_task *t = self_of(self);
    for (uint32_t i = 0; i < t->slot_count; i++)
        if (!mqtt_session_quiet(t->slots[i].session))
            return false;
    return true;
}

/* ---- what is not offered */

static enum kaftan_support source_unsupported(const void *config)
{
    (void)config;
    return KAFTAN_UNSUPPORTED;
}

static struct kaftan_error *source_alter_offsets(const void *config, struct kaftan_task *context,
                                                 const struct kaftan_value *partitions,
                                                 const struct kaftan_value *offsets, size_t count)
{
    (void)config;
    (void)context;
    (void)partitions;
    for (size_t i = 0; i < count; i++)
        if (offsets[i].kind != KAFTAN_KIND_NULL)
            return kaftan_error_new(KAFTAN_E_INVALID, "MQTT offsets cannot be set; use null to end the session");
    return kaftan_error_new(KAFTAN_E_INVALID, "ending MQTT sessions by their offsets is not supported by this version; "
                                              "connect once with the client id and a clean session instead");
}

#define SOURCE(name, keys)                                                                                            \
    {                                                                                                                 \
        .size = sizeof(struct kaftan_source),                                                                         \
        .class_name = name,                                                                                           \
        .version = PACKAGE_VERSION,                                                                                   \
        .config = keys,                                                                                               \
        .config_size = sizeof(struct mqtt_config),                                                                    \
        .validate = source_validate,                                                                                  \
        .task_configs = source_task_configs,                                                                          \
        .open = source_open,                                                                                          \
        .poll = source_poll,                                                                                          \
        .service = source_service,                                                                                    \
        .fd = source_fd,                                                                                              \
        .delivered = source_delivered,                                                                                \
        .offset_get = source_offset_get,                                                                              \
        .pause = source_pause,                                                                                        \
        .stop = source_stop,                                                                                          \
        .idle = source_idle,                                                                                          \
        .close = source_close,                                                                                        \
        .exactly_once_support = source_unsupported,                                                                   \
        .transaction_boundaries = source_unsupported,                                                                 \
        .alter_offsets = source_alter_offsets,                                                                        \
    }

static const struct kaftan_source own = SOURCE("io.kaftan.mqtt.MqttSourceConnector", mqtt_own_keys);
static const struct kaftan_source taken_over = SOURCE("io.confluent.connect.mqtt.MqttSourceConnector",
                                                      mqtt_confluent_keys);
static const struct kaftan_source *const sources[] = { &own, &taken_over, NULL };
/* The short names fit both classes; ours wins. */
static const struct kaftan_alias aliases[] = {
    { "MqttSource", "io.kaftan.mqtt.MqttSourceConnector" },
    { "MqttSourceConnector", "io.kaftan.mqtt.MqttSourceConnector" },
    { NULL, NULL },
};

KAFTAN_PLUGIN(.name = "mqtt", .version = PACKAGE_VERSION, .sources = sources, .aliases = aliases);
