/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_LOG_INT_H
#define BASE_LOG_INT_H
/* log_int: between log.c (levels) and log_write.c (lines). Thread: any. */
#include <stdarg.h>

#include "base/buf.h"
#include "base/log.h"

void log_format_set(bool json);
void log_vformat(struct buf *b, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));

#endif
