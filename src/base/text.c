/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/text.h"

#include <string.h>

#include "base/mem.h"

struct kaftan_slice slice_of(const char *s)
{
    return (struct kaftan_slice){ s, s ? strlen(s) : 0 };
}

bool slice_eq(struct kaftan_slice a, struct kaftan_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_eq_str(struct kaftan_slice a, const char *s)
{
    return slice_eq(a, slice_of(s));
}

int slice_cmp(struct kaftan_slice a, struct kaftan_slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

struct kaftan_slice slice_trim(struct kaftan_slice s)
{
    while (s.len && (unsigned char)s.ptr[0] <= ' ') {
        s.ptr++;
        s.len--;
    }
    while (s.len && (unsigned char)s.ptr[s.len - 1] <= ' ')
        s.len--;
    return s;
}

bool text_starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool text_ends(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buf *b, const void *data, size_t len)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        unsigned v = (unsigned)p[i] << 16;
        v |= n > 1 ? (unsigned)p[i + 1] << 8 : 0;
        v |= n > 2 ? (unsigned)p[i + 2] : 0;
        buf_putc(b, base64_digits[v >> 18]);
        buf_putc(b, base64_digits[v >> 12 & 63]);
        buf_putc(b, n > 1 ? base64_digits[v >> 6 & 63] : '=');
        buf_putc(b, n > 2 ? base64_digits[v & 63] : '=');
    }
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode(const char *s, size_t len, struct buf *ret)
{
    if (len % 4 != 0)
        return false;
    size_t start = ret->len, pad = 0;
    while (pad < 2 && pad < len && s[len - 1 - pad] == '=')
        pad++;
    unsigned v = 0;
    for (size_t i = 0; i < len; i++) {
        int d = i >= len - pad ? 0 : base64_value(s[i]);
        if (d < 0) {
            ret->len = start;
            return false;
        }
        v = v << 6 | (unsigned)d;
        if (i % 4 != 3)
            continue;
        unsigned char out[3] = { (unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v };
        buf_put(ret, out, i == len - 1 ? 3 - pad : 3);
        v = 0;
    }
    return true;
}

int32_t java_hash(const char *s, size_t len)
{
    uint32_t h = 0;
    for (size_t pos = 0; pos < len;) {
        uint32_t c = utf8_next(s, len, &pos);
        if (c >= 0x10000) {
            h = h * 31 + (0xD800 + ((c - 0x10000) >> 10));
            c = 0xDC00 + (c & 0x3FF);
        }
        h = h * 31 + c;
    }
    return (int32_t)h;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

unsigned text_distance(const char *a, const char *b, unsigned limit)
{
    size_t n = strlen(a), m = strlen(b);
    if ((n > m ? n - m : m - n) >= limit)
        return limit;
    unsigned *row = mem_alloc((m + 1) * sizeof *row);
    for (size_t j = 0; j <= m; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned cost = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = min3(row[j] + 1, row[j - 1] + 1, cost);
        }
    }
    unsigned d = row[m];
    mem_free(row);
    return d < limit ? d : limit;
}
