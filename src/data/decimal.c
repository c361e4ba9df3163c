/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "data/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

/* Zeros of the scripts that have decimal digits (general category Nd). */
static const uint16_t digit_zeros[] = {
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50,
    0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10,
};

int digit_next(const char *s, size_t len, size_t *pos)
{
    size_t at = *pos;
    if (at >= len)
        return -1;
    unsigned char c = (unsigned char)s[at];
    if (c < 0x80) {
        if (c < '0' || c > '9')
            return -1;
        *pos = at + 1;
        return c - '0';
    }
    uint32_t cp = utf8_next(s, len, &at);
    for (size_t i = 1; i < COUNT_OF(digit_zeros); i++) {
        if (cp >= digit_zeros[i] && cp < digit_zeros[i] + 10u) {
            *pos = at;
            return (int)(cp - digit_zeros[i]);
        }
    }
    return -1;
}

/* More than ten digits (after zeros) or more than 32 bits: no exponent. */
static bool scan_exponent(const char *s, size_t len, size_t pos, int64_t *ret)
{
    bool negative = false;
    int64_t exp = 0;
    if (pos < len && (s[pos] == '-' || s[pos] == '+'))
        negative = s[pos++] == '-';
    if (pos == len)
        return false;
    while (pos < len) {
        int d = digit_next(s, len, &pos);
        if (d < 0)
            return false;
        exp = exp * 10 + d;
        if (exp > (int64_t)INT32_MAX + 1)
            return false;
    }
    exp = negative ? -exp : exp;
    *ret = exp;
    return exp <= INT32_MAX;
}

bool decimal_scan(struct kaftan_arena *a, const char *s, size_t len, struct decimal *ret)
{
    size_t pos = 0, count = 0;
    int64_t scale = 0, exp = 0;
    bool point = false, any = false;
    if (len == 0)
        return false;
    bool negative = s[0] == '-';
    if (s[0] == '-' || s[0] == '+')
        pos++;
    char *digits = arena_alloc(a, len + 1);
    while (pos < len) {
        int d = digit_next(s, len, &pos);
        if (d >= 0) {
            any = true;
            scale += point;
            if (count > 0 || d > 0)
                digits[count++] = (char)('0' + d);
        } else if (s[pos] == '.' && !point) {
            point = true;
            pos++;
        } else if ((s[pos] == 'e' || s[pos] == 'E') && any) {
            if (!scan_exponent(s, len, pos + 1, &exp))
                return false;
            break;
        } else {
            return false;
        }
    }
    scale -= exp;
    if (!any || scale < INT32_MIN || scale > INT32_MAX)
        return false;
    if (count == 0) {
        digits[count++] = '0';
        negative = false;
    }
    ret->negative = negative;
    ret->digits = digits;
    ret->len = count;
    ret->scale = (int32_t)scale;
    return true;
}

bool decimal_is_zero(const struct decimal *d)
{
    return d->len == 1 && d->digits[0] == '0';
}

/* Long numbers: limbs of 64 bits, least significant first. */
__extension__ typedef unsigned __int128 u128;

enum { CHUNK_DIGITS = 18 };
#define CHUNK_BASE 1000000000000000000u

static uint64_t chunk_of(const char *digits, size_t count, uint64_t *ret_base)
{
    uint64_t v = 0, base = 1;
    for (size_t i = 0; i < count; i++) {
        v = v * 10 + (uint64_t)(digits[i] - '0');
        base *= 10;
    }
    *ret_base = base;
    return v;
}

static size_t limbs_of(uint64_t *limbs, const char *digits, size_t len)
{
    size_t count = 0;
    for (size_t pos = 0; pos < len;) {
        size_t step = len - pos < CHUNK_DIGITS ? len - pos : CHUNK_DIGITS;
        uint64_t base = 1;
        uint64_t carry = chunk_of(digits + pos, step, &base);
        for (size_t i = 0; i < count; i++) {
            u128 v = (u128)limbs[i] * base + carry;
            limbs[i] = (uint64_t)v;
            carry = (uint64_t)(v >> 64);
        }
        if (carry)
            limbs[count++] = carry;
        pos += step;
    }
    return count;
}

