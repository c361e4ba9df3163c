/* SPDX-License-Identifier: Apache-2.0 */
/* Subscriptions and assignments: both ways, and what a reader lets pass. */
#include "config.h"

#include "vectors/group.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "group/codec.h"

const struct golden_section group_sections[] = {
    { "meta", group_run_meta, NULL },
    { "codecs", group_run_codecs, NULL },
    { "tolerance", group_run_tolerance, NULL },
    { "assignor_sequences", group_run_sequences, NULL },
    { "captures", group_run_captures, NULL },
    { "captured_lookup", group_run_lookup, NULL },
    { NULL, NULL, NULL },
};

void golden_work(struct golden *g, const struct json *list, struct work_list *ret)
{
    for (size_t i = 0; list && list->type == JSON_ARRAY && i < list->count; i++) {
        const struct json *entry = &list->items[i];
        struct kaftan_slice s;
        if (!golden_expect(g, entry->type == JSON_ARRAY && entry->count == 2 && json_text(&entry->items[0], &s) &&
                                  entry->items[1].type == JSON_ARRAY, "a work list that is none"))
            return;
        const char *name = arena_strndup(g->arena, s.ptr, s.len);
        for (size_t t = 0; t < entry->items[1].count; t++) {
            int64_t id = 0;
            golden_expect(g, json_i64(&entry->items[1].items[t], &id), "a work list with ids that are none");
            work_list_add(ret, name, (int32_t)id);
        }
    }
}

void work_text(const struct work_list *l, struct buf *ret)
{
    for (size_t i = 0; i < l->count; i++)
        buf_printf(ret, "%s%s/%d", i ? " " : "", l->items[i].connector, (int)l->items[i].task);
}

void golden_same_work(struct golden *g, const char *what, const struct work_list *got, const struct json *wanted)
{
    struct work_list w = { NULL, 0 };
    struct buf a = BUF_INIT, b = BUF_INIT;
    golden_work(g, wanted, &w);
    work_text(got, &a);
    work_text(&w, &b);
    golden_same_text(g, what, buf_text(&a), buf_text(&b));
    work_list_fini(&w);
    buf_fini(&a);
    buf_fini(&b);
}

static void same_assignment(struct golden *g, const struct group_assignment *a, const struct json *d)
{
    golden_same_int(g, "version", a->version, golden_int(g, d, "version"));
    golden_same_int(g, "error", a->error, golden_int(g, d, "error"));
    golden_same_text(g, "leader", a->leader, golden_text(g, d, "leader"));
    golden_same_text(g, "leader_url", a->leader_url, golden_text(g, d, "leader_url"));
    golden_same_int(g, "config_offset", a->config_offset, golden_int(g, d, "config_offset"));
    golden_same_int(g, "delay_ms", a->delay_ms, json_get(d, "delay_ms") ? golden_int(g, d, "delay_ms") : 0);
    golden_same_work(g, "assigned", &a->work, json_get(d, "assigned"));
    golden_same_work(g, "revoked", &a->revoked, json_get(d, "revoked"));
}

static void check_subscription(struct golden *g, const struct json *d, const struct buf *bytes)
{
    const struct json *allocation = json_get(d, "allocation");
    struct group_subscription s = { 0 };
    struct buf again = BUF_INIT;
    struct kaftan_error *err = group_read_subscription(buf_slice(bytes), &s);
    if (!golden_expect(g, !err, "%s", err ? kaftan_error_message(err) : "")) {
        kaftan_error_free(err);
        return;
    }
    golden_same_int(g, "version", s.version, golden_int(g, d, "version"));
    golden_same_text(g, "url", s.url, golden_text(g, d, "url"));
    golden_same_int(g, "config_offset", s.config_offset, golden_int(g, d, "config_offset"));
    golden_same_int(g, "whether there is an allocation", s.has_allocation, allocation && allocation->type == JSON_OBJECT);
    if (json_get(d, "protocol"))
        golden_same_text(g, "protocol", group_protocol_name(s.version), golden_text(g, d, "protocol"));
    if (s.has_allocation && allocation)
        same_assignment(g, &s.allocation, allocation);
    group_put_subscription(&again, s.version, s.url, s.config_offset, s.has_allocation ? &s.allocation : NULL);
    golden_same_bytes(g, "written again", &again, bytes);
    buf_fini(&again);
    group_subscription_fini(&s);
}

