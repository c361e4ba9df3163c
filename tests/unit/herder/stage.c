/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "stage.h"

#include <criterion/criterion.h>
#include <string.h>

#include "acme.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "fake_store.h"
#include "journal.h"
#include "net/hmac.h"

enum { WAIT_MS = 30000 };

static struct {
    struct lock lock;
    struct cond cond;
    int status; /* -1: not ended */
} ends;

static void on_end(void *self, int status)
{
    (void)self;
    lock_take(&ends.lock);
    ends.status = status;
    cond_wake_all(&ends.cond);
    lock_release(&ends.lock);
}

int wait_end(void)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    lock_take(&ends.lock);
    while (ends.status < 0 && cond_wait_until(&ends.cond, &ends.lock, deadline))
        ;
    int status = ends.status;
    lock_release(&ends.lock);
    return status;
}

void make(struct world *w, bool distributed, const char *key, const char *value, const struct herder_peer *peer)
{
    memset(w, 0, sizeof *w);
    lock_init(&ends.lock);
    cond_init(&ends.cond);
    ends.status = -1;
    w->registry = acme_registry();
    w->config = acme_config(distributed, key, value);
    w->metrics = metrics_new();
    struct kaftan_error *err = herder_new(w->config, w->registry, w->metrics, "http://host:8083/", peer, &w->herder);
    cr_assert_null(err);
}

void start(struct world *w)
{
    herder_start(w->herder, on_end, NULL);
}

void begin(struct world *w, bool distributed)
{
    make(w, distributed, NULL, NULL, NULL);
    start(w);
}

void end(struct world *w)
{
    herder_stop(w->herder);
    herder_free(w->herder);
    metrics_free(w->metrics);
    worker_config_free(w->config);
    registry_free(w->registry);
    cond_fini(&ends.cond);
    lock_fini(&ends.lock);
}

/* ---- asking ---- */

static void on_done(struct herder_request *r)
{
    struct asking *a = r->user;
    lock_take(&a->lock);
    a->done = true;
    cond_wake_all(&a->cond);
    lock_release(&a->lock);
}

static void asking_init(struct asking *a)
{
    lock_init(&a->lock);
    cond_init(&a->cond);
    a->done = false;
}

void send(struct world *w, struct herder_request *r, struct asking *a)
{
    asking_init(a);
    r->done = on_done;
    r->user = a;
    herder_send(w->herder, r);
}

void await(struct asking *a)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    lock_take(&a->lock);
    while (!a->done && cond_wait_until(&a->cond, &a->lock, deadline))
        ;
    cr_assert(a->done, "no answer");
    lock_release(&a->lock);
    cond_fini(&a->cond);
    lock_fini(&a->lock);
}

struct herder_request *ask(struct world *w, struct herder_request *r)
{
    struct asking a;
    send(w, r, &a);
    await(&a);
    return r;
}

struct text_map *config(const char *name, const char *key, const char *value)
{
    struct text_map *m = text_map_new();
    text_map_put(m, "name", name);
    text_map_put(m, "connector.class", "com.acme.PlainSourceConnector");
    text_map_put(m, "tasks.max", "4");
    if (key)
        text_map_put(m, key, value);
    return m;
}

struct herder_request *with_config(enum herder_op op, const char *name, const char *key, const char *value)
{
    struct herder_request *r = herder_request_new(op, name);
    r->config = config(name, key, value);
    return r;
}

const char *text_of(const struct herder_request *r)
{
    return r->err ? kaftan_error_message(r->err) : "";
}

/* Asks and frees; `text` "" for success. */
void expect(struct world *w, struct herder_request *r, int http, const char *text)
{
    ask(w, r);
    cr_expect_str_eq(text_of(r), text);
    if (r->err)
        cr_expect_eq(kaftan_error_http_status(r->err), http, "%d", kaftan_error_http_status(r->err));
    herder_request_free(r);
}

void expect_op(struct world *w, enum herder_op op, const char *name, int http, const char *text)
{
    expect(w, herder_request_new(op, name), http, text);
}

void saw(struct world *w, const char *line)
{
    cr_assert(journal_wait(&w->at, line), "%s", line);
}

void wait_started(struct world *w)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    while (!herder_started(w->herder)) {
        cr_assert(clock_mono_ms() < deadline, "not started: %s", herder_stage(w->herder));
        herder_request_free(ask(w, herder_request_new(HERDER_PING, NULL)));
    }
}

void create(struct world *w, const char *name)
{
    expect(w, with_config(HERDER_CREATE, name, NULL, NULL), 0, "");
}

/* As the peer of another worker sends it, with the proof that the group's key gives; NULL body: no proof. */
struct herder_request *tasks_of_another(const char *connector, int32_t count, const char *body)
{
    struct herder_request *r = herder_request_new(HERDER_PUT_TASKS, connector);
    r->tasks = mem_zalloc((size_t)count, sizeof *r->tasks);
    r->task_count = count;
    for (int32_t i = 0; i < count; i++)
        r->tasks[i] = config(connector, NULL, NULL);
    if (body) {
        const struct snapshot *s = store_snapshot(fake_store());
        struct buf mac = BUF_INIT;
        struct kaftan_error *err = hmac_sign("HmacSHA256", s->session_key->key, slice_of(body), &mac);
        cr_assert_null(err);
        r->proof.algorithm = mem_strdup("HmacSHA256");
        r->proof.body = mem_strdup(body);
        r->proof.body_len = strlen(body);
        r->proof.has_mac = true;
        r->proof.mac_len = mac.len;
        r->proof.mac = buf_take(&mac);
        snapshot_unref(s);
    }
    return r;
}
