/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/http.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"

enum { WAIT_LIMIT_MS = 3600000 };

struct call { /* one request under way; owned by http */
    struct call *next, *prev;
    struct http *http;
    CURL *easy;
    struct curl_slist *headers;
    struct buf answer;
    bool too_large;
    int32_t timeout_ms;
    char why[CURL_ERROR_SIZE];
    void (*done)(void *self, const struct http_answer *a);
    void *self;
};

struct http {
    CURLM *multi;
    struct call *calls;
    size_t count;
    char *ca, *cert, *key, *user_agent; /* owned */
    bool any_host;
    int32_t connect_timeout_ms;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
    ASSERT(curl_global_init(CURL_GLOBAL_DEFAULT) == 0);
}

static char *copy(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

struct kaftan_error *http_new(const struct http_options *o, struct http **ret)
{
    struct http *h;
    CURLM *multi;
    (void)pthread_once(&curl_once, curl_start);
    multi = curl_multi_init();
    if (!multi)
        return kaftan_error_new(KAFTAN_E_INTERNAL, "no HTTP client can be made");
    h = mem_zalloc(1, sizeof *h);
    h->multi = multi;
    h->ca = copy(o->ca);
    h->cert = copy(o->cert);
    h->key = copy(o->key);
    h->user_agent = copy(o->user_agent);
    h->any_host = o->any_host;
    h->connect_timeout_ms = o->connect_timeout_ms;
    *ret = h;
    return NULL;
}

/* Takes err, which may be NULL: then the answer is there. */
static void call_end(struct call *c, struct kaftan_error *err)
{
    struct http_answer a = { .err = err };
    struct http *h = c->http;
    long status = 0;
    if (!err) {
        (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &a.content_type);
        a.status = (int)status;
        a.body = buf_slice(&c->answer);
    }
    (void)curl_multi_remove_handle(h->multi, c->easy);
    *(c->prev ? &c->prev->next : &h->calls) = c->next;
    if (c->next)
        c->next->prev = c->prev;
    h->count--;
    c->done(c->self, &a);
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    buf_fini(&c->answer);
    kaftan_error_free(err);
    mem_free(c);
}

void http_free(struct http *h)
{
    if (!h)
        return;
    while (h->calls)
        call_end(h->calls, kaftan_error_new(KAFTAN_E_UNAVAILABLE, "the HTTP client is stopping"));
    (void)curl_multi_cleanup(h->multi);
    if (h->key)
        explicit_bzero(h->key, strlen(h->key));
    mem_free(h->ca);
    mem_free(h->cert);
    mem_free(h->key);
    mem_free(h->user_agent);
    mem_free(h);
}

static size_t got_bytes(char *data, size_t size, size_t count, void *self)
{
    struct call *c = self;
    size_t len = size * count;
    if (c->answer.len + len > HTTP_ANSWER_LIMIT) {
        c->too_large = true;
        return 0;
    }
    buf_put(&c->answer, data, len);
    return len;
}

static CURLcode set_blob(CURL *e, CURLoption option, const char *text)
{
    struct curl_blob blob = { (void *)(uintptr_t)text, text ? strlen(text) : 0, CURL_BLOB_COPY };
    return text ? curl_easy_setopt(e, option, &blob) : CURLE_OK;
}

static bool set_tls(const struct http *h, CURL *e)
{
    return curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, h->any_host ? 0L : 2L) == CURLE_OK &&
           set_blob(e, CURLOPT_CAINFO_BLOB, h->ca) == CURLE_OK && set_blob(e, CURLOPT_SSLCERT_BLOB, h->cert) == CURLE_OK &&
           set_blob(e, CURLOPT_SSLKEY_BLOB, h->key) == CURLE_OK;
}

static void add_header(struct call *c, const char *line)
{
    c->headers = curl_slist_append(c->headers, line);
    ASSERT(c->headers);
}