static void check_assignment(struct golden *g, const struct json *d, const struct buf *bytes)
{
    struct group_assignment a = { 0 };
    struct buf again = BUF_INIT;
    struct kaftan_error *err = group_read_assignment(buf_slice(bytes), &a);
    if (!golden_expect(g, !err, "%s", err ? kaftan_error_message(err) : "")) {
        kaftan_error_free(err);
        return;
    }
    same_assignment(g, &a, d);
    group_put_assignment(&again, a.version, &a);
    golden_same_bytes(g, "written again", &again, bytes);
    buf_fini(&again);
    group_assignment_fini(&a);
}

void group_run_codecs(struct golden *g, const struct json *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i], *d = json_get(v, "decoded");
        struct buf bytes = BUF_INIT;
        if (!golden_begin(g, "%s", golden_text(g, v, "name")))
            continue;
        golden_hex(g, v, "hex", &bytes);
        if (json_get(d, "url"))
            check_subscription(g, d, &bytes);
        else
            check_assignment(g, d, &bytes);
        buf_fini(&bytes);
        golden_end(g);
    }
}

/* ---- tolerance ---- */

/* Connectors and tasks of a list as the vectors have them here: two lists of texts. */
static void same_texts(struct golden *g, const struct work_list *l, const struct json *connectors, const struct json *tasks)
{
    struct buf got[2] = { BUF_INIT, BUF_INIT }, wanted[2] = { BUF_INIT, BUF_INIT };
    const struct json *lists[] = { connectors, tasks };
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].task == -1)
            buf_printf(&got[0], "%s ", l->items[i].connector);
        else
            buf_printf(&got[1], "%s-%d ", l->items[i].connector, (int)l->items[i].task);
    for (size_t k = 0; k < COUNT_OF(lists); k++) {
        for (size_t i = 0; lists[k] && i < lists[k]->count; i++)
            buf_printf(&wanted[k], "%.*s ", (int)lists[k]->items[i].text.len, lists[k]->items[i].text.ptr);
        golden_same_text(g, k ? "tasks" : "connectors", buf_text(&got[k]), buf_text(&wanted[k]));
        buf_fini(&got[k]);
        buf_fini(&wanted[k]);
    }
}

static struct kaftan_error *tolerate_subscription(struct golden *g, const struct json *d, const struct buf *bytes)
{
    struct group_subscription s = { 0 };
    struct kaftan_error *err = group_read_subscription(buf_slice(bytes), &s);
    if (!err && d) {
        golden_same_text(g, "url", s.url, golden_text(g, d, "url"));
        golden_same_int(g, "config_offset", s.config_offset, golden_int(g, d, "config_offset"));
        golden_same_int(g, "whether there is an allocation", s.has_allocation, !golden_flag(d, "allocation_is_default_empty"));
        golden_same_work(g, "claims", &s.allocation.work, json_get(d, "claims"));
    }
    group_subscription_fini(&s);
    return err;
}

static struct kaftan_error *tolerate_assignment(struct golden *g, const struct json *d, const struct buf *bytes)
{
    struct group_assignment a = { 0 };
    struct kaftan_error *err = group_read_assignment(buf_slice(bytes), &a);
    if (!err && d) {
        golden_same_int(g, "version", a.version, golden_int(g, d, "version"));
        golden_same_int(g, "error", a.error, golden_int(g, d, "error"));
        golden_same_int(g, "delay_ms", a.delay_ms, golden_int(g, d, "delay_ms"));
        golden_same_int(g, "config_offset", a.config_offset, golden_int(g, d, "config_offset"));
        golden_same_text(g, "leader", a.leader, golden_text(g, d, "leader"));
        golden_same_text(g, "leader_url", a.leader_url, golden_text(g, d, "leader_url"));
        same_texts(g, &a.work, json_get(d, "connectors"), json_get(d, "tasks"));
        same_texts(g, &a.revoked, json_get(d, "revoked_connectors"), json_get(d, "revoked_tasks"));
    }
    group_assignment_fini(&a);
    return err;
}

void group_run_tolerance(struct golden *g, const struct json *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        struct buf bytes = BUF_INIT;
        if (!golden_begin(g, "%s", golden_text(g, v, "name")))
            continue;
        bool accepted = golden_flag(v, "accepted");
        const struct json *d = accepted ? golden_member(g, v, "decoded") : NULL;
        golden_hex(g, v, "hex", &bytes);
        struct kaftan_error *err = strcmp(golden_text(g, v, "payload"), "subscription") == 0 ? tolerate_subscription(g, d, &bytes)
                                                                                              : tolerate_assignment(g, d, &bytes);
        golden_expect(g, !err == accepted, "%s, Java does not agree", err ? kaftan_error_message(err) : "accepted");
        kaftan_error_free(err);
        buf_fini(&bytes);
        golden_end(g);
    }
}
