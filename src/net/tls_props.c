/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/tls_props.h"

#include <string.h>
#include <openssl/crypto.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/tls_int.h"

static struct log logger = LOG("net.tls");

static const char *given(const struct text_map *props, const char *key)
{
    const char *v = text_map_get(props, key);
    return v && *v ? v : NULL;
}

static struct kaftan_error *both(const char *key, const char *other)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value [hidden] for configuration %s: %s is given as well, and only one of the two "
                                              "can count", key, other);
}

struct kaftan_error *trust_of_props(const struct text_map *props, struct kaftan_store **ret)
{
    const char *path = given(props, "ssl.truststore.location"), *text = given(props, "ssl.truststore.certificates");
    struct kaftan_store_options o = { .size = sizeof o, .path = path, .password = text_map_get(props, "ssl.truststore.password") };
    if (!path && !text)
        return NULL;
    if (path && text)
        return both("ssl.truststore.certificates", "ssl.truststore.location");
    o.key = path ? "ssl.truststore.location" : "ssl.truststore.certificates";
    if (!path)
        o.content = slice_of(text);
    return kaftan_store_open(&o, ret);
}

static struct kaftan_error *check_key_texts(const char *path, const char *key, const char *chain)
{
    if (path && (key || chain))
        return both(key ? "ssl.keystore.key" : "ssl.keystore.certificate.chain", "ssl.keystore.location");
    if (!key == !chain)
        return NULL;
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value null for configuration %s: %s is given, which is of no use without it",
                            key ? "ssl.keystore.certificate.chain" : "ssl.keystore.key",
                            key ? "ssl.keystore.key" : "ssl.keystore.certificate.chain");
}

struct kaftan_error *key_of_props(const struct text_map *props, struct kaftan_store **ret)
{
    const char *path = given(props, "ssl.keystore.location"), *key = given(props, "ssl.keystore.key");
    const char *chain = given(props, "ssl.keystore.certificate.chain");
    struct buf content = BUF_INIT;
    struct kaftan_store_options o = { .size = sizeof o, .path = path, .need_key = true,
                                      .password = text_map_get(props, "ssl.keystore.password"),
                                      .key_password = text_map_get(props, "ssl.key.password") };
    struct kaftan_error *err = check_key_texts(path, key, chain);
    if (err || (!path && !key))
        return err;
    o.key = path ? "ssl.keystore.location" : "ssl.keystore.key";
    if (!path) {
        buf_printf(&content, "%s\n%s\n", key, chain);
        o.content = buf_slice(&content);
    }
    err = kaftan_store_open(&o, ret);
    if (content.data)
        OPENSSL_cleanse(content.data, content.cap);
    buf_fini(&content);
    return err;
}

/* "a, b" -> { "a", "b", NULL }; NULL when there is none. */
static char **split(const char *text)
{
    size_t n = 0;
    char **list = text ? mem_zalloc(strlen(text) / 2 + 2, sizeof *list) : NULL;
    for (const char *p = text; p && *p;) {
        size_t len = strcspn(p, ",");
        struct kaftan_slice item = slice_trim((struct kaftan_slice){ p, len });
        if (item.len)
            list[n++] = mem_strndup(item.ptr, item.len);
        p += len + (p[len] == ',');
    }
    return list;
}

static void split_free(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        mem_free(list[i]);
    mem_free(list);
}

static bool is_one_of(const char *name, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

/* Lists of the years before Kafka 2.6 name versions that no broker of today speaks; the others of the list count. */
static struct kaftan_error *read_protocols(const struct text_map *props, char ***ret)
{
    static const char *const old[] = { "SSLv2Hello", "SSLv3", "TLSv1", "TLSv1.1" }, *const now[] = { "TLSv1.2", "TLSv1.3" };
    char **list = split(given(props, "ssl.enabled.protocols"));
    size_t kept = 0, all = 0;
    bool unknown = false;
    for (; list && list[all]; all++) {
        if (is_one_of(list[all], old, COUNT_OF(old))) {
            mem_free(list[all]);
            continue;
        }
        unknown = unknown || !is_one_of(list[all], now, COUNT_OF(now));
        list[kept++] = list[all];
    }
    if (list)
        list[kept] = NULL;
    if (unknown || (all > 0 && kept == 0)) {
        split_free(list);
        return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration ssl.enabled.protocols: expected TLSv1.2, TLSv1.3",
                                text_map_get(props, "ssl.enabled.protocols"));
    }
    if (kept < all)
        log_warn(&logger, "ssl.enabled.protocols: versions before TLSv1.2 are left out", LOG_INT("left_out", all - kept));
    *ret = list;
    return NULL;
}

struct kaftan_error *tls_of_props(const struct text_map *props, struct kaftan_tls **ret)
{
    struct kaftan_store *trust = NULL, *key = NULL;
    const char *check = text_map_get(props, "ssl.endpoint.identification.algorithm");
    char **protocols = NULL, **ciphers = split(given(props, "ssl.cipher.suites"));
    struct buf suites = BUF_INIT;
    struct kaftan_error *err = tls_props_classes(props);
    if (!err)
        err = suites_of_props(props, &suites); /* its errors name the key */
    if (!err)
        err = read_protocols(props, &protocols);
    if (!err)
        err = trust_of_props(props, &trust);
    if (!err)
        err = key_of_props(props, &key);
    struct kaftan_tls_options o = { .size = sizeof o, .trust = trust, .key = key, .verify_host = !check || *check,
                                    .protocols = (const char *const *)protocols, .ciphers = (const char *const *)ciphers };
    if (!err)
        err = kaftan_tls_new(&o, ret);
    kaftan_store_unref(trust);
    kaftan_store_unref(key);
    split_free(protocols);
    split_free(ciphers);
    buf_fini(&suites);
    return err;
}

struct kaftan_error *suites_of_props(const struct text_map *props, struct buf *ret)
{
    char **names = split(given(props, "ssl.cipher.suites"));
    struct kaftan_error *err = NULL;
    for (size_t i = 0; names && names[i] && !err; i++) {
        bool v13 = false;
        const char *name = tls_suite_name(names[i], &v13);
        if (!name)
            err = kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration ssl.cipher.suites: unknown TLS cipher suite \"%s\"",
                                   text_map_get(props, "ssl.cipher.suites"), names[i]);
        else if (!v13)
            buf_printf(ret, "%s%s", ret->len ? ":" : "", name);
    }
    split_free(names);
    return err;
}

bool tls_props_narrow(const struct text_map *props)
{
    char **list = split(given(props, "ssl.enabled.protocols"));
    bool v12 = !list || !list[0], v13 = v12;
    for (size_t i = 0; list && list[i]; i++) {
        v12 = v12 || strcmp(list[i], "TLSv1.2") == 0;
        v13 = v13 || strcmp(list[i], "TLSv1.3") == 0;
    }
    split_free(list);
    return v12 != v13;
}

struct kaftan_error *tls_props_classes(const struct text_map *props)
{
    const char *name = given(props, "ssl.engine.factory.class");
    if (!name || strcmp(name, "org.apache.kafka.common.security.ssl.DefaultSslEngineFactory") == 0)
        return NULL;
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration ssl.engine.factory.class: Java classes cannot be used; "
                                              "name key and trust stores by ssl.keystore.* and ssl.truststore.*", name);
}
