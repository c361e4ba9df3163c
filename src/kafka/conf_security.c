/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/kafka_int.h"

#include <ctype.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <kaftan/stream.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/jaas.h"
#include "net/sasl.h"
#include "net/store.h"
#include "net/tls_props.h"

static struct log logger = LOG("kafka.security");

static const char *given(const struct text_map *props, const char *key)
{
    const char *v = text_map_get(props, key);
    return v && *v ? v : NULL;
}

static struct kaftan_error *set_lower(rd_kafka_conf_t *conf, const char *name, const char *value, const char *key)
{
    struct buf text = BUF_INIT;
    for (const char *p = value; *p; p++)
        if (!isspace((unsigned char)*p))
            buf_putc(&text, (char)tolower((unsigned char)*p));
    struct kaftan_error *err = kafka_conf_set(conf, name, buf_text(&text), key, value);
    buf_fini(&text);
    return err;
}

static struct kaftan_error *set_pem(rd_kafka_conf_t *conf, const char *name, struct buf *pem, const char *key)
{
    if (!pem->len)
        return NULL;
    return kafka_conf_set(conf, name, buf_text(pem), key, "[hidden]");
}

static struct kaftan_error *set_trust(const struct text_map *props, rd_kafka_conf_t *conf)
{
    struct kaftan_store *store = NULL;
    struct buf ca = BUF_INIT;
    struct kaftan_error *err = trust_of_props(props, &store);
    if (!err && store) {
        store_pem(store, NULL, NULL, &ca);
        err = set_pem(conf, "ssl.ca.pem", &ca, "ssl.truststore.*");
    }
    buf_fini(&ca);
    kaftan_store_unref(store);
    return err;
}

static struct kaftan_error *set_key(const struct text_map *props, rd_kafka_conf_t *conf)
{
    struct kaftan_store *store = NULL;
    struct buf chain = BUF_INIT, key = BUF_INIT;
    struct kaftan_error *err = key_of_props(props, &store);
    if (!err && store) {
        store_pem(store, &chain, &key, NULL);
        err = set_pem(conf, "ssl.certificate.pem", &chain, "ssl.keystore.*");
        if (!err)
            err = set_pem(conf, "ssl.key.pem", &key, "ssl.keystore.*");
    }
    kaftan_store_unref(store);
    buf_fini(&chain);
    if (key.data)
        explicit_bzero(key.data, key.cap);
    buf_fini(&key);
    return err;
}

/* librdkafka has a setting for the suites of TLS 1.2, none for those of 1.3 and none for the versions. */
static struct kaftan_error *set_suites(const struct text_map *props, rd_kafka_conf_t *conf)
{
    static atomic_bool said;
    struct buf suites = BUF_INIT;
    struct kaftan_error *err = suites_of_props(props, &suites);
    if (!err && suites.len)
        err = kafka_conf_set(conf, "ssl.cipher.suites", buf_text(&suites), "ssl.cipher.suites", text_map_get(props, "ssl.cipher.suites"));
    buf_fini(&suites);
    if (!err && tls_props_narrow(props) && !atomic_exchange(&said, true))
        log_warn(&logger, "ssl.enabled.protocols counts for the worker's group only: all other clients of Kafka take TLSv1.2 or TLSv1.3, "
                          "as the broker wishes");
    return err;
}

static struct kaftan_error *set_tls(const struct text_map *props, rd_kafka_conf_t *conf)
{
    struct kaftan_error *err = tls_props_classes(props);
    if (!err)
        err = set_trust(props, conf);
    if (!err)
        err = set_key(props, conf);
    const char *check = text_map_get(props, "ssl.endpoint.identification.algorithm");
    if (!err && check)
        err = set_lower(conf, "ssl.endpoint.identification.algorithm", *check ? check : "none",
                        "ssl.endpoint.identification.algorithm");
    return err ? err : set_suites(props, conf);
}

static struct kaftan_error *set_option(rd_kafka_conf_t *conf, const struct jaas *j, const char *option, const char *name)
{
    const char *v = text_map_get(j->options, option);
    return v ? kafka_conf_set(conf, name, v, "sasl.jaas.config", "[hidden]") : NULL;
}

/* 2.6.1: before it the client's nonce was sent twice, which brokers from 4.0 on do not forgive. */
enum { SCRAM_MENDED = 0x020601ff };

static bool scram_broken(const char *mechanism)
{
    return text_starts(mechanism, "SCRAM-") && rd_kafka_version() < SCRAM_MENDED;
}

static void warn_scram(void)
{
    static atomic_bool said;
    if (!atomic_exchange(&said, true))
        log_warn(&logger, "this librdkafka cannot authenticate with SCRAM at brokers of Kafka 4.0 and later; 2.6.1 and later can",
                 LOG_STR("librdkafka", rd_kafka_version_str()));
}

