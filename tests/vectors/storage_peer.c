/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Java's workers ask each other: signatures, and requests that a peer of
 * ours is made to send to a server that answers as Java's did.
 */
#include "config.h"

#include "vectors/storage.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <kaftan/task.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "net/hmac.h"
#include "rest/peer.h"
#include "unit/net/web.h"

enum { WAIT_MS = 60000, TASKS = 64 };

const struct golden_section storage_peer_sections[] = {
    { "requests_between_workers", storage_run_requests, NULL },
    { "signatures", storage_run_signatures, NULL },
    { NULL, NULL, NULL },
};

void storage_run_signatures(struct golden *g, const struct json *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        const char *key = golden_text(g, v, "key_base64"), *body = golden_text(g, v, "body");
        struct buf raw = BUF_INIT, mac = BUF_INIT, text = BUF_INIT;
        if (!golden_begin(g, "number %zu, %s", i + 1, golden_text(g, v, "request")))
            continue;
        golden_expect(g, base64_decode(key, strlen(key), &raw), "the key is no base64");
        struct kaftan_error *err = hmac_sign(golden_text(g, v, "algorithm"), buf_slice(&raw), slice_of(body), &mac);
        if (golden_expect(g, !err, "%s", err ? kaftan_error_message(err) : "")) {
            base64_put(&text, mac.data, mac.len);
            golden_same_text(g, "the signature", buf_text(&text), golden_text(g, v, "signature_base64"));
        }
        kaftan_error_free(err);
        buf_fini(&raw);
        buf_fini(&mac);
        buf_fini(&text);
        golden_end(g);
    }
}

/* ---- another worker ---- */

/* What it was asked, and what it says; written before it is asked, read after its answer. */
struct other {
    struct lock lock;
    struct buf line, headers, body;
    const char *status, *answer;
};

static enum web_then other_answer(void *self, const struct web_request *r, struct buf *ret)
{
    struct other *o = self;
    lock_take(&o->lock);
    buf_clear(&o->line);
    buf_clear(&o->headers);
    buf_clear(&o->body);
    buf_puts(&o->line, r->line);
    buf_puts(&o->headers, r->headers);
    buf_put(&o->body, r->body, r->body_len);
    if (strncmp(o->status, "204", 3) == 0)
        buf_puts(ret, "HTTP/1.1 204 No Content\r\n\r\n");
    else
        web_say(ret, o->status, *o->answer ? "application/json" : NULL, o->answer);
    lock_release(&o->lock);
    return WEB_GO_ON;
}

/* ---- a peer ---- */

struct asker {
    struct worker_config *config;
    struct peer *peer;
    struct web *web;
    char *url;
    struct other other;
};

static void asker_up(struct asker *a)
{
    static const char *const keys[] = { "group.id",          "g", "key.converter",        "k", "value.converter",      "v",
                                        "config.storage.topic", "c", "offset.storage.topic", "o", "status.storage.topic", "s",
                                        "listeners",         "http://127.0.0.1:0", NULL };
    struct text_map *props = text_map_new();
    memset(a, 0, sizeof *a);
    for (size_t i = 0; keys[i]; i += 2)
        text_map_put(props, keys[i], keys[i + 1]);
    struct kaftan_error *err = worker_config_new(props, true, &a->config);
    if (!err)
        err = peer_new(a->config, &a->peer);
    ASSERT(!err);
    text_map_unref(props);
    peer_start(a->peer);
    lock_init(&a->other.lock);
    a->web = web_new(&(struct web_options){ .answer = other_answer, .self = &a->other });
    a->url = mem_printf("http://127.0.0.1:%d/", web_port(a->web));
}

static void asker_down(struct asker *a)
{
    peer_stop(a->peer);
    peer_free(a->peer);
    worker_config_free(a->config);
    web_free(a->web);
    mem_free(a->url);
    buf_fini(&a->other.line);
    buf_fini(&a->other.headers);
    buf_fini(&a->other.body);
    lock_fini(&a->other.lock);
}

/* ---- one captured request, taken apart ---- */

struct seen {
    char method[16], connector[256], rest[512];
    const char *line, *body, *status, *answer;
    const struct json *json, *headers;
};

