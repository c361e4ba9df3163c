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

struct kaftan_error *store_read_pem(struct store_parts *p, struct kaftan_slice bytes)
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
