/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/admin.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/asker.h"
#include "kafka/kafka_int.h"

enum { ASK_SLICE_MS = 2000, POLL_MS = 100 };

struct admin {
    rd_kafka_t *rk;          /* owned; a consumer: only those can ask for a topic without making it */
    rd_kafka_queue_t *queue; /* owned; the client's main queue, results come there too */
    struct asker *asker;     /* owned */
    int wake_fd, epoll_fd;
    struct admin_request *open; /* owned: all requests that were not fetched */
    char trouble[640];
    bool refused; /* the trouble is that Kafka does not let us in */
};

struct admin_request {
    struct admin *admin; /* borrowed */
    struct admin_request *next;
    bool done, cancelled;
    enum admin_topic topic;
    struct kaftan_error *err; /* owned */
    char *setting_name, *setting; /* owned; describing one setting */
};

struct describe_question {
    struct question base;
    rd_kafka_t *rk; /* borrowed */
    struct admin_request *request;
    char *topic; /* owned */
    int timeout_ms;
    int32_t partitions; /* 0: the topic is missing */
    rd_kafka_resp_err_t err;
};

/* ---- life ---- */

static void watch(const struct admin *a, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN };
    int rc = epoll_ctl(a->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
    ASSERT(rc == 0);
}

struct kaftan_error *admin_new(const struct text_map *props, struct admin **ret)
{
    char text[256];
    rd_kafka_conf_t *conf = NULL;
    struct kaftan_error *err = kafka_conf_new(KAFKA_ADMIN, props, &conf);
    if (err)
        return err;
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_CREATETOPICS_RESULT |
                                       RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        return kaftan_error_new(KAFTAN_E_INVALID, "no Kafka admin client: %s", text);
    }
    struct admin *a = mem_zalloc(1, sizeof *a);
    a->rk = rk;
    kafka_login_serve(rk);
    a->queue = rd_kafka_queue_get_main(rk);
    a->asker = asker_new(NULL, NULL, 0);
    a->wake_fd = wake_fd_new();
    wake_fd_enable(a->queue, a->wake_fd);
    a->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ASSERT(a->epoll_fd >= 0);
    watch(a, a->wake_fd);
    watch(a, asker_fd(a->asker));
    *ret = a;
    return NULL;
}

static struct admin_request *request_new(struct admin *a)
{
    struct admin_request *r = mem_zalloc(1, sizeof *r);
    r->admin = a;
    r->next = a->open;
    a->open = r;
    return r;
}

static void request_free(struct admin_request *r)
{
    struct admin_request **at = &r->admin->open;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    kaftan_error_free(r->err);
    mem_free(r->setting_name);
    mem_free(r->setting);
    mem_free(r);
}

void admin_free(struct admin *a)
{
    if (!a)
        return;
    asker_free(a->asker); /* first: it uses the client */
    rd_kafka_queue_destroy(a->queue);
    rd_kafka_destroy(a->rk);
    while (a->open)
        request_free(a->open);
    wake_fd_close(a->wake_fd);
    close(a->epoll_fd);
    mem_free(a);
}

int admin_fd(const struct admin *a)
{
    return a->epoll_fd;
}

/* ---- results ---- */

static void request_fail(struct admin_request *r, rd_kafka_resp_err_t err, const char *text, const char *what)
{
    enum kaftan_code code = kafka_code(err);
    if (err == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR)
        code = KAFTAN_E_CONFLICT;
    r->err = kaftan_error_new(code, "%s: %s", what, text && *text ? text : rd_kafka_err2str(err));
}

static void created(struct admin_request *r, rd_kafka_resp_err_t err, const char *text, const char *topic)
{
    char what[320];
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        r->topic = ADMIN_TOPIC_CREATED;
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS:
        r->topic = ADMIN_TOPIC_EXISTS;
        break;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
        r->topic = ADMIN_TOPIC_DENIED;
        break;
    default:
        snprintf(what, sizeof what, "topic '%s' cannot be created", topic);
        request_fail(r, err, text, what);
    }
}

