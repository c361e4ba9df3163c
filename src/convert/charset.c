/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "convert/charset.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/utf16.h"

/*
 * The Unicode forms and Latin-1 are done here, because the C library and Java
 * differ in byte order marks and defaults; all others are the C library's.
 */
enum form { FORM_UTF8, FORM_LATIN1, FORM_ASCII, FORM_UTF16, FORM_UTF16BE, FORM_UTF16LE, FORM_UTF32, FORM_UTF32BE,
            FORM_UTF32LE, FORM_ICONV };

static const struct {
    const char *name;
    enum form form;
} forms[] = {
    { "UTF-8", FORM_UTF8 },          { "UTF8", FORM_UTF8 },
    { "unicode-1-1-utf-8", FORM_UTF8 },
    { "ISO-8859-1", FORM_LATIN1 },   { "ISO8859_1", FORM_LATIN1 },  { "ISO8859-1", FORM_LATIN1 },
    { "ISO_8859-1", FORM_LATIN1 },   { "ISO_8859_1", FORM_LATIN1 }, { "8859_1", FORM_LATIN1 },
    { "latin1", FORM_LATIN1 },       { "l1", FORM_LATIN1 },         { "cp819", FORM_LATIN1 },
    { "IBM819", FORM_LATIN1 },       { "IBM-819", FORM_LATIN1 },    { "819", FORM_LATIN1 },
    { "csISOLatin1", FORM_LATIN1 },  { "iso-ir-100", FORM_LATIN1 },
    { "US-ASCII", FORM_ASCII },      { "ASCII", FORM_ASCII },       { "ISO646-US", FORM_ASCII },
    { "646", FORM_ASCII },           { "us", FORM_ASCII },          { "cp367", FORM_ASCII },
    { "ANSI_X3.4-1968", FORM_ASCII },
    { "UTF-16", FORM_UTF16 },        { "UTF_16", FORM_UTF16 },      { "UTF16", FORM_UTF16 },
    { "unicode", FORM_UTF16 },       { "UnicodeBig", FORM_UTF16 },
    { "UTF-16BE", FORM_UTF16BE },    { "UTF_16BE", FORM_UTF16BE },  { "X-UTF-16BE", FORM_UTF16BE },
    { "ISO-10646-UCS-2", FORM_UTF16BE }, { "UnicodeBigUnmarked", FORM_UTF16BE },
    { "UTF-16LE", FORM_UTF16LE },    { "UTF_16LE", FORM_UTF16LE },  { "X-UTF-16LE", FORM_UTF16LE },
    { "UnicodeLittleUnmarked", FORM_UTF16LE },
    { "UTF-32", FORM_UTF32 },        { "UTF_32", FORM_UTF32 },      { "UTF32", FORM_UTF32 },
    { "ISO-10646-UCS-4", FORM_UTF32 },
    { "UTF-32BE", FORM_UTF32BE },    { "UTF_32BE", FORM_UTF32BE },  { "X-UTF-32BE", FORM_UTF32BE },
    { "UTF-32LE", FORM_UTF32LE },    { "UTF_32LE", FORM_UTF32LE },  { "X-UTF-32LE", FORM_UTF32LE },
};

struct charset {
    enum form form;
    iconv_t out, in; /* FORM_ICONV: from and to UTF-8 */
};

static const iconv_t no_iconv = (iconv_t)-1;

/* Letters, digits and - + . : _, not beginning with a sign. */
static bool legal(const char *name)
{
    for (const char *p = name; *p; p++) {
        bool letter = (*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z');
        if (!letter && (p == name || !strchr("-+.:_", *p)))
            return false;
    }
    return *name != '\0';
}

struct kaftan_error *charset_new(const char *name, struct charset **ret)
{
    enum form form = FORM_ICONV;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (strcasecmp(name, forms[i].name) == 0)
            form = forms[i].form;
    }
    if (form == FORM_UTF8) {
        *ret = NULL;
        return NULL;
    }
    struct charset *c = mem_zalloc(1, sizeof *c);
    c->form = form;
    c->in = c->out = no_iconv;
    if (form == FORM_ICONV && legal(name)) {
        c->out = iconv_open(name, "UTF-8");
        c->in = iconv_open("UTF-8", name);
    }
    if (form == FORM_ICONV && (c->in == no_iconv || c->out == no_iconv)) {
        charset_free(c);
        return kaftan_error_wrap(kaftan_error_new(KAFTAN_E_INVALID, "%s", name), "Unsupported encoding %s", name);
    }
    *ret = c;
    return NULL;
}

void charset_free(struct charset *c)
{
    if (!c)
        return;
    if (c->in != no_iconv)
        (void)iconv_close(c->in);
    if (c->out != no_iconv)
        (void)iconv_close(c->out);
    mem_free(c);
}

static void put_unit(struct buf *b, uint32_t v, size_t width, bool big)
{
    for (size_t i = 0; i < width; i++)
        buf_putc(b, (char)(unsigned char)(v >> (8 * (big ? width - 1 - i : i))));
}

