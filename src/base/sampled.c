/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/sampled.h"

#include <math.h>
#include <string.h>

enum { WINDOW_MS = 30000, WINDOWS = 2 };

/* Forgets windows that began too long ago. */
static void age(struct sampled *s, int64_t now_ms)
{
    for (unsigned i = 0; i < WINDOWS; i++)
        if (s->windows[i].start_ms != 0 && now_ms - s->windows[i].start_ms >= (int64_t)WINDOW_MS * WINDOWS)
            memset(&s->windows[i], 0, sizeof s->windows[i]);
}

void sampled_add(struct sampled *s, int64_t now_ms, double value)
{
    unsigned i = s->present;
    age(s, now_ms);
    if (s->windows[i].start_ms != 0 && now_ms - s->windows[i].start_ms >= WINDOW_MS) {
        i = s->present = (i + 1) % WINDOWS;
        memset(&s->windows[i], 0, sizeof s->windows[i]);
    }
    if (s->windows[i].start_ms == 0)
        s->windows[i].start_ms = now_ms;
    if (s->windows[i].count == 0 || value > s->windows[i].max)
        s->windows[i].max = value;
    s->windows[i].sum += value;
    s->windows[i].count++;
}

/* With less than one whole window the rate is taken over what is there plus a window, so that a start is no peak. */
double sampled_rate(struct sampled *s, int64_t now_ms)
{
    int64_t oldest = 0;
    double sum = 0;
    age(s, now_ms);
    for (unsigned i = 0; i < WINDOWS; i++) {
        if (s->windows[i].start_ms == 0)
            continue;
        sum += s->windows[i].sum;
        if (oldest == 0 || s->windows[i].start_ms < oldest)
            oldest = s->windows[i].start_ms;
    }
    if (oldest == 0)
        return 0;
    int64_t elapsed = now_ms - oldest;
    if (elapsed < WINDOW_MS)
        elapsed += WINDOW_MS;
    return sum * 1000 / (double)elapsed;
}

double sampled_average(struct sampled *s, int64_t now_ms)
{
    age(s, now_ms);
    uint64_t count = s->windows[0].count + s->windows[1].count;
    return count ? (s->windows[0].sum + s->windows[1].sum) / (double)count : (double)NAN;
}

double sampled_max(struct sampled *s, int64_t now_ms)
{
    double max = (double)NAN;
    age(s, now_ms);
    for (unsigned i = 0; i < WINDOWS; i++)
        if (s->windows[i].count > 0 && !(s->windows[i].max <= max))
            max = s->windows[i].max;
    return max;
}
