/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "base/text.h"
#include "kafka/producer.h"
#include "mock.h"
#include "vectors/storage.h"

enum { REPORTS = 512 };

static struct producer *make(const struct mock *m, size_t limit, const char *key, const char *value)
{
    struct producer *p = NULL;
    struct text_map *props = mock_props(m);
    text_map_put(props, "delivery.timeout.ms", "2147483647");
    if (key)
        text_map_put(props, key, value);
    struct kaftan_error *err = producer_new(props, limit, 0, &p);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    text_map_unref(props);
    return p;
}

static struct producer_record record(const char *topic, const char *value, uint64_t token)
{
    return (struct producer_record){ .topic = slice_of(topic), .partition = 0, .timestamp = -1, .value = slice_of(value),
                                     .token = token };
}

/* Takes reports until `want` have come; every one must be a success. */
static void collect(struct producer *p, size_t want, struct producer_report *all)
{
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    for (size_t n = 0; n < want;) {
        mock_wait(producer_fd(p), deadline);
        size_t got = producer_reports(p, &all[n], want - n);
        for (size_t i = n; i < n + got; i++)
            cr_assert_null(all[i].err, "%s", all[i].err ? kaftan_error_message(all[i].err) : "");
        n += got;
    }
}

Test(producer, stores_in_order_and_reports)
{
    struct mock m = mock_new(1);
    struct producer *p = make(&m, 1000, NULL, NULL);
    struct producer_report all[REPORTS];
    struct kaftan_error *err = NULL;
    for (uint64_t i = 0; i < REPORTS; i++) {
        struct producer_record r = record("t", "value", i);
        cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    }
    cr_expect_eq(producer_in_flight(p), REPORTS);
    cr_expect_eq(producer_queue_bytes(p), REPORTS * 5);
    producer_flush_start(p);
    collect(p, REPORTS, all);
    for (size_t i = 0; i < REPORTS; i++) {
        cr_assert_eq(all[i].token, i);
        cr_assert_eq(all[i].offset, (int64_t)i);
    }
    cr_expect_eq(producer_in_flight(p), 0);
    cr_expect_eq(producer_queue_bytes(p), 0);
    producer_free(p);
    mock_free(&m);
}

Test(producer, full_until_reports_come)
{
    struct mock m = mock_new(1);
    struct producer *p = make(&m, 4, NULL, NULL);
    struct producer_report all[8];
    struct kaftan_error *err = NULL;
    struct producer_record r = record("t", "v", 7);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    cr_expect_eq(producer_send(p, &r, &err), PRODUCER_FULL);
    cr_expect_null(err);
    collect(p, 4, all);
    cr_expect_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    producer_free(p); /* one is still in flight */
    mock_free(&m);
}

Test(producer, full_by_bytes)
{
    struct mock m = mock_new(1);
    struct producer *p = make(&m, 1000, "buffer.memory", "10240");
    static char big[8192];
    struct producer_report all[1];
    struct kaftan_error *err = NULL;
    memset(big, 'x', sizeof big - 1);
    struct producer_record r = record("t", big, 1);
    cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    cr_expect_eq(producer_send(p, &r, &err), PRODUCER_FULL);
    cr_expect_eq(producer_in_flight(p), 1);
    collect(p, 1, all);
    cr_expect_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    producer_free(p);
    mock_free(&m);
}

Test(producer, refuses_what_is_too_large)
{
    struct mock m = mock_new(1);
    struct producer *p = make(&m, 10, "max.request.size", "2000");
    static char big[4000];
    struct kaftan_error *err = NULL;
    memset(big, 'x', sizeof big - 1);
    struct producer_record r = record("t", big, 1);
    cr_assert_eq(producer_send(p, &r, &err), PRODUCER_REFUSED);
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_DATA);
    cr_expect_not_null(strstr(kaftan_error_message(err), "\"t\""), "%s", kaftan_error_message(err));
    cr_expect_eq(producer_in_flight(p), 0);
    kaftan_error_free(err);
    producer_free(p);
    mock_free(&m);
}

