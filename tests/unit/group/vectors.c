/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <criterion/criterion.h>

#include "base/mem.h"

static struct kaftan_arena *arena; /* for the life of the process */

static void end(void)
{
    arena_free(arena);
    arena = NULL;
}

const struct json *vectors_load(const char *name)
{
    char path[512];
    struct buf text = BUF_INIT;
    char chunk[65536];
    const struct json *ret = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_put(&text, chunk, n);
    (void)fclose(f);
    if (!arena) {
        arena = arena_new(1 << 20);
        (void)atexit(end);
    }
    char *kept = arena_strndup(arena, text.data, text.len);
    struct kaftan_error *err = json_parse(arena, kept, text.len, 0, &ret);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    buf_fini(&text);
    return ret;
}

const char *vector_text(const struct json *object, const char *name)
{
    struct kaftan_slice s;
    const struct json *v = json_get(object, name);
    return v && json_text(v, &s) ? arena_strndup(arena, s.ptr, s.len) : "";
}

int64_t vector_int(const struct json *object, const char *name)
{
    int64_t n = 0;
    const struct json *v = json_get(object, name);
    cr_assert(v && json_i64(v, &n), "%s", name);
    return n;
}

bool vector_bool(const struct json *object, const char *name)
{
    const struct json *v = json_get(object, name);
    return v && v->type == JSON_TRUE;
}

static int digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

void vector_bytes(const struct json *object, const char *name, struct buf *ret)
{
    const char *hex = vector_text(object, name);
    for (; hex[0] && hex[1]; hex += 2)
        buf_put_u8(ret, (uint8_t)(digit(hex[0]) << 4 | digit(hex[1])));
}

void vector_work(const struct json *list, struct work_list *ret)
{
    for (size_t i = 0; list && i < list->count; i++) {
        const struct json *entry = &list->items[i];
        struct kaftan_slice s;
        cr_assert(json_text(&entry->items[0], &s));
        const char *name = arena_strndup(arena, s.ptr, s.len);
        for (size_t t = 0; t < entry->items[1].count; t++) {
            int64_t id;
            cr_assert(json_i64(&entry->items[1].items[t], &id));
            work_list_add(ret, name, (int32_t)id);
        }
    }
}

void work_text(const struct work_list *l, struct buf *ret)
{
    for (size_t i = 0; i < l->count; i++)
        buf_printf(ret, "%s%s/%d", i ? " " : "", l->items[i].connector, (int)l->items[i].task);
}

void expect_bytes(const struct buf *got, const struct buf *wanted, const char *label)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    for (size_t i = 0; i < got->len; i++)
        buf_printf(&a, "%02x", (unsigned)(uint8_t)got->data[i]);
    for (size_t i = 0; i < wanted->len; i++)
        buf_printf(&b, "%02x", (unsigned)(uint8_t)wanted->data[i]);
    cr_expect_str_eq(buf_text(&a), buf_text(&b), "%s:\n got    %s\n wanted %s", label, buf_text(&a), buf_text(&b));
    buf_fini(&a);
    buf_fini(&b);
}