static bool seen_of(struct golden *g, const struct json *v, struct seen *s)
{
    memset(s, 0, sizeof *s);
    s->line = golden_text(g, v, "request_line");
    s->body = golden_text(g, v, "request_body");
    s->status = golden_text(g, v, "status_line");
    s->answer = golden_text(g, v, "response_body");
    s->headers = golden_member(g, v, "request_headers");
    if (!golden_expect(g, sscanf(s->line, "%15s /connectors/%255[^/? ]%511s", s->method, s->connector, s->rest) == 3, "no request"))
        return false;
    struct kaftan_error *err = *s->body ? json_parse(g->arena, s->body, strlen(s->body), 0, &s->json) : NULL;
    golden_expect(g, !err, "the body is no JSON");
    bool ok = !err && strlen(s->status) > 9;
    kaftan_error_free(err);
    return golden_expect(g, ok, "no status") && ok;
}

static struct text_map *map_in(const struct json *v)
{
    struct text_map *m = text_map_new();
    for (size_t i = 0; v && v->type == JSON_OBJECT && i < v->count; i++) {
        char *name = mem_strndup(v->members[i].name.ptr, v->members[i].name.len);
        struct kaftan_slice s = v->members[i].value.text;
        char *value = v->members[i].value.type == JSON_NULL ? NULL : mem_strndup(s.ptr ? s.ptr : "", s.len);
        text_map_put(m, name, value);
        mem_free(name);
        mem_free(value);
    }
    return m;
}

