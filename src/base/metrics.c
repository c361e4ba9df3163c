/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A series belongs to a group, a group to the registry. The registry's lock
 * guards the lists; the numbers themselves are atomics that counting threads
 * change without it. Prometheus wants all series of one name side by side, so
 * the writer collects them, sorts by name and writes HELP and TYPE once.
 */
#include "config.h"

#include "base/metrics.h"

#include <inttypes.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kaftan/metrics.h>

#include "base/mem.h"
#include "base/thread.h"

/* Seconds; 100 us to 60 s. */
static const double bounds[] = { 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                 0.1,    0.25,    0.5,    1,     2.5,    5,     10,   30,    60 };
enum { BUCKETS = COUNT_OF(bounds) + 1 };

struct histogram {
    atomic_uint_fast64_t buckets[BUCKETS]; /* the last one: +Inf */
    atomic_uint_fast64_t sum;              /* bits of a double */
};

struct kaftan_metric {
    struct kaftan_metric *next; /* owned; guarded by the registry's lock */
    struct metrics_group *group; /* borrowed */
    enum metric_kind kind;
    const char *name, *help; /* owned if `copied`, else literals */
    bool copied;
    char *labels;                  /* owned: `a="b",c="d"`, group's and own; "" for none */
    atomic_int_fast64_t number;    /* COUNTER */
    atomic_uint_fast64_t bits;     /* GAUGE: bits of a double */
    struct histogram *histogram;   /* owned; HISTOGRAM */
    double (*read)(void *self);    /* gauge that is asked */
    void *self;                    /* borrowed from its maker */
};

struct metrics_group {
    struct metrics *owner; /* borrowed */
    struct metrics_group *next, **link;
    struct kaftan_metric *series; /* owned */
    char *labels;                 /* owned */
};

struct metrics {
    struct lock lock; /* rank 90; guards groups and every group's series list */
    struct metrics_group *groups;
};

struct metrics *metrics_new(void)
{
    struct metrics *m = mem_zalloc(1, sizeof *m);
    lock_init(&m->lock);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    while (m->groups)
        metrics_group_free(m->groups);
    lock_fini(&m->lock);
    mem_free(m);
}

static void put_escaped(struct buf *b, const char *s, bool label)
{
    for (; *s; s++) {
        if (*s == '\n')
            buf_puts(b, "\\n");
        else if (*s == '\\' || (label && *s == '"')) {
            buf_putc(b, '\\');
            buf_putc(b, *s);
        } else
            buf_putc(b, *s);
    }
}

static char *labels_text(const char *before, const struct metric_label *labels, size_t count)
{
    struct buf b = BUF_INIT;
    buf_puts(&b, before);
    for (size_t i = 0; i < count; i++) {
        if (b.len > 0)
            buf_putc(&b, ',');
        buf_printf(&b, "%s=\"", labels[i].name);
        put_escaped(&b, labels[i].value ? labels[i].value : "", true);
        buf_putc(&b, '"');
    }
    return buf_take(&b);
}

struct metrics_group *metrics_group_new(struct metrics *m, const struct metric_label *labels, size_t count)
{
    struct metrics_group *g = mem_zalloc(1, sizeof *g);
    g->owner = m;
    g->labels = labels_text("", labels, count);
    lock_take(&m->lock);
    g->next = m->groups;
    g->link = &m->groups;
    if (g->next)
        g->next->link = &g->next;
    m->groups = g;
    lock_release(&m->lock);
    return g;
}

static void series_free(struct kaftan_metric *s)
{
    if (s->copied) {
        mem_free((char *)(uintptr_t)s->name);
        mem_free((char *)(uintptr_t)s->help);
    }
    mem_free(s->labels);
    mem_free(s->histogram);
    mem_free(s);
}

void metrics_group_free(struct metrics_group *g)
{
    if (!g)
        return;
    lock_take(&g->owner->lock);
    *g->link = g->next;
    if (g->next)
        g->next->link = g->link;
    lock_release(&g->owner->lock);
    for (struct kaftan_metric *s = g->series; s;) {
        struct kaftan_metric *next = s->next;
        series_free(s);
        s = next;
    }
    mem_free(g->labels);
    mem_free(g);
}

