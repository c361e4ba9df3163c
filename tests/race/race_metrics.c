/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks come and go and count while the text is written: no count is lost, and what is written is whole. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "base/thread.h"

enum { THREADS = 4, EACH = 20000, GROUPS = 50, TEXTS = 200 };

static struct metrics *metrics;
static struct kaftan_metric *total, *seconds;

static void counter(void *arg)
{
    (void)arg;
    for (int i = 0; i < EACH; i++) {
        metric_add(total, 1);
        metric_observe(seconds, 0.5);
    }
}

static void maker(void *arg)
{
    struct metric_label label = { "task", arg };
    for (int i = 0; i < GROUPS; i++) {
        struct metrics_group *g = metrics_group_new(metrics, &label, 1);
        struct kaftan_metric *c = metric_new(g, METRIC_COUNTER, "race_total", "all");
        metric_add(c, 1);
        metric_set(metric_new(g, METRIC_GAUGE, "race_gauge", "now"), 1);
        metrics_group_free(g);
    }
}

static void reader(void *arg)
{
    struct buf b = BUF_INIT;
    (void)arg;
    for (int i = 0; i < TEXTS; i++) {
        buf_clear(&b);
        metrics_write(metrics, &b);
        ASSERT(strstr(buf_text(&b), "# TYPE race_total counter\n"));
        ASSERT(b.len > 0 && b.data[b.len - 1] == '\n');
    }
    buf_fini(&b);
}

int main(void)
{
    static char names[THREADS][16];
    struct thread *threads[2 * THREADS + 1];
    metrics = metrics_new();
    struct metrics_group *g = metrics_group_new(metrics, NULL, 0);
    total = metric_new(g, METRIC_COUNTER, "race_total", "all");
    seconds = metric_new(g, METRIC_HISTOGRAM, "race_seconds", "time");
    for (int i = 0; i < THREADS; i++) {
        (void)snprintf(names[i], sizeof names[i], "%d", i);
        threads[2 * i] = thread_start(THREAD_ANY, "counter", counter, NULL);
        threads[2 * i + 1] = thread_start(THREAD_ANY, "maker", maker, names[i]);
    }
    threads[2 * THREADS] = thread_start(THREAD_ANY, "reader", reader, NULL);
    for (int i = 0; i <= 2 * THREADS; i++)
        thread_join(threads[i]);
    ASSERT(metric_value(total) == (double)THREADS * EACH);
    ASSERT(metric_value(seconds) == (double)THREADS * EACH / 2);
    metrics_group_free(g);
    metrics_free(metrics);
    printf("metrics: all counted\n");
    return EXIT_SUCCESS;
}
