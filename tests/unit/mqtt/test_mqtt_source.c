/* SPDX-License-Identifier: Apache-2.0 */
/* The ordinary life of a source: connecting, receiving, acknowledging, stopping. */
#include "config.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "stage.h"

static const char v311[] = "mqtt.version=3.1.1\n", v5[] = "mqtt.version=5\n";

static const struct seen *last_seen(const struct fake_broker *b, int type)
{
    for (size_t i = b->seen_count; i > 0; i--)
        if (b->seen[i - 1].type == type)
            return &b->seen[i - 1];
    return NULL;
}

Test(source, connects_with_5)
{
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    stage_subscribed(&s);
    const struct fake_broker *b = &s.broker;
    cr_expect(b->version == 5 && !b->clean && b->keep_alive == 60);
    cr_expect_eq(b->receive_maximum, 2000);
    cr_expect_eq(b->session_expiry, 604800);
    cr_expect_str_eq(last_seen(b, 1)->text, "kaftan-g-c-0");
    cr_expect_str_eq(last_seen(b, 8)->text, "a/#");
    stage_until(&s, s.task->flush_asked); /* so that a crash does not bring retained messages twice */
    stage_close(&s);
}

Test(source, connects_with_311)
{
    struct stage s = { 0 };
    stage_open(&s, v311, NULL);
    stage_subscribed(&s);
    cr_expect(s.broker.version == 4 && !s.broker.clean);
    stage_close(&s);
}

Test(source, clean_session)
{
    struct stage s = { .class = 1 }; /* the profile whose default it is */
    stage_open(&s, "mqtt.qos=1\n", NULL);
    stage_subscribed(&s);
    cr_expect(s.broker.clean && s.broker.session_expiry == 0);
    stage_close(&s);
}

static void acknowledges(const char *version)
{
    struct stage s = { 0 };
    stage_open(&s, version, NULL);
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 0, 0, false, false, "a/0", "zero");
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "one");
    fake_broker_publish(&s.broker, 2, 2, false, true, "a/2", "two");
    fake_broker_publish(&s.broker, 1, 3, false, false, "a/3", "three");
    stage_until(&s, s.task->count == 4);
    stage_for(&s, 30);
    cr_expect_eq(fake_broker_count(&s.broker, 4) + fake_broker_count(&s.broker, 5), 0, "Kafka has nothing yet");
    cr_expect_str_eq(s.task->records[1].topic, "mqtt");
    cr_expect_str_eq(s.task->records[1].key, "a/1");
    cr_expect_str_eq(s.task->records[1].value, "one");
    cr_expect_str_eq(s.task->records[2].headers,
                     "mqtt.message.id=2;mqtt.qos=2;mqtt.retained=true;mqtt.duplicate=false;");
    fake_task_deliver(s.task, 2, KAFTAN_STORED);
    stage_until(&s, fake_broker_count(&s.broker, 4) == 1);
    cr_expect_eq(last_seen(&s.broker, 4)->id, 1);
    fake_task_deliver(s.task, 1, KAFTAN_FILTERED);
    stage_until(&s, fake_broker_count(&s.broker, 5) == 1 && fake_broker_count(&s.broker, 7) == 1);
    cr_expect_eq(last_seen(&s.broker, 7)->id, 2);
    fake_task_deliver(s.task, 1, KAFTAN_SKIPPED);
    stage_until(&s, fake_broker_count(&s.broker, 4) == 2);
    char *offset = fake_task_offset(s.task);
    cr_expect_not_null(strstr(offset, "{\"v\":1,\"received\":4,\"delivered\":4,\"acked\":3,\"connections\":1,"
                                      "\"session.present\":false,\"filters\":\"a/#\""),
                       "%s", offset);
    mem_free(offset);
    stage_close(&s);
}

Test(source, acknowledges_what_kafka_has)
{
    acknowledges(v311);
    acknowledges(v5);
}

