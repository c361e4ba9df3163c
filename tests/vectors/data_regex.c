/* SPDX-License-Identifier: Apache-2.0 */
/* Java's regular expressions, by the vectors of RegexRouter. */
#include "config.h"

#include "vectors/data.h"

#include <string.h>

#include "base/regex.h"
#include "base/text.h"

static const char not_here[] = "the transform's own configuration, and lookbehind without a fixed length";

static const char *member(struct kaftan_arena *a, const struct json *v, const char *name)
{
    struct kaftan_slice s;
    const struct json *m = json_get(v, name);
    return m && json_text(m, &s) ? arena_strndup(a, s.ptr, s.len) : NULL;
}

/* What PCRE2 cannot do at all. */
static bool impossible(const char *pattern)
{
    const char *behind = strstr(pattern, "(?<");
    return behind && (behind[3] == '=' || behind[3] == '!') && strcspn(behind, "+*") < strcspn(behind, ")");
}

static const char *refusal_differs(struct kaftan_arena *a, const struct json *v, struct kaftan_error *err)
{
    static const char prefix[] = "Invalid regex: ";
    const char *want = member(a, json_get(json_get(v, "expected"), "error"), "message"), *wrong = NULL;
    want = want ? strstr(want, prefix) : NULL;
    if (!want || strcmp(kaftan_error_message(err), want + strlen(prefix)) != 0)
        wrong = arena_printf(a, "error \"%s\"", kaftan_error_message(err));
    kaftan_error_free(err);
    return wrong;
}

static const char *apply_differs(struct kaftan_arena *a, const struct json *v, struct regex *r, const char *topic, const char *replacement)
{
    struct buf out = BUF_INIT;
    const struct json *expected = json_get(v, "expected");
    const char *want = member(a, json_get(expected, "record"), "topic");
    const char *message = member(a, json_get(expected, "error"), "message"), *wrong = NULL;
    struct kaftan_error *err = NULL;
    if (regex_matches(r, slice_of(topic)))
        err = regex_replace_first(r, slice_of(topic), replacement, &out);
    else
        buf_puts(&out, topic);
    if (err && !(message && strcmp(kaftan_error_message(err), message) == 0))
        wrong = arena_printf(a, "error \"%s\"", kaftan_error_message(err));
    else if (!err && message)
        wrong = "no error";
    else if (!err && strcmp(buf_text(&out), want ? want : topic) != 0)
        wrong = arena_printf(a, "topic %s", buf_text(&out));
    kaftan_error_free(err);
    buf_fini(&out);
    return wrong;
}

static const char *run(struct kaftan_arena *a, const struct json *v)
{
    const struct json *config = json_get(v, "config");
    const char *pattern = member(a, config, "regex"), *replacement = member(a, config, "replacement"), *wrong = NULL;
    const char *topic = member(a, json_get(json_get(v, "input"), "record"), "topic");
    struct regex *r = NULL;
    if (!pattern || !replacement || impossible(pattern))
        return not_here;
    struct kaftan_error *err = regex_new(pattern, &r);
    if (err)
        return refusal_differs(a, v, err);
    if (topic)
        wrong = apply_differs(a, v, r, topic, replacement);
    else if (!json_get(json_get(v, "expected"), "ok"))
        wrong = "accepted";
    regex_free(r);
    return wrong;
}

const struct data_component data_regex_components[] = { { "RegexRouter", run, not_here }, { NULL, NULL, NULL } };
