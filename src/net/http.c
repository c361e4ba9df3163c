/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A transfer waits at its server until fewer than HOST_LIMIT others run there,
 * because a worker that is asked for hundreds of things at once would refuse
 * connections; its time limit runs from then on. What waits costs nothing: each
 * step looks at the running ones only. Time is ours: libcurl's own limits count
 * whole seconds and average over them.
 */
#include "config.h"

#include "net/http.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

enum {
    HOST_LIMIT = 16,
    CONNECTION_AGE_S = 60, /* servers of the trade close idle ones after 90 s (30 s: Kafka 3.9) */
    WAIT_LIMIT_MS = 60000
};

struct transfer;

struct server { /* there while a transfer is its */
    char *name; /* owned; "https://host:port" */
    size_t transfers, running;
    struct transfer *first, *last; /* owned; wait, in the order of sending */
    struct server *next;
};

struct transfer {
    uint32_t magic;
    CURL *easy;              /* owned */
    struct curl_slist *head; /* owned */
    struct server *server;   /* borrowed from http */
    struct buf body;         /* the answer's */
    void (*done)(void *self, const struct http_answer *a);
    void *self;              /* the asker's */
    struct transfer *next, *prev; /* of those that run, or wait */
    int64_t timeout_ms, moved_ms, moved; /* when something last moved, and how much until then */
    bool too_large, sent, unreached;
    char why[CURL_ERROR_SIZE];
};
enum { TRANSFER_MAGIC = 0x48545450 };

struct http {
    CURLM *multi;                    /* owned */
    char *ca, *cert, *key, *agent;   /* owned; NULL */
    bool any_host, closing;
    int32_t connect_timeout_ms;
    struct transfer *running;        /* owned */
    struct server *servers;          /* owned */
    size_t count;
};

/* ---- transfers ---- */

static void transfer_free(struct transfer *t)
{
    if (!t)
        return;
    if (t->easy)
        curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->head);
    buf_fini(&t->body);
    t->magic = 0;
    mem_free(t);
}

/* ---- servers ---- */

/* Up to the path; what an error may quote, for a query may hold secrets. */
static char *name_of(const char *url)
{
    const char *sep = strstr(url, "://");
    const char *host = sep ? sep + 3 : url;
    size_t authority = strcspn(host, "/?#");
    const char *at = memchr(host, '@', authority); /* user information stays out */
    const char *name = at ? at + 1 : host;
    return mem_printf("%.*s%.*s", (int)(host - url), url, (int)(authority - (size_t)(name - host)), name);
}

static struct server *server_of(struct http *h, const char *url)
{
    char *name = name_of(url);
    struct server *s = h->servers;
    while (s && strcasecmp(s->name, name) != 0)
        s = s->next;
    if (s) {
        mem_free(name);
    } else {
        s = mem_zalloc(1, sizeof *s);
        s->name = name;
        s->next = h->servers;
        h->servers = s;
    }
    s->transfers++;
    return s;
}

static void server_leave(struct http *h, struct server *s)
{
    if (--s->transfers > 0)
        return;
    for (struct server **at = &h->servers; *at; at = &(*at)->next)
        if (*at == s) {
            *at = s->next;
            break;
        }
    mem_free(s->name);
    mem_free(s);
}

static struct transfer *take_waiting(struct server *s)
{
    struct transfer *t = s->first;
    if (t) {
        s->first = t->next;
        if (!s->first)
            s->last = NULL;
        t->next = NULL;
    }
    return t;
}

static void begin(struct http *h, struct transfer *t)
{
    t->moved_ms = clock_mono_ms();
    t->server->running++;
    t->next = h->running;
    if (t->next)
        t->next->prev = t;
    h->running = t;
    ASSERT(curl_multi_add_handle(h->multi, t->easy) == CURLM_OK);
}

static void add(struct http *h, struct transfer *t)
{
    struct server *s = t->server;
    h->count++;
    if (s->running < HOST_LIMIT) {
        begin(h, t);
        return;
    }
    *(s->last ? &s->last->next : &s->first) = t;
    s->last = t;
}

