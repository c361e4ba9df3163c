/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <kaftan/task.h>

/* ---- addresses */

static const struct {
    const char *name;
    uint16_t port;
    bool tls, web;
} schemes[] = {
    { "tcp", 1883, false, false }, { "mqtt", 1883, false, false }, { "ssl", 8883, true, false },
    { "tls", 8883, true, false },  { "mqtts", 8883, true, false }, { "ws", 80, false, true },
    { "wss", 443, true, true },
};

static bool parse_port(const char *text, size_t len, uint16_t *ret)
{
    uint32_t v = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || len > 5)
            return false;
        v = v * 10 + (uint32_t)(text[i] - '0');
    }
    if (len == 0 || v < 1 || v > 65535)
        return false;
    *ret = (uint16_t)v;
    return true;
}

/* `host`, `host:port`, `[v6]`, `[v6]:port`. */
static const char *parse_host(const char *text, size_t len, struct mqtt_server *ret)
{
    const char *host = text, *end, *rest;
    if (len > 0 && text[0] == '[') {
        host = text + 1;
        end = memchr(text, ']', len);
        if (!end)
            return "']' is missing";
        rest = end + 1;
    } else {
        end = memchr(text, ':', len);
        rest = end = end ? end : text + len;
    }
    size_t host_len = (size_t)(end - host), rest_len = len - (size_t)(rest - text);
    if (host_len == 0)
        return "the host is missing";
    if (host_len > MQTT_HOST_LIMIT)
        return "the host is longer than 255 bytes";
    if (rest_len > 0 && (rest[0] != ':' || !parse_port(rest + 1, rest_len - 1, &ret->port)))
        return "the port must be a number from 1 to 65535";
    memcpy(ret->host, host, host_len);
    ret->host[host_len] = '\0';
    return NULL;
}

struct kaftan_error *mqtt_server_parse(const char *uri, struct mqtt_server *ret)
{
    const char *sep = strstr(uri, "://");
    if (!sep)
        return kaftan_error_new(KAFTAN_E_INVALID, "expected scheme://host[:port]");
    size_t n = sizeof schemes / sizeof schemes[0], i = 0, len = (size_t)(sep - uri);
    while (i < n && !(strlen(schemes[i].name) == len && memcmp(schemes[i].name, uri, len) == 0))
        i++;
    if (i == n)
        return kaftan_error_new(KAFTAN_E_INVALID,
                                "unknown scheme '%.*s', expected one of tcp, mqtt, ssl, tls, mqtts, ws, wss",
                                (int)(len < 32 ? len : 32), uri);
    if (schemes[i].web)
        return kaftan_error_new(KAFTAN_E_INVALID, "WebSocket (ws, wss) is not supported by this version; use tcp or "
                                                  "ssl");
    struct mqtt_server s = { .uri = uri, .port = schemes[i].port, .tls = schemes[i].tls };
    const char *host = sep + 3;
    size_t host_len = strcspn(host, "/");
    if (memchr(host, '@', host_len))
        return kaftan_error_new(KAFTAN_E_INVALID, "user names belong into mqtt.username and mqtt.password");
    if (host[host_len] && host[host_len + 1])
        return kaftan_error_new(KAFTAN_E_INVALID, "a path is for ws and wss only");
    const char *why = parse_host(host, host_len, &s);
    if (why)
        return kaftan_error_new(KAFTAN_E_INVALID, "%s", why);
    *ret = s;
    return NULL;
}

bool mqtt_server_reference(struct kaftan_slice text, const struct mqtt_server *like, struct mqtt_server *ret)
{
    const char *space = text.len ? memchr(text.ptr, ' ', text.len) : NULL;
    struct mqtt_server s = *like;
    size_t len = space ? (size_t)(space - text.ptr) : text.len;
    if (len == 0 || parse_host(text.ptr, len, &s))
        return false;
    *ret = s;
    return true;
}

/* ---- TLS */

enum { FILES = 6, PEM_LIMIT = 1 << 20 };

struct mqtt_tls {
    const struct mqtt_config *config; /* borrowed from the worker; outlives the task */
    struct kaftan_tls *tls;           /* owned */
    kaftan_deadline loaded;
    struct timespec changed[FILES];
    const char *error_key;
};

struct mqtt_tls *mqtt_tls_new(const struct mqtt_config *c)
{
    struct mqtt_tls *t = kaftan_alloc(1, sizeof *t);
    t->config = c;
    t->error_key = "mqtt.ssl.trust.store.path";
    return t;
}

void mqtt_tls_free(struct mqtt_tls *t)
{
    if (!t)
        return;
    kaftan_tls_unref(t->tls);
    kaftan_free(t);
}

const char *mqtt_tls_error_key(const struct mqtt_tls *t)
{
    return t->error_key;
}

static bool given(const char *s)
{
    return s && *s;
}

static bool secret_given(const struct kaftan_secret *s)
{
    return *kaftan_secret_reveal(s) != '\0';
}

static struct kaftan_error *read_pem(const char *path, const char *key, char **text, size_t *len)
{
    FILE *f = fopen(path, "rbe");
    size_t n = 0;
    *text = kaftan_realloc(*text, *len + PEM_LIMIT + 1, 1);
    if (f)
        n = fread(*text + *len, 1, PEM_LIMIT, f);
    bool bad = !f || ferror(f);
    int code = errno;
    if (f)
        (void)fclose(f);
    if (bad)
        return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration %s: cannot be read: %s", path, key,
                                strerror(code));
    *len += n;
    (*text)[(*len)++] = '\n';
    return NULL;
}

