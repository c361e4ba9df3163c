/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unsecured tokens and tokens of a file are made when they are asked for. One
 * of an endpoint is fetched by the login's own thread, before it is needed.
 */
#include "config.h"

#include "net/oauth_int.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "net/http.h"

static struct log logger = LOG("net.oauth");

enum { FILE_LIMIT = 1 << 20, STEP_MS = 200 };

struct oauth {
    struct oauth *next;      /* of all logins */
    uint64_t number;
    unsigned holders;        /* guarded by all_lock */
    struct oauth_config c;   /* immutable */
    struct thread *thread;   /* owned; OAUTH_ENDPOINT */
    atomic_bool stopping;
    struct lock lock;        /* rank 55: what follows */
    struct cond got;         /* a token, or why there is none */
    struct oauth_token token; /* value NULL: none yet */
    int64_t good_until_ms;    /* clock_mono_ms: the wall clock may be set while a token lives */
    char *why;               /* owned; the last failure; NULL: none since the last token */
};

static struct lock all_lock = { PTHREAD_MUTEX_INITIALIZER }; /* rank 54 */
static struct oauth *all;
static uint64_t numbers;

static void token_copy(const struct oauth_token *from, const struct text_map *extensions, struct oauth_token *to)
{
    to->value = mem_strdup(from->value);
    to->principal = mem_strdup(from->principal);
    to->expires_ms = from->expires_ms;
    to->extensions = text_map_copy(extensions);
}

/* ---- made on the spot ---- */

static struct kaftan_error *unsecured(const struct oauth *o, struct oauth_token *ret)
{
    struct buf jwt = BUF_INIT;
    oauth_put_unsecured(&jwt, &o->c, clock_wall_ms());
    struct kaftan_error *err = oauth_read_jwt(buf_text(&jwt), o->c.subject_claim, ret);
    buf_fini(&jwt);
    return err;
}

static struct kaftan_error *from_file(const struct oauth *o, struct oauth_token *ret)
{
    struct buf text = BUF_INIT;
    char chunk[4096];
    size_t n;
    FILE *f = fopen(o->c.url, "re");
    if (!f)
        return kaftan_error_new(KAFTAN_E_RETRIABLE, "the token file %s cannot be read: %s", o->c.url, strerror(errno));
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0 && text.len <= FILE_LIMIT)
        buf_put(&text, chunk, n);
    (void)fclose(f);
    struct kaftan_slice s = slice_trim(buf_slice(&text));
    char *jwt = mem_strndup(s.ptr ? s.ptr : "", s.len);
    struct kaftan_error *err = oauth_read_jwt(jwt, o->c.subject_claim, ret);
    if (err)
        err = kaftan_error_wrap(err, "the token file %s", o->c.url);
    else if (ret->expires_ms <= clock_wall_ms())
        err = kaftan_error_new(KAFTAN_E_RETRIABLE, "the token file %s: the token's time is over; the file has to be renewed", o->c.url);
    explicit_bzero(jwt, strlen(jwt));
    explicit_bzero(chunk, sizeof chunk);
    mem_free(jwt);
    buf_fini(&text);
    return err;
}

/* ---- fetched: the login's thread ---- */

struct fetch {
    const struct oauth *o;
    struct oauth_token token;
    struct kaftan_error *err;
    bool done;
};

static void fetched(void *self, const struct http_answer *a)
{
    struct fetch *f = self;
    f->done = true;
    if (a->err)
        f->err = kaftan_error_new(KAFTAN_E_RETRIABLE, "no token: %s", kaftan_error_message(a->err));
    else if (a->status != 200)
        f->err = kaftan_error_new(KAFTAN_E_RETRIABLE, "the token endpoint %s answered %d", f->o->c.url, a->status);
    else
        f->err = oauth_read_answer(a->body, &f->o->c, &f->token);
}

static void fetch(struct oauth *o, struct http *h, struct fetch *f)
{
    struct buf body = BUF_INIT, authorization = BUF_INIT, line = BUF_INIT;
    *f = (struct fetch){ .o = o };
    oauth_put_request(&o->c, &body, &authorization);
    buf_printf(&line, "Authorization: %s", buf_text(&authorization));
    const char *const headers[] = { "Accept: application/json", "Content-Type: application/x-www-form-urlencoded", buf_text(&line), NULL };
    struct http_request r = { .method = "POST", .url = o->c.url, .headers = headers, .body = buf_slice(&body), .has_body = true,
                              .timeout_ms = o->c.read_ms };
    http_send(h, &r, fetched, f);
    while (!f->done && !atomic_load(&o->stopping))
        http_step(h, -1, STEP_MS);
    explicit_bzero(authorization.data, authorization.cap);
    explicit_bzero(line.data, line.cap);
    buf_fini(&body);
    buf_fini(&authorization);
    buf_fini(&line);
}