/* Tells the asker and frees; takes err. The asker may send again from within. */
static void finish(struct http *h, struct transfer *t, struct kaftan_error *err)
{
    struct http_answer a = { .err = err, .unreached = t->unreached };
    long status = 0;
    char *type = NULL;
    if (!err) {
        (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
        (void)curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
        a.status = (int)status;
        a.body = buf_slice(&t->body);
        a.content_type = type;
    }
    struct server *s = t->server;
    t->done(t->self, &a);
    kaftan_error_free(err);
    transfer_free(t);
    server_leave(h, s);
}

/* A running one; the next one of its server begins. */
static void end(struct http *h, struct transfer *t, struct kaftan_error *err)
{
    struct server *s = t->server;
    (void)curl_multi_remove_handle(h->multi, t->easy);
    *(t->prev ? &t->prev->next : &h->running) = t->next;
    if (t->next)
        t->next->prev = t->prev;
    h->count--;
    s->running--;
    struct transfer *waiting = h->closing ? NULL : take_waiting(s);
    if (waiting)
        begin(h, waiting);
    finish(h, t, err);
}

static struct kaftan_error *reason(const struct transfer *t, CURLcode code)
{
    long number = 0;
    if (t->too_large)
        return kaftan_error_new(KAFTAN_E_INTERNAL, "the answer of %s is larger than %d bytes", t->server->name,
                                HTTP_ANSWER_LIMIT);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return kaftan_error_new(KAFTAN_E_INVALID, "\"%s\" is no http or https URL", t->server->name);
    if (code == CURLE_COULDNT_CONNECT && curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number > 0)
        return kaftan_error_new(KAFTAN_E_RETRIABLE, "cannot connect to %s: %s", t->server->name, strerror((int)number));
    return kaftan_error_new(code == CURLE_OPERATION_TIMEDOUT ? KAFTAN_E_TIMEOUT : KAFTAN_E_RETRIABLE, "%s: %s", t->server->name,
                            *t->why ? t->why : curl_easy_strerror(code));
}

/* ---- what libcurl calls ---- */

static void moved(struct transfer *t, int64_t total)
{
    if (total != t->moved)
        t->moved_ms = clock_mono_ms();
    t->moved = total;
}

static size_t on_body(char *data, size_t one, size_t size, void *self)
{
    struct transfer *t = OBJ_FROM(struct transfer, TRANSFER_MAGIC, self);
    (void)one;
    t->too_large = size > HTTP_ANSWER_LIMIT - t->body.len;
    if (t->too_large)
        return 0;
    buf_put(&t->body, data, size);
    t->moved_ms = clock_mono_ms();
    return size;
}

static size_t on_header(char *data, size_t one, size_t size, void *self)
{
    struct transfer *t = OBJ_FROM(struct transfer, TRANSFER_MAGIC, self);
    (void)data;
    (void)one;
    t->moved_ms = clock_mono_ms();
    return size;
}

/* There is a connection. More than once for one request: when a kept one turns out to be closed. */
static int on_connected(void *self, char *remote, char *local, int remote_port, int local_port)
{
    struct transfer *t = OBJ_FROM(struct transfer, TRANSFER_MAGIC, self);
    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    t->sent = true;
    return CURL_PREREQFUNC_OK;
}

static int on_progress(void *self, curl_off_t down_all, curl_off_t down, curl_off_t up_all, curl_off_t up)
{
    struct transfer *t = OBJ_FROM(struct transfer, TRANSFER_MAGIC, self);
    (void)down_all;
    (void)up_all;
    moved(t, (int64_t)down + (int64_t)up);
    return 0;
}

/* ---- requests ---- */

static void add_header(struct transfer *t, const char *line)
{
    struct curl_slist *longer = curl_slist_append(t->head, line);
    ASSERT(longer);
    t->head = longer;
}

#define SET(t, option, value) ASSERT(curl_easy_setopt((t)->easy, (option), (value)) == CURLE_OK)

static void set_blob(struct transfer *t, CURLoption option, char *pem)
{
    struct curl_blob blob = { .data = pem, .len = strlen(pem), .flags = CURL_BLOB_NOCOPY };
    SET(t, option, &blob);
}

static void set_tls(struct transfer *t, const struct http *h)
{
    SET(t, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(t, CURLOPT_SSL_VERIFYHOST, h->any_host ? 0L : 2L);
    if (h->ca) {
        SET(t, CURLOPT_CAPATH, NULL); /* else the system's roots count as well */
        set_blob(t, CURLOPT_CAINFO_BLOB, h->ca);
    }
    if (h->cert && h->key) {
        SET(t, CURLOPT_SSLCERTTYPE, "PEM");
        SET(t, CURLOPT_SSLKEYTYPE, "PEM");
        set_blob(t, CURLOPT_SSLCERT_BLOB, h->cert);
        set_blob(t, CURLOPT_SSLKEY_BLOB, h->key);
    }
}

static void set_request(struct transfer *t, const struct http_request *r)
{
    bool sends = strcmp(r->method, "POST") == 0 || strcmp(r->method, "PUT") == 0 || strcmp(r->method, "PATCH") == 0;
    for (const char *const *line = r->headers; line && *line; line++)
        add_header(t, *line);
    add_header(t, "Expect:"); /* no waiting for 100 Continue */
    if (r->has_body || sends) {
        if (!r->has_body)
            add_header(t, "Content-Type:");
        SET(t, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(r->has_body ? r->body.len : 0));
        SET(t, CURLOPT_COPYPOSTFIELDS, r->has_body && r->body.ptr ? r->body.ptr : "");
    }
    if (strcmp(r->method, "HEAD") == 0)
        SET(t, CURLOPT_NOBODY, 1L);
    else
        SET(t, CURLOPT_CUSTOMREQUEST, r->method);
    SET(t, CURLOPT_HTTPHEADER, t->head);
}

static void set_up(struct transfer *t, const struct http *h)
{
    SET(t, CURLOPT_PRIVATE, t);
    SET(t, CURLOPT_ERRORBUFFER, t->why);
    SET(t, CURLOPT_NOSIGNAL, 1L);
    SET(t, CURLOPT_PROXY, "");
    SET(t, CURLOPT_PROTOCOLS_STR, "http,https");
    SET(t, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(t, CURLOPT_MAXAGE_CONN, (long)CONNECTION_AGE_S);
    SET(t, CURLOPT_CONNECTTIMEOUT_MS, (long)h->connect_timeout_ms);
    SET(t, CURLOPT_WRITEFUNCTION, on_body);
    SET(t, CURLOPT_WRITEDATA, t);
    SET(t, CURLOPT_HEADERFUNCTION, on_header);
    SET(t, CURLOPT_HEADERDATA, t);
    SET(t, CURLOPT_PREREQFUNCTION, on_connected);
    SET(t, CURLOPT_PREREQDATA, t);
    SET(t, CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(t, CURLOPT_XFERINFODATA, t);
    SET(t, CURLOPT_NOPROGRESS, 0L);
    if (h->agent)
        SET(t, CURLOPT_USERAGENT, h->agent);
    (void)curl_easy_setopt(t->easy, CURLOPT_ACCEPT_ENCODING, "gzip"); /* a libcurl without zlib: plain answers */
    set_tls(t, h);
}

void http_send(struct http *h, const struct http_request *r, void (*done)(void *self, const struct http_answer *a),
               void *self)
{
    struct transfer *t = mem_zalloc(1, sizeof *t);
    t->magic = TRANSFER_MAGIC;
    t->done = done;
    t->self = self;
    t->timeout_ms = r->timeout_ms;
    t->server = server_of(h, r->url);
    t->easy = curl_easy_init();
    ASSERT(t->easy);
    if (h->closing) {
        finish(h, t, kaftan_error_new(KAFTAN_E_UNAVAILABLE, "%s: not asked, the worker stops", t->server->name));
        return;
    }
    set_up(t, h);
    set_request(t, r);
    CURLcode code = curl_easy_setopt(t->easy, CURLOPT_URL, r->url);
    if (code != CURLE_OK) {
        finish(h, t, kaftan_error_new(KAFTAN_E_INVALID, "%s: %s", t->server->name, curl_easy_strerror(code)));
        return;
    }
    add(h, t);
}

/* ---- the client ---- */

static char *copy(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

struct kaftan_error *http_new(const struct http_options *o, struct http **ret)
{
    if (!o->cert != !o->key)
        return kaftan_error_new(KAFTAN_E_INVALID, "a certificate needs its private key, and a key its certificate");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) /* counted, and safe between threads */
        return kaftan_error_new(KAFTAN_E_INTERNAL, "libcurl cannot be set up");
    struct http *h = mem_zalloc(1, sizeof *h);
    h->ca = copy(o->ca);
    h->cert = copy(o->cert);
    h->key = copy(o->key);
    h->agent = copy(o->user_agent);
    h->any_host = o->any_host;
    h->connect_timeout_ms = o->connect_timeout_ms;
    h->multi = curl_multi_init();
    ASSERT(h->multi);
    *ret = h;
    return NULL;
}

static struct kaftan_error *stopped(const struct transfer *t)
{
    return kaftan_error_new(KAFTAN_E_UNAVAILABLE, "%s: given up, the worker stops", t->server->name);
}

void http_free(struct http *h)
{
    if (!h)
        return;
    h->closing = true;
    while (h->running)
        end(h, h->running, stopped(h->running));
    while (h->servers) {
        struct transfer *t = take_waiting(h->servers);
        ASSERT(t);
        h->count--;
        finish(h, t, stopped(t));
    }
    (void)curl_multi_cleanup(h->multi);
    mem_free(h->ca);
    mem_free(h->cert);
    if (h->key)
        explicit_bzero(h->key, strlen(h->key));
    mem_free(h->key);
    mem_free(h->agent);
    mem_free(h);
    curl_global_cleanup();
}

size_t http_count(const struct http *h)
{
    return h->count;
}

static bool collect(struct http *h)
{
    bool any = false;
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
        char *self = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &self);
        struct transfer *t = OBJ_FROM(struct transfer, TRANSFER_MAGIC, self);
        t->unreached = !t->sent && (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST);
        end(h, t, code == CURLE_OK ? NULL : reason(t, code));
        any = true;
    }
    return any;
}

static struct transfer *overdue(const struct http *h, int64_t now)
{
    for (struct transfer *t = h->running; t; t = t->next)
        if (t->timeout_ms > 0 && now - t->moved_ms >= t->timeout_ms)
            return t;
    return NULL;
}

static bool move(struct http *h)
{
    int running;
    ASSERT(curl_multi_perform(h->multi, &running) == CURLM_OK);
    bool any = collect(h);
    for (struct transfer *t; (t = overdue(h, clock_mono_ms())); any = true) {
        long long limit = (long long)t->timeout_ms;
        end(h, t, kaftan_error_new(KAFTAN_E_TIMEOUT, "Idle timeout expired: %lld/%lld ms", limit, limit));
    }
    return any;
}

/* How long nobody needs us to look. */
static int64_t patience(const struct http *h, int wait_ms)
{
    int64_t now = clock_mono_ms(), least = wait_ms < 0 || wait_ms > WAIT_LIMIT_MS ? WAIT_LIMIT_MS : wait_ms;
    for (const struct transfer *t = h->running; t; t = t->next) {
        int64_t left = t->moved_ms + t->timeout_ms - now;
        if (t->timeout_ms > 0 && left < least)
            least = left < 0 ? 0 : left;
    }
    return least;
}

void http_step(struct http *h, int fd, int wait_ms)
{
    struct curl_waitfd extra = { .fd = fd, .events = CURL_WAIT_POLLIN };
    if (move(h))
        return;
    (void)curl_multi_poll(h->multi, &extra, fd >= 0 ? 1 : 0, (int)patience(h, wait_ms), NULL);
    (void)move(h);
}
