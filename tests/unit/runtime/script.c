/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "script.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"
#include "fake/fake_kafka.h"
#include "fake/fake_store.h"

enum { MESSAGES = 4096, TEXT = 64, STORY = 65536 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static struct {
    char messages[MESSAGES][TEXT];
    bool dead[MESSAGES];
    size_t said, taken;
    char open_error[TEXT], poll_error[TEXT], start_error[TEXT];
    int poll_code, later;
    bool hang, flush, touch, busy, idle, own, may_acknowledge;
    size_t flood_each, flood_left;
    int32_t configs;
    char delivered[STORY], calls[STORY], events[STORY];
    uint64_t delivered_count;
    size_t polls, services;
    uint64_t tokens;
    int fd;
    struct kaftan_task *connector;
} s;

#define LOCKED(statement)                \
    do {                                 \
        pthread_mutex_lock(&lock);       \
        statement;                       \
        pthread_mutex_unlock(&lock);     \
    } while (0)

/* With the lock. */
static void note(char to[STORY], const char *text, const char *gap)
{
    size_t n = strlen(to);
    if (n + strlen(text) + 2 < STORY)
        (void)snprintf(to + n, STORY - n, "%s%s", n ? gap : "", text);
}

static void call(const char *text)
{
    LOCKED(note(s.calls, text, " "));
}

static void event(const char *text)
{
    LOCKED(note(s.events, text, "\n"));
}

static void light(void)
{
    uint64_t one = 1;
    if (write(s.fd, &one, sizeof one) < 0)
        abort();
}

static void must(struct kaftan_error *err)
{
    if (err)
        script_failed(kaftan_error_message(err));
}

/* ---- the connector ---- */

struct script_config {
    const char *topic;
};
static const struct kaftan_config_key keys[] = {
    { .name = "topic", KAFTAN_STRING_FIELD(struct script_config, topic), .def = KAFTAN_NO_DEFAULT, .non_empty = true },
    { .name = NULL },
};

struct script {
    const struct script_config *config;
    struct kaftan_task *task;
    uint32_t numbers[26]; /* of partition letters */
    bool known[26];
    uint64_t last[26];
    uint32_t flood;
};

static uint32_t number_of(struct script *self, char letter)
{
    int i = letter - 'a';
    if (!self->known[i]) {
        struct kaftan_map_entry e = { kaftan_string("letter", 6), kaftan_string(&letter, 1) };
        struct kaftan_map map = { 1, &e };
        struct kaftan_value v = { KAFTAN_KIND_MAP, 0, { 0 } };
        v.as.map = &map;
        must(kaftan_task_partition(self->task, &v, &self->numbers[i]));
        self->known[i] = true;
    }
    return self->numbers[i];
}

static struct kaftan_error *script_open(const void *config, struct kaftan_task *task, void **ret)
{
    char text[TEXT];
    LOCKED((void)snprintf(text, sizeof text, "%s", s.open_error));
    call("open");
    if (text[0])
        return kaftan_error_new(KAFTAN_E_INVALID, "%s", text);
    struct script *self = kaftan_alloc(1, sizeof *self);
    self->config = config;
    self->task = task;
    self->flood = number_of(self, 'p');
    *ret = self;
    return NULL;
}

static void small_things(struct script *self)
{
    bool flush, touch;
    LOCKED(flush = s.flush; s.flush = false; touch = s.touch; s.touch = false);
    if (touch)
        kaftan_task_offset_touch(self->task, self->flood);
    if (flush)
        kaftan_task_flush_request(self->task);
}

static void fill(struct script *self, struct kaftan_record *r, struct kaftan_arena *a, const char *message)
{
    const char *equals = strchr(message, '=');
    r->topic.ptr = self->config->topic;
    r->topic.len = strlen(self->config->topic);
    if (message[1] == '@') { /* "a@topic:key=value" */
        r->topic.ptr = kaftan_arena_copy(a, message + 2, strcspn(message + 2, ":"));
        r->topic.len = strcspn(message + 2, ":");
    }
    const char *key = strchr(message, ':') + 1;
    size_t key_len = (size_t)(equals - key);
    r->key = kaftan_string(kaftan_arena_copy(a, key, key_len), key_len);
    r->value = kaftan_string(kaftan_arena_copy(a, equals + 1, strlen(equals + 1)), strlen(equals + 1));
    r->source_partition = number_of(self, message[0]);
}

static void say_one(struct script *self, struct kaftan_batch *batch, const char *message, bool dead, uint64_t token)
{
    if (!dead) {
        struct kaftan_record *r = kaftan_batch_add(batch);
        fill(self, r, kaftan_batch_arena(batch), message);
        r->token = token;
        return;
    }
    struct kaftan_record raw;
    memset(&raw, 0, sizeof raw);
    fill(self, &raw, kaftan_batch_arena(batch), message);
    raw.token = token;
    struct kaftan_error *err = kaftan_task_dead_letter(self->task, &raw, "not to my taste");
    if (err)
        LOCKED(note(s.calls, kaftan_error_message(err), " "));
    kaftan_error_free(err);
}

static void flood(struct script *self, struct kaftan_batch *batch, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct kaftan_record *r = kaftan_batch_add(batch);
        if (!r)
            return;
        r->topic.ptr = self->config->topic;
        r->topic.len = strlen(self->config->topic);
        r->value = kaftan_bytes("0123456789012345678901234567890123456789", 40);
        r->source_partition = self->flood;
        LOCKED(r->token = ++s.tokens; s.flood_left--);
    }
}

