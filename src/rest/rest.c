/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rest/rest.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "rest/entity.h"
#include "rest/listener.h"

enum {
    POOL_THREADS = 2,
    CONNECTIONS = 512,
    CONNECTION_BYTES = 32 << 10,
    IDLE_SECONDS = 90,
    HEAD_LIMIT = 8192, /* request line and headers */
    ANSWERS_MS = 2000, /* for the last answers when the worker stops */
    DRAIN_LIMIT = 64 << 20 /* of a body past BODY_LIMIT, before we hang up */
};

static struct log logger = LOG("rest.rest");

struct daemon_set {
    struct listener_set listeners;
    struct MHD_Daemon *items[LISTENER_LIMIT];
    size_t count;
};

/* ---- exchanges ---- */

static void exchange_free(struct exchange *x)
{
    buf_fini(&x->body);
    buf_fini(&x->answer.body);
    mem_free(x->answer.location);
    mem_free(x->answer.allow);
    arena_free(x->arena);
    x->magic = 0;
    mem_free(x);
}

static void exchange_release(struct exchange *x)
{
    struct rest *rest = x->rest;
    lock_take(&rest->lock);
    bool last = --x->holders == 0;
    lock_release(&rest->lock);
    if (last)
        exchange_free(x);
}

static void unlink_waiting(struct exchange *x)
{
    if (x->prev)
        x->prev->next = x->next;
    else
        x->rest->waiting = x->next;
    if (x->next)
        x->next->prev = x->prev;
    x->next = x->prev = NULL;
}

/* Who gets true answers the exchange: the herder's reply or the time limit. */
static bool exchange_claim(struct exchange *x)
{
    lock_take(&x->rest->lock);
    bool mine = x->state == EXCHANGE_WAITING;
    if (mine) {
        x->state = EXCHANGE_CLAIMED;
        unlink_waiting(x);
    }
    lock_release(&x->rest->lock);
    return mine;
}

/*
 * The answer is whole: the connection goes on. The lock hands the answer from
 * this thread to libmicrohttpd's, which takes it in on_request.
 */
static void exchange_resume(struct exchange *x)
{
    lock_take(&x->rest->lock);
    x->state = EXCHANGE_ANSWERED;
    lock_release(&x->rest->lock);
    MHD_resume_connection(x->connection);
}

static bool exchange_answered(struct exchange *x)
{
    lock_take(&x->rest->lock);
    bool answered = x->state == EXCHANGE_ANSWERED;
    lock_release(&x->rest->lock);
    return answered;
}

/*
 * Validation says everything as 500 with the class of Java's exception in
 * front (rest-api.md 8); elsewhere an error is its own status.
 */
static void answer_failure(struct exchange *x, const struct kaftan_error *err)
{
    if (x->route->op != HERDER_VALIDATE) {
        answer_err(x, err);
        return;
    }
    struct buf b = BUF_INIT;
    if (kaftan_error_code(err) == KAFTAN_E_INVALID)
        buf_puts(&b, "org.apache.kafka.connect.runtime.rest.errors."
                     "BadRequestException: ");
    else if (kaftan_error_code(err) == KAFTAN_E_INTERNAL)
        buf_puts(&b, "org.apache.kafka.common.config.ConfigException: ");
    buf_puts(&b, kaftan_error_message(err));
    answer_error(x, kaftan_error_code(err) == KAFTAN_E_UNAVAILABLE ? 503 : 500,
                 buf_text(&b));
    buf_fini(&b);
}

static void on_done(struct herder_request *r)
{
    struct exchange *x = OBJ_FROM(struct exchange, EXCHANGE_MAGIC, r->user);
    if (exchange_claim(x)) {
        if (r->relayed && !r->err)
            answer_relayed(x, r);
        else if (r->op == HERDER_PING || !r->err)
            x->route->reply(x, r);
        else
            answer_failure(x, r->err);
        exchange_resume(x);
    }
    herder_request_free(r);
    exchange_release(x);
}

void exchange_ask(struct exchange *x, struct herder_request *r, int timeout_ms)
{
    r->done = on_done;
    r->user = x;
    x->asked = true;
    MHD_suspend_connection(x->connection);
    lock_take(&x->rest->lock);
    x->state = EXCHANGE_WAITING;
    x->deadline_ms = clock_mono_ms() + timeout_ms;
    x->holders++;
    x->rest->asked++;
    x->next = x->rest->waiting;
    if (x->next)
        x->next->prev = x;
    if (!x->rest->waiting)
        cond_wake_all(&x->rest->wake); /* the timer sleeps while there is nothing to wait for */
    x->rest->waiting = x;
    lock_release(&x->rest->lock);
    herder_send(x->rest->herder, r);
}