/* Takes what was fetched; returns in how many ms to fetch again. */
static int64_t keep(struct oauth *o, struct fetch *f, unsigned *failures)
{
    int64_t now = clock_wall_ms(), in = o->c.retry_ms;
    lock_take(&o->lock);
    mem_free(o->why);
    o->why = f->err ? mem_strdup(kaftan_error_message(f->err)) : NULL;
    if (!f->err) {
        oauth_token_fini(&o->token);
        o->token = f->token;
        o->good_until_ms = clock_mono_ms() + (f->token.expires_ms - now);
    }
    cond_wake_all(&o->got);
    lock_release(&o->lock);
    if (!f->err) {
        *failures = 0;
        log_info(&logger, "token received", LOG_STR("endpoint", o->c.url), LOG_INT("expires_in_ms", f->token.expires_ms - now));
        return oauth_renew_in(&o->c, now, f->token.expires_ms);
    }
    for (unsigned i = 0; i < *failures && in < o->c.retry_max_ms; i++)
        in *= 2;
    *failures += *failures < 30;
    log_warn(&logger, "no token; trying again", LOG_ERR(f->err));
    kaftan_error_free(f->err);
    return in < o->c.retry_max_ms ? in : o->c.retry_max_ms;
}

static void pause_for(struct oauth *o, int64_t ms)
{
    int64_t until = clock_mono_ms() + (ms > 0 ? ms : 1);
    lock_take(&o->lock);
    while (!atomic_load(&o->stopping) && cond_wait_until(&o->got, &o->lock, until))
        continue;
    lock_release(&o->lock);
}

static void oauth_run(void *arg)
{
    struct oauth *o = arg;
    struct http_options options = { .ca = o->c.ca, .cert = o->c.cert, .key = o->c.key, .connect_timeout_ms = o->c.connect_ms,
                                    .user_agent = "kafka-connect" };
    struct http *h = NULL;
    struct fetch f;
    unsigned failures = 0;
    struct kaftan_error *err = http_new(&options, &h);
    if (err) {
        f = (struct fetch){ .o = o, .err = err };
        (void)keep(o, &f, &failures);
        return;
    }
    while (!atomic_load(&o->stopping)) {
        fetch(o, h, &f);
        if (f.done)
            pause_for(o, keep(o, &f, &failures));
    }
    http_free(h);
}

/* ---- the logins ---- */

static void oauth_free(struct oauth *o)
{
    atomic_store(&o->stopping, true);
    lock_take(&o->lock);
    cond_wake_all(&o->got);
    lock_release(&o->lock);
    thread_join(o->thread);
    oauth_token_fini(&o->token);
    oauth_config_fini(&o->c);
    mem_free(o->why);
    cond_fini(&o->got);
    lock_fini(&o->lock);
    mem_free(o);
}

struct kaftan_error *oauth_open(const struct text_map *props, const struct text_map *jaas, struct oauth **ret)
{
    struct oauth_config c;
    struct oauth *o;
    struct kaftan_error *err = oauth_config_read(props, jaas, &c);
    if (err)
        return err;
    lock_take(&all_lock);
    for (o = all; o && strcmp(o->c.fingerprint, c.fingerprint) != 0; o = o->next)
        continue;
    if (o) {
        o->holders++;
        oauth_config_fini(&c);
    } else {
        o = mem_zalloc(1, sizeof *o);
        o->holders = 1;
        o->number = ++numbers;
        o->c = c;
        lock_init(&o->lock);
        cond_init(&o->got);
        o->next = all;
        all = o;
        if (c.kind == OAUTH_ENDPOINT)
            o->thread = thread_start(THREAD_ANY, "oauth", oauth_run, o);
    }
    lock_release(&all_lock);
    *ret = o;
    return NULL;
}

uint64_t oauth_number(const struct oauth *o)
{
    return o->number;
}

struct oauth *oauth_find(uint64_t number)
{
    struct oauth *o;
    lock_take(&all_lock);
    for (o = all; o && o->number != number; o = o->next)
        continue;
    if (o)
        o->holders++;
    lock_release(&all_lock);
    return o;
}

void oauth_close(struct oauth *o)
{
    struct oauth **at = &all;
    if (!o)
        return;
    lock_take(&all_lock);
    bool last = --o->holders == 0;
    while (last && *at != o)
        at = &(*at)->next;
    if (last)
        *at = o->next;
    lock_release(&all_lock);
    if (last)
        oauth_free(o);
}

struct kaftan_error *oauth_wait(struct oauth *o, int timeout_ms, struct oauth_token *ret)
{
    int64_t until = clock_mono_ms() + timeout_ms;
    struct kaftan_error *err = NULL;
    *ret = (struct oauth_token){ 0 };
    if (o->c.kind != OAUTH_ENDPOINT) {
        err = o->c.kind == OAUTH_FILE ? from_file(o, ret) : unsecured(o, ret);
        if (!err)
            ret->extensions = text_map_copy(o->c.extensions);
        return err;
    }
    lock_take(&o->lock);
    while (!o->token.value && timeout_ms > 0 && cond_wait_until(&o->got, &o->lock, until))
        continue;
    if (o->token.value && o->good_until_ms > clock_mono_ms())
        token_copy(&o->token, o->c.extensions, ret);
    else
        err = kaftan_error_new(KAFTAN_E_RETRIABLE, "%s", o->why ? o->why : "the token endpoint has not answered yet");
    lock_release(&o->lock);
    return err;
}

struct kaftan_error *oauth_token(struct oauth *o, struct oauth_token *ret)
{
    return oauth_wait(o, 0, ret);
}
