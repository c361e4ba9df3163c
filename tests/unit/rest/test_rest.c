/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "rest/rest_int.h"
#include "unit/rest/fake_herder.h"

/* ---- a worker's REST side on a free port ---- */

static struct rest *rest;
static struct worker_config *config;
static struct metrics *metrics;

static void up(void)
{
    static const char *const keys[][2] = {
        { "group.id", "g" },
        { "key.converter", "k" },
        { "value.converter", "v" },
        { "config.storage.topic", "c" },
        { "offset.storage.topic", "o" },
        { "status.storage.topic", "s" },
        { "listeners", "http://127.0.0.1:0" },
    };
    struct text_map *props = text_map_new();
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        text_map_put(props, keys[i][0], keys[i][1]);
    cr_assert_null(worker_config_new(props, true, &config));
    text_map_unref(props);
    metrics = metrics_new();
    cr_assert_null(rest_new(config, NULL, metrics, &rest));
    cr_assert_null(rest_start(rest, NULL));
}

static void down(void)
{
    rest_stop(rest);
    fake_release();
    rest_free(rest);
    metrics_free(metrics);
    worker_config_free(config);
}

TestSuite(http, .init = up, .fini = down, .timeout = 60);

static int dial(void)
{
    int port = 0;
    cr_assert_eq(sscanf(rest_url(rest), "http://127.0.0.1:%d/", &port), 1);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* Everything until the server closes. */
static void hear(int fd, char *ret, size_t size)
{
    size_t n = 0;
    for (ssize_t got; n < size - 1 && (got = read(fd, ret + n, size - 1 - n)) > 0;)
        n += (size_t)got;
    ret[n] = '\0';
    (void)close(fd);
}

static void http(const char *request, char *ret, size_t size)
{
    int fd = dial();
    say(fd, request);
    hear(fd, ret, size);
}

#define CLOSE "Host: h\r\nConnection: close\r\n"

Test(http, answers_to_the_letter)
{
    static const struct {
        const char *request, *first, *part, *body;
    } cases[] = {
        { "GET / HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 200",
          "Content-Type: application/json\r\n",
          "\"kafka_cluster_id\":\"cluster\"}" },
        { "GET /connectors HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 200", "",
          "\r\n\r\n[\"orders\"]" },
        { "GET /connectors/?expand=status&expand=info HTTP/1.1\r\n" CLOSE
          "\r\n",
          "HTTP/1.1 200", "",
          "{\"orders\":{\"status\":{\"name\":\"orders\",\"connector\":{"
          "\"state\":\"RUNNING\",\"worker_id\":\"h:1\",\"version\":null},"
          "\"tasks\":[{\"id\":0,\"state\":\"FAILED\",\"worker_id\":\"h:1\","
          "\"version\":\"1.0\",\"trace\":\"why\\n\"}],\"type\":\"source\"},"
          "\"info\":{" },
        { "GET /connectors/orders/config HTTP/1.1\r\n" CLOSE "\r\n",
          "HTTP/1.1 200", "",
          "{\"name\":\"orders\",\"text\":\"a/\\\"b\\\"\\u001F\xc3\xa9\","
          "\"none\":null}" },
        { "GET /connectors/orders;v=1/tasks HTTP/1.1\r\n" CLOSE "\r\n",
          "HTTP/1.1 200", "",
          "[{\"id\":{\"connector\":\"orders\",\"task\":0},\"config\":{" },
        { "GET /connectors/nope HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 404",
          "Content-Type: application/json\r\n",
          "{\"error_code\":404,\"message\":\"Connector nope not found\"}" },
        { "GET /nowhere HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 404", "",
          "{\"error_code\":404,\"message\":\"HTTP 404 Not Found\"}" },
        { "DELETE /connectors HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 405", "",
          "{\"error_code\":405,\"message\":\"HTTP 405 Method Not Allowed\"}" },
        { "GET /connectors HTTP/1.1\r\nContent-Type: text/plain\r\n" CLOSE
          "\r\n",
          "HTTP/1.1 415", "",
          "{\"error_code\":415,\"message\":\"HTTP 415 Unsupported Media "
          "Type\"}" },
        { "GET /health HTTP/1.1\r\nAccept: text/html\r\n" CLOSE "\r\n",
          "HTTP/1.1 406", "", "HTTP 406 Not Acceptable" },
        { "GET /health HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 200", "",
          "{\"status\":\"healthy\",\"message\":\"Worker has completed startup "
          "and is ready to handle requests.\"}" },
        { "GET /connectors/a%2Fb HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 400",
          "text/html", "Ambiguous URI path separator" },
        { "PUT /connectors/orders/pause HTTP/1.1\r\nContent-Length: 0\r\n"
          CLOSE "\r\n",
          "HTTP/1.1 202", "Content-Length: 0\r\n", "" },
        { "DELETE /connectors/orders HTTP/1.1\r\n" CLOSE "\r\n",
          "HTTP/1.1 204", "", "" },
        { "GET /connectors/orders/tasks/x/status HTTP/1.1\r\n" CLOSE "\r\n",
          "HTTP/1.1 404", "Content-Type: application/json\r\n",
          "HTTP 404 Not Found" },
        { "GET /connector-plugins HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 200",
          "",
          "[{\"class\":\"x.Source\",\"type\":\"source\",\"version\":\"2\"}]" },
        { "GET /connector-plugins?connectorsOnly=no HTTP/1.1\r\n" CLOSE
          "\r\n",
          "HTTP/1.1 200", "", "\"x.Conv\"" },
        { "GET /connector-plugins/y/config HTTP/1.1\r\n" CLOSE "\r\n",
          "HTTP/1.1 404", "", "Unknown plugin y." },
        { "OPTIONS /connectors/orders HTTP/1.1\r\n" CLOSE "\r\n",
          "HTTP/1.1 200", "Allow: GET,DELETE,HEAD,OPTIONS\r\n",
          "GET, DELETE, HEAD, OPTIONS" },
        { "GET /connectors/;x=1 HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 200", "",
          "[\"orders\"]" },
        { "OPTIONS * HTTP/1.1\r\n" CLOSE "\r\n", "HTTP/1.1 404",
          "Content-Length: 0\r\n", "" },
        { "GET /connectors HTTP/1.1\r\nContent-Type: application/*\r\n" CLOSE
          "\r\n",
          "HTTP/1.1 200", "Content-Type: application/json\r\n", "[\"orders\"]" },
        { "GET /connectors HTTP/1.1\r\nAccept: application/json; "
          "charset=utf-8\r\n" CLOSE "\r\n",
          "HTTP/1.1 200", "Content-Type: application/json;charset=utf-8\r\n",
          "[\"orders\"]" },
        { "GET /connectors/nope HTTP/1.1\r\nAccept: application/json; "
          "charset=utf-8\r\n" CLOSE "\r\n",
          "HTTP/1.1 404", "Content-Type: application/json;charset=utf-8\r\n",
          "not found" },
        { "GET /metrics HTTP/1.1\r\nAccept: text/plain\r\n" CLOSE "\r\n",
          "HTTP/1.1 200", "text/plain; version=0.0.4",
          "kaftan_rest_requests_total" },
    };
    char got[16384];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        http(cases[i].request, got, sizeof got);
        cr_expect(strncmp(got, cases[i].first, 12) == 0, "%s gave %s",
                  cases[i].request, got);
        cr_expect_not_null(strstr(got, cases[i].part), "%s gave %s",
                           cases[i].request, got);
        cr_expect_not_null(strstr(got, cases[i].body), "%s gave %s",
                           cases[i].request, got);
    }
}