static void answer_late(struct exchange *x)
{
    if (x->route->op == HERDER_PING) {
        x->route->reply(x, NULL);
        return;
    }
    struct buf b = BUF_INIT;
    const char *stage = herder_stage(x->rest->herder);
    buf_puts(&b, atomic_load(&x->rest->stopping) ? "Worker is shutting down"
                                                 : "Request timed out");
    if (stage && *stage)
        buf_printf(&b, ". %s", stage);
    answer_error(x, atomic_load(&x->rest->stopping) ? 503 : 500, buf_text(&b));
    buf_fini(&b);
    metric_add(x->rest->count.timeouts, 1);
}

/* Answers one exchange that is due; false when there is none. */
static bool expire_one(struct rest *rest, int64_t now)
{
    struct exchange *due = NULL;
    lock_take(&rest->lock);
    for (struct exchange *x = rest->waiting; x && !due; x = x->next)
        if (x->deadline_ms <= now)
            due = x;
    if (due) {
        due->state = EXCHANGE_CLAIMED;
        unlink_waiting(due);
    }
    lock_release(&rest->lock);
    if (!due)
        return false;
    answer_late(due);
    exchange_resume(due);
    return true;
}

enum { LOOK_MS = 500, SLEEP_MS = 60000 };

static void timer_run(void *arg)
{
    struct rest *rest = arg;
    while (!atomic_load(&rest->stopping)) {
        while (expire_one(rest, clock_mono_ms()))
            continue;
        lock_take(&rest->lock);
        if (!atomic_load(&rest->stopping))
            (void)cond_wait_until(&rest->wake, &rest->lock,
                                  clock_mono_ms() + (rest->waiting ? LOOK_MS : SLEEP_MS));
        lock_release(&rest->lock);
    }
}

/* ---- libmicrohttpd's callbacks, on its threads ---- */

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
    struct exchange *x = mem_zalloc(1, sizeof *x);
    x->magic = EXCHANGE_MAGIC;
    x->rest = cls;
    x->connection = c;
    x->arena = arena_new(4096);
    x->target = arena_strndup(x->arena, uri, strlen(uri));
    x->holders = 1;
    return x;
}

static void on_completed(void *cls, struct MHD_Connection *c, void **con_cls,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)c;
    (void)code;
    if (!*con_cls)
        return;
    struct exchange *x = OBJ_FROM(struct exchange, EXCHANGE_MAGIC, *con_cls);
    if (x->asked) {
        lock_take(&x->rest->lock);
        x->rest->asked--;
        if (atomic_load(&x->rest->stopping))
            cond_wake_all(&x->rest->wake);
        lock_release(&x->rest->lock);
    }
    exchange_release(x);
    *con_cls = NULL;
}

/* Paths and queries are decoded by uri.c. */
static size_t on_unescape(void *cls, struct MHD_Connection *c, char *s)
{
    (void)cls;
    (void)c;
    return strlen(s);
}

static const char *header(struct exchange *x, const char *name)
{
    const char *v =
        MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
    return v ? arena_strndup(x->arena, v, strlen(v)) : NULL;
}

static void add_header(struct MHD_Response *r, const char *name,
                       const char *value)
{
    if (value)
        (void)MHD_add_response_header(r, name, value);
}

static enum MHD_Result send_answer(struct exchange *x)
{
    size_t len = x->answer.body.len;
    char *data = len ? x->answer.body.data : NULL;
    struct MHD_Response *r =
        len ? MHD_create_response_from_buffer_with_free_callback(len, data,
                                                                 mem_free)
            : MHD_create_response_from_buffer(0, NULL,
                                              MHD_RESPMEM_PERSISTENT);
    ASSERT(r);
    if (len)
        x->answer.body = (struct buf)BUF_INIT;
    const char *type = x->answer.content_type;
    if (type && strcmp(type, "application/json") == 0)
        type = accept_echo(x->arena, x->accept, type);
    add_header(r, "Content-Type", type);
    add_header(r, "Location", x->answer.location);
    add_header(r, "Allow", x->answer.allow);
    add_header(r, "Connection", x->answer.close ? "close" : NULL);
    metric_add(x->rest->count.requests, 1);
    if (x->answer.status >= 400)
        metric_add(x->rest->count.errors, 1);
    log_debug(&logger, "request", LOG_STR("method", x->method),
              LOG_STR("target", x->target),
              LOG_INT("status", x->answer.status));
    enum MHD_Result ok = MHD_queue_response(
        x->connection, (unsigned)x->answer.status, r);
    MHD_destroy_response(r);
    x->sent = true;
    return ok;
}

