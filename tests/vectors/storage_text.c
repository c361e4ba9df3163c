/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of JSON that the Java worker wrote, and what is nobody's to answer for. */
#include "config.h"

#include "vectors/storage.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* "U+D83D U+DE00" or its members, to what the reader would have made of it. */
static void put_unit(struct buf *b, const char *u, uint32_t *high)
{
    uint32_t c = (uint32_t)strtoul(u + 2, NULL, 16);
    if (*high && c >= 0xDC00 && c <= 0xDFFF) {
        b->len -= 3;
        c = 0x10000 + ((*high - 0xD800) << 10) + (c - 0xDC00);
    }
    *high = c >= 0xD800 && c <= 0xDBFF ? c : 0;
    utf8_put(b, c);
}

/* False: a type that is only the converter's. */
static bool put_value(struct golden *g, struct buf *b, const struct json *v)
{
    const struct json *units = golden_member(g, v, "value");
    const char *type = golden_text(g, v, "type"), *text = golden_text(g, v, "value");
    double d = 0;
    if (units->type == JSON_ARRAY) {
        struct buf s = BUF_INIT;
        uint32_t high = 0;
        for (size_t i = 0; i < units->count; i++)
            put_unit(&s, arena_strndup(g->arena, units->items[i].text.ptr, units->items[i].text.len), &high);
        json_put_string(b, s.data ? s.data : "", s.len);
        buf_fini(&s);
    } else if (strcmp(type, "Integer") == 0 || strcmp(type, "Long") == 0) {
        json_put_i64(b, strtoll(text, NULL, 10));
    } else if (strcmp(type, "Double") == 0 && text_to_double(text, strlen(text), &d)) {
        json_put_double(b, d);
    } else {
        return false;
    }
    return true;
}

static bool put_case(struct golden *g, struct buf *b, const struct json *v)
{
    const char *names = golden_text(g, v, "name_with");
    bool here = true;
    if (*names) {
        struct buf name = BUF_INIT;
        uint32_t high = 0;
        for (const char *p = names; (p = strstr(p, "U+")) != NULL; p++)
            put_unit(&name, p, &high);
        buf_putc(b, '{');
        json_put_string(b, name.data ? name.data : "", name.len);
        buf_puts(b, ":1}");
        buf_fini(&name);
    } else {
        buf_puts(b, "{\"k\":");
        here = put_value(g, b, v);
        buf_putc(b, '}');
    }
    return here;
}

static void run(struct golden *g, const struct json *list)
{
    size_t skipped = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        struct buf made = BUF_INIT, want = BUF_INIT;
        if (!golden_begin(g, "number %zu, %s", i + 1, golden_text(g, v, "json")))
            continue;
        golden_hex(g, v, "json_hex", &want);
        if (put_case(g, &made, v)) {
            golden_same_bytes(g, "the text", &made, &want);
            golden_end(g);
        } else {
            g->count->running = false;
            skipped++;
        }
        buf_fini(&made);
        buf_fini(&want);
    }
    golden_skip(g, skipped, "of types that only JsonConverter has");
}

const struct golden_section storage_text_sections[] = { { "json_text", run, NULL }, { NULL, NULL, NULL } };

static const char seen[] = "what brokers saw of Java's workers: nothing that is asked of one worker";

const struct golden_section storage_broker_sections[] = {
    { "topics_seen_on_the_broker", NULL, seen },
    { "create_topics_requests", NULL, seen },
    { "exactly_once", NULL, "there is no exactly-once yet" },
    { "fetch_isolation", NULL, seen },
    { "meta", NULL, NULL },
    { NULL, NULL, NULL },
};
