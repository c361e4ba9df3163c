/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/oauth_int.h"
#include "web.h"

#define TOKEN_URL "sasl.oauthbearer.token.endpoint.url"

/* "key=value" texts, ended by NULL. */
static struct text_map *map_of(const char *const *pairs)
{
    struct text_map *m = text_map_new();
    for (; pairs && *pairs; pairs++) {
        const char *eq = strchr(*pairs, '=');
        char *key = mem_strndup(*pairs, (size_t)(eq - *pairs));
        text_map_put(m, key, eq + 1);
        mem_free(key);
    }
    return m;
}

static struct kaftan_error *read_config(const char *const *props, const char *const *jaas, struct oauth_config *ret)
{
    struct text_map *p = map_of(props), *j = map_of(jaas);
    struct kaftan_error *err = oauth_config_read(p, j, ret);
    text_map_unref(p);
    text_map_unref(j);
    return err;
}

Test(oauth, unsecured_tokens_carry_their_claims)
{
    static const char *const jaas[] = { "unsecuredLoginStringClaim_sub=alice", "unsecuredLoginNumberClaim_level=3",
                                        "unsecuredLoginListClaim_scope=|a|b", "unsecuredLoginLifetimeSeconds=60",
                                        "unsecuredLoginExtension_traceId=7", NULL };
    struct oauth_config c;
    struct oauth_token t = { 0 };
    struct buf jwt = BUF_INIT, claims = BUF_INIT;
    cr_assert_null(read_config(NULL, jaas, &c));
    cr_expect_eq(c.kind, OAUTH_UNSECURED);
    cr_expect_str_eq(text_map_get(c.extensions, "traceId"), "7");
    oauth_put_unsecured(&jwt, &c, 1000000);
    /* {"alg":"none"} . claims . nothing */
    cr_expect(text_starts(buf_text(&jwt), "eyJhbGciOiJub25lIn0."));
    cr_expect_eq(jwt.data[jwt.len - 1], '.');
    cr_assert_null(oauth_read_jwt(buf_text(&jwt), "sub", &t));
    cr_expect_str_eq(t.principal, "alice");
    cr_expect_eq(t.expires_ms, 1060000);
    cr_expect_str_eq(t.value, buf_text(&jwt));
    oauth_token_fini(&t);
    buf_fini(&jwt);
    buf_fini(&claims);
    oauth_config_fini(&c);
}

