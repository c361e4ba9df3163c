/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop of a source task. Everything it waits for has a descriptor: the
 * mailbox, the producer's reports, an answer about a topic, the connector's
 * network. One turn: messages, reports, poll or service, send; and only when
 * nothing moved does it wait, at most 250 ms, so that the connector can keep
 * its promises to its own source whatever Kafka does; longer only for one that
 * has said that it has none to keep.
 */
#include "config.h"

#include "runtime/source_task_int.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "kafka/conf.h"

static struct log logger = LOG("runtime.source");

enum {
    POLL_RETRY_US = 100000, /* pause after a RETRIABLE error of poll, and while the task may be another worker's */
    SPIN_US = 10000,        /* pause for a connector that would spin */
    RESERVE_US = 1000000,   /* of the stop's time, kept for the last flush */
    PRODUCER_REST_MS = 30000, /* without a record for so long: the producer's client ends */
    IDLE_GRID_US = 1000000, /* idle tasks wake together, at full seconds: one timer for many, and warm caches */
    EVENTS = 4,
};
enum { SOURCE_MAILBOX = 1, SOURCE_PRODUCER, SOURCE_TOPICS, SOURCE_CONNECTOR, SOURCE_INNER };

/* ---- making ---- */

static void watch_fd(int set, int fd, uint32_t what)
{
    struct epoll_event e = { .events = EPOLLIN, .data.u32 = what };
    ASSERT(epoll_ctl(set, EPOLL_CTL_ADD, fd, &e) == 0);
}

static struct kaftan_error *clients_new(struct source_task *t)
{
    const struct kaftan_task *work = t->work;
    const struct worker_config *config = work->worker->config;
    char *producer_id = mem_printf("connector-producer-%s-%d", work->connector, (int)work->number);
    char *admin_id = mem_printf("connector-adminclient-%s-%d", work->connector, (int)work->number);
    struct text_map *props =
        kafka_task_props(KAFKA_PRODUCER, worker_config_props(config), work->config, producer_id);
    const struct topics_options options = {
        .worker = worker_config_props(config),
        .connector = work->config,
        .client_id = admin_id,
        .creation = worker_values(config)->topic_creation,
        .dead_letter = t->run->dead_letter_topic,
        .dead_letter_replication = t->run->dead_letter_replication,
    };
    struct kaftan_error *err = producer_new(props, IN_FLIGHT_LIMIT, PRODUCER_REST_MS, &t->producer);
    if (!err)
        err = topics_new(&options, &t->topics);
    text_map_unref(props);
    mem_free(producer_id);
    mem_free(admin_id);
    return err;
}

static struct kaftan_error *converters_open(struct source_task *t)
{
    const struct worker *w = t->work->worker;
    struct kaftan_error *err = converter_open(&t->key, ROLE_KEY, w->registry, w->config, t->work->config);
    if (!err)
        err = converter_open(&t->value, ROLE_VALUE, w->registry, w->config, t->work->config);
    if (!err)
        err = converter_open(&t->header, ROLE_HEADER, w->registry, w->config, t->work->config);
    return err;
}

static void waiting_new(struct source_task *t)
{
    t->inner = epoll_create1(EPOLL_CLOEXEC);
    t->outer = epoll_create1(EPOLL_CLOEXEC);
    ASSERT(t->inner >= 0 && t->outer >= 0);
    watch_fd(t->inner, mailbox_fd(t->work->box), SOURCE_MAILBOX);
    watch_fd(t->inner, producer_fd(t->producer), SOURCE_PRODUCER);
    watch_fd(t->outer, t->inner, SOURCE_INNER);
}