/* Reads partition 0 of a topic from its start; values must be numbers that never go back by more than a resend. */
static void expect_all_numbers(const struct mock *m, const char *topic, int count)
{
    char text[256];
    bool seen[2000] = { 0 };
    int missing = count, next = 0;
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(m->cluster), text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, topic, NULL);
    cr_assert_eq(rd_kafka_consume_start(t, 0, RD_KAFKA_OFFSET_BEGINNING), 0);
    while (missing > 0) {
        cr_assert_lt(clock_mono_ms(), deadline, "%d records are missing", missing);
        rd_kafka_message_t *msg = rd_kafka_consume(t, 0, 500);
        if (!msg)
            continue;
        if (!msg->err) {
            int n = 0;
            cr_assert_eq(sscanf((const char *)msg->payload, "%4d", &n), 1);
            cr_assert(n >= 0 && n < count);
            cr_expect(n <= next, "%d came before %d", n, next);
            if (!seen[n])
                missing--;
            seen[n] = true;
            next = n + 1 > next ? n + 1 : next;
        }
        rd_kafka_message_destroy(msg);
    }
    rd_kafka_consume_stop(t, 0);
    rd_kafka_topic_destroy(t);
    rd_kafka_destroy(rk);
}

Test(producer, survives_a_fatal_error_in_order)
{
    enum { COUNT = 1000 };
    static char values[COUNT][8];
    struct mock m = mock_new(1);
    struct producer *p = make(&m, 200, NULL, NULL);
    struct producer_report reports[64];
    struct kaftan_error *err = NULL;
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    uint64_t sent = 0, done = 0;
    bool answered[COUNT] = { 0 };
    while (done < COUNT) {
        cr_assert_lt(clock_mono_ms(), deadline);
        while (sent < COUNT) {
            (void)snprintf(values[sent], sizeof values[sent], "%4d", (int)sent);
            struct producer_record r = record("t", values[sent], sent);
            if (producer_send(p, &r, &err) != PRODUCER_TAKEN)
                break;
            sent++;
            if (sent == 150 || sent == 600)
                producer_test_fatal(p);
        }
        cr_assert_null(err);
        mock_wait(producer_fd(p), deadline);
        size_t n = producer_reports(p, reports, COUNT_OF(reports));
        for (size_t i = 0; i < n; i++) {
            cr_assert_null(reports[i].err, "%s", reports[i].err ? kaftan_error_message(reports[i].err) : "");
            cr_assert_not(answered[reports[i].token], "reported twice");
            answered[reports[i].token] = true;
        }
        done += n;
    }
    cr_expect_eq(producer_in_flight(p), 0);
    producer_free(p);
    expect_all_numbers(&m, "t", COUNT);
    mock_free(&m);
}

Test(producer, broker_errors_are_retried_in_order)
{
    enum { COUNT = 500 };
    static char values[COUNT][8];
    struct mock m = mock_new(1);
    struct producer *p = make(&m, COUNT, NULL, NULL);
    struct producer_report all[COUNT];
    struct kaftan_error *err = NULL;
    rd_kafka_mock_push_request_errors(m.cluster, 0 /* Produce */, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT);
    for (uint64_t i = 0; i < COUNT; i++) {
        (void)snprintf(values[i], sizeof values[i], "%4d", (int)i);
        struct producer_record r = record("t", values[i], i);
        cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    }
    collect(p, COUNT, all);
    producer_free(p);
    expect_all_numbers(&m, "t", COUNT);
    mock_free(&m);
}

Test(producer, headers_timestamp_and_nulls)
{
    char text[256];
    struct mock m = mock_new(1);
    struct producer *p = make(&m, 10, NULL, NULL);
    struct producer_header headers[] = { { slice_of("a"), slice_of("1") }, { slice_of("n"), { NULL, 0 } } };
    struct producer_record r = { .topic = slice_of("t"), .partition = 0, .timestamp = 1234567890123, .key = slice_of("k"),
                                 .headers = headers, .header_count = 2, .token = 9 };
    struct producer_report all[2];
    struct kaftan_error *err = NULL;
    cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    r.value = (struct kaftan_slice){ "", 0 };
    headers[0].value = slice_of("gone"); /* the array was copied */
    cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    collect(p, 2, all);
    producer_free(p);

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(m.cluster), text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    rd_kafka_topic_t *t = rd_kafka_topic_new(rk, "t", NULL);
    rd_kafka_consume_start(t, 0, RD_KAFKA_OFFSET_BEGINNING);
    for (int i = 0; i < 2; i++) {
        rd_kafka_message_t *msg = rd_kafka_consume(t, 0, MOCK_DEADLINE_MS);
        cr_assert(msg && !msg->err);
        cr_expect_eq(rd_kafka_message_timestamp(msg, NULL), 1234567890123);
        cr_expect_eq(msg->payload == NULL, i == 0, "null and empty differ");
        rd_kafka_headers_t *h = NULL;
        const char *name;
        const void *value;
        size_t size;
        cr_assert_eq(rd_kafka_message_headers(msg, &h), RD_KAFKA_RESP_ERR_NO_ERROR);
        cr_assert_eq(rd_kafka_header_get_all(h, 0, &name, &value, &size), RD_KAFKA_RESP_ERR_NO_ERROR);
        cr_expect_str_eq(name, "a");
        cr_expect_eq(size, i == 0 ? 1 : 4);
        cr_assert_eq(rd_kafka_header_get_all(h, 1, &name, &value, &size), RD_KAFKA_RESP_ERR_NO_ERROR);
        cr_expect_null(value);
        rd_kafka_message_destroy(msg);
    }
    rd_kafka_consume_stop(t, 0);
    rd_kafka_topic_destroy(t);
    rd_kafka_destroy(rk);
    mock_free(&m);
}

