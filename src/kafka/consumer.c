/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/consumer.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/asker.h"
#include "kafka/kafka_int.h"

/*
 * "At the end" is decided by two numbers per partition: the end offset that
 * was asked for with isolation read_uncommitted, and the position behind the
 * last record returned. Transaction markers and aborted records have offsets
 * but are never returned, so a position also moves on the client's
 * end-of-partition events, whose offset counts them.
 *
 * Partitions are read one by one with no group at all: a group would need a
 * coordinator and a permission that reading does not.
 */

static struct log logger = LOG("kafka.reader");

enum { LOOKUP_MS = 30000, LOOKUP_FIRST_MS = 100, LOOKUP_LAST_MS = 1000, BATCH = 256, END_AGAIN_MS = 200, DENIED_AGAIN_MS = 2000, ASK_FIRST_MS = 1000, ASK_LAST_MS = 2000, REST_MS = 30000 };

struct end_question {
    struct question base;
    struct log_reader *reader; /* borrowed; outlives the asker */
    int32_t partitions;
    uint64_t ticket;     /* all asked up to this one are answered */
    int64_t *ends;       /* owned */
    rd_kafka_resp_err_t err;
};

struct log_reader {
    char *topic;             /* owned */
    rd_kafka_t *rk;          /* owned */
    /* For end offsets: a connection where no fetch that waits for records is in the way. */
    rd_kafka_conf_t *end_conf; /* owned */
    rd_kafka_t *end_rk;        /* owned; the asker's thread's; NULL while nobody has asked for long */
    rd_kafka_topic_t *handle; /* owned */
    rd_kafka_queue_t *queue; /* owned */
    struct asker *asker;     /* owned */
    int wake_fd, epoll_fd;
    rd_kafka_message_t *batch[BATCH]; /* owned from `at` on, and the one before it */
    size_t at, count;
    int32_t partitions;
    int64_t *positions, *ends; /* owned */
    uint64_t asked, asking, answered, reached; /* tickets */
    int64_t again_ms;
    const char *missing;     /* the operation that is not allowed; NULL: none */
};

/* ---- clients ---- */

static struct kaftan_error *conf_new(const struct text_map *props, bool committed, rd_kafka_conf_t **ret)
{
    /* The worker's own membership settings come along in the worker's properties; a reader is in no group. */
    static const char *const not_ours[] = { "group.id", "group.instance.id", "session.timeout.ms", "heartbeat.interval.ms",
                                            "max.poll.interval.ms", "partition.assignment.strategy", "isolation.level",
                                            "auto.offset.reset", "enable.auto.commit", "allow.auto.create.topics" };
    char text[256];
    rd_kafka_conf_t *conf = NULL;
    struct text_map *m = text_map_copy(props);
    for (size_t i = 0; i < COUNT_OF(not_ours); i++)
        text_map_remove(m, not_ours[i]);
    text_map_put(m, "isolation.level", committed ? "read_committed" : "read_uncommitted");
    text_map_put(m, "auto.offset.reset", "earliest");
    text_map_put(m, "enable.auto.commit", "false");
    text_map_put(m, "allow.auto.create.topics", "false");
    struct kaftan_error *err = kafka_conf_new(KAFKA_CONSUMER, m, &conf);
    text_map_unref(m);
    if (err)
        return err;
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", text, sizeof text);
    rd_kafka_conf_set(conf, "enable.auto.offset.store", "false", text, sizeof text);
    rd_kafka_conf_set(conf, "fetch.error.backoff.ms", "100", text, sizeof text);
    rd_kafka_conf_set(conf, "queued.max.messages.kbytes", "4096", text, sizeof text);
    *ret = conf;
    return NULL;
}

/* Takes the conf. */
static struct kaftan_error *client_new(rd_kafka_conf_t *conf, rd_kafka_t **ret)
{
    char text[256];
    *ret = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (*ret) {
        kafka_login_serve(*ret);
        return NULL;
    }
    rd_kafka_conf_destroy(conf);
    return kaftan_error_new(KAFTAN_E_INVALID, "no Kafka consumer: %s", text);
}

