/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_REGEX_H
#define BASE_REGEX_H
/*
 * regex: java.util.regex patterns through PCRE2 (UTF, UCP off). What PCRE2
 * reads differently is translated, or refused at compile time with a text
 * that says so.
 * Matching is bounded (match and depth limit), so no pattern can hang a task.
 *
 * Owner    the maker
 * Thread   one at a time (it holds its match data)
 */
#include <stdbool.h>
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/buf.h"

struct regex;

/* Errors: INVALID with the text of PatternSyntaxException (several lines), ready to follow `Invalid regex: `. */
struct kaftan_error *regex_new(const char *pattern, struct regex **ret) KAFTAN_MUST_CHECK;
void regex_free(struct regex *r); /* NULL is fine */
bool regex_matches(struct regex *r, struct kaftan_slice text); /* the whole text, as Matcher.matches() */
/*
 * Appends `text` with the first occurrence found replaced, Matcher.replaceFirst: $1, ${name} and \x in
 * `replacement`. Errors: DATA with Java's message; nothing is appended then.
 */
struct kaftan_error *regex_replace_first(struct regex *r, struct kaftan_slice text, const char *replacement,
                                         struct buf *ret) KAFTAN_MUST_CHECK;

#endif
