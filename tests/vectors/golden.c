/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vectors/golden.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* ---- files ---- */

static struct kaftan_error *read_all(const char *path, struct buf *ret)
{
    char chunk[65536];
    FILE *f = fopen(path, "rbe");
    if (!f)
        return kaftan_error_new(KAFTAN_E_INVALID, "%s cannot be read: %s", path, strerror(errno));
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_put(ret, chunk, n);
    bool bad = ferror(f);
    (void)fclose(f);
    return bad ? kaftan_error_new(KAFTAN_E_INVALID, "%s cannot be read", path) : NULL;
}

struct kaftan_error *golden_open(const char *path, struct golden_count *count, struct golden *ret)
{
    struct buf text = BUF_INIT;
    struct kaftan_arena *a = arena_new(1 << 20);
    const struct json *root = NULL;
    struct kaftan_error *err = read_all(path, &text);
    if (!err)
        err = json_parse(a, arena_strndup(a, text.data ? text.data : "", text.len), text.len, 0, &root);
    buf_fini(&text);
    if (err) {
        arena_free(a);
        return kaftan_error_wrap(err, "%s is no file of vectors", path);
    }
    *ret = (struct golden){ .arena = a, .root = root, .count = count, .section = "" };
    return NULL;
}

void golden_close(struct golden *g)
{
    arena_free(g->arena);
}

static const struct golden_section *find(const struct golden_section *const *tables, struct kaftan_slice name)
{
    for (; *tables; tables++)
        for (const struct golden_section *s = *tables; s->name; s++)
            if (slice_eq_str(name, s->name))
                return s;
    return NULL;
}

void golden_run(struct golden *g, const struct golden_section *const *tables)
{
    for (size_t i = 0; i < g->root->count && g->root->type == JSON_OBJECT; i++) {
        const struct json_member *m = &g->root->members[i];
        const struct golden_section *s = find(tables, m->name);
        g->section = arena_strndup(g->arena, m->name.ptr, m->name.len);
        if (!s) {
            if (!g->partial && golden_begin(g, "the section itself")) {
                golden_expect(g, false, "nobody knows it");
                golden_end(g);
            }
        } else if (s->run && m->value.type != JSON_ARRAY && strcmp(s->name, "meta") != 0) {
            if (golden_begin(g, "the section itself")) {
                golden_expect(g, false, "it is no list");
                golden_end(g);
            }
        } else if (s->run) {
            s->run(g, &m->value);
        } else if (s->why) {
            golden_skip(g, m->value.type == JSON_ARRAY ? m->value.count : 1, s->why);
        }
    }
}

size_t golden_file(const char *name, const struct golden_section *table)
{
    char *path = mem_printf("%s/%s", TEST_DATA, name);
    const struct golden_section *tables[] = { table, NULL };
    struct golden_count count = { 0 };
    struct golden g;
    struct kaftan_error *err = golden_open(path, &count, &g);
    if (err) {
        (void)fprintf(stderr, "%s\n", kaftan_error_message(err));
        kaftan_error_free(err);
        count.failed++;
    } else {
        g.partial = true;
        golden_run(&g, tables);
        golden_close(&g);
    }
    (void)printf("vectors: %s %zu passed %zu failed %zu skipped\n", name, count.passed, count.failed, count.skipped);
    mem_free(path);
    return count.passed > 0 || count.failed > 0 ? count.failed : 1;
}

/* ---- a vector ---- */

bool golden_begin(struct golden *g, const char *fmt, ...)
{
    va_list args;
    g->number++;
    if (g->number <= g->resume_after)
        return false;
    va_start(args, fmt);
    (void)vsnprintf(g->count->label, sizeof g->count->label, fmt, args);
    va_end(args);
    (void)snprintf(g->count->section, sizeof g->count->section, "%s", g->section);
    g->count->number = g->number;
    g->count->running = true;
    g->bad = false;
    return true;
}

/* Bytes that would not stand in a text are written as numbers. */
static void say(const char *text)
{
    bool whole = utf8_valid(text, strlen(text));
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < ' ' ? *p != '\n' : (unsigned char)*p >= 0x7F && !whole)
            (void)fprintf(stderr, "\\x%02x", (unsigned)(unsigned char)*p);
        else
            (void)fputc(*p, stderr);
    (void)fputc('\n', stderr);
}

