/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rest/peer.h"

#include <stdatomic.h>
#include <string.h>

#include <kaftan/stream.h>

#include "base/log.h"
#include "base/mailbox.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "net/hmac.h"
#include "net/http.h"
#include "net/store.h"

static struct log logger = LOG("rest.peer");

enum {
    BOX_LIMIT = 4096,
    IDLE_MS = 30000, /* without a byte from the other worker (group-protocol.md 14) */
    CONNECT_MS = 15000
};

struct peer {
    struct herder_peer door;
    const char *signature_algorithm; /* borrowed from config */
    struct http *http;               /* owned */
    struct mailbox *box;             /* owned */
    struct thread *thread;           /* owned; NULL before start and after stop */
    atomic_bool stopping;
};

struct errand { /* what the peer thread is sent; one owner at a time */
    struct message base;
    struct peer *peer;
    const char *method;
    char *url;                        /* owned */
    struct buf body;
    bool has_body;
    char *authorization;              /* owned header lines; NULL */
    char *algorithm;
    struct herder_request *forwarded; /* owned, or NULL and */
    struct store_done *done;          /* owned */
};

static void errand_free(struct errand *e)
{
    mem_free(e->url);
    buf_fini(&e->body);
    mem_free(e->authorization);
    mem_free(e->algorithm);
    mem_free(e);
}

/* Answers whoever waits; takes err. */
static void errand_end(struct errand *e, struct kaftan_error *err)
{
    if (e->forwarded) {
        struct herder_request *r = e->forwarded;
        if (err)
            r->err = err;
        r->done(r);
    } else {
        e->done->err = err;
        if (!mailbox_send_always(e->done->to, &e->done->base))
            e->done->base.drop(&e->done->base);
    }
    errand_free(e);
}

static struct kaftan_error *no_answer(const struct errand *e, const char *why)
{
    if (e->forwarded)
        return kaftan_error_new(KAFTAN_E_INTERNAL, "IO Error trying to forward REST request: %s", why);
    return kaftan_error_new(KAFTAN_E_RETRIABLE, "the leader at %s cannot be asked: %s", e->url, why);
}

/* An internal call is answered with 204, or with an error that says why not. */
static struct kaftan_error *read_internal(const struct errand *e, const struct http_answer *a)
{
    int shown = a->body.len < 300 ? (int)a->body.len : 300;
    if (a->status >= 200 && a->status < 300)
        return NULL;
    return kaftan_error_new(a->status == 403 ? KAFTAN_E_FORBIDDEN : KAFTAN_E_RETRIABLE, "the leader at %s answered %d: %.*s", e->url,
                            a->status, shown, a->body.ptr ? a->body.ptr : "");
}

static void answered(void *self, const struct http_answer *a)
{
    struct errand *e = self;
    struct kaftan_error *err = NULL;
    if (a->err && a->unreached && e->forwarded && e->forwarded->again && e->forwarded->again(e->forwarded)) {
        errand_free(e);
        return;
    }
    if (a->err)
        err = no_answer(e, kaftan_error_message(a->err));
    else if (e->forwarded)
        peer_read(e->forwarded, a->status, a->body);
    else
        err = read_internal(e, a);
    log_debug(&logger, "asked another worker", LOG_STR("method", e->method), LOG_STR("url", e->url), LOG_INT("status", a->status));
    errand_end(e, err);
}

static void errand_handle(struct message *msg, void *owner)
{
    struct errand *e = CONTAINER_OF(msg, struct errand, base);
    struct peer *p = owner;
    const char *headers[5];
    size_t n = 0;
    struct http_request r = { .method = e->method, .url = e->url, .headers = headers, .body = buf_slice(&e->body),
                              .has_body = e->has_body, .timeout_ms = IDLE_MS };
    headers[n++] = "Accept: application/json";
    if (e->authorization)
        headers[n++] = e->authorization;
    if (e->algorithm)
        headers[n++] = e->algorithm;
    if (e->has_body)
        headers[n++] = "Content-Type: application/json";
    headers[n] = NULL;
    http_send(p->http, &r, answered, e);
}

