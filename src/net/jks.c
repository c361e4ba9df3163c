/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/jks.h"

#include <limits.h>
#include <string.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "base/text.h"

/*
 * The file: magic, version, count, entries, and a SHA-1 over the password,
 * a salt that never changes, and all that stands before. A private key is a
 * 20 byte salt, the key XORed with a chain of SHA-1s begun by that salt, and
 * a SHA-1 over password and key that tells whether the password was right.
 */
enum { MAGIC_LEN = 4, DIGEST = SHA_DIGEST_LENGTH, TAG_KEY = 1, TAG_CERT = 2 };
static const uint32_t magic = 0xFEEDFEEDu;
static const char key_protector[] = "1.3.6.1.4.1.42.2.17.1.1";
static const char integrity_salt[] = "Mighty Aphrodite";

static struct kaftan_error *damaged(const char *what)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "is a damaged JKS key store: %s", what);
}

struct kaftan_error *jks_open(struct kaftan_slice bytes, struct jks *ret)
{
    if (bytes.len < MAGIC_LEN + 8 + DIGEST)
        return damaged("it is cut off");
    struct reader in = reader_of(bytes.ptr, bytes.len - DIGEST);
    if (reader_u32(&in) != magic)
        return damaged("it does not begin like one");
    uint32_t version = reader_u32(&in);
    if (version != 1 && version != 2)
        return kaftan_error_new(KAFTAN_E_INVALID, "is a JKS key store of version %u, which cannot be read here",
                                (unsigned)version);
    uint32_t left = reader_u32(&in); /* apart: an initialiser's order is the compiler's choice */
    *ret = (struct jks){ .version = version, .left = left, .in = in };
    return NULL;
}

static void skip_cert(struct reader *in, uint32_t version)
{
    if (version == 2)
        (void)reader_bytes(in, reader_u16(in)); /* its type: X.509 */
    (void)reader_bytes(in, reader_u32(in));
}

bool jks_next(struct jks *j, struct jks_entry *ret, struct kaftan_error **ret_err)
{
    struct reader *in = &j->in;
    if (j->left == 0)
        return false;
    j->left--;
    struct jks_entry e = { .version = j->version };
    uint32_t tag = reader_u32(in);
    e.alias = reader_bytes(in, reader_u16(in));
    (void)reader_u64(in); /* when it was made */
    if (!in->bad && tag != TAG_KEY && tag != TAG_CERT) {
        *ret_err = damaged("an entry is neither key nor certificate");
        return false;
    }
    e.is_key = tag == TAG_KEY;
    if (e.is_key)
        e.sealed = reader_bytes(in, reader_u32(in));
    e.cert_count = e.is_key ? reader_u32(in) : 1;
    e.certs = *in;
    for (uint32_t i = 0; i < e.cert_count && !in->bad; i++)
        skip_cert(in, j->version);
    if (in->bad) {
        *ret_err = damaged("it is cut off");
        return false;
    }
    *ret = e;
    return true;
}

bool jks_cert(struct jks_entry *e, struct kaftan_slice *ret_der)
{
    if (e->cert_count == 0)
        return false;
    e->cert_count--;
    if (e->version == 2)
        (void)reader_bytes(&e->certs, reader_u16(&e->certs));
    *ret_der = reader_bytes(&e->certs, reader_u32(&e->certs));
    return !e->certs.bad;
}

/* The password as Java's chars, big endian. */
static void password_bytes(const char *password, struct buf *ret)
{
    size_t len = strlen(password);
    for (size_t at = 0; at < len;) {
        uint32_t c = utf8_next(password, len, &at);
        if (c >= 0x10000) {
            buf_put_u16(ret, (uint16_t)(0xD800 + ((c - 0x10000) >> 10)));
            buf_put_u16(ret, (uint16_t)(0xDC00 + ((c - 0x10000) & 0x3FF)));
        } else {
            buf_put_u16(ret, (uint16_t)c);
        }
    }
}

static void secret_fini(struct buf *b)
{
    if (b->data)
        OPENSSL_cleanse(b->data, b->cap);
    buf_fini(b);
}

static void sha1_of(struct kaftan_slice a, struct kaftan_slice b, struct kaftan_slice c, uint8_t ret[DIGEST])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ASSERT(md && EVP_DigestInit_ex(md, EVP_sha1(), NULL) == 1);
    (void)EVP_DigestUpdate(md, a.ptr, a.len);
    (void)EVP_DigestUpdate(md, b.ptr, b.len);
    (void)EVP_DigestUpdate(md, c.ptr, c.len);
    (void)EVP_DigestFinal_ex(md, ret, NULL);
    EVP_MD_CTX_free(md);
}

bool jks_intact(struct kaftan_slice bytes, const char *password)
{
    uint8_t digest[DIGEST];
    struct buf pw = BUF_INIT;
    if (bytes.len < DIGEST)
        return false;
    password_bytes(password, &pw);
    struct kaftan_slice before = { bytes.ptr, bytes.len - DIGEST };
    sha1_of(buf_slice(&pw), slice_of(integrity_salt), before, digest);
    secret_fini(&pw);
    return CRYPTO_memcmp(digest, bytes.ptr + before.len, DIGEST) == 0;
}

static bool open_box(struct kaftan_slice box, struct kaftan_slice pw, struct buf *ret)
{
    const struct kaftan_slice none = { NULL, 0 };
    uint8_t stream[DIGEST], check[DIGEST];
    if (box.len <= 2 * DIGEST)
        return false;
    size_t len = box.len - 2 * DIGEST, start = ret->len;
    const char *data = box.ptr + DIGEST;
    struct kaftan_slice salt = { box.ptr, DIGEST };
    buf_reserve(ret, len);
    for (size_t i = 0; i < len; i++) {
        if (i % DIGEST == 0) {
            sha1_of(pw, salt, none, stream);
            salt = (struct kaftan_slice){ (const char *)stream, DIGEST };
        }
        buf_putc(ret, (char)((uint8_t)data[i] ^ stream[i % DIGEST]));
    }
    sha1_of(pw, (struct kaftan_slice){ ret->data + start, len }, none, check);
    OPENSSL_cleanse(stream, sizeof stream);
    if (CRYPTO_memcmp(check, data + len, DIGEST) == 0)
        return true;
    OPENSSL_cleanse(ret->data + start, len);
    ret->len = start;
    return false;
}

bool jks_unseal(struct kaftan_slice sealed, const char *password, struct buf *ret)
{
    char oid[64] = "";
    bool ok = false;
    const X509_ALGOR *how = NULL;
    const ASN1_OCTET_STRING *box = NULL;
    const ASN1_OBJECT *name = NULL;
    const unsigned char *p = (const unsigned char *)sealed.ptr;
    if (sealed.len == 0 || sealed.len > LONG_MAX)
        return false;
    X509_SIG *info = d2i_X509_SIG(NULL, &p, (long)sealed.len);
    if (!info)
        return false;
    X509_SIG_get0(info, &how, &box);
    X509_ALGOR_get0(&name, NULL, NULL, how);
    (void)OBJ_obj2txt(oid, sizeof oid, name, 1);
    if (strcmp(oid, key_protector) == 0) {
        struct buf pw = BUF_INIT;
        struct kaftan_slice bytes = { (const char *)ASN1_STRING_get0_data(box), (size_t)ASN1_STRING_length(box) };
        password_bytes(password, &pw);
        ok = open_box(bytes, buf_slice(&pw), ret);
        secret_fini(&pw);
    }
    X509_SIG_free(info);
    return ok;
}