/* The asker's thread, or nobody's any more. */
static void end_client_rest(void *self)
{
    struct log_reader *r = self;
    if (r->end_rk)
        rd_kafka_destroy(r->end_rk);
    r->end_rk = NULL;
}

/* Asker's thread. */
static bool end_client(struct log_reader *r)
{
    if (r->end_rk)
        return true;
    struct kaftan_error *err = client_new(rd_kafka_conf_dup(r->end_conf), &r->end_rk);
    if (err)
        log_error(&logger, "the end of a topic cannot be asked for", LOG_STR("topic", r->topic), LOG_ERR(err));
    kaftan_error_free(err);
    return r->end_rk;
}

/* ---- ends ---- */

static void end_question_free(struct question *q)
{
    struct end_question *e = CONTAINER_OF(q, struct end_question, base);
    mem_free(e->ends);
    mem_free(e);
}

/*
 * All partitions in one request per broker: a time of -1 asks for the end
 * (ListOffsets). Asker's thread.
 */
static void end_question_ask(struct question *q, const struct asker *a)
{
    struct end_question *e = CONTAINER_OF(q, struct end_question, base);
    struct log_reader *r = e->reader;
    int timeout_ms = ASK_FIRST_MS;
    if (!end_client(r)) {
        e->err = RD_KAFKA_RESP_ERR__FAIL;
        return;
    }
    do {
        rd_kafka_topic_partition_list_t *l = rd_kafka_topic_partition_list_new(e->partitions);
        for (int32_t p = 0; p < e->partitions; p++)
            rd_kafka_topic_partition_list_add(l, r->topic, p)->offset = RD_KAFKA_OFFSET_END;
        e->err = asker_stopping(a) ? RD_KAFKA_RESP_ERR__DESTROY : rd_kafka_offsets_for_times(r->end_rk, l, timeout_ms);
        for (int32_t p = 0; !e->err && p < e->partitions; p++) {
            e->err = l->elems[p].err;
            e->ends[p] = l->elems[p].offset;
        }
        rd_kafka_topic_partition_list_destroy(l);
        timeout_ms = ASK_LAST_MS;
    } while (kafka_code(e->err) == KAFTAN_E_TIMEOUT && e->err);
}

static void end_ask(struct log_reader *r)
{
    struct end_question *e = mem_zalloc(1, sizeof *e);
    *e = (struct end_question){ .base = { .ask = end_question_ask, .free = end_question_free }, .reader = r,
                                .partitions = r->partitions, .ticket = r->asked };
    e->ends = mem_zalloc((size_t)r->partitions, sizeof *e->ends);
    r->asking = r->asked;
    asker_ask(r->asker, &e->base);
}

static struct kaftan_error *denied(const struct log_reader *r)
{
    char what[384];
    (void)snprintf(what, sizeof what, "topic '%s' cannot be read", r->topic);
    return kafka_topic_error(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, r->missing, slice_of(r->topic), what);
}

/* Once; it goes on by itself when the right is given. */
static void deny(struct log_reader *r, const char *operation)
{
    bool said = r->missing && strcmp(r->missing, operation) == 0;
    r->missing = operation;
    if (said)
        return;
    struct kaftan_error *err = denied(r);
    log_error(&logger, "an internal topic cannot be read", LOG_ERR(err));
    kaftan_error_free(err);
}

static void end_answers(struct log_reader *r)
{
    struct question *q;
    while ((q = asker_answer(r->asker))) {
        struct end_question *e = CONTAINER_OF(q, struct end_question, base);
        r->asking = 0;
        if (e->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
            deny(r, "Describe");
            r->again_ms = clock_mono_ms() + DENIED_AGAIN_MS;
        } else if (e->err) {
            log_warn(&logger, "end of topic not known yet, asking again", LOG_STR("topic", r->topic),
                     LOG_STR("error", rd_kafka_err2str(e->err)));
            r->again_ms = clock_mono_ms() + END_AGAIN_MS;
        } else {
            for (int32_t p = 0; p < r->partitions; p++)
                r->ends[p] = e->ends[p];
            r->answered = e->ticket;
        }
        end_question_free(q);
    }
    if (r->asked > r->answered && !r->asking && clock_mono_ms() >= r->again_ms)
        end_ask(r);
}

