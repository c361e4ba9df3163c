/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/http.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/thread.h"
#include "server.h"
#include "web.h"

TestSuite(http, .timeout = 90);

/* ---- an asker ---- */

struct heard {
    bool done, unreached;
    int status;
    char body[8192], type[128], why[512];
    enum kaftan_code code;
};

static void hear(void *self, const struct http_answer *a)
{
    struct heard *h = self;
    cr_expect(!h->done, "answered twice");
    h->done = true;
    h->status = a->status;
    (void)snprintf(h->body, sizeof h->body, "%.*s", (int)a->body.len, a->body.ptr ? a->body.ptr : "");
    (void)snprintf(h->type, sizeof h->type, "%s", a->content_type ? a->content_type : "");
    h->unreached = a->unreached;
    if (a->err) {
        cr_expect_eq(a->status, 0);
        h->code = kaftan_error_code(a->err);
        (void)snprintf(h->why, sizeof h->why, "%s", kaftan_error_message(a->err));
    }
}

static struct http *client(const struct http_options *o)
{
    struct http *h = NULL;
    struct http_options none = { .connect_timeout_ms = 30000 };
    cr_assert_null(http_new(o ? o : &none, &h));
    return h;
}

static void finish(struct http *h)
{
    int64_t deadline = clock_mono_ms() + 60000;
    while (http_count(h) > 0 && clock_mono_ms() < deadline)
        http_step(h, -1, 1000);
    cr_assert_eq(http_count(h), 0, "not answered");
}

static const char *url_of(char ret[128], const char *scheme, const char *host, uint16_t port, const char *path)
{
    (void)snprintf(ret, 128, "%s://%s:%d%s", scheme, host, port, path);
    return ret;
}

static void ask(struct http *h, struct web *w, const char *method, const char *path, const char *body, struct heard *ret)
{
    char url[128];
    static const char *const headers[] = { "Accept: application/json", "Content-Type: application/json", NULL };
    struct http_request r = { .method = method,
                              .url = url_of(url, "http", "127.0.0.1", web_port(w), path),
                              .headers = body ? headers : NULL,
                              .body = slice_of(body),
                              .has_body = body != NULL,
                              .timeout_ms = 30000 };
    *ret = (struct heard){ 0 };
    http_send(h, &r, hear, ret);
}

/* ---- what the server says ---- */

static atomic_bool let_go;
static atomic_uint held, most_held;

static bool path_is(const struct web_request *r, const char *path)
{
    const char *p = strchr(r->line, ' ');
    return p && strncmp(p + 1, path, strlen(path)) == 0 && p[1 + strlen(path)] == ' ';
}

static void say_slowly(struct buf *ret)
{
    /* Nobody judges how long it takes: a test waits for `let_go`. */
    unsigned now = atomic_fetch_add(&held, 1) + 1, most = atomic_load(&most_held);
    while (now > most && !atomic_compare_exchange_weak(&most_held, &most, now))
        continue;
    while (!atomic_load(&let_go))
        (void)poll(NULL, 0, 5);
    atomic_fetch_sub(&held, 1);
    web_say(ret, "200 OK", NULL, "late");
}

