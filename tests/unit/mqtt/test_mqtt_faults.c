/* SPDX-License-Identifier: Apache-2.0 */
/* Brokers that refuse, vanish, break the rules: what the source does, and what it never does. */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "stage.h"

/* The connection ends after any number of bytes of the broker's: it comes back, and everything arrives. */
Test(faults, closing_at_any_byte, .timeout = 120)
{
    for (int version = 0; version < 2; version++) {
        for (int at = 0; at < 60; at++) {
            struct stage s = { 0 };
            stage_open(&s, version ? "mqtt.version=5\n" : "mqtt.version=3.1.1\n", NULL);
            s.deliver = true;
            s.broker.close_after = at;
            stage_until(&s, s.broker.connections == 1 || at == 0);
            for (int i = 0; i < 3; i++)
                stage_step(&s);
            fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "one");
            fake_broker_publish(&s.broker, 2, 2, false, false, "a/2", "two");
            for (int i = 0; i < 3; i++)
                stage_step(&s);
            s.broker.close_after = -1;
            s.broker.session_present = s.broker.connections > 0;
            fake_broker_drop(&s.broker);
            unsigned had = s.broker.connections;
            stage_until(&s, s.broker.connections > had && s.broker.client >= 0);
            for (int i = 0; i < 3; i++)
                stage_step(&s);
            size_t acks = fake_broker_count(&s.broker, 4);
            fake_broker_publish(&s.broker, 1, 1, true, false, "a/1", "one");
            fake_broker_publish(&s.broker, 1, 9, false, false, "a/9", "nine");
            stage_until(&s, fake_broker_count(&s.broker, 4) >= acks + 2);
            cr_expect_null(s.failure, "version %d, byte %d: %s", version, at, kaftan_error_message(s.failure));
            cr_expect_str_eq(s.task->records[s.task->count - 1].value, "nine");
            stage_close(&s);
        }
    }
}

Test(faults, falls_back_to_311)
{
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    s.broker.refuse_5 = true;
    stage_subscribed(&s);
    cr_expect_eq(s.broker.version, 4);
    s.broker.session_present = true;
    fake_broker_drop(&s.broker);
    stage_until(&s, s.broker.connections >= 3 && s.broker.client >= 0);
    cr_expect_eq(s.broker.version, 4, "it is known by now");
    stage_close(&s);
}

static void refused_with(const char *config, uint8_t code, const char *text)
{
    struct stage s = { 0 };
    stage_open(&s, config, NULL);
    s.broker.connack_code = code;
    stage_until(&s, s.failure);
    cr_expect_not_null(strstr(kaftan_error_message(s.failure), text), "%s", kaftan_error_message(s.failure));
    cr_expect_not(kaftan_error_retriable(s.failure), "the worker must not try again");
    stage_close(&s);
}

Test(faults, refusals_that_are_final)
{
    refused_with("mqtt.version=5\n", 0x85, "the broker rejects client id 'kaftan-g-c-0'; set mqtt.client.id");
    refused_with("mqtt.version=3.1.1\n", 2, "the broker rejects client id 'kaftan-g-c-0'; set mqtt.client.id");
    refused_with("mqtt.version=5\n", 0x84, "refuses MQTT 5; set mqtt.version");
    refused_with("mqtt.version=5\n", 0x82, "refuses the connection: protocol error");
}

Test(faults, refusals_that_may_pass)
{
    static const struct { const char *config; uint8_t code; } cases[] = {
        { "mqtt.version=5\n", 0x88 }, { "mqtt.version=5\n", 0x97 }, { "mqtt.version=5\n", 0x87 },
        { "mqtt.version=3.1.1\n", 3 }, { "mqtt.version=3.1.1\n", 4 }, { "mqtt.version=3.1.1\n", 5 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage s = { 0 };
        stage_open(&s, cases[i].config, NULL);
        s.broker.connack_code = cases[i].code;
        stage_until(&s, s.broker.connections >= 2);
        cr_expect_null(s.failure);
        s.broker.connack_code = 0;
        stage_subscribed(&s);
        stage_close(&s);
    }
}

Test(faults, max_retry_time)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.version=5\nmax.retry.time.ms=200\n", NULL);
    s.broker.connack_code = 0x88;
    stage_until(&s, s.failure);
    cr_expect_not_null(strstr(kaftan_error_message(s.failure), "max.retry.time.ms is 200): server unavailable (0x88)"),
                       "%s", kaftan_error_message(s.failure));
    stage_close(&s);
}

Test(faults, no_connack)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.version=5\nmqtt.connect.timeout.seconds=1\n", NULL);
    s.broker.mute = true;
    stage_until(&s, stage_warned("no CONNACK within 1 s"));
    s.broker.mute = false;
    stage_subscribed(&s);
    stage_close(&s);
}