static enum MHD_Result refuse_body(struct exchange *x)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "The request body is larger than %zu bytes", x->body_limit);
    answer_error(x, 413, buf_text(&b));
    buf_fini(&b);
    x->answer.close = true;
    x->routed = true;
    return send_answer(x);
}

static size_t body_limit(const struct exchange *x)
{
    struct kaftan_slice path = { x->target, strcspn(x->target, "?") };
    static const char tasks[] = "/tasks";
    size_t n = sizeof tasks - 1;
    bool is_tasks = path.len > n && memcmp(path.ptr + path.len - n, tasks, n) == 0;
    return is_tasks && strcmp(x->method, "POST") == 0 ? TASKS_LIMIT : BODY_LIMIT;
}

/* What a container checks before it looks at the path (rest-api.md 1.1). */
struct seen {
    unsigned hosts, lengths;
};

static enum MHD_Result see_header(void *cls, enum MHD_ValueKind kind,
                                  const char *name, const char *value)
{
    struct seen *s = cls;
    (void)kind;
    (void)value;
    s->hosts += strcasecmp(name, "Host") == 0;
    s->lengths += strcasecmp(name, "Content-Length") == 0;
    return MHD_YES;
}

/* 0: nothing is wrong. */
static int request_wrong(struct exchange *x, const char *version,
                         const char **ret_title)
{
    const union MHD_ConnectionInfo *size = MHD_get_connection_info(
        x->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct seen seen = { 0, 0 };
    (void)MHD_get_connection_values(x->connection, MHD_HEADER_KIND, see_header,
                                    &seen);
    *ret_title = "Bad Request";
    if (strlen(x->target) > HEAD_LIMIT) {
        *ret_title = "URI Too Long";
        return 414;
    }
    if (size && size->header_size > HEAD_LIMIT) {
        *ret_title = "Request Header Fields Too Large";
        return 431;
    }
    if (seen.hosts > 1 || seen.lengths > 1)
        return 400;
    return seen.hosts == 0 && strcmp(version, "HTTP/1.1") == 0 ? 400 : 0;
}

/* The first call for a request: line and headers are there. */
static enum MHD_Result begin(struct exchange *x, const char *method,
                             const char *version)
{
    int64_t length = 0;
    const char *title;
    x->method = arena_strndup(x->arena, method, strlen(method));
    int status = request_wrong(x, version, &title);
    if (status) {
        answer_container(x, status, title);
        x->routed = true;
        return send_answer(x);
    }
    x->content_type = header(x, "Content-Type");
    x->accept = header(x, "Accept");
    x->host = header(x, "Host");
    x->authorization = header(x, "Authorization");
    x->signature = header(x, "X-Connect-Authorization");
    x->signature_algorithm = header(x, "X-Connect-Request-Signature-Algorithm");
    x->body_limit = body_limit(x);
    const char *text = header(x, "Content-Length");
    if (text && (!text_to_i64(text, strlen(text), &length) ||
                 length > (int64_t)x->body_limit))
        return refuse_body(x);
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c,
                                  const char *url, const char *method,
                                  const char *version, const char *upload,
                                  size_t *upload_size, void **con_cls)
{
    struct exchange *x = OBJ_FROM(struct exchange, EXCHANGE_MAGIC, *con_cls);
    (void)cls;
    (void)c;
    (void)url;
    if (!x->method)
        return begin(x, method, version);
    if (*upload_size > 0) {
        x->body_seen += *upload_size;
        if (x->body_seen > DRAIN_LIMIT)
            return MHD_NO;
        if (x->body_seen <= x->body_limit)
            buf_put(&x->body, upload, *upload_size);
        *upload_size = 0;
        return MHD_YES;
    }
    if (x->sent)
        return MHD_YES;
    if (!x->routed && x->body_seen > x->body_limit)
        return refuse_body(x);
    if (!x->routed) {
        x->routed = true;
        route_request(x);
        if (x->asked)
            return MHD_YES; /* suspended; called again once resumed */
    }
    if (x->asked && !exchange_answered(x))
        return MHD_YES;
    return send_answer(x);
}

static void on_log(void *cls, const char *fmt, va_list ap)
{
    char line[256];
    (void)cls;
    (void)vsnprintf(line, sizeof line, fmt, ap);
    line[strcspn(line, "\n")] = '\0';
    log_debug(&logger, "http", LOG_STR("text", line));
}

/* ---- the room's door ---- */

struct kaftan_error *rest_new(const struct worker_config *c,
                              const struct registry *r, struct metrics *m,
                              struct rest **ret)
{
    struct rest *rest = mem_zalloc(1, sizeof *rest);
    lock_init(&rest->lock);
    cond_init(&rest->wake);
    rest->config = c;
    rest->registry = r;
    rest->metrics = m;
    rest->daemons = mem_zalloc(1, sizeof *rest->daemons);
    rest->count.group = metrics_group_new(m, NULL, 0);
    rest->count.requests =
        metric_new(rest->count.group, METRIC_COUNTER,
                   "kaftan_rest_requests_total", "HTTP requests answered.");
    rest->count.errors = metric_new(
        rest->count.group, METRIC_COUNTER, "kaftan_rest_errors_total",
        "HTTP requests answered with a status of 400 or more.");
    rest->count.timeouts = metric_new(
        rest->count.group, METRIC_COUNTER, "kaftan_rest_timeouts_total",
        "HTTP requests that the worker did not answer in time.");
    struct kaftan_error *err = worker_config_distributed(c) ? peer_new(c, &rest->peer) : NULL;
    if (!err)
        err = listeners_open(worker_values(c), &rest->daemons->listeners);
    if (err) {
        rest_free(rest);
        return err;
    }
    struct buf url = BUF_INIT;
    listeners_url(worker_values(c), &rest->daemons->listeners, &url);
    rest->url = buf_take(&url);
    *ret = rest;
    return NULL;
}

const char *rest_url(const struct rest *r)
{
    return r->url;
}

const struct herder_peer *rest_peer(struct rest *r)
{
    return r->peer ? peer_door(r->peer) : NULL;
}

static struct MHD_Daemon *daemon_start(struct rest *r, int fd)
{
    return MHD_start_daemon(
        MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ERROR_LOG,
        0, NULL, NULL, on_request, r, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_THREAD_POOL_SIZE, (unsigned)POOL_THREADS,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, r, MHD_OPTION_UNESCAPE_CALLBACK,
        on_unescape, r, MHD_OPTION_NOTIFY_COMPLETED, on_completed, r,
        MHD_OPTION_EXTERNAL_LOGGER, on_log, r, MHD_OPTION_END);
}

struct kaftan_error *rest_start(struct rest *r, struct herder *h)
{
    struct daemon_set *d = r->daemons;
    r->herder = h;
    json_object_seed(0);
    json_set_alloc_funcs(mem_alloc, mem_free);
    for (size_t i = 0; i < d->listeners.count; i++) {
        struct listener *l = &d->listeners.items[i];
        struct MHD_Daemon *m = daemon_start(r, l->fd);
        if (!m)
            return kaftan_error_new(KAFTAN_E_INTERNAL,
                                    "the HTTP server does not start on %s:%d",
                                    l->host, l->bound);
        l->fd = -1; /* the daemon's now */
        d->items[d->count++] = m;
    }
    if (r->peer)
        peer_start(r->peer);
    r->timer = thread_start(THREAD_REST, "rest-timer", timer_run, r);
    log_info(&logger, "REST server listens", LOG_STR("url", r->url));
    return NULL;
}

/*
 * MHD_stop_daemon cuts connections, so what has just been resumed needs the
 * time to be written; a client that does not read gets no more than this.
 */
static void wait_for_answers(struct rest *r)
{
    int64_t deadline = clock_mono_ms() + ANSWERS_MS;
    lock_take(&r->lock);
    while (r->asked > 0 && cond_wait_until(&r->wake, &r->lock, deadline))
        continue;
    lock_release(&r->lock);
}

void rest_stop(struct rest *r)
{
    struct daemon_set *d = r->daemons;
    atomic_store(&r->stopping, true);
    lock_take(&r->lock);
    cond_wake_all(&r->wake);
    lock_release(&r->lock);
    thread_join(r->timer);
    r->timer = NULL;
    for (size_t i = 0; i < d->count; i++) {
        int fd = MHD_quiesce_daemon(d->items[i]);
        if (fd >= 0)
            (void)close(fd);
    }
    while (expire_one(r, INT64_MAX))
        continue;
    wait_for_answers(r);
    for (size_t i = 0; i < d->count; i++)
        MHD_stop_daemon(d->items[i]);
    d->count = 0;
    if (r->peer)
        peer_stop(r->peer);
}

void rest_free(struct rest *r)
{
    if (!r)
        return;
    if (r->daemons)
        listeners_close(&r->daemons->listeners);
    peer_free(r->peer);
    metrics_group_free(r->count.group);
    mem_free(r->daemons);
    mem_free(r->url);
    cond_fini(&r->wake);
    lock_fini(&r->lock);
    mem_free(r);
}
