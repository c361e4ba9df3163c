/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fake/fake_kafka.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kafka/admin.h"
#include "kafka/conf.h"
#include "kafka/producer.h"

struct answer {
    uint64_t token;
    int code;
};
struct producer {
    int fd;
    size_t in_flight;
    bool cut;
    struct answer answers[FAKE_RECORDS]; /* ring; guarded by the lock as well */
    size_t first, count;
};
struct admin {
    int fd;
};
struct admin_request {
    struct admin *admin;
    char name[FAKE_TEXT];
    bool create;
};
/* Who sent a record, by number modulo FAKE_RECORDS. */
struct sent {
    struct producer *by; /* NULL: answered, or its producer is gone */
    uint64_t token;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool keep, hold, deny;
    size_t limit, sent, cut, questions;
    int admin_failures;
    char refuse[FAKE_TEXT], fail_topic[FAKE_TEXT], created[256];
    int fail_code;
    struct sent by_number[FAKE_RECORDS];
    struct fake_record *records;
    char topics[64][FAKE_TEXT];
    size_t topic_count;
} f;

#define LOCKED(statement)                \
    do {                                 \
        pthread_mutex_lock(&lock);       \
        statement;                       \
        pthread_mutex_unlock(&lock);     \
    } while (0)

void fake_kafka_reset(void)
{
    pthread_mutex_lock(&lock);
    struct fake_record *records = f.records ? f.records : calloc(FAKE_RECORDS, sizeof *records);
    memset(&f, 0, sizeof f);
    f.records = records;
    f.keep = true;
    f.limit = FAKE_RECORDS / 2;
    pthread_mutex_unlock(&lock);
}

static void light(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof one) < 0)
        abort();
}

static void dark(int fd)
{
    uint64_t n;
    (void)!read(fd, &n, sizeof n);
}

/* With the lock. */
static void answer(size_t number, int code)
{
    struct sent *s = &f.by_number[number % FAKE_RECORDS];
    struct producer *p = s->by;
    s->by = NULL;
    if (!p)
        return;
    p->answers[(p->first + p->count) % FAKE_RECORDS] = (struct answer){ s->token, code };
    if (p->count++ == 0)
        light(p->fd);
}

void fake_kafka_keep(bool keep)
{
    LOCKED(f.keep = keep);
}

void fake_kafka_hold(bool hold)
{
    LOCKED(f.hold = hold);
}

void fake_kafka_limit(size_t limit)
{
    LOCKED(f.limit = limit);
}

void fake_kafka_refuse(const char *value_prefix)
{
    LOCKED((void)snprintf(f.refuse, sizeof f.refuse, "%s", value_prefix ? value_prefix : ""));
}

void fake_kafka_fail_topic(const char *topic, int code)
{
    LOCKED((void)snprintf(f.fail_topic, sizeof f.fail_topic, "%s", topic ? topic : ""); f.fail_code = code);
}

void fake_kafka_report(size_t number, int code)
{
    LOCKED(answer(number, code));
}

size_t fake_kafka_sent(void)
{
    size_t n;
    LOCKED(n = f.sent);
    return n;
}

size_t fake_kafka_cut(void)
{
    size_t n;
    LOCKED(n = f.cut);
    return n;
}

struct fake_record fake_kafka_record(size_t number)
{
    struct fake_record r;
    LOCKED(r = f.records[number]);
    return r;
}

void fake_kafka_topic_add(const char *topic)
{
    LOCKED((void)snprintf(f.topics[f.topic_count++], FAKE_TEXT, "%s", topic));
}

void fake_kafka_deny_creation(bool deny)
{
    LOCKED(f.deny = deny);
}

void fake_kafka_admin_failures(int count)
{
    LOCKED(f.admin_failures = count);
}

void fake_kafka_created(char *ret, size_t size)
{
    LOCKED((void)snprintf(ret, size, "%s", f.created));
}

size_t fake_kafka_questions(void)
{
    size_t n;
    LOCKED(n = f.questions);
    return n;
}

/* ---- producer.h ---- */

struct kaftan_error *producer_new(const struct text_map *props, size_t in_flight_limit, int64_t rest_ms, struct producer **ret)
{
    (void)rest_ms;
    (void)props, (void)in_flight_limit;
    struct producer *p = calloc(1, sizeof *p);
    p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *ret = p;
    return NULL;
}

void producer_free(struct producer *p)
{
    if (!p)
        return;
    LOCKED(for (size_t i = 0; i < FAKE_RECORDS; i++) if (f.by_number[i].by == p) f.by_number[i].by = NULL);
    (void)close(p->fd);
    free(p);
}

void producer_cut(struct producer *p)
{
    pthread_mutex_lock(&lock);
    p->cut = true;
    for (size_t i = 0; i < FAKE_RECORDS; i++)
        if (f.by_number[i].by == p) {
            f.by_number[i].by = NULL;
            f.cut++;
        }
    pthread_mutex_unlock(&lock);
}

static void copy_text(char to[FAKE_TEXT], struct kaftan_slice s)
{
    if (s.ptr)
        (void)snprintf(to, FAKE_TEXT, "%.*s", (int)(s.len < FAKE_TEXT ? s.len : FAKE_TEXT - 1), s.ptr);
    else
        (void)snprintf(to, FAKE_TEXT, "<null>");
}

