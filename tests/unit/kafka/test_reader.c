/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "kafka/admin.h"
#include "kafka/consumer.h"
#include "kafka/producer.h"
#include "mock.h"

static void fill(const struct mock *m, const char *topic, int from, int to)
{
    static char values[1000][8];
    struct producer *p = NULL;
    struct producer_report reports[64];
    struct text_map *props = mock_props(m);
    struct kaftan_error *err = producer_new(props, 2000, 0, &p);
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    cr_assert_null(err);
    for (int i = from; i < to; i++) {
        (void)snprintf(values[i], sizeof values[i], "%d", i);
        struct producer_record r = { .topic = slice_of(topic), .partition = i % 3, .timestamp = -1,
                                     .value = slice_of(values[i]), .key = { NULL, 0 } };
        cr_assert_eq(producer_send(p, &r, &err), PRODUCER_TAKEN);
    }
    while (producer_in_flight(p) > 0) {
        mock_wait(producer_fd(p), deadline);
        size_t n = producer_reports(p, reports, COUNT_OF(reports));
        for (size_t i = 0; i < n; i++)
            cr_assert_null(reports[i].err);
    }
    producer_free(p);
    text_map_unref(props);
}

static int read_to_end(struct log_reader *r, uint64_t ticket)
{
    int count = 0;
    struct log_record rec;
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    for (;;) {
        while (log_reader_next(r, &rec)) {
            cr_expect_null(rec.key.ptr);
            cr_expect_eq(log_reader_position(r, rec.partition), rec.offset + 1);
            count++;
        }
        if (log_reader_reached(r, ticket))
            return count;
        mock_wait(log_reader_fd(r), deadline);
    }
}

static void read_all(bool committed)
{
    struct mock m = mock_new(1);
    struct text_map *props = mock_props(&m);
    struct log_reader *r = NULL;
    rd_kafka_mock_topic_create(m.cluster, "log", 3, 1);
    struct kaftan_error *err = log_reader_new(props, "log", committed, &r);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    cr_expect_eq(log_reader_partitions(r), 3);
    cr_expect_eq(read_to_end(r, log_reader_end_start(r)), 0, "empty has an end too");
    fill(&m, "log", 0, 500);
    cr_expect_eq(read_to_end(r, log_reader_end_start(r)), 500);
    fill(&m, "log", 500, 900);
    uint64_t one = log_reader_end_start(r), two = log_reader_end_start(r);
    cr_expect_lt(one, two);
    cr_expect_eq(read_to_end(r, two), 400);
    cr_expect(log_reader_reached(r, one));
    log_reader_free(r);
    text_map_unref(props);
    mock_free(&m);
}

Test(reader, reads_to_the_end_and_on)
{
    read_all(false);
}

Test(reader, committed_too)
{
    read_all(true);
}

Test(reader, goes_on_after_errors)
{
    struct mock m = mock_new(1);
    struct text_map *props = mock_props(&m);
    struct log_reader *r = NULL;
    rd_kafka_mock_topic_create(m.cluster, "log", 3, 1);
    struct kaftan_error *err = log_reader_new(props, "log", false, &r);
    cr_assert_null(err);
    rd_kafka_mock_push_request_errors(m.cluster, 2 /* ListOffsets */, 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE);
    rd_kafka_mock_push_request_errors(m.cluster, 1 /* Fetch */, 2, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR);
    fill(&m, "log", 0, 30);
    cr_expect_eq(read_to_end(r, log_reader_end_start(r)), 30);
    log_reader_free(r);
    text_map_unref(props);
    mock_free(&m);
}

Test(admin, describes_without_making)
{
    struct mock m = mock_new(1);
    struct text_map *props = mock_props(&m);
    struct admin *a = NULL;
    struct kaftan_error *err = admin_new(props, &a);
    cr_assert_null(err);
    rd_kafka_mock_topic_create(m.cluster, "there", 4, 1);
    char *id = NULL;
    err = admin_cluster_id(a, MOCK_DEADLINE_MS, &id);
    cr_assert_null(err);
    cr_expect_not_null(id);
    mem_free(id);
    int32_t count = 0;
    err = admin_partition_count(a, "there", MOCK_DEADLINE_MS, &count);
    cr_assert_null(err);
    cr_expect_eq(count, 4);
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    struct admin_request *r = admin_describe_start(a, "there", MOCK_DEADLINE_MS);
    enum admin_topic t = ADMIN_TOPIC_MISSING;
    while (!admin_result(r, &t, &err))
        mock_wait(admin_fd(a), deadline);
    cr_expect_null(err);
    cr_expect_eq(t, ADMIN_TOPIC_EXISTS);
    admin_cancel(admin_describe_start(a, "there", MOCK_DEADLINE_MS));
    admin_free(a);
    text_map_unref(props);
    mock_free(&m);
}

Test(admin, says_what_is_wrong)
{
    struct text_map *props = text_map_new();
    struct admin *a = NULL;
    text_map_put(props, "bootstrap.servers", "127.0.0.1:1");
    struct kaftan_error *err = admin_new(props, &a);
    cr_assert_null(err);
    int64_t deadline = clock_mono_ms() + MOCK_DEADLINE_MS;
    while (!strstr(admin_trouble(a), "refused")) {
        char *id = NULL;
        err = admin_cluster_id(a, 100, &id);
        cr_assert_not_null(err);
        kaftan_error_free(err);
        cr_assert_lt(clock_mono_ms(), deadline);
    }
    admin_free(a);
    text_map_unref(props);
}
