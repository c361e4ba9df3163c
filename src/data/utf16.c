/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/utf16.h"

#include <string.h>

static const unsigned char *as_bytes(struct kaftan_slice s)
{
    return (const unsigned char *)s.ptr;
}

/* A surrogate's three bytes at `p`: ED A0..BF 80..BF. */
static bool lone_at(const unsigned char *p, size_t left)
{
    return left >= 3 && p[0] == 0xed && p[1] >= 0xa0 && p[1] <= 0xbf && (p[2] & 0xc0) == 0x80;
}

static void put_three(struct buf *b, uint16_t unit)
{
    buf_putc(b, (char)(0xe0 | (unit >> 12)));
    buf_putc(b, (char)(0x80 | ((unit >> 6) & 0x3f)));
    buf_putc(b, (char)(0x80 | (unit & 0x3f)));
}

static bool join(struct buf *b, uint16_t low)
{
    if (b->len < 3)
        return false;
    const unsigned char *p = (const unsigned char *)b->data + b->len - 3;
    if (!lone_at(p, 3) || p[1] > 0xaf)
        return false;
    uint32_t high = ((uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f)) & 0x3ff;
    uint32_t cp = 0x10000 + (high << 10) + (low & 0x3ffu);
    b->len -= 3;
    buf_putc(b, (char)(0xf0 | (cp >> 18)));
    buf_putc(b, (char)(0x80 | ((cp >> 12) & 0x3f)));
    buf_putc(b, (char)(0x80 | ((cp >> 6) & 0x3f)));
    buf_putc(b, (char)(0x80 | (cp & 0x3f)));
    return true;
}

void utf16_put(struct buf *b, uint16_t unit)
{
    if (unit < 0x80) {
        buf_putc(b, (char)unit);
    } else if (unit < 0x800) {
        buf_putc(b, (char)(0xc0 | (unit >> 6)));
        buf_putc(b, (char)(0x80 | (unit & 0x3f)));
    } else if (unit < 0xdc00 || unit > 0xdfff || !join(b, unit)) {
        put_three(b, unit);
    }
}

size_t utf16_length(struct kaftan_slice s)
{
    size_t count = 0;
    const unsigned char *p = as_bytes(s);
    for (size_t i = 0; i < s.len; i++)
        count += (p[i] & 0xc0) != 0x80 ? 1u + (p[i] >= 0xf0) : 0u;
    return count;
}

bool utf16_has_lone(struct kaftan_slice s)
{
    const unsigned char *p = as_bytes(s), *end = p ? p + s.len : p;
    while (p && p < end && (p = memchr(p, 0xed, (size_t)(end - p))) != NULL) {
        if (lone_at(p, (size_t)(end - p)))
            return true;
        p++;
    }
    return false;
}

void utf16_put_repaired(struct buf *b, struct kaftan_slice s)
{
    const unsigned char *p = as_bytes(s);
    for (size_t i = 0; i < s.len;) {
        if (lone_at(p + i, s.len - i)) {
            buf_putc(b, '?');
            i += 3;
        } else {
            buf_putc(b, s.ptr[i++]);
        }
    }
}