static void encode_one(enum form form, uint32_t cp, struct buf *ret)
{
    switch (form) {
    case FORM_LATIN1:
        buf_putc(ret, cp < 0x100 ? (char)(unsigned char)cp : '?');
        break;
    case FORM_ASCII:
        buf_putc(ret, cp < 0x80 ? (char)cp : '?');
        break;
    case FORM_UTF32:
    case FORM_UTF32BE:
    case FORM_UTF32LE:
        put_unit(ret, cp, 4, form != FORM_UTF32LE);
        break;
    default:
        if (cp >= 0x10000)
            put_unit(ret, 0xd800 + ((cp - 0x10000) >> 10), 2, form != FORM_UTF16LE);
        put_unit(ret, cp >= 0x10000 ? 0xdc00 + (cp & 0x3ff) : cp, 2, form != FORM_UTF16LE);
        break;
    }
}

/* Runs one direction; what cannot be converted is skipped by `step` and replaced by `instead`. */
static void run_iconv(iconv_t cd, struct kaftan_slice s, const char *instead, bool utf8_in, struct buf *ret)
{
    char out[512];
    char *in = (char *)(uintptr_t)s.ptr;
    size_t left = s.len;
    (void)iconv(cd, NULL, NULL, NULL, NULL);
    for (bool ending = left == 0;;) {
        char *to = out;
        size_t room = sizeof out;
        size_t n = ending ? iconv(cd, NULL, NULL, &to, &room) : iconv(cd, &in, &left, &to, &room);
        int why = errno;
        buf_put(ret, out, sizeof out - room);
        if (n != (size_t)-1) {
            if (ending)
                return;
            ending = true;
        } else if (why != E2BIG) {
            if (left == 0 || ending)
                return;
            size_t step = 1;
            while (utf8_in && step < left && ((unsigned char)in[step] & 0xc0) == 0x80)
                step++;
            in += step;
            left -= step;
            buf_puts(ret, instead);
            ending = left == 0;
        }
    }
}

void charset_encode(struct charset *c, struct kaftan_slice text, struct buf *ret)
{
    struct buf repaired = BUF_INIT;
    if (utf16_has_lone(text)) {
        utf16_put_repaired(&repaired, text);
        text = buf_slice(&repaired);
    }
    if (c->form == FORM_ICONV) {
        run_iconv(c->out, text, "?", true, ret);
    } else {
        if (c->form == FORM_UTF16 && text.len > 0)
            put_unit(ret, 0xfeff, 2, true);
        for (size_t pos = 0; pos < text.len;)
            encode_one(c->form, utf8_next(text.ptr, text.len, &pos), ret);
    }
    buf_fini(&repaired);
}

static uint32_t unit_at(struct kaftan_slice s, size_t at, size_t width, bool big)
{
    uint32_t v = 0;
    for (size_t i = 0; i < width; i++)
        v |= (uint32_t)(unsigned char)s.ptr[at + i] << (8 * (big ? width - 1 - i : i));
    return v;
}

/* A pair is one character; what is no pair is lost together with the unit behind it. */
static uint32_t pair_at(struct kaftan_slice s, size_t at, bool big, size_t *ret_len)
{
    uint32_t high = unit_at(s, at, 2, big), low = 0;
    *ret_len = 2;
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high >= 0xdc00 || s.len - at < 4)
        return 0xfffd;
    *ret_len = 4;
    low = unit_at(s, at + 2, 2, big);
    return low >= 0xdc00 && low <= 0xdfff ? 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00) : 0xfffd;
}

static void decode_wide(struct kaftan_slice s, size_t width, bool big, bool marked, struct buf *ret)
{
    size_t at = 0;
    if (marked && s.len >= width && unit_at(s, 0, width, true) == 0xfeff) {
        at = width;
    } else if (marked && s.len >= width && unit_at(s, 0, width, false) == 0xfeff) {
        at = width;
        big = false;
    }
    while (at + width <= s.len) {
        size_t len = width;
        uint32_t v = width == 2 ? pair_at(s, at, big, &len) : unit_at(s, at, 4, big);
        utf8_put(ret, v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff) ? 0xfffd : v);
        at += len;
    }
    if (at < s.len)
        utf8_put(ret, 0xfffd);
}

void charset_decode(struct charset *c, struct kaftan_slice bytes, struct buf *ret)
{
    switch (c->form) {
    case FORM_ICONV:
        run_iconv(c->in, bytes, "\xEF\xBF\xBD", false, ret);
        break;
    case FORM_UTF16:
    case FORM_UTF16BE:
    case FORM_UTF16LE:
        decode_wide(bytes, 2, c->form != FORM_UTF16LE, c->form == FORM_UTF16, ret);
        break;
    case FORM_UTF32:
    case FORM_UTF32BE:
    case FORM_UTF32LE:
        decode_wide(bytes, 4, c->form != FORM_UTF32LE, c->form == FORM_UTF32, ret);
        break;
    default:
        for (size_t i = 0; i < bytes.len; i++) {
            unsigned char b = (unsigned char)bytes.ptr[i];
            utf8_put(ret, c->form == FORM_ASCII && b >= 0x80 ? 0xfffdu : b);
        }
        break;
    }
}