struct kaftan_slice decimal_minimal(struct kaftan_slice s)
{
    static const char zero[1];
    if (!s.ptr || s.len == 0)
        return (struct kaftan_slice){ zero, 1 };
    while (s.len > 1) {
        unsigned char first = (unsigned char)s.ptr[0], next = (unsigned char)s.ptr[1];
        if (!((first == 0 && next < 0x80) || (first == 0xff && next >= 0x80)))
            break;
        s.ptr++;
        s.len--;
    }
    return s;
}

static void negate(unsigned char *bytes, size_t len)
{
    unsigned carry = 1;
    for (size_t i = len; i-- > 0;) {
        unsigned v = (unsigned)(unsigned char)~bytes[i] + carry;
        bytes[i] = (unsigned char)v;
        carry = v >> 8;
    }
}

struct kaftan_value decimal_value(struct kaftan_arena *a, const struct decimal *d)
{
    uint64_t small[8];
    size_t room = d->len / CHUNK_DIGITS + 2;
    uint64_t *limbs = room <= COUNT_OF(small) ? small : mem_alloc(room * sizeof *limbs);
    size_t count = limbs_of(limbs, d->digits, d->len);
    size_t len = count * 8 + 1;
    unsigned char *bytes = arena_alloc(a, len);
    bytes[0] = 0;
    for (size_t i = 0; i < count * 8; i++)
        bytes[len - 1 - i] = (unsigned char)(limbs[i / 8] >> (8 * (i % 8)));
    if (limbs != small)
        mem_free(limbs);
    if (d->negative)
        negate(bytes, len);
    struct kaftan_slice s = { (const char *)bytes, len };
    s = decimal_minimal(s);
    return kaftan_decimal(s.ptr, s.len, d->scale);
}

/* Digits of the limbs, most significant first; the limbs are used up. */
static size_t limbs_digits(uint64_t *limbs, size_t count, char *digits, size_t room)
{
    size_t at = room;
    while (count > 0) {
        uint64_t rest = 0;
        for (size_t i = count; i-- > 0;) {
            u128 v = ((u128)rest << 64) | limbs[i];
            limbs[i] = (uint64_t)(v / CHUNK_BASE);
            rest = (uint64_t)(v % CHUNK_BASE);
        }
        while (count > 0 && limbs[count - 1] == 0)
            count--;
        for (size_t i = 0; i < CHUNK_DIGITS && (count > 0 || rest > 0); i++) {
            digits[--at] = (char)('0' + rest % 10);
            rest /= 10;
        }
    }
    if (at == room)
        digits[--at] = '0';
    return at;
}

struct decimal decimal_of(struct kaftan_arena *a, const struct kaftan_value *v)
{
    struct kaftan_slice s = decimal_minimal(v->as.s);
    size_t count = s.len / 8 + 1;
    uint64_t small[8];
    uint64_t *limbs = count <= COUNT_OF(small) ? small : mem_alloc(count * sizeof *limbs);
    unsigned char *bytes = arena_memdup(a, s.ptr, s.len);
    struct decimal d = { .negative = (bytes[0] & 0x80) != 0, .scale = v->scale };
    if (d.negative)
        negate(bytes, s.len);
    memset(limbs, 0, count * sizeof *limbs);
    for (size_t i = 0; i < s.len; i++)
        limbs[i / 8] |= (uint64_t)bytes[s.len - 1 - i] << (8 * (i % 8));
    while (count > 0 && limbs[count - 1] == 0)
        count--;
    size_t room = s.len * 5 / 2 + 2; /* log10(256) = 2.41 */
    char *digits = arena_alloc(a, room);
    size_t at = limbs_digits(limbs, count, digits, room);
    if (limbs != small)
        mem_free(limbs);
    d.digits = digits + at;
    d.len = room - at;
    return d;
}

static void put_zeros(struct buf *b, int64_t count)
{
    while (count-- > 0)
        buf_putc(b, '0');
}

