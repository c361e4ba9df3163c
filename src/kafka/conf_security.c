/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/kafka_int.h"

#include <ctype.h>
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include <kaftan/stream.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/jaas.h"
#include "net/store.h"

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

/* Trust: a file of any type, or PEM certificates in the value itself. */
static struct kaftan_error *set_trust(const struct text_map *props, rd_kafka_conf_t *conf)
{
    const char *path = given(props, "ssl.truststore.location");
    const char *text = given(props, "ssl.truststore.certificates");
    if (!path && !text)
        return NULL;
    const char *key = path ? "ssl.truststore.location" : "ssl.truststore.certificates";
    struct kaftan_store *store = NULL;
    struct buf ca = BUF_INIT;
    struct kaftan_store_options o = { .size = sizeof o, .key = key, .path = path,
                                      .content = slice_of(path ? NULL : text),
                                      .password = text_map_get(props, "ssl.truststore.password") };
    struct kaftan_error *err = kaftan_store_open(&o, &store);
    if (err)
        return err;
    store_pem(store, NULL, NULL, &ca);
    err = set_pem(conf, "ssl.ca.pem", &ca, key);
    buf_fini(&ca);
    kaftan_store_unref(store);
    return err;
}

static struct kaftan_error *set_key(const struct text_map *props, rd_kafka_conf_t *conf)
{
    const char *path = given(props, "ssl.keystore.location");
    const char *key_text = given(props, "ssl.keystore.key");
    const char *chain_text = given(props, "ssl.keystore.certificate.chain");
    if (!path && !key_text)
        return NULL;
    const char *name = path ? "ssl.keystore.location" : "ssl.keystore.key";
    struct buf content = BUF_INIT, chain = BUF_INIT, key = BUF_INIT;
    if (!path)
        buf_printf(&content, "%s\n%s\n", key_text, chain_text ? chain_text : "");
    struct kaftan_store *store = NULL;
    struct kaftan_store_options o = { .size = sizeof o, .key = name, .path = path,
                                      .password = text_map_get(props, "ssl.keystore.password"),
                                      .key_password = text_map_get(props, "ssl.key.password"), .need_key = true };
    if (!path)
        o.content = buf_slice(&content);
    struct kaftan_error *err = kaftan_store_open(&o, &store);
    if (!err) {
        store_pem(store, &chain, &key, NULL);
        err = set_pem(conf, "ssl.certificate.pem", &chain, name);
        if (!err)
            err = set_pem(conf, "ssl.key.pem", &key, name);
    }
    kaftan_store_unref(store);
    buf_fini(&content);
    buf_fini(&chain);
    if (key.data)
        explicit_bzero(key.data, key.cap);
    buf_fini(&key);
    return err;
}

static struct kaftan_error *set_tls(const struct text_map *props, rd_kafka_conf_t *conf)
{
    struct kaftan_error *err = set_trust(props, conf);
    if (!err)
        err = set_key(props, conf);
    const char *check = text_map_get(props, "ssl.endpoint.identification.algorithm");
    if (!err && check)
        err = set_lower(conf, "ssl.endpoint.identification.algorithm", *check ? check : "none",
                        "ssl.endpoint.identification.algorithm");
    /* Java's cipher names are not OpenSSL's: the library's own choice is as good and never fails. */
    if (given(props, "ssl.cipher.suites"))
        log_debug(&logger, "ssl.cipher.suites is left to the library");
    return err;
}

static struct kaftan_error *set_option(rd_kafka_conf_t *conf, const struct jaas *j, const char *option, const char *name)
{
    const char *v = text_map_get(j->options, option);
    return v ? kafka_conf_set(conf, name, v, "sasl.jaas.config", "[hidden]") : NULL;
}

static struct kaftan_error *set_kerberos(const struct text_map *props, const struct jaas *j, rd_kafka_conf_t *conf)
{
    static const char *const same[] = { "sasl.kerberos.service.name", "sasl.kerberos.min.time.before.relogin" };
    struct kaftan_error *err = NULL;
    if (j)
        err = set_option(conf, j, "principal", "sasl.kerberos.principal");
    if (!err && j)
        err = set_option(conf, j, "keyTab", "sasl.kerberos.keytab");
    if (!err && j)
        err = set_option(conf, j, "serviceName", "sasl.kerberos.service.name");
    for (size_t i = 0; i < COUNT_OF(same) && !err; i++) {
        const char *v = given(props, same[i]);
        if (v)
            err = kafka_conf_set(conf, same[i], v, same[i], v);
    }
    return err;
}

/* 2.6.1: before it the client's nonce was sent twice, which brokers from 4.0 on do not forgive. */
enum { SCRAM_MENDED = 0x020601ff };

static void warn_scram(void)
{
    static atomic_bool said;
    if (!atomic_exchange(&said, true))
        log_warn(&logger, "this librdkafka cannot authenticate with SCRAM at brokers of Kafka 4.0 and later; 2.6.1 and later can",
                 LOG_STR("librdkafka", rd_kafka_version_str()));
}

static struct kaftan_error *set_sasl(const struct text_map *props, rd_kafka_conf_t *conf)
{
    const char *mechanism = given(props, "sasl.mechanism");
    struct jaas j = { 0 };
    bool found = false;
    struct kaftan_error *err = NULL;
    if (!mechanism)
        mechanism = "GSSAPI";
    if (strncmp(mechanism, "SCRAM", strlen("SCRAM")) == 0 && rd_kafka_version() < SCRAM_MENDED)
        warn_scram();
    err = kafka_conf_set(conf, "sasl.mechanism", mechanism, "sasl.mechanism", mechanism);
    if (!err)
        err = jaas_of(props, &j, &found);
    if (!err && strcmp(mechanism, "GSSAPI") == 0) {
        err = set_kerberos(props, found ? &j : NULL, conf);
    } else if (!err && strcmp(mechanism, "OAUTHBEARER") == 0) {
        err = kafka_conf_login(props, found ? j.options : NULL, conf);
    } else if (!err && (!found || !text_map_get(j.options, "username") || !text_map_get(j.options, "password"))) {
        err = kaftan_error_new(KAFTAN_E_INVALID, "Invalid value %s for configuration sasl.jaas.config: "
                               "a login module with username and password is needed for %s",
                               found ? "[hidden]" : "null", mechanism);
    } else if (!err) {
        err = set_option(conf, &j, "username", "sasl.username");
        if (!err)
            err = set_option(conf, &j, "password", "sasl.password");
    }
    jaas_fini(&j);
    return err;
}

struct kaftan_error *kafka_conf_security(const struct text_map *props, rd_kafka_conf_t *conf)
{
    const char *protocol = given(props, "security.protocol");
    struct kaftan_error *err = NULL;
    if (!protocol)
        return NULL;
    err = set_lower(conf, "security.protocol", protocol, "security.protocol");
    if (!err && strcasestr(protocol, "SSL"))
        err = set_tls(props, conf);
    if (!err && strcasestr(protocol, "SASL"))
        err = set_sasl(props, conf);
    return err;
}
