/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <criterion/criterion.h>

#include "vectors.h"

static void expect_work(const struct work_list *got, const struct json *wanted, const char *label)
{
    struct work_list w = { NULL, 0 };
    struct buf a = BUF_INIT, b = BUF_INIT;
    vector_work(wanted, &w);
    work_text(got, &a);
    work_text(&w, &b);
    cr_expect_str_eq(buf_text(&a), buf_text(&b), "%s", label);
    work_list_fini(&w);
    buf_fini(&a);
    buf_fini(&b);
}

static void expect_assignment(const struct group_assignment *a, const struct json *d, const char *label)
{
    cr_expect_eq(a->version, vector_int(d, "version"), "%s", label);
    cr_expect_eq(a->error, vector_int(d, "error"), "%s", label);
    cr_expect_str_eq(a->leader, vector_text(d, "leader"), "%s", label);
    cr_expect_str_eq(a->leader_url, vector_text(d, "leader_url"), "%s", label);
    cr_expect_eq(a->config_offset, vector_int(d, "config_offset"), "%s", label);
    cr_expect_eq(a->delay_ms, json_get(d, "delay_ms") ? vector_int(d, "delay_ms") : 0, "%s", label);
    expect_work(&a->work, json_get(d, "assigned"), label);
    expect_work(&a->revoked, json_get(d, "revoked"), label);
}

static void check_subscription(const struct json *v, const struct buf *bytes)
{
    const char *label = vector_text(v, "name");
    const struct json *d = json_get(v, "decoded");
    const struct json *allocation = json_get(d, "allocation");
    struct group_subscription s = { 0 };
    struct buf again = BUF_INIT;
    struct kaftan_error *err = group_read_subscription(buf_slice(bytes), &s);
    cr_assert_null(err, "%s: %s", label, err ? kaftan_error_message(err) : "");
    cr_expect_eq(s.version, vector_int(d, "version"), "%s", label);
    cr_expect_str_eq(s.url, vector_text(d, "url"), "%s", label);
    cr_expect_eq(s.config_offset, vector_int(d, "config_offset"), "%s", label);
    cr_expect_eq(s.has_allocation, allocation && allocation->type == JSON_OBJECT, "%s", label);
    cr_expect_str_eq(group_protocol_name(s.version), vector_text(d, "protocol"), "%s", label);
    if (s.has_allocation)
        expect_assignment(&s.allocation, allocation, label);
    group_put_subscription(&again, s.version, s.url, s.config_offset, s.has_allocation ? &s.allocation : NULL);
    expect_bytes(&again, bytes, label);
    buf_fini(&again);
    group_subscription_fini(&s);
}

static void check_assignment(const struct json *v, const struct buf *bytes)
{
    const char *label = vector_text(v, "name");
    struct group_assignment a = { 0 };
    struct buf again = BUF_INIT;
    struct kaftan_error *err = group_read_assignment(buf_slice(bytes), &a);
    cr_assert_null(err, "%s: %s", label, err ? kaftan_error_message(err) : "");
    expect_assignment(&a, json_get(v, "decoded"), label);
    group_put_assignment(&again, a.version, &a);
    expect_bytes(&again, bytes, label);
    buf_fini(&again);
    group_assignment_fini(&a);
}

Test(codec, golden_vectors_both_ways)
{
    const struct json *list = json_get(vectors_load("group-codec.json"), "codecs");
    cr_assert_eq(list->count, 51);
    for (size_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        struct buf bytes = BUF_INIT;
        vector_bytes(v, "hex", &bytes);
        if (strncmp(vector_text(v, "name"), "subscription", 12) == 0)
            check_subscription(v, &bytes);
        else
            check_assignment(v, &bytes);
        buf_fini(&bytes);
    }
}

