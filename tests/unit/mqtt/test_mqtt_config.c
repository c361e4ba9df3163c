/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <kaftan/plugin.h>

#include "base/buf.h"
#include "base/mem.h"
#include "fake_worker.h"
#include "mqtt_config.h"

extern const struct kaftan_plugin kaftan_plugin;

#define BASE "mqtt.server.uri=tcp://h:1883\nmqtt.topics=a\n"

static void expect_problem(const char *config, const char *key, const char *want)
{
    struct kaftan_task *t = fake_task_new(0, config);
    const char *have = fake_task_problem(t, key, 0);
    if (want)
        cr_expect(have && strcmp(have, want) == 0, "%s\n  want: %s\n  have: %s", config, want, have ? have : "-");
    else
        cr_expect_null(have, "%s: %s", config, have);
    fake_task_free(t);
}

Test(config, validation_texts)
{
    static const struct { const char *config, *key, *want; } cases[] = {
        { "", "mqtt.server.uri", "Missing required configuration \"mqtt.server.uri\" which has no default value." },
        { "", "mqtt.topics", "Missing required configuration \"mqtt.topics\" which has no default value." },
        { "mqtt.server.uri=http://h:1883\nmqtt.topics=a", "mqtt.server.uri",
          "Invalid value http://h:1883 for configuration mqtt.server.uri: unknown scheme 'http', expected one of tcp, "
          "mqtt, ssl, tls, mqtts, ws, wss" },
        { "mqtt.server.uri=h:1883\nmqtt.topics=a", "mqtt.server.uri",
          "Invalid value h:1883 for configuration mqtt.server.uri: expected scheme://host[:port]" },
        { "mqtt.server.uri=tcp://h:99999\nmqtt.topics=a", "mqtt.server.uri",
          "Invalid value tcp://h:99999 for configuration mqtt.server.uri: the port must be a number from 1 to 65535" },
        { "mqtt.server.uri=tcp://u:p@h\nmqtt.topics=a", "mqtt.server.uri",
          "Invalid value tcp://u:p@h for configuration mqtt.server.uri: user names belong into mqtt.username and "
          "mqtt.password" },
        { "mqtt.server.uri=ws://h\nmqtt.topics=a", "mqtt.server.uri",
          "Invalid value ws://h for configuration mqtt.server.uri: WebSocket (ws, wss) is not supported by this "
          "version; use tcp or ssl" },
        { "mqtt.server.uri=tcp://h\nmqtt.topics=a/#/b", "mqtt.topics",
          "Invalid value a/#/b for configuration mqtt.topics: '#' must be the last level" },
        { "mqtt.server.uri=tcp://h\nmqtt.topics=a,b+", "mqtt.topics",
          "Invalid value b+ for configuration mqtt.topics: '+' must stand alone in its level" },
        { "mqtt.server.uri=tcp://h\nmqtt.topics=$share/g", "mqtt.topics",
          "Invalid value $share/g for configuration mqtt.topics: '$share' needs a group and a filter" },
        { "mqtt.server.uri=tcp://h\nmqtt.topics=$share/g/a", "mqtt.topics",
          "Invalid value $share/g/a for configuration mqtt.topics: shared subscriptions are not supported by this "
          "version" },
        { "mqtt.server.uri=tcp://h\nmqtt.topics=$share/g/a\nmqtt.no.local=true", "mqtt.no.local",
          "Invalid value true for configuration mqtt.no.local: cannot be combined with a shared subscription ($share or "
          "mqtt.share.group)" },
        { BASE "mqtt.qos=3", "mqtt.qos", "Invalid value 3 for configuration mqtt.qos: Value must be no more than 2" },
        { BASE "mqtt.qos=x", "mqtt.qos", "Invalid value x for configuration mqtt.qos: Not a number of type INT" },
        { BASE "kafka.topic=x-${tpoic}", "kafka.topic",
          "Invalid value x-${tpoic} for configuration kafka.topic: unknown variable 'tpoic' at position 3; known: topic, "
          "topic[n], topic[n..m], filter, header:, json:, client.id" },
        { BASE "mqtt.key=${x}", "mqtt.key",
          "Invalid value ${x} for configuration mqtt.key: unknown variable 'x' at position 1; known: topic, topic[n], "
          "topic[n..m], filter, header:, json:, client.id" },
        { BASE "mqtt.topic.map=a/+", "mqtt.topic.map",
          "Invalid value a/+ for configuration mqtt.topic.map: expected filter=>template" },
        { BASE "mqtt.value.schema=x", "mqtt.value.schema",
          "Invalid value x for configuration mqtt.value.schema: needs mqtt.payload.format=json" },
        { BASE "mqtt.client.id.exact=true", "mqtt.client.id.exact",
          "Invalid value true for configuration mqtt.client.id.exact: needs mqtt.sessions=1 (or one non-shared filter) "
          "and a non-empty mqtt.client.id" },
        { BASE "mqtt.client.id.exact=true\nmqtt.client.id=x", "mqtt.client.id.exact", NULL },
        { BASE "mqtt.payload.format=sparkplug", "mqtt.payload.format",
          "Invalid value sparkplug for configuration mqtt.payload.format: Sparkplug payloads are not supported by this "
          "version" },
        { BASE "mqtt.share.group=g", "mqtt.share.group",
          "Invalid value g for configuration mqtt.share.group: shared subscriptions are not supported by this version" },
        { BASE "mqtt.timestamp=now", "mqtt.timestamp",
          "Invalid value now for configuration mqtt.timestamp: expected received, property:<user property> or "
          "json:<pointer>" },
        { BASE "mqtt.version=4", "mqtt.version",
          "Invalid value 4 for configuration mqtt.version: String must be one of: auto, 5, 3.1.1" },
        { "mqtt.server.uri=tcp://h\nmqtt.topics=a/#,a/+\nmqtt.overlap=dedup", "mqtt.overlap",
          "Invalid value dedup for configuration mqtt.overlap: filters of mqtt.topics overlap, and removing the copies "
          "is not supported by this version; use keep" },
        { "mqtt.server.uri=tcp://h\nmqtt.topics=a/#,a/+", "mqtt.overlap", NULL },
        { BASE "mqtt.connect.user.properties=a", "mqtt.connect.user.properties",
          "Invalid value a for configuration mqtt.connect.user.properties: expected name=value" },
        { BASE "mqtt.ssl.trust.store.path=/does/not/exist", "mqtt.ssl.trust.store.path",
          "Invalid value /does/not/exist for configuration mqtt.ssl.trust.store.path: cannot be read: No such file or "
          "directory" },
        { BASE "mqtt.ssl.certificate.path=/does/not/exist", "mqtt.ssl.certificate.path",
          "Invalid value /does/not/exist for configuration mqtt.ssl.certificate.path: cannot be read: No such file or "
          "directory" },
        { BASE "mqtt.topic.sanitize=%", "mqtt.topic.sanitize",
          "Invalid value % for configuration mqtt.topic.sanitize: only letters, digits, '.', '_' and '-' can stand in a "
          "Kafka topic" },
        { BASE "kafka.topic=..", "kafka.topic",
          "Invalid value .. for configuration kafka.topic: is no name of a Kafka topic (1 to 249 bytes, not . or ..)" },
        { BASE "mqtt.sparkplug.explode=true", "mqtt.sparkplug.explode",
          "Invalid value true for configuration mqtt.sparkplug.explode: Sparkplug payloads are not supported by this "
          "version" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_problem(cases[i].config, cases[i].key, cases[i].want);
}

Test(config, all_problems_in_one_answer)
{
    struct kaftan_task *t = fake_task_new(0, "mqtt.server.uri=http://h\nmqtt.topics=a/#/b\nmqtt.qos=9\n"
                                             "kafka.topic=${x}\nmqtt.overlap=maybe");
    static const char *const keys[] = { "mqtt.server.uri", "mqtt.topics", "mqtt.qos", "kafka.topic", "mqtt.overlap" };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        cr_expect_not_null(fake_task_problem(t, keys[i], 0), "%s", keys[i]);
    fake_task_free(t);
}

Test(config, warnings)
{
    struct kaftan_task *t = fake_task_new(0, BASE "mqtt.qoss=1");
    const char *w = fake_task_warning(t, 0);
    cr_assert_not_null(w);
    cr_expect_str_eq(w, "Unknown MQTT configuration 'mqtt.qoss'; did you mean 'mqtt.qos'?");
    cr_expect_eq(config_report_error_count(t->report), 0);
    fake_task_free(t);
}

/* Port 1 of loopback has nobody. */
Test(config, tries_the_connection)
{
    expect_problem("name=c\nmqtt.server.uri=tcp://127.0.0.1:1\nmqtt.topics=a", "mqtt.server.uri", NULL);
    struct kaftan_task *t = fake_task_new(0, "name=c\nmqtt.server.uri=tcp://127.0.0.1:1\nmqtt.topics=a\n"
                                             "mqtt.validate.connection=true");
    const char *have = fake_task_problem(t, "mqtt.server.uri", 0);
    cr_expect(have && strstr(have, "Invalid value tcp://127.0.0.1:1 for configuration mqtt.server.uri: ") == have &&
                  strstr(have, "Connection refused"), "%s", have ? have : "-");
    fake_task_free(t);
}

/* REST lets a null pass for a connector's own key: validation must survive each of them. */
Test(config, nulls)
{
    for (const struct kaftan_config_key *k = mqtt_own_keys; k->name; k++) {
        struct text_map *texts = text_map_new();
        struct kaftan_config_report *report = config_report_new();
        text_map_put(texts, "mqtt.server.uri", "ssl://h");
        text_map_put(texts, "mqtt.topics", "a/#,a/+");
        text_map_put(texts, "kafka.topic", "${topic}");
        text_map_put(texts, k->name, NULL);
        struct config_values *values = config_parse(mqtt_own_keys, sizeof(struct mqtt_config), texts, report);
        kaftan_plugin.sources[0]->validate(config_values_get(values), config_texts_of(texts), report);
        config_refuse_nulls(mqtt_own_keys, texts, report);
        cr_expect(config_report_error_count(report) > 0, "%s=null would run", k->name);
        config_values_free(values);
        config_report_free(report);
        text_map_unref(texts);
    }
}

/* A config of the connector that is taken over is accepted unchanged. */
Test(config, drop_in)
{
    static const char config[] = "mqtt.server.uri=tcp://h:1883\nmqtt.topics=a/#,b\nkafka.topic=t\nmqtt.qos=2\n"
                                 "confluent.license=x\nconfluent.topic.bootstrap.servers=k:9092\n"
                                 "confluent.topic.replication.factor=1\nconfluent.topic.security.protocol=SSL\n"
                                 "max.retry.time.ms=30000\nmqtt.ssl.key.password=\nrecords.buffer.queue.size=100\n";
    for (int class = 0; class < 2; class++) {
        struct kaftan_task *t = fake_task_new(class, config);
        cr_expect_eq(config_report_error_count(t->report), 0);
        fake_task_free(t);
    }
}

Test(config, profiles_differ_in_defaults_only)
{
    size_t differences = 0;
    for (size_t i = 0;; i++) {
        const struct kaftan_config_key *a = &mqtt_own_keys[i], *b = &mqtt_confluent_keys[i];
        cr_assert_eq(!a->name, !b->name);
        if (!a->name)
            break;
        cr_expect(strcmp(a->name, b->name) == 0 && a->type == b->type && a->offset == b->offset);
        differences += (a->def && b->def && strcmp(a->def, b->def) != 0);
        cr_expect(a->doc && strlen(a->doc) > 5, "%s has no documentation", a->name);
    }
    cr_expect_eq(differences, 3, "clean session, max.retry.time.ms, qos");
}

/* docs/mqtt-source.md holds the tables as they are. */
Test(config, documentation_is_current)
{
    struct buf want = BUF_INIT;
    config_table_markdown(mqtt_own_keys, &want);
    FILE *f = fopen(DOCS "/mqtt-source.md", "rb");
    cr_assert_not_null(f, "docs/mqtt-source.md is missing");
    enum { LIMIT = 1 << 20 };
    char *have = mem_zalloc(LIMIT + 1, 1);
    size_t n = fread(have, 1, LIMIT, f);
    (void)fclose(f);
    cr_expect_gt(n, 0);
    const char *text = buf_text(&want);
    if (!strstr(have, text) && getenv("MQTT_KEYS_OUT")) {
        f = fopen(getenv("MQTT_KEYS_OUT"), "wb");
        cr_assert_not_null(f);
        (void)fwrite(text, 1, want.len, f);
        (void)fclose(f);
    }
    cr_expect_not_null(strstr(have, text),
                       "the keys in docs/mqtt-source.md are not those of mqtt_keys.inc; run this test with "
                       "MQTT_KEYS_OUT=file and put the file between the markers");
    mem_free(have);
    buf_fini(&want);
}