static struct kaftan_error *script_poll(void *self_, kaftan_deadline deadline, struct kaftan_batch *batch)
{
    struct script *self = self_;
    struct kaftan_error *err = NULL;
    uint64_t n;
    (void)deadline;
    small_things(self);
    (void)!read(s.fd, &n, sizeof n);
    pthread_mutex_lock(&lock);
    s.polls++;
    while (s.hang)
        pthread_cond_wait(&moved, &lock);
    if (s.poll_error[0])
        err = kaftan_error_new((enum kaftan_code)s.poll_code, "%s", s.poll_error);
    s.poll_error[0] = '\0';
    size_t flooding = s.flood_left < s.flood_each ? s.flood_left : s.flood_each;
    pthread_mutex_unlock(&lock);
    flood(self, batch, flooding);
    while (!err && kaftan_batch_room(batch) > 0) {
        char message[TEXT];
        bool dead = false, any;
        uint64_t token = 0;
        LOCKED(any = s.taken < s.said;
               if (any) { memcpy(message, s.messages[s.taken], TEXT); dead = s.dead[s.taken++]; token = ++s.tokens; });
        if (!any)
            break;
        say_one(self, batch, message, dead, token);
    }
    bool idle;
    LOCKED(idle = s.idle);
    if (idle)
        kaftan_task_idle_until(self->task, kaftan_now_us() + 60000000);
    return err;
}

static struct kaftan_error *script_service(void *self, kaftan_deadline deadline)
{
    (void)deadline;
    small_things(self);
    LOCKED(s.services++);
    return NULL;
}

static int script_fd(void *self)
{
    (void)self;
    return s.fd;
}

static void script_on_delivered(void *self_, const struct kaftan_delivery *d, size_t count)
{
    struct script *self = self_;
    bool owned = kaftan_task_still_owned(self->task); /* as a connector must ask before it acknowledges */
    pthread_mutex_lock(&lock);
    s.may_acknowledge = owned;
    s.delivered_count += count;
    for (size_t i = 0; i < count; i++) {
        char text[32];
        if (s.flood_each == 0) {
            (void)snprintf(text, sizeof text, "%llu%c", (unsigned long long)d[i].token, "SXKF"[d[i].outcome]);
            note(s.delivered, text, " ");
        }
        for (size_t l = 0; l < 26; l++)
            if (self->known[l] && self->numbers[l] == d[i].source_partition && d[i].outcome != KAFTAN_FAILED)
                self->last[l] = d[i].token;
    }
    pthread_mutex_unlock(&lock);
}

static bool script_offset_get(void *self_, uint32_t partition, struct kaftan_arena *a, struct kaftan_value *ret)
{
    struct script *self = self_;
    struct kaftan_map_entry *e = kaftan_arena_alloc(a, sizeof *e);
    struct kaftan_map *map = kaftan_arena_alloc(a, sizeof *map);
    uint64_t last = 0;
    for (size_t l = 0; l < 26; l++)
        if (self->known[l] && self->numbers[l] == partition)
            last = self->last[l];
    e->key = kaftan_string("token", 5);
    e->value = kaftan_int(KAFTAN_KIND_INT64, (int64_t)last);
    *map = (struct kaftan_map){ 1, e };
    ret->kind = KAFTAN_KIND_MAP;
    ret->as.map = map;
    return true;
}

