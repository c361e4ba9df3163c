/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <kaftan/connector.h>

#include "fake/fake_kafka.h"
#include "fake/fake_store.h"
#include "file_lines.h"
#include "unit/runtime/script.h"

KAFTAN_API extern const struct kaftan_plugin kaftan_plugin;

static struct world *w;
static char path[64], partition[128];

static void begin(void)
{
    script_reset();
    (void)snprintf(path, sizeof path, "/tmp/kaftan-file-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    (void)close(fd);
    (void)snprintf(partition, sizeof partition, "{\"filename\":\"%s\"}", path);
    w = world_new(NULL);
    cr_assert_null(registry_add(w->registry, &kaftan_plugin, ""));
}

static void end(void)
{
    world_free(w);
    (void)unlink(path);
}

TestSuite(file, .init = begin, .fini = end, .timeout = 60);

static void append(const char *text)
{
    FILE *f = fopen(path, "a");
    cr_assert_not_null(f);
    cr_assert_geq(fputs(text, f), 0);
    (void)fclose(f);
}

static void start(void)
{
    const char *const more[] = { "connector.class", "io.kaftan.file.FileStreamSourceConnector", "file", path, NULL };
    world_start_task(w, script_config(more), TARGET_STARTED);
}

static size_t stop(size_t stops)
{
    char wanted[128] = "task_stopped c 0";
    for (size_t i = 1; i < stops; i++)
        (void)snprintf(wanted + strlen(wanted), sizeof wanted - strlen(wanted), "\ntask_stopped c 0");
    worker_stop_task(w->worker, "c", 0, KAFTAN_STOP_RESTART);
    WAIT_FOR(strcmp(script_events(), wanted) == 0);
    return stops;
}

static const char *stored(void)
{
    static char text[64];
    (void)fake_store_offset(partition, text, sizeof text);
    return text;
}

Test(file, lines_and_offsets_as_java_has_them)
{
    append("one\ntwo\r\nthree\rfour\n\nunfinished");
    start();
    WAIT_FOR(fake_kafka_sent() == 5);
    static const char *const lines[] = { "one", "two", "three", "four", "" };
    for (size_t i = 0; i < 5; i++) {
        struct fake_record r = fake_kafka_record(i);
        cr_expect_str_eq(r.value, lines[i]);
        cr_expect_str_eq(r.key, "<null>");
        cr_expect_gt(r.timestamp, 1500000000000);
    }
    (void)stop(1);
    cr_expect_str_eq(stored(), "{\"position\":21}");
    cr_expect_eq(fake_kafka_sent(), 5, "a line without its end is kept");
    append(" no more\nlast\n");
    start();
    WAIT_FOR(fake_kafka_sent() == 7);
    cr_expect_str_eq(fake_kafka_record(5).value, "unfinished no more");
    cr_expect_str_eq(fake_kafka_record(6).value, "last");
    (void)stop(2);
    cr_expect_str_eq(stored(), "{\"position\":45}");
}

Test(file, goes_on_where_java_stopped)
{
    append("aaaa\nbbbb\ncccc\n");
    fake_store_put(partition, "{\"position\":10}");
    start();
    WAIT_FOR(fake_kafka_sent() == 1);
    cr_expect_str_eq(fake_kafka_record(0).value, "cccc");
    (void)stop(1);
}

Test(file, waits_for_the_file)
{
    char statuses[256];
    (void)unlink(path);
    start();
    size_t waited = fake_store_refreshes();
    WAIT_FOR(fake_store_refreshes() > waited || (fake_store_statuses("c", 0, statuses, sizeof statuses), statuses[0]));
    append("late\n");
    WAIT_FOR(fake_kafka_sent() == 1);
    (void)stop(1);
}

Test(file, a_stored_offset_of_the_wrong_type_fails)
{
    char statuses[256], trace[1024];
    fake_store_put(partition, "{\"position\":\"10\"}");
    start();
    WAIT_FOR((fake_store_statuses("c", 0, statuses, sizeof statuses), strcmp(statuses, "RUNNING,FAILED") == 0));
    fake_store_trace(trace, sizeof trace);
    cr_expect_str_eq(trace, "Offset position is the incorrect type");
    (void)stop(1);
}

Test(file, what_is_no_utf8_is_replaced)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "plain", "plain" },
        { "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80", "\xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80" },
        { "\xFF", "\xEF\xBF\xBD" },
        { "a\xE2\x82z", "a\xEF\xBF\xBDz" },
        { "\xC0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD" },
        { "\xF0\x9F\x98", "\xEF\xBF\xBD" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[64];
        struct kaftan_slice in = { cases[i].in, strlen(cases[i].in) };
        size_t n = file_text_repair(in, out);
        cr_expect_eq(n, strlen(cases[i].out), "case %zu", i);
        cr_expect_eq(memcmp(out, cases[i].out, n), 0, "case %zu", i);
        cr_expect_eq(file_text_valid(in), i < 2, "case %zu", i);
    }
}

