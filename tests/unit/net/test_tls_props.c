/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/tls_props.h"

#include <stdio.h>
#include <string.h>
#include <criterion/criterion.h>

#include "base/mem.h"
#include "net/store.h"
#include "server.h"

enum { PAIRS = 4 };

struct pair {
    const char *key, *value; /* a value "@name" is the text of that file, "/name" its path */
};

static char *file_text(const char *name)
{
    struct buf b = BUF_INIT;
    char chunk[4096];
    FILE *f = fopen(store_file(name), "rb");
    cr_assert_not_null(f, "%s", name);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_put(&b, chunk, n);
    (void)fclose(f);
    return buf_take(&b);
}

static struct text_map *map_of(const struct pair *pairs)
{
    struct text_map *m = text_map_new();
    for (size_t i = 0; i < PAIRS && pairs[i].key; i++) {
        char *text = *pairs[i].value == '@' ? file_text(pairs[i].value + 1) : NULL;
        const char *value = *pairs[i].value == '/' ? store_file(pairs[i].value + 1) : pairs[i].value;
        text_map_put(m, pairs[i].key, text ? text : value);
        mem_free(text);
    }
    return m;
}

Test(tls_props, takes)
{
    static const struct pair cases[][PAIRS] = {
        { { NULL, NULL } },
        { { "ssl.truststore.location", "/ca.pem" }, { "ssl.truststore.type", "PEM" } },
        { { "ssl.truststore.location", "/trust.jks" }, { "ssl.truststore.password", "secret" } },
        { { "ssl.truststore.location", "/trust-pkcs12.jks" }, { "ssl.truststore.password", "secret" } },
        { { "ssl.truststore.certificates", "@ca.pem" } },
        { { "ssl.keystore.location", "/client.p12" }, { "ssl.keystore.password", "secret" } },
        { { "ssl.keystore.location", "/client.jks" }, { "ssl.keystore.password", "secret" }, { "ssl.key.password", "keysecret" } },
        { { "ssl.keystore.location", "/client-sealed.pem" }, { "ssl.key.password", "keysecret" } },
        { { "ssl.keystore.key", "@client.key" }, { "ssl.keystore.certificate.chain", "@client.pem" } },
        { { "ssl.endpoint.identification.algorithm", "" } },
        { { "ssl.enabled.protocols", "TLSv1.2" } },
        { { "ssl.enabled.protocols", "TLSv1.2,TLSv1.1,TLSv1" } }, /* the default before Kafka 2.6 */
        { { "ssl.cipher.suites", "TLS_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" } },
        { { "ssl.engine.factory.class", "org.apache.kafka.common.security.ssl.DefaultSslEngineFactory" } },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct kaftan_tls *tls = NULL;
        struct text_map *m = map_of(cases[i]);
        struct kaftan_error *err = tls_of_props(m, &tls);
        cr_expect_null(err, "%zu: %s", i, err ? kaftan_error_message(err) : "");
        cr_expect_eq(tls != NULL, err == NULL);
        kaftan_error_free(err);
        kaftan_tls_unref(tls);
        text_map_unref(m);
    }
}

Test(tls_props, refuses_by_key)
{
    static const struct {
        struct pair pairs[PAIRS];
        const char *why;
    } cases[] = {
        { { { "ssl.truststore.location", "/nowhere" } }, " for configuration ssl.truststore.location: cannot be read" },
        { { { "ssl.truststore.location", "/trust.jks" }, { "ssl.truststore.password", "wrong" } },
          " for configuration ssl.truststore.location: cannot be opened: the password is wrong" },
        { { { "ssl.truststore.certificates", "no PEM" } }, "Invalid value [hidden] for configuration ssl.truststore.certificates: " },
        { { { "ssl.truststore.location", "/ca.pem" }, { "ssl.truststore.certificates", "@ca.pem" } },
          "configuration ssl.truststore.certificates: ssl.truststore.location is given as well" },
        { { { "ssl.keystore.location", "/client.p12" }, { "ssl.keystore.key", "@client.key" } },
          "configuration ssl.keystore.key: ssl.keystore.location is given as well" },
        { { { "ssl.keystore.location", "/client.p12" }, { "ssl.keystore.certificate.chain", "@client.pem" } },
          "configuration ssl.keystore.certificate.chain: ssl.keystore.location is given as well" },
        { { { "ssl.keystore.key", "@client.key" } }, "Invalid value null for configuration ssl.keystore.certificate.chain" },
        { { { "ssl.keystore.certificate.chain", "@client.pem" } }, "Invalid value null for configuration ssl.keystore.key" },
        { { { "ssl.keystore.location", "/client-sealed.pem" }, { "ssl.key.password", "wrong" } }, "configuration ssl.keystore.location" },
        { { { "ssl.enabled.protocols", "TLSv1.1" } }, "Invalid value TLSv1.1 for configuration ssl.enabled.protocols" },
        { { { "ssl.enabled.protocols", "TLSv1.2,TLSv9" } }, "Invalid value TLSv1.2,TLSv9 for configuration ssl.enabled.protocols" },
        { { { "ssl.cipher.suites", "TLS_NO_SUCH" } }, "Invalid value TLS_NO_SUCH for configuration ssl.cipher.suites" },
        { { { "ssl.engine.factory.class", "org.example.Mine" } }, "Invalid value org.example.Mine for configuration ssl.engine.factory.class" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct kaftan_tls *tls = NULL;
        struct text_map *m = map_of(cases[i].pairs);
        struct kaftan_error *err = tls_of_props(m, &tls);
        cr_assert_not_null(err, "%zu: accepted", i);
        cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
        cr_expect_not_null(strstr(kaftan_error_message(err), cases[i].why), "%zu: %s", i, kaftan_error_message(err));
        cr_expect_null(strstr(kaftan_error_message(err), "PRIVATE KEY"));
        cr_expect_null(tls);
        kaftan_error_free(err);
        text_map_unref(m);
    }
}

Test(tls_props, suites_and_versions)
{
    static const struct {
        const char *suites, *protocols, *want;
        bool narrow;
    } cases[] = {
        { NULL, NULL, "", false },
        { "TLS_AES_256_GCM_SHA384", "TLSv1.2, TLSv1.3", "", false },
        { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,TLS_AES_256_GCM_SHA384 ,ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.3",
          "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384", true },
        { NULL, "TLSv1.2,TLSv1.1", "", true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text_map *m = text_map_new();
        struct buf names = BUF_INIT;
        text_map_put(m, "ssl.cipher.suites", cases[i].suites);
        text_map_put(m, "ssl.enabled.protocols", cases[i].protocols);
        cr_assert_null(suites_of_props(m, &names));
        cr_expect_str_eq(buf_text(&names), cases[i].want);
        cr_expect_eq(tls_props_narrow(m), cases[i].narrow, "%zu", i);
        buf_fini(&names);
        text_map_unref(m);
    }
}