Test(http, routing_errors_carry_no_content_type)
{
    char got[4096];
    http("GET /nowhere HTTP/1.1\r\n" CLOSE "\r\n", got, sizeof got);
    cr_expect_null(strstr(got, "Content-Type"), "%s", got);
    http("DELETE /connectors HTTP/1.1\r\n" CLOSE "\r\n", got, sizeof got);
    cr_expect_null(strstr(got, "Allow:"), "%s", got);
}

/* What a container refuses before it looks at the path. */
Test(http, refuses_heads)
{
    static char pad[9001], request[10000], got[4096];
    static const struct {
        const char *before, *after; /* padding in between */
        size_t padding;
        const char *status, *title;
    } cases[] = {
        { "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "", 0, "HTTP/1.1 400", "" },
        { "GET / HTTP/1.0\r\n\r\n", "", 0, "HTTP/1.", "kafka_cluster_id" },
        { "GET / HTTP/1.1\r\nHost: a\r\n" CLOSE "\r\n", "", 0, "HTTP/1.1 400", "Error 400 Bad Request" },
        { "POST /connectors HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n" CLOSE "\r\n{}", "", 0,
          "HTTP/1.1 400", "" },
        { "GET /", " HTTP/1.1\r\n" CLOSE "\r\n", 9000, "HTTP/1.1 414", "Error 414 URI Too Long" },
        { "GET / HTTP/1.1\r\nX: ", "\r\n" CLOSE "\r\n", 9000, "HTTP/1.1 431", "Error 431 Request Header Fields Too Large" },
        { "GET / HTTP/1.1\r\nX: ", "\r\n" CLOSE "\r\n", 7000, "HTTP/1.1 200", "kafka_cluster_id" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        memset(pad, 'a', cases[i].padding);
        pad[cases[i].padding] = '\0';
        (void)snprintf(request, sizeof request, "%s%s%s", cases[i].before, pad, cases[i].after);
        http(request, got, sizeof got);
        cr_expect(strncmp(got, cases[i].status, strlen(cases[i].status)) == 0, "%zu gave %s", i, got);
        cr_expect_not_null(strstr(got, cases[i].title), "%zu gave %s", i, got);
    }
}

static void post(const char *body, char *ret, size_t size)
{
    char request[8192];
    (void)snprintf(request, sizeof request,
                   "POST /connectors HTTP/1.1\r\n" CLOSE
                   "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                   "\r\n%s",
                   strlen(body), body);
    http(request, ret, size);
}

Test(http, creates)
{
    char got[8192];
    post("{\"name\":\" a b\",\"config\":{\"n\":1.50,\"t\":true}}", got,
         sizeof got);
    cr_expect(strncmp(got, "HTTP/1.1 201", 12) == 0, "%s", got);
    cr_expect_not_null(
        strstr(got, "Location: http://h/connectors/a%20b\r\n"), "%s", got);
    cr_expect_not_null(strstr(got, "{\"name\":\"a b\",\"config\":{\"n\":"
                                   "\"1.50\",\"t\":\"true\",\"name\":\"a "
                                   "b\"},\"tasks\":[{\"connector\":\"a b\","
                                   "\"task\":0}],\"type\":\"source\"}"),
                       "%s", got);
    cr_expect_eq(atomic_load(&fake_created), 1);
}

Test(http, refuses_bodies)
{
    static const struct {
        const char *body, *status, *part;
    } cases[] = {
        { "", "HTTP/1.1 500", "Unexpected end-of-input" },
        { "{\"name\":", "HTTP/1.1 500", "Cannot parse the request body" },
        { "{\"name\":\"a\"}", "HTTP/1.1 500", "config" },
        { "{\"name\":\"a\",\"config\":{},\"x\":1}", "HTTP/1.1 500",
          "Unrecognized field \\\"x\\\" (class" },
        { "{\"name\":\"a\",\"config\":{\"k\":{}}}", "HTTP/1.1 500",
          "Cannot deserialize value of type" },
        { "{\"name\":\"a\",\"config\":{\"k\":[]}}", "HTTP/1.1 500",
          "(field \\\"k\\\")" },
        { "{\"name\":\"a\",\"config\":{},\"initial_state\":\"x\"}",
          "HTTP/1.1 500", "Cannot construct instance of" },
        { "{\"name\":\"a\",\"config\":{\"name\":\"b\"}}", "HTTP/1.1 400",
          "Connector name configuration (b) doesn't match connector name in "
          "the URL (a)" },
        { "{} {}", "HTTP/1.1 500", "Cannot parse the request body" },
        { "{\"name\":\"\xff\",\"config\":{}}", "HTTP/1.1 500",
          "Invalid UTF-8" },
    };
    char got[8192];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        post(cases[i].body, got, sizeof got);
        cr_expect(strncmp(got, cases[i].status, 12) == 0, "%s gave %s",
                  cases[i].body, got);
        cr_expect_not_null(strstr(got, cases[i].part), "%s gave %s",
                           cases[i].body, got);
    }
    cr_expect_eq(atomic_load(&fake_created), 0);
}

Test(http, bounds_bodies)
{
    char got[4096];
    http("POST /connectors HTTP/1.1\r\n" CLOSE
         "Content-Type: application/json\r\nContent-Length: 999999999\r\n\r\n",
         got, sizeof got);
    cr_expect(strncmp(got, "HTTP/1.1 413", 12) == 0, "%s", got);
}

Test(http, one_slow_request_disturbs_no_other)
{
    char got[4096];
    int half = dial(), slow = dial();
    say(half, "GET /conn"); /* half a request, never finished */
    say(slow, "GET /connectors/slow HTTP/1.1\r\n" CLOSE "\r\n");
    for (int i = 0; i < 20; i++) {
        http("GET /connectors HTTP/1.1\r\n" CLOSE "\r\n", got, sizeof got);
        cr_assert(strncmp(got, "HTTP/1.1 200", 12) == 0, "%s", got);
    }
    struct pollfd p = { .fd = slow, .events = POLLIN };
    cr_expect_eq(poll(&p, 1, 0), 0, "answered although the herder has not");
    fake_release();
    hear(slow, got, sizeof got);
    cr_expect(strncmp(got, "HTTP/1.1 200", 12) == 0, "%s", got);
    (void)close(half);
}

Test(http, stop_answers_what_waits)
{
    char got[4096];
    int slow = dial();
    say(slow, "GET /connectors/slow HTTP/1.1\r\n" CLOSE "\r\n");
    int64_t until = clock_mono_ms() + 30000;
    bool waiting = false;
    while (!waiting && clock_mono_ms() < until) {
        lock_take(&rest->lock);
        waiting = rest->waiting != NULL;
        lock_release(&rest->lock);
        (void)poll(NULL, 0, 5);
    }
    cr_assert(waiting);
    rest_stop(rest);
    hear(slow, got, sizeof got);
    cr_expect(strncmp(got, "HTTP/1.1 503", 12) == 0, "%s", got);
    fake_release(); /* the late answer is freed, not sent */
}

Test(http, starting_is_503)
{
    char got[4096];
    atomic_store(&fake_started, false);
    http("GET /health HTTP/1.1\r\n" CLOSE "\r\n", got, sizeof got);
    atomic_store(&fake_started, true);
    cr_expect(strncmp(got, "HTTP/1.1 503", 12) == 0, "%s", got);
    cr_expect_not_null(strstr(got, "\"status\":\"starting\""), "%s", got);
}

/* ---- pure parts ---- */

Test(uri, refuses_what_jetty_refuses)
{
    static const struct {
        const char *target, *why;
    } cases[] = {
        { "/connectors/a%2Fb", "Ambiguous URI path separator" },
        { "/connectors/a%25b", "Ambiguous URI path encoding" },
        { "//connectors", "Ambiguous URI empty segment" },
        { "/connectors//x", "Ambiguous URI empty segment" },
        { "/%2e%2e", "Ambiguous URI path segment" },
        { "/a%5Cb", "Suspicious Path Character" },
        { "/a%01", "Suspicious Path Character" },
        { "/a%00", "Bad Request" },
        { "/a%zz", "Bad Request" },
        { "/a%", "Bad Request" },
        { "/a%E9", "Bad UTF-8 encoding" },
        { "/a|b", "Illegal Path Character" },
        { "/;x=y/connectors", "Ambiguous URI empty segment" },
        { "connectors", "Bad Request" },
        { "*", NULL },
        { "/connectors/a%20b/", NULL },
        { "/connectors/..", NULL },
        { "/connectors/%C3%A9?x=%zz&%41=b+c", NULL },
    };
    struct kaftan_arena *a = arena_new(1024);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct uri u = { 0 };
        const char *why = uri_parse(a, cases[i].target, &u);
        cr_expect(cases[i].why ? why && strcmp(why, cases[i].why) == 0 : !why,
                  "%s gave %s", cases[i].target, why ? why : "nothing");
    }
    struct uri u = { 0 };
    cr_assert_null(uri_parse(a, "http://h:1/a;b=c/d%20e+f?x=1&y&x=2%2B", &u));
    cr_expect_eq(u.count, 2);
    cr_expect_str_eq(u.segments[0], "a");
    cr_expect_str_eq(u.segments[1], "d e+f");
    cr_expect_str_eq(uri_param(&u, "x"), "1");
    cr_expect_str_eq(uri_param(&u, "y"), "");
    cr_expect_str_eq(u.params[2].value, "2+");
    arena_free(a);
}