static void on_created(struct admin_request *r, rd_kafka_event_t *e)
{
    size_t count = 0;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(e);
    const rd_kafka_topic_result_t **topics = result ? rd_kafka_CreateTopics_result_topics(result, &count) : NULL;
    rd_kafka_resp_err_t err = rd_kafka_event_error(e);
    if (err)
        created(r, err, rd_kafka_event_error_string(e), "");
    else if (count == 1)
        created(r, rd_kafka_topic_result_error(topics[0]), rd_kafka_topic_result_error_string(topics[0]),
                rd_kafka_topic_result_name(topics[0]));
    else
        created(r, RD_KAFKA_RESP_ERR__BAD_MSG, NULL, "");
}

static void on_settings(struct admin_request *r, rd_kafka_event_t *e)
{
    size_t resources = 0, entries = 0;
    const rd_kafka_DescribeConfigs_result_t *result = rd_kafka_event_DescribeConfigs_result(e);
    const rd_kafka_ConfigResource_t **all = result ? rd_kafka_DescribeConfigs_result_resources(result, &resources) : NULL;
    rd_kafka_resp_err_t err = rd_kafka_event_error(e);
    if (!err && resources == 1)
        err = rd_kafka_ConfigResource_error(all[0]);
    if (err) {
        request_fail(r, err, NULL, "topic settings cannot be read");
        r->topic = err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
                           err == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION || err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE
                       ? ADMIN_TOPIC_DENIED
                       : ADMIN_TOPIC_EXISTS;
        return;
    }
    const rd_kafka_ConfigEntry_t **list = resources == 1 ? rd_kafka_ConfigResource_configs(all[0], &entries) : NULL;
    for (size_t i = 0; i < entries; i++) {
        const char *value = rd_kafka_ConfigEntry_value(list[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(list[i]), r->setting_name) == 0 && value && !r->setting)
            r->setting = mem_strdup(value);
    }
}

static void on_trouble(struct admin *a, rd_kafka_resp_err_t err, const char *text)
{
    const char *hint = kafka_trouble_hint(a->rk, text);
    /* "all brokers are down" comes beside the reason, which says more */
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && *a->trouble)
        return;
    /* librdkafka keeps silent about brokers that close the connection: where there is no other reason, it is that */
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        hint = "they hang up: does the port expect TLS or a login (security.protocol)?";
    (void)snprintf(a->trouble, sizeof a->trouble, "%s%s%s", text, hint ? ": " : "", hint ? hint : "");
    a->refused = err == RD_KAFKA_RESP_ERR__AUTHENTICATION;
}

static void on_event(struct admin *a, rd_kafka_event_t *e)
{
    struct admin_request *r = NULL;
    switch (rd_kafka_event_type(e)) {
    case RD_KAFKA_EVENT_ERROR:
        on_trouble(a, rd_kafka_event_error(e), rd_kafka_event_error_string(e));
        return;
    case RD_KAFKA_EVENT_CREATETOPICS_RESULT:
        r = rd_kafka_event_opaque(e);
        on_created(r, e);
        break;
    case RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT:
        r = rd_kafka_event_opaque(e);
        on_settings(r, e);
        break;
    default:
        return;
    }
    r->done = true;
    if (r->cancelled)
        request_free(r);
}

static void described(struct describe_question *d)
{
    struct admin_request *r = d->request;
    char what[320];
    r->done = true;
    if (d->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        r->topic = ADMIN_TOPIC_DENIED;
    } else if (d->err) {
        snprintf(what, sizeof what, "topic '%s' cannot be described", d->topic);
        request_fail(r, d->err, NULL, what);
    } else {
        r->topic = d->partitions > 0 ? ADMIN_TOPIC_EXISTS : ADMIN_TOPIC_MISSING;
    }
    if (r->cancelled)
        request_free(r);
}