Test(source, never_acknowledges_a_failure)
{
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "one");
    fake_broker_publish(&s.broker, 1, 2, false, false, "a/2", "two");
    stage_until(&s, s.task->count == 2);
    fake_task_deliver(s.task, 1, KAFTAN_FAILED);
    fake_task_deliver(s.task, 1, KAFTAN_STORED);
    stage_for(&s, 50);
    cr_expect_eq(fake_broker_count(&s.broker, 4), 0, "what is behind a failure is not acknowledged either");
    stage_close(&s);
}

Test(source, acknowledges_nothing_without_ownership)
{
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "one");
    stage_until(&s, s.task->count == 1);
    s.task->owned = false;
    fake_task_deliver(s.task, 1, KAFTAN_STORED);
    stage_until(&s, s.broker.client < 0);
    cr_expect_eq(fake_broker_count(&s.broker, 4), 0);
    stage_for(&s, 50);
    cr_expect_eq(s.broker.connections, 1, "and nobody is pushed out");
    stage_close(&s);
}

Test(source, policy_received)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.ack.policy=received\n", NULL);
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "one");
    stage_until(&s, fake_broker_count(&s.broker, 4) == 1);
    fake_task_deliver(s.task, 1, KAFTAN_STORED);
    cr_expect(stage_warned("messages are acknowledged before Kafka has them"));
    stage_close(&s);
}

/* One write, many acknowledgements, in order. */
Test(source, many_messages)
{
    enum { COUNT = 1500 };
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    stage_subscribed(&s);
    for (uint16_t id = 1; id <= COUNT; id++)
        fake_broker_publish(&s.broker, 1, id, false, false, "a/many", "0123456789");
    s.deliver = true;
    stage_until(&s, fake_broker_count(&s.broker, 4) == COUNT);
    uint16_t expected = 1;
    for (size_t i = 0; i < s.broker.seen_count; i++)
        if (s.broker.seen[i].type == 4)
            cr_assert_eq(s.broker.seen[i].id, expected++, "out of order");
    cr_expect_eq(s.task->count, COUNT);
    stage_close(&s);
}

/* ---- redelivery */

static void redelivers(const char *version, int qos)
{
    struct stage s = { 0 };
    stage_open(&s, version, NULL);
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, qos, 1, false, false, "a/1", "one");
    fake_broker_publish(&s.broker, qos, 2, false, false, "a/2", "two");
    stage_until(&s, s.task->count == 2);
    s.broker.session_present = true;
    fake_broker_drop(&s.broker);
    stage_until(&s, stage_logged("disconnected from"));
    fake_task_deliver(s.task, 1, KAFTAN_STORED); /* while nobody is connected */
    stage_until(&s, s.broker.connections == 2 && s.broker.client >= 0);
    stage_for(&s, 20);
    fake_broker_publish(&s.broker, qos, 1, true, false, "a/1", "one");
    fake_broker_publish(&s.broker, qos, 2, true, false, "a/2", "two");
    stage_until(&s, fake_broker_count(&s.broker, qos == 1 ? 4 : 5) == 1);
    fake_task_deliver(s.task, 1, KAFTAN_STORED);
    stage_until(&s, fake_broker_count(&s.broker, qos == 1 ? 4 : 5) == 2);
    cr_expect_eq(s.task->count, 2, "known messages are not produced again");
    stage_close(&s);
}

Test(source, redelivery_is_recognised)
{
    redelivers(v311, 1);
    redelivers(v5, 1);
    redelivers(v311, 2);
    redelivers(v5, 2);
}

/* S19: an id reused with another payload and DUP: both must reach Kafka. */
Test(source, reused_id_is_a_new_message)
{
    struct stage s = { .deliver = true };
    stage_open(&s, "", NULL);
    s.deliver = true;
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "one");
    stage_until(&s, fake_broker_count(&s.broker, 4) == 1);
    s.broker.session_present = true;
    fake_broker_drop(&s.broker);
    stage_until(&s, s.broker.connections == 2 && s.broker.client >= 0);
    stage_for(&s, 20);
    fake_broker_publish(&s.broker, 1, 1, true, false, "a/1", "another");
    stage_until(&s, s.task->count == 2 && fake_broker_count(&s.broker, 4) == 2);
    cr_expect_str_eq(s.task->records[1].value, "another");
    stage_close(&s);
}

