/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rest/peer.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "rest/uri.h"
#include "unit/net/web.h"
#include "vectors/storage.h"

TestSuite(peer, .timeout = 90);

/* ---- the pure part ---- */

static struct text_map *map_of(const char *const *pairs)
{
    struct text_map *m = text_map_new();
    for (; *pairs; pairs += 2)
        text_map_put(m, pairs[0], pairs[1]);
    return m;
}

static const char *const two_keys[] = { "b", "1", "a", "x\"\xc3\xa9", NULL };

Test(peer, every_request_that_is_forwarded)
{
    static const struct {
        enum herder_op op;
        int forward, restart; /* restart: 1 tasks included, 2 only what failed */
        bool config;
        const char *method, *target, *body;
    } cases[] = {
        { HERDER_CREATE, -1, 0, true, "POST", "connectors?forward=true",
          "{\"name\":\"c\",\"config\":{\"b\":\"1\",\"a\":\"x\\\"\xc3\xa9\"},\"initial_state\":null}" },
        { HERDER_PUT_CONFIG, -1, 0, true, "PUT", "connectors/c/config?forward=true", "{\"b\":\"1\",\"a\":\"x\\\"\xc3\xa9\"}" },
        { HERDER_PATCH_CONFIG, 1, 0, true, "PATCH", "connectors/c/config?forward=false",
          "{\"b\":\"1\",\"a\":\"x\\\"\xc3\xa9\"}" },
        { HERDER_DELETE, -1, 0, false, "DELETE", "connectors/c?forward=true", NULL },
        { HERDER_DELETE, 1, 0, false, "DELETE", "connectors/c?forward=false", NULL },
        { HERDER_STOP, -1, 0, false, "PUT", "connectors/c/stop?forward=true", NULL },
        { HERDER_RESTART, -1, 0, false, "POST", "connectors/c/restart?forward=true", NULL },
        { HERDER_RESTART, 1, 1, false, "POST", "connectors/c/restart?forward=false&includeTasks=true&onlyFailed=false", NULL },
        { HERDER_RESTART, -1, 2, false, "POST", "connectors/c/restart?forward=true&includeTasks=false&onlyFailed=true", NULL },
        { HERDER_RESTART_TASK, -1, 0, false, "POST", "connectors/c/tasks/7/restart?forward=true", NULL },
        { HERDER_FENCE, -1, 0, false, "PUT", "connectors/c/fence?forward=true", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct herder_request *r = herder_request_new(cases[i].op, "c");
        struct buf target = BUF_INIT, body = BUF_INIT;
        const char *method = NULL;
        bool has_body = false;
        r->forward = cases[i].forward;
        r->task = 7;
        r->include_tasks = cases[i].restart == 1;
        r->only_failed = cases[i].restart == 2;
        r->config = cases[i].config ? map_of(two_keys) : NULL;
        peer_write(r, &method, &target, &body, &has_body);
        cr_expect_str_eq(method, cases[i].method);
        cr_expect_str_eq(buf_text(&target), cases[i].target);
        cr_expect_eq(has_body, cases[i].body != NULL);
        cr_expect_str_eq(buf_text(&body), cases[i].body ? cases[i].body : "");
        buf_fini(&target);
        buf_fini(&body);
        herder_request_free(r);
    }
}

Test(peer, task_configs_and_initial_states_keep_their_form)
{
    static const char *const empty[] = { NULL }, *const null_value[] = { "k", NULL, NULL };
    static const char *const states[] = { "RUNNING", "PAUSED", "STOPPED" };
    struct text_map *null_map = text_map_new();
    text_map_put(null_map, null_value[0], NULL);
    struct text_map *maps[] = { map_of(two_keys), map_of(empty), null_map };
    struct buf b = BUF_INIT;
    peer_put_maps(&b, maps, 3);
    cr_expect_str_eq(buf_text(&b), "[{\"b\":\"1\",\"a\":\"x\\\"\xc3\xa9\"},{},{\"k\":null}]");
    buf_clear(&b);
    peer_put_maps(&b, NULL, 0);
    cr_expect_str_eq(buf_text(&b), "[]");
    for (int i = 0; i < 3; i++) {
        struct herder_request *r = herder_request_new(HERDER_CREATE, "c");
        struct buf target = BUF_INIT;
        const char *method;
        bool has_body;
        r->config = map_of(empty);
        r->has_initial = true;
        r->initial = (enum target_state)i;
        buf_clear(&b);
        peer_write(r, &method, &target, &b, &has_body);
        cr_expect_not_null(strstr(buf_text(&b), states[i]), "%s", buf_text(&b));
        buf_fini(&target);
        herder_request_free(r);
        text_map_unref(maps[i]);
    }
    buf_fini(&b);
}

Test(peer, a_name_arrives_as_it_is)
{
    static const struct {
        const char *name, *segment;
    } cases[] = {
        { "plain-1.0_x~", "plain-1.0_x~" },
        { "a b;c=d?e#f", "a%20b%3Bc%3Dd%3Fe%23f" },
        { "{x}+&@:$!'()*,\"<>^`|", "%7Bx%7D%2B%26%40%3A%24%21%27%28%29%2A%2C%22%3C%3E%5E%60%7C" },
        { "\xc3\xa9\xf0\x9f\x98\x80", "%C3%A9%F0%9F%98%80" },
        { "%41", "%2541" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct kaftan_arena *a = arena_new(1024);
        struct buf b = BUF_INIT;
        struct uri u;
        buf_putc(&b, '/');
        peer_put_target(&b, cases[i].name, "/config");
        char *want = mem_printf("/connectors/%s/config", cases[i].segment);
        cr_expect_str_eq(buf_text(&b), want);
        const char *refused = uri_parse(a, buf_text(&b), &u);
        if (!strchr(cases[i].name, '%')) { /* no worker lets % pass */
            cr_expect_null(refused, "%s: %s", cases[i].name, refused);
            cr_expect_str_eq(u.segments[1], cases[i].name);
        }
        mem_free(want);
        buf_fini(&b);
        arena_free(a);
    }
}

#define IO "IO Error trying to forward REST request: "

Test(peer, answers_are_passed_on_or_say_what_is_wrong)
{
    static const struct {
        int status;
        const char *body;
        int relayed;       /* 0: an error of ours, 500 */
        const char *relay; /* or how the error begins */
    } cases[] = {
        { 200, " { \"name\" : \"c\", \"n\": 1.50 } ", 200, "{\"name\":\"c\",\"n\":1.50}" },
        { 201, "{}", 201, "{}" },
        { 202, "", 202, NULL },
        { 204, "", 204, NULL },
        { 409, "{\"error_code\":409,\"message\":\"why \\u00e9\"}", 409, "{\"error_code\":409,\"message\":\"why \xc3\xa9\"}" },
        { 500, "{\"error_code\":500,\"message\":null,\"more\":1}", 500, "{\"error_code\":500,\"message\":null}" },
        { 404, "{\"message\":\"x\"}", 0, IO },
        { 404, "[]", 0, IO },
        { 401, "User cannot access the resource.", 0, IO },
        { 503, "<html></html>", 0, IO },
        { 500, "", 0, IO },
        { 200, "{\"name\":", 0, IO },
        { 302, "", 0, "Unexpected status code when handling forwarded request: 302" },
        { 101, "", 0, "Unexpected status code when handling forwarded request: 101" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct herder_request *r = herder_request_new(HERDER_DELETE, "c");
        peer_read(r, cases[i].status, slice_of(cases[i].body));
        cr_expect_eq(r->relayed, cases[i].relayed, "case %zu: %d", i, r->relayed);
        if (!cases[i].relayed) {
            cr_assert_not_null(r->err, "case %zu", i);
            cr_expect_eq(kaftan_error_http_status(r->err), 500);
            cr_expect(text_starts(kaftan_error_message(r->err), cases[i].relay), "%s", kaftan_error_message(r->err));
        } else if (cases[i].relay) {
            cr_expect_null(r->err);
            cr_assert_not_null(r->relay, "case %zu", i);
            cr_expect(slice_eq_str((struct kaftan_slice){ r->relay, r->relay_len }, cases[i].relay), "%.*s",
                      (int)r->relay_len, r->relay);
        } else {
            cr_expect_null(r->relay);
            cr_expect_null(r->err);
        }
        herder_request_free(r);
    }
}

/* ---- a peer, and another worker ---- */

static struct worker_config *config_with(const char *const *more)
{
    static const char *const keys[] = { "group.id",          "g", "key.converter",        "k", "value.converter",      "v",
                                        "config.storage.topic", "c", "offset.storage.topic", "o", "status.storage.topic", "s",
                                        "listeners",         "http://127.0.0.1:0", NULL };
    struct worker_config *c = NULL;
    struct text_map *props = map_of(keys);
    for (; more && *more; more += 2)
        text_map_put(props, more[0], more[1]);
    cr_assert_null(worker_config_new(props, true, &c));
    text_map_unref(props);
    return c;
}

static struct peer *peer_with(struct worker_config *c)
{
    struct peer *p = NULL;
    struct kaftan_error *err = peer_new(c, &p);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    peer_start(p);
    return p;
}

/* What the other worker was asked, and what it says; written before it is asked, read after its answer. */
static struct {
    struct lock lock;
    char line[1024], headers[4096], body[65536];
    const char *status, *type, *answer;
    bool hold;
    atomic_bool asked;
} other;

static enum web_then other_answer(void *self, const struct web_request *r, struct buf *ret)
{
    (void)self;
    lock_take(&other.lock);
    (void)snprintf(other.line, sizeof other.line, "%s", r->line);
    (void)snprintf(other.headers, sizeof other.headers, "%s", r->headers);
    (void)snprintf(other.body, sizeof other.body, "%s", r->body);
    bool hold = other.hold;
    if (!hold && strncmp(other.status, "204", 3) == 0)
        buf_puts(ret, "HTTP/1.1 204 No Content\r\n\r\n");
    else if (!hold)
        web_say(ret, other.status, other.type, other.answer);
    lock_release(&other.lock);
    atomic_store(&other.asked, true);
    return hold ? WEB_HOLD : WEB_GO_ON;
}

static void will_say(const char *status, const char *answer)
{
    lock_take(&other.lock);
    other.status = status;
    other.type = *answer ? "application/json" : NULL;
    other.answer = answer;
    lock_release(&other.lock);
}

static struct web *other_worker_with(bool tls, bool want_client)
{
    static bool once;
    if (!once)
        lock_init(&other.lock);
    once = true;
    return web_new(&(struct web_options){ .tls = tls,
                                          .want_client = want_client,
                                          .ca = TEST_DATA "/stores/ca.pem",
                                          .cert = TEST_DATA "/stores/server.pem",
                                          .key = TEST_DATA "/stores/server.key",
                                          .answer = other_answer });
}

static struct web *other_worker(bool tls)
{
    return other_worker_with(tls, false);
}

static const char *url_of(const struct web *w, const char *scheme)
{
    static char url[64];
    (void)snprintf(url, sizeof url, "%s://127.0.0.1:%d/", scheme, web_port(w));
    return url;
}

static _Atomic(struct herder_request *) finished;

static void on_done(struct herder_request *r)
{
    struct herder_request *before = atomic_exchange(&finished, r);
    cr_expect_null(before, "answered twice");
}

static struct herder_request *forwarded(const struct herder_peer *door, const char *url, struct herder_request *r)
{
    struct herder_request *got;
    int64_t deadline = clock_mono_ms() + 60000;
    r->done = on_done;
    door->forward(door->self, url, r);
    while (!(got = atomic_exchange(&finished, NULL)) && clock_mono_ms() < deadline)
        (void)poll(NULL, 0, 2);
    cr_assert_eq(got, r, "not answered");
    return got;
}

/* The herder's side of an internal call. */
struct internal_call {
    struct store_done done;
    bool came;
    struct kaftan_error *err;
};

static void internal_handle(struct message *m, void *owner)
{
    struct internal_call *c = CONTAINER_OF(m, struct internal_call, done.base);
    (void)owner;
    c->came = true;
    c->err = c->done.err;
}

static void internal_drop(struct message *m)
{
    internal_handle(m, NULL);
}

static void await(struct internal_call *c, struct mailbox *box)
{
    struct message *m = mailbox_wait(box, clock_mono_ms() + 60000);
    cr_assert_not_null(m, "not answered");
    m->handle(m, NULL);
    cr_assert(c->came);
}

static void internal_init(struct internal_call *c, struct mailbox *box)
{
    *c = (struct internal_call){ .done = { .base = { .handle = internal_handle, .drop = internal_drop }, .to = box } };
}

static void put_tasks(const struct herder_peer *door, const char *url, struct text_map *const *tasks, int32_t count,
                      const struct session_key *key, struct internal_call *ret)
{
    struct mailbox *box = mailbox_new(4);
    internal_init(ret, box);
    door->put_tasks(door->self, url, "ver", tasks, count, key, &ret->done);
    await(ret, box);
    mailbox_free(box);
}

/* ---- as Java's workers were seen to ask each other ---- */

Test(peer, asks_as_java_asks)
{
    cr_assert_eq(golden_file("peer-vectors.json", storage_peer_sections), 0);
}

Test(peer, authorization_is_passed_on_and_nothing_else)
{
    struct worker_config *c = config_with(NULL);
    struct peer *p = peer_with(c);
    struct web *w = other_worker(false);
    will_say("204 No Content", "");
    struct herder_request *r = herder_request_new(HERDER_DELETE, "a b");
    r->authorization = mem_strdup("Basic dXNlcjpwYXNz");
    (void)forwarded(peer_door(p), url_of(w, "http"), r);
    cr_expect_eq(r->relayed, 204);
    cr_expect_str_eq(other.line, "DELETE /connectors/a%20b?forward=true HTTP/1.1");
    cr_expect_not_null(strstr(other.headers, "\r\nAuthorization: Basic dXNlcjpwYXNz\r\n"), "%s", other.headers);
    herder_request_free(r);
    struct text_map *tasks[] = { map_of(two_keys) };
    struct internal_call call;
    put_tasks(peer_door(p), url_of(w, "http"), tasks, 1, NULL, &call);
    cr_expect_null(call.err);
    cr_expect_null(strstr(other.headers, "Authorization"), "unsigned without a key: %s", other.headers);
    text_map_unref(tasks[0]);
    peer_stop(p);
    peer_free(p);
    worker_config_free(c);
    web_free(w);
}

Test(peer, refusals_of_internal_calls_say_whether_the_signature_was_it)
{
    static const struct {
        const char *status;
        enum kaftan_code code;
    } cases[] = {
        { "403 Forbidden", KAFTAN_E_FORBIDDEN },
        { "400 Bad Request", KAFTAN_E_RETRIABLE },
        { "409 Conflict", KAFTAN_E_RETRIABLE },
        { "500 Server Error", KAFTAN_E_RETRIABLE },
        { "503 Service Unavailable", KAFTAN_E_RETRIABLE },
        { "302 Found", KAFTAN_E_RETRIABLE },
    };
    struct session_key key = { .key = { "0123", 4 }, .algorithm = "HmacSHA256" };
    struct worker_config *c = config_with(NULL);
    struct peer *p = peer_with(c);
    struct web *w = other_worker(false);
    struct internal_call call;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        will_say(cases[i].status, "{\"error_code\":1,\"message\":\"because\"}");
        put_tasks(peer_door(p), url_of(w, "http"), NULL, 0, &key, &call);
        cr_assert_not_null(call.err, "%s", cases[i].status);
        cr_expect_eq(kaftan_error_code(call.err), cases[i].code, "%s", cases[i].status);
        cr_expect_not_null(strstr(kaftan_error_message(call.err), "because"));
        kaftan_error_free(call.err);
    }
    char *url = mem_strdup(url_of(w, "http"));
    web_end(w);
    put_tasks(peer_door(p), url, NULL, 0, &key, &call);
    cr_assert_not_null(call.err);
    cr_expect_eq(kaftan_error_code(call.err), KAFTAN_E_RETRIABLE);
    kaftan_error_free(call.err);
    struct herder_request *r = forwarded(peer_door(p), url, herder_request_new(HERDER_STOP, "c"));
    cr_assert_not_null(r->err);
    cr_expect_eq(kaftan_error_http_status(r->err), 500);
    cr_expect(text_starts(kaftan_error_message(r->err), IO), "%s", kaftan_error_message(r->err));
    cr_expect_not_null(strstr(kaftan_error_message(r->err), "Connection refused"), "%s", kaftan_error_message(r->err));
    herder_request_free(r);
    mem_free(url);
    peer_stop(p);
    peer_free(p);
    worker_config_free(c);
    web_free(w);
}

/* ---- a worker that is gone: the herder decides anew, as long as it wants to ---- */

static struct {
    const struct herder_peer *door;
    const char *leader, *successor;
    atomic_int asked;
    int gone, limit; /* how often the first one still leads; how often it is tried */
} herder;

static bool decide_again(struct herder_request *r)
{
    int times = atomic_fetch_add(&herder.asked, 1) + 1;
    cr_expect_null(r->err);
    if (times > herder.limit)
        return false;
    herder.door->forward(herder.door->self, times > herder.gone ? herder.successor : herder.leader, r);
    return true;
}

static enum web_then cut(void *self, const struct web_request *r, struct buf *ret)
{
    (void)self;
    (void)r;
    (void)ret;
    return WEB_CLOSE;
}

Test(peer, a_request_that_reaches_nobody_goes_back_to_the_herder)
{
    struct worker_config *c = config_with(NULL);
    struct peer *p = peer_with(c);
    struct web *nobody = other_worker(false), *w;
    char *gone = mem_strdup(url_of(nobody, "http"));
    web_end(nobody);
    w = other_worker(false);
    will_say("202 Accepted", "{\"name\":\"c\"}");
    herder.door = peer_door(p);
    herder.leader = gone;
    herder.successor = url_of(w, "http");
    herder.gone = 2;
    herder.limit = 5;
    struct herder_request *r = herder_request_new(HERDER_RESTART, "c");
    r->include_tasks = true;
    r->again = decide_again;
    (void)forwarded(peer_door(p), gone, r);
    cr_expect_null(r->err, "%s", r->err ? kaftan_error_message(r->err) : "");
    cr_expect_eq(r->relayed, 202);
    cr_expect_eq(atomic_load(&herder.asked), 3);
    herder_request_free(r);

    herder.gone = 1000; /* nobody ever follows */
    atomic_store(&herder.asked, 0);
    r = herder_request_new(HERDER_STOP, "c");
    r->again = decide_again;
    (void)forwarded(peer_door(p), gone, r);
    cr_assert_not_null(r->err);
    cr_expect_not_null(strstr(kaftan_error_message(r->err), "Connection refused"), "%s", kaftan_error_message(r->err));
    cr_expect_eq(atomic_load(&herder.asked), 6);
    herder_request_free(r);
    web_free(w);

    w = web_new(&(struct web_options){ .answer = cut }); /* it may have done what it was asked */
    atomic_store(&herder.asked, 0);
    r = herder_request_new(HERDER_STOP, "c");
    r->again = decide_again;
    (void)forwarded(peer_door(p), url_of(w, "http"), r);
    cr_expect_not_null(r->err);
    cr_expect_eq(atomic_load(&herder.asked), 0, "asked twice");
    herder_request_free(r);
    peer_stop(p);
    peer_free(p);
    worker_config_free(c);
    web_free(w);
    web_free(nobody);
    mem_free(gone);
}

Test(peer, stopping_answers_whoever_waits)
{
    struct worker_config *c = config_with(NULL);
    struct peer *p = peer_with(c);
    struct web *w = other_worker(false);
    struct mailbox *box = mailbox_new(4);
    struct internal_call call, late;
    lock_take(&other.lock);
    other.hold = true;
    lock_release(&other.lock);
    internal_init(&call, box);
    internal_init(&late, box);
    peer_door(p)->put_tasks(peer_door(p)->self, url_of(w, "http"), "c", NULL, 0, NULL, &call.done);
    int64_t deadline = clock_mono_ms() + 60000;
    while (!atomic_load(&other.asked) && clock_mono_ms() < deadline)
        (void)poll(NULL, 0, 2);
    cr_assert(atomic_load(&other.asked));
    peer_stop(p);
    cr_expect_eq(mailbox_drain(box, NULL), 1);
    cr_expect(call.came && call.err);
    peer_door(p)->put_tasks(peer_door(p)->self, url_of(w, "http"), "c", NULL, 0, NULL, &late.done);
    cr_expect_eq(mailbox_drain(box, NULL), 1);
    cr_expect(late.came && late.err);
    struct herder_request *r = forwarded(peer_door(p), url_of(w, "http"), herder_request_new(HERDER_STOP, "c"));
    cr_assert_not_null(r->err);
    cr_expect_str_eq(kaftan_error_message(r->err), IO "the worker is stopping");
    herder_request_free(r);
    kaftan_error_free(call.err);
    kaftan_error_free(late.err);
    mailbox_free(box); /* as the herder's is, before rest and its peer */
    peer_free(p);
    worker_config_free(c);
    web_free(w);
}

Test(peer, a_message_that_was_never_taken_is_answered_by_stopping)
{
    struct worker_config *c = config_with(NULL);
    struct peer *p = NULL;
    struct mailbox *box = mailbox_new(4);
    struct internal_call call;
    cr_assert_null(peer_new(c, &p)); /* not started: nobody takes it */
    internal_init(&call, box);
    peer_door(p)->fence(peer_door(p)->self, "http://127.0.0.1:1/", "c", NULL, &call.done);
    peer_stop(p);
    cr_expect_eq(mailbox_drain(box, NULL), 1);
    cr_expect(call.came && call.err);
    kaftan_error_free(call.err);
    mailbox_free(box);
    peer_free(p);
    worker_config_free(c);
}

/* ---- TLS: the keys of listeners.https. alone, when there is one (rest-api.md 11.3) ---- */

static int status_over_tls(const char *const *keys)
{
    struct worker_config *c = config_with(keys);
    struct peer *p = peer_with(c);
    struct web *w = other_worker(true);
    will_say("200 OK", "{}");
    struct herder_request *r = forwarded(peer_door(p), url_of(w, "https"), herder_request_new(HERDER_STOP, "c"));
    int status = r->err ? 0 : r->relayed;
    herder_request_free(r);
    peer_stop(p);
    peer_free(p);
    worker_config_free(c);
    web_free(w);
    return status;
}

#define TRUST (TEST_DATA "/stores/trust.jks")
#define CLIENT (TEST_DATA "/stores/client.p12")

Test(peer, tls_keys_are_the_prefixed_ones_or_all_the_others)
{
    static const char *const none[] = { NULL };
    static const char *const plain[] = { "ssl.truststore.location", TRUST, "ssl.truststore.password", "secret", NULL };
    static const char *const prefixed[] = { "listeners.https.ssl.truststore.location", TRUST,
                                            "listeners.https.ssl.truststore.password", "secret", NULL };
    static const char *const mixed[] = { "ssl.truststore.location", TRUST, "ssl.truststore.password", "secret",
                                         "listeners.https.ssl.client.auth", "none", NULL };
    static const char *const own[] = { "ssl.truststore.location", TRUST, "ssl.truststore.password", "secret",
                                       "ssl.keystore.location", CLIENT,
                                       "ssl.keystore.password", "secret", NULL };
    cr_expect_eq(status_over_tls(none), 0, "an unknown authority was trusted");
    cr_expect_eq(status_over_tls(plain), 200);
    cr_expect_eq(status_over_tls(prefixed), 200);
    cr_expect_eq(status_over_tls(mixed), 0, "keys were mixed");
    cr_expect_eq(status_over_tls(own), 200);
}

/* Leader and owner serve https and want to see who asks, under one authority: kept connections, signed and forwarded requests. */
Test(peer, workers_that_share_an_authority)
{
    static const char *const keys[] = { "listeners.https.ssl.truststore.location", TRUST,
                                        "listeners.https.ssl.truststore.password", "secret",
                                        "listeners.https.ssl.keystore.location", CLIENT,
                                        "listeners.https.ssl.keystore.password", "secret", NULL };
    static const char *const stranger[] = { "listeners.https.ssl.truststore.location", TRUST,
                                            "listeners.https.ssl.truststore.password", "secret", NULL };
    struct session_key key = { .key = { "0123456789abcdef", 16 }, .algorithm = "HmacSHA256" };
    struct web *others[] = { other_worker_with(true, true), other_worker_with(true, true) };
    struct worker_config *c = config_with(keys);
    struct peer *p = peer_with(c);
    for (size_t i = 0; i < 6; i++) {
        struct internal_call call;
        const char *url = url_of(others[i % 2], "https");
        will_say("200 OK", "{}");
        struct herder_request *r = forwarded(peer_door(p), url, herder_request_new(HERDER_STOP, "c"));
        cr_expect_null(r->err, "%s", r->err ? kaftan_error_message(r->err) : "");
        cr_expect_eq(r->relayed, 200);
        herder_request_free(r);
        will_say("204 No Content", "");
        put_tasks(peer_door(p), url, NULL, 0, &key, &call);
        cr_expect_null(call.err, "%s", call.err ? kaftan_error_message(call.err) : "");
        cr_expect_not_null(strstr(other.headers, "\r\nX-Connect-Authorization: "), "%s", other.headers);
    }
    cr_expect_eq(web_connections(others[0]), 1, "connections are kept");
    cr_expect_eq(web_connections(others[1]), 1, "connections are kept");
    peer_stop(p);
    peer_free(p);
    worker_config_free(c);

    c = config_with(stranger);
    p = peer_with(c);
    struct herder_request *r = forwarded(peer_door(p), url_of(others[0], "https"), herder_request_new(HERDER_STOP, "c"));
    cr_assert_not_null(r->err, "one without a certificate was heard");
    cr_expect(text_starts(kaftan_error_message(r->err), IO), "%s", kaftan_error_message(r->err));
    herder_request_free(r);
    peer_stop(p);
    peer_free(p);
    worker_config_free(c);
    web_free(others[0]);
    web_free(others[1]);
}

Test(peer, a_store_that_cannot_be_read_is_named_by_its_key)
{
    static const char *const bad[] = { "listeners.https.ssl.truststore.location", "/nonexistent.jks", NULL };
    struct worker_config *c = config_with(bad);
    struct peer *p = NULL;
    struct kaftan_error *err = peer_new(c, &p);
    cr_assert_not_null(err);
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
    cr_expect_not_null(strstr(kaftan_error_message(err), "/nonexistent.jks for configuration "
                                                         "listeners.https.ssl.truststore.location"),
                       "%s", kaftan_error_message(err));
    cr_expect_null(p);
    kaftan_error_free(err);
    worker_config_free(c);
}
