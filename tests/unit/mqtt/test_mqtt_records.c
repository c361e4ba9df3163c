/* SPDX-License-Identifier: Apache-2.0 */
/* From messages to records: topics, keys, values, headers; and those that cannot become one. */
#include "config.h"

#include <criterion/criterion.h>
#include <string.h>

#include "stage.h"

static void one(struct stage *s, const char *config, const char *topic, const char *payload)
{
    stage_open(s, config, NULL);
    s->deliver = true;
    stage_subscribed(s);
    fake_broker_publish(&s->broker, 1, 5, false, false, topic, payload);
    stage_until(s, fake_broker_count(&s->broker, 4) == 1);
}

Test(records, templates)
{
    struct stage s = { 0 };
    one(&s, "kafka.topic=iot.${topic[1]}\nmqtt.key=${json:/id:-${topic}}\nmqtt.payload.format=json\n", "a/x y/z",
        "{\"id\":17}");
    cr_expect_str_eq(s.task->records[0].topic, "iot.x_y");
    cr_expect_str_eq(s.task->records[0].key, "17");
    cr_expect_str_eq(s.task->records[0].value, "{map}");
    stage_close(&s);
    one(&s, "mqtt.topic.map=a/+/temp=>t.${topic[1]},a/#=>rest\nmqtt.key=\n", "a/7/temp", "1");
    cr_expect_str_eq(s.task->records[0].topic, "t.7");
    cr_expect_null(s.task->records[0].key);
    stage_close(&s);
    one(&s, "mqtt.topic.map=b/+=>t,a/#=>rest/${filter}\nmqtt.topic.sanitize=-\n", "a/7/temp", "1");
    cr_expect_str_eq(s.task->records[0].topic, "rest.a.-");
    stage_close(&s);
}

Test(records, formats)
{
    struct stage s = { 0 };
    one(&s, "mqtt.payload.format=string\n", "a/s", "gr\xc3\xbc\xc3\x9f");
    cr_expect_str_eq(s.task->records[0].value, "gr\xc3\xbc\xc3\x9f");
    stage_close(&s);
    one(&s, "mqtt.payload.format=json\n", "a/j", "12");
    cr_expect_str_eq(s.task->records[0].value, "12");
    stage_close(&s);
    one(&s, "mqtt.payload.format=json\nvalue.converter.schemas.enable=false\n", "a/j", "{\"n\": 1.50}");
    cr_expect_str_eq(s.task->records[0].value, "{\"n\": 1.50}", "checked JSON keeps its text");
    stage_close(&s);
    one(&s, "mqtt.payload.format=json\nvalue.converter.schemas.enable=false\n", "a/j", "null");
    cr_expect_null(s.task->records[0].value, "null stays a tombstone");
    stage_close(&s);
    one(&s, "", "a/e", "");
    cr_expect(s.task->records[0].value && s.task->records[0].value_len == 0);
    stage_close(&s);
    one(&s, "mqtt.empty.payload=null\n", "a/e", "");
    cr_expect_null(s.task->records[0].value);
    stage_close(&s);
    one(&s, "mqtt.empty.payload=skip\n", "a/e", "");
    cr_expect_eq(s.task->count, 0);
    stage_until(&s, s.task->skipped == 1);
    stage_close(&s);
}

Test(records, headers)
{
    struct stage s = { 0 };
    one(&s, "mqtt.headers=none\n", "a/h", "x");
    cr_expect_str_eq(s.task->records[0].headers, "");
    stage_close(&s);
    stage_open(&s, "mqtt.headers=extended\nmqtt.version=5\nmqtt.timestamp=property:t\n", NULL);
    stage_subscribed(&s);
    /* format 1, content type text/plain, user properties t=1700000000 and k=v, subscription identifier 1 */
    fake_broker_send_hex(&s.broker, "3031" "0003612f68" "28" "0101" "03000a746578742f706c61696e"
                                    "26000174000a31373030303030303030" "2600016b000176" "0b01" "6f6f6f");
    stage_until(&s, s.task->count == 1);
    const char *h = s.task->records[0].headers;
    static const char start[] = "mqtt.message.id=0;mqtt.qos=0;mqtt.retained=false;mqtt.duplicate=false;mqtt.topic=a/h;"
                                "mqtt.session=kaftan-g-c-0;mqtt.received.time=";
    cr_expect_eq(strncmp(h, start, sizeof start - 1), 0, "%s", h);
    cr_expect_not_null(strstr(h, ";mqtt.content.type=text/plain;mqtt.payload.format.indicator=1;mqtt.subscription.id=1;"
                                 "mqtt.user.t=1700000000;mqtt.user.k=v;"), "%s", h);
    cr_expect_eq(s.task->records[0].timestamp, 1700000000000);
    stage_close(&s);
}