/* S18: a broker that sends again while connected. */
Test(source, resend_while_connected)
{
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    stage_subscribed(&s);
    for (int i = 0; i < 5; i++)
        fake_broker_publish(&s.broker, 1, 1, i > 0, false, "a/1", "one");
    stage_until(&s, s.task->count == 1);
    stage_for(&s, 30);
    cr_expect_eq(s.task->count, 1);
    fake_task_deliver(s.task, 1, KAFTAN_STORED);
    stage_until(&s, fake_broker_count(&s.broker, 4) == 1);
    stage_for(&s, 30);
    cr_expect_eq(fake_broker_count(&s.broker, 4), 1);
    stage_close(&s);
}

Test(source, session_lost)
{
    static const char stored[] = "{\"v\":1,\"received\":7,\"connections\":2,\"filters\":\"a/#\",\"qos\":1}";
    struct stage s = { 0 };
    stage_open(&s, v311, stored);
    stage_subscribed(&s); /* the filters were stored, but the session is another one */
    cr_expect(stage_warned("session of client id 'kaftan-g-c-0' was lost by"));
    stage_close(&s);
    stage_open(&s, "mqtt.version=3.1.1\nmqtt.session.lost.action=fail\n", stored);
    stage_until(&s, s.failure);
    cr_expect_not_null(strstr(kaftan_error_message(s.failure), "was lost by"));
    stage_close(&s);
}

Test(source, resumed_311_session_is_not_subscribed_again)
{
    struct stage s = { 0 };
    stage_open(&s, v311, "{\"v\":1,\"received\":7,\"connections\":2,\"filters\":\"a/#\",\"qos\":1}");
    s.broker.session_present = true;
    stage_until(&s, stage_logged("connected to"));
    stage_for(&s, 50);
    cr_expect_eq(fake_broker_count(&s.broker, 8), 0, "it would bring the retained messages again");
    stage_close(&s);
    /* another QoS, or another filter: subscribed, and what is no longer wanted unsubscribed */
    stage_open(&s, v311, "{\"v\":1,\"received\":7,\"connections\":2,\"filters\":\"a/#\\nold\",\"qos\":0}");
    s.broker.session_present = true;
    stage_subscribed(&s);
    stage_until(&s, fake_broker_count(&s.broker, 10) == 1);
    cr_expect_str_eq(last_seen(&s.broker, 10)->text, "old");
    char *offset = fake_task_offset(s.task);
    cr_expect_not_null(strstr(offset, "\"filters\":\"a/#\",\"qos\":1"), "%s", offset);
    mem_free(offset);
    stage_close(&s);
}

/* ---- the budget */

Test(source, stops_reading_when_full)
{
    struct stage s = { 0 };
    stage_open(&s, "records.buffer.queue.size=10\n", NULL);
    stage_subscribed(&s);
    cr_expect_eq(s.broker.receive_maximum, 10);
    for (int i = 0; i < 30; i++)
        fake_broker_publish(&s.broker, 0, 0, false, false, "a/0", "x");
    stage_until(&s, s.task->count == 10);
    stage_for(&s, 50);
    cr_expect_eq(s.task->count, 10);
    fake_task_deliver(s.task, 2, KAFTAN_STORED);
    stage_for(&s, 30);
    cr_expect_eq(s.task->count, 10, "goes on at three quarters only");
    fake_task_deliver(s.task, 1, KAFTAN_STORED);
    stage_for(&s, 30);
    s.deliver = true;
    stage_until(&s, s.task->count == 30);
    stage_close(&s);
}

Test(source, drops_qos0_when_told)
{
    struct stage s = { 0 };
    stage_open(&s, "records.buffer.queue.size=10\nmqtt.qos0.overflow=drop\n", NULL);
    stage_subscribed(&s);
    for (int i = 0; i < 30; i++)
        fake_broker_publish(&s.broker, 0, 0, false, false, "a/0", "x");
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "must not be dropped");
    stage_until(&s, s.task->skipped == 20);
    cr_expect_eq(s.task->count, 10);
    s.deliver = true;
    stage_until(&s, s.task->count == 11 && fake_broker_count(&s.broker, 4) == 1);
    stage_close(&s);
}

