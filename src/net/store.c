/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/jks.h"
#include "net/store_int.h"

enum { STORE_LIMIT = 16 * 1024 * 1024 };

struct kaftan_error *store_wrong_password(void)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "cannot be opened: the password is wrong or the file is damaged");
}

struct store_entry *store_parts_add(struct store_parts *p, const char *alias, size_t alias_len)
{
    p->entries = mem_realloc(p->entries, p->count + 1, sizeof p->entries[0]);
    struct store_entry *e = &p->entries[p->count++];
    *e = (struct store_entry){ .alias = mem_strndup(alias, alias_len), .chain = sk_X509_new_null() };
    ASSERT(e->chain);
    return e;
}

static void parts_fini(struct store_parts *p)
{
    for (size_t i = 0; i < p->count; i++) {
        struct store_entry *e = &p->entries[i];
        if (e->sealed.data)
            OPENSSL_cleanse(e->sealed.data, e->sealed.cap);
        buf_fini(&e->sealed);
        X509_free(e->cert);
        sk_X509_pop_free(e->chain, X509_free);
        mem_free(e->alias);
    }
    mem_free(p->entries);
    sk_X509_pop_free(p->loose, X509_free);
}

/* ---- keys ------------------------------------------------------------- */

static EVP_PKEY *key_of_info(PKCS8_PRIV_KEY_INFO *info)
{
    EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

static EVP_PKEY *key_of_der(struct kaftan_slice der)
{
    const unsigned char *at = (const unsigned char *)der.ptr;
    return key_of_info(d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.len));
}

static EVP_PKEY *unseal_jks(struct kaftan_slice sealed, const char *password)
{
    struct buf plain = BUF_INIT;
    EVP_PKEY *key = jks_unseal(sealed, password, &plain) ? key_of_der(buf_slice(&plain)) : NULL;
    if (plain.data)
        OPENSSL_cleanse(plain.data, plain.cap);
    buf_fini(&plain);
    return key;
}

static EVP_PKEY *unseal_pkcs8(struct kaftan_slice sealed, const char *password)
{
    const unsigned char *at = (const unsigned char *)sealed.ptr;
    X509_SIG *sig = d2i_X509_SIG(NULL, &at, (long)sealed.len);
    EVP_PKEY *key = sig ? key_of_info(PKCS8_decrypt(sig, password, -1)) : NULL;
    if (sig && !key && !*password)
        key = key_of_info(PKCS8_decrypt(sig, NULL, 0));
    X509_SIG_free(sig);
    return key;
}

/* OpenSSL would ask the terminal for a password it was not given. */
static int give_password(char *ret, int size, int writing, void *password)
{
    size_t len = strlen(password);
    (void)writing;
    if (len > (size_t)size)
        return -1;
    memcpy(ret, password, len);
    return (int)len;
}

static EVP_PKEY *unseal_pem(struct kaftan_slice text, const char *password)
{
    BIO *in = BIO_new_mem_buf(text.ptr, (int)text.len);
    ASSERT(in);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(in, NULL, give_password, (void *)(uintptr_t)password);
    BIO_free(in);
    return key;
}

EVP_PKEY *store_unseal(const struct store_entry *e, const char *password)
{
    EVP_PKEY *key = NULL;
    struct kaftan_slice sealed = buf_slice(&e->sealed);
    switch (e->sealing) {
    case SEALED_JKS:
        key = unseal_jks(sealed, password);
        break;
    case SEALED_PKCS8:
        key = unseal_pkcs8(sealed, password);
        break;
    case OPEN_PKCS8:
        key = key_of_der(sealed);
        break;
    case SEALED_PEM:
        key = unseal_pem(sealed, password);
        break;
    }
    ERR_clear_error();
    return key;
}

/* ---- the bytes -------------------------------------------------------- */