const char *kafka_trouble_hint(const rd_kafka_t *rk, const char *text)
{
    char mechanism[64] = "";
    size_t len = sizeof mechanism;
    if (strstr(text, "SSL routines::unexpected eof"))
        return "the broker hung up in the TLS handshake: is its port one for TLS?";
    if (!rk || !strstr(text, "SASL") || rd_kafka_conf_get(rd_kafka_conf((rd_kafka_t *)(uintptr_t)rk), "sasl.mechanism", mechanism, &len) != RD_KAFKA_CONF_OK)
        return NULL;
    return scram_broken(mechanism) ? "librdkafka before 2.6.1 cannot authenticate with SCRAM at brokers of Kafka 4.0 and later, whatever "
                                     "the password: take a newer librdkafka, or another mechanism"
                                   : NULL;
}

static struct kaftan_error *check_mechanism(const char *mechanism)
{
    if (sasl_known(mechanism))
        return NULL;
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration sasl.mechanism: %s; use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 "
                                              "or OAUTHBEARER",
                            mechanism, strcmp(mechanism, "GSSAPI") == 0 ? "Kerberos is not supported" : "it is not supported");
}

/* Java's classes that do what is done here without being told; any other class is code that cannot be run. */
static struct kaftan_error *check_classes(const struct text_map *props, bool bearer)
{
    static const char security[] = "org.apache.kafka.common.security.";
    static const struct {
        const char *key, *ours; /* class names behind `security`, each with a blank before and behind it */
    } classes[] = {
        { "sasl.login.callback.handler.class", " authenticator.AbstractLogin$DefaultLoginCallbackHandler " },
        { "sasl.login.class", " authenticator.DefaultLogin oauthbearer.internals.OAuthBearerRefreshingLogin " },
        { "sasl.client.callback.handler.class", " authenticator.SaslClientCallbackHandler"
                                                " oauthbearer.internals.OAuthBearerSaslClientCallbackHandler " },
    };
    for (size_t i = bearer; i < COUNT_OF(classes); i++) { /* the first is the login's own matter there (net/oauth_config.c) */
        const char *name = given(props, classes[i].key);
        char *padded = name ? mem_printf(" %s ", text_starts(name, security) ? name + strlen(security) : ".") : NULL;
        bool known = !padded || strstr(classes[i].ours, padded);
        mem_free(padded);
        if (!known)
            return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration %s: Java classes cannot be used", name,
                                    classes[i].key);
    }
    return NULL;
}

static struct kaftan_error *set_login(const struct jaas *j, const char *mechanism, rd_kafka_conf_t *conf)
{
    const char *delegation = j ? text_map_get(j->options, "tokenauth") : NULL;
    if (!j || !text_map_get(j->options, "username") || !text_map_get(j->options, "password"))
        return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration sasl.jaas.config: "
                                "a login module with username and password is needed for %s",
                                j ? "[hidden]" : "null", mechanism);
    if (delegation && strcasecmp(delegation, "true") == 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value [hidden] for configuration sasl.jaas.config: the option tokenauth "
                                                  "(delegation tokens) is not supported by librdkafka");
    struct kaftan_error *err = set_option(conf, j, "username", "sasl.username");
    return err ? err : set_option(conf, j, "password", "sasl.password");
}

static struct kaftan_error *set_sasl(const struct text_map *props, rd_kafka_conf_t *conf)
{
    const char *mechanism = given(props, "sasl.mechanism");
    struct jaas j = { 0 };
    bool found = false, bearer;
    if (!mechanism)
        mechanism = "GSSAPI";
    bearer = strcmp(mechanism, "OAUTHBEARER") == 0;
    struct kaftan_error *err = check_mechanism(mechanism);
    if (!err)
        err = check_classes(props, bearer);
    if (!err && scram_broken(mechanism))
        warn_scram();
    if (!err)
        err = kafka_conf_set(conf, "sasl.mechanism", mechanism, "sasl.mechanism", mechanism);
    if (!err)
        err = jaas_of(props, &j, &found);
    if (!err && bearer)
        err = kafka_conf_login(props, found ? j.options : NULL, conf);
    else if (!err)
        err = set_login(found ? &j : NULL, mechanism, conf);
    jaas_fini(&j);
    return err;
}

/* Nothing of what these say is done here; said once. */
static void name_providers(const struct text_map *props)
{
    static const char *const keys[] = { "security.providers", "ssl.provider", "ssl.keymanager.algorithm", "ssl.trustmanager.algorithm",
                                        "ssl.secure.random.implementation" };
    static atomic_bool said[COUNT_OF(keys)];
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (given(props, keys[i]) && !atomic_exchange(&said[i], true))
            log_warn(&logger, "a setting of Java's security providers is without effect: OpenSSL does the work", LOG_STR("key", keys[i]));
}

struct kaftan_error *kafka_conf_security(const struct text_map *props, rd_kafka_conf_t *conf)
{
    const char *protocol = given(props, "security.protocol");
    struct kaftan_error *err = NULL;
    if (!protocol)
        return NULL;
    name_providers(props);
    err = set_lower(conf, "security.protocol", protocol, "security.protocol");
    if (!err && strcasestr(protocol, "SSL"))
        err = set_tls(props, conf);
    if (!err && strcasestr(protocol, "SASL"))
        err = set_sasl(props, conf);
    return err;
}