/* Connectors and tasks of a list as the vectors have them: two lists of texts. */
static void expect_texts(const struct work_list *l, const struct json *connectors, const struct json *tasks, const char *label)
{
    size_t c = 0, t = 0;
    for (size_t i = 0; i < l->count; i++) {
        char text[256];
        struct kaftan_slice s = { "", 0 };
        const struct json *list = l->items[i].task == -1 ? connectors : tasks;
        size_t *at = l->items[i].task == -1 ? &c : &t;
        if (l->items[i].task == -1)
            (void)snprintf(text, sizeof text, "%s", l->items[i].connector);
        else
            (void)snprintf(text, sizeof text, "%s-%d", l->items[i].connector, (int)l->items[i].task);
        cr_assert(*at < list->count && json_text(&list->items[*at], &s), "%s", label);
        cr_expect(s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0, "%s: %s", label, text);
        (*at)++;
    }
    cr_expect_eq(c, connectors ? connectors->count : 0, "%s", label);
    cr_expect_eq(t, tasks ? tasks->count : 0, "%s", label);
}

static void check_tolerated_assignment(const struct json *v, const struct group_assignment *a)
{
    const struct json *d = json_get(v, "decoded");
    const char *label = vector_text(v, "name");
    cr_expect_eq(a->version, vector_int(d, "version"), "%s", label);
    cr_expect_eq(a->error, vector_int(d, "error"), "%s", label);
    cr_expect_eq(a->delay_ms, vector_int(d, "delay_ms"), "%s", label);
    cr_expect_eq(a->config_offset, vector_int(d, "config_offset"), "%s", label);
    expect_texts(&a->work, json_get(d, "connectors"), json_get(d, "tasks"), label);
    expect_texts(&a->revoked, json_get(d, "revoked_connectors"), json_get(d, "revoked_tasks"), label);
}

Test(codec, tolerates_what_java_tolerates)
{
    const struct json *list = json_get(vectors_load("group-codec.json"), "tolerance");
    cr_assert_eq(list->count, 29);
    for (size_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        const char *label = vector_text(v, "name");
        bool accepted = vector_bool(v, "accepted");
        struct buf bytes = BUF_INIT;
        struct kaftan_error *err;
        vector_bytes(v, "hex", &bytes);
        if (strcmp(vector_text(v, "payload"), "subscription") == 0) {
            struct group_subscription s = { 0 };
            err = group_read_subscription(buf_slice(&bytes), &s);
            cr_expect_eq(err == NULL, accepted, "%s", label);
            if (!err) {
                cr_expect_str_eq(s.url, vector_text(json_get(v, "decoded"), "url"), "%s", label);
                cr_expect_eq(s.config_offset, vector_int(json_get(v, "decoded"), "config_offset"), "%s", label);
                cr_expect_eq(s.has_allocation, !vector_bool(json_get(v, "decoded"), "allocation_is_default_empty"), "%s", label);
            }
            group_subscription_fini(&s);
        } else {
            struct group_assignment a = { 0 };
            err = group_read_assignment(buf_slice(&bytes), &a);
            cr_expect_eq(err == NULL, accepted, "%s", label);
            if (!err)
                check_tolerated_assignment(v, &a);
            group_assignment_fini(&a);
        }
        kaftan_error_free(err);
        buf_fini(&bytes);
    }
}

Test(codec, a_name_that_would_fill_memory_is_refused)
{
    struct buf b = BUF_INIT;
    struct group_assignment a = { 0 };
    buf_put_u16(&b, 2);
    buf_put_u16(&b, 0);
    buf_put_u16(&b, 0); /* leader */
    buf_put_u16(&b, 0); /* url */
    buf_put_u64(&b, 1);
    buf_put_u32(&b, 1);
    buf_put_u16(&b, 32767);
    for (int i = 0; i < 32767; i++)
        buf_putc(&b, 'x');
    buf_put_u32(&b, 10000);
    for (uint32_t i = 0; i < 10000; i++)
        buf_put_u32(&b, i);
    struct kaftan_error *err = group_read_assignment(buf_slice(&b), &a);
    cr_assert_not_null(err);
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_DATA);
    kaftan_error_free(err);
    buf_fini(&b);
}