/* A POST or PUT without a body says so by its length; what has no body has no type either. */
static bool set_body(struct call *c, const struct http_request *r)
{
    bool send = r->has_body || strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0;
    if (!send)
        return true;
    add_header(c, "Expect:");
    if (!r->has_body)
        add_header(c, "Content-Type:");
    return curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(r->has_body ? r->body.len : 0)) == CURLE_OK &&
           curl_easy_setopt(c->easy, CURLOPT_COPYPOSTFIELDS, r->has_body && r->body.len ? r->body.ptr : "") == CURLE_OK;
}

static bool set_up(struct call *c, const struct http_request *r)
{
    CURL *e = c->easy;
    long idle_s = (r->timeout_ms + 999) / 1000;
    bool ok = set_body(c, r) && set_tls(c->http, e);
    for (size_t i = 0; r->headers && r->headers[i]; i++)
        add_header(c, r->headers[i]);
    return ok && curl_easy_setopt(e, CURLOPT_URL, r->url) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, r->method) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK && curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip") == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)c->http->connect_timeout_ms) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, idle_s) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_USERAGENT, c->http->user_agent) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->headers) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_ERRORBUFFER, c->why) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, got_bytes) == CURLE_OK &&
           curl_easy_setopt(e, CURLOPT_WRITEDATA, c) == CURLE_OK && curl_easy_setopt(e, CURLOPT_PRIVATE, c) == CURLE_OK;
}

void http_send(struct http *h, const struct http_request *r, void (*done)(void *self, const struct http_answer *a), void *self)
{
    struct call *c = mem_zalloc(1, sizeof *c);
    c->http = h;
    c->timeout_ms = r->timeout_ms;
    c->done = done;
    c->self = self;
    c->easy = curl_easy_init();
    ASSERT(c->easy);
    c->next = h->calls;
    if (c->next)
        c->next->prev = c;
    h->calls = c;
    h->count++;
    if (!set_up(c, r))
        call_end(c, kaftan_error_new(KAFTAN_E_INVALID, "no request can be made to '%s': %s", r->url,
                                     *c->why ? c->why : "the HTTP client refuses it"));
    else if (curl_multi_add_handle(h->multi, c->easy) != CURLM_OK)
        call_end(c, kaftan_error_new(KAFTAN_E_INTERNAL, "no request can be made to '%s'", r->url));
}

size_t http_count(const struct http *h)
{
    return h->count;
}

static struct kaftan_error *what_failed(const struct call *c, CURLcode code)
{
    curl_off_t connected = 0;
    const char *why = *c->why ? c->why : curl_easy_strerror(code);
    if (code == CURLE_OK)
        return NULL;
    if (c->too_large)
        return kaftan_error_new(KAFTAN_E_RETRIABLE, "the answer is larger than %d bytes", HTTP_ANSWER_LIMIT);
    (void)curl_easy_getinfo(c->easy, CURLINFO_CONNECT_TIME_T, &connected);
    if (code == CURLE_OPERATION_TIMEDOUT && connected > 0)
        return kaftan_error_new(KAFTAN_E_TIMEOUT, "Idle timeout expired: %d/%d ms", c->timeout_ms, c->timeout_ms);
    return kaftan_error_new(code == CURLE_OPERATION_TIMEDOUT ? KAFTAN_E_TIMEOUT : KAFTAN_E_RETRIABLE, "%s", why);
}

static bool finish_some(struct http *h)
{
    CURLMsg *m;
    int left;
    bool any = false;
    while ((m = curl_multi_info_read(h->multi, &left))) {
        struct call *c = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
        call_end(c, what_failed(c, code));
        any = true;
    }
    return any;
}

void http_step(struct http *h, int fd, int wait_ms)
{
    struct curl_waitfd extra = { .fd = fd, .events = CURL_WAIT_POLLIN };
    int running;
    (void)curl_multi_perform(h->multi, &running);
    if (finish_some(h))
        return;
    (void)curl_multi_poll(h->multi, &extra, fd >= 0 ? 1 : 0, wait_ms < 0 ? WAIT_LIMIT_MS : wait_ms, NULL);
    (void)curl_multi_perform(h->multi, &running);
    (void)finish_some(h);
}