static void errand_drop(struct message *msg)
{
    struct errand *e = CONTAINER_OF(msg, struct errand, base);
    errand_end(e, no_answer(e, "the worker is stopping"));
}

static struct errand *errand_new(struct peer *p, const char *method, const char *base_url, const struct buf *target)
{
    struct errand *e = mem_zalloc(1, sizeof *e);
    size_t len = strlen(base_url);
    e->base.handle = errand_handle;
    e->base.drop = errand_drop;
    e->peer = p;
    e->method = method;
    e->url = mem_printf("%s%s%.*s", base_url, len && base_url[len - 1] == '/' ? "" : "/", (int)target->len, target->data);
    return e;
}

static void errand_send(struct errand *e)
{
    if (!mailbox_send(e->peer->box, &e->base))
        errand_end(e, no_answer(e, atomic_load(&e->peer->stopping) ? "the worker is stopping" : "too many requests are under way"));
}

static void forward(void *self, const char *url, struct herder_request *r)
{
    struct buf target = BUF_INIT, body = BUF_INIT;
    const char *method;
    bool has_body;
    struct errand *e;
    peer_write(r, &method, &target, &body, &has_body);
    e = errand_new(self, method, url, &target);
    e->body = body;
    e->has_body = has_body;
    e->forwarded = r;
    if (r->authorization)
        e->authorization = mem_printf("Authorization: %s", r->authorization);
    buf_fini(&target);
    errand_send(e);
}

static struct kaftan_error *sign(struct errand *e, const struct session_key *key)
{
    struct buf mac = BUF_INIT, line = BUF_INIT;
    struct kaftan_error *err = hmac_sign(e->peer->signature_algorithm, key->key, buf_slice(&e->body), &mac);
    if (!err) {
        buf_puts(&line, "X-Connect-Authorization: ");
        base64_put(&line, mac.data, mac.len);
        e->authorization = buf_take(&line);
        e->algorithm = mem_printf("X-Connect-Request-Signature-Algorithm: %s", e->peer->signature_algorithm);
    }
    buf_fini(&mac);
    return err;
}

static struct errand *internal(struct peer *p, const char *method, const char *url, const char *connector, const char *what)
{
    struct buf target = BUF_INIT;
    struct errand *e;
    peer_put_target(&target, connector, what);
    e = errand_new(p, method, url, &target);
    buf_fini(&target);
    return e;
}

static void internal_send(struct errand *e, const struct session_key *key, struct store_done *done)
{
    struct kaftan_error *err = key ? sign(e, key) : NULL;
    e->done = done;
    if (err)
        errand_end(e, err);
    else
        errand_send(e);
}

static void put_tasks(void *self, const char *leader_url, const char *connector, struct text_map *const *tasks, int32_t count,
                      const struct session_key *key, struct store_done *done)
{
    struct errand *e = internal(self, "POST", leader_url, connector, "/tasks");
    peer_put_maps(&e->body, tasks, count);
    e->has_body = true;
    internal_send(e, key, done);
}

static void fence(void *self, const char *leader_url, const char *connector, const struct session_key *key, struct store_done *done)
{
    internal_send(internal(self, "PUT", leader_url, connector, "/fence"), key, done);
}

/* ---- TLS to other workers: the keys of listeners.https. when there is one, else the worker's own (rest-api.md 11.3) ---- */

#define HTTPS_PREFIX "listeners.https."

static bool has_prefix(const struct text_map *props)
{
    const char *key, *value;
    for (size_t i = 0; text_map_at(props, &i, &key, &value);)
        if (text_starts(key, HTTPS_PREFIX))
            return true;
    return false;
}

/* `key` is a whole one, with the prefix. */
static const char *ssl_value(const struct text_map *props, bool prefixed, const char *key)
{
    return text_map_get(props, prefixed ? key : key + strlen(HTTPS_PREFIX));
}