Test(accept, ranges)
{
    static const struct {
        const char *accept;
        bool allowed;
    } cases[] = {
        { "*/*", true },
        { "application/*", true },
        { "Application/JSON;q=0", true },
        { "text/html, application/json", true },
        { "text/html", false },
        { "text/*", false },
        { "garbage", false },
        { "", true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect_eq(accept_allows(cases[i].accept, "application/json"),
                     cases[i].allowed, "%s", cases[i].accept);
    cr_expect(accept_allows(NULL, "application/json"));
}

Test(accept, parameters_come_back)
{
    static const struct {
        const char *accept, *want;
    } cases[] = {
        { NULL, "application/json" },
        { "*/*;v=1", "application/json" },
        { "application/json;q=0.5", "application/json" },
        { "application/json; charset=utf-8", "application/json;charset=utf-8" },
        { "text/html;a=b, application/json ; q=1 ;a=b; c=d , */*",
          "application/json;a=b;c=d" },
        { "*/*, application/json;a=b", "application/json" },
        { "application/json;;junk;", "application/json" },
        { "application/jsonp;a=b", "application/json" },
    };
    struct kaftan_arena *a = arena_new(1024);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        cr_expect_str_eq(accept_echo(a, cases[i].accept, "application/json"),
                         cases[i].want, "%s", cases[i].accept);
    arena_free(a);
}
