/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers to text and back as Java has them. The process never calls
 * setlocale(), so the C library's point is always '.'.
 *
 * The shortest text: precision grows until the text reads back as the same
 * value. The neighbours of a power of two are not equally far away, so there
 * the nearest text of a precision may fail while the next one up succeeds.
 */
#include "config.h"

#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

bool text_to_i64(const char *s, size_t len, int64_t *ret)
{
    size_t i = 0;
    bool negative = false;
    if (len > 0 && (s[0] == '-' || s[0] == '+'))
        negative = s[i++] == '-';
    if (i == len)
        return false;
    /* counted downwards, because the lowest value has no positive twin */
    int64_t v = 0;
    for (; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s[i] - '0', &v))
            return false;
    }
    if (!negative && v == INT64_MIN)
        return false;
    *ret = negative ? v : -v;
    return true;
}

static size_t digits(const char *s, size_t len, size_t i, bool hex)
{
    while (i < len && ((s[i] >= '0' && s[i] <= '9') ||
                       (hex && ((s[i] >= 'a' && s[i] <= 'f') || (s[i] >= 'A' && s[i] <= 'F')))))
        i++;
    return i;
}

/* Double.valueOf's grammar without white space; the end of what strtod may read, or 0. */
static size_t double_end(const char *s, size_t len)
{
    size_t i = len > 0 && (s[0] == '-' || s[0] == '+') ? 1 : 0;
    bool hex = len - i > 2 && s[i] == '0' && (s[i + 1] == 'x' || s[i + 1] == 'X');
    if (hex)
        i += 2;
    size_t whole = digits(s, len, i, hex), count = whole - i;
    i = whole;
    if (i < len && s[i] == '.') {
        size_t fraction = digits(s, len, i + 1, hex);
        count += fraction - i - 1;
        i = fraction;
    }
    if (count == 0)
        return 0;
    bool exponent = i < len && (hex ? s[i] == 'p' || s[i] == 'P' : s[i] == 'e' || s[i] == 'E');
    if (hex && !exponent)
        return 0;
    if (exponent) {
        size_t start = i + 1;
        if (start < len && (s[start] == '-' || s[start] == '+'))
            start++;
        i = digits(s, len, start, false);
        if (i == start)
            return 0;
    }
    size_t end = i;
    if (i < len && memchr("fFdD", s[i], 4))
        i++;
    return i == len ? end : 0;
}

bool text_to_double(const char *s, size_t len, double *ret)
{
    static const struct {
        const char *text;
        double value;
    } names[] = { { "NaN", NAN }, { "Infinity", INFINITY } };
    size_t sign = len > 0 && (s[0] == '-' || s[0] == '+') ? 1 : 0;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (len - sign == strlen(names[i].text) && memcmp(s + sign, names[i].text, len - sign) == 0) {
            *ret = sign && s[0] == '-' ? -names[i].value : names[i].value;
            return true;
        }
    }
    size_t end = double_end(s, len);
    if (end == 0)
        return false;
    char small[64];
    char *copy = end < sizeof small ? small : mem_alloc(end + 1);
    memcpy(copy, s, end);
    copy[end] = '\0';
    *ret = strtod(copy, NULL);
    if (copy != small)
        mem_free(copy);
    return true;
}

struct decimal {
    char digits[20]; /* d1 d2 ...: d1.d2... times ten to the exponent */
    int count, exponent;
};

static void decimal_of(double v, int count, struct decimal *ret)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.*e", count - 1, v);
    int n = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++)
        if (*p != '.')
            ret->digits[n++] = *p;
    ret->count = n;
    ret->exponent = (int)strtol(p + 1, NULL, 10);
}

static bool reads_back(const struct decimal *d, double v, bool narrow)
{
    char text[40];
    (void)snprintf(text, sizeof text, "%.*se%d", d->count, d->digits, d->exponent - d->count + 1);
    return narrow ? strtof(text, NULL) == (float)v : strtod(text, NULL) == v;
}

/* One more in the last place. */
static void step_up(struct decimal *d)
{
    int i = d->count - 1;
    for (; i >= 0 && d->digits[i] == '9'; i--)
        d->digits[i] = '0';
    if (i >= 0) {
        d->digits[i]++;
        return;
    }
    d->digits[0] = '1';
    d->exponent++;
}

/* v > 0, finite. Two digits at least: of the two-digit texts Java takes the closest even where one would do. */
static void shortest(double v, bool narrow, bool power_of_two, struct decimal *ret)
{
    int limit = narrow ? 9 : 17;
    for (int count = 2; count <= limit; count++) {
        decimal_of(v, count, ret);
        if (reads_back(ret, v, narrow))
            return;
        if (!power_of_two)
            continue;
        struct decimal up = *ret;
        step_up(&up);
        if (reads_back(&up, v, narrow)) {
            *ret = up;
            return;
        }
    }
}

static size_t lay_out(struct decimal *d, bool plain, char *out)
{
    size_t n = 0;
    int i = 0;
    while (d->count > 1 && d->digits[d->count - 1] == '0')
        d->count--;
    int before = plain ? d->exponent + 1 : 1; /* digits before the point */
    if (before <= 0)
        out[n++] = '0';
    for (; i < before; i++)
        out[n++] = i < d->count ? d->digits[i] : '0';
    out[n++] = '.';
    for (int zeros = before; zeros < 0; zeros++)
        out[n++] = '0';
    if (i >= d->count)
        out[n++] = '0';
    for (; i < d->count; i++)
        out[n++] = d->digits[i];
    out[n] = '\0';
    return plain ? n : n + (size_t)snprintf(out + n, 8, "E%d", d->exponent);
}

static size_t java_text(double v, bool narrow, bool power_of_two, char ret[32])
{
    const char *special = isnan(v) ? "NaN" : isinf(v) ? (v < 0 ? "-Infinity" : "Infinity") : NULL;
    if (!special && v == 0)
        special = signbit(v) ? "-0.0" : "0.0";
    if (special)
        return (size_t)snprintf(ret, 32, "%s", special);
    struct decimal d = { .count = 0 };
    size_t sign = v < 0;
    if (sign)
        ret[0] = '-';
    v = fabs(v);
    shortest(v, narrow, power_of_two, &d);
    return sign + lay_out(&d, d.exponent >= -3 && d.exponent < 7, ret + sign);
}

size_t double_text(double v, char ret[32])
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    return java_text(v, false, (bits & 0xFFFFFFFFFFFFFu) == 0, ret);
}

size_t float_text(float v, char ret[32])
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof bits);
    return java_text((double)v, true, (bits & 0x7FFFFFu) == 0, ret);
}