Test(records, undeliverable_fails_by_default)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.payload.format=json\n", NULL);
    s.deliver = true;
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 4, false, false, "a/good", "1");
    fake_broker_publish(&s.broker, 1, 5, false, false, "a/b", "{\"x\":");
    fake_broker_publish(&s.broker, 1, 6, false, false, "a/behind", "2");
    stage_until(&s, s.failure);
    const char *text = kaftan_error_message(s.failure);
    cr_expect_eq(strncmp(text, "Cannot deliver MQTT message from topic 'a/b' (QoS 1, packet 5, 5 bytes, slot 0): payload "
                               "is not valid JSON: ", 106), 0, "%s", text);
    cr_expect_not_null(strstr(text, "It stays in the broker's session; set errors.tolerance=all"), "%s", text);
    cr_expect_eq(s.task->count, 1, "what came before is delivered, what comes behind is not");
    cr_expect_eq(fake_broker_count(&s.broker, 4), 1);
    stage_close(&s);
}

Test(records, undeliverable_is_skipped)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.payload.format=json\n", NULL);
    s.deliver = true;
    s.task->tolerates = true;
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 5, false, false, "a/b", "{\"x\":");
    fake_broker_publish(&s.broker, 1, 6, false, false, "a/good", "2");
    stage_until(&s, fake_broker_count(&s.broker, 4) == 2 && s.task->skipped == 1);
    cr_expect_eq(s.task->count, 1);
    cr_expect_str_eq(s.task->skipped_reason, "payload is not valid JSON");
    stage_close(&s);
}

/* What became a record and then failed is undeliverable, too: a converter, or Kafka, would not have it. */
Test(records, skipped_by_the_worker_is_counted)
{
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    s.task->tolerates = true;
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 5, false, false, "a/b", "too much for Kafka");
    stage_until(&s, s.task->count == 1);
    fake_task_deliver(s.task, 1, KAFTAN_SKIPPED);
    stage_until(&s, fake_broker_count(&s.broker, 4) == 1);
    stage_until(&s, fake_metric("kafka_connect_mqtt_source_undeliverable_total{slot=\"0\"}") == 1);
    stage_until(&s, fake_metric("kafka_connect_mqtt_source_undeliverable_by_reason_total{reason=\"refused by a converter or by Kafka\"}") == 1);
    stage_close(&s);
}

/* S14: acknowledged when the dead letter is stored. */
Test(records, undeliverable_is_kept)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.payload.format=json\nerrors.deadletterqueue.context.headers.enable=true\n", NULL);
    s.task->tolerates = s.task->dead_letters = true;
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 5, false, false, "a/b", "{\"x\":");
    stage_until(&s, s.task->count == 1);
    stage_for(&s, 30);
    cr_expect_eq(fake_broker_count(&s.broker, 4), 0);
    cr_expect(s.task->records[0].dead);
    cr_expect_str_eq(s.task->records[0].key, "a/b");
    cr_expect_str_eq(s.task->records[0].value, "{\"x\":");
    cr_expect_not_null(strstr(s.task->records[0].headers, "mqtt.topic=a/b;"));
    cr_expect_not_null(strstr(s.task->records[0].headers, "mqtt.error.reason=payload is not valid JSON"));
    fake_task_deliver(s.task, 1, KAFTAN_STORED);
    stage_until(&s, fake_broker_count(&s.broker, 4) == 1);
    stage_close(&s);
}

Test(records, other_reasons)
{
    static const struct { const char *config, *topic, *payload, *part; } cases[] = {
        { "mqtt.payload.format=string\n", "a/s", "\xff", "payload is not valid UTF-8" },
        { "kafka.topic=${header:x}\n", "a/s", "x", "the message has no 'header:x'" },
        { "kafka.topic=${topic[1]}\nmqtt.topic.sanitize=\n", "a/s p", "x", "it gives no name of a Kafka topic" },
        { "mqtt.key=${json:/id}\n", "a/s", "no json", "the message has no 'json:/id'" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage s = { 0 };
        stage_open(&s, cases[i].config, NULL);
        stage_subscribed(&s);
        fake_broker_publish(&s.broker, 1, 5, false, false, cases[i].topic, cases[i].payload);
        stage_until(&s, s.failure);
        cr_expect_not_null(strstr(kaftan_error_message(s.failure), cases[i].part), "%s",
                           kaftan_error_message(s.failure));
        stage_close(&s);
    }
}

Test(records, retained_can_be_skipped)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.retained.skip=true\n", NULL);
    s.deliver = true;
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 5, false, true, "a/r", "old");
    fake_broker_publish(&s.broker, 1, 6, false, false, "a/r", "new");
    stage_until(&s, fake_broker_count(&s.broker, 4) == 2 && s.task->skipped == 1);
    cr_expect_eq(s.task->count, 1);
    cr_expect_str_eq(s.task->records[0].value, "new");
    stage_close(&s);
}