void decimal_put(struct buf *b, const struct decimal *d)
{
    int64_t scale = d->scale, len = (int64_t)d->len;
    int64_t adjusted = len - 1 - scale;
    if (d->negative)
        buf_putc(b, '-');
    if (scale == 0) {
        buf_put(b, d->digits, d->len);
    } else if (scale > 0 && adjusted >= -6) {
        if (len <= scale) {
            buf_puts(b, "0.");
            put_zeros(b, scale - len);
            buf_put(b, d->digits, d->len);
        } else {
            buf_put(b, d->digits, (size_t)(len - scale));
            buf_putc(b, '.');
            buf_put(b, d->digits + (len - scale), (size_t)scale);
        }
    } else {
        buf_putc(b, d->digits[0]);
        if (len > 1) {
            buf_putc(b, '.');
            buf_put(b, d->digits + 1, d->len - 1);
        }
        if (adjusted != 0)
            buf_printf(b, "E%s%lld", adjusted > 0 ? "+" : "", (long long)adjusted);
    }
}

void decimal_put_value(struct buf *b, const struct kaftan_value *v)
{
    struct kaftan_arena *a = arena_new(4 * v->as.s.len + 64);
    struct decimal d = decimal_of(a, v);
    decimal_put(b, &d);
    arena_free(a);
}

/* The digits of the whole part that are written out, and the zeros to add. */
static void whole_part(const struct decimal *d, size_t *ret_len, int64_t *ret_zeros)
{
    *ret_zeros = d->scale < 0 ? -(int64_t)d->scale : 0;
    if (d->scale <= 0)
        *ret_len = d->len;
    else
        *ret_len = (int64_t)d->len > d->scale ? d->len - (size_t)d->scale : 0;
}

bool decimal_to_i64(const struct decimal *d, int64_t *ret)
{
    size_t len = 0;
    int64_t zeros = 0;
    uint64_t v = 0;
    if (decimal_is_zero(d)) {
        *ret = 0;
        return true;
    }
    whole_part(d, &len, &zeros);
    for (size_t i = len; i < d->len; i++) {
        if (d->digits[i] != '0')
            return false;
    }
    if (len == 0 || (int64_t)len + zeros > 19)
        return false;
    for (size_t i = 0; i < len; i++)
        v = v * 10 + (uint64_t)(d->digits[i] - '0');
    for (int64_t i = 0; i < zeros; i++)
        v *= 10; /* at most 19 digits: fits 64 bits */
    if (v > (uint64_t)INT64_MAX + d->negative)
        return false;
    *ret = (int64_t)(d->negative ? 0 - v : v);
    return true;
}

int64_t decimal_low64(const struct decimal *d)
{
    size_t len = 0;
    int64_t zeros = 0;
    uint64_t v = 0;
    whole_part(d, &len, &zeros);
    if (zeros >= 64) /* then 2^64 divides it */
        return 0;
    for (size_t i = 0; i < len; i++)
        v = v * 10 + (uint64_t)(d->digits[i] - '0');
    for (int64_t i = 0; i < zeros; i++)
        v *= 10;
    return (int64_t)(d->negative ? 0 - v : v);
}

/* Text that strtod and strtof read: digits and an exponent. */
static char *plain_text(const struct decimal *d, char *small, size_t room)
{
    size_t size = d->len + 32;
    char *text = size <= room ? small : mem_alloc(size);
    (void)snprintf(text, size, "%s%.*se%lld", d->negative ? "-" : "", (int)d->len, d->digits, -(long long)d->scale);
    return text;
}

double decimal_to_double(const struct decimal *d)
{
    char small[256];
    char *text = plain_text(d, small, sizeof small);
    double v = strtod(text, NULL);
    if (text != small)
        mem_free(text);
    return v;
}

float decimal_to_float(const struct decimal *d)
{
    char small[256];
    char *text = plain_text(d, small, sizeof small);
    float v = strtof(text, NULL);
    if (text != small)
        mem_free(text);
    return v;
}

bool decimal_from_double(struct kaftan_arena *a, double v, struct decimal *ret)
{
    char text[32];
    size_t len = double_text(v, text);
    return decimal_scan(a, text, len, ret);
}