/* The hot path's promise: nothing of ours is allocated per record. */
Test(producer, allocates_nothing_once_warm)
{
    enum { ROUND = 500, ROUNDS = 20 };
    struct mock m = mock_new(1);
    struct producer *p = make(&m, 1000, NULL, NULL);
    struct producer_report all[ROUND];
    struct producer_header header = { slice_of("h"), slice_of("v") };
    struct kaftan_error *err = NULL;
    uint64_t before = 0;
    for (int round = 0; round < ROUNDS; round++) {
        if (round == 2)
            before = mem_count();
        for (uint64_t i = 0; i < ROUND; i++) {
            struct producer_record r = record(i % 2 ? "t" : "u", "value", i);
            if (i % 10 == 0) {
                r.headers = &header;
                r.header_count = 1;
            }
            cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
        }
        collect(p, ROUND, all);
    }
    cr_expect_leq(mem_count() - before, 1000, "slots get their header arrays, and that ends: %d", (int)(mem_count() - before));
    before = mem_count();
    for (uint64_t i = 0; i < ROUND; i++) {
        struct producer_record r = record("t", "value", i);
        cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    }
    collect(p, ROUND, all);
    cr_expect_eq(mem_count(), before);
    producer_free(p);
    mock_free(&m);
}

Test(producer, partitions_as_java)
{
    cr_assert_eq(golden_file("storage-vectors.json", storage_kafka_sections), 0);
}

/* ---- on demand ---- */

enum { REST_MS = 200 };

static struct producer *make_on_demand(const struct mock *m, const char *client_id)
{
    struct producer *p = NULL;
    struct text_map *props = mock_props(m);
    text_map_put(props, "client.id", client_id);
    text_map_put(props, "delivery.timeout.ms", "2147483647");
    struct kaftan_error *err = producer_new(props, 1000, REST_MS, &p);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    text_map_unref(props);
    return p;
}

static void wait_resting(struct producer *p)
{
    struct producer_report none[1];
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    while (!producer_resting(p)) {
        cr_assert_lt(clock_mono_ms(), deadline);
        mock_wait(producer_fd(p), deadline);
        cr_assert_eq(producer_reports(p, none, 1), 0);
    }
}

static void send_number(struct producer *p, const char *number, uint64_t token)
{
    struct kaftan_error *err = NULL;
    struct producer_report got[1];
    struct producer_record r = record("n", number, token);
    cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    cr_expect_not(producer_resting(p));
    collect(p, 1, got);
    cr_expect_eq(got[0].token, token);
}

Test(producer, on_demand_has_a_client_while_there_is_something_to_send)
{
    static const char *const numbers[] = { "0000", "0001", "0002", "0003" };
    struct mock m = mock_new(1);
    struct producer *first = make_on_demand(&m, "one"), *second = make_on_demand(&m, "two");
    cr_expect_not(producer_resting(first)); /* what was never tried has to be */
    cr_expect(producer_resting(second));
    send_number(second, numbers[0], 70);
    cr_expect_not(producer_resting(second), "a record has just gone out");
    send_number(second, numbers[1], 71);
    wait_resting(first); /* also one that never sent */
    for (uint64_t i = 2; i < 4; i++) {
        wait_resting(second);
        struct pollfd quiet = { .fd = producer_fd(second), .events = POLLIN };
        cr_expect_eq(poll(&quiet, 1, 0), 0, "what rests has nothing to report");
        send_number(second, numbers[i], 70 + i);
    }
    expect_all_numbers(&m, "n", 4);
    producer_free(first);
    producer_free(second);
    mock_free(&m);
}

