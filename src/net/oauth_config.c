/* SPDX-License-Identifier: Apache-2.0 */
/* Which of Java's logins is meant: by the login's handler, the endpoint's URL and the options of sasl.jaas.config. */
#include "config.h"

#include "net/oauth_int.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <kaftan/stream.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/store.h"
#include "net/tls_props.h"

#define KEYS "sasl.oauthbearer."

void oauth_config_fini(struct oauth_config *c)
{
    if (c->client_secret)
        explicit_bzero(c->client_secret, strlen(c->client_secret));
    if (c->fingerprint)
        explicit_bzero(c->fingerprint, strlen(c->fingerprint));
    mem_free(c->fingerprint);
    mem_free(c->url);
    mem_free(c->client_id);
    mem_free(c->client_secret);
    mem_free(c->scope);
    mem_free(c->subject_claim);
    mem_free(c->ca);
    mem_free(c->cert);
    if (c->key)
        explicit_bzero(c->key, strlen(c->key));
    mem_free(c->key);
    text_map_unref(c->claims);
    text_map_unref(c->extensions);
    *c = (struct oauth_config){ 0 };
}

static const char *given(const struct text_map *m, const char *key)
{
    const char *v = m ? text_map_get(m, key) : NULL;
    return v && *v ? v : NULL;
}

static int64_t number(const struct text_map *props, const char *key, int64_t otherwise)
{
    const char *text = given(props, key);
    int64_t n;
    return text && text_to_i64(text, strlen(text), &n) && n >= 0 && n <= INT32_MAX ? n : otherwise;
}

static struct kaftan_error *invalid(const char *key, const char *value, const char *why)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration %s: %s", value ? value : "null", key, why);
}

static char *dup(const char *s)
{
    return s ? mem_strdup(s) : NULL;
}

/* ---- unsecured (OAuthBearerUnsecuredLoginCallbackHandler) ---- */

static const char *rest_of(const char *key, const char *prefix)
{
    return text_starts(key, prefix) && key[strlen(prefix)] ? key + strlen(prefix) : NULL;
}

/* "|a|b": the first character parts the items. */
static void put_list(struct buf *b, const char *value)
{
    buf_putc(b, '[');
    for (const char *p = value; *p;) {
        size_t len = strcspn(p + 1, (char[]){ *value, '\0' });
        if (p != value)
            buf_putc(b, ',');
        json_put_string(b, p + 1, len);
        p += len + 1;
    }
    buf_putc(b, ']');
}

static bool is_number(const char *text)
{
    char *end;
    (void)strtod(text, &end);
    return end != text && !*end && strspn(text, "0123456789+-.eE") == strlen(text);
}

static struct kaftan_error *read_claim(const char *key, const char *value, struct oauth_config *c)
{
    struct buf json = BUF_INIT;
    const char *name;
    if ((name = rest_of(key, "unsecuredLoginStringClaim_"))) {
        json_put_str(&json, value);
    } else if ((name = rest_of(key, "unsecuredLoginNumberClaim_"))) {
        if (!is_number(value))
            return invalid("sasl.jaas.config", "[hidden]", "an option unsecuredLoginNumberClaim_ is no number");
        buf_puts(&json, value);
    } else if ((name = rest_of(key, "unsecuredLoginListClaim_"))) {
        put_list(&json, value);
    } else {
        if ((name = rest_of(key, "unsecuredLoginExtension_")))
            text_map_put(c->extensions, name, value);
        return NULL;
    }
    text_map_put(c->claims, name, buf_text(&json));
    buf_fini(&json);
    return NULL;
}

static struct kaftan_error *read_unsecured(const struct text_map *jaas, struct oauth_config *c)
{
    const char *key, *value, *subject = given(jaas, "unsecuredLoginPrincipalClaimName");
    struct kaftan_error *err = NULL;
    c->kind = OAUTH_UNSECURED;
    c->lifetime_ms = number(jaas, "unsecuredLoginLifetimeSeconds", 3600) * 1000;
    mem_free(c->subject_claim);
    c->subject_claim = mem_strdup(subject ? subject : "sub");
    for (size_t i = 0; jaas && !err && text_map_at(jaas, &i, &key, &value);)
        err = read_claim(key, value ? value : "", c);
    if (!err && !text_map_get(c->claims, c->subject_claim))
        err = invalid("sasl.jaas.config", "[hidden]", "no sasl.oauthbearer.token.endpoint.url and no option unsecuredLoginStringClaim_sub");
    return err;
}

/* ---- an endpoint, a file ---- */

static char *take_text(struct buf *b)
{
    return b->len ? buf_take(b) : NULL;
}

/* Java looks for the endpoint's stores among the options of the login module, never among the Kafka client's. */
static struct kaftan_error *read_stores(const struct text_map *jaas, struct oauth_config *c)
{
    struct kaftan_store *trust = NULL, *own = NULL;
    struct buf ca = BUF_INIT, cert = BUF_INIT, key = BUF_INIT;
    struct kaftan_error *err = jaas ? trust_of_props(jaas, &trust) : NULL;
    if (!err && jaas)
        err = key_of_props(jaas, &own);
    if (!err && trust)
        store_pem(trust, NULL, NULL, &ca);
    if (!err && own)
        store_pem(own, &cert, &key, NULL);
    c->ca = take_text(&ca);
    c->cert = take_text(&cert);
    c->key = take_text(&key);
    kaftan_store_unref(trust);
    kaftan_store_unref(own);
    if (!err)
        return NULL;
    struct kaftan_error *full = kaftan_error_new(KAFTAN_E_INVALID, "an option of sasl.jaas.config, for the token endpoint: %s",
                                                 kaftan_error_message(err));
    kaftan_error_free(err);
    return full;
}