/* However the bytes arrive, the lines and positions are the same. */
Test(file, lines_do_not_depend_on_the_reads)
{
    static const char text[] = "a\nbb\r\n\rccc\r\r\n\ndddd\r\nrest";
    static const char *const lines[] = { "a", "bb", "", "ccc", "", "", "dddd" };
    static const uint64_t positions[] = { 2, 6, 7, 11, 13, 14, 20 };
    for (size_t step = 1; step < sizeof text; step++) {
        struct file_lines l;
        struct kaftan_slice line;
        size_t found = 0;
        file_lines_init(&l, 0);
        for (size_t at = 0; at < sizeof text - 1;) {
            size_t room, n = sizeof text - 1 - at < step ? sizeof text - 1 - at : step;
            char *to = file_lines_room(&l, &room);
            cr_assert(to && room >= n);
            memcpy(to, text + at, n);
            file_lines_filled(&l, n);
            at += n;
            for (; file_lines_next(&l, &line); found++) {
                cr_assert_lt(found, 7);
                cr_expect(line.len == strlen(lines[found]) && memcmp(line.ptr, lines[found], line.len) == 0);
                cr_expect_eq(l.position, positions[found]);
            }
        }
        cr_expect_eq(found, 7, "step %zu", step);
        file_lines_fini(&l);
    }
}

static struct kaftan_value map_of(const struct kaftan_map *m)
{
    struct kaftan_value v = { KAFTAN_KIND_MAP, 0, { 0 } };
    v.as.map = m;
    return v;
}

Test(file, altered_offsets_are_checked)
{
    const struct kaftan_source *class = registry_connector(w->registry, "FileStreamSource")->as.source;
    struct {
        const char *file, *topic;
        int32_t batch;
    } config = { "/f", "t", 1 };
    const struct kaftan_map_entry file = { kaftan_string("filename", 8), kaftan_string("/f", 2) };
    const struct kaftan_map_entry other = { kaftan_string("other", 5), kaftan_string("/f", 2) };
    const struct kaftan_map_entry good = { kaftan_string("position", 8), kaftan_int(KAFTAN_KIND_INT64, 5) };
    const struct kaftan_map_entry text = { kaftan_string("position", 8), kaftan_string("5", 1) };
    const struct kaftan_map_entry negative = { kaftan_string("position", 8), kaftan_int(KAFTAN_KIND_INT64, -5) };
    const struct kaftan_map m_file = { 1, &file }, m_other = { 1, &other }, m_good = { 1, &good }, m_text = { 1, &text },
                            m_negative = { 1, &negative };
    const struct {
        struct kaftan_value partition, offset;
        const char *text;
    } cases[] = {
        { map_of(&m_file), map_of(&m_good), NULL },
        { map_of(&m_other), kaftan_null(), NULL },
        { kaftan_null(), map_of(&m_good), "Partition objects cannot be null" },
        { map_of(&m_other), map_of(&m_good), "Partition objects should contain the key 'filename'" },
        { map_of(&m_file), map_of(&m_other), "Offset objects should either be null or contain the key 'position'" },
        { map_of(&m_file), map_of(&m_text),
          "The value for the 'position' key in the offset is expected to be a Long value" },
        { map_of(&m_file), map_of(&m_negative),
          "The value for the 'position' key in the offset should be a non-negative value" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kaftan_error *err = class->alter_offsets(&config, NULL, &cases[i].partition, &cases[i].offset, 1);
        cr_expect_str_eq(err ? kaftan_error_message(err) : "", cases[i].text ? cases[i].text : "");
        kaftan_error_free(err);
    }
    cr_expect_eq(class->exactly_once_support(&config), KAFTAN_SUPPORTED);
    config.file = NULL;
    cr_expect_eq(class->exactly_once_support(&config), KAFTAN_UNSUPPORTED);
}
