/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { CAP_MIN = 64 };

void buf_fini(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_reserve(struct buf *b, size_t more)
{
    if (b->cap - b->len >= more)
        return;
    ASSERT(more <= SIZE_MAX / 4 && b->len <= SIZE_MAX / 4);
    size_t cap = b->cap ? b->cap * 2 : CAP_MIN;
    if (cap < b->len + more)
        cap = b->len + more;
    b->data = mem_realloc(b->data, cap, 1);
    b->cap = cap;
}

void buf_put(struct buf *b, const void *data, size_t len)
{
    if (len == 0)
        return;
    buf_reserve(b, len);
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void buf_puts(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_put_slice(struct buf *b, struct kaftan_slice s)
{
    buf_put(b, s.ptr, s.len);
}

void buf_putc(struct buf *b, char c)
{
    buf_reserve(b, 1);
    b->data[b->len++] = c;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    buf_reserve(b, 1);
    size_t room = b->cap - b->len;
    int len = vsnprintf(b->data + b->len, room, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    if ((size_t)len >= room) {
        buf_reserve(b, (size_t)len + 1);
        (void)vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    b->len += (size_t)len;
}

static void put_big_endian(struct buf *b, uint64_t v, unsigned bytes)
{
    uint8_t out[8];
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
    buf_put(b, out, bytes);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
    put_big_endian(b, v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
    put_big_endian(b, v, 2);
}

void buf_put_u32(struct buf *b, uint32_t v)
{
    put_big_endian(b, v, 4);
}

void buf_put_u64(struct buf *b, uint64_t v)
{
    put_big_endian(b, v, 8);
}

const char *buf_text(struct buf *b)
{
    buf_reserve(b, 1);
    b->data[b->len] = '\0';
    return b->data;
}

char *buf_take(struct buf *b)
{
    (void)buf_text(b);
    char *text = b->data;
    *b = (struct buf)BUF_INIT;
    return text;
}

struct kaftan_slice buf_slice(const struct buf *b)
{
    /* an empty buffer is an empty text, not "none" */
    return (struct kaftan_slice){ b->data ? b->data : "", b->len };
}

struct reader reader_of(const void *data, size_t len)
{
    static const uint8_t nothing[1];
    const uint8_t *p = data ? data : nothing;
    return (struct reader){ p, data ? p + len : p, false };
}

size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->p);
}

static uint64_t read_big_endian(struct reader *r, unsigned bytes)
{
    uint64_t v = 0;
    if (reader_left(r) < bytes) {
        r->bad = true;
        r->p = r->end;
        return 0;
    }
    for (unsigned i = 0; i < bytes; i++)
        v = v << 8 | *r->p++;
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)read_big_endian(r, 1);
}

uint16_t reader_u16(struct reader *r)
{
    return (uint16_t)read_big_endian(r, 2);
}

uint32_t reader_u32(struct reader *r)
{
    return (uint32_t)read_big_endian(r, 4);
}

uint64_t reader_u64(struct reader *r)
{
    return read_big_endian(r, 8);
}

struct kaftan_slice reader_bytes(struct reader *r, size_t len)
{
    if (reader_left(r) < len) {
        r->bad = true;
        r->p = r->end;
        return (struct kaftan_slice){ "", 0 };
    }
    const char *p = (const char *)r->p;
    r->p += len;
    return (struct kaftan_slice){ p, len };
}
