/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/text.h"

enum { REPLACEMENT = 0xFFFD };

static bool continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/*
 * Reads the sequence at `p`. Returns how many bytes it takes: of a good one
 * its length, of a bad one its longest prefix that could have begun a good
 * one (at least 1). Java counts a surrogate's three bytes, and their prefixes,
 * as one such piece: hence ED with any continuation is a prefix.
 */
static size_t sequence(const unsigned char *p, size_t left, uint32_t *ret, bool *ret_good)
{
    static const uint32_t lowest[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned char c = p[0];
    *ret_good = c < 0x80;
    *ret = c;
    if (c < 0x80)
        return 1;
    size_t need = c >= 0xC2 && c <= 0xDF ? 2 : c >= 0xE0 && c <= 0xEF ? 3 : c >= 0xF0 && c <= 0xF4 ? 4 : 0;
    *ret = REPLACEMENT;
    if (need == 0 || left < 2 || !continuation(p[1]))
        return 1;
    if ((c == 0xE0 && p[1] < 0xA0) || (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F))
        return 1;
    uint32_t v = c & (0xFFu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if (i >= left || !continuation(p[i]))
            return i;
        v = v << 6 | (p[i] & 0x3Fu);
    }
    *ret_good = v >= lowest[need] && !(v >= 0xD800 && v <= 0xDFFF);
    if (*ret_good)
        *ret = v;
    return need;
}

bool utf8_valid(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    for (size_t i = 0; i < len;) {
        uint32_t v;
        bool good;
        if (p[i] < 0x80) {
            i++;
            continue;
        }
        i += sequence(p + i, len - i, &v, &good);
        if (!good)
            return false;
    }
    return true;
}

uint32_t utf8_next(const char *s, size_t len, size_t *pos)
{
    uint32_t v;
    bool good;
    *pos += sequence((const unsigned char *)s + *pos, len - *pos, &v, &good);
    return v;
}

void utf8_append_lossy(struct buf *b, const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t done = 0;
    for (size_t i = 0; i < len;) {
        uint32_t v;
        bool good;
        size_t n = sequence(p + i, len - i, &v, &good);
        if (!good) {
            buf_put(b, s + done, i - done);
            utf8_put(b, REPLACEMENT);
            done = i + n;
        }
        i += n;
    }
    if (done < len)
        buf_put(b, s + done, len - done);
}

void utf8_put(struct buf *b, uint32_t c)
{
    unsigned char out[4];
    size_t n;
    if (c < 0x80) {
        out[0] = (unsigned char)c;
        n = 1;
    } else if (c < 0x800) {
        out[0] = (unsigned char)(0xC0 | c >> 6);
        n = 2;
    } else if (c < 0x10000) {
        out[0] = (unsigned char)(0xE0 | c >> 12);
        n = 3;
    } else {
        out[0] = (unsigned char)(0xF0 | c >> 18);
        n = 4;
    }
    for (size_t i = 1; i < n; i++)
        out[i] = (unsigned char)(0x80 | (c >> (6 * (n - 1 - i)) & 0x3F));
    buf_put(b, out, n);
}