static struct kaftan_error *read_endpoint(const struct text_map *props, const struct text_map *jaas, const char *url,
                                          struct oauth_config *c)
{
    const char *id = given(props, KEYS "client.credentials.client.id"), *secret = given(props, KEYS "client.credentials.client.secret");
    const char *scope = given(props, KEYS "scope"), *key, *value, *name;
    c->kind = OAUTH_ENDPOINT;
    c->url = mem_strdup(url);
    c->client_id = dup(id ? id : given(jaas, "clientId"));
    c->client_secret = dup(secret ? secret : given(jaas, "clientSecret"));
    c->urlencode = text_map_get(props, KEYS "header.urlencode") && strcasecmp(text_map_get(props, KEYS "header.urlencode"), "true") == 0;
    c->scope = dup(scope ? scope : given(jaas, "scope"));
    if (!c->client_id || !c->client_secret)
        return invalid(KEYS "client.credentials.client.id", NULL, "the token endpoint needs a client id and secret "
                                                                    "(or the options clientId and clientSecret of sasl.jaas.config)");
    for (size_t i = 0; jaas && text_map_at(jaas, &i, &key, &value);)
        if ((name = rest_of(key, "extension_")))
            text_map_put(c->extensions, name, value);
    return read_stores(jaas, c);
}

static struct kaftan_error *refuse_classes(const struct text_map *props)
{
    static const struct {
        const char *key, *ours; /* class names, between blanks */
    } classes[] = {
        { "sasl.login.callback.handler.class",
          " org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
          " org.apache.kafka.common.security.oauthbearer.secured.OAuthBearerLoginCallbackHandler"
          " org.apache.kafka.common.security.oauthbearer.internals.unsecured.OAuthBearerUnsecuredLoginCallbackHandler " },
        { KEYS "jwt.retriever.class", " org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever"
                                      " org.apache.kafka.common.security.oauthbearer.ClientCredentialsJwtRetriever"
                                      " org.apache.kafka.common.security.oauthbearer.FileJwtRetriever " },
        { KEYS "jwt.validator.class", " org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator"
                                      " org.apache.kafka.common.security.oauthbearer.ClientJwtValidator " },
    };
    for (size_t i = 0; i < COUNT_OF(classes); i++) {
        const char *name = given(props, classes[i].key);
        char *padded = name ? mem_printf(" %s ", name) : NULL;
        bool known = !padded || strstr(classes[i].ours, padded);
        mem_free(padded);
        if (!known)
            return invalid(classes[i].key, name, "this worker has tokens from an endpoint by client credentials, from a file, and "
                                                 "unsecured ones");
    }
    return NULL;
}

static void put_all(struct buf *b, const struct text_map *m, const char *prefix)
{
    const char *key, *value;
    for (size_t i = 0; m && text_map_at(m, &i, &key, &value);)
        if (text_starts(key, prefix) && value)
            buf_printf(b, "%s=%s\n", key, value);
}

struct kaftan_error *oauth_config_read(const struct text_map *props, const struct text_map *jaas, struct oauth_config *ret)
{
    const char *url = given(props, KEYS "token.endpoint.url"), *subject = given(props, KEYS "sub.claim.name");
    const char *window = given(props, "sasl.login.refresh.window.factor");
    struct oauth_config c = { .subject_claim = mem_strdup(subject ? subject : "sub"), .claims = text_map_new(),
                              .extensions = text_map_new(), .window = window && is_number(window) ? strtod(window, NULL) : 0.8,
                              .least_ms = number(props, "sasl.login.refresh.min.period.seconds", 60) * 1000,
                              .buffer_ms = number(props, "sasl.login.refresh.buffer.seconds", 300) * 1000,
                              .connect_ms = (int32_t)number(props, "sasl.login.connect.timeout.ms", 10000),
                              .read_ms = (int32_t)number(props, "sasl.login.read.timeout.ms", 10000),
                              .retry_ms = number(props, "sasl.login.retry.backoff.ms", 100),
                              .retry_max_ms = number(props, "sasl.login.retry.backoff.max.ms", 10000) };
    struct buf print = BUF_INIT;
    struct kaftan_error *err = refuse_classes(props);
    if (c.window < 0.5 || c.window > 1)
        c.window = 0.8;
    if (!err && !url) {
        err = read_unsecured(jaas, &c);
    } else if (!err && text_starts(url, "file:")) {
        const char *path = url + strlen("file:");
        c.kind = OAUTH_FILE;
        c.url = mem_strdup(text_starts(path, "//") ? path + 2 : path);
    } else if (!err) {
        err = read_endpoint(props, jaas, url, &c);
    }
    if (err) {
        oauth_config_fini(&c);
        return err;
    }
    put_all(&print, props, "sasl.");
    put_all(&print, jaas, "");
    c.fingerprint = buf_take(&print);
    *ret = c;
    return NULL;
}