static void script_flushed(void *self)
{
    (void)self;
    call("flushed");
}

static void script_pause(void *self, bool paused)
{
    (void)self;
    call(paused ? "pause:1" : "pause:0");
}

static void script_stop(void *self, enum kaftan_stop_reason reason, kaftan_deadline deadline)
{
    char text[16];
    (void)self, (void)deadline;
    (void)snprintf(text, sizeof text, "stop:%d", (int)reason);
    call(text);
}

static bool script_idle(void *self)
{
    bool busy;
    (void)self;
    LOCKED(busy = s.busy);
    return !busy;
}

static void script_wake(void *self)
{
    (void)self;
    LOCKED(pthread_cond_broadcast(&moved));
}

static void script_close(void *self)
{
    call("close");
    kaftan_free(self);
}

static struct kaftan_error *script_start(const void *config, struct kaftan_task *context, void **ret)
{
    char text[TEXT];
    (void)config;
    LOCKED((void)snprintf(text, sizeof text, "%s", s.start_error); s.connector = text[0] ? NULL : context);
    call("start");
    *ret = context;
    return text[0] ? kaftan_error_new(KAFTAN_E_RETRIABLE, "%s", text) : NULL;
}

static void script_end(void *connector)
{
    (void)connector;
    LOCKED(s.connector = NULL);
    call("end");
}

static struct kaftan_error *script_task_configs(const void *config, struct kaftan_task *context, int32_t max_tasks,
                                                struct kaftan_task_configs *ret)
{
    int32_t count;
    (void)config, (void)context, (void)max_tasks;
    LOCKED(count = s.configs);
    for (int32_t i = 0; i < count; i++) {
        char text[16];
        (void)snprintf(text, sizeof text, "%d", (int)i);
        kaftan_task_configs_add(ret);
        kaftan_task_configs_set(ret, "part", text);
    }
    return NULL;
}

static const struct kaftan_source script_source = {
    .size = sizeof(struct kaftan_source),
    .class_name = SCRIPT_CLASS,
    .version = "1.0",
    .config = keys,
    .config_size = sizeof(struct script_config),
    .task_configs = script_task_configs,
    .start = script_start,
    .end = script_end,
    .open = script_open,
    .poll = script_poll,
    .service = script_service,
    .fd = script_fd,
    .delivered = script_on_delivered,
    .offset_get = script_offset_get,
    .flushed = script_flushed,
    .pause = script_pause,
    .stop = script_stop,
    .idle = script_idle,
    .wake = script_wake,
    .close = script_close,
};

/* ---- the converters ---- */

static struct kaftan_error *convert(const struct kaftan_value *v, struct kaftan_slice *ret)
{
    ret->ptr = NULL;
    ret->len = 0;
    if (v->kind == KAFTAN_KIND_NULL)
        return NULL;
    *ret = v->as.s;
    if (ret->len >= 3 && memcmp(ret->ptr, "bad", 3) == 0)
        return kaftan_error_new(KAFTAN_E_DATA, "'bad' cannot be converted");
    if (ret->len >= 5 && memcmp(ret->ptr, "later", 5) == 0) {
        int left;
        LOCKED(left = s.later; s.later -= left > 0);
        if (left > 0)
            return kaftan_error_new(KAFTAN_E_RETRIABLE, "the registry is away");
    }
    return NULL;
}

static struct kaftan_error *converter_open_(const void *config, bool is_key, void **ret)
{
    (void)config, (void)is_key;
    *ret = NULL;
    return NULL;
}

static struct kaftan_error *from_connect(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                         const struct kaftan_schema *schema, const struct kaftan_value *value,
                                         struct kaftan_slice *ret)
{
    (void)self, (void)a, (void)topic, (void)schema;
    return convert(value, ret);
}

static struct kaftan_error *to_connect(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                       struct kaftan_slice bytes, const struct kaftan_schema **ret_schema,
                                       struct kaftan_value *ret)
{
    (void)self, (void)a, (void)topic, (void)bytes, (void)ret_schema, (void)ret;
    return NULL;
}

static struct kaftan_error *header_open(const void *config, void **ret)
{
    (void)config;
    *ret = NULL;
    return NULL;
}

static struct kaftan_error *header_from(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                        struct kaftan_slice name, const struct kaftan_schema *schema,
                                        const struct kaftan_value *value, struct kaftan_slice *ret)
{
    (void)self, (void)a, (void)topic, (void)name, (void)schema;
    return convert(value, ret);
}

