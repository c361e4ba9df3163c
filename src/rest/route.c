/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Routing in Java's precedence (rest-api.md 1.3): container checks (400),
 * path (404), method (405), request media type (415), Accept (406), body.
 */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "rest/rest_int.h"

/* Does the path fit the template? "{c}" stands for one segment. */
static bool path_fits(const struct uri *u, const char *path)
{
    size_t i = 0;
    for (const char *p = path + 1; *p;) {
        size_t n = strcspn(p, "/");
        if (i >= u->count)
            return false;
        if (*p != '{' && (strlen(u->segments[i]) != n ||
                          strncmp(u->segments[i], p, n) != 0))
            return false;
        i++;
        p += n;
        if (*p == '/')
            p++;
    }
    return i == u->count && !u->too_deep;
}

static bool method_fits(const struct route *r, const char *method)
{
    return strcmp(r->method, method) == 0 ||
           (strcmp(method, "HEAD") == 0 && strcmp(r->method, "GET") == 0);
}

/* The media type without parameters. */
static struct kaftan_slice media_type(const char *header)
{
    struct kaftan_slice s = { header, strcspn(header, ";,") };
    return slice_trim(s);
}

static bool slice_is(struct kaftan_slice s, const char *text)
{
    return s.len == strlen(text) && strncasecmp(s.ptr, text, s.len) == 0;
}

/* One media range of Accept against "type/subtype"; 0: unparsable. */
static int range_fits(struct kaftan_slice r, const char *type)
{
    const char *slash = memchr(r.ptr, '/', r.len);
    if (!slash || slash == r.ptr || slash + 1 == r.ptr + r.len)
        return 0;
    if (slice_is(r, "*/*") || slice_is(r, type))
        return 1;
    size_t major = (size_t)(slash - r.ptr) + 1;
    return r.len == major + 1 && slash[1] == '*' &&
                   strncasecmp(r.ptr, type, major) == 0
               ? 1
               : -1;
}

bool accept_allows(const char *accept, const char *type)
{
    bool fits = false, any = false;
    if (!accept)
        return true;
    for (const char *p = accept; *p;) {
        size_t n = strcspn(p, ",");
        struct kaftan_slice r = { p, strcspn(p, ";,") };
        r = slice_trim(r);
        if (r.len > 0) {
            int f = range_fits(r, type);
            if (f == 0)
                return false;
            any = true;
            fits = fits || f > 0;
        }
        p += n;
        if (*p == ',')
            p++;
    }
    return fits || !any;
}

/* `; charset=utf-8; q=0.5` as `;charset=utf-8`. */
static void put_parameters(struct buf *b, struct kaftan_slice rest)
{
    while (rest.len > 0) {
        const char *semicolon = memchr(rest.ptr + 1, ';', rest.len - 1);
        size_t n = semicolon ? (size_t)(semicolon - rest.ptr) : rest.len;
        struct kaftan_slice one = slice_trim((struct kaftan_slice){ rest.ptr + 1, n - 1 });
        const char *equals = one.len ? memchr(one.ptr, '=', one.len) : NULL;
        if (equals && !(one.len > 1 && (*one.ptr | 32) == 'q' && equals == one.ptr + 1)) {
            buf_putc(b, ';');
            buf_put_slice(b, one);
        }
        rest = (struct kaftan_slice){ rest.ptr + n, rest.len - n };
    }
}

const char *accept_echo(struct kaftan_arena *a, const char *accept, const char *type)
{
    struct buf b = BUF_INIT;
    bool found = false; /* the first range that fits is the one that counts */
    for (const char *p = accept ? accept : ""; *p && !found;) {
        size_t n = strcspn(p, ","), name = strcspn(p, ";,");
        struct kaftan_slice range = slice_trim((struct kaftan_slice){ p, name });
        found = range_fits(range, type) > 0;
        if (slice_is(range, type))
            put_parameters(&b, (struct kaftan_slice){ p + name, n - name });
        p += n + (p[n] == ',');
    }
    if (b.len > 0)
        type = arena_printf(a, "%s%s", type, buf_text(&b));
    buf_fini(&b);
    return type;
}

static bool content_type_valid(const char *header)
{
    struct kaftan_slice t = media_type(header);
    const char *slash = memchr(t.ptr, '/', t.len);
    return slash && slash > t.ptr && slash + 1 < t.ptr + t.len;
}

/* OPTIONS on a known path (rest-api.md 1.3). */
static void answer_options(struct exchange *x)
{
    struct buf list = BUF_INIT;
    bool get = false;
    for (const struct route *r = rest_routes; r->method; r++)
        if (path_fits(&x->uri, r->path)) {
            buf_printf(&list, "%s,", r->method);
            get = get || strcmp(r->method, "GET") == 0;
        }
    if (get)
        buf_puts(&list, "HEAD,");
    buf_puts(&list, "OPTIONS");
    answer_empty(x, 200);
    x->answer.allow = buf_take(&list);
    if (x->accept && slice_is(media_type(x->accept), "application/json")) {
        x->answer.content_type = "application/json";
        return;
    }
    x->answer.content_type = "text/plain";
    for (const char *p = x->answer.allow; *p; p++) {
        buf_putc(&x->answer.body, *p);
        if (*p == ',')
            buf_putc(&x->answer.body, ' ');
    }
}

static bool media_refused(struct exchange *x, const struct route *r)
{
    if (r->any_media)
        return false;
    /* a wildcard is no type a body can have, but Java takes it */
    return x->content_type && range_fits(media_type(x->content_type), "application/json") <= 0;
}

static const struct route *find(struct exchange *x, bool *ret_path)
{
    *ret_path = false;
    for (const struct route *r = rest_routes; r->method; r++) {
        if (!path_fits(&x->uri, r->path))
            continue;
        *ret_path = true;
        if (method_fits(r, x->method))
            return r;
    }
    return NULL;
}

void route_request(struct exchange *x)
{
    bool known;
    const char *bad = uri_parse(x->arena, x->target, &x->uri);
    if (!bad && x->content_type && !content_type_valid(x->content_type))
        bad = "Bad Request";
    if (bad) {
        answer_container(x, 400, bad);
        return;
    }
    const struct route *r = find(x, &known);
    if (!known && strcmp(x->target, "*") == 0) {
        answer_empty(x, 404);
    } else if (!known) {
        answer_routing(x, 404);
    } else if (strcmp(x->method, "OPTIONS") == 0) {
        answer_options(x);
    } else if (!r) {
        answer_routing(x, 405);
    } else if (media_refused(x, r)) {
        answer_routing(x, 415);
    } else if (!r->plain && !accept_allows(x->accept, "application/json")) {
        answer_routing(x, 406);
    } else if (r->reads_body && !x->content_type && x->body.len > 0) {
        answer_error(x, 415, "HTTP 415 Unsupported Media Type");
    } else {
        x->route = r;
        r->handle(x);
    }
}