/* ---- making ---- */

static struct kaftan_error *look_up(struct log_reader *r)
{
    int64_t deadline = clock_mono_ms() + LOOKUP_MS, left;
    int wait_ms = LOOKUP_FIRST_MS;
    while ((left = deadline - clock_mono_ms()) > 0) {
        const struct rd_kafka_metadata *md = NULL;
        rd_kafka_resp_err_t err = rd_kafka_metadata(r->rk, 0, r->handle, &md, (int)left);
        if (!err && md->topic_cnt == 1 && !md->topics[0].err)
            r->partitions = md->topics[0].partition_cnt;
        if (md)
            rd_kafka_metadata_destroy(md);
        if (r->partitions > 0)
            return NULL;
        rd_kafka_poll(r->rk, wait_ms); /* waits */
        wait_ms = wait_ms * 2 > LOOKUP_LAST_MS ? LOOKUP_LAST_MS : wait_ms * 2;
    }
    return kaftan_error_new(KAFTAN_E_TIMEOUT, "Could not look up partition metadata for topic '%s' in the allotted "
                            "period. This could indicate a connectivity issue, unavailable topic partitions, or if "
                            "this is your first use of the topic it may have taken too long to create.", r->topic);
}

static void watch(const struct log_reader *r, int fd)
{
    struct epoll_event ev = { .events = EPOLLIN };
    int rc = epoll_ctl(r->epoll_fd, EPOLL_CTL_ADD, fd, &ev);
    ASSERT(rc == 0);
}

static struct kaftan_error *start(struct log_reader *r)
{
    r->positions = mem_zalloc((size_t)r->partitions, sizeof *r->positions);
    r->ends = mem_zalloc((size_t)r->partitions, sizeof *r->ends);
    r->queue = rd_kafka_queue_new(r->rk);
    r->wake_fd = wake_fd_new();
    wake_fd_enable(r->queue, r->wake_fd);
    r->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ASSERT(r->epoll_fd >= 0);
    watch(r, r->wake_fd);
    watch(r, asker_fd(r->asker));
    /*
     * From offset 0, where a compacted topic begins: BEGINNING would ask the
     * broker first, behind fetches that wait. A topic that begins later resets
     * to its earliest record (auto.offset.reset). A partition whose end is 0 is
     * at its end before anything was fetched.
     */
    for (int32_t p = 0; p < r->partitions; p++) {
        r->positions[p] = 0;
        if (rd_kafka_consume_start_queue(r->handle, p, 0, r->queue) != 0)
            return kafka_error(rd_kafka_last_error(), "topic '%s' cannot be read", r->topic);
    }
    return NULL;
}

struct kaftan_error *log_reader_new(const struct text_map *props, const char *topic, bool committed,
                                    struct log_reader **ret)
{
    struct log_reader *r = mem_zalloc(1, sizeof *r);
    r->wake_fd = r->epoll_fd = -1;
    r->topic = mem_strdup(topic);
    r->asker = asker_new(end_client_rest, r, REST_MS);
    rd_kafka_conf_t *conf = NULL;
    struct kaftan_error *err = conf_new(props, committed, &conf);
    if (!err)
        err = client_new(conf, &r->rk);
    if (!err)
        err = conf_new(props, false, &r->end_conf);
    if (!err) {
        r->handle = rd_kafka_topic_new(r->rk, topic, NULL);
        err = r->handle ? look_up(r) : kafka_error(rd_kafka_last_error(), "topic '%s'", topic);
    }
    if (!err)
        err = start(r);
    if (err) {
        log_reader_free(r);
        return err;
    }
    *ret = r;
    return NULL;
}