/* Fetches what has come; waits for the first event at most wait_ms. */
static void pump(struct admin *a, int wait_ms)
{
    rd_kafka_event_t *e;
    struct question *q;
    wake_fd_clear(a->wake_fd);
    while ((e = rd_kafka_queue_poll(a->queue, wait_ms))) {
        on_event(a, e);
        rd_kafka_event_destroy(e);
        wait_ms = 0;
    }
    while ((q = asker_answer(a->asker))) {
        described(CONTAINER_OF(q, struct describe_question, base));
        q->free(q);
    }
}

bool admin_result(struct admin_request *r, enum admin_topic *ret, struct kaftan_error **ret_err)
{
    pump(r->admin, 0);
    if (!r->done)
        return false;
    *ret = r->topic;
    *ret_err = r->err;
    r->err = NULL;
    request_free(r);
    return true;
}

void admin_cancel(struct admin_request *r)
{
    if (!r)
        return;
    if (r->done)
        request_free(r);
    else
        r->cancelled = true; /* freed when its answer comes */
}

const char *admin_trouble(struct admin *a)
{
    pump(a, 0);
    return a->trouble;
}

bool admin_refused(struct admin *a)
{
    pump(a, 0);
    return a->refused;
}

/* ---- requests ---- */

static rd_kafka_AdminOptions_t *options_new(struct admin *a, rd_kafka_admin_op_t op, int timeout_ms,
                                            struct admin_request *r)
{
    char text[128];
    rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(a->rk, op);
    rd_kafka_AdminOptions_set_request_timeout(o, timeout_ms < 1 ? 1 : timeout_ms, text, sizeof text);
    rd_kafka_AdminOptions_set_opaque(o, r);
    return o;
}

struct admin_request *admin_create_start(struct admin *a, const struct admin_new_topic *t, int timeout_ms)
{
    char text[256];
    const char *key, *value;
    struct admin_request *r = request_new(a);
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(t->name, t->partitions, t->replication, text, sizeof text);
    if (!topic) {
        r->done = true;
        r->err = kaftan_error_new(KAFTAN_E_INVALID, "topic '%s' cannot be created: %s", t->name, text);
        return r;
    }
    for (size_t i = 0; t->config && text_map_at(t->config, &i, &key, &value);)
        if (value)
            rd_kafka_NewTopic_set_config(topic, key, value);
    rd_kafka_AdminOptions_t *o = options_new(a, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms, r);
    rd_kafka_CreateTopics(a->rk, &topic, 1, o, a->queue);
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_NewTopic_destroy(topic);
    return r;
}

static void describe_free(struct question *q)
{
    struct describe_question *d = CONTAINER_OF(q, struct describe_question, base);
    mem_free(d->topic);
    mem_free(d);
}

/* One attempt; partitions 0 without an error: there is no such topic. */
static rd_kafka_resp_err_t count_partitions(rd_kafka_t *rk, const char *topic, int timeout_ms, int32_t *ret)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    if (!handle)
        return rd_kafka_last_error();
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, handle, &md, timeout_ms);
    rd_kafka_topic_destroy(handle);
    if (!err && md->topic_cnt == 1)
        err = md->topics[0].err;
    *ret = 0;
    if (!err && md->topic_cnt == 1)
        *ret = md->topics[0].partition_cnt;
    if (md)
        rd_kafka_metadata_destroy(md);
    return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? RD_KAFKA_RESP_ERR_NO_ERROR : err;
}

/* Asker's thread. */
static void describe_ask(struct question *q, const struct asker *asker)
{
    struct describe_question *d = CONTAINER_OF(q, struct describe_question, base);
    int64_t deadline = clock_mono_ms() + d->timeout_ms, left;
    d->err = RD_KAFKA_RESP_ERR__TIMED_OUT;
    while ((left = deadline - clock_mono_ms()) > 0 && !asker_stopping(asker)) {
        d->err = count_partitions(d->rk, d->topic, (int)(left > ASK_SLICE_MS ? ASK_SLICE_MS : left), &d->partitions);
        if (d->err != RD_KAFKA_RESP_ERR__TIMED_OUT && d->err != RD_KAFKA_RESP_ERR__TRANSPORT)
            return;
    }
}

