/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_topic.h"

#include <string.h>

#include "mqtt_codec.h"

enum { FILTER_LIMIT = 65535 };

/* The next level; *rest loses it and its slash. `rest->ptr` NULL: there is none behind it. */
static struct kaftan_slice level_take(struct kaftan_slice *rest)
{
    struct kaftan_slice level = *rest;
    const char *slash = rest->len ? memchr(rest->ptr, '/', rest->len) : NULL;
    if (!slash) {
        rest->ptr = NULL;
        rest->len = 0;
        return level;
    }
    level.len = (size_t)(slash - rest->ptr);
    rest->ptr = slash + 1;
    rest->len -= level.len + 1;
    return level;
}

static bool is_char(struct kaftan_slice s, char c)
{
    return s.len == 1 && s.ptr[0] == c;
}

static bool starts(struct kaftan_slice s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.len >= n && memcmp(s.ptr, prefix, n) == 0;
}

static bool has_char(struct kaftan_slice s, char c)
{
    return s.len > 0 && memchr(s.ptr, c, s.len) != NULL;
}

struct kaftan_slice mqtt_filter_bare(struct kaftan_slice filter, struct kaftan_slice *ret_group)
{
    struct kaftan_slice group = { NULL, 0 }, rest = filter;
    if (starts(filter, "$share/")) {
        (void)level_take(&rest);
        group = level_take(&rest);
        if (!rest.ptr || group.len == 0) {
            group.ptr = NULL;
            rest = filter;
        }
    }
    if (ret_group)
        *ret_group = group;
    return group.ptr ? rest : filter;
}

const char *mqtt_filter_problem(struct kaftan_slice filter)
{
    if (filter.len == 0)
        return "a filter must not be empty";
    if (filter.len > FILTER_LIMIT)
        return "a filter must not be longer than 65535 bytes";
    if (has_char(filter, '\0'))
        return "contains a NUL";
    if (!mqtt_text_valid(filter.ptr, filter.len))
        return "is not valid UTF-8";
    if (starts(filter, "$share/") || (starts(filter, "$share") && filter.len == 6)) {
        struct kaftan_slice group, bare = mqtt_filter_bare(filter, &group);
        if (!group.ptr || bare.len == 0 || has_char(group, '+') || has_char(group, '#'))
            return "'$share' needs a group and a filter";
        filter = bare;
    }
    while (filter.ptr) {
        struct kaftan_slice level = level_take(&filter);
        if (has_char(level, '#') && (level.len > 1 || filter.ptr))
            return "'#' must be the last level";
        if (has_char(level, '+') && level.len > 1)
            return "'+' must stand alone in its level";
    }
    return NULL;
}

bool mqtt_filter_matches(struct kaftan_slice filter, struct kaftan_slice topic)
{
    if (topic.len > 0 && topic.ptr[0] == '$' && filter.len > 0 && (filter.ptr[0] == '+' || filter.ptr[0] == '#'))
        return false;
    while (filter.ptr) {
        struct kaftan_slice want = level_take(&filter);
        if (is_char(want, '#'))
            return true; /* also the level above: no more topic is fine */
        if (!topic.ptr)
            return false;
        struct kaftan_slice have = level_take(&topic);
        if (!is_char(want, '+') && (want.len != have.len || memcmp(want.ptr, have.ptr, want.len) != 0))
            return false;
    }
    return !topic.ptr;
}

/* `#` and `+` at the first level cannot stand for a level that starts with `$`. */
static bool levels_meet(struct kaftan_slice a, struct kaftan_slice b, bool first)
{
    bool wild_a = is_char(a, '+'), wild_b = is_char(b, '+');
    if (wild_a && wild_b)
        return true;
    if (wild_a || wild_b) {
        struct kaftan_slice fixed = wild_a ? b : a;
        return !(first && fixed.len > 0 && fixed.ptr[0] == '$');
    }
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool mqtt_filters_overlap(struct kaftan_slice a, struct kaftan_slice b)
{
    for (bool first = true; a.ptr || b.ptr; first = false) {
        struct kaftan_slice rest_a = a, rest_b = b;
        struct kaftan_slice level_a = a.ptr ? level_take(&rest_a) : (struct kaftan_slice){ NULL, 0 };
        struct kaftan_slice level_b = b.ptr ? level_take(&rest_b) : (struct kaftan_slice){ NULL, 0 };
        bool rest_any_a = a.ptr && is_char(level_a, '#'), rest_any_b = b.ptr && is_char(level_b, '#');
        if (rest_any_a || rest_any_b) {
            struct kaftan_slice other = rest_any_a ? level_b : level_a;
            return !(first && other.len > 0 && other.ptr[0] == '$');
        }
        if (!a.ptr || !b.ptr || !levels_meet(level_a, level_b, first))
            return false;
        a = rest_a;
        b = rest_b;
    }
    return true;
}