Test(oauth, bad_settings_are_named)
{
    static const struct {
        const char *props[3], *jaas[4], *why;
    } cases[] = {
        { { NULL }, { NULL }, "no option unsecuredLoginStringClaim_sub" },
        { { NULL }, { "unsecuredLoginNumberClaim_n=x", NULL }, "unsecuredLoginNumberClaim_ is no number" },
        { { TOKEN_URL "=https://idp/token", NULL }, { "clientId=a", NULL }, "needs a client id and secret" },
        { { "sasl.login.callback.handler.class=org.example.Mine", NULL }, { NULL }, "sasl.login.callback.handler.class" },
        { { "sasl.oauthbearer.jwt.validator.class=org.example.Mine", NULL }, { NULL }, "sasl.oauthbearer.jwt.validator.class" },
        { { "sasl.oauthbearer.jwt.retriever.class=org.example.Mine", NULL }, { NULL }, "sasl.oauthbearer.jwt.retriever.class" },
        { { TOKEN_URL "=https://idp/token", NULL }, { "clientId=a", "clientSecret=b", "ssl.truststore.location=/nowhere" },
          "ssl.truststore.location" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oauth_config c;
        struct kaftan_error *err = read_config(cases[i].props, cases[i].jaas, &c);
        cr_assert_not_null(err, "%zu", i);
        cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
        cr_expect_not_null(strstr(kaftan_error_message(err), cases[i].why), "%zu: %s", i, kaftan_error_message(err));
        kaftan_error_free(err);
    }
}

Test(oauth, a_request_for_a_token)
{
    static const char *const props[] = { TOKEN_URL "=https://idp/token", NULL };
    static const char *const jaas[] = { "clientId=me", "clientSecret=s3:cret", "scope=kafka read", "extension_a=b", NULL };
    struct oauth_config c;
    struct buf body = BUF_INIT, authorization = BUF_INIT;
    cr_assert_null(read_config(props, jaas, &c));
    cr_expect_eq(c.kind, OAUTH_ENDPOINT);
    oauth_put_request(&c, &body, &authorization);
    cr_expect_str_eq(buf_text(&body), "grant_type=client_credentials&scope=kafka+read");
    cr_expect_str_eq(buf_text(&authorization), "Basic bWU6czM6Y3JldA==");
    cr_expect_str_eq(text_map_get(c.extensions, "a"), "b");
    buf_fini(&body);
    buf_fini(&authorization);
    oauth_config_fini(&c);
}

/* Kafka's own stores say nothing about the server that gives tokens. */
Test(oauth, stores_for_the_endpoint_are_options_of_the_login)
{
    static const char *const props[] = { TOKEN_URL "=https://idp/token", "ssl.truststore.location=/nowhere", NULL };
    static const char *const jaas[] = { "clientId=me", "clientSecret=s", "ssl.truststore.location=" TEST_DATA "/stores/ca.pem",
                                        "ssl.keystore.location=" TEST_DATA "/stores/client.p12", "ssl.keystore.password=secret", NULL };
    struct oauth_config c;
    struct kaftan_error *err = read_config(props, jaas, &c);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    cr_expect(text_starts(c.ca, "-----BEGIN CERTIFICATE-----"));
    cr_expect(text_starts(c.cert, "-----BEGIN CERTIFICATE-----"));
    cr_expect(text_starts(c.key, "-----BEGIN PRIVATE KEY-----"));
    oauth_config_fini(&c);
    cr_assert_null(read_config(props, (const char *const[]){ "clientId=me", "clientSecret=s", NULL }, &c));
    cr_expect_null(c.ca, "the system's roots");
    oauth_config_fini(&c);
}

Test(oauth, id_and_secret_may_be_url_encoded)
{
    static const char *const props[] = { TOKEN_URL "=https://idp/token", "sasl.oauthbearer.header.urlencode=true", NULL };
    static const char *const jaas[] = { "clientId=a:b", "clientSecret=c d%", NULL };
    struct oauth_config c;
    struct buf body = BUF_INIT, authorization = BUF_INIT, plain = BUF_INIT;
    cr_assert_null(read_config(props, jaas, &c));
    oauth_put_request(&c, &body, &authorization);
    cr_assert(base64_decode(authorization.data + 6, authorization.len - 6, &plain));
    cr_expect_str_eq(buf_text(&plain), "a%3Ab:c+d%25");
    buf_fini(&body);
    buf_fini(&authorization);
    buf_fini(&plain);
    oauth_config_fini(&c);
}

Test(oauth, answers_of_an_endpoint)
{
    /* claims: {"sub":"alice","exp":2000000000.5} and {"exp":1} and nothing */
    static const struct {
        const char *body, *why; /* NULL: taken */
    } cases[] = {
        { "{\"access_token\":\"e30.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwMDAwMC41fQ.\",\"token_type\":\"Bearer\"}", NULL },
        { "{\"access_token\":\"e30.eyJleHAiOjF9.\"}", "no claim \"sub\"" },
        { "{\"access_token\":\"e30.eyJzdWIiOiJhIn0.x\"}", "no claim \"exp\"" },
        { "{\"access_token\":\"opaque\"}", "no JSON web token" },
        { "{\"access_token\":\"a.b.c.d\"}", "no JSON web token" },
        { "{\"access_token\":\"e30.eyJ\\u0001.x\"}", "no JSON web token" },
        { "{\"error\":\"invalid_client\"}", "without an access_token" },
        { "<html>", "without an access_token" },
        { "", "without an access_token" },
    };
    struct oauth_config c = { .url = "https://idp/token", .subject_claim = "sub" };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct oauth_token t = { 0 };
        struct kaftan_error *err = oauth_read_answer(slice_of(cases[i].body), &c, &t);
        cr_expect_eq(!err, !cases[i].why, "%zu: %s", i, err ? kaftan_error_message(err) : "taken");
        struct buf all = BUF_INIT;
        if (err)
            error_trace(err, &all);
        if (err && cases[i].why)
            cr_expect_not_null(strstr(buf_text(&all), cases[i].why), "%zu: %s", i, buf_text(&all));
        if (!err) {
            cr_expect_eq(t.expires_ms, 2000000000500);
            cr_expect_str_eq(t.principal, "alice");
        }
        buf_fini(&all);
        kaftan_error_free(err);
        oauth_token_fini(&t);
    }
}

Test(oauth, tokens_are_renewed_before_they_end)
{
    struct oauth_config c = { .window = 0.8, .least_ms = 60000, .buffer_ms = 300000 };
    cr_expect_eq(oauth_renew_in(&c, 0, 3600000), 2880000); /* the window */
    cr_expect_eq(oauth_renew_in(&c, 0, 600000), 300000);   /* the buffer */
    cr_expect_eq(oauth_renew_in(&c, 0, 320000), 60000);    /* the least */
    cr_expect_eq(oauth_renew_in(&c, 0, 50000), 40000);     /* a life too short for both */
    cr_expect_eq(oauth_renew_in(&c, 5000, 1000), 1000);    /* over already */
}