Test(faults, subscription_refused)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.version=5\n", NULL);
    s.broker.suback_code = 0x87;
    stage_until(&s, s.failure);
    cr_expect_not_null(strstr(kaftan_error_message(s.failure), "refuses the subscription 'a/#': not authorized"), "%s",
                       kaftan_error_message(s.failure));
    stage_close(&s);
    stage_open(&s, "mqtt.version=5\n", NULL); /* for now */
    s.broker.suback_code = 0x80;
    stage_until(&s, stage_warned("refuses the subscription 'a/#' for now"));
    s.broker.suback_code = 255;
    stage_until(&s, stage_logged("subscribed to 'a/#' with QoS 1"));
    cr_expect_null(s.failure);
    stage_close(&s);
}

Test(faults, qos_downgrade)
{
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    s.broker.suback_code = 0;
    stage_until(&s, stage_warned("subscription 'a/#' was granted QoS 0 instead of 1 by 127.0.0.1"));
    cr_expect_null(s.failure);
    stage_close(&s);
    stage_open(&s, "mqtt.qos.downgrade.action=fail\n", NULL);
    s.broker.suback_code = 0;
    stage_until(&s, s.failure);
    stage_close(&s);
}

/* S12: three takeovers in a minute are a failure; plain closes never are. */
Test(faults, taken_over, .timeout = 60)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.version=5\n", NULL);
    for (unsigned i = 1; i <= 3; i++) {
        stage_until(&s, s.broker.connections == i && s.broker.client >= 0);
        s.broker.session_present = true;
        stage_for(&s, 20);
        fake_broker_send_hex(&s.broker, "e0018e");
        stage_for(&s, 20);
        fake_broker_drop(&s.broker);
    }
    stage_until(&s, s.failure);
    cr_expect_not_null(strstr(kaftan_error_message(s.failure), "another client uses client id 'kaftan-g-c-0' on "),
                       "%s", kaftan_error_message(s.failure));
    stage_close(&s);
}

Test(faults, flapping)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.version=3.1.1\n", NULL);
    for (unsigned i = 1; i <= 3; i++) {
        stage_until(&s, s.broker.connections == i && s.broker.client >= 0);
        s.broker.session_present = true;
        stage_for(&s, 20);
        fake_broker_drop(&s.broker);
    }
    stage_until(&s, stage_warned("connection closed right after CONNACK 3 times in 60 s"));
    cr_expect_null(s.failure);
    stage_close(&s);
}

Test(faults, redirected)
{
    struct stage s = { 0 };
    struct fake_broker other;
    char config[128], hex[128];
    fake_broker_start(&other);
    (void)snprintf(config, sizeof config, "mqtt.version=5\nmqtt.server.redirect=any\n");
    stage_open(&s, config, NULL);
    stage_subscribed(&s);
    /* DISCONNECT 0x9D with the server reference of the other broker */
    char reference[32];
    int n = snprintf(reference, sizeof reference, "127.0.0.1:%u", other.port), at;
    at = snprintf(hex, sizeof hex, "e0%02x9d%02x1c00%02x", n + 5, n + 3, n);
    for (int i = 0; i < n; i++)
        at += snprintf(hex + at, sizeof hex - (size_t)at, "%02x", (unsigned)reference[i]);
    fake_broker_send_hex(&s.broker, hex);
    kaftan_deadline by = kaftan_now_us() + 10000000;
    while (other.connections == 0 && kaftan_now_us() < by) {
        stage_step(&s);
        fake_broker_turn(&other);
    }
    cr_expect_eq(other.connections, 1);
    stage_close(&s);
    fake_broker_stop(&other);
}

/* ---- broken rules */

static void malformed(const char *hex, const char *part)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.version=5\n", NULL);
    stage_subscribed(&s);
    s.broker.session_present = true;
    fake_broker_send_hex(&s.broker, hex);
    stage_until(&s, stage_warned(part));
    stage_until(&s, fake_broker_count(&s.broker, 14) == 1 && s.broker.connections == 2);
    cr_expect_null(s.failure);
    stage_close(&s);
}

Test(faults, malformed_packets)
{
    malformed("36050001610001", "QoS 3");
    malformed("0000", "packet type 0");
    malformed("30ffffffffff", "the remaining length takes more than four bytes");
    malformed("20030000000000", "a second CONNACK");
    malformed("9004ffff0001", "a SUBACK that answers no SUBSCRIBE");
    malformed("40020001", "an answer to a message that was never sent");
    malformed("300700016103230001", "a topic alias, although none was allowed");
    malformed("d0ffff7f", "a packet that is larger than any of its kind");
    malformed("c000", "a broker never sends this packet");
}