/* NULL: an internal call. */
static struct herder_request *request_of(const struct seen *s)
{
    static const struct {
        const char *method, *rest;
        enum herder_op op;
    } kinds[] = {
        { "PUT", "/config?", HERDER_PUT_CONFIG }, { "PATCH", "/config?", HERDER_PATCH_CONFIG }, { "POST", "/restart?", HERDER_RESTART },
        { "PUT", "/stop?", HERDER_STOP },         { "DELETE", "?", HERDER_DELETE },
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (strcmp(kinds[i].method, s->method) == 0 && text_starts(s->rest, kinds[i].rest)) {
            struct herder_request *r = herder_request_new(kinds[i].op, s->connector);
            r->forward = strstr(s->rest, "forward=false") ? 1 : -1;
            r->config = s->json ? map_in(s->json) : NULL;
            r->include_tasks = strstr(s->rest, "includeTasks=true");
            r->only_failed = strstr(s->rest, "onlyFailed=true");
            return r;
        }
    return NULL;
}

static const char *header_of(struct golden *g, const struct seen *s, const char *name)
{
    for (size_t i = 0; i < s->headers->count; i++) {
        const char *h = arena_strndup(g->arena, s->headers->items[i].text.ptr, s->headers->items[i].text.len);
        if (text_starts(h, name))
            return h + strlen(name);
    }
    return NULL;
}

/* The key that gives this signature: one of the file's. */
static bool key_for(struct golden *g, const struct seen *s, struct buf *ret)
{
    const struct json *signatures = json_get(g->root, "signatures");
    const char *mac = header_of(g, s, "X-Connect-Authorization: ");
    for (size_t i = 0; mac && signatures && i < signatures->count; i++) {
        const char *key = golden_text(g, &signatures->items[i], "key_base64");
        struct buf made = BUF_INIT, text = BUF_INIT;
        buf_clear(ret);
        bool ok = base64_decode(key, strlen(key), ret);
        struct kaftan_error *err = ok ? hmac_sign("HmacSHA256", buf_slice(ret), slice_of(s->body), &made) : NULL;
        if (ok && !err)
            base64_put(&text, made.data, made.len);
        ok = ok && !err && strcmp(buf_text(&text), mac) == 0;
        kaftan_error_free(err);
        buf_fini(&made);
        buf_fini(&text);
        if (ok)
            return true;
    }
    return false;
}

/* ---- sending ---- */

static void on_done(struct herder_request *r)
{
    atomic_store((atomic_bool *)r->user, true);
}

static void send_forwarded(struct golden *g, struct asker *a, const struct seen *s, struct herder_request *r)
{
    atomic_bool done = false;
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    r->done = on_done;
    r->user = &done;
    peer_door(a->peer)->forward(peer_door(a->peer)->self, a->url, r);
    while (!atomic_load(&done) && clock_mono_ms() < deadline)
        (void)poll(NULL, 0, 2);
    ASSERT(atomic_load(&done)); /* or what waits for it is lost */
    golden_expect(g, !r->err, "%s", r->err ? kaftan_error_message(r->err) : "");
    golden_same_int(g, "the status", r->relayed, atoi(s->status + strlen("HTTP/1.1 ")));
    golden_expect(g, slice_eq_str((struct kaftan_slice){ r->relay, r->relay_len }, s->answer), "the answer is %.*s", (int)r->relay_len,
                  r->relay ? r->relay : "");
    herder_request_free(r);
}

struct call {
    struct store_done done;
    bool came;
};

static void on_call(struct message *m, void *owner)
{
    (void)owner;
    CONTAINER_OF(m, struct call, done.base)->came = true;
}

static void on_drop(struct message *m)
{
    on_call(m, NULL);
}

static void send_internal(struct golden *g, struct asker *a, const struct seen *s, struct kaftan_slice raw)
{
    struct session_key key = { .key = raw, .algorithm = "HmacSHA256" };
    struct mailbox *box = mailbox_new(4);
    struct call call = { .done = { .base = { .handle = on_call, .drop = on_drop }, .to = box } };
    struct text_map *tasks[TASKS] = { 0 };
    int32_t count = s->json && s->json->type == JSON_ARRAY && s->json->count <= TASKS ? (int32_t)s->json->count : 0;
    const struct herder_peer *door = peer_door(a->peer);
    for (int32_t i = 0; i < count; i++)
        tasks[i] = map_in(&s->json->items[i]);
    if (text_starts(s->rest, "/tasks"))
        door->put_tasks(door->self, a->url, s->connector, tasks, count, &key, &call.done);
    else
        door->fence(door->self, a->url, s->connector, &key, &call.done);
    struct message *m = mailbox_wait(box, clock_mono_ms() + WAIT_MS);
    ASSERT(m);
    m->handle(m, NULL);
    golden_expect(g, !call.done.err, "%s", call.done.err ? kaftan_error_message(call.done.err) : "");
    kaftan_error_free(call.done.err);
    for (int32_t i = 0; i < count; i++)
        text_map_unref(tasks[i]);
    mailbox_free(box);
}

/* Each header of the captured request, but for the address, stands in ours, and ours has no other. */
static void same_headers(struct golden *g, const struct seen *s, const char *ours)
{
    int64_t n = 0;
    for (const char *p = ours; (p = strstr(p, "\r\n")) && p[2]; p += 2)
        n++;
    golden_expect(g, n == (int64_t)s->headers->count, "sent with%s", ours);
    for (size_t i = 0; i < s->headers->count; i++) {
        struct kaftan_slice h = s->headers->items[i].text;
        bool host = h.len > 6 && memcmp(h.ptr, "Host: ", 6) == 0;
        char *line = mem_printf("\r\n%.*s%s", host ? 6 : (int)h.len, h.ptr ? h.ptr : "", host ? "" : "\r\n");
        golden_expect(g, strstr(ours, line) != NULL, "no %.*s in%s", (int)h.len, h.ptr ? h.ptr : "", ours);
        mem_free(line);
    }
}

static void check_request(struct golden *g, struct asker *a, const struct json *v)
{
    struct seen s;
    struct buf key = BUF_INIT;
    if (!seen_of(g, v, &s))
        return;
    struct herder_request *r = request_of(&s);
    lock_take(&a->other.lock);
    a->other.status = s.status + strlen("HTTP/1.1 ");
    a->other.answer = s.answer;
    lock_release(&a->other.lock);
    if (r || golden_expect(g, key_for(g, &s, &key), "no key of the file gives its signature")) {
        if (r)
            send_forwarded(g, a, &s, r);
        else
            send_internal(g, a, &s, buf_slice(&key));
        lock_take(&a->other.lock);
        golden_same_text(g, "the request", buf_text(&a->other.line), s.line);
        golden_same_text(g, "the body", buf_text(&a->other.body), s.body);
        same_headers(g, &s, buf_text(&a->other.headers));
        lock_release(&a->other.lock);
    }
    buf_fini(&key);
}

void storage_run_requests(struct golden *g, const struct json *list)
{
    struct asker a;
    size_t unanswered = 0, offsets = 0;
    asker_up(&a);
    for (size_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        const char *line = golden_text(g, v, "request_line");
        if (!json_get(v, "status_line")) {
            unanswered++;
        } else if (strstr(line, "/offsets")) {
            offsets++;
        } else if (golden_begin(g, "number %zu, %s", i + 1, line)) {
            check_request(g, &a, v);
            golden_end(g);
        }
    }
    golden_skip(g, unanswered, "not answered while they were captured");
    golden_skip(g, offsets, "offsets are not altered through this worker yet");
    asker_down(&a);
}