/* The series of that name and labels, made when there is none. Takes `labels`. */
static struct kaftan_metric *series_get(struct metrics_group *g, enum metric_kind kind, const char *name,
                                        const char *help, bool copy, char *labels)
{
    lock_take(&g->owner->lock);
    struct kaftan_metric *s = g->series, *same_name = NULL;
    for (; s && (strcmp(s->name, name) != 0 || strcmp(s->labels, labels) != 0); s = s->next) {
        if (strcmp(s->name, name) == 0)
            same_name = s;
    }
    if (!s && !(same_name && same_name->kind != kind)) {
        s = mem_zalloc(1, sizeof *s);
        s->group = g;
        s->kind = kind;
        s->name = copy ? mem_strdup(name) : name;
        s->help = copy ? mem_strdup(help ? help : "") : help;
        s->copied = copy;
        s->labels = labels;
        labels = NULL;
        if (kind == METRIC_HISTOGRAM)
            s->histogram = mem_zalloc(1, sizeof *s->histogram);
        s->next = g->series;
        g->series = s;
    }
    lock_release(&g->owner->lock);
    mem_free(labels);
    return s && s->kind == kind ? s : NULL;
}

struct kaftan_metric *metric_new(struct metrics_group *g, enum metric_kind kind, const char *name, const char *help)
{
    struct kaftan_metric *s = series_get(g, kind, name, help, false, mem_strdup(g->labels));
    ASSERT(s); /* our own names have one kind each */
    return s;
}

static bool name_valid(const char *s, bool label)
{
    if (!s || !*s || (label && strncmp(s, "__", 2) == 0))
        return false;
    for (const char *p = s; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' || (*p == ':' && !label);
        if (!letter && (p == s || *p < '0' || *p > '9'))
            return false;
    }
    return true;
}

struct kaftan_metric *metric_new_checked(struct metrics_group *g, enum metric_kind kind, const char *name, const char *help,
                                  const struct metric_label *labels, size_t count)
{
    if (!name_valid(name, false))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (!name_valid(labels[i].name, true))
            return NULL;
    return series_get(g, kind, name, help, true, labels_text(g->labels, labels, count));
}

void metric_callback(struct metrics_group *g, const char *name, const char *help, double (*read)(void *self), void *self)
{
    struct kaftan_metric *s = metric_new(g, METRIC_GAUGE, name, help);
    lock_take(&g->owner->lock);
    s->read = read;
    s->self = self;
    lock_release(&g->owner->lock);
}

