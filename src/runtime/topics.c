/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A topic goes UNKNOWN -> ASKED (describe) -> READY, or, when it is missing,
 * ASKED -> MAKING (create) -> READY. Only the record at the head of the queue
 * waits for an answer, so one question at a time is enough; errors that may
 * pass are asked again after a pause.
 */
#include "config.h"

#include "runtime/topics.h"

#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/admin.h"
#include "kafka/conf.h"
#include "runtime/topic_groups.h"

static struct log logger = LOG("runtime.topics");

enum { ADMIN_TIMEOUT_MS = 30000, RETRY_US = 500000, SEEN_US = 1000000, SLOTS_MIN = 64 };

enum topic_state { TOPIC_UNKNOWN, TOPIC_ASKED, TOPIC_MAKING, TOPIC_USABLE };

struct topic {
    char *name; /* owned */
    size_t len;
    uint64_t hash;
    enum topic_state state;
    bool dead_letter;
    kaftan_deadline seen;
};

struct topics {
    struct topic **slots; /* owned table, open addressing; each entry owned */
    size_t slot_count, count;
    struct topic *last;           /* the one asked for last: most tasks have one topic */
    struct topic *dead_letter;    /* NULL: none */
    int16_t dead_letter_replication;
    struct topic_groups *groups;  /* owned; NULL: the broker decides */
    struct text_map *admin_props; /* owned */
    struct admin *admin;          /* owned; made when first needed */
    struct admin_request *request; /* owned; NULL: nothing is asked */
    struct topic *asked;          /* what the request is about */
    kaftan_deadline retry_at;
};

/* FNV-1a; the table is the task's own, and a crowded one is only slow. */
static uint64_t hash_of(struct kaftan_slice name)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < name.len; i++)
        h = (h ^ (unsigned char)name.ptr[i]) * 0x100000001b3u;
    return h;
}

static void table_put(struct topics *t, struct topic *topic)
{
    size_t mask = t->slot_count - 1, i = topic->hash & mask;
    while (t->slots[i])
        i = (i + 1) & mask;
    t->slots[i] = topic;
}

static void table_grow(struct topics *t)
{
    struct topic **old = t->slots;
    size_t n = t->slot_count;
    t->slot_count = n ? n * 2 : SLOTS_MIN;
    t->slots = mem_zalloc(t->slot_count, sizeof(struct topic *));
    for (size_t i = 0; i < n; i++)
        if (old[i])
            table_put(t, old[i]);
    mem_free(old);
}

static bool is_name(const struct topic *topic, struct kaftan_slice name)
{
    return topic->len == name.len && memcmp(topic->name, name.ptr, name.len) == 0;
}

struct topic *topics_find(struct topics *t, struct kaftan_slice name)
{
    if (t->last && is_name(t->last, name))
        return t->last;
    uint64_t hash = hash_of(name);
    size_t mask = t->slot_count - 1;
    for (size_t i = hash & mask; t->slots[i]; i = (i + 1) & mask)
        if (t->slots[i]->hash == hash && is_name(t->slots[i], name))
            return t->last = t->slots[i];
    if ((t->count + 1) * 2 > t->slot_count)
        table_grow(t);
    struct topic *topic = mem_zalloc(1, sizeof *topic);
    topic->name = mem_strndup(name.ptr, name.len);
    topic->len = name.len;
    topic->hash = hash;
    topic->state = t->groups ? TOPIC_UNKNOWN : TOPIC_USABLE;
    table_put(t, topic);
    t->count++;
    return t->last = topic;
}

struct kaftan_error *topics_new(const struct topics_options *o, struct topics **ret)
{
    struct topics *t = mem_zalloc(1, sizeof *t);
    table_grow(t);
    if (o->creation) {
        struct kaftan_error *err = topic_groups_new(o->connector, &t->groups);
        if (err) {
            topics_free(t);
            return err;
        }
    }
    if (o->dead_letter && *o->dead_letter) {
        t->dead_letter = topics_find(t, slice_of(o->dead_letter));
        t->dead_letter->state = TOPIC_UNKNOWN;
        t->dead_letter->dead_letter = true;
        t->dead_letter_replication = o->dead_letter_replication;
    }
    t->admin_props = kafka_task_props(KAFKA_ADMIN, o->worker, o->connector, o->client_id);
    *ret = t;
    return NULL;
}