/* Larger than what is read at once, and than the socket holds; another one comes right behind it. */
Test(source, message_that_comes_in_many_pieces)
{
    enum { SIZE = 2000000 };
    static const uint8_t small[] = { 0x32, 10, 0, 3, 'a', '/', 'b', 0, 2, 0, 'o', 'k' };
    struct stage s = { 0 };
    size_t n = 0, sent = 0, body = 2 + 3 + 2 + 1 + SIZE;
    uint8_t *data = mem_alloc(SIZE + 64);
    stage_open(&s, v5, NULL);
    stage_subscribed(&s);
    data[n++] = 0x32;
    for (size_t rest = body; rest; rest >>= 7)
        data[n++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    memcpy(data + n, "\0\3a/b\0\1\0", 8);
    memset(data + n + 8, 'y', SIZE);
    n += 8 + SIZE;
    memcpy(data + n, small, sizeof small);
    n += sizeof small;
    for (kaftan_deadline by = kaftan_now_us() + 20000000; sent < n && kaftan_now_us() < by; stage_step(&s)) {
        ssize_t done = send(s.broker.client, data + sent, n - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        sent += done > 0 ? (size_t)done : 0;
    }
    cr_assert_eq(sent, n);
    stage_until(&s, s.task->count == 2);
    cr_expect_str_eq(s.task->records[1].value, "ok");
    mem_free(data);
    stage_close(&s);
}

Test(source, large_message_goes_alone)
{
    struct stage s = { 0 };
    char *big = mem_zalloc(600001, 1);
    memset(big, 'b', 600000);
    stage_open(&s, "mqtt.buffer.max.bytes=1000\n", NULL);
    stage_subscribed(&s);
    int buffer = 1 << 20;
    (void)setsockopt(s.broker.client, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "small");
    /* sent in pieces, because both ends are in this thread */
    s.deliver = true;
    stage_until(&s, s.task->count == 1);
    uint8_t head[] = { 0x32, 0xc8, 0xcf, 0x24, 0, 3, 'a', '/', 'b', 0, 2, 0 };
    fake_broker_send(&s.broker, head, sizeof head);
    for (size_t at = 0; at < 600000; at += 10000) {
        fake_broker_send(&s.broker, big + at, 10000);
        stage_step(&s);
    }
    stage_until(&s, s.task->count == 2 && fake_broker_count(&s.broker, 4) == 2);
    cr_expect_eq(s.task->records[1].value_len, 600000);
    stage_close(&s);
    mem_free(big);
}

/* ---- keep alive, pause, stop */

Test(source, keep_alive)
{
    struct stage s = { 0 };
    stage_open(&s, "mqtt.keepalive.interval.seconds=1\n", NULL);
    stage_subscribed(&s);
    stage_until(&s, fake_broker_count(&s.broker, 12) == 2);
    cr_expect_eq(s.broker.connections, 1);
    s.service = true; /* also while the worker takes nothing */
    stage_until(&s, fake_broker_count(&s.broker, 12) == 3);
    s.broker.mute = true;
    stage_until(&s, stage_logged("(keep alive)"));
    s.broker.mute = false;
    stage_until(&s, s.broker.connections == 2);
    stage_close(&s);
}

Test(source, stops_in_order)
{
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "one");
    fake_broker_publish(&s.broker, 2, 2, false, false, "a/2", "two");
    stage_until(&s, s.task->count == 2);
    s.task->class->stop(s.task->self, KAFTAN_STOP_SHUTDOWN, kaftan_now_us() + 10000000);
    s.service = true;
    fake_broker_publish(&s.broker, 1, 3, false, false, "a/3", "too late");
    stage_for(&s, 50);
    cr_expect_not(s.task->class->idle(s.task->self), "records are open");
    cr_expect_eq(fake_broker_count(&s.broker, 14), 0);
    fake_task_deliver(s.task, 2, KAFTAN_STORED);
    stage_until(&s, s.task->class->idle(s.task->self));
    cr_expect_eq(fake_broker_count(&s.broker, 4), 1, "PUBACK of the first only");
    cr_expect_eq(fake_broker_count(&s.broker, 5), 1);
    cr_expect_eq(fake_broker_count(&s.broker, 7), 1, "PUBREL was waited for");
    cr_expect_eq(fake_broker_count(&s.broker, 14), 1);
    cr_expect_eq(last_seen(&s.broker, 14)->reason, 0);
    cr_expect_eq(s.task->count, 2);
    stage_close(&s);
}

Test(source, stop_has_a_deadline)
{
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "one");
    stage_until(&s, s.task->count == 1);
    s.task->class->stop(s.task->self, KAFTAN_STOP_MOVE, kaftan_now_us() + 100000);
    s.service = true;
    stage_until(&s, s.task->class->idle(s.task->self));
    cr_expect_eq(fake_broker_count(&s.broker, 4), 0, "Kafka never answered");
    cr_expect_eq(fake_broker_count(&s.broker, 14), 1);
    stage_close(&s);
}

