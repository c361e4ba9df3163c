/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DATA_CALENDAR_H
#define DATA_CALENDAR_H
/*
 * calendar: instants to and from dates in UTC, as java.util.GregorianCalendar
 * has them: Julian before 1582-10-15, fields that overflow into the next unit.
 *
 * Thread   any; pure functions
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct calendar {
    int64_t year; /* 0 is 1 BC */
    int32_t month, day; /* from 1 */
    int32_t hour, minute, second, millis;
    int32_t weekday; /* 0 Sunday */
};

struct calendar calendar_of(int64_t millis);
/* Any values: a thirteenth month is the next year's first. */
int64_t calendar_millis(int64_t year, int64_t month, int64_t day, int64_t hour, int64_t minute, int64_t second,
                        int64_t millis);
/*
 * SimpleDateFormat.parse for a pattern of y M d H m s S and other characters,
 * which stand for themselves: lenient, and it need not consume all of the
 * text. False: the text does not begin like the pattern.
 */
bool calendar_parse(const char *pattern, const char *text, size_t len, int64_t *ret_millis);
/* Same pattern letters; a run of n letters is padded to n digits. */
void calendar_put(struct buf *b, const char *pattern, int64_t millis);
/* Date.toString: `Thu Jan 01 00:00:00 UTC 1970`. */
void calendar_put_date(struct buf *b, int64_t millis);

#define CALENDAR_DATE "yyyy-MM-dd"
#define CALENDAR_TIME "HH:mm:ss.SSSZ"                 /* Z and T are no letters here */
#define CALENDAR_TIMESTAMP "yyyy-MM-ddTHH:mm:ss.SSSZ"

#endif