void topics_free(struct topics *t)
{
    if (!t)
        return;
    admin_cancel(t->request);
    admin_free(t->admin);
    text_map_unref(t->admin_props);
    topic_groups_free(t->groups);
    for (size_t i = 0; i < t->slot_count; i++) {
        if (!t->slots[i])
            continue;
        mem_free(t->slots[i]->name);
        mem_free(t->slots[i]);
    }
    mem_free(t->slots);
    mem_free(t);
}

struct topic *topics_dead_letter(struct topics *t)
{
    return t->dead_letter;
}

struct kaftan_slice topic_name(const struct topic *t)
{
    return (struct kaftan_slice){ t->name, t->len };
}

int topics_fd(const struct topics *t)
{
    return t->request ? admin_fd(t->admin) : -1;
}

kaftan_deadline topics_retry_at(const struct topics *t)
{
    return t->retry_at;
}

bool topic_seen(struct topic *t, kaftan_deadline now)
{
    if (t->seen != 0 && now - t->seen < SEEN_US)
        return false;
    t->seen = now;
    return true;
}

static void create(struct topics *t, struct topic *topic)
{
    struct admin_new_topic new = { .name = topic->name, .partitions = 1, .replication = t->dead_letter_replication };
    const char *group = "dead letters";
    if (!topic->dead_letter)
        topic_groups_match(t->groups, topic_name(topic), &new, &group);
    log_info(&logger, "creating topic", LOG_STR("topic", topic->name), LOG_STR("group", group),
             LOG_INT("partitions", new.partitions), LOG_INT("replication", new.replication));
    topic->state = TOPIC_MAKING;
    t->asked = topic;
    t->request = admin_create_start(t->admin, &new, ADMIN_TIMEOUT_MS);
}

static struct kaftan_error *refused(const struct topic *topic, struct kaftan_error *cause)
{
    const char *advice = "Task failed to create new topic '%s'. Create it, or allow the task to create it, and restart "
                         "the task";
    if (!cause)
        cause = kaftan_error_new(KAFTAN_E_KAFKA, "the task's admin client needs the operation Create on the resource Topic %s", topic->name);
    return kaftan_error_wrap(cause, advice, topic->name);
}

/* Takes the answer if it has come. */
static struct kaftan_error *take_answer(struct topics *t)
{
    struct topic *topic = t->asked;
    enum admin_topic answer = ADMIN_TOPIC_MISSING;
    struct kaftan_error *err = NULL;
    if (!t->request || !admin_result(t->request, &answer, &err))
        return NULL;
    bool making = topic->state == TOPIC_MAKING;
    t->request = NULL;
    topic->state = TOPIC_UNKNOWN;
    if (err && kaftan_error_retriable(err)) {
        log_warn(&logger, "cannot ask for a topic just now, trying again", LOG_STR("topic", topic->name), LOG_ERR(err));
        kaftan_error_free(err);
        t->retry_at = clock_mono_us() + RETRY_US;
        return NULL;
    }
    if (err)
        return refused(topic, err);
    if (answer == ADMIN_TOPIC_CREATED || answer == ADMIN_TOPIC_EXISTS)
        topic->state = TOPIC_USABLE;
    else if (!making) /* missing, or it cannot be asked for: then creating it tells more */
        create(t, topic);
    else
        return refused(topic, NULL);
    return NULL;
}

enum topics_answer topics_ready(struct topics *t, struct topic *topic, struct kaftan_error **ret_err)
{
    if (topic->state == TOPIC_USABLE)
        return TOPIC_READY;
    struct kaftan_error *err = take_answer(t);
    if (!err && !t->admin)
        err = admin_new(t->admin_props, &t->admin);
    if (err) {
        *ret_err = err;
        return TOPIC_REFUSED;
    }
    if (topic->state == TOPIC_USABLE)
        return TOPIC_READY;
    if (t->request)
        return TOPIC_WAIT;
    if (t->retry_at > clock_mono_us())
        return TOPIC_WAIT;
    t->retry_at = 0;
    topic->state = TOPIC_ASKED;
    t->asked = topic;
    t->request = admin_describe_start(t->admin, topic->name, ADMIN_TIMEOUT_MS);
    return TOPIC_WAIT;
}