/* The next owner of the session may come only when the broker has read what was acknowledged. */
Test(source, stop_waits_for_a_busy_broker)
{
    static const struct { int64_t deadline_us; bool waits; } cases[] = { { 15000000, true }, { 100000, false } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage s = { 0 };
        stage_open(&s, "", NULL);
        stage_subscribed(&s);
        fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "one");
        stage_until(&s, s.task->count == 1);
        s.task->class->stop(s.task->self, KAFTAN_STOP_MOVE, kaftan_now_us() + cases[i].deadline_us);
        s.service = s.broker.stalled = true;
        fake_task_deliver(s.task, 1, KAFTAN_STORED);
        if (cases[i].waits)
            stage_for(&s, 1500);
        else
            stage_until(&s, s.task->class->idle(s.task->self));
        cr_expect_eq(s.task->class->idle(s.task->self), !cases[i].waits);
        s.broker.stalled = false;
        stage_until(&s, s.task->class->idle(s.task->self) && fake_broker_count(&s.broker, 14) == 1);
        cr_expect_eq(fake_broker_count(&s.broker, 4), 1);
        stage_close(&s);
    }
}

Test(source, pause_and_resume)
{
    struct stage s = { 0 };
    stage_open(&s, "", NULL);
    s.deliver = true;
    stage_subscribed(&s);
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "one");
    stage_until(&s, fake_broker_count(&s.broker, 4) == 1);
    s.task->class->pause(s.task->self, true);
    s.service = true;
    s.broker.session_present = true;
    stage_until(&s, s.broker.disconnected && s.task->class->idle(s.task->self));
    stage_for(&s, 30);
    cr_expect_eq(s.broker.connections, 1);
    s.task->class->pause(s.task->self, false);
    s.service = false;
    stage_until(&s, s.broker.connections == 2 && s.broker.client >= 0);
    stage_for(&s, 20);
    fake_broker_publish(&s.broker, 1, 1, false, false, "a/1", "two");
    stage_until(&s, fake_broker_count(&s.broker, 4) == 2);
    stage_close(&s);
}

/* No allocation of ours per message, once everything is warm: the fake worker counts what happens inside poll. */
Test(source, no_allocation_per_message)
{
#ifdef KAFTAN_SANITIZE
    cr_skip("arenas allocate piece by piece here");
#endif
    enum { COUNT = 500, ROUNDS = 6 };
    struct stage s = { 0 };
    uint64_t used = 0;
    stage_open(&s, "", NULL);
    stage_subscribed(&s);
    for (int round = 0; round < ROUNDS; round++) {
        size_t want = s.task->count + COUNT;
        for (uint16_t id = 1; id <= COUNT; id++)
            fake_broker_publish(&s.broker, 1, id, false, false, "a/many", "0123456789");
        s.task->allocations = 0;
        while (s.task->count < want)
            cr_assert_null(fake_task_poll(s.task));
        uint64_t before = mem_count();
        fake_task_deliver(s.task, COUNT, KAFTAN_STORED);
        used = s.task->allocations + (mem_count() - before);
        stage_for(&s, 20);
    }
    cr_expect_lt(used, COUNT / 10, "%llu allocations for %d messages", (unsigned long long)used, COUNT);
    stage_close(&s);
}