static void batch_free(struct log_reader *r)
{
    for (size_t i = r->at ? r->at - 1 : 0; i < r->count; i++)
        rd_kafka_message_destroy(r->batch[i]);
    r->at = r->count = 0;
}

void log_reader_free(struct log_reader *r)
{
    if (!r)
        return;
    asker_free(r->asker); /* first: it uses the client */
    batch_free(r);
    for (int32_t p = 0; r->queue && p < r->partitions; p++)
        rd_kafka_consume_stop(r->handle, p);
    if (r->queue)
        rd_kafka_queue_destroy(r->queue);
    if (r->handle)
        rd_kafka_topic_destroy(r->handle);
    end_client_rest(r);
    if (r->end_conf)
        rd_kafka_conf_destroy(r->end_conf);
    if (r->rk)
        rd_kafka_destroy(r->rk);
    wake_fd_close(r->wake_fd);
    if (r->epoll_fd >= 0)
        close(r->epoll_fd);
    mem_free(r->positions);
    mem_free(r->ends);
    mem_free(r->topic);
    mem_free(r);
}

/* ---- reading ---- */

static bool batch_fetch(struct log_reader *r)
{
    batch_free(r);
    wake_fd_clear(r->wake_fd);
    rd_kafka_poll(r->rk, 0);
    ssize_t n = rd_kafka_consume_batch_queue(r->queue, 0, r->batch, BATCH);
    r->count = n > 0 ? (size_t)n : 0;
    return r->count > 0;
}

static bool take(struct log_reader *r, const rd_kafka_message_t *m, struct log_record *ret)
{
    int32_t p = m->partition;
    if (!m->err || m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        r->missing = NULL;
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && p >= 0 && p < r->partitions) {
        r->positions[p] = m->offset;
        return false;
    }
    if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
        deny(r, "Read");
        return false;
    }
    if (m->err) {
        log_warn(&logger, "topic cannot be read for now", LOG_STR("topic", r->topic), LOG_INT("partition", p),
                 LOG_STR("error", rd_kafka_message_errstr(m)));
        return false;
    }
    if (p < 0 || p >= r->partitions)
        return false;
    r->positions[p] = m->offset + 1;
    *ret = (struct log_record){ .partition = p, .offset = m->offset, .timestamp = rd_kafka_message_timestamp(m, NULL),
                                .key = { m->key, m->key_len }, .value = { m->payload, m->len } };
    return true;
}

bool log_reader_next(struct log_reader *r, struct log_record *ret)
{
    end_answers(r);
    for (;;) {
        if (r->at > 0 && r->at <= r->count)
            rd_kafka_message_destroy(r->batch[r->at - 1]);
        if (r->at == r->count) {
            r->at = r->count = 0;
            if (!batch_fetch(r))
                return false;
        }
        const rd_kafka_message_t *m = r->batch[r->at++];
        if (take(r, m, ret))
            return true;
    }
}

struct kaftan_error *log_reader_denied(const struct log_reader *r)
{
    return r->missing ? denied(r) : NULL;
}

int log_reader_fd(const struct log_reader *r)
{
    return r->epoll_fd;
}

int32_t log_reader_partitions(const struct log_reader *r)
{
    return r->partitions;
}

int64_t log_reader_position(const struct log_reader *r, int32_t partition)
{
    return partition >= 0 && partition < r->partitions ? r->positions[partition] : -1;
}

uint64_t log_reader_end_start(struct log_reader *r)
{
    uint64_t ticket = ++r->asked;
    if (!r->asking)
        end_ask(r);
    return ticket;
}

bool log_reader_reached(struct log_reader *r, uint64_t ticket)
{
    end_answers(r);
    if (r->answered > r->reached) {
        bool all = true;
        for (int32_t p = 0; p < r->partitions && all; p++)
            all = r->positions[p] >= r->ends[p];
        if (all)
            r->reached = r->answered;
    }
    return ticket <= r->reached;
}
