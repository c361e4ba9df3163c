/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- the example of docs/sdk.md ---- */

static const char *const counter_config[] = { "connector.class", "com.example.CounterSourceConnector", "topic", "t",
                                              "interval.ms", "1", NULL };
static const char *const counter_bad_interval[] = { "interval.ms", "0", NULL };
static const char *const counter_bad_topic[] = { "topic", "", NULL };
static const char *const *const counter_bad[] = { counter_bad_interval, counter_bad_topic, NULL };

static const struct conformance_driver counter = {
    .name = "counter", .path = EXAMPLE_SO "/counter.so", .config = counter_config, .bad = counter_bad,
};

/* ---- the file source ---- */

static char file_path[64];
static size_t file_next;

static void file_setup(void)
{
    (void)snprintf(file_path, sizeof file_path, "/tmp/kaftan-conformance-XXXXXX");
    int fd = mkstemp(file_path);
    if (fd < 0)
        abort();
    (void)close(fd);
    file_next = 0;
}

static void file_teardown(void)
{
    (void)unlink(file_path);
}

static void file_feed(size_t count)
{
    FILE *f = fopen(file_path, "a");
    if (!f)
        abort();
    for (size_t i = 0; i < count; i++)
        (void)fprintf(f, "%zu\n", file_next++);
    (void)fclose(f);
}

static const char *const *file_more(void)
{
    static const char *more[3] = { "file", NULL, NULL };
    more[1] = file_path;
    return more;
}

static const char *const file_config[] = { "connector.class", "FileStreamSource", "topic", "t", NULL };
static const char *const file_bad_topic[] = { "topic", "", NULL };
static const char *const file_bad_batch[] = { "batch.size", "many", NULL };
static const char *const *const file_bad[] = { file_bad_topic, file_bad_batch, NULL };

static const struct conformance_driver file = {
    .name = "file", .path = PLUGINS_SO "/file.so", .config = file_config, .more = file_more, .bad = file_bad,
    .setup = file_setup, .teardown = file_teardown, .feed = file_feed,
};

const struct conformance_driver *const conformance_drivers[] = { &counter, &file, NULL };
