/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_REGEX_INT_H
#define BASE_REGEX_INT_H
/*
 * regex_int: from Java's pattern language to PCRE2's. Thread: any; pure.
 */
#include <stdbool.h>

#include <kaftan/error.h>

#include "base/buf.h"

struct regex_pattern {
    struct buf text; /* the caller's (buf_fini), also after an error */
    bool unicode;    /* (?U) at the start: classes and case folding of all of Unicode */
    bool unix_lines; /* (?d) at the start */
};

/* Errors: INVALID with PatternSyntaxException's text, or `not supported: ...` in its form. */
struct kaftan_error *regex_translate(const char *pattern, struct regex_pattern *ret) KAFTAN_MUST_CHECK;

#endif