struct kaftan_error *source_task_new(struct kaftan_task *work, struct source_task **ret)
{
    struct source_task *t = mem_zalloc(1, sizeof *t);
    t->magic = SOURCE_TASK_MAGIC;
    t->work = work;
    t->class = work->class->as.source;
    t->inner = t->outer = t->connector_fd = t->topics_fd = -1;
    t->partitions = partitions_new();
    t->pool = batch_pool_new();
    t->view.pool = t->pool;
    struct kaftan_error *err = run_config_parse(work->config, &t->run_values);
    if (!err) {
        t->run = config_values_get(t->run_values);
        err = work_parse(work, &t->values);
    }
    if (!err)
        err = converters_open(t);
    if (!err)
        err = clients_new(t);
    if (err) {
        source_task_free(t);
        return err;
    }
    work_writes_by(work, t->producer);
    waiting_new(t);
    task_metrics_init(&t->metrics, work->metrics, clock_mono_ms());
    source_flush_init(t, clock_mono_ms());
    work->source = t;
    *ret = t;
    return NULL;
}

static void producer_end(struct source_task *t)
{
    work_writes_by(t->work, NULL);
    producer_free(t->producer);
    t->producer = NULL;
}

void source_task_free(struct source_task *t)
{
    if (!t)
        return;
    t->work->source = NULL;
    producer_end(t); /* before the batches: it borrows their bytes */
    topics_free(t->topics);
    converter_close(&t->key);
    converter_close(&t->value);
    converter_close(&t->header);
    batch_pool_free(t->pool);
    partitions_free(t->partitions);
    config_values_free(t->values);
    config_values_free(t->run_values);
    kaftan_error_free(t->error);
    if (t->inner >= 0)
        (void)close(t->inner);
    if (t->outer >= 0)
        (void)close(t->outer);
    mem_free(t);
}

struct kaftan_error *source_task_open(struct source_task *t)
{
    struct kaftan_error *err = t->class->open(config_values_get(t->values), t->work, &t->self);
    if (err)
        return err;
    t->opened = true;
    work_wake_on(t->work, t->class, t->self);
    t->connector_fd = t->class->fd ? t->class->fd(t->self) : -1;
    if (t->connector_fd >= 0)
        watch_fd(t->outer, t->connector_fd, SOURCE_CONNECTOR);
    return NULL;
}

/* ---- waiting ---- */

/* The descriptor of a question about a topic comes and goes. */
static void watch_topics(struct source_task *t)
{
    int fd = topics_fd(t->topics);
    if (fd == t->topics_fd)
        return;
    if (t->topics_fd >= 0) /* fails when it is closed already, which is as good */
        (void)epoll_ctl(t->inner, EPOLL_CTL_DEL, t->topics_fd, NULL);
    if (fd >= 0)
        watch_fd(t->inner, fd, SOURCE_TOPICS);
    t->topics_fd = fd;
}

static kaftan_deadline earlier(kaftan_deadline a, kaftan_deadline b)
{
    return b != 0 && b < a ? b : a;
}

/* How long the connector may be left alone. */
static kaftan_deadline quiet_until(const struct source_task *t, kaftan_deadline now, kaftan_deadline until)
{
    if (!t->work->idle || batch_pool_open(t->pool) > 0)
        return earlier(until, now + WAIT_LIMIT_US);
    until = earlier(until, now + IDLE_LIMIT_US);
    if (until < now + IDLE_GRID_US / 2)
        return until;
    return (until + IDLE_GRID_US / 2) / IDLE_GRID_US * IDLE_GRID_US;
}

/* Waits until something has a reason to move; true: the connector's descriptor is ready. */
static bool wait_for_work(struct source_task *t, kaftan_deadline until)
{
    struct epoll_event events[EVENTS];
    kaftan_deadline now = kaftan_now_us();
    bool ready = false;
    watch_topics(t);
    until = quiet_until(t, now, until);
    until = earlier(until, t->send_after);
    until = earlier(until, topics_retry_at(t->topics));
    until = earlier(until, t->flush.under_way ? t->flush.deadline_ms * 1000 : t->flush.next_ms * 1000);
    if (t->mute)
        until = earlier(until, now + SPIN_US);
    /* whole milliseconds, rounded up, so that the wait is not over before its time */
    int timeout = until <= now ? 0 : (int)((until - now + 999) / 1000);
    int n = epoll_wait(t->mute ? t->inner : t->outer, events, EVENTS, timeout);
    ASSERT(n >= 0 || errno == EINTR);
    for (int i = 0; i < n; i++)
        ready = ready || events[i].data.u32 == SOURCE_CONNECTOR;
    t->mute = false;
    return ready;
}

