/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/producer.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "kafka/kafka_int.h"
#include "kafka/topics.h"

/*
 * Every record in flight has a slot; the slots in use form a list in the
 * order of sending. A report frees its slot. When the client raises a fatal
 * error (an idempotent producer whose sequence is broken cannot go on), the
 * slots still in use are exactly what Kafka has not confirmed: the client is
 * ended, a new one made, and the list is produced again from its start. Until
 * the list is through, nothing new is taken, or order would be lost. A record
 * that was stored but not confirmed is stored twice; none is lost.
 *
 * A producer that rests is one without a client and without slots in use; it
 * gets its client the way one gets it after a fatal error.
 *
 * A slot is named by its index, which is the client's opaque; index 0 is
 * nobody. Slots move when their array grows, so nothing points into it.
 */

static struct log logger = LOG("kafka.producer");

enum { REMAKE_FIRST_MS = 100, REMAKE_LAST_MS = 10000, CALM_MS = 60000, TROUBLE_MS = 30000, VU_FIXED = 6 };

struct slot {
    struct producer_record r;
    struct producer_header *headers; /* owned; kept for the next record */
    size_t header_cap;
    uint32_t prev, next;
    bool produced; /* the client has it */
};

struct producer {
    rd_kafka_conf_t *conf;   /* owned; what new clients are made of */
    rd_kafka_t *rk;          /* owned; NULL between a fatal error and the new client; written by the owner's thread with the lock */
    struct lock cut_lock;    /* rank 45: whether there is a client to be emptied; held while that is asked of it */
    atomic_bool cut;
    rd_kafka_queue_t *queue; /* owned */
    rd_kafka_event_t *event; /* owned; delivery reports not all handed out */
    struct topics topics;
    struct slot *slots;      /* owned; `cap` of them and number 0 */
    uint32_t cap, limit;
    uint32_t free, first, last, resend; /* resend: oldest slot the client does not have; 0: none */
    size_t in_flight, bytes;
    int fd;
    bool idempotent_asked; /* the user's word: never given up */
    bool fatal;
    rd_kafka_resp_err_t denied; /* no permission for the idempotence that was asked for, or no login: what is in flight fails */
    bool let_in;           /* a record was stored once: the login is good */
    bool refused;          /* the client's login was not taken */
    char refusal[640];     /* why, last time */
    bool resting;            /* no client on purpose */
    bool troubled;           /* an error since the last report: its end might take long */
    int64_t rest_ms;         /* 0: never */
    int64_t busy_ms;         /* when something was last sent or reported */
    int64_t remake_ms, remade_ms, remake_wait_ms;
    rd_kafka_resp_err_t trouble; /* the last one told of */
    int64_t trouble_ms;
};

/* ---- making ---- */

static bool says(const struct text_map *props, const char *key, const char *value)
{
    const char *v = text_map_get(props, key);
    return v && strcasecmp(v, value) == 0;
}

/*
 * Idempotent unless asked otherwise or made impossible by what was asked.
 * Without idempotence one request in flight keeps the order (as Java's
 * workers have it).
 */
static struct kaftan_error *set_guarantees(struct producer *p, const struct text_map *props)
{
    const char *in_flight = text_map_get(props, "max.in.flight.requests.per.connection");
    const char *acks = text_map_get(props, "acks");
    int64_t n = 5;
    if (in_flight)
        text_to_i64(in_flight, strlen(in_flight), &n);
    bool fits = n <= 5 && !says(props, "retries", "0") &&
                (!acks || strcasecmp(acks, "all") == 0 || strcmp(acks, "-1") == 0);
    p->idempotent_asked = says(props, "enable.idempotence", "true");
    if (p->idempotent_asked && !fits)
        return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value true for configuration enable.idempotence: it needs "
                                "acks=all, retries above 0 and max.in.flight.requests.per.connection of at most 5");
    bool idempotent = p->idempotent_asked || (fits && !text_map_has(props, "enable.idempotence"));
    struct kaftan_error *err = kafka_conf_set(p->conf, "enable.idempotence", idempotent ? "true" : "false",
                                              "enable.idempotence", "true");
    if (!err && !in_flight)
        err = kafka_conf_set(p->conf, "max.in.flight.requests.per.connection", idempotent ? "5" : "1",
                             "max.in.flight.requests.per.connection", "5");
    return err;
}