static struct kaftan_error *read_file(const char *path, struct buf *ret)
{
    char chunk[16384];
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold the caller up */
    if (fd < 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "cannot be read: %s", strerror(errno));
    while (ret->len <= STORE_LIMIT && (n = read(fd, chunk, sizeof chunk)) > 0)
        buf_put(ret, chunk, (size_t)n);
    int why = errno;
    (void)close(fd);
    if (n < 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "cannot be read: %s", strerror(why));
    if (ret->len > STORE_LIMIT)
        return kaftan_error_new(KAFTAN_E_INVALID, "is larger than %d bytes", STORE_LIMIT);
    return NULL;
}

static struct kaftan_error *decode(struct kaftan_slice text, struct buf *ret)
{
    struct buf tight = BUF_INIT;
    for (size_t i = 0; i < text.len; i++)
        if (!strchr(" \t\r\n", text.ptr[i]) || text.ptr[i] == '\0')
            buf_putc(&tight, text.ptr[i]);
    bool ok = tight.len > 0 && base64_decode(tight.data, tight.len, ret);
    OPENSSL_cleanse(tight.data, tight.cap);
    buf_fini(&tight);
    return ok ? NULL : kaftan_error_new(KAFTAN_E_INVALID, "is not base64");
}

enum kind { KIND_NONE, KIND_PEM, KIND_PKCS12, KIND_JKS, KIND_JCEKS, KIND_BKS };

static enum kind recognise(struct kaftan_slice b)
{
    static const char pem[] = "-----BEGIN";
    struct kaftan_slice text = b;
    while (text.len && strchr(" \t\r\n", text.ptr[0]) && text.ptr[0]) {
        text.ptr++;
        text.len--;
    }
    /* PEM may have a text or a bag's attributes in front of its first block. */
    if (text.len >= sizeof pem - 1 && memmem(text.ptr, text.len, pem, sizeof pem - 1) && utf8_valid(text.ptr, text.len))
        return KIND_PEM;
    if (b.len >= 4 && memcmp(b.ptr, "\xFE\xED\xFE\xED", 4) == 0)
        return KIND_JKS;
    if (b.len >= 4 && memcmp(b.ptr, "\xCE\xCE\xCE\xCE", 4) == 0)
        return KIND_JCEKS;
    if (b.len >= 4 && b.ptr[0] == 0 && b.ptr[1] == 0 && b.ptr[2] == 0 && (b.ptr[3] == 1 || b.ptr[3] == 2))
        return KIND_BKS;
    return b.len >= 1 && b.ptr[0] == 0x30 ? KIND_PKCS12 : KIND_NONE;
}

/* Bytes as they are, `data:[type];base64,...`, or bare base64. */
static struct kaftan_error *content_bytes(struct kaftan_slice content, struct buf *ret)
{
    static const char mark[] = ";base64,";
    struct kaftan_slice text = slice_trim(content);
    if (text.len >= 5 && memcmp(text.ptr, "data:", 5) == 0) {
        const char *at = memmem(text.ptr, text.len, mark, sizeof mark - 1);
        if (!at)
            return kaftan_error_new(KAFTAN_E_INVALID, "begins with \"data:\" but has no \";base64,\"");
        at += sizeof mark - 1;
        return decode((struct kaftan_slice){ at, text.len - (size_t)(at - text.ptr) }, ret);
    }
    enum kind kind = recognise(content);
    bool base64 = (kind == KIND_NONE || kind == KIND_PKCS12) && utf8_valid(content.ptr, content.len);
    if (base64) { /* 0x30 is also the digit 0 */
        struct kaftan_error *err = decode(content, ret);
        if (!err)
            return NULL;
        kaftan_error_free(err);
        buf_clear(ret);
    }
    buf_put_slice(ret, content);
    return NULL;
}

static struct kaftan_error *foreign(const char *kind, const char *where)
{
    return kaftan_error_new(KAFTAN_E_INVALID,
                            "is a %s keystore, which cannot be read here; convert it: keytool -importkeystore -srckeystore "
                            "%s -srcstoretype %s -destkeystore store.p12 -deststoretype PKCS12",
                            kind, where, kind);
}