Test(producer, on_demand_does_not_rest_with_records_in_flight)
{
    struct mock m = mock_new(1);
    struct producer *p = make_on_demand(&m, "slow");
    struct kaftan_error *err = NULL;
    struct producer_report got[1];
    struct producer_record r = record("t", "v", 5);
    rd_kafka_mock_broker_set_down(m.cluster, 1);
    cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    for (int64_t until = clock_mono_ms() + 3 * REST_MS; clock_mono_ms() < until;) {
        struct pollfd f = { .fd = producer_fd(p), .events = POLLIN };
        (void)poll(&f, 1, 20);
        cr_assert_eq(producer_reports(p, got, 1), 0);
        cr_assert_not(producer_resting(p));
    }
    rd_kafka_mock_broker_set_up(m.cluster, 1);
    collect(p, 1, got);
    cr_expect_eq(got[0].token, 5);
    wait_resting(p);
    producer_free(p);
    mock_free(&m);
}

Test(producer, on_demand_checks_its_settings_at_once)
{
    for (int i = 0; i < 2; i++) { /* what failed once has proven nothing */
        struct producer *p = NULL;
        struct text_map *props = text_map_new();
        text_map_put(props, "bootstrap.servers", "127.0.0.1:1");
        text_map_put(props, "delivery.timeout.ms", "1000");
        text_map_put(props, "linger.ms", "5000"); /* a client takes no such pair */
        struct kaftan_error *err = producer_new(props, 1, REST_MS, &p);
        cr_expect_not_null(err);
        cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
        kaftan_error_free(err);
        text_map_unref(props);
    }
}

Test(producer, guarantees)
{
    static const struct { const char *key, *value, *want; } cases[] = {
        { "acks", "1", NULL }, { "enable.idempotence", "false", NULL }, { "retries", "0", NULL },
        { "max.in.flight.requests.per.connection", "20", NULL }, { "batch.size", "x", "Invalid value x for configuration batch.size" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct producer *p = NULL;
        struct text_map *props = text_map_new();
        text_map_put(props, "bootstrap.servers", "127.0.0.1:1");
        text_map_put(props, cases[i].key, cases[i].value);
        struct kaftan_error *err = producer_new(props, 1, 0, &p);
        cr_expect_eq(err == NULL, cases[i].want == NULL, "%s=%s", cases[i].key, cases[i].value);
        if (err && cases[i].want)
            cr_expect_eq(strncmp(kaftan_error_message(err), cases[i].want, strlen(cases[i].want)), 0);
        kaftan_error_free(err);
        producer_free(p);
        text_map_put(props, "enable.idempotence", "true");
        if (i == 0) {
            p = NULL;
            err = producer_new(props, 1, 0, &p);
            cr_expect_not_null(err, "idempotence with acks=1");
            kaftan_error_free(err);
        }
        text_map_unref(props);
    }
}

/* What a task that was given up had sent: none of it may come after its successor's. */
Test(producer, cut_off_it_sends_nothing_more)
{
    struct mock m = mock_new(1);
    struct producer *p = make(&m, 100, NULL, NULL);
    struct producer_report all[100];
    struct kaftan_error *err = NULL;
    struct producer_record r = record("t", "0", 1);
    cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    collect(p, 1, all);
    rd_kafka_mock_broker_set_down(m.cluster, 1);
    for (uint64_t i = 0; i < 50; i++)
        cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    producer_cut(p);
    cr_expect_eq(producer_send(p, &r, &err), PRODUCER_FULL);
    rd_kafka_mock_broker_set_up(m.cluster, 1);
    struct producer *successor = make(&m, 100, NULL, NULL);
    struct producer_record end = record("t", "1", 2);
    cr_assert_eq(producer_send(successor, &end, &err), PRODUCER_TAKEN);
    collect(successor, 1, all);
    cr_expect_eq(all[0].offset, 1, "it came after %lld records", (long long)all[0].offset);
    cr_assert_eq(producer_send(successor, &end, &err), PRODUCER_TAKEN);
    collect(successor, 1, all);
    cr_expect_eq(all[0].offset, 2, "one has slipped through");
    cr_expect_eq(producer_reports(p, all, 100), 0);
    producer_free(successor);
    producer_free(p);
    mock_free(&m);
}