static struct kaftan_error *header_to(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                      struct kaftan_slice name, struct kaftan_slice bytes,
                                      const struct kaftan_schema **ret_schema, struct kaftan_value *ret)
{
    (void)self, (void)a, (void)topic, (void)name, (void)bytes, (void)ret_schema, (void)ret;
    return NULL;
}

static const struct kaftan_converter converter = { .size = sizeof converter, .class_name = SCRIPT_CONVERTER,
                                                   .version = "1", .open = converter_open_,
                                                   .from_connect = from_connect, .to_connect = to_connect };
static const struct kaftan_header_converter header_converter = {
    .size = sizeof header_converter, .class_name = SCRIPT_CONVERTER, .version = "1", .open = header_open,
    .from_connect = header_from, .to_connect = header_to
};
static const struct kaftan_source *const sources[] = { &script_source, NULL };
static const struct kaftan_converter *const converters[] = { &converter, NULL };
static const struct kaftan_header_converter *const header_converters[] = { &header_converter, NULL };
static const struct kaftan_plugin plugin = {
    .abi_major = KAFTAN_ABI_MAJOR, .abi_minor = KAFTAN_ABI_MINOR, .size = sizeof(struct kaftan_plugin),
    .key_size = sizeof(struct kaftan_config_key), .name = "script", .version = "1.0", .sources = sources,
    .converters = converters, .header_converters = header_converters
};

/* ---- events ---- */

static void on_connector_started(void *self, const char *connector, enum target_state reached, struct kaftan_error *err)
{
    char text[512];
    (void)self;
    (void)snprintf(text, sizeof text, "connector_started %s %s%s%s", connector, target_state_name(reached),
                   err ? " error: " : "", err ? kaftan_error_message(err) : "");
    event(text);
    kaftan_error_free(err);
}

static void on_connector_stopped(void *self, const char *connector)
{
    char text[128];
    (void)self;
    (void)snprintf(text, sizeof text, "connector_stopped %s", connector);
    event(text);
}

static void on_task_stopped(void *self, const char *connector, int32_t task)
{
    char text[128];
    (void)self;
    (void)snprintf(text, sizeof text, "task_stopped %s %d", connector, (int)task);
    event(text);
}

static void on_task_configs(void *self, const char *connector, struct text_map **configs, int32_t count,
                            struct kaftan_error *err)
{
    char text[1024];
    (void)self;
    int at = snprintf(text, sizeof text, "task_configs %s %d", connector, (int)count);
    for (int32_t i = 0; i < count; i++) {
        const char *part = text_map_get(configs[i], "part");
        at += snprintf(text + at, sizeof text - (size_t)at, " [%s %s %s]", text_map_get(configs[i], "task.class"),
                       text_map_get(configs[i], "topic"), part ? part : "-");
        text_map_unref(configs[i]);
    }
    if (err)
        (void)snprintf(text + at, sizeof text - (size_t)at, " error: %s", kaftan_error_message(err));
    mem_free(configs);
    kaftan_error_free(err);
    event(text);
}

static void on_reconfigure(void *self, const char *connector)
{
    char text[128];
    (void)self;
    (void)snprintf(text, sizeof text, "reconfigure %s", connector);
    event(text);
}

static int64_t owned_until(void *self)
{
    bool own;
    (void)self;
    LOCKED(own = s.own);
    return own ? INT64_MAX : 0;
}

/* ---- the world ---- */

struct world *world_new(const char *const *more)
{
    static const char *const base[] = { "bootstrap.servers", "127.0.0.1:1", "group.id", "g",
                                        "key.converter", SCRIPT_CONVERTER, "value.converter", SCRIPT_CONVERTER,
                                        "header.converter", SCRIPT_CONVERTER, "offset.storage.topic", "o",
                                        "config.storage.topic", "cf", "status.storage.topic", "st", NULL };
    const struct worker_events events = { NULL, on_connector_started, on_connector_stopped, on_task_stopped,
                                          on_task_configs, on_reconfigure, owned_until };
    struct world *w = mem_zalloc(1, sizeof *w);
    struct text_map *props = text_map_new();
    for (size_t i = 0; base[i]; i += 2)
        text_map_put(props, base[i], base[i + 1]);
    for (size_t i = 0; more && more[i]; i += 2)
        text_map_put(props, more[i], more[i + 1]);
    must(worker_config_new(props, true, &w->config));
    text_map_unref(props);
    w->registry = registry_new();
    must(registry_add(w->registry, &plugin, ""));
    w->metrics = metrics_new();
    w->worker = worker_new(w->config, w->registry, NULL, w->metrics, &events);
    worker_set_id(w->worker, "host:8083");
    return w;
}