/* ---- one turn ---- */

struct turn {
    bool moved;            /* something happened: look again at once */
    bool served;           /* service was called, not poll */
    kaftan_deadline until; /* how long there is nothing to do */
};

/* RETRIABLE errors are tried again; others fail the task. */
static struct kaftan_error *tolerate(struct source_task *t, struct kaftan_error *err, const char *sentence)
{
    if (!err || !kaftan_error_retriable(err))
        return err;
    log_warn(&logger, sentence, LOG_ERR(err));
    kaftan_error_free(err);
    t->poll_after = kaftan_now_us() + POLL_RETRY_US;
    return NULL;
}

static struct kaftan_error *call_service(struct source_task *t, struct turn *turn)
{
    turn->served = true;
    t->work->wait_until = 0;
    t->work->idle = false;
    if (!t->class->service)
        return NULL;
    struct kaftan_error *err = tolerate(t, t->class->service(t->self, kaftan_now_us()), "service failed, trying again");
    turn->until = earlier(turn->until, t->work->wait_until);
    return err;
}

static struct kaftan_error *call_poll(struct source_task *t, struct turn *turn)
{
    kaftan_deadline before = kaftan_now_us();
    /* one that waits inside keeps reports waiting too: not long while there are any to come */
    kaftan_deadline limit = before + (batch_pool_open(t->pool) > 0 ? SPIN_US : WAIT_LIMIT_US);
    batch_pool_turn(t->pool);
    t->view.count = 0;
    t->work->wait_until = 0;
    t->work->idle = false;
    struct kaftan_error *err = t->class->poll(t->self, t->connector_fd >= 0 ? before : limit, &t->view);
    kaftan_deadline after = kaftan_now_us();
    if (t->view.count > 0) {
        task_metrics_polled(&t->metrics, after / 1000, t->view.count, after - before);
        turn->moved = true;
    }
    turn->until = earlier(turn->until, t->work->wait_until);
    if (t->connector_fd < 0 && t->work->wait_until == 0)
        turn->until = after - before >= 1000 ? after : after + SPIN_US;
    return tolerate(t, err, "poll failed, trying again");
}

static bool may_poll(struct source_task *t, kaftan_deadline now)
{
    return !t->paused && !t->full && now >= t->poll_after && !t->dead_first && !batch_pool_unsent(t->pool);
}

static void apply_target(struct source_task *t)
{
    bool paused = t->work->target != TARGET_STARTED;
    if (paused == t->paused)
        return;
    t->paused = paused;
    if (t->class->pause)
        t->class->pause(t->self, paused);
    task_metrics_paused(&t->metrics, clock_mono_ms(), paused);
    work_status(t->work, paused ? STATE_PAUSED : STATE_RUNNING, NULL);
    log_info(&logger, paused ? "task paused" : "task resumed");
}

static struct kaftan_error *take_error(struct source_task *t)
{
    struct kaftan_error *err = t->error;
    t->error = NULL;
    return err;
}

/* Poll or service, then send what there is. */
static struct kaftan_error *one_turn(struct source_task *t, struct turn *turn)
{
    kaftan_deadline now = kaftan_now_us();
    struct kaftan_error *err;
    if (source_reports(t) > 0)
        turn->moved = true;
    if (t->error)
        return take_error(t);
    source_flush_turn(t, now / 1000);
    task_metrics_turn(&t->metrics, now / 1000, batch_pool_open(t->pool));
    if (!kaftan_task_still_owned(t->work)) /* frozen for long: what has come meanwhile is for the other to read */
        t->poll_after = now + POLL_RETRY_US;
    err = may_poll(t, now) ? call_poll(t, turn) : call_service(t, turn);
    if (err)
        return err;
    if (source_send(t))
        turn->moved = true;
    turn->until = earlier(turn->until, t->poll_after);
    return take_error(t);
}