struct admin_request *admin_describe_start(struct admin *a, const char *topic, int timeout_ms)
{
    struct describe_question *d = mem_zalloc(1, sizeof *d);
    *d = (struct describe_question){ .base = { .ask = describe_ask, .free = describe_free }, .rk = a->rk,
                                     .request = request_new(a), .topic = mem_strdup(topic), .timeout_ms = timeout_ms };
    struct admin_request *r = d->request;
    asker_ask(a->asker, &d->base);
    return r;
}

/* ---- waiting forms ---- */

static bool wait_done(struct admin *a, const struct admin_request *r, int64_t deadline)
{
    while (!r->done && clock_mono_ms() < deadline)
        pump(a, POLL_MS);
    return r->done;
}

struct kaftan_error *admin_create_wait(struct admin *a, const struct admin_new_topic *t, int timeout_ms,
                                       enum admin_topic *ret)
{
    struct admin_request *r = admin_create_start(a, t, timeout_ms);
    struct kaftan_error *err = NULL;
    if (wait_done(a, r, clock_mono_ms() + timeout_ms + POLL_MS)) {
        admin_result(r, ret, &err);
        return err;
    }
    admin_cancel(r);
    return kaftan_error_new(KAFTAN_E_TIMEOUT, "topic '%s' cannot be created: Kafka does not answer", t->name);
}

struct kaftan_error *admin_topic_setting(struct admin *a, const char *topic, const char *name, int timeout_ms, char **ret)
{
    struct admin_request *r = request_new(a);
    rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_t *o = options_new(a, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms, r);
    r->setting_name = mem_strdup(name);
    rd_kafka_DescribeConfigs(a->rk, &resource, 1, o, a->queue);
    rd_kafka_AdminOptions_destroy(o);
    rd_kafka_ConfigResource_destroy(resource);
    if (!wait_done(a, r, clock_mono_ms() + timeout_ms + POLL_MS)) {
        admin_cancel(r);
        return kaftan_error_new(KAFTAN_E_TIMEOUT, "settings of topic '%s': Kafka does not answer", topic);
    }
    struct kaftan_error *err = NULL;
    if (r->err && r->topic != ADMIN_TOPIC_DENIED) {
        err = r->err;
        r->err = NULL;
    } else {
        *ret = r->setting;
        r->setting = NULL;
    }
    request_free(r);
    return err;
}

struct kaftan_error *admin_partition_count(struct admin *a, const char *topic, int timeout_ms, int32_t *ret)
{
    int32_t count = 0;
    rd_kafka_resp_err_t err = count_partitions(a->rk, topic, timeout_ms, &count);
    if (err) {
        char what[384];
        (void)snprintf(what, sizeof what, "topic '%s' cannot be described", topic);
        return kafka_topic_error(err, "Describe", slice_of(topic), what);
    }
    if (!count)
        return kaftan_error_new(KAFTAN_E_NOT_FOUND, "topic '%s' does not exist", topic);
    *ret = count;
    return NULL;
}

struct kaftan_error *admin_cluster_id(struct admin *a, int timeout_ms, char **ret)
{
    const struct rd_kafka_metadata *md = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(a->rk, 0, NULL, &md, timeout_ms);
    if (md)
        rd_kafka_metadata_destroy(md);
    if (err)
        return kafka_error(err, "Kafka does not answer");
    char *id = rd_kafka_clusterid(a->rk, timeout_ms);
    *ret = id ? mem_strdup(id) : NULL;
    if (id)
        rd_kafka_mem_free(a->rk, id);
    return NULL;
}