Test(faults, poison_packet, .timeout = 60)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.version=5\n", NULL);
    s.broker.session_present = true;
    for (unsigned i = 1; i <= 5; i++) {
        stage_until(&s, s.broker.connections >= i && s.broker.client >= 0);
        stage_for(&s, 10);
        cr_expect_null(s.failure, "after %u", i - 1);
        fake_broker_send_hex(&s.broker, "36050001610001");
        stage_for(&s, 10);
    }
    stage_until(&s, s.failure);
    cr_expect_not_null(strstr(kaftan_error_message(s.failure), "sent the same wrong packet 5 times in a row: QoS 3"));
    stage_close(&s);
}

Test(faults, overrun)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.receive.maximum=5\n", NULL);
    stage_subscribed(&s);
    for (uint16_t id = 1; id <= 20; id++)
        fake_broker_publish(&s.broker, 1, id, false, false, "a/1", "x");
    stage_until(&s, s.task->count == 20);
    cr_expect(stage_warned("receive maximum exceeded by 127.0.0.1"));
    s.deliver = true;
    stage_until(&s, fake_broker_count(&s.broker, 4) == 20);
    cr_expect_eq(s.broker.connections, 1, "it is counted, not answered with a disconnect");
    stage_close(&s);
}

Test(faults, pubrel_of_the_unknown)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.version=5\n", NULL);
    stage_subscribed(&s);
    fake_broker_send_hex(&s.broker, "62020007");
    stage_until(&s, fake_broker_count(&s.broker, 7) == 1);
    cr_expect_eq(s.broker.seen[s.broker.seen_count - 1].reason, 0x92);
    fake_broker_publish(&s.broker, 2, 8, false, false, "a/1", "x");
    stage_until(&s, s.task->count == 1);
    fake_broker_send_hex(&s.broker, "62020008"); /* without our PUBREC */
    stage_until(&s, stage_warned("PUBREL for a message that has had no PUBREC"));
    cr_expect_eq(fake_broker_count(&s.broker, 7), 1);
    s.deliver = true;
    stage_until(&s, fake_broker_count(&s.broker, 5) == 1 && fake_broker_count(&s.broker, 7) == 2);
    stage_close(&s);
}

/* ---- oversize */

static void send_oversize(struct stage *s, size_t payload)
{
    uint8_t head[] = { 0x32, 0, 0, 0, 0, 3, 'a', '/', 'o', 0, 7, 0 };
    size_t body = payload + 8;
    head[1] = (uint8_t)((body & 0x7f) | 0x80);
    head[2] = (uint8_t)((body >> 7 & 0x7f) | 0x80);
    head[3] = (uint8_t)(body >> 14);
    fake_broker_send(&s->broker, head, sizeof head);
    char piece[10000];
    memset(piece, 'o', sizeof piece);
    for (size_t at = 0; at < payload; at += sizeof piece) {
        fake_broker_send(&s->broker, piece, payload - at < sizeof piece ? payload - at : sizeof piece);
        stage_step(s);
    }
}

/* S15 */
Test(faults, oversize)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.version=5\nmqtt.max.message.bytes=1000\n", NULL);
    s.task->tolerates = true;
    s.deliver = true;
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "before");
    send_oversize(&s, 2000000);
    fake_broker_publish(&s.broker, 1, 2, false, false, "a/2", "behind");
    stage_until(&s, fake_broker_count(&s.broker, 4) == 3);
    cr_expect_eq(s.broker.connections, 1);
    cr_expect_eq(s.task->count, 2);
    cr_expect_str_eq(s.task->records[1].value, "behind");
    stage_until(&s, s.task->skipped == 1);
    cr_expect_str_eq(s.task->skipped_reason, "too large");
    stage_until(&s, fake_metric("kafka_connect_mqtt_source_oversize_total{slot=\"0\"}") == 1);
    stage_close(&s);
    /* not tolerated: the task says what to do */
    stage_open(&s, "mqtt.version=5\nmqtt.max.message.bytes=1000\n", NULL);
    stage_subscribed(&s);
    send_oversize(&s, 2000);
    stage_until(&s, s.failure);
    cr_expect_str_eq(kaftan_error_message(s.failure),
                     "Cannot deliver MQTT message from topic 'a/o' (QoS 1, packet 7, 2000 bytes, slot 0): it is larger "
                     "than mqtt.max.message.bytes. It stays in the broker's session; set errors.tolerance=all to skip "
                     "such messages, and errors.deadletterqueue.topic.name as well to keep them.");
    cr_expect_eq(fake_broker_count(&s.broker, 4), 0);
    stage_close(&s);
}
