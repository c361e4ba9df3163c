/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/store_int.h"

#include <stdint.h>
#include <string.h>
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <openssl/x509v3.h>

#include "base/mem.h"

/*
 * OpenSSL's own PKCS12_parse takes the first key and knows no aliases; so the
 * bags are walked here. A key's certificate bears the same local id; the rest
 * of the chain is found by issuer.
 */
struct walk {
    struct store_parts *parts;
    ASN1_OCTET_STRING **ids; /* owned; local key id of each entry, NULL: none */
    const char *password;
    STACK_OF(X509) *certs; /* owned; of all bags, until they are shared out */
    struct kaftan_error *err;
};

static bool unsupported(void)
{
    unsigned long code;
    bool found = false;
    while ((code = ERR_get_error()) != 0)
        found = found || ERR_GET_REASON(code) == ERR_R_UNSUPPORTED || ERR_GET_REASON(code) == EVP_R_UNSUPPORTED_ALGORITHM ||
                ERR_GET_REASON(code) == PKCS12_R_UNKNOWN_DIGEST_ALGORITHM;
    return found;
}

static const char *cipher_name(const X509_ALGOR *how)
{
    const ASN1_OBJECT *oid = NULL;
    X509_ALGOR_get0(&oid, NULL, NULL, how);
    switch (OBJ_obj2nid(oid)) {
    case NID_pbe_WithSHA1And40BitRC2_CBC:
        return "RC2-40";
    case NID_pbe_WithSHA1And128BitRC2_CBC:
        return "RC2-128";
    case NID_pbe_WithSHA1And40BitRC4:
        return "RC4-40";
    case NID_pbe_WithSHA1And128BitRC4:
        return "RC4-128";
    default:
        return OBJ_nid2ln(OBJ_obj2nid(oid));
    }
}

static struct kaftan_error *cannot_open(const struct walk *w, const X509_ALGOR *how)
{
    if (!unsupported() || !how)
        return store_wrong_password();
    return kaftan_error_new(KAFTAN_E_INVALID,
                            "uses encryption that OpenSSL 3 no longer offers (%s); re-create it: openssl pkcs12 -legacy "
                            "-in %s -out t.pem, then -export",
                            cipher_name(how), w->parts->where);
}

static void take_key(struct walk *w, const PKCS12_SAFEBAG *bag, bool sealed)
{
    struct store_parts *p = w->parts;
    char *alias = PKCS12_get_friendlyname((PKCS12_SAFEBAG *)(uintptr_t)bag);
    const ASN1_TYPE *id = PKCS12_SAFEBAG_get0_attr(bag, NID_localKeyID);
    unsigned char *der = NULL;
    int len = sealed ? i2d_X509_SIG((X509_SIG *)(uintptr_t)PKCS12_SAFEBAG_get0_pkcs8(bag), &der)
                     : i2d_PKCS8_PRIV_KEY_INFO(PKCS12_SAFEBAG_get0_p8inf(bag), &der);
    if (len > 0) {
        struct store_entry *e = store_parts_add(p, alias ? alias : "", alias ? strlen(alias) : 0);
        e->sealing = sealed ? SEALED_PKCS8 : OPEN_PKCS8;
        buf_put(&e->sealed, der, (size_t)len);
        w->ids = mem_realloc(w->ids, p->count, sizeof(w->ids[0]));
        w->ids[p->count - 1] = id && id->type == V_ASN1_OCTET_STRING ? ASN1_OCTET_STRING_dup(id->value.octet_string) : NULL;
        OPENSSL_clear_free(der, (size_t)len);
    }
    OPENSSL_free(alias);
}

static void take_cert(struct walk *w, const PKCS12_SAFEBAG *bag)
{
    const ASN1_TYPE *id = PKCS12_SAFEBAG_get0_attr(bag, NID_localKeyID);
    if (PKCS12_SAFEBAG_get_bag_nid(bag) != NID_x509Certificate)
        return;
    X509 *cert = PKCS12_SAFEBAG_get1_cert(bag);
    if (!cert) {
        w->err = kaftan_error_new(KAFTAN_E_INVALID, "holds a certificate that cannot be read");
        return;
    }
    if (id && id->type == V_ASN1_OCTET_STRING)
        (void)X509_keyid_set1(cert, ASN1_STRING_get0_data(id->value.octet_string),
                              ASN1_STRING_length(id->value.octet_string));
    ASSERT(sk_X509_push(w->certs, cert) > 0);
}

enum { NESTING_LIMIT = 8 };

static void take_bags(struct walk *w, const STACK_OF(PKCS12_SAFEBAG) *bags, unsigned depth)
{
    for (int i = 0; i < sk_PKCS12_SAFEBAG_num(bags) && !w->err; i++) {
        const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        switch (PKCS12_SAFEBAG_get_nid(bag)) {
        case NID_keyBag:
            take_key(w, bag, false);
            break;
        case NID_pkcs8ShroudedKeyBag:
            take_key(w, bag, true);
            break;
        case NID_certBag:
            take_cert(w, bag);
            break;
        case NID_safeContentsBag:
            if (depth < NESTING_LIMIT)
                take_bags(w, PKCS12_SAFEBAG_get0_safes(bag), depth + 1);
            break;
        default:
            break; /* revocation lists, secret keys */
        }
    }
}

