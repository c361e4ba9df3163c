/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/store_int.h"

#include <limits.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/mem.h"
#include "base/text.h"

/* A certificate stands before or after its key; its chain follows it. */
static void match_certs(struct store_parts *p, struct store_entry *e)
{
    if (sk_X509_num(p->loose) == 0)
        return;
    e->cert = sk_X509_shift(p->loose);
    while (sk_X509_num(p->loose) > 0)
        ASSERT(sk_X509_push(e->chain, sk_X509_shift(p->loose)) > 0);
}

static struct kaftan_error *take_block(struct store_parts *p, const char *name, const unsigned char *der, long len,
                                       struct kaftan_slice text)
{
    const unsigned char *at = der;
    if (strcmp(name, PEM_STRING_X509) == 0 || strcmp(name, PEM_STRING_X509_OLD) == 0 ||
        strcmp(name, PEM_STRING_X509_TRUSTED) == 0) {
        X509 *cert = strcmp(name, PEM_STRING_X509_TRUSTED) == 0 ? d2i_X509_AUX(NULL, &at, len) : d2i_X509(NULL, &at, len);
        if (!cert)
            return kaftan_error_new(KAFTAN_E_INVALID, "holds a certificate that cannot be read");
        ASSERT(sk_X509_push(p->loose, cert) > 0);
    } else if (text_ends(name, "PRIVATE KEY") && p->count == 0) {
        struct store_entry *e = store_parts_add(p, "", 0);
        e->sealing = SEALED_PEM; /* old forms name their cipher in PEM headers: the text is kept */
        buf_put_slice(&e->sealed, text);
    }
    return NULL;
}

static const char *find(const char *p, const char *end, const char *what)
{
    return p < end ? memmem(p, (size_t)(end - p), what, strlen(what)) : NULL;
}

/* Base64 without its blanks, in lines of 64 characters. */
static void put_lines(struct buf *b, const char *p, const char *end)
{
    size_t column = 0;
    for (; p < end; p++) {
        if (strchr(" \t\r\n", *p) && *p)
            continue;
        buf_putc(b, *p);
        if (++column % 64 == 0)
            buf_putc(b, '\n');
    }
    if (column % 64)
        buf_putc(b, '\n');
}

/*
 * A value in a properties file may have lost its line breaks: Java takes PEM
 * whose lines are parted by any blanks, OpenSSL only whole lines. Blocks with
 * headers of their own (a colon) and what stands between blocks stay as they are.
 */
static void tidy(struct kaftan_slice in, struct buf *ret)
{
    static const char begin[] = "-----BEGIN ", stop[] = "-----END ", dashes[] = "-----";
    const char *p = in.ptr, *end = in.ptr + in.len, *at;
    while ((at = find(p, end, begin))) {
        const char *body = find(at + sizeof begin - 1, end, dashes), *last = body ? find(body + 5, end, stop) : NULL;
        const char *after = last ? find(last + sizeof stop - 1, end, dashes) : NULL;
        if (!after)
            break;
        body += sizeof dashes - 1;
        after += sizeof dashes - 1;
        buf_put(ret, p, (size_t)(at - p));
        if (ret->len && ret->data[ret->len - 1] != '\n')
            buf_putc(ret, '\n');
        if (memchr(body, ':', (size_t)(last - body))) {
            buf_put(ret, at, (size_t)(after - at));
        } else {
            buf_put(ret, at, (size_t)(body - at));
            buf_putc(ret, '\n');
            put_lines(ret, body, last);
            buf_put(ret, last, (size_t)(after - last));
        }
        buf_putc(ret, '\n');
        p = after;
    }
    buf_put(ret, p, (size_t)(end - p));
}

static struct kaftan_error *read_blocks(struct store_parts *p, struct kaftan_slice bytes)
{
    struct kaftan_error *err = NULL;
    BIO *in = BIO_new_mem_buf(bytes.ptr, (int)bytes.len);
    char *name, *header;
    unsigned char *der;
    long len;
    ASSERT(in);
    while (!err && PEM_read_bio(in, &name, &header, &der, &len) == 1) {
        err = take_block(p, name, der, len, bytes);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_clear_free(der, (size_t)len);
    }
    unsigned long last = ERR_peek_last_error();
    if (!err && last && ERR_GET_REASON(last) != PEM_R_NO_START_LINE)
        err = kaftan_error_new(KAFTAN_E_INVALID, "is damaged PEM: %s", ERR_reason_error_string(last));
    ERR_clear_error();
    BIO_free(in);
    if (!err && p->count > 0)
        match_certs(p, &p->entries[0]);
    return err;
}

struct kaftan_error *store_read_pem(struct store_parts *p, struct kaftan_slice bytes)
{
    struct buf text = BUF_INIT;
    tidy(bytes, &text);
    struct kaftan_error *err = read_blocks(p, buf_slice(&text));
    if (text.data)
        OPENSSL_cleanse(text.data, text.cap);
    buf_fini(&text);
    return err;
}