Test(oauth, logins_with_equal_settings_are_one)
{
    static const char *const one[] = { "unsecuredLoginStringClaim_sub=alice", NULL }, *const two[] = { "unsecuredLoginStringClaim_sub=bob", NULL };
    struct text_map *props = text_map_new(), *j1 = map_of(one), *j2 = map_of(two);
    struct oauth *a = NULL, *b = NULL, *c = NULL;
    struct oauth_token t;
    cr_assert_null(oauth_open(props, j1, &a));
    cr_assert_null(oauth_open(props, j1, &b));
    cr_assert_null(oauth_open(props, j2, &c));
    cr_expect_eq(a, b);
    cr_expect_neq(a, c);
    cr_expect_eq(oauth_find(oauth_number(a)), a);
    cr_assert_null(oauth_token(a, &t));
    cr_expect_str_eq(t.principal, "alice");
    oauth_token_fini(&t);
    uint64_t number = oauth_number(a);
    oauth_close(a);
    oauth_close(a);
    oauth_close(b);
    oauth_close(c);
    cr_expect_null(oauth_find(number));
    text_map_unref(props);
    text_map_unref(j1);
    text_map_unref(j2);
}

Test(oauth, a_file_is_read_each_time)
{
    char path[] = "/tmp/kaftan-token-XXXXXX", url[64], pair[128];
    int fd = mkstemp(path);
    static const char text[] = "e30.eyJzdWIiOiJhbGljZSIsImV4cCI6MjAwMDAwMDAwMC41fQ.\n";
    struct text_map *props = text_map_new();
    struct oauth *o = NULL;
    struct oauth_token t;
    cr_assert_geq(fd, 0);
    (void)snprintf(url, sizeof url, "file://%s", path);
    (void)snprintf(pair, sizeof pair, "%s", url);
    text_map_put(props, TOKEN_URL, pair);
    cr_assert_null(oauth_open(props, NULL, &o));
    struct kaftan_error *err = oauth_token(o, &t);
    cr_assert_not_null(err, "an empty file is no token");
    kaftan_error_free(err);
    cr_assert_eq(write(fd, text, sizeof text - 1), (ssize_t)(sizeof text - 1));
    cr_assert_null(oauth_token(o, &t));
    cr_expect_str_eq(t.principal, "alice");
    oauth_token_fini(&t);
    static const char over[] = "e30.eyJzdWIiOiJhbGljZSIsImV4cCI6MX0."; /* "exp":1 */
    cr_assert_eq(ftruncate(fd, 0), 0);
    cr_assert_eq(pwrite(fd, over, sizeof over - 1, 0), (ssize_t)(sizeof over - 1));
    err = oauth_token(o, &t);
    cr_assert_not_null(err, "a token whose time is over was taken");
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_RETRIABLE);
    cr_expect_not_null(strstr(kaftan_error_message(err), "time is over"));
    kaftan_error_free(err);
    oauth_token_fini(&t);
    (void)unlink(path);
    err = oauth_token(o, &t);
    cr_assert_not_null(err);
    cr_expect_not_null(strstr(kaftan_error_message(err), path));
    kaftan_error_free(err);
    oauth_close(o);
    (void)close(fd);
    text_map_unref(props);
}

/* The wall clock, which a test may set; the program is linked with --wrap. */
static _Atomic int64_t jumped_ms;
int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);

int64_t __wrap_clock_wall_ms(void)
{
    return __real_clock_wall_ms() + atomic_load(&jumped_ms);
}

/* A token that is good for an hour. */
static enum web_then give_token(void *self, const struct web_request *r, struct buf *ret)
{
    struct buf claims = BUF_INIT, body = BUF_INIT, raw = BUF_INIT;
    (void)self, (void)r;
    buf_printf(&raw, "{\"sub\":\"alice\",\"exp\":%lld}", (long long)(clock_wall_ms() / 1000 + 3600));
    base64_put(&claims, raw.data, raw.len);
    while (claims.len > 0 && claims.data[claims.len - 1] == '=')
        claims.len--;
    buf_printf(&body, "{\"access_token\":\"e30.%s.\"}", buf_text(&claims));
    web_say(ret, "200 OK", "application/json", buf_text(&body));
    buf_fini(&raw);
    buf_fini(&claims);
    buf_fini(&body);
    return WEB_GO_ON;
}

Test(oauth, a_clock_that_jumps_ends_no_token)
{
    static const char *const jaas[] = { "clientId=me", "clientSecret=secret", NULL };
    struct web *w = web_new(&(struct web_options){ .answer = give_token });
    struct text_map *props = text_map_new(), *j = map_of(jaas);
    struct oauth *o = NULL;
    struct oauth_token t;
    char url[64];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/token", web_port(w));
    text_map_put(props, TOKEN_URL, url);
    struct kaftan_error *err = oauth_open(props, j, &o);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    err = oauth_wait(o, 60000, &t);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    oauth_token_fini(&t);
    static const int64_t jumps[] = { 24LL * 3600 * 1000, -24LL * 3600 * 1000 };
    for (size_t i = 0; i < COUNT_OF(jumps); i++) {
        atomic_store(&jumped_ms, jumps[i]);
        err = oauth_token(o, &t);
        cr_expect_null(err, "%s", err ? kaftan_error_message(err) : "");
        kaftan_error_free(err);
        oauth_token_fini(&t);
    }
    atomic_store(&jumped_ms, 0);
    oauth_close(o);
    text_map_unref(props);
    text_map_unref(j);
    web_free(w);
}
