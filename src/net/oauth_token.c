/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/oauth_int.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

void oauth_token_fini(struct oauth_token *t)
{
    if (t->value)
        explicit_bzero(t->value, strlen(t->value));
    mem_free(t->value);
    mem_free(t->principal);
    text_map_unref(t->extensions);
    *t = (struct oauth_token){ 0 };
}

/* ---- base64url without padding (RFC 7515 2) ---- */

static void put_url64(struct buf *b, const void *data, size_t len)
{
    struct buf plain = BUF_INIT;
    base64_put(&plain, data, len);
    for (size_t i = 0; i < plain.len && plain.data[i] != '='; i++)
        buf_putc(b, plain.data[i] == '+' ? '-' : plain.data[i] == '/' ? '_' : plain.data[i]);
    buf_fini(&plain);
}

static bool get_url64(struct kaftan_slice text, struct buf *ret)
{
    struct buf plain = BUF_INIT;
    bool ok;
    while (text.len && text.ptr[text.len - 1] == '=')
        text.len--;
    for (size_t i = 0; i < text.len; i++)
        buf_putc(&plain, text.ptr[i] == '-' ? '+' : text.ptr[i] == '_' ? '/' : text.ptr[i]);
    while (plain.len % 4)
        buf_putc(&plain, '=');
    ok = base64_decode(buf_text(&plain), plain.len, ret);
    buf_fini(&plain);
    return ok;
}

/* ---- unsecured ---- */

void oauth_put_unsecured(struct buf *b, const struct oauth_config *c, int64_t now_ms)
{
    static const char head[] = "{\"alg\":\"none\"}";
    struct buf claims = BUF_INIT;
    const char *name, *value;
    buf_putc(&claims, '{');
    for (size_t i = 0; text_map_at(c->claims, &i, &name, &value);) {
        json_put_str(&claims, name);
        buf_printf(&claims, ":%s,", value);
    }
    buf_printf(&claims, "\"iat\":%lld,\"exp\":%lld}", (long long)(now_ms / 1000), (long long)((now_ms + c->lifetime_ms) / 1000));
    put_url64(b, head, sizeof head - 1);
    buf_putc(b, '.');
    put_url64(b, claims.data, claims.len);
    buf_putc(b, '.');
    buf_fini(&claims);
}

/* ---- what is in a token ---- */

static bool seconds_of(const struct json *v, int64_t *ret_ms)
{
    char text[64];
    double s;
    char *end;
    if (!v || v->type != JSON_NUMBER || v->text.len >= sizeof text)
        return false;
    memcpy(text, v->text.ptr, v->text.len);
    text[v->text.len] = '\0';
    s = strtod(text, &end);
    if (*end || !(s > 0) || s > 1e12)
        return false;
    *ret_ms = (int64_t)(s * 1000);
    return true;
}

static struct kaftan_error *read_claims(struct kaftan_slice claims, const char *subject_claim, struct oauth_token *t)
{
    struct kaftan_arena *a = arena_new(1024);
    const struct json *doc = NULL;
    struct kaftan_slice subject;
    struct kaftan_error *err = json_parse(a, claims.ptr, claims.len, 0, &doc);
    if (err) {
        kaftan_error_free(err);
        err = kaftan_error_new(KAFTAN_E_INVALID, "the token's claims are no JSON");
    } else if (!json_text(json_get(doc, subject_claim), &subject) || !subject.len) {
        err = kaftan_error_new(KAFTAN_E_INVALID, "the token has no claim \"%s\"", subject_claim);
    } else if (!seconds_of(json_get(doc, "exp"), &t->expires_ms)) {
        err = kaftan_error_new(KAFTAN_E_INVALID, "the token has no claim \"exp\"");
    } else {
        t->principal = mem_strndup(subject.ptr, subject.len);
    }
    arena_free(a);
    return err;
}

struct kaftan_error *oauth_read_jwt(const char *jwt, const char *subject_claim, struct oauth_token *ret)
{
    struct buf claims = BUF_INIT;
    const char *first = strchr(jwt, '.'), *second = first ? strchr(first + 1, '.') : NULL;
    struct kaftan_error *err = NULL;
    for (const char *p = jwt; *p; p++) /* what would end the SASL message, or a log line */
        if (!isalnum((unsigned char)*p) && !strchr("-_.~+/=", *p))
            second = NULL;
    if (!second || strchr(second + 1, '.') ||
        !get_url64((struct kaftan_slice){ first + 1, (size_t)(second - first - 1) }, &claims))
        err = kaftan_error_new(KAFTAN_E_INVALID, "the token is no JSON web token");
    else
        err = read_claims(buf_slice(&claims), subject_claim, ret);
    if (!err)
        ret->value = mem_strdup(jwt);
    buf_fini(&claims);
    return err;
}

/* ---- the endpoint ---- */

static void put_form(struct buf *b, const char *s)
{
    for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
        if (isalnum(*p) || strchr("-._*", *p))
            buf_putc(b, (char)*p);
        else if (*p == ' ')
            buf_putc(b, '+');
        else
            buf_printf(b, "%%%02X", *p);
    }
}

void oauth_put_request(const struct oauth_config *c, struct buf *body, struct buf *authorization)
{
    struct buf pair = BUF_INIT;
    buf_puts(body, "grant_type=client_credentials");
    if (c->scope) {
        buf_puts(body, "&scope=");
        put_form(body, c->scope);
    }
    if (c->urlencode) {
        put_form(&pair, c->client_id);
        buf_putc(&pair, ':');
        put_form(&pair, c->client_secret);
    } else {
        buf_printf(&pair, "%s:%s", c->client_id, c->client_secret);
    }
    buf_puts(authorization, "Basic ");
    base64_put(authorization, pair.data, pair.len);
    explicit_bzero(pair.data, pair.cap);
    buf_fini(&pair);
}

struct kaftan_error *oauth_read_answer(struct kaftan_slice body, const struct oauth_config *c, struct oauth_token *ret)
{
    struct kaftan_arena *a = arena_new(4096);
    const struct json *doc = NULL;
    struct kaftan_slice token;
    struct kaftan_error *err = json_parse(a, body.ptr ? body.ptr : "", body.len, 0, &doc);
    if (err || (!json_text(json_get(doc, "access_token"), &token) && !json_text(json_get(doc, "id_token"), &token))) {
        kaftan_error_free(err);
        err = kaftan_error_new(KAFTAN_E_RETRIABLE, "the token endpoint %s answered without an access_token", c->url);
    } else {
        char *jwt = mem_strndup(token.ptr, token.len);
        err = oauth_read_jwt(jwt, c->subject_claim, ret);
        explicit_bzero(jwt, strlen(jwt));
        mem_free(jwt);
        if (err)
            err = kaftan_error_wrap(err, "the token endpoint %s", c->url);
    }
    arena_free(a);
    return err;
}

int64_t oauth_renew_in(const struct oauth_config *c, int64_t now_ms, int64_t expires_ms)
{
    int64_t life = expires_ms - now_ms, in = (int64_t)((double)life * c->window);
    if (life - in < c->buffer_ms)
        in = life - c->buffer_ms;
    if (in < c->least_ms)
        in = c->least_ms;
    if (in > life) /* a short life leaves no room for either: rather renew than be without */
        in = life * 8 / 10;
    return in > 1000 ? in : 1000;
}
