/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <kaftan/task.h>

#include "mqtt_layout.h"
#include "mqtt_payload.h"
#include "mqtt_template.h"
#include "mqtt_topic.h"

static struct kaftan_slice slice(const char *s)
{
    return (struct kaftan_slice){ s, strlen(s) };
}

Test(topic, filters)
{
    static const struct { const char *filter, *why; } cases[] = {
        { "a/b", NULL }, { "#", NULL }, { "+", NULL }, { "/", NULL }, { "a/+/b/#", NULL }, { "+/+/#", NULL },
        { "$SYS/#", NULL }, { "$share/g/a", NULL }, { "$shared", NULL }, { "a//b", NULL },
        { "", "a filter must not be empty" },
        { "a/#/b", "'#' must be the last level" }, { "a#", "'#' must be the last level" },
        { "#/a", "'#' must be the last level" }, { "a+", "'+' must stand alone in its level" },
        { "+a/b", "'+' must stand alone in its level" },
        { "$share", "'$share' needs a group and a filter" }, { "$share/", "'$share' needs a group and a filter" },
        { "$share/g", "'$share' needs a group and a filter" }, { "$share/g/", "'$share' needs a group and a filter" },
        { "$share//a", "'$share' needs a group and a filter" }, { "$share/+/a", "'$share' needs a group and a filter" },
        { "$share/g/a/#/b", "'#' must be the last level" },
        { "a\xff", "is not valid UTF-8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *why = mqtt_filter_problem(slice(cases[i].filter));
        if (cases[i].why)
            cr_expect(why && strcmp(why, cases[i].why) == 0, "%s: %s", cases[i].filter, why ? why : "accepted");
        else
            cr_expect_null(why, "%s: %s", cases[i].filter, why);
    }
    cr_expect_str_eq(mqtt_filter_problem((struct kaftan_slice){ "a\0b", 3 }), "contains a NUL");
    struct kaftan_slice group, bare = mqtt_filter_bare(slice("$share/g/a/b"), &group);
    cr_expect(group.len == 1 && bare.len == 3 && memcmp(bare.ptr, "a/b", 3) == 0);
}

Test(topic, matches)
{
    static const struct { const char *filter, *topic; bool yes; } cases[] = {
        { "a/b", "a/b", true }, { "a/b", "a/b/c", false }, { "a/b", "a", false }, { "a/+", "a/b", true },
        { "a/+", "a/", true }, { "a/+", "a", false }, { "a/+", "a/b/c", false }, { "+", "a", true },
        { "+", "/a", false }, { "+/+", "/a", true }, { "/+", "/a", true }, { "sport/#", "sport", true },
        { "sport/#", "sport/a/b", true }, { "#", "a/b", true }, { "#", "$SYS/x", false }, { "+/x", "$SYS/x", false },
        { "$SYS/#", "$SYS/x", true }, { "$SYS/+", "$SYS/x", true }, { "a//b", "a//b", true }, { "a/+/b", "a//b", true },
        { "a", "A", false }, { "a/#", "ab", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(mqtt_filter_matches(slice(cases[i].filter), slice(cases[i].topic)), cases[i].yes, "%s %s",
                     cases[i].filter, cases[i].topic);
}

/* All texts of up to four levels over a small alphabet: do two filters share one? */
static bool overlap_brute(const char *a, const char *b)
{
    static const char *const levels[] = { "x", "y", "", "$z" };
    for (unsigned n = 1; n <= 4; n++) {
        unsigned total = 1;
        for (unsigned i = 0; i < n; i++)
            total *= 4;
        for (unsigned code = 0; code < total; code++) {
            char topic[32] = "";
            size_t at = 0;
            unsigned c = code;
            for (unsigned i = 0; i < n; i++, c /= 4)
                at += (size_t)snprintf(topic + at, sizeof topic - at, "%s%s", i ? "/" : "", levels[c % 4]);
            if (at == 0)
                continue; /* no topic is empty */
            if (mqtt_filter_matches(slice(a), slice(topic)) && mqtt_filter_matches(slice(b), slice(topic)))
                return true;
        }
    }
    return false;
}

Test(topic, overlap_against_brute_force, .timeout = 120)
{
    static const char *const levels[] = { "x", "y", "+", "#", "$z" };
    unsigned seed = 3, both[2] = { 0, 0 };
    for (int round = 0; round < 3000; round++) {
        char f[2][32];
        for (int k = 0; k < 2; k++) {
            size_t at = 0;
            unsigned n = 1 + (unsigned)rand_r(&seed) % 3;
            for (unsigned i = 0; i < n; i++) {
                const char *level = levels[(unsigned)rand_r(&seed) % 5];
                at += (size_t)snprintf(f[k] + at, sizeof f[k] - at, "%s%s", i ? "/" : "", level);
                if (*level == '#')
                    break;
            }
        }
        bool want = overlap_brute(f[0], f[1]);
        both[want]++;
        cr_assert_eq(mqtt_filters_overlap(slice(f[0]), slice(f[1])), want, "%s and %s", f[0], f[1]);
    }
    cr_expect(both[0] > 100 && both[1] > 100);
}

/* ---- templates */

struct message {
    const char *filter, *json;
    struct kaftan_arena *arena;
    struct kaftan_value value;
};

static struct kaftan_slice filter_of(void *self)
{
    const struct message *m = self;
    return m->filter ? slice(m->filter) : (struct kaftan_slice){ NULL, 0 };
}

static const struct kaftan_value *json_of(void *self)
{
    struct message *m = self;
    struct kaftan_error *err = kaftan_value_from_json(m->arena, m->json, strlen(m->json), &m->value);
    kaftan_error_free(err);
    return err ? NULL : &m->value;
}

Test(template, evaluates)
{
    static const struct { const char *text, *want; } cases[] = {
        { "mqtt", "mqtt" }, { "", "" }, { "${topic}", "site/3/temp" }, { "x-${topic}-y", "x-site/3/temp-y" },
        { "${topic[0]}", "site" }, { "${topic[-1]}", "temp" }, { "${topic[1..]}", "3/temp" },
        { "${topic[0..1]}", "site/3" }, { "${topic[-2..-1]}", "3/temp" }, { "${topic[7]:-none}", "none" },
        { "${topic[7]}", NULL }, { "${topic[2..1]}", NULL },
        { "${filter}", "site/#" }, { "${client.id}", "id-0" }, { "a$$b", "a$b" }, { "$$", "$" },
        { "${header:k}", "v2" }, { "${header:none}", NULL }, { "${header:none:-d}", "d" },
        { "${header:none:-${topic[0]}}", "site" }, { "${json:/a/b}", "7" }, { "${json:/a}", NULL },
        { "${json:/l/1}", "two" }, { "${json:/l/9:-x}", "x" }, { "${json:/s~1t}", "slash" }, { "${json:/t}", "true" },
        { "${json:/null}", NULL }, { "${json:/d}", "1.5" }, { "${json:/x:-}", "" },
        { "${topic[0]}.${json:/a/b}.${header:k}", "site.7.v2" },
    };
    static const uint8_t publish[] = "\x30\x16\x00\x01t\x10" "\x26\x00\x01k\x00\x02v1" "\x26\x00\x01k\x00\x02v2" "zz";
    struct mqtt_packet p;
    size_t used;
    const char *why = NULL;
    cr_assert_eq(mqtt_decode(publish, sizeof publish - 1, MQTT_V5, &p, &used, &why), MQTT_DONE, "%s", why);
    struct kaftan_arena *arena = kaftan_arena_new();
    struct message m = { "site/#", "{\"a\":{\"b\":7},\"l\":[1,\"two\"],\"s/t\":\"slash\",\"t\":true,\"null\":null,\"d\":1.5}",
                         arena, kaftan_null() };
    const struct mqtt_scope scope = { arena, slice("site/3/temp"), slice("id-0"), &p.props, filter_of, json_of, &m };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mqtt_template *t = NULL;
        struct kaftan_error *err = mqtt_template_compile(cases[i].text, &t);
        cr_assert_null(err, "%s: %s", cases[i].text, kaftan_error_message(err));
        struct kaftan_slice have = { NULL, 0 }, missing = { NULL, 0 };
        bool found = mqtt_template_eval(t, &scope, &have, &missing);
        cr_expect_eq(found, cases[i].want != NULL, "%s", cases[i].text);
        if (found && cases[i].want)
            cr_expect(have.len == strlen(cases[i].want) && memcmp(have.ptr, cases[i].want, have.len) == 0, "%s: %.*s",
                      cases[i].text, (int)have.len, have.ptr);
        mqtt_template_free(t);
    }
    kaftan_arena_free(arena);
}

Test(template, refuses)
{
    static const struct { const char *text, *why; } cases[] = {
        { "x-${tpoic}", "unknown variable 'tpoic' at position 3; known: topic, topic[n], topic[n..m], filter, header:, "
                        "json:, client.id" },
        { "${topic", "'${' at position 1 is not closed" },
        { "a${topic:-x", "'${' at position 2 is not closed" },
        { "a$b", "'$' at position 2 is neither '${' nor '$$'" },
        { "${topic[x]}", "unknown variable 'topic[x]' at position 1; known: topic, topic[n], topic[n..m], filter, "
                         "header:, json:, client.id" },
        { "${topic[]}", "unknown variable 'topic[]' at position 1; known: topic, topic[n], topic[n..m], filter, "
                        "header:, json:, client.id" },
        { "${json:a}", "a JSON pointer starts with '/'" },
        { "${json:/a~2}", "in a JSON pointer '~' is followed by 0 or 1" },
        { "${header:a:-${topic}x}", "the default of '${' at position 1 is a text or one variable" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mqtt_template *t = NULL;
        struct kaftan_error *err = mqtt_template_compile(cases[i].text, &t);
        cr_assert_not_null(err, "accepted: %s", cases[i].text);
        cr_expect_str_eq(kaftan_error_message(err), cases[i].why);
        cr_expect_null(t);
        kaftan_error_free(err);
    }
}

Test(template, sanitizes)
{
    static const struct { const char *text, *replacement, *want; } cases[] = {
        { "a", "_", "a" }, { "a/b", "_", "a.b" }, { "/a/b", "_", "a.b" }, { "a b", "_", "a_b" }, { "\xc3\xa9", "_", "__" },
        { "a b", "", NULL }, { "", "_", NULL }, { "/", "_", NULL }, { ".", "_", NULL }, { "..", "_", NULL },
        { "a/b", "", "a.b" }, { "./", "_", NULL }, { "a+", "-x-", "a-x-" },
    };
    struct kaftan_arena *arena = kaftan_arena_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kaftan_slice have = { NULL, 0 };
        bool ok = mqtt_topic_sanitize(arena, slice(cases[i].text), slice(cases[i].replacement), &have);
        cr_expect_eq(ok, cases[i].want != NULL, "%s", cases[i].text);
        if (ok && cases[i].want)
            cr_expect(have.len == strlen(cases[i].want) && memcmp(have.ptr, cases[i].want, have.len) == 0, "%s: %.*s",
                      cases[i].text, (int)have.len, have.ptr);
    }
    char long_name[300];
    struct kaftan_slice have;
    memset(long_name, 'a', sizeof long_name);
    cr_expect(mqtt_topic_sanitize(arena, (struct kaftan_slice){ long_name, 249 }, slice("_"), &have));
    cr_expect_not(mqtt_topic_sanitize(arena, (struct kaftan_slice){ long_name, 250 }, slice("_"), &have));
    long_name[0] = ' ';
    cr_expect_not(mqtt_topic_sanitize(arena, (struct kaftan_slice){ long_name, 250 }, slice("_"), &have));
    kaftan_arena_free(arena);
}

Test(payload, times)
{
    static const struct { const char *text; int64_t ms; } cases[] = {
        { "1700000000", 1700000000000 }, { "1700000000123", 1700000000123 }, { "1700000000.5", 1700000000500 },
        { "2023-11-14T22:13:20Z", 1700000000000 }, { "2023-11-14T22:13:20.123Z", 1700000000123 },
        { "2023-11-14T23:13:20+01:00", 1700000000000 }, { "2023-11-14 22:13:20", 1700000000000 },
        { "1970-01-01", 0 }, { "2000-02-29T00:00:00Z", 951782400000 }, { "2023-11-14T16:43:20-0530", 1700000000000 },
        { "", -1 }, { "x", -1 }, { "2023-13-01", -1 }, { "2023-11-14T22", -1 }, { "12:00", -1 }, { "-5", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = -1;
        bool ok = mqtt_time_parse(slice(cases[i].text), &ms);
        cr_expect_eq(ok, cases[i].ms >= 0, "%s", cases[i].text);
        cr_expect_eq(ms, cases[i].ms, "%s: %lld", cases[i].text, (long long)ms);
    }
}

/* ---- layout */

static void expect_id(const char *prefix, bool exact, const char *group, const char *name, uint32_t slot,
                      const char *want)
{
    const struct mqtt_config c = { .client_id = prefix, .client_id_exact = exact };
    char *id = mqtt_client_id(&c, group, name, slot);
    cr_expect_str_eq(id, want);
    cr_expect_leq(strlen(id), 64);
    kaftan_free(id);
}

Test(layout, client_ids)
{
    expect_id("", false, "g", "c", 0, "kaftan-g-c-0");
    expect_id("", false, "", "c", 3, "kaftan-c-3");
    expect_id("edge", false, "g", "c", 1, "edge-1");
    expect_id("edge/7", true, "g", "c", 0, "edge/7");
    /* SHA-256 of "kaftan-g-a b-0" starts with 32 bits that keep it apart from "a_b" */
    const struct mqtt_config c = { .client_id = "" };
    char *a = mqtt_client_id(&c, "g", "a b", 0), *b = mqtt_client_id(&c, "g", "a_b", 0);
    char *d = mqtt_client_id(&c, "g", "a b", 0);
    cr_expect_str_neq(a, b);
    cr_expect_str_eq(a, d);
    cr_expect_eq(strncmp(a, "kaftan-g-a_b-0-", 15), 0);
    cr_expect_eq(strlen(a), 15 + 8);
    kaftan_free(a);
    kaftan_free(b);
    kaftan_free(d);
    char name[120];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    a = mqtt_client_id(&c, "g", name, 0);
    b = mqtt_client_id(&c, "g", name, 1);
    cr_expect_eq(strlen(a), 64);
    cr_expect_str_neq(a, b);
    kaftan_free(a);
    kaftan_free(b);
}

Test(layout, slots)
{
    static const char *const items[] = { "a/#", "b", "a/+", "c/#", "+/x" };
    const struct kaftan_list filters = { items, 5 }, three = { items, 3 };
    size_t group[5];
    cr_expect_eq(mqtt_overlap_groups(&three, group), 2);
    cr_expect(group[0] == 0 && group[1] == 1 && group[2] == 0);
    /* `+/x` meets `a/#` and `c/#`: they become one group */
    cr_expect_eq(mqtt_overlap_groups(&filters, group), 2);
    cr_expect(group[0] == 0 && group[1] == 1 && group[2] == 0 && group[3] == 0 && group[4] == 0);
    struct mqtt_config c = { .topics = three };
    cr_expect_eq(mqtt_slot_count(&c, 8), 2);
    cr_expect_eq(mqtt_slot_count(&c, 1), 1);
    c.sessions = 5;
    cr_expect_eq(mqtt_slot_count(&c, 1), 5);
    uint32_t slot[5];
    mqtt_assign_filters(&three, 2, slot);
    cr_expect(slot[0] == 0 && slot[2] == 0 && slot[1] == 1);
    static const char *const four[] = { "a", "b", "c", "d" };
    const struct kaftan_list apart = { four, 4 };
    mqtt_assign_filters(&apart, 2, slot);
    cr_expect(slot[0] == 0 && slot[1] == 1 && slot[2] == 0 && slot[3] == 1);
}
