/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_SAMPLED_H
#define BASE_SAMPLED_H
/*
 * sampled: rate, average and maximum over the last minute, as Java's metrics
 * have them: two windows of 30 seconds, the older one falls away as a whole.
 *
 * Owner    the caller's storage; zeroed is empty
 * Thread   one at a time
 */
#include <stdint.h>

struct sampled {
    struct {
        int64_t start_ms; /* 0: unused */
        double sum, max;
        uint64_t count;
    } windows[2];
    unsigned present;
};

void sampled_add(struct sampled *s, int64_t now_ms, double value);
double sampled_rate(struct sampled *s, int64_t now_ms);    /* sum per second */
double sampled_average(struct sampled *s, int64_t now_ms); /* NaN when empty */
double sampled_max(struct sampled *s, int64_t now_ms);     /* NaN when empty */

#endif