static struct kaftan_error *open_store(const struct text_map *props, bool prefixed, bool key, struct kaftan_store **ret)
{
    const char *name = key ? HTTPS_PREFIX "ssl.keystore.location" : HTTPS_PREFIX "ssl.truststore.location";
    struct kaftan_store_options o = {
        .size = sizeof o,
        .key = prefixed ? name : name + strlen(HTTPS_PREFIX),
        .path = ssl_value(props, prefixed, name),
        .password = ssl_value(props, prefixed,
                              key ? HTTPS_PREFIX "ssl.keystore.password" : HTTPS_PREFIX "ssl.truststore.password"),
        .key_password = key ? ssl_value(props, prefixed, HTTPS_PREFIX "ssl.key.password") : NULL,
        .need_key = key
    };
    return o.path && *o.path ? kaftan_store_open(&o, ret) : NULL;
}

static struct kaftan_error *http_for(const struct worker_config *c, struct http **ret)
{
    const struct text_map *props = worker_config_props(c);
    bool prefixed = has_prefix(props);
    const char *check = ssl_value(props, prefixed, HTTPS_PREFIX "ssl.endpoint.identification.algorithm");
    struct kaftan_store *trust = NULL, *own = NULL;
    struct buf ca = BUF_INIT, cert = BUF_INIT, key = BUF_INIT;
    struct http_options o = { .any_host = check && !*check, .connect_timeout_ms = CONNECT_MS, .user_agent = "kafka-connect" };
    struct kaftan_error *err = open_store(props, prefixed, false, &trust);
    if (!err)
        err = open_store(props, prefixed, true, &own);
    if (!err) {
        if (trust)
            store_pem(trust, NULL, NULL, &ca);
        if (own)
            store_pem(own, &cert, &key, NULL);
        o.ca = ca.len ? buf_text(&ca) : NULL;
        o.cert = cert.len ? buf_text(&cert) : NULL;
        o.key = key.len ? buf_text(&key) : NULL;
        err = http_new(&o, ret);
    }
    kaftan_store_unref(trust);
    kaftan_store_unref(own);
    if (key.data)
        explicit_bzero(key.data, key.cap);
    buf_fini(&ca);
    buf_fini(&cert);
    buf_fini(&key);
    return err;
}

struct kaftan_error *peer_new(const struct worker_config *c, struct peer **ret)
{
    struct peer *p = mem_zalloc(1, sizeof *p);
    struct kaftan_error *err = http_for(c, &p->http);
    if (err) {
        mem_free(p);
        return err;
    }
    p->door = (struct herder_peer){ p, forward, put_tasks, fence };
    p->signature_algorithm = worker_values(c)->signature_algorithm;
    p->box = mailbox_new(BOX_LIMIT);
    *ret = p;
    return NULL;
}

const struct herder_peer *peer_door(struct peer *p)
{
    return &p->door;
}

static void peer_run(void *arg)
{
    struct peer *p = arg;
    for (;;) {
        (void)mailbox_drain(p->box, p); /* takes a wake, too: `stopping` is looked at after it */
        if (atomic_load(&p->stopping))
            return;
        http_step(p->http, mailbox_fd(p->box), -1);
    }
}

void peer_start(struct peer *p)
{
    p->thread = thread_start(THREAD_PEER, "peer", peer_run, p);
}

/* Whoever still waits is answered here, while the herder and its mailbox are there to hear it. */
void peer_stop(struct peer *p)
{
    struct http *h = p->http;
    atomic_store(&p->stopping, true);
    mailbox_close(p->box);
    thread_join(p->thread);
    p->thread = NULL;
    for (struct message *m; (m = mailbox_receive(p->box));)
        m->drop(m);
    p->http = NULL;
    http_free(h);
}

void peer_free(struct peer *p)
{
    if (!p)
        return;
    http_free(p->http);
    mailbox_free(p->box);
    mem_free(p);
}
