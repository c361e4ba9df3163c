/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/metrics.h"

#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include <kaftan/metrics.h>

static double seven(void *self)
{
    (void)self;
    return 7.5;
}

static const struct metric_label labels[] = { { "connector", "a\"b\\c\nd" }, { "task", "0" } };

Test(metrics, text)
{
    struct metrics *m = metrics_new();
    struct metrics_group *g = metrics_group_new(m, labels, 2), *h = metrics_group_new(m, NULL, 0);
    struct kaftan_metric *c = metric_new(g, METRIC_COUNTER, "k_records_total", "records, so far");
    metric_add(c, 40);
    metric_add(metric_new(g, METRIC_COUNTER, "k_records_total", "records, so far"), 2);
    metric_add(metric_new(h, METRIC_COUNTER, "k_records_total", "records, so far"), 1);
    metric_set(metric_new(h, METRIC_GAUGE, "k_lag", "a\\b\nc"), 0.1);
    metric_callback(h, "k_asked", "asked", seven, NULL);
    struct buf b = BUF_INIT;
    metrics_write(m, &b);
    cr_expect_str_eq(buf_text(&b),
                     "# HELP k_asked asked\n# TYPE k_asked gauge\nk_asked 7.5\n"
                     "# HELP k_lag a\\\\b\\nc\n# TYPE k_lag gauge\nk_lag 0.1\n"
                     "# HELP k_records_total records, so far\n# TYPE k_records_total counter\nk_records_total 1\n"
                     "k_records_total{connector=\"a\\\"b\\\\c\\nd\",task=\"0\"} 42\n");
    metrics_group_free(g);
    buf_clear(&b);
    metrics_write(m, &b);
    cr_expect_null(strstr(buf_text(&b), "task="), "a group ends its series");
    buf_fini(&b);
    metrics_free(m);
    metrics_free(NULL);
    metrics_group_free(NULL);
}

Test(metrics, histogram)
{
    struct metrics *m = metrics_new();
    struct metrics_group *g = metrics_group_new(m, labels + 1, 1);
    struct kaftan_metric *h = metric_new(g, METRIC_HISTOGRAM, "k_seconds", "time");
    kaftan_metric_observe(h, 0.0001);
    kaftan_metric_observe(h, 0.3);
    kaftan_metric_observe(h, 1000);
    struct buf b = BUF_INIT;
    metrics_write(m, &b);
    static const char *const wanted[] = {
        "# TYPE k_seconds histogram\n",
        "k_seconds_bucket{task=\"0\",le=\"0.0001\"} 1\n",
        "k_seconds_bucket{task=\"0\",le=\"0.25\"} 1\n",
        "k_seconds_bucket{task=\"0\",le=\"0.5\"} 2\n",
        "k_seconds_bucket{task=\"0\",le=\"60\"} 2\n",
        "k_seconds_bucket{task=\"0\",le=\"+Inf\"} 3\n",
        "k_seconds_sum{task=\"0\"} 1000.3001\n",
        "k_seconds_count{task=\"0\"} 3\n",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        cr_expect_not_null(strstr(buf_text(&b), wanted[i]), "%s", wanted[i]);
    buf_fini(&b);
    metrics_free(m);
}

Test(metrics, plugins_names_are_checked)
{
    struct metrics *m = metrics_new();
    struct metrics_group *g = metrics_group_new(m, NULL, 0);
    const struct metric_label bad = { "__x", "1" }, good = { "reason", "late" };
    cr_expect_null(metric_new_checked(g, METRIC_COUNTER, "9lives", "h", NULL, 0));
    cr_expect_null(metric_new_checked(g, METRIC_COUNTER, "a-b", "h", NULL, 0));
    cr_expect_null(metric_new_checked(g, METRIC_COUNTER, "", "h", NULL, 0));
    cr_expect_null(metric_new_checked(g, METRIC_COUNTER, "a", "h", &bad, 1));
    char name[] = "mqtt_skipped_total";
    struct kaftan_metric *c = metric_new_checked(g, METRIC_COUNTER, name, "h", &good, 1);
    cr_assert_not_null(c);
    name[0] = 'X';
    cr_expect_eq(metric_new_checked(g, METRIC_COUNTER, "mqtt_skipped_total", "h", &good, 1), c);
    cr_expect_null(metric_new_checked(g, METRIC_GAUGE, "mqtt_skipped_total", "h", NULL, 0), "a name has one kind");
    kaftan_metric_add(c, 5);
    cr_expect_eq(metric_value(c), 5.0);
    struct kaftan_metric *gauge = metric_new(g, METRIC_GAUGE, "g", "h");
    kaftan_metric_set(gauge, NAN);
    struct buf b = BUF_INIT;
    metrics_write(m, &b);
    cr_expect_not_null(strstr(buf_text(&b), "mqtt_skipped_total{reason=\"late\"} 5\n"));
    cr_expect_not_null(strstr(buf_text(&b), "g NaN\n"));
    kaftan_metric_set(gauge, INFINITY);
    metric_add(gauge, 1);
    buf_clear(&b);
    metrics_write(m, &b);
    cr_expect_not_null(strstr(buf_text(&b), "g +Inf\n"));
    buf_fini(&b);
    metrics_free(m);
}