struct kaftan_error *source_task_work(struct source_task *t)
{
    bool ready = false;
    for (;;) {
        struct turn turn = { .until = INT64_MAX };
        (void)mailbox_drain(t->work->box, t->work);
        if (work_stopping(t->work))
            return NULL;
        apply_target(t);
        struct kaftan_error *err = one_turn(t, &turn);
        if (err)
            return err;
        t->mute = ready && turn.served && !turn.moved;
        ready = !turn.moved && wait_for_work(t, turn.until);
    }
}

/* ---- the end ---- */

/* One turn of the end: no poll any more. False: service has failed, waiting longer is of no use. */
static bool end_turn(struct source_task *t, kaftan_deadline until)
{
    struct turn turn = { .until = until };
    (void)mailbox_drain(t->work->box, t->work);
    turn.moved = source_reports(t) > 0;
    struct kaftan_error *err = call_service(t, &turn);
    if (err) {
        log_warn(&logger, "service failed while stopping", LOG_ERR(err));
        kaftan_error_free(err);
        return false;
    }
    if (t->error || !kaftan_task_still_owned(t->work))
        source_send_give_up(t);
    else if (source_send(t))
        turn.moved = true;
    if (!turn.moved)
        t->mute = wait_for_work(t, turn.until);
    return true;
}

static bool all_done(const struct source_task *t)
{
    return batch_pool_open(t->pool) == 0 && (!t->class->idle || t->class->idle(t->self));
}

static void last_flush(struct source_task *t, kaftan_deadline deadline)
{
    while (t->flush.under_way && kaftan_now_us() < deadline && kaftan_task_still_owned(t->work))
        if (!end_turn(t, deadline))
            return;
    if (t->flush.under_way || !source_flush_start(t, clock_mono_ms(), deadline / 1000))
        return;
    while (t->flush.under_way && kaftan_now_us() < deadline && kaftan_task_still_owned(t->work))
        if (!end_turn(t, deadline))
            break;
    if (t->flush.under_way)
        log_warn(&logger, "the last offset flush did not end in time; records may be repeated after a restart");
}

void source_task_stop(struct source_task *t, enum kaftan_stop_reason reason, kaftan_deadline deadline)
{
    if (!t->opened)
        return;
    kaftan_deadline now = kaftan_now_us(), reserve = (deadline - now) / 4;
    kaftan_deadline drained = deadline - (reserve < RESERVE_US ? reserve : RESERVE_US);
    t->send_after = 0;
    t->poll_after = 0;
    if (t->class->stop)
        t->class->stop(t->self, reason, drained);
    if (reason == KAFTAN_STOP_FAILED)
        source_send_give_up(t);
    producer_flush_start(t->producer);
    /* What is not ours any more can neither be acknowledged nor committed: no reason to wait for it. */
    while (!all_done(t) && kaftan_now_us() < drained && kaftan_task_still_owned(t->work))
        if (!end_turn(t, drained))
            break;
    if (batch_pool_open(t->pool) > 0)
        log_warn(&logger, "stopping before Kafka has confirmed all records; they may be repeated after a restart",
                 LOG_INT("records", batch_pool_open(t->pool)));
    if (kaftan_task_still_owned(t->work))
        last_flush(t, deadline);
    t->flush.number++; /* an answer that comes from now on means nothing */
    t->flush.under_way = false;
    source_send_give_up(t);
    producer_end(t); /* its reports would find their records gone */
    source_fail_open(t);
    work_wake_off(t->work);
    t->class->close(t->self);
    t->opened = false;
}
