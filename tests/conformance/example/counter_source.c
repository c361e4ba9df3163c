/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A complete source connector: counts 0, 1, 2 ... into a topic, and after a
 * restart goes on where Kafka has the last number.
 */
#include <stdio.h>
#include <string.h>
#include <kaftan/connector.h>

struct counter_config {
    const char *topic;
    int32_t interval_ms;
};

static const struct kaftan_config_key counter_keys[] = {
    { .name = "topic", KAFTAN_STRING_FIELD(struct counter_config, topic), .def = KAFTAN_NO_DEFAULT,
      .non_empty = true, .importance = KAFTAN_HIGH, .group = "Counter", .doc = "Topic the numbers are written to." },
    { .name = "interval.ms", KAFTAN_INT_FIELD(struct counter_config, interval_ms), .def = "1000", .ranged = true,
      .min = 1, .importance = KAFTAN_LOW, .group = "Counter", .doc = "Time between two numbers." },
    { .name = NULL },
};

struct counter {
    const struct counter_config *config; /* borrowed until close */
    struct kaftan_task *task;            /* borrowed until close */
    uint32_t partition;                  /* number of the source partition */
    int64_t next;                        /* the next number to give */
    int64_t stored;                      /* Kafka has everything below */
    kaftan_deadline due;
};

/* {"key": value}, in arena memory. */
static struct kaftan_value single(struct kaftan_arena *a, const char *key, struct kaftan_value value)
{
    struct kaftan_map_entry *entry = kaftan_arena_alloc(a, sizeof *entry);
    struct kaftan_map *map = kaftan_arena_alloc(a, sizeof *map);
    struct kaftan_value v = { KAFTAN_KIND_MAP, 0, { 0 } };
    entry->key = kaftan_string(key, strlen(key));
    entry->value = value;
    map->count = 1;
    map->entries = entry;
    v.as.map = map;
    return v;
}

/* The source partition is looked up at the first poll: there an arena is at hand. */
static struct kaftan_error *begin(struct counter *c, struct kaftan_arena *a)
{
    struct kaftan_value offset, partition = single(a, "counter", kaftan_string("main", 4));
    struct kaftan_error *err = kaftan_task_partition(c->task, &partition, &c->partition);
    if (!err)
        err = kaftan_task_offset(c->task, &partition, a, &offset);
    if (err)
        return err;
    const struct kaftan_value *next = kaftan_map_get(&offset, "next"); /* NULL: nothing stored yet */
    c->next = c->stored = next && next->kind == KAFTAN_KIND_INT64 ? next->as.i : 0;
    c->due = kaftan_now_us();
    return NULL;
}

static struct kaftan_error *counter_open(const void *config, struct kaftan_task *task, void **ret)
{
    struct counter *c = kaftan_alloc(1, sizeof *c);
    c->config = config;
    c->task = task;
    c->next = -1;
    *ret = c;
    return NULL;
}

static struct kaftan_error *counter_poll(void *self, kaftan_deadline deadline, struct kaftan_batch *batch)
{
    struct counter *c = self;
    struct kaftan_record *r;
    (void)deadline; /* nothing here waits: the worker does, until `due` */
    if (c->next < 0) {
        struct kaftan_error *err = begin(c, kaftan_batch_arena(batch));
        if (err)
            return err;
    }
    while (kaftan_now_us() >= c->due && (r = kaftan_batch_add(batch)) != NULL) {
        char *text = kaftan_arena_alloc(kaftan_batch_arena(batch), 24);
        int length = snprintf(text, 24, "%lld", (long long)c->next);
        r->topic.ptr = c->config->topic;
        r->topic.len = strlen(c->config->topic);
        r->value_schema = kaftan_schema_of(KAFTAN_TYPE_STRING, false);
        r->value = kaftan_string(text, (size_t)length);
        r->source_partition = c->partition;
        r->token = (uint64_t)c->next++;
        c->due += (kaftan_deadline)c->config->interval_ms * 1000;
    }
    kaftan_task_wait_until(c->task, c->due);
    return NULL;
}

/* Outcomes come in the order of the records, each once. A failed one is not in Kafka: do not count past it. */
static void counter_delivered(void *self, const struct kaftan_delivery *d, size_t count)
{
    struct counter *c = self;
    for (size_t i = 0; i < count; i++)
        if (d[i].outcome != KAFTAN_FAILED)
            c->stored = (int64_t)d[i].token + 1;
}

static bool counter_offset_get(void *self, uint32_t partition, struct kaftan_arena *a, struct kaftan_value *ret)
{
    const struct counter *c = self;
    (void)partition; /* there is only one */
    *ret = single(a, "next", kaftan_int(KAFTAN_KIND_INT64, c->stored));
    return true;
}

static void counter_close(void *self)
{
    kaftan_free(self);
}

static const struct kaftan_source counter_source = {
    .size = sizeof(struct kaftan_source),
    .class_name = "com.example.CounterSourceConnector",
    .version = "1.0",
    .config = counter_keys,
    .config_size = sizeof(struct counter_config),
    .open = counter_open,
    .poll = counter_poll,
    .delivered = counter_delivered,
    .offset_get = counter_offset_get,
    .close = counter_close,
};
static const struct kaftan_source *const sources[] = { &counter_source, NULL };

KAFTAN_PLUGIN(.name = "counter", .version = "1.0", .sources = sources);
