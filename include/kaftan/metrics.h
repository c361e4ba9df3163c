/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_METRICS_H
#define KAFTAN_METRICS_H
/*
 * N14: counters, gauges and histograms of a task, shown at /metrics with the
 * labels connector and task and the ones given here. They end with the task.
 * Making one: task thread. Counting: any thread, one relaxed atomic.
 */
#include <kaftan/task.h>

struct kaftan_metric;
enum kaftan_metric_kind { KAFTAN_COUNTER, KAFTAN_GAUGE, KAFTAN_HISTOGRAM };

/* `name` must be a Prometheus name; label (name, value) may be NULL. The same name and label again: the same series. */
KAFTAN_API struct kaftan_error *kaftan_metric_new(struct kaftan_task *t, enum kaftan_metric_kind kind, const char *name,
                                                  const char *help, const char *label, const char *label_value,
                                                  struct kaftan_metric **ret) KAFTAN_MUST_CHECK;
KAFTAN_API void kaftan_metric_add(struct kaftan_metric *m, int64_t n);
KAFTAN_API void kaftan_metric_set(struct kaftan_metric *m, double value);
KAFTAN_API void kaftan_metric_observe(struct kaftan_metric *m, double seconds);

#endif