static void client_set(struct producer *p, rd_kafka_t *rk)
{
    lock_take(&p->cut_lock);
    p->rk = rk;
    lock_release(&p->cut_lock);
}

static struct kaftan_error *client_new(struct producer *p)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(p->conf);
    rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
    client_set(p, rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text));
    if (!p->rk) {
        rd_kafka_conf_destroy(conf);
        return kaftan_error_new(KAFTAN_E_INVALID, "no Kafka producer: %s", text);
    }
    kafka_login_serve(p->rk);
    p->queue = rd_kafka_queue_get_main(p->rk);
    wake_fd_enable(p->queue, p->fd);
    p->remade_ms = p->busy_ms = clock_mono_ms();
    p->resting = p->troubled = false;
    return NULL;
}

static void client_free(struct producer *p)
{
    rd_kafka_t *rk = p->rk;
    client_set(p, NULL);
    topics_fini(&p->topics);
    if (p->event)
        rd_kafka_event_destroy(p->event);
    p->event = NULL;
    if (p->queue)
        rd_kafka_queue_destroy(p->queue);
    p->queue = NULL;
    if (rk)
        rd_kafka_destroy(rk); /* no thread of the client touches a record's bytes after this */
}

/* Does not wait: what is purged is reported, to whoever still listens. */
static void client_empty(rd_kafka_t *rk)
{
    rd_kafka_purge(rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

void producer_cut(struct producer *p)
{
    lock_take(&p->cut_lock);
    atomic_store(&p->cut, true);
    if (p->rk)
        client_empty(p->rk);
    lock_release(&p->cut_lock);
    wake_fd_set(p->fd);
}

void producer_drop(struct producer *p)
{
    if (p->rk)
        client_empty(p->rk);
}

/*
 * Some settings that do not fit together show only in a client, and a task
 * has to fail with them when it starts. A bit per hash of settings that
 * made a client: two with the same bit cost no more than an error that comes
 * with the first record.
 */
static bool proven(const struct text_map *props, bool now)
{
    static atomic_uint_fast64_t seen[64];
    const char *key, *value;
    uint32_t h = 0;
    for (size_t i = 0; text_map_at(props, &i, &key, &value);)
        if (strcmp(key, "client.id") != 0)
            h += (uint32_t)java_hash(key, strlen(key)) * 31 + (value ? (uint32_t)java_hash(value, strlen(value)) : 7);
    h ^= h >> 15;
    uint64_t bit = UINT64_C(1) << (h & 63);
    uint64_t before = now ? atomic_fetch_or(&seen[(h >> 6) & 63], bit) : atomic_load(&seen[(h >> 6) & 63]);
    return (before & bit) != 0;
}

struct kaftan_error *producer_new(const struct text_map *props, size_t in_flight_limit, int64_t rest_ms, struct producer **ret)
{
    struct producer *p = mem_zalloc(1, sizeof *p);
    ASSERT(in_flight_limit > 0 && in_flight_limit < INT32_MAX && rest_ms >= 0);
    lock_init(&p->cut_lock);
    atomic_init(&p->cut, false);
    p->limit = (uint32_t)in_flight_limit;
    p->rest_ms = rest_ms;
    p->fd = wake_fd_new();
    struct kaftan_error *err = kafka_conf_new(KAFKA_PRODUCER, props, &p->conf);
    if (!err)
        err = set_guarantees(p, props);
    p->resting = rest_ms > 0 && proven(props, false);
    if (!err && !p->resting)
        err = client_new(p);
    if (err) {
        producer_free(p);
        return err;
    }
    (void)proven(props, true);
    *ret = p;
    return NULL;
}

void producer_free(struct producer *p)
{
    if (!p)
        return;
    if (p->rk)
        client_empty(p->rk);
    client_free(p);
    if (p->conf)
        rd_kafka_conf_destroy(p->conf);
    for (uint32_t i = 1; p->slots && i <= p->cap; i++)
        mem_free(p->slots[i].headers);
    mem_free(p->slots);
    wake_fd_close(p->fd);
    lock_fini(&p->cut_lock);
    mem_free(p);
}

/* ---- slots ---- */

static void slots_grow(struct producer *p)
{
    uint32_t cap = p->cap ? p->cap * 2 : 64;
    if (cap > p->limit)
        cap = p->limit;
    p->slots = mem_realloc(p->slots, (size_t)cap + 1, sizeof *p->slots);
    memset(&p->slots[p->cap ? p->cap + 1 : 0], 0, sizeof *p->slots * (p->cap ? cap - p->cap : cap + 1));
    for (uint32_t i = cap; i > p->cap; i--) {
        p->slots[i].next = p->free;
        p->free = i;
    }
    p->cap = cap;
}

static uint32_t slot_take(struct producer *p, const struct producer_record *r)
{
    if (!p->free)
        slots_grow(p);
    uint32_t i = p->free;
    struct slot *s = &p->slots[i];
    p->free = s->next;
    s->r = *r;
    s->produced = false;
    if (r->header_count > s->header_cap) {
        s->headers = mem_realloc(s->headers, r->header_count, sizeof *s->headers);
        s->header_cap = r->header_count;
    }
    if (r->header_count)
        memcpy(s->headers, r->headers, r->header_count * sizeof *s->headers);
    s->prev = p->last;
    s->next = 0;
    if (p->last)
        p->slots[p->last].next = i;
    else
        p->first = i;
    p->last = i;
    p->in_flight++;
    p->bytes += r->key.len + r->value.len;
    return i;
}

static void slot_release(struct producer *p, uint32_t i)
{
    struct slot *s = &p->slots[i];
    if (s->prev)
        p->slots[s->prev].next = s->next;
    else
        p->first = s->next;
    if (s->next)
        p->slots[s->next].prev = s->prev;
    else
        p->last = s->prev;
    p->bytes -= s->r.key.len + s->r.value.len;
    p->in_flight--;
    s->next = p->free;
    p->free = i;
}

/* ---- producing ---- */

static rd_kafka_resp_err_t produce_with_headers(struct producer *p, const struct slot *s, rd_kafka_topic_t *topic,
                                                void *opaque)
{
    rd_kafka_headers_t *headers = s->r.header_count ? rd_kafka_headers_new(s->r.header_count) : NULL;
    for (size_t i = 0; i < s->r.header_count; i++) {
        const struct producer_header *h = &s->headers[i];
        rd_kafka_header_add(headers, h->name.ptr, (ssize_t)h->name.len, h->value.ptr, (ssize_t)h->value.len);
    }
    rd_kafka_vu_t vus[VU_FIXED + 2] = {
        { .vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = topic },
        { .vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = s->r.partition },
        { .vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = { (void *)(uintptr_t)s->r.value.ptr, s->r.value.len } },
        { .vtype = RD_KAFKA_VTYPE_KEY, .u.mem = { (void *)(uintptr_t)s->r.key.ptr, s->r.key.len } },
        { .vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque },
        { .vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = 0 },
    };
    size_t count = VU_FIXED;
    if (headers)
        vus[count++] = (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers };
    if (s->r.timestamp >= 0)
        vus[count++] = (rd_kafka_vu_t){ .vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = s->r.timestamp };
    rd_kafka_error_t *failure = rd_kafka_produceva(p->rk, vus, count);
    if (!failure)
        return RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_resp_err_t err = rd_kafka_error_code(failure);
    rd_kafka_error_destroy(failure);
    if (headers)
        rd_kafka_headers_destroy(headers); /* taken on success only */
    return err;
}

static rd_kafka_resp_err_t slot_produce(struct producer *p, uint32_t i)
{
    struct slot *s = &p->slots[i];
    void *opaque = (void *)(uintptr_t)i;
    rd_kafka_topic_t *topic = topics_get(&p->topics, p->rk, s->r.topic);
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!topic)
        err = rd_kafka_last_error();
    else if (s->r.header_count || s->r.timestamp >= 0)
        err = produce_with_headers(p, s, topic, opaque);
    else if (rd_kafka_produce(topic, s->r.partition, 0, (void *)(uintptr_t)s->r.value.ptr, s->r.value.len,
                              s->r.key.ptr, s->r.key.len, opaque) != 0)
        err = rd_kafka_last_error();
    s->produced = err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (atomic_load(&p->cut)) /* just now: it may have come too late to be thrown away with the others */
        client_empty(p->rk);
    return err;
}

static struct kaftan_error *record_error(rd_kafka_resp_err_t err, const struct producer_record *r)
{
    char what[384]; /* a topic's name has at most 249 characters */
    (void)snprintf(what, sizeof what, "record of %zu bytes for topic \"%.*s\" was not stored", r->key.len + r->value.len,
                   (int)r->topic.len, r->topic.ptr);
    if (err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
        return kaftan_error_new(kafka_code(err), "%s: %s: with enable.idempotence=true the client's user needs the operation "
                                "IdempotentWrite on the resource Cluster kafka-cluster, or Write on the topics it writes to", what,
                                rd_kafka_err2str(err));
    struct kaftan_error *e = kafka_topic_error(err, "Write", r->topic, what);
    if (err != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        return e;
    struct kaftan_error *full = kaftan_error_new(kaftan_error_code(e), "%s (and Create, should it not exist)", kaftan_error_message(e));
    kaftan_error_free(e);
    return full;
}

/* FORBIDDEN: no record's fault, so none may be skipped for it. */
static struct kaftan_error *denial(const struct producer *p, const struct producer_record *r)
{
    struct kaftan_error *err = record_error(p->denied, r), *full;
    if (p->denied == RD_KAFKA_RESP_ERR__AUTHENTICATION)
        full = kaftan_error_wrap(kaftan_error_new(KAFTAN_E_FORBIDDEN, "%s", p->refusal), "%s", kaftan_error_message(err));
    else
        full = kaftan_error_new(KAFTAN_E_FORBIDDEN, "%s", kaftan_error_message(err));
    kaftan_error_free(err);
    return full;
}

static void client_remake(struct producer *p)
{
    if (clock_mono_ms() < p->remake_ms)
        return;
    struct kaftan_error *err = client_new(p);
    if (!err)
        return;
    log_error(&logger, "no new Kafka producer, trying again", LOG_ERR(err));
    kaftan_error_free(err);
    p->remake_ms = clock_mono_ms() + REMAKE_LAST_MS;
}

enum producer_result producer_send(struct producer *p, const struct producer_record *r, struct kaftan_error **ret_err)
{
    if (atomic_load(&p->cut))
        return PRODUCER_FULL;
    if (p->denied && !p->in_flight) {
        *ret_err = denial(p, r);
        p->denied = RD_KAFKA_RESP_ERR_NO_ERROR; /* the next one is tried again */
        return PRODUCER_REFUSED;
    }
    if (p->resting) {
        p->resting = false; /* also when it fails: producer_reports tries again */
        client_remake(p);
    }
    if (!p->rk || p->fatal || p->resend || p->in_flight >= p->limit)
        return PRODUCER_FULL;
    uint32_t i = slot_take(p, r);
    rd_kafka_resp_err_t err = slot_produce(p, i);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return PRODUCER_TAKEN;
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        p->fatal = true;
        wake_fd_set(p->fd);
        return PRODUCER_TAKEN; /* kept; the next client gets it */
    }
    slot_release(p, i);
    if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return PRODUCER_FULL;
    *ret_err = record_error(err, r);
    return PRODUCER_REFUSED;
}

void producer_flush_start(struct producer *p)
{
    if (p->rk)
        rd_kafka_flush(p->rk, 0); /* wakes the senders with linger at 0 and does not wait */
}

/* ---- a fatal error ---- */

/*
 * Brokers before 2.8 want a permission for idempotence that users of Java's
 * workers never had to give. Who did not ask for idempotence gets on without.
 */
static void give_up_idempotence(struct producer *p)
{
    char text[256];
    if (p->idempotent_asked) {
        p->denied = RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; /* with a new client nothing would be better */
        return;
    }
    rd_kafka_conf_set(p->conf, "enable.idempotence", "false", text, sizeof text);
    rd_kafka_conf_set(p->conf, "max.in.flight.requests.per.connection", "1", text, sizeof text);
    log_warn(&logger, "no permission for an idempotent producer, going on without");
}

static void client_failed(struct producer *p)
{
    char text[256] = "";
    rd_kafka_resp_err_t err = rd_kafka_fatal_error(p->rk, text, sizeof text);
    int64_t now = clock_mono_ms();
    if (p->refused)
        p->denied = RD_KAFKA_RESP_ERR__AUTHENTICATION;
    else
        log_warn(&logger, "Kafka producer failed, a new one sends again what is in flight",
                 LOG_STR("client", rd_kafka_name(p->rk)), LOG_STR("error", text), LOG_INT("records", p->in_flight));
    if (err == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED || err == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE)
        give_up_idempotence(p);
    p->remake_wait_ms = now - p->remade_ms > CALM_MS ? 0
                        : p->remake_wait_ms == 0     ? REMAKE_FIRST_MS
                                                     : p->remake_wait_ms * 2;
    if (p->remake_wait_ms > REMAKE_LAST_MS)
        p->remake_wait_ms = REMAKE_LAST_MS;
    client_empty(p->rk);
    client_free(p);
    for (uint32_t i = p->first; i; i = p->slots[i].next)
        p->slots[i].produced = false;
    p->refused = false;
    p->resend = p->first;
    p->remake_ms = now + p->remake_wait_ms;
    p->fatal = false;
}

static void report_put(struct producer_report *ret, const struct slot *s, rd_kafka_resp_err_t err, int32_t partition,
                       int64_t offset)
{
    *ret = (struct producer_report){ .token = s->r.token, .partition = partition, .offset = offset };
    if (err)
        ret->err = record_error(err, &s->r);
}

/* Reports what is in flight as failed for want of a permission; returns how many. With nothing in flight the next record is told. */
static size_t give_back(struct producer *p, struct producer_report *ret, size_t limit)
{
    size_t n = 0;
    for (; p->first && n < limit; n++) {
        const struct slot *s = &p->slots[p->first];
        ret[n] = (struct producer_report){ .token = s->r.token, .partition = -1, .offset = -1, .err = denial(p, &s->r) };
        slot_release(p, p->first);
    }
    p->resend = p->first;
    if (p->first)
        wake_fd_set(p->fd);
    else if (n > 0)
        p->denied = RD_KAFKA_RESP_ERR_NO_ERROR;
    return n;
}

/* Produces again, in order; returns how many could not be and are reported as failed. */
static size_t resend(struct producer *p, struct producer_report *ret, size_t limit)
{
    size_t n = 0;
    while (p->resend && n < limit && !atomic_load(&p->cut)) {
        uint32_t i = p->resend, next = p->slots[i].next;
        rd_kafka_resp_err_t err = slot_produce(p, i);
        if (err == RD_KAFKA_RESP_ERR__FATAL)
            p->fatal = true;
        if (err == RD_KAFKA_RESP_ERR__FATAL || err == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            break;
        if (err) {
            report_put(&ret[n++], &p->slots[i], err, -1, -1);
            slot_release(p, i);
        }
        p->resend = next;
    }
    return n;
}

/* ---- reports ---- */

/* True: a report was written. */
static bool delivered(struct producer *p, const rd_kafka_message_t *m, struct producer_report *ret)
{
    uint32_t i = (uint32_t)(uintptr_t)m->_private;
    ASSERT(i > 0 && i <= p->cap);
    if (m->err && (p->fatal || rd_kafka_fatal_error(p->rk, NULL, 0))) {
        p->fatal = true; /* the next client's */
        return false;
    }
    p->let_in = p->let_in || !m->err;
    p->troubled = m->err != RD_KAFKA_RESP_ERR_NO_ERROR;
    report_put(ret, &p->slots[i], m->err, m->partition, m->offset);
    slot_release(p, i);
    return true;
}

/*
 * The broker's word that it does not take this login. Java's producer fails
 * with it, and whoever has never been let in has most likely a wrong password;
 * who has been is not thrown out by a broker that is still reading its users.
 */
static bool login_refused(struct producer *p, rd_kafka_resp_err_t err, const char *text)
{
    if (p->let_in || err != RD_KAFKA_RESP_ERR__AUTHENTICATION || !strstr(text, "SASL authentication error"))
        return false;
    const char *hint = kafka_trouble_hint(p->rk, text);
    (void)snprintf(p->refusal, sizeof p->refusal, "%s%s%s", text, hint ? ": " : "", hint ? hint : "");
    p->refused = true;
    return true;
}

static void client_error(struct producer *p, rd_kafka_event_t *e)
{
    rd_kafka_resp_err_t err = rd_kafka_event_error(e);
    int64_t now = clock_mono_ms();
    p->troubled = true;
    if (rd_kafka_event_error_is_fatal(e) || err == RD_KAFKA_RESP_ERR__FATAL || login_refused(p, err, rd_kafka_event_error_string(e))) {
        p->fatal = true;
        return;
    }
    /* one line per kind of trouble and half a minute; the client's own log has each failed connection */
    bool told = err == RD_KAFKA_RESP_ERR__TRANSPORT || (err == p->trouble && now - p->trouble_ms < TROUBLE_MS);
    log_at(&logger, told ? LOG_DEBUG : LOG_WARN, "Kafka producer in trouble, it goes on trying",
           LOG_STR("client", rd_kafka_name(p->rk)), LOG_STR("error", rd_kafka_event_error_string(e)));
    if (!told) {
        p->trouble = err;
        p->trouble_ms = now;
    }
}

/* Hands out what has come; false: there may be more than fits. */
static bool drain(struct producer *p, struct producer_report *ret, size_t limit, size_t *n)
{
    for (;;) {
        if (!p->event)
            p->event = rd_kafka_queue_poll(p->queue, 0);
        if (!p->event)
            return true;
        if (rd_kafka_event_type(p->event) == RD_KAFKA_EVENT_ERROR)
            client_error(p, p->event);
        while (rd_kafka_event_type(p->event) == RD_KAFKA_EVENT_DR) {
            if (rd_kafka_event_message_count(p->event) == 0)
                break;
            if (*n == limit)
                return false;
            const rd_kafka_message_t *m = rd_kafka_event_message_next(p->event);
            if (!m)
                break;
            *n += delivered(p, m, &ret[*n]);
        }
        rd_kafka_event_destroy(p->event);
        p->event = NULL;
    }
}

/* A client in trouble may be in the middle of looking up a name, and its end would wait for that. */
static void rest_when_idle(struct producer *p, bool reported)
{
    if (p->rest_ms == 0 || !p->rk)
        return;
    int64_t now = clock_mono_ms();
    if (reported || p->in_flight > 0)
        p->busy_ms = now;
    if (p->fatal || p->troubled || now - p->busy_ms < p->rest_ms)
        return;
    client_free(p);
    wake_fd_clear(p->fd);
    p->resting = true;
    p->remake_ms = 0;
}

size_t producer_reports(struct producer *p, struct producer_report *ret, size_t limit)
{
    size_t n = 0;
    if (p->resting)
        return 0;
    wake_fd_clear(p->fd);
    if (atomic_load(&p->cut))
        return 0;
    if (p->denied)
        return give_back(p, ret, limit);
    if (!p->rk)
        client_remake(p);
    if (!p->rk)
        return 0;
    if (!drain(p, ret, limit, &n)) {
        wake_fd_set(p->fd);
        return n;
    }
    if (p->fatal)
        client_failed(p);
    if (p->denied)
        return n + give_back(p, ret + n, limit - n);
    if (!p->rk)
        client_remake(p);
    if (p->rk && p->resend)
        n += resend(p, ret + n, limit - n);
    if (p->fatal || (p->rk && p->resend && n == limit))
        wake_fd_set(p->fd);
    rest_when_idle(p, n > 0);
    return n;
}

int producer_fd(const struct producer *p)
{
    return p->fd;
}

bool producer_resting(const struct producer *p)
{
    return p->resting;
}

size_t producer_in_flight(const struct producer *p)
{
    return p->in_flight;
}

size_t producer_queue_bytes(const struct producer *p)
{
    return p->bytes;
}

void producer_test_fatal(struct producer *p)
{
    if (p->rk)
        rd_kafka_test_fatal_error(p->rk, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "asked for by a test");
}