void world_free(struct world *w)
{
    worker_free(w->worker);
    fake_store_answer_late();
    metrics_free(w->metrics);
    registry_free(w->registry);
    worker_config_free(w->config);
    mem_free(w);
}

struct text_map *script_config(const char *const *more)
{
    struct text_map *m = text_map_new();
    text_map_put(m, "name", "c");
    text_map_put(m, "connector.class", SCRIPT_CLASS);
    text_map_put(m, "topic", "t");
    for (size_t i = 0; more && more[i]; i += 2)
        text_map_put(m, more[i], more[i + 1]);
    return m;
}

void world_start_task(struct world *w, struct text_map *config, enum target_state target)
{
    worker_start_task(w->worker, "c", 0, config, config, target);
    text_map_unref(config);
}

void script_reset(void)
{
    fake_kafka_reset();
    fake_store_reset();
    pthread_mutex_lock(&lock);
    if (s.fd > 0)
        (void)close(s.fd);
    memset(&s, 0, sizeof s);
    s.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s.own = true;
    s.configs = 1;
    s.later = 2;
    pthread_mutex_unlock(&lock);
}

static void say(const char *message, bool dead)
{
    LOCKED(s.dead[s.said] = dead; (void)snprintf(s.messages[s.said++], TEXT, "%s", message));
    light();
}

void script_say(const char *message)
{
    say(message, false);
}

void script_say_dead(const char *message)
{
    say(message, true);
}

void script_fail_open(const char *text)
{
    LOCKED((void)snprintf(s.open_error, TEXT, "%s", text));
}

void script_fail_poll(const char *text, int code)
{
    LOCKED((void)snprintf(s.poll_error, TEXT, "%s", text); s.poll_code = code);
    light();
}

void script_hang(bool hang)
{
    LOCKED(s.hang = hang; pthread_cond_broadcast(&moved));
    light();
}

void script_flood(size_t per_poll, size_t total)
{
    LOCKED(s.flood_each = per_poll; s.flood_left = total);
    light();
}

void script_start_fails(const char *text)
{
    LOCKED((void)snprintf(s.start_error, TEXT, "%s", text));
}

void script_make_configs(int32_t count)
{
    LOCKED(s.configs = count);
}

void script_reconfigure(void)
{
    struct kaftan_task *t;
    LOCKED(t = s.connector);
    if (t)
        kaftan_task_reconfigure(t);
}

void script_flush_request(void)
{
    LOCKED(s.flush = true);
    light();
}

void script_touch(void)
{
    LOCKED(s.touch = true);
    light();
}

void script_say_idle(bool idle)
{
    LOCKED(s.idle = idle);
}

void script_busy_after_stop(bool busy)
{
    LOCKED(s.busy = busy);
}

void script_own(bool own)
{
    LOCKED(s.own = own);
}

static const char *copied(const char from[STORY])
{
    static char copies[8][STORY];
    static unsigned turn;
    char *to = copies[turn++ % 8];
    LOCKED(memcpy(to, from, STORY));
    return to;
}

const char *script_delivered(void)
{
    return copied(s.delivered);
}

const char *script_calls(void)
{
    return copied(s.calls);
}

const char *script_events(void)
{
    return copied(s.events);
}

bool script_may_acknowledge(void)
{
    bool may;
    LOCKED(may = s.may_acknowledge);
    return may;
}

uint64_t script_delivered_count(void)
{
    uint64_t n;
    LOCKED(n = s.delivered_count);
    return n;
}

size_t script_services(void)
{
    size_t n;
    LOCKED(n = s.services);
    return n;
}

size_t script_polls(void)
{
    size_t n;
    LOCKED(n = s.polls);
    return n;
}

void script_failed(const char *what)
{
    char statuses[1024], trace[4096];
    fake_store_statuses("c", 0, statuses, sizeof statuses);
    fake_store_trace(trace, sizeof trace);
    (void)fprintf(stderr, "did not come: %s; delivered '%.500s', calls '%.500s', events '%.500s', statuses '%s', trace '%s'\n",
                  what, script_delivered(), script_calls(), script_events(), statuses, trace);
    abort();
}