bool golden_expect(struct golden *g, bool ok, const char *fmt, ...)
{
    va_list args;
    char text[8192];
    if (ok)
        return true;
    g->bad = true;
    int n = snprintf(text, sizeof text, "FAILED: %s: %s: ", g->section, g->count->label);
    va_start(args, fmt);
    if (n >= 0 && (size_t)n < sizeof text)
        (void)vsnprintf(text + n, sizeof text - (size_t)n, fmt, args);
    va_end(args);
    say(text);
    return false;
}

void golden_end(struct golden *g)
{
    g->count->failed += g->bad;
    g->count->passed += !g->bad;
    g->count->running = false;
}

void golden_skip(struct golden *g, size_t vectors, const char *why)
{
    g->number++;
    if (g->number <= g->resume_after || vectors == 0)
        return;
    g->count->number = g->number;
    g->count->skipped += vectors;
    (void)fprintf(stderr, "SKIPPED: %s: %zu vectors: %s\n", g->section, vectors, why);
}

/* ---- members ---- */

const struct json *golden_member(struct golden *g, const struct json *object, const char *name)
{
    static const struct json nothing = { .type = JSON_NULL };
    const struct json *v = json_get(object, name);
    golden_expect(g, v != NULL, "the vector has no member \"%s\"", name);
    return v ? v : &nothing;
}

const char *golden_text(struct golden *g, const struct json *object, const char *name)
{
    struct kaftan_slice s;
    const struct json *v = json_get(object, name);
    return v && json_text(v, &s) ? arena_strndup(g->arena, s.ptr, s.len) : "";
}

int64_t golden_int(struct golden *g, const struct json *object, const char *name)
{
    int64_t n = 0;
    const struct json *v = json_get(object, name);
    golden_expect(g, v && json_i64(v, &n), "the vector has no number \"%s\"", name);
    return n;
}

bool golden_flag(const struct json *object, const char *name)
{
    const struct json *v = json_get(object, name);
    return v && v->type == JSON_TRUE;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

void golden_hex(struct golden *g, const struct json *object, const char *name, struct buf *ret)
{
    struct kaftan_slice s = { "", 0 };
    bool ok = json_text(golden_member(g, object, name), &s) && s.len % 2 == 0;
    for (size_t i = 0; ok && i < s.len; i += 2) {
        int high = digit(s.ptr[i]), low = digit(s.ptr[i + 1]);
        ok = high >= 0 && low >= 0;
        if (ok)
            buf_put_u8(ret, (uint8_t)(high << 4 | low));
    }
    golden_expect(g, ok, "the vector's \"%s\" is no hex", name);
}

/* ---- comparisons ---- */

void golden_same_int(struct golden *g, const char *what, int64_t got, int64_t wanted)
{
    golden_expect(g, got == wanted, "%s is %lld, wanted %lld", what, (long long)got, (long long)wanted);
}

void golden_same_text(struct golden *g, const char *what, const char *got, const char *wanted)
{
    golden_expect(g, strcmp(got ? got : "", wanted) == 0, "%s is\n    %s, wanted\n    %s", what, got ? got : "none", wanted);
}

void golden_same_slice(struct golden *g, const char *what, struct kaftan_slice got, const char *wanted)
{
    golden_expect(g, slice_eq_str(got, wanted), "%s is %.*s, wanted %s", what, (int)got.len, got.ptr ? got.ptr : "", wanted);
}

static void put_hex(const struct buf *b, struct buf *ret)
{
    for (size_t i = 0; i < b->len; i++)
        buf_printf(ret, "%02x", (unsigned)(uint8_t)b->data[i]);
}

void golden_same_bytes(struct golden *g, const char *what, const struct buf *got, const struct buf *wanted)
{
    struct buf a = BUF_INIT, b = BUF_INIT;
    put_hex(got, &a);
    put_hex(wanted, &b);
    golden_same_text(g, what, buf_text(&a), buf_text(&b));
    buf_fini(&a);
    buf_fini(&b);
}