/* Certificate and key in files of their own become one store. */
static struct kaftan_error *open_pem_pair(struct mqtt_tls *t, struct kaftan_store **ret)
{
    const struct mqtt_config *c = t->config;
    char *text = NULL;
    size_t len = 0;
    t->error_key = "mqtt.ssl.certificate.path";
    struct kaftan_error *err = read_pem(c->certificate_path, t->error_key, &text, &len);
    if (!err && given(c->key_path)) {
        t->error_key = "mqtt.ssl.key.path";
        err = read_pem(c->key_path, t->error_key, &text, &len);
    }
    if (!err) {
        const struct kaftan_store_options o = {
            .size = sizeof o,
            .key = t->error_key,
            .content = { text, len },
            .key_password = kaftan_secret_reveal(c->key_password),
            .need_key = true,
        };
        err = kaftan_store_open(&o, ret);
    }
    kaftan_free(text);
    return err;
}

static struct kaftan_error *open_trust(struct mqtt_tls *t, struct kaftan_store **ret)
{
    const struct mqtt_config *c = t->config;
    bool inline_store = !given(c->trust_path) && secret_given(c->trust_file);
    if (!inline_store && !given(c->trust_path))
        return NULL;
    const char *content = kaftan_secret_reveal(c->trust_file);
    t->error_key = inline_store ? "mqtt.ssl.trust.store.file" : "mqtt.ssl.trust.store.path";
    const struct kaftan_store_options o = {
        .size = sizeof o,
        .key = t->error_key,
        .path = inline_store ? NULL : c->trust_path,
        .content = { inline_store ? content : NULL, inline_store ? strlen(content) : 0 },
        .password = kaftan_secret_reveal(c->trust_password),
    };
    return kaftan_store_open(&o, ret);
}

static struct kaftan_error *open_key(struct mqtt_tls *t, struct kaftan_store **ret)
{
    const struct mqtt_config *c = t->config;
    bool inline_store = !given(c->key_store_path) && secret_given(c->key_store_file);
    if (!inline_store && !given(c->key_store_path))
        return given(c->certificate_path) ? open_pem_pair(t, ret) : NULL;
    const char *content = kaftan_secret_reveal(c->key_store_file);
    const char *key_password = kaftan_secret_reveal(c->key_password);
    t->error_key = inline_store ? "mqtt.ssl.key.store.file" : "mqtt.ssl.key.store.path";
    const struct kaftan_store_options o = {
        .size = sizeof o,
        .key = t->error_key,
        .path = inline_store ? NULL : c->key_store_path,
        .content = { inline_store ? content : NULL, inline_store ? strlen(content) : 0 },
        .password = kaftan_secret_reveal(c->key_store_password),
        .key_password = *key_password ? key_password : NULL,
        .alias = c->key_alias,
        .need_key = true,
    };
    return kaftan_store_open(&o, ret);
}

/* NULL ended, as stream options want it; NULL for an empty list. The caller frees the array. */
static const char **list_copy(const struct kaftan_list *list)
{
    if (list->count == 0)
        return NULL;
    const char **items = kaftan_alloc(list->count + 1, sizeof *items);
    for (size_t i = 0; i < list->count; i++)
        items[i] = list->items[i];
    return items;
}

static struct kaftan_error *load(struct mqtt_tls *t, struct kaftan_tls **ret)
{
    const struct mqtt_config *c = t->config;
    struct kaftan_store *trust = NULL, *key = NULL;
    struct kaftan_error *err = open_trust(t, &trust);
    if (!err)
        err = open_key(t, &key);
    if (!err) {
        const char **protocols = list_copy(&c->tls_protocols);
        const char **ciphers = list_copy(&c->tls_ciphers);
        const char **alpn = list_copy(&c->tls_alpn);
        const struct kaftan_tls_options o = {
            .size = sizeof o,
            .trust = trust,
            .ca_path = c->ca_path,
            .key = key,
            .crl_path = c->crl_path,
            .verify_host = mqtt_choice(c->endpoint_identification, "https"),
            .protocols = protocols,
            .ciphers = ciphers,
            .alpn = alpn,
        };
        t->error_key = given(c->ca_path) ? "mqtt.ssl.ca.path" : "mqtt.server.uri";
        err = kaftan_tls_new(&o, ret);
        kaftan_free(protocols);
        kaftan_free(ciphers);
        kaftan_free(alpn);
    }
    kaftan_store_unref(trust);
    kaftan_store_unref(key);
    return err;
}

/* Notes when the files were changed; true: since the last time. */
static bool files_changed(struct mqtt_tls *t)
{
    const struct mqtt_config *c = t->config;
    const char *const paths[FILES] = { c->trust_path, c->key_store_path,   c->ca_path,
                                       c->crl_path,   c->certificate_path, c->key_path };
    bool changed = false;
    for (size_t i = 0; i < FILES; i++) {
        struct stat st;
        if (!given(paths[i]) || stat(paths[i], &st) != 0)
            continue;
        if (st.st_mtim.tv_sec != t->changed[i].tv_sec || st.st_mtim.tv_nsec != t->changed[i].tv_nsec)
            changed = true;
        t->changed[i] = st.st_mtim;
    }
    return changed;
}

struct kaftan_error *mqtt_tls_get(struct mqtt_tls *t, struct kaftan_tls **ret)
{
    kaftan_deadline now = kaftan_now_us();
    bool due = !t->tls || now - t->loaded >= t->config->tls_reload_ms * 1000;
    if (due && (files_changed(t) || !t->tls)) {
        struct kaftan_tls *tls = NULL;
        struct kaftan_error *err = load(t, &tls);
        if (err) {
            memset(t->changed, 0, sizeof t->changed); /* read again at the next connect */
            return err;
        }
        kaftan_tls_unref(t->tls);
        t->tls = tls;
        t->loaded = now;
    }
    *ret = t->tls;
    return NULL;
}