static void keep(const struct producer_record *r)
{
    struct fake_record *k = &f.records[f.sent];
    copy_text(k->topic, r->topic);
    copy_text(k->key, r->key);
    copy_text(k->value, r->value);
    k->value_len = r->value.len;
    k->timestamp = r->timestamp;
    k->header_count = r->header_count;
    for (size_t i = 0; i < r->header_count && i < FAKE_HEADERS; i++) {
        copy_text(k->headers[i][0], r->headers[i].name);
        copy_text(k->headers[i][1], r->headers[i].value);
    }
}

enum producer_result producer_send(struct producer *p, const struct producer_record *r, struct kaftan_error **ret_err)
{
    enum producer_result result = PRODUCER_TAKEN;
    pthread_mutex_lock(&lock);
    size_t refused = strlen(f.refuse);
    if (p->cut || p->in_flight >= f.limit) {
        result = PRODUCER_FULL;
    } else if (refused > 0 && r->value.len >= refused && memcmp(r->value.ptr, f.refuse, refused) == 0) {
        *ret_err = kaftan_error_new(KAFTAN_E_DATA, "the record is too large");
        result = PRODUCER_REFUSED;
    } else {
        size_t number = f.sent;
        if (f.keep)
            keep(r);
        f.by_number[number % FAKE_RECORDS] = (struct sent){ p, r->token };
        bool fails = f.fail_topic[0] && r->topic.len == strlen(f.fail_topic) &&
                     memcmp(r->topic.ptr, f.fail_topic, r->topic.len) == 0;
        f.sent++;
        p->in_flight++;
        if (!f.hold)
            answer(number, fails ? f.fail_code : -1);
    }
    pthread_mutex_unlock(&lock);
    return result;
}

void producer_flush_start(struct producer *p)
{
    (void)p;
}

size_t producer_reports(struct producer *p, struct producer_report *ret, size_t limit)
{
    size_t n = 0;
    pthread_mutex_lock(&lock);
    for (; n < limit && p->count > 0; n++) {
        struct answer a = p->answers[p->first];
        p->first = (p->first + 1) % FAKE_RECORDS;
        p->in_flight--;
        if (--p->count == 0)
            dark(p->fd);
        ret[n] = (struct producer_report){ .token = a.token };
        if (a.code >= 0)
            ret[n].err = kaftan_error_new((enum kaftan_code)a.code, "Kafka says no");
    }
    pthread_mutex_unlock(&lock);
    return n;
}

int producer_fd(const struct producer *p)
{
    return p->fd;
}

size_t producer_in_flight(const struct producer *p)
{
    size_t n;
    LOCKED(n = p->in_flight);
    return n;
}

/* ---- conf.h ---- */

struct text_map *kafka_task_props(enum kafka_kind kind, const struct text_map *worker, const struct text_map *connector,
                                  const char *client_id)
{
    (void)kind, (void)worker, (void)connector;
    struct text_map *m = text_map_new();
    text_map_put(m, "client.id", client_id);
    return m;
}

/* ---- admin.h ---- */

struct kaftan_error *admin_new(const struct text_map *props, struct admin **ret)
{
    (void)props;
    struct admin *a = calloc(1, sizeof *a);
    a->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    *ret = a;
    return NULL;
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    (void)close(a->fd);
    free(a);
}

int admin_fd(const struct admin *a)
{
    return a->fd;
}

static struct admin_request *request(struct admin *a, const char *name, bool create)
{
    struct admin_request *r = calloc(1, sizeof *r);
    r->admin = a;
    r->create = create;
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    light(a->fd);
    return r;
}

struct admin_request *admin_create_start(struct admin *a, const struct admin_new_topic *t, int timeout_ms)
{
    (void)timeout_ms;
    pthread_mutex_lock(&lock);
    int at = snprintf(f.created, sizeof f.created, "%s %d %d", t->name, (int)t->partitions, (int)t->replication);
    const char *key, *value;
    for (size_t i = 0; t->config && text_map_at(t->config, &i, &key, &value);)
        at += snprintf(f.created + at, sizeof f.created - (size_t)at, " %s=%s", key, value);
    pthread_mutex_unlock(&lock);
    return request(a, t->name, true);
}

struct admin_request *admin_describe_start(struct admin *a, const char *topic, int timeout_ms)
{
    (void)timeout_ms;
    LOCKED(f.questions++);
    return request(a, topic, false);
}

bool admin_result(struct admin_request *r, enum admin_topic *ret, struct kaftan_error **ret_err)
{
    pthread_mutex_lock(&lock);
    bool there = false;
    for (size_t i = 0; i < f.topic_count; i++)
        there = there || strcmp(f.topics[i], r->name) == 0;
    if (f.admin_failures > 0) {
        f.admin_failures--;
        *ret_err = kaftan_error_new(KAFTAN_E_RETRIABLE, "no broker just now");
    } else if (there) {
        *ret = ADMIN_TOPIC_EXISTS;
    } else if (!r->create) {
        *ret = ADMIN_TOPIC_MISSING;
    } else if (f.deny) {
        *ret = ADMIN_TOPIC_DENIED;
    } else {
        *ret = ADMIN_TOPIC_CREATED;
        (void)snprintf(f.topics[f.topic_count++], FAKE_TEXT, "%s", r->name);
    }
    dark(r->admin->fd);
    pthread_mutex_unlock(&lock);
    free(r);
    return true;
}

void admin_cancel(struct admin_request *r)
{
    free(r);
}
