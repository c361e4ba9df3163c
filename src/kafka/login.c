/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OAUTHBEARER for librdkafka's clients. A client asks for a token on its
 * background thread, which may wait; which login it is of says the number that
 * stands in its sasl.oauthbearer.config. The login ends with its last client:
 * a configuration tells its interceptors when it is destroyed, whether a
 * client was made from it or not.
 */
#include "config.h"

#include "kafka/kafka_int.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/oauth.h"

enum { WAIT_MS = 5000, TEXT_LIMIT = 512 };
#define INTERCEPTOR "kaftan-login"

static void set_token(rd_kafka_t *rk, const struct oauth_token *t)
{
    size_t n = 0, i = 0;
    const char *key, *value;
    const char **pairs = mem_zalloc(2 * text_map_count(t->extensions), sizeof *pairs);
    char why[TEXT_LIMIT];
    while (text_map_at(t->extensions, &i, &key, &value)) {
        pairs[n++] = key;
        pairs[n++] = value ? value : "";
    }
    if (rd_kafka_oauthbearer_set_token(rk, t->value, t->expires_ms, t->principal, pairs, n, why, sizeof why))
        (void)rd_kafka_oauthbearer_set_token_failure(rk, why);
    mem_free(pairs);
}

/* librdkafka's background thread. */
static void refresh(rd_kafka_t *rk, const char *config, void *opaque)
{
    struct oauth *login = oauth_find(config ? strtoull(config, NULL, 10) : 0);
    struct oauth_token t;
    struct kaftan_error *err;
    (void)opaque;
    if (!login) {
        (void)rd_kafka_oauthbearer_set_token_failure(rk, "the login has ended");
        return;
    }
    err = oauth_wait(login, WAIT_MS, &t);
    if (err)
        (void)rd_kafka_oauthbearer_set_token_failure(rk, kaftan_error_message(err));
    else
        set_token(rk, &t);
    kaftan_error_free(err);
    oauth_token_fini(&t);
    oauth_close(login);
}

static rd_kafka_resp_err_t on_conf_destroy(void *opaque)
{
    oauth_close(opaque);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_conf_dup(rd_kafka_conf_t *copy, const rd_kafka_conf_t *conf, size_t count, const char **filter, void *opaque);

/* Takes the login, on failure too. */
static bool hook(rd_kafka_conf_t *conf, struct oauth *login)
{
    if (rd_kafka_conf_interceptor_add_on_conf_destroy(conf, INTERCEPTOR, on_conf_destroy, login)) {
        oauth_close(login);
        return false;
    }
    return !rd_kafka_conf_interceptor_add_on_conf_dup(conf, INTERCEPTOR, on_conf_dup, login);
}

/* A copy has none of the interceptors. */
static rd_kafka_resp_err_t on_conf_dup(rd_kafka_conf_t *copy, const rd_kafka_conf_t *conf, size_t count, const char **filter, void *opaque)
{
    struct oauth *login = oauth_find(oauth_number(opaque));
    (void)conf;
    (void)count;
    (void)filter;
    return login && hook(copy, login) ? RD_KAFKA_RESP_ERR_NO_ERROR : RD_KAFKA_RESP_ERR__FAIL;
}

void kafka_login_serve(rd_kafka_t *rk)
{
    rd_kafka_error_destroy(rd_kafka_sasl_background_callbacks_enable(rk));
}

struct kaftan_error *kafka_conf_login(const struct text_map *props, const struct text_map *jaas, rd_kafka_conf_t *conf)
{
    struct oauth *login = NULL;
    struct kaftan_error *err = oauth_open(props, jaas, &login);
    char number[32];
    if (err)
        return err;
    (void)snprintf(number, sizeof number, "%llu", (unsigned long long)oauth_number(login));
    if (!hook(conf, login))
        return kaftan_error_new(KAFTAN_E_INTERNAL, "librdkafka takes no interceptor");
    rd_kafka_conf_enable_sasl_queue(conf, 1);
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf, refresh);
    return kafka_conf_set(conf, "sasl.oauthbearer.config", number, "sasl.jaas.config", "[hidden]");
}