static struct kaftan_error *read_parts(struct store_parts *p, struct kaftan_slice bytes)
{
    char first[16] = "";
    switch (recognise(bytes)) {
    case KIND_PEM:
        return store_read_pem(p, bytes);
    case KIND_JKS:
        return store_read_jks(p, bytes);
    case KIND_PKCS12:
        return store_read_pkcs12(p, bytes);
    case KIND_JCEKS:
        return foreign("JCEKS", p->where);
    case KIND_BKS:
        return foreign("BKS", p->where);
    case KIND_NONE:
        break;
    }
    if (bytes.len == 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "is empty");
    for (size_t i = 0; i < 4 && i < bytes.len; i++)
        (void)snprintf(first + 3 * i, sizeof first - 3 * i, "%02X ", (unsigned)(uint8_t)bytes.ptr[i]);
    first[strlen(first) - 1] = '\0';
    return kaftan_error_new(KAFTAN_E_INVALID, "is neither PEM, PKCS#12 nor JKS (first bytes %s)", first);
}

/* ---- the store -------------------------------------------------------- */

/* Java's aliases do not tell cases apart. */
static struct kaftan_error *choose(const struct store_parts *p, const char *alias, const struct store_entry **ret)
{
    struct buf names = BUF_INIT;
    struct kaftan_error *err = NULL;
    bool named = alias && *alias;
    for (size_t i = 0; i < p->count; i++) {
        if (named ? strcasecmp(p->entries[i].alias, alias) == 0 : p->count == 1) {
            *ret = &p->entries[i];
            buf_fini(&names);
            return NULL;
        }
        buf_printf(&names, "%s%s", i ? ", " : "", p->entries[i].alias);
    }
    if (p->count == 0)
        err = kaftan_error_new(KAFTAN_E_INVALID, "contains no private key");
    else if (named && (p->count > 1 || *p->entries[0].alias))
        err = kaftan_error_new(KAFTAN_E_INVALID, "contains no private key with alias \"%s\"; it has: %s", alias,
                               buf_text(&names));
    else if (named)
        *ret = &p->entries[0]; /* PEM has no aliases */
    else
        err = kaftan_error_new(KAFTAN_E_INVALID, "contains %zu private keys; name one by its alias: %s", p->count,
                               buf_text(&names));
    buf_fini(&names);
    return err;
}

static struct kaftan_error *take_key(struct kaftan_store *s, const struct kaftan_store_options *o, const struct store_parts *p)
{
    const struct store_entry *e = NULL;
    struct kaftan_error *err = choose(p, o->alias, &e);
    if (err)
        return err;
    ASSERT(e);
    s->key = store_unseal(e, o->key_password && *o->key_password ? o->key_password : p->password);
    if (!s->key)
        return store_wrong_password();
    if (!e->cert)
        return kaftan_error_new(KAFTAN_E_INVALID, "contains no certificate for the private key");
    if (X509_check_private_key(e->cert, s->key) != 1) {
        ERR_clear_error();
        return kaftan_error_new(KAFTAN_E_INVALID, "the private key does not belong to the certificate");
    }
    (void)X509_up_ref(e->cert);
    s->cert = e->cert;
    s->chain = X509_chain_up_ref(e->chain);
    return NULL;
}

/* As Java's trust managers have it: trusted certificates, and the first of each key's. */
static struct kaftan_error *take_trusted(struct kaftan_store *s, const struct store_parts *p)
{
    s->trusted = X509_chain_up_ref(p->loose);
    for (size_t i = 0; i < p->count; i++) {
        X509 *own = p->entries[i].cert;
        if (own && X509_up_ref(own) == 1)
            ASSERT(sk_X509_push(s->trusted, own) > 0);
        for (int c = 0; c < sk_X509_num(p->entries[i].chain) && p->entries[i].sealing == SEALED_PEM; c++) {
            X509 *next = sk_X509_value(p->entries[i].chain, c);
            if (X509_up_ref(next) == 1)
                ASSERT(sk_X509_push(s->trusted, next) > 0);
        }
    }
    return NULL;
}

