/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/calendar.h"

#include <stdio.h>
#include <string.h>

#include "data/decimal.h"

enum { DAY_MS = 86400000 };
static const int64_t cutover_day = -141427; /* 1582-10-15, days since 1970 */

static int64_t floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return a % b < 0 ? q - 1 : q;
}

/*
 * Both calendars count years from March, so that the leap day ends a year;
 * `era` is what repeats: 400 Gregorian or 4 Julian years.
 */
static int64_t gregorian_day(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400);
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static int64_t julian_day(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 4);
    int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 1461 + (y - era * 4) * 365 + doy - 719470;
}

static void from_march(struct calendar *c, int64_t year, int64_t doy)
{
    int64_t mp = (5 * doy + 2) / 153;
    c->day = (int32_t)(doy - (153 * mp + 2) / 5 + 1);
    c->month = (int32_t)(mp < 10 ? mp + 3 : mp - 9);
    c->year = year + (c->month <= 2);
}

static void gregorian_date(int64_t day, struct calendar *c)
{
    int64_t z = day + 719468;
    int64_t era = floor_div(z, 146097);
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    from_march(c, yoe + era * 400, doe - (365 * yoe + yoe / 4 - yoe / 100));
}

static void julian_date(int64_t day, struct calendar *c)
{
    int64_t z = day + 719470;
    int64_t era = floor_div(z, 1461);
    int64_t doe = z - era * 1461;
    int64_t yoe = (doe - doe / 1460) / 365;
    from_march(c, yoe + era * 4, doe - 365 * yoe);
}

struct calendar calendar_of(int64_t millis)
{
    struct calendar c;
    int64_t day = floor_div(millis, DAY_MS);
    int64_t rest = millis - day * DAY_MS;
    c.millis = (int32_t)(rest % 1000);
    c.second = (int32_t)(rest / 1000 % 60);
    c.minute = (int32_t)(rest / 60000 % 60);
    c.hour = (int32_t)(rest / 3600000);
    c.weekday = (int32_t)(((day % 7) + 11) % 7); /* 1970-01-01 was a Thursday */
    if (day >= cutover_day)
        gregorian_date(day, &c);
    else
        julian_date(day, &c);
    return c;
}

int64_t calendar_millis(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute, int64_t second,
                        int64_t millis)
{
    int64_t time = ((hour * 60 + minute) * 60 + second) * 1000 + millis;
    int64_t extra = floor_div(time, DAY_MS);
    int64_t over = floor_div(month - 1, 12);
    bool early = year < 1582; /* as it is written, whatever the months add */
    year += over;
    month -= over * 12;
    int64_t gregorian = gregorian_day(year, month, 1) + day - 1 + extra;
    int64_t julian = julian_day(year, month, 1) + day - 1 + extra;
    int64_t at = early || gregorian < cutover_day ? julian : gregorian;
    return at * DAY_MS + (time - extra * DAY_MS);
}

/* Number.intValue of what Java makes of a number: a Long if it can be, else a Double. */
static int64_t int_value(double v)
{
    if (v >= 9223372036854775808.0)
        return INT32_MAX;
    return (int32_t)(uint32_t)(uint64_t)(int64_t)v;
}

/* An exponent counts as well ("2E3"); one without digits is left where it is. */
static double read_exponent(const char *text, size_t len, size_t *pos, double v)
{
    size_t at = *pos;
    int exponent = 0, d = 0;
    if (at >= len || text[at] != 'E')
        return v;
    at++;
    bool negative = at < len && text[at] == '-';
    at += negative;
    while ((d = digit_next(text, len, &at)) >= 0) {
        exponent = exponent < 1000 ? exponent * 10 + d : exponent;
        *pos = at;
    }
    for (; exponent > 0 && v != 0 && v < 1e300; exponent--)
        v = negative ? v / 10 : v * 10;
    return v;
}

/* Blanks, a minus, digits of any script. */
static bool read_number(const char *text, size_t len, size_t *pos, int64_t *ret)
{
    double v = 0;
    bool negative = false, any = false;
    while (*pos < len && (text[*pos] == ' ' || text[*pos] == '\t'))
        (*pos)++;
    if (*pos < len && text[*pos] == '-') {
        negative = true;
        (*pos)++;
    }
    for (int d; (d = digit_next(text, len, pos)) >= 0; any = true)
        v = v * 10 + d;
    if (!any)
        return false;
    int64_t whole = int_value(read_exponent(text, len, pos, v));
    *ret = negative ? -whole : whole;
    return true;
}

bool calendar_parse(const char *pattern, const char *text, size_t len, int64_t *ret_millis)
{
    static const char letters[] = "yMdHmsS";
    int64_t fields[] = { 1970, 1, 1, 0, 0, 0, 0 };
    size_t pos = 0;
    for (const char *p = pattern; *p;) {
        const char *letter = strchr(letters, *p);
        if (letter) {
            if (!read_number(text, len, &pos, &fields[letter - letters]))
                return false;
            for (char c = *p; *p == c;)
                p++;
        } else {
            if (pos >= len || text[pos] != *p)
                return false;
            pos++;
            p++;
        }
    }
    *ret_millis = calendar_millis(fields[0], fields[1], fields[2], fields[3], fields[4], fields[5], fields[6]);
    return true;
}

static int64_t shown_year(const struct calendar *c)
{
    return c->year > 0 ? c->year : 1 - c->year; /* the era is not shown */
}

void calendar_put(struct buf *b, const char *pattern, int64_t millis)
{
    struct calendar c = calendar_of(millis);
    for (const char *p = pattern; *p;) {
        int64_t v = 0;
        int width = 0;
        switch (*p) {
        case 'y': v = shown_year(&c); break;
        case 'M': v = c.month; break;
        case 'd': v = c.day; break;
        case 'H': v = c.hour; break;
        case 'm': v = c.minute; break;
        case 's': v = c.second; break;
        case 'S': v = c.millis; break;
        default:
            buf_putc(b, *p++);
            continue;
        }
        for (char letter = *p; *p == letter; p++)
            width++;
        buf_printf(b, "%0*lld", width, (long long)v);
    }
}

void calendar_put_date(struct buf *b, int64_t millis)
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct calendar c = calendar_of(millis);
    buf_printf(b, "%.3s %.3s %02d %02d:%02d:%02d UTC %lld", days + 3 * (size_t)c.weekday,
               months + 3 * ((size_t)c.month - 1), (int)c.day, (int)c.hour, (int)c.minute, (int)c.second,
               (long long)shown_year(&c));
}