static uint64_t bits_of(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static void bits_add(atomic_uint_fast64_t *bits, double n)
{
    uint_fast64_t old = atomic_load_explicit(bits, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(bits, &old, bits_of(double_of(old) + n), memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void metric_add(struct kaftan_metric *m, int64_t n)
{
    if (m->kind == METRIC_COUNTER)
        (void)atomic_fetch_add_explicit(&m->number, n, memory_order_relaxed);
    else if (m->kind == METRIC_GAUGE)
        bits_add(&m->bits, (double)n);
}

void metric_set(struct kaftan_metric *m, double v)
{
    if (m->kind == METRIC_COUNTER)
        atomic_store_explicit(&m->number, (int64_t)v, memory_order_relaxed);
    else if (m->kind == METRIC_GAUGE)
        atomic_store_explicit(&m->bits, bits_of(v), memory_order_relaxed);
}

void metric_observe(struct kaftan_metric *m, double v)
{
    if (m->kind != METRIC_HISTOGRAM)
        return;
    size_t i = 0;
    while (i < COUNT_OF(bounds) && !(v <= bounds[i]))
        i++;
    (void)atomic_fetch_add_explicit(&m->histogram->buckets[i], 1, memory_order_relaxed);
    bits_add(&m->histogram->sum, v);
}

double metric_value(const struct kaftan_metric *m)
{
    if (m->kind == METRIC_COUNTER)
        return (double)atomic_load_explicit(&m->number, memory_order_relaxed);
    if (m->kind == METRIC_HISTOGRAM)
        return double_of(atomic_load_explicit(&m->histogram->sum, memory_order_relaxed));
    return m->read ? m->read(m->self) : double_of(atomic_load_explicit(&m->bits, memory_order_relaxed));
}

void kaftan_metric_add(struct kaftan_metric *m, int64_t n)
{
    metric_add(m, n);
}

void kaftan_metric_set(struct kaftan_metric *m, double value)
{
    metric_set(m, value);
}

void kaftan_metric_observe(struct kaftan_metric *m, double seconds)
{
    metric_observe(m, seconds);
}

static void put_double(struct buf *b, double v)
{
    if (isnan(v))
        buf_puts(b, "NaN");
    else if (isinf(v))
        buf_puts(b, v < 0 ? "-Inf" : "+Inf");
    else if (v == floor(v) && fabs(v) < 1e15)
        buf_printf(b, "%.0f", v);
    else {
        char text[40];
        int digits = 6;
        do
            (void)snprintf(text, sizeof text, "%.*g", digits, v);
        while (strtod(text, NULL) != v && digits++ < 17);
        buf_puts(b, text);
    }
}

static void put_series(struct buf *b, const struct kaftan_metric *s, const char *suffix)
{
    buf_puts(b, s->name);
    buf_puts(b, suffix);
    if (s->labels[0])
        buf_printf(b, "{%s}", s->labels);
    buf_putc(b, ' ');
}

static void put_histogram(struct buf *b, const struct kaftan_metric *s)
{
    uint64_t count = 0;
    for (size_t i = 0; i < BUCKETS; i++) {
        count += atomic_load_explicit(&s->histogram->buckets[i], memory_order_relaxed);
        buf_printf(b, "%s_bucket{%s%sle=\"", s->name, s->labels, s->labels[0] ? "," : "");
        put_double(b, i < COUNT_OF(bounds) ? bounds[i] : INFINITY);
        buf_printf(b, "\"} %" PRIu64 "\n", count);
    }
    put_series(b, s, "_sum");
    put_double(b, metric_value(s));
    buf_putc(b, '\n');
    put_series(b, s, "_count");
    buf_printf(b, "%" PRIu64 "\n", count);
}

static int series_cmp(const void *a, const void *b)
{
    const struct kaftan_metric *x = *(const struct kaftan_metric *const *)a;
    const struct kaftan_metric *y = *(const struct kaftan_metric *const *)b;
    int c = strcmp(x->name, y->name);
    if (c == 0)
        c = (x->kind > y->kind) - (x->kind < y->kind);
    return c ? c : strcmp(x->labels, y->labels);
}

static void put_all(struct buf *b, const struct kaftan_metric *const *all, size_t count)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    const struct kaftan_metric *first = NULL; /* of this name */
    for (size_t i = 0; i < count; i++) {
        const struct kaftan_metric *s = all[i];
        if (!first || strcmp(first->name, s->name) != 0) {
            first = s;
            buf_printf(b, "# HELP %s ", s->name);
            put_escaped(b, s->help ? s->help : "", false);
            buf_printf(b, "\n# TYPE %s %s\n", s->name, kinds[s->kind]);
        }
        if (s->kind != first->kind)
            continue; /* two plugins disagree: a name can have one type only */
        if (s->kind == METRIC_HISTOGRAM) {
            put_histogram(b, s);
            continue;
        }
        put_series(b, s, "");
        if (s->kind == METRIC_COUNTER)
            buf_printf(b, "%" PRIdFAST64, atomic_load_explicit(&s->number, memory_order_relaxed));
        else
            put_double(b, metric_value(s));
        buf_putc(b, '\n');
    }
}

void metrics_write(struct metrics *m, struct buf *ret)
{
    struct buf list = BUF_INIT;
    lock_take(&m->lock);
    for (const struct metrics_group *g = m->groups; g; g = g->next)
        for (const struct kaftan_metric *s = g->series; s; s = s->next)
            buf_put(&list, &s, sizeof s);
    size_t count = list.len / sizeof(struct kaftan_metric *);
    if (count > 0) {
        qsort(list.data, count, sizeof(struct kaftan_metric *), series_cmp);
        put_all(ret, (const struct kaftan_metric *const *)(void *)list.data, count);
    }
    lock_release(&m->lock);
    buf_fini(&list);
}