static struct kaftan_error *fill(struct kaftan_store *s, const struct kaftan_store_options *o, struct kaftan_slice bytes)
{
    struct store_parts parts = { .where = o->path ? o->path : "store",
                                 .password = o->password ? o->password : "",
                                 .loose = sk_X509_new_null() };
    ASSERT(parts.loose);
    struct kaftan_error *err = read_parts(&parts, bytes);
    if (!err && o->need_key)
        err = take_key(s, o, &parts);
    if (!err && !o->need_key)
        err = take_trusted(s, &parts);
    if (!err && !o->need_key && sk_X509_num(s->trusted) == 0)
        err = kaftan_error_new(KAFTAN_E_INVALID, "contains no certificate");
    parts_fini(&parts);
    return err;
}

struct kaftan_error *kaftan_store_open(const struct kaftan_store_options *o, struct kaftan_store **ret)
{
    ASSERT(o->size >= sizeof *o);
    struct buf bytes = BUF_INIT;
    struct kaftan_store *s = mem_zalloc(1, sizeof *s);
    atomic_init(&s->holders, 1);
    struct kaftan_error *err = o->path ? read_file(o->path, &bytes) : content_bytes(o->content, &bytes);
    if (!err)
        err = fill(s, o, buf_slice(&bytes));
    if (bytes.data)
        OPENSSL_cleanse(bytes.data, bytes.cap);
    buf_fini(&bytes);
    if (!err) {
        *ret = s;
        return NULL;
    }
    struct kaftan_error *full =
        kaftan_error_new(kaftan_error_code(err), "Invalid value %s for configuration %s: %s", o->path ? o->path : "[hidden]",
                         o->key ? o->key : "store", kaftan_error_message(err));
    kaftan_error_free(err);
    kaftan_store_unref(s);
    return full;
}

struct kaftan_store *kaftan_store_ref(struct kaftan_store *s)
{
    atomic_fetch_add(&s->holders, 1);
    return s;
}

void kaftan_store_unref(struct kaftan_store *s)
{
    if (!s || atomic_fetch_sub(&s->holders, 1) != 1)
        return;
    EVP_PKEY_free(s->key);
    X509_free(s->cert);
    sk_X509_pop_free(s->chain, X509_free);
    sk_X509_pop_free(s->trusted, X509_free);
    mem_free(s);
}

static void put_bio(BIO *bio, struct buf *to)
{
    char *text = NULL;
    long len = BIO_get_mem_data(bio, &text);
    if (len > 0)
        buf_put(to, text, (size_t)len);
    BIO_free(bio);
}

void store_pem(const struct kaftan_store *s, struct buf *cert_chain, struct buf *key, struct buf *ca)
{
    if (cert_chain && s->cert) {
        BIO *out = BIO_new(BIO_s_mem());
        (void)PEM_write_bio_X509(out, s->cert);
        for (int i = 0; i < sk_X509_num(s->chain); i++)
            (void)PEM_write_bio_X509(out, sk_X509_value(s->chain, i));
        put_bio(out, cert_chain);
    }
    if (key && s->key) {
        BIO *out = BIO_new(BIO_s_secmem());
        (void)PEM_write_bio_PKCS8PrivateKey(out, s->key, NULL, NULL, 0, NULL, NULL);
        put_bio(out, key);
    }
    if (ca && s->trusted) {
        BIO *out = BIO_new(BIO_s_mem());
        for (int i = 0; i < sk_X509_num(s->trusted); i++)
            (void)PEM_write_bio_X509(out, sk_X509_value(s->trusted, i));
        put_bio(out, ca);
    }
}
