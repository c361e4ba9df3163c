/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H
/*
 * metrics: counters, gauges and histograms with labels, written as Prometheus
 * text (exposition format 0.0.4).
 *
 * A series is made by the thread that counts; counting is one relaxed atomic
 * and takes no lock. Writing the text reads the atomics from any thread.
 *
 * Owner    the registry: main. A series: the group it was made in; ending the
 *          group ends its series
 * Thread   count: the series' maker (or any, it is atomic); write: any
 * Lock     the registry's, rank 90 (docs/threads.md): list of groups only
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct metrics;       /* registry */
struct metrics_group; /* series with the same labels: one connector, one task ... */
struct kaftan_metric;

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_label {
    const char *name, *value;
};

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* Copies the labels. */
struct metrics_group *metrics_group_new(struct metrics *m, const struct metric_label *labels, size_t count);
void metrics_group_free(struct metrics_group *g); /* NULL is fine */
/* `name` as Prometheus wants it, `help` one line; both must be literals or outlive the process. The same name again in a group gives the same series. */
struct kaftan_metric *metric_new(struct metrics_group *g, enum metric_kind kind, const char *name, const char *help);
/* The series of a plugin: same name rules, checked, name copied. NULL when the name is no Prometheus name. */
struct kaftan_metric *metric_new_checked(struct metrics_group *g, enum metric_kind kind, const char *name, const char *help,
                                  const struct metric_label *labels, size_t count);
void metric_add(struct kaftan_metric *m, int64_t n);
void metric_set(struct kaftan_metric *m, double v);
void metric_observe(struct kaftan_metric *m, double v); /* histogram of seconds: 100 us .. 60 s */
double metric_value(const struct kaftan_metric *m);
/* A gauge read when the text is written; `read` runs on the writing thread: it must read atomics only. */
void metric_callback(struct metrics_group *g, const char *name, const char *help, double (*read)(void *self), void *self);
void metrics_write(struct metrics *m, struct buf *ret);

#endif