static void take_safe(struct walk *w, PKCS7 *safe)
{
    bool sealed = OBJ_obj2nid(safe->type) == NID_pkcs7_encrypted;
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    if (sealed)
        bags = PKCS12_unpack_p7encdata(safe, w->password, -1);
    else if (OBJ_obj2nid(safe->type) == NID_pkcs7_data)
        bags = PKCS12_unpack_p7data(safe);
    else
        return;
    if (!bags) {
        w->err = cannot_open(w, sealed ? safe->d.encrypted->enc_data->algorithm : NULL);
        return;
    }
    take_bags(w, bags, 0);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
}

/* Tried in turn: the password, and for "" also no password at all, which PKCS#12 tells apart. */
static bool find_password(struct walk *w, PKCS12 *p12, const char *password)
{
    w->password = password;
    if (!PKCS12_mac_present(p12) || PKCS12_verify_mac(p12, password, -1) == 1)
        return true;
    w->password = NULL;
    return !*password && PKCS12_verify_mac(p12, NULL, 0) == 1;
}

static bool same_id(X509 *cert, const ASN1_OCTET_STRING *id)
{
    int len = 0;
    const unsigned char *have = X509_keyid_get0(cert, &len);
    return have && id && len == ASN1_STRING_length(id) && memcmp(have, ASN1_STRING_get0_data(id), (size_t)len) == 0;
}

static X509 *issuer_of(const struct walk *w, X509 *cert)
{
    for (int i = 0; i < sk_X509_num(w->certs); i++) {
        X509 *other = sk_X509_value(w->certs, i);
        if (other != cert && X509_check_issued(other, cert) == X509_V_OK)
            return other;
    }
    return NULL;
}

static X509 *cert_of_entry(const struct walk *w, const struct store_entry *e, size_t at)
{
    ASSERT(w->ids); /* take_key keeps one for each entry */
    for (int i = 0; i < sk_X509_num(w->certs); i++)
        if (same_id(sk_X509_value(w->certs, i), w->ids[at]))
            return sk_X509_value(w->certs, i);
    EVP_PKEY *key = w->ids[at] ? NULL : store_unseal(e, w->parts->password);
    X509 *found = NULL;
    for (int i = 0; key && i < sk_X509_num(w->certs) && !found; i++)
        if (X509_check_private_key(sk_X509_value(w->certs, i), key) == 1)
            found = sk_X509_value(w->certs, i);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return found;
}

static void share_out(struct walk *w)
{
    enum { CHAIN_LIMIT = 32 };
    struct store_parts *p = w->parts;
    for (size_t i = 0; i < p->count; i++) {
        struct store_entry *e = &p->entries[i];
        X509 *cert = cert_of_entry(w, e, i);
        if (!cert)
            continue;
        e->cert = cert;
        (void)X509_up_ref(cert);
        while (sk_X509_num(e->chain) < CHAIN_LIMIT && X509_check_issued(cert, cert) != X509_V_OK &&
               (cert = issuer_of(w, cert)) != NULL) {
            (void)X509_up_ref(cert);
            ASSERT(sk_X509_push(e->chain, cert) > 0);
        }
    }
    /* A trust store's certificates are those that are no key's own. */
    while (sk_X509_num(w->certs) > 0) {
        X509 *cert = sk_X509_shift(w->certs);
        bool taken = false;
        for (size_t i = 0; i < p->count; i++)
            taken = taken || p->entries[i].cert == cert;
        if (taken)
            X509_free(cert);
        else
            ASSERT(sk_X509_push(p->loose, cert) > 0);
    }
}

struct kaftan_error *store_read_pkcs12(struct store_parts *p, struct kaftan_slice bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.ptr;
    struct walk w = { .parts = p, .certs = sk_X509_new_null() };
    STACK_OF(PKCS7) *safes = NULL;
    PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)bytes.len);
    if (!p12) {
        w.err = kaftan_error_new(KAFTAN_E_INVALID, "is a damaged PKCS#12 key store");
        goto out;
    }
    if (!find_password(&w, p12, p->password)) {
        w.err = store_wrong_password();
        goto out;
    }
    safes = PKCS12_unpack_authsafes(p12);
    if (!safes)
        w.err = store_wrong_password();
    for (int i = 0; i < sk_PKCS7_num(safes) && !w.err; i++)
        take_safe(&w, sk_PKCS7_value(safes, i));
    if (!w.err)
        share_out(&w);
out:
    ERR_clear_error();
    for (size_t i = 0; w.ids && i < p->count; i++)
        ASN1_OCTET_STRING_free(w.ids[i]);
    mem_free(w.ids);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    sk_X509_pop_free(w.certs, X509_free);
    PKCS12_free(p12);
    return w.err;
}
