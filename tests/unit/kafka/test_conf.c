/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "kafka/jaas.h"
#include "kafka/kafka_int.h"

static struct text_map *one(const char *key, const char *value)
{
    struct text_map *m = text_map_new();
    text_map_put(m, "bootstrap.servers", "127.0.0.1:1 , 127.0.0.1:2");
    if (key)
        text_map_put(m, key, value);
    return m;
}

static void expect(enum kafka_kind kind, const char *key, const char *value, const char *name, const char *want)
{
    char got[512] = "";
    size_t len = sizeof got;
    rd_kafka_conf_t *conf = NULL;
    struct text_map *m = one(key, value);
    struct kaftan_error *err = kafka_conf_new(kind, m, &conf);
    cr_assert_null(err, "%s=%s: %s", key, value, err ? kaftan_error_message(err) : "");
    cr_expect_eq(rd_kafka_conf_get(conf, name, got, &len), RD_KAFKA_CONF_OK, "%s", name);
    cr_expect_str_eq(got, want, "%s=%s gives %s=%s", key, value, name, got);
    rd_kafka_conf_destroy(conf);
    text_map_unref(m);
}

Test(conf, types_of_values)
{
    static const struct { enum kafka_kind kind; const char *key, *value, *text; } cases[] = {
        { KAFKA_PRODUCER, "linger.ms", "abc", "Invalid value abc for configuration linger.ms: Not a number of type LONG" },
        { KAFKA_PRODUCER, "linger.ms", " 5 ", NULL },
        { KAFKA_PRODUCER, "linger.ms", "-5", NULL },
        { KAFKA_PRODUCER, "enable.idempotence", "maybe",
          "Invalid value maybe for configuration enable.idempotence: Expected value to be either true or false" },
        { KAFKA_PRODUCER, "batch.size", "99999999999", "Invalid value 99999999999 for configuration batch.size: Not a number of type INT" },
        { KAFKA_PRODUCER, "acks", "xx", NULL },
        { KAFKA_PRODUCER, "linger.ms", NULL, NULL },
        { KAFKA_PRODUCER, "max.poll.records", "x", NULL }, /* no key of a producer */
        { KAFKA_CONSUMER, "max.poll.records", "x", "Invalid value x for configuration max.poll.records: Not a number of type INT" },
        { KAFKA_ADMIN, "retries", "x", "Invalid value x for configuration retries: Not a number of type INT" },
        { KAFKA_ADMIN, "no.such.key", "x", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct kaftan_error *err = kafka_value_check(cases[i].kind, cases[i].key, cases[i].value);
        if (cases[i].text)
            cr_expect(err && strcmp(kaftan_error_message(err), cases[i].text) == 0, "%s: %s", cases[i].key,
                      err ? kaftan_error_message(err) : "accepted");
        else
            cr_expect_null(err, "%s: %s", cases[i].key, err ? kaftan_error_message(err) : "");
        kaftan_error_free(err);
    }
}

Test(conf, translates)
{
    static const struct { enum kafka_kind kind; const char *key, *value, *name, *want; } cases[] = {
        { KAFKA_PRODUCER, NULL, NULL, "bootstrap.servers", "127.0.0.1:1,127.0.0.1:2" },
        { KAFKA_PRODUCER, NULL, NULL, "partitioner", "murmur2_random" },
        { KAFKA_PRODUCER, NULL, NULL, "message.max.bytes", "1048576" },
        { KAFKA_PRODUCER, NULL, NULL, "linger.ms", "5" },
        { KAFKA_PRODUCER, NULL, NULL, "batch.size", "1000000" },
        { KAFKA_PRODUCER, NULL, NULL, "compression.codec", "none" },
        { KAFKA_PRODUCER, NULL, NULL, "reconnect.backoff.max.ms", "1000" },
        { KAFKA_PRODUCER, "acks", "all", "request.required.acks", "-1" },
        { KAFKA_PRODUCER, "acks", "1", "request.required.acks", "1" },
        { KAFKA_PRODUCER, "batch.size", "0", "batch.size", "1" },
        { KAFKA_PRODUCER, "batch.size", " 16384 ", "batch.size", "16384" },
        { KAFKA_PRODUCER, "buffer.memory", "67108864", "queue.buffering.max.kbytes", "65536" },
        { KAFKA_PRODUCER, "delivery.timeout.ms", "2147483647", "message.timeout.ms", "0" },
        { KAFKA_PRODUCER, "delivery.timeout.ms", "0", "message.timeout.ms", "1" },
        { KAFKA_PRODUCER, "compression.type", "ZSTD", "compression.codec", "zstd" },
        { KAFKA_PRODUCER, "max.request.size", "104857600", "queue.buffering.max.kbytes", "204801" },
        { KAFKA_PRODUCER, "partitioner.class", "org.apache.kafka.clients.producer.RoundRobinPartitioner", "partitioner", "random" },
        { KAFKA_PRODUCER, "partitioner.ignore.keys", "true", "partitioner", "random" },
        { KAFKA_PRODUCER, "partitioner.ignore.keys", "false", "partitioner", "murmur2_random" },
        { KAFKA_PRODUCER, "connections.max.idle.ms", "-1", "connections.max.idle.ms", "0" },
        { KAFKA_PRODUCER, "key.serializer", "org.example.S", "linger.ms", "5" },
        { KAFKA_PRODUCER, "no.such.key", "x", "linger.ms", "5" },
        { KAFKA_PRODUCER, "max.block.ms", "9223372036854775807", "linger.ms", "5" },
        { KAFKA_CONSUMER, NULL, NULL, "isolation.level", "read_uncommitted" },
        { KAFKA_CONSUMER, NULL, NULL, "allow.auto.create.topics", "true" },
        { KAFKA_CONSUMER, "isolation.level", "READ_COMMITTED", "isolation.level", "read_committed" },
        { KAFKA_CONSUMER, "auto.offset.reset", "none", "auto.offset.reset", "error" },
        { KAFKA_CONSUMER, "fetch.max.wait.ms", "250", "fetch.wait.max.ms", "250" },
        { KAFKA_CONSUMER, "request.timeout.ms", "40000", "socket.timeout.ms", "40000" },
        { KAFKA_CONSUMER, "partition.assignment.strategy",
          "org.apache.kafka.clients.consumer.RangeAssignor, org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
          "partition.assignment.strategy", "range" },
        { KAFKA_CONSUMER, "partition.assignment.strategy", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
          "partition.assignment.strategy", "cooperative-sticky" },
        { KAFKA_ADMIN, "security.protocol", "PLAINTEXT", "security.protocol", "plaintext" },
        { KAFKA_ADMIN, "reconnect.backoff.ms", "70", "reconnect.backoff.ms", "70" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect(cases[i].kind, cases[i].key, cases[i].value, cases[i].name, cases[i].want);
}

Test(conf, refuses_bad_values_by_java_key)
{
    static const struct { const char *key, *value, *want; } cases[] = {
        { "linger.ms", "soon", "Invalid value soon for configuration linger.ms" },
        { "compression.type", "rar", "Invalid value rar for configuration compression.type" },
        { "security.protocol", "PLAIN", "Invalid value PLAIN for configuration security.protocol" },
        { "security.protocol", "SASL_PLAINTEXT", "Invalid value GSSAPI for configuration sasl.mechanism: Kerberos is not supported" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rd_kafka_conf_t *conf = NULL;
        struct text_map *m = one(cases[i].key, cases[i].value);
        struct kaftan_error *err = kafka_conf_new(KAFKA_PRODUCER, m, &conf);
        cr_expect_eq(err == NULL, cases[i].want == NULL, "%s=%s", cases[i].key, cases[i].value);
        if (err && cases[i].want)
            cr_expect_eq(strncmp(kaftan_error_message(err), cases[i].want, strlen(cases[i].want)), 0, "%s",
                         kaftan_error_message(err));
        if (!err)
            rd_kafka_conf_destroy(conf);
        kaftan_error_free(err);
        text_map_unref(m);
    }
}

Test(conf, sasl_and_tls)
{
    char got[8192];
    size_t len = sizeof got;
    rd_kafka_conf_t *conf = NULL;
    struct text_map *m = one("security.protocol", "SASL_SSL");
    text_map_put(m, "sasl.mechanism", "SCRAM-SHA-512");
    text_map_put(m, "sasl.jaas.config", "org.apache.kafka.common.security.scram.ScramLoginModule required\n"
                                        " username=\"alice\" password=\"a\\\"b;c\";");
    text_map_put(m, "ssl.endpoint.identification.algorithm", "");
    struct kaftan_error *err = kafka_conf_new(KAFKA_ADMIN, m, &conf);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    static const struct { const char *name, *want; } cases[] = {
        { "security.protocol", "sasl_ssl" }, { "sasl.mechanism", "SCRAM-SHA-512" }, { "sasl.username", "alice" },
        { "sasl.password", "a\"b;c" },       { "ssl.endpoint.identification.algorithm", "none" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        len = sizeof got;
        cr_assert_eq(rd_kafka_conf_get(conf, cases[i].name, got, &len), RD_KAFKA_CONF_OK);
        cr_expect_str_eq(got, cases[i].want, "%s is %s", cases[i].name, got);
    }
    rd_kafka_conf_destroy(conf);
    text_map_put(m, "sasl.jaas.config", "x.ScramLoginModule required username=\"alice\" password=\"secret");
    err = kafka_conf_new(KAFKA_ADMIN, m, &conf);
    cr_assert_not_null(err);
    cr_expect_null(strstr(kaftan_error_message(err), "secret"), "a password in a message: %s", kaftan_error_message(err));
    cr_expect_not_null(strstr(kaftan_error_message(err), "sasl.jaas.config"));
    kaftan_error_free(err);
    text_map_unref(m);
}

#define PLAIN "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"a\" password=\"hush\";"
#define SECURITY "org.apache.kafka.common.security."

/* Whatever only a JVM could do ends with the key's name; what Java does by default is taken. */
Test(conf, what_cannot_be_done_is_named)
{
    static const struct {
        const char *protocol, *mechanism, *jaas, *key, *value, *want; /* want NULL: taken */
    } cases[] = {
        { "SASL_SSL", "PLAIN", PLAIN, "ssl.engine.factory.class", "org.example.E", "Invalid value org.example.E for configuration ssl.engine" },
        { "SASL_SSL", "PLAIN", PLAIN, "sasl.login.class", "org.example.L", "Invalid value org.example.L for configuration sasl.login.class" },
        { "SASL_SSL", "PLAIN", PLAIN, "sasl.login.class", SECURITY "authenticator.DefaultLogin", NULL },
        { "SASL_SSL", "PLAIN", PLAIN, "sasl.client.callback.handler.class", "org.example.C",
          "Invalid value org.example.C for configuration sasl.client.callback.handler.class" },
        { "SASL_SSL", "PLAIN", PLAIN, "sasl.login.callback.handler.class", "org.example.C",
          "Invalid value org.example.C for configuration sasl.login.callback.handler.class" },
        { "SASL_SSL", "PLAIN", PLAIN, "sasl.login.callback.handler.class", SECURITY "Other",
          "Invalid value " SECURITY "Other for configuration sasl.login.callback.handler.class" },
        { "SASL_PLAINTEXT", "OAUTHBEARER", "x.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=a;",
          "sasl.login.callback.handler.class", "org.example.C", "Invalid value org.example.C for configuration sasl.login.callback" },
        { "PLAINTEXT", NULL, NULL, "sasl.login.class", "org.example.L", NULL },
        { "SASL_SSL", "PLAIN", PLAIN, "security.providers", "org.example.P", NULL }, /* a line in the log */
        { "SASL_SSL", "AWS_MSK_IAM", "software.amazon.msk.auth.iam.IAMLoginModule required;", NULL, NULL,
          "Invalid value AWS_MSK_IAM for configuration sasl.mechanism: it is not supported" },
        { "SASL_SSL", "PLAIN", "org.example.MyModule required username=\"a\" password=\"hush\";", NULL, NULL,
          "Invalid value [hidden] for configuration sasl.jaas.config: the login module org.example.MyModule" },
        { "SASL_SSL", "PLAIN", NULL, NULL, NULL, "Invalid value null for configuration sasl.jaas.config" },
        { "SASL_SSL", "PLAIN", "org.apache.kafka.common.security.plain.PlainLoginModule required username=\"a\";", NULL, NULL,
          "Invalid value [hidden] for configuration sasl.jaas.config: a login module with username and password" },
        { "SASL_SSL", "SCRAM-SHA-256", "x.ScramLoginModule required username=a password=hush tokenauth=true;", NULL, NULL,
          "Invalid value [hidden] for configuration sasl.jaas.config: the option tokenauth" },
        { "SSL", NULL, NULL, "ssl.cipher.suites", "TLS_NO_SUCH", "Invalid value TLS_NO_SUCH for configuration ssl.cipher.suites" },
        { "SSL", NULL, NULL, "ssl.endpoint.identification.algorithm", "dns",
          "Invalid value dns for configuration ssl.endpoint.identification.algorithm" },
    };
    (void)unsetenv("KAFKA_OPTS");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rd_kafka_conf_t *conf = NULL;
        struct text_map *m = one("security.protocol", cases[i].protocol);
        text_map_put(m, "sasl.mechanism", cases[i].mechanism);
        text_map_put(m, "sasl.jaas.config", cases[i].jaas);
        if (cases[i].key)
            text_map_put(m, cases[i].key, cases[i].value);
        struct kaftan_error *err = kafka_conf_new(KAFKA_PRODUCER, m, &conf);
        const char *said = err ? kaftan_error_message(err) : "";
        cr_expect_eq(err == NULL, cases[i].want == NULL, "%zu: %s", i, said);
        cr_expect_eq(strncmp(said, cases[i].want ? cases[i].want : "", cases[i].want ? strlen(cases[i].want) : 0), 0, "%zu: %s", i, said);
        cr_expect_null(strstr(said, "hush"), "%zu: a password in a message", i);
        if (!err)
            rd_kafka_conf_destroy(conf);
        kaftan_error_free(err);
        text_map_unref(m);
    }
}

Test(conf, cipher_suites_get_their_other_names)
{
    expect(KAFKA_CONSUMER, "ssl.cipher.suites", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "security.protocol", "plaintext");
    rd_kafka_conf_t *conf = NULL;
    char got[128] = "";
    size_t len = sizeof got;
    struct text_map *m = one("security.protocol", "SSL");
    text_map_put(m, "ssl.cipher.suites", "TLS_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
    cr_assert_null(kafka_conf_new(KAFKA_CONSUMER, m, &conf));
    cr_assert_eq(rd_kafka_conf_get(conf, "ssl.cipher.suites", got, &len), RD_KAFKA_CONF_OK);
    cr_expect_str_eq(got, "ECDHE-RSA-AES128-GCM-SHA256");
    rd_kafka_conf_destroy(conf);
    text_map_unref(m);
}

static void expect_pem(const rd_kafka_conf_t *conf, const char *name, const char *want)
{
    char got[32768] = "";
    size_t len = sizeof got;
    cr_assert_eq(rd_kafka_conf_get(conf, name, got, &len), RD_KAFKA_CONF_OK, "%s", name);
    cr_expect_not_null(strstr(got, want), "%s holds no %s", name, want);
}

Test(conf, stores_become_pem)
{
    static const struct { const char *trust, *key, *password; } cases[] = {
        { TEST_DATA "/stores/trust.jks", TEST_DATA "/stores/client.jks", "secret" },
        { TEST_DATA "/stores/ca.pem", TEST_DATA "/stores/client.p12", "secret" },
        { TEST_DATA "/stores/ca.pem", TEST_DATA "/stores/client-all.pem", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        rd_kafka_conf_t *conf = NULL;
        struct text_map *m = one("security.protocol", "SSL");
        text_map_put(m, "ssl.truststore.location", cases[i].trust);
        text_map_put(m, "ssl.truststore.password", cases[i].password);
        text_map_put(m, "ssl.keystore.location", cases[i].key);
        text_map_put(m, "ssl.keystore.password", cases[i].password);
        if (strstr(cases[i].key, "jks"))
            text_map_put(m, "ssl.key.password", "keysecret");
        struct kaftan_error *err = kafka_conf_new(KAFKA_PRODUCER, m, &conf);
        cr_assert_null(err, "%s: %s", cases[i].trust, err ? kaftan_error_message(err) : "");
        expect_pem(conf, "ssl.ca.pem", "-----BEGIN CERTIFICATE-----");
        expect_pem(conf, "ssl.certificate.pem", "-----BEGIN CERTIFICATE-----");
        expect_pem(conf, "ssl.key.pem", "PRIVATE KEY-----");
        rd_kafka_conf_destroy(conf);
        text_map_unref(m);
    }
}

Test(conf, layers)
{
    struct text_map *worker = text_map_new(), *connector = text_map_new();
    text_map_put(worker, "bootstrap.servers", "w:1");
    text_map_put(worker, "group.id", "g");
    text_map_put(worker, "key.converter", "x");
    text_map_put(worker, "security.protocol", "SSL");
    text_map_put(worker, "producer.linger.ms", "10");
    text_map_put(worker, "producer.acks", "1");
    text_map_put(worker, "admin.request.timeout.ms", "7");
    text_map_put(connector, "name", "orders");
    text_map_put(connector, "producer.override.linger.ms", "20");
    struct text_map *p = kafka_task_props(KAFKA_PRODUCER, worker, connector, "connector-producer-orders-0");
    cr_expect_str_eq(text_map_get(p, "linger.ms"), "20");
    cr_expect_str_eq(text_map_get(p, "acks"), "1");
    cr_expect_str_eq(text_map_get(p, "bootstrap.servers"), "w:1");
    cr_expect_str_eq(text_map_get(p, "delivery.timeout.ms"), "2147483647");
    cr_expect_null(text_map_get(p, "security.protocol"), "the worker's security is not the tasks'");
    text_map_unref(p);
    p = kafka_task_props(KAFKA_CONSUMER, worker, connector, "c");
    cr_expect_str_eq(text_map_get(p, "group.id"), "connect-orders");
    cr_expect_str_eq(text_map_get(p, "auto.offset.reset"), "earliest");
    text_map_unref(p);
    p = kafka_task_props(KAFKA_ADMIN, worker, connector, "a");
    cr_expect_str_eq(text_map_get(p, "security.protocol"), "SSL");
    cr_expect_str_eq(text_map_get(p, "request.timeout.ms"), "7");
    cr_expect_null(text_map_get(p, "key.converter"));
    text_map_unref(p);
    p = kafka_worker_props(worker, "g-configs");
    cr_expect_str_eq(text_map_get(p, "client.id"), "g-configs");
    cr_expect_null(text_map_get(p, "linger.ms"), "prefixed settings are the tasks'");
    text_map_unref(p);
    text_map_unref(worker);
    text_map_unref(connector);
}

Test(conf, known_keys)
{
    cr_expect(kafka_key_known(KAFKA_PRODUCER, "linger.ms"));
    cr_expect(kafka_key_known(KAFKA_PRODUCER, "sasl.jaas.config"));
    cr_expect(kafka_key_known(KAFKA_CONSUMER, "max.poll.records"));
    cr_expect_not(kafka_key_known(KAFKA_CONSUMER, "linger.ms"));
    cr_expect_not(kafka_key_known(KAFKA_PRODUCER, "key.converter"));
}

Test(jaas, reads_like_java)
{
    static const struct {
        const char *text, *name, *value;
    } cases[] = {
        { "x.Y required a=\"b\";", "a", "b" },
        { "x.Y REQUIRED a='b';", "a", "b" },
        { "x.Y sufficient a=b c=d ;  ", "c", "d" },
        { "x.Y optional\n\ta = \"b\"\r\n\tc = \"\";\n", "c", "" },
        { "x.Y requisite a=\"b;c=d\";", "a", "b;c=d" },
        { "x.Y required a=\"it's\" c='\"q\"';", "c", "\"q\"" },
        { "x.Y required a=\"\\\"\\\\\\t\\n\\x\";", "a", "\"\\\t\nx" },
        { "x.Y required a=\"\\101\\60z\\0618\";", "a", "A0z18" },
        { "x.Y required a=\"\\477\";", "a", "'7" },
        { "x.Y required a=\"\\344\";", "a", "\xc3\xa4" },
        { "x.Y required a=\"\xc3\xa4\xe2\x82\xac\";", "a", "\xc3\xa4\xe2\x82\xac" },
        { "x.Y required // c=\"no\";\n a=\"//b\" /* c=no; */;", "a", "//b" },
        { "/ words to the end of the line\nx.Y required a=b;", "a", "b" },
        { "x.Y required a=p!@#$%^&*()-_+[]{}|:,.<>?~`;", "a", "p!@#$%^&*()-_+[]{}|:,.<>?~`" },
        { "\"x.Y\" required \"a\"=\"b\";", "a", "b" },
        { "x.Y required a=b a=c;", "a", "c" },
        { "x.Y required;", "a", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct jaas j = { 0 };
        struct kaftan_error *err = jaas_parse(cases[i].text, &j);
        cr_assert_null(err, "%s: %s", cases[i].text, err ? kaftan_error_message(err) : "");
        cr_expect_str_eq(j.module, "x.Y");
        const char *got = text_map_get(j.options, cases[i].name);
        cr_expect(cases[i].value ? got && strcmp(got, cases[i].value) == 0 : !got, "%s: %s", cases[i].text, got ? got : "none");
        jaas_fini(&j);
    }
}

Test(jaas, refuses)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        { "", "no login module" },
        { "  // nothing\n", "no login module" },
        { ";", "no login module" },
        { "Module", "no control flag (required) after the login module" },
        { "Module;", "no control flag (required) after the login module" },
        { "Module a=\"secret\";", "the word after the login module is no control flag (required, requisite, sufficient, optional)" },
        { "Module required", "no ';' at the end" },
        { "Module required a=\"secret\"", "no ';' at the end" },
        { "Module required a;", "an option has no value; it reads name=\"value\", with the value in quotes unless it is one plain word" },
        { "Module required a=;", "an option has no value; it reads name=\"value\", with the value in quotes unless it is one plain word" },
        { "Module required secret", "an option has no value; it reads name=\"value\", with the value in quotes unless it is one plain word" },
        { "Module required a=secret'd b=c;",
          "an option has no value; it reads name=\"value\", with the value in quotes unless it is one plain word" },
        { "Module required =\"secret\";", "an option has no name" },
        { "Module required \"\"=\"secret\";", "an option has no name" },
        { "Module required a=\"secret;", "the quote of the option a is not closed" },
        { "Module required a=\"secret\n\";", "the quote of the option a is not closed" },
        { "Module required a=\"secret\\", "the quote of the option a is not closed" },
        { "Module required a=secret/b;", "no ';' at the end" },
        { "Module required a=\"secret\"; Other required b=c;", "it has 2 login modules, one is expected" },
        { "Module required a=\"secret\"; Other", "no control flag (required) after the login module" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct jaas j = { 0 };
        struct kaftan_error *err = jaas_parse(cases[i].text, &j);
        char *want = mem_printf("Invalid value [hidden] for configuration sasl.jaas.config: %s", cases[i].why);
        cr_assert_not_null(err, "accepted: %s", cases[i].text);
        cr_expect_str_eq(kaftan_error_message(err), want);
        cr_expect_null(strstr(kaftan_error_message(err), "secret"));
        mem_free(want);
        kaftan_error_free(err);
    }
}

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    cr_assert_not_null(f);
    cr_assert(fputs(text, f) >= 0);
    cr_assert_eq(fclose(f), 0);
}

Test(jaas, files)
{
    static const struct {
        const char *text, *password; /* NULL: refused */
    } cases[] = {
        { "KafkaClient {\n  x.PlainLoginModule required\n  username=\"a\"\n  password=\"b }; c\";\n};\n", "b }; c" },
        { "// KafkaClient { no };\n/* nor { this } */ Server { x.Y required; };\nKafkaClient{ x.PlainLoginModule required username=a password='//b';};", "//b" },
        { "# a comment\nKafkaClient { x.PlainLoginModule required username=a password=\"q\\\"}\"; };", "q\"}" },
        { "KafkaClient { x.PlainLoginModule required username=a password=b; x.Other optional password=c; };", "b" },
        { "Server { x.Y required; };", NULL },
        { "KafkaClient { x.PlainLoginModule required username=a password=\"open };", NULL },
        { "", NULL },
    };
    char path[] = "/tmp/kaftan-jaas-XXXXXX";
    struct text_map *none = text_map_new();
    int fd = mkstemp(path);
    (void)unsetenv("KAFKA_OPTS");
    cr_assert_geq(fd, 0);
    (void)close(fd);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct jaas j = { 0 };
        bool found = false;
        write_text(path, cases[i].text);
        jaas_default_file(path);
        struct kaftan_error *err = jaas_of(none, &j, &found);
        cr_expect_eq(found, !err);
        cr_expect_eq(!err, cases[i].password != NULL, "%zu: %s", i, err ? kaftan_error_message(err) : "accepted");
        if (!err)
            cr_expect_str_eq(text_map_get(j.options, "password"), cases[i].password);
        jaas_fini(&j);
        kaftan_error_free(err);
    }
    jaas_default_file(NULL);
    text_map_unref(none);
    (void)unlink(path);
}

Test(jaas, where_a_login_comes_from)
{
    struct text_map *props = text_map_new();
    struct jaas j = { 0 };
    bool found = true;
    char *name = jaas_file_of_options("-Xmx1g -Djava.security.auth.login.config=/etc/my.conf -Dx=y");
    cr_expect_str_eq(name, "/etc/my.conf");
    mem_free(name);
    name = jaas_file_of_options("-Djava.security.auth.login.config==\"/etc/my files/j.conf\" -Dx=y");
    cr_expect_str_eq(name, "/etc/my files/j.conf");
    mem_free(name);
    name = jaas_file_of_options("-Djava.security.auth.login.config=file:///etc/my.conf");
    cr_expect_str_eq(name, "/etc/my.conf");
    mem_free(name);
    name = jaas_file_of_options("-Djava.security.auth.login.config=file:/etc/my.conf");
    cr_expect_str_eq(name, "/etc/my.conf");
    mem_free(name);
    cr_expect_null(jaas_file_of_options("-Xmx1g"));
    cr_expect_null(jaas_file_of_options(NULL));
    (void)unsetenv("KAFKA_OPTS");
    cr_assert_null(jaas_of(props, &j, &found));
    cr_expect_not(found);
    jaas_default_file("/nowhere/jaas.conf");
    struct kaftan_error *err = jaas_of(props, &j, &found);
    cr_assert_not_null(err);
    cr_expect_not_null(strstr(kaftan_error_message(err), "/nowhere/jaas.conf"));
    kaftan_error_free(err);
    text_map_put(props, "sasl.jaas.config", "x.PlainLoginModule required username=\"a\" password=\"b\";"); /* the value counts more */
    cr_assert_null(jaas_of(props, &j, &found));
    cr_expect(found);
    cr_expect_str_eq(text_map_get(j.options, "username"), "a");
    jaas_fini(&j);
    jaas_default_file(NULL);
    text_map_unref(props);
}