static enum web_then answer(void *self, const struct web_request *r, struct buf *ret)
{
    (void)self;
    if (path_is(r, "/echo")) {
        char *all = mem_printf("%s%s\n%s", r->line, r->headers, r->body);
        web_say(ret, "200 OK", "text/plain", all);
        mem_free(all);
    } else if (path_is(r, "/moved")) {
        buf_puts(ret, "HTTP/1.1 302 Found\r\nLocation: /echo\r\nContent-Length: 0\r\n\r\n");
    } else if (path_is(r, "/nothing")) {
        buf_puts(ret, "HTTP/1.1 204 No Content\r\n\r\n");
    } else if (path_is(r, "/refused")) {
        web_say(ret, "409 Conflict", "application/json", "{\"error_code\":409}");
    } else if (path_is(r, "/huge")) {
        buf_printf(ret, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", HTTP_ANSWER_LIMIT + 1);
        buf_reserve(ret, HTTP_ANSWER_LIMIT + 1);
        for (size_t i = 0; i <= HTTP_ANSWER_LIMIT; i++)
            buf_putc(ret, 'x');
    } else if (path_is(r, "/cut")) {
        buf_puts(ret, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
        return WEB_CLOSE;
    } else if (path_is(r, "/once") && r->number > 1) {
        return WEB_CLOSE; /* as a server does that has just given up an idle connection */
    } else if (path_is(r, "/once")) {
        web_say(ret, "200 OK", NULL, "once");
    } else if (path_is(r, "/slow")) {
        say_slowly(ret);
    } else {
        return WEB_HOLD;
    }
    return WEB_GO_ON;
}

static struct web *plain(void)
{
    return web_new(&(struct web_options){ .answer = answer });
}

Test(http, says_what_it_is_given)
{
    struct heard a;
    struct web *w = plain();
    struct http *h = client(&(struct http_options){ .user_agent = "kafka-connect", .connect_timeout_ms = 30000 });
    ask(h, w, "PATCH", "/echo", "{\"a\":1}", &a);
    finish(h);
    cr_expect_eq(a.status, 200);
    cr_expect_str_eq(a.type, "text/plain");
    static const char *const parts[] = { "PATCH /echo HTTP/1.1",
                                         "\r\nAccept: application/json\r\n",
                                         "\r\nUser-Agent: kafka-connect\r\n",
                                         "\r\nContent-Type: application/json\r\n",
                                         "\r\nContent-Length: 7\r\n",
                                         "\n{\"a\":1}" };
    for (size_t i = 0; i < COUNT_OF(parts); i++)
        cr_expect_not_null(strstr(a.body, parts[i]), "%s is missing in %s", parts[i], a.body);
    cr_expect_null(strstr(a.body, "Expect"), "%s", a.body);
    static const char *const bare[] = { "POST", "PUT" };
    for (size_t i = 0; i < COUNT_OF(bare); i++) {
        ask(h, w, bare[i], "/echo", NULL, &a);
        finish(h);
        cr_expect_eq(strncmp(a.body, bare[i], strlen(bare[i])), 0, "%s", a.body);
        cr_expect_not_null(strstr(a.body, "\r\nContent-Length: 0\r\n"), "%s", a.body);
        cr_expect_null(strstr(a.body, "Content-Type"), "%s", a.body);
    }
    ask(h, w, "DELETE", "/echo", NULL, &a);
    finish(h);
    cr_expect_eq(strncmp(a.body, "DELETE /echo HTTP/1.1\r\n", 23), 0, "%s", a.body);
    cr_expect_null(strstr(a.body, "Content-"), "%s", a.body);
    http_free(h);
    web_free(w);
}

Test(http, any_status_is_an_answer_and_redirects_are_not_followed)
{
    struct heard a;
    struct web *w = plain();
    struct http *h = client(NULL);
    ask(h, w, "GET", "/moved", NULL, &a);
    finish(h);
    cr_expect_eq(a.status, 302);
    ask(h, w, "GET", "/nothing", NULL, &a);
    finish(h);
    cr_expect_eq(a.status, 204);
    cr_expect_str_empty(a.body);
    ask(h, w, "GET", "/refused", NULL, &a);
    finish(h);
    cr_expect_eq(a.status, 409);
    cr_expect_str_eq(a.body, "{\"error_code\":409}");
    http_free(h);
    web_free(w);
}

Test(http, connections_are_used_again)
{
    struct heard a;
    struct web *w = plain();
    struct http *h = client(NULL);
    for (int i = 0; i < 20; i++) {
        ask(h, w, "POST", "/echo", "{}", &a);
        finish(h);
        cr_expect_eq(a.status, 200);
    }
    cr_expect_eq(web_connections(w), 1);
    http_free(h);
    web_free(w);
}

Test(http, a_connection_closed_while_it_was_idle_is_no_failure)
{
    struct heard a;
    struct web *w = plain();
    struct http *h = client(NULL);
    for (int i = 0; i < 3; i++) {
        ask(h, w, "POST", "/once", "{}", &a);
        finish(h);
        cr_expect_eq(a.status, 200, "%s", a.why);
        cr_expect_str_eq(a.body, "once");
    }
    cr_expect_eq(web_connections(w), 3);
    http_free(h);
    web_free(w);
}

Test(http, one_server_gets_sixteen_requests_at_once)
{
    static struct heard a[30];
    struct web *w = plain();
    struct http *h = client(NULL);
    atomic_store(&let_go, false);
    for (size_t i = 0; i < COUNT_OF(a); i++)
        ask(h, w, "GET", "/slow", NULL, &a[i]);
    cr_expect_eq(http_count(h), COUNT_OF(a));
    int64_t deadline = clock_mono_ms() + 60000;
    while (atomic_load(&held) < 16 && clock_mono_ms() < deadline)
        http_step(h, -1, 50);
    for (int i = 0; i < 20; i++)
        http_step(h, -1, 5);
    atomic_store(&let_go, true);
    finish(h);
    cr_expect_eq(atomic_load(&most_held), 16);
    for (size_t i = 0; i < COUNT_OF(a); i++)
        cr_expect_str_eq(a[i].body, "late");
    http_free(h);
    web_free(w);
}

Test(http, silence_has_a_limit)
{
    struct heard a = { 0 };
    char url[128];
    struct web *w = plain();
    struct http *h = client(NULL);
    struct http_request r = { .method = "GET",
                              .url = url_of(url, "http", "127.0.0.1", web_port(w), "/silent"),
                              .timeout_ms = 50 };
    http_send(h, &r, hear, &a);
    finish(h);
    cr_expect_eq(a.code, KAFTAN_E_TIMEOUT);
    cr_expect_str_eq(a.why, "Idle timeout expired: 50/50 ms");
    http_free(h);
    web_free(w);
}

/* A byte a second, for more seconds than the limit has. */
static void drip(void *arg)
{
    int listener = *(int *)arg;
    char in[4096];
    int fd = accept(listener, NULL, NULL);
    if (fd < 0 || read(fd, in, sizeof in) <= 0)
        return;
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    cr_expect_eq(write(fd, head, sizeof head - 1), (ssize_t)sizeof head - 1);
    for (int i = 0; i < 5; i++) {
        (void)poll(NULL, 0, 1000);
        cr_expect_eq(write(fd, "x", 1), 1);
    }
    (void)close(fd);
}

Test(http, the_limit_is_of_silence_not_of_the_whole)
{
    struct heard a = { 0 };
    char url[128];
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert(bind(listener, (struct sockaddr *)&to, len) == 0 && listen(listener, 1) == 0);
    cr_assert_eq(getsockname(listener, (struct sockaddr *)&to, &len), 0);
    struct thread *t = thread_start(THREAD_ANY, "drip", drip, &listener);
    struct http *h = client(NULL);
    struct http_request r = { .method = "GET",
                              .url = url_of(url, "http", "127.0.0.1", ntohs(to.sin_port), "/"),
                              .timeout_ms = 4500 };
    http_send(h, &r, hear, &a);
    finish(h);
    cr_expect_eq(a.status, 200, "%s", a.why);
    cr_expect_str_eq(a.body, "xxxxx");
    http_free(h);
    thread_join(t);
    (void)close(listener);
}

Test(http, answers_have_a_limit)
{
    struct heard a;
    struct web *w = plain();
    struct http *h = client(NULL);
    ask(h, w, "GET", "/huge", NULL, &a);
    finish(h);
    cr_expect_not_null(strstr(a.why, "is larger than 16777216 bytes"), "%s", a.why);
    http_free(h);
    web_free(w);
}

Test(http, what_does_not_come_whole_is_an_error)
{
    struct heard a;
    char url[128];
    struct web *w = plain();
    struct http *h = client(NULL);
    ask(h, w, "GET", "/cut", NULL, &a);
    finish(h);
    cr_expect_eq(a.code, KAFTAN_E_RETRIABLE);
    cr_expect_not(a.unreached, "it was asked");
    cr_expect_str_not_empty(a.why);
    web_end(w);
    a = (struct heard){ 0 };
    struct http_request r = { .method = "GET", .url = url_of(url, "http", "127.0.0.1", web_port(w), "/"), .timeout_ms = 30000 };
    http_send(h, &r, hear, &a);
    finish(h);
    web_free(w);
    cr_expect(a.unreached);
    cr_expect_not_null(strstr(a.why, "cannot connect to http://127.0.0.1:"), "%s", a.why);
    cr_expect_not_null(strstr(a.why, ": Connection refused"), "%s", a.why);
    static const char *const bad[] = { "file:///etc/hostname", "http://user:secret@127.0.0.1:99999/" };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        a = (struct heard){ 0 };
        http_send(h, &(struct http_request){ .method = "GET", .url = bad[i], .timeout_ms = 30000 }, hear, &a);
        finish(h);
        cr_expect(a.done && a.status == 0);
        cr_expect_null(strstr(a.why, "secret"), "%s", a.why);
    }
    http_free(h);
}

/* Answers one request, hears a second one, and is gone, as a server that is killed over it. */
static void die_at_the_second(void *arg)
{
    static const char said[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    int *listener = arg;
    char in[4096];
    int fd = accept(*listener, NULL, NULL);
    cr_expect(read(fd, in, sizeof in) > 0);
    cr_expect_eq(write(fd, said, sizeof said - 1), (ssize_t)sizeof said - 1);
    cr_expect(read(fd, in, sizeof in) > 0);
    (void)close(*listener);
    (void)close(fd);
}

Test(http, what_may_have_been_heard_was_not_unreached)
{
    struct heard a;
    char url[128];
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    uint16_t port;
    int on = 1, keeper = web_nobody(&port), listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_port = htons(port);
    cr_assert_eq(setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
    cr_assert(bind(listener, (struct sockaddr *)&to, sizeof to) == 0 && listen(listener, 1) == 0);
    struct thread *t = thread_start(THREAD_ANY, "dies", die_at_the_second, &listener);
    struct http *h = client(NULL);
    struct http_request r = { .method = "POST",
                              .url = url_of(url, "http", "127.0.0.1", port, "/"),
                              .timeout_ms = 30000 };
    for (int i = 0; i < 2; i++) {
        a = (struct heard){ 0 };
        http_send(h, &r, hear, &a);
        finish(h);
        cr_expect_eq(a.status, i ? 0 : 200, "%s", a.why);
    }
    cr_expect_not(a.unreached, "%s", a.why);
    http_free(h);
    thread_join(t);
    (void)close(keeper);
}

Test(http, the_environment_names_no_proxy)
{
    struct heard a;
    struct web *w = plain();
    cr_assert_eq(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
    struct http *h = client(NULL);
    ask(h, w, "GET", "/echo", NULL, &a);
    finish(h);
    cr_expect_eq(a.status, 200, "%s", a.why);
    http_free(h);
    web_free(w);
}

struct again {
    struct http *h;
    struct heard second;
    bool done;
};

static void ask_again(void *self, const struct http_answer *a)
{
    struct again *g = self;
    cr_expect_not_null(a->err);
    g->done = true;
    http_send(g->h, &(struct http_request){ .method = "GET", .url = "http://127.0.0.1:1/", .timeout_ms = 1000 }, hear,
              &g->second);
}

Test(http, freeing_ends_what_is_under_way)
{
    static struct heard a[20];
    struct web *w = plain();
    struct again g = { .h = client(NULL) };
    char url[128];
    for (size_t i = 0; i < COUNT_OF(a); i++) /* more than begin at once */
        ask(g.h, w, "GET", "/silent", NULL, &a[i]);
    struct http_request r = { .method = "GET",
                              .url = url_of(url, "http", "127.0.0.1", web_port(w), "/silent"),
                              .timeout_ms = 30000 };
    http_send(g.h, &r, ask_again, &g);
    http_step(g.h, -1, 10);
    http_free(g.h);
    for (size_t i = 0; i < COUNT_OF(a); i++)
        cr_expect(a[i].done && a[i].code == KAFTAN_E_UNAVAILABLE, "%zu: %s", i, a[i].why);
    cr_expect(g.done && g.second.done && g.second.code == KAFTAN_E_UNAVAILABLE);
    web_free(w);
}

Test(http, waits_for_a_descriptor_too)
{
    int pipe_fds[2];
    cr_assert_eq(pipe(pipe_fds), 0);
    struct http *h = client(NULL);
    cr_assert_eq(write(pipe_fds[1], "x", 1), 1);
    http_step(h, pipe_fds[0], -1); /* returns */
    http_free(h);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

/* ---- TLS ---- */

static char *slurp(const char *name)
{
    struct buf b = BUF_INIT;
    char chunk[4096];
    FILE *f = fopen(store_file(name), "re");
    cr_assert_not_null(f);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_put(&b, chunk, n);
    (void)fclose(f);
    return buf_take(&b);
}

static void ask_tls(const struct http_options *o, struct web *w, const char *host, struct heard *ret)
{
    char url[128];
    struct http *h = client(o);
    struct http_request r = { .method = "GET", .url = url_of(url, "https", host, web_port(w), "/echo"), .timeout_ms = 30000 };
    *ret = (struct heard){ 0 };
    http_send(h, &r, hear, ret);
    finish(h);
    http_free(h);
}

Test(http, tls_trusts_its_authority_alone_and_compares_the_name)
{
    struct heard a;
    char *ca = slurp("ca.pem");
    struct http_options trusting = { .ca = ca, .connect_timeout_ms = 30000 };
    struct web *w = web_new(&(struct web_options){
        .tls = true, .cert = store_file("server.pem"), .key = store_file("server.key"), .answer = answer });
    ask_tls(&trusting, w, "localhost", &a);
    cr_expect_eq(a.status, 200, "%s", a.why);
    ask_tls(&trusting, w, "127.0.0.1", &a);
    cr_expect_eq(a.status, 200, "%s", a.why);
    ask_tls(&(struct http_options){ .connect_timeout_ms = 30000 }, w, "localhost", &a);
    cr_expect_eq(a.status, 0, "an unknown authority was trusted");
    cr_expect_str_not_empty(a.why);
    web_free(w);
    w = web_new(&(struct web_options){
        .tls = true, .cert = store_file("other.pem"), .key = store_file("other.key"), .answer = answer });
    ask_tls(&trusting, w, "localhost", &a);
    cr_expect_eq(a.status, 0, "another host's certificate was taken");
    trusting.any_host = true;
    ask_tls(&trusting, w, "localhost", &a);
    cr_expect_eq(a.status, 200, "%s", a.why);
    web_free(w);
    mem_free(ca);
}

Test(http, tls_shows_its_own_certificate)
{
    struct heard a;
    char *ca = slurp("ca.pem"), *cert = slurp("client.pem"), *key = slurp("client.key");
    struct http_options o = { .ca = ca, .connect_timeout_ms = 30000 };
    struct web *w = web_new(&(struct web_options){ .tls = true,
                                                   .want_client = true,
                                                   .ca = store_file("ca.pem"),
                                                   .cert = store_file("server.pem"),
                                                   .key = store_file("server.key"),
                                                   .answer = answer });
    ask_tls(&o, w, "localhost", &a);
    cr_expect_eq(a.status, 0, "answered without a certificate");
    o.cert = cert;
    o.key = key;
    ask_tls(&o, w, "localhost", &a);
    cr_expect_eq(a.status, 200, "%s", a.why);
    web_free(w);
    struct http *h = NULL;
    o.key = NULL;
    struct kaftan_error *err = http_new(&o, &h);
    cr_expect_not_null(err);
    kaftan_error_free(err);
    mem_free(ca);
    mem_free(cert);
    mem_free(key);
}
