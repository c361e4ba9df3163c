/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_REPORT_INT_H
#define CONFIG_REPORT_INT_H
/* report_int: how the parser adds to a report. Thread: the report's. */
#include <stdbool.h>

#include "config/keys.h"

/*
 * Whose error it is. Validation shows more than Java's parse looks at, and
 * once parse finds one that validation, having stopped earlier, does not.
 */
enum report_for {
    REPORT_BOTH,
    REPORT_SHOWN, /* config_report_at alone */
    REPORT_PARSE  /* config_report_error alone */
};

/* Adds an error of `key`, NULL for a warning; takes `text`. */
void report_add(struct kaftan_config_report *r, const char *key, char *text, enum report_for whose);

#endif
