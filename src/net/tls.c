/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/tls_int.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/store_int.h"
#include "net/tls_ctx_int.h"

/* OpenSSL's newest reason in a few words; empties its queue. */
void tls_reason(char *ret, size_t size)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;
    (void)snprintf(ret, size, "%s", text ? text : "no reason given");
    ERR_clear_error();
}

static struct kaftan_error *bad(const char *what, const char *value)
{
    char why[160];
    tls_reason(why, sizeof why);
    return kaftan_error_new(KAFTAN_E_INVALID, "%s \"%s\" cannot be used for TLS: %s", what, value, why);
}

static struct kaftan_error *set_protocols(SSL_CTX *ctx, const char *const *names, bool *ret_v12, bool *ret_v13)
{
    bool v12 = !names || !names[0], v13 = v12;
    for (size_t i = 0; names && names[i]; i++) {
        if (strcmp(names[i], "TLSv1.2") == 0)
            v12 = true;
        else if (strcmp(names[i], "TLSv1.3") == 0)
            v13 = true;
        else
            return kaftan_error_new(KAFTAN_E_INVALID, "unknown TLS protocol \"%s\", expected TLSv1.2 or TLSv1.3", names[i]);
    }
    (void)SSL_CTX_set_min_proto_version(ctx, v12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    (void)SSL_CTX_set_max_proto_version(ctx, v13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    *ret_v12 = v12;
    *ret_v13 = v13;
    return NULL;
}

/* TLS 1.3 suites have one name, in OpenSSL and with IANA. */
static bool is_v13_suite(const char *name)
{
    const char *openssl = OPENSSL_cipher_name(name);
    return strncmp(name, "TLS_", 4) == 0 && openssl && strcmp(openssl, name) == 0;
}

const char *tls_suite_name(const char *name, bool *ret_v13)
{
    const char *own = OPENSSL_cipher_name(name); /* from IANA's name */
    *ret_v13 = is_v13_suite(name);
    if (*ret_v13)
        return name;
    if (!own || strcmp(own, "(NONE)") == 0)
        own = name;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    ASSERT(ctx);
    bool known = !strchr(own, ':') && SSL_CTX_set_cipher_list(ctx, own) == 1;
    SSL_CTX_free(ctx);
    ERR_clear_error();
    return known ? own : NULL;
}

static struct kaftan_error *sort_suites(const char *const *names, struct buf *v12, struct buf *v13)
{
    for (size_t i = 0; names[i]; i++) {
        bool is_v13 = false;
        const char *name = tls_suite_name(names[i], &is_v13);
        struct buf *to = is_v13 ? v13 : v12;
        if (!name)
            return kaftan_error_new(KAFTAN_E_INVALID, "unknown TLS cipher suite \"%s\"", names[i]);
        buf_printf(to, "%s%s", to->len ? ":" : "", name);
    }
    return NULL;
}

/*
 * A list names all that may be used. OpenSSL keeps two lists and refuses to
 * offer a version without suites, so the versions are narrowed with them.
 */
static struct kaftan_error *set_suites(SSL_CTX *ctx, const char *const *names, bool p12, bool p13)
{
    struct buf v12 = BUF_INIT, v13 = BUF_INIT;
    struct kaftan_error *err = sort_suites(names, &v12, &v13);
    if (err)
        goto out;
    bool use12 = p12 && v12.len > 0, use13 = p13 && v13.len > 0;
    if (!use12 && !use13) {
        err = kaftan_error_new(KAFTAN_E_INVALID, "none of the TLS cipher suites fits the TLS protocols");
        goto out;
    }
    (void)SSL_CTX_set_min_proto_version(ctx, use12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    (void)SSL_CTX_set_max_proto_version(ctx, use13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    if (use12 && SSL_CTX_set_cipher_list(ctx, buf_text(&v12)) != 1)
        err = bad("cipher suites", buf_text(&v12));
    else if (use13 && SSL_CTX_set_ciphersuites(ctx, buf_text(&v13)) != 1)
        err = bad("cipher suites", buf_text(&v13));
out:
    buf_fini(&v12);
    buf_fini(&v13);
    return err;
}

static struct kaftan_error *set_ca_path(SSL_CTX *ctx, const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "CA path \"%s\" cannot be read: %s", path, strerror(errno));
    int ok = S_ISDIR(st.st_mode) ? SSL_CTX_load_verify_dir(ctx, path) : SSL_CTX_load_verify_file(ctx, path);
    return ok == 1 ? NULL : bad("CA path", path);
}

static struct kaftan_error *set_crl(SSL_CTX *ctx, const char *path)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    X509_LOOKUP *lookup = X509_STORE_add_lookup(store, X509_LOOKUP_file());
    if (!lookup || X509_load_crl_file(lookup, path, X509_FILETYPE_PEM) <= 0)
        return bad("revocation list", path);
    (void)X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    return NULL;
}

static struct kaftan_error *set_trust(SSL_CTX *ctx, const struct kaftan_tls_options *o)
{
    struct kaftan_error *err = NULL;
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    bool ca_path = o->ca_path && *o->ca_path;
    for (int i = 0; o->trust && i < sk_X509_num(o->trust->trusted); i++)
        (void)X509_STORE_add_cert(store, sk_X509_value(o->trust->trusted, i));
    if (ca_path)
        err = set_ca_path(ctx, o->ca_path);
    else if (!o->trust)
        (void)SSL_CTX_set_default_verify_paths(ctx);
    if (!err && o->crl_path && *o->crl_path)
        err = set_crl(ctx, o->crl_path);
    /* What stands in a trust store is trusted, be it no root. */
    (void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, tls_on_verdict);
    return err;
}

static struct kaftan_error *set_key(SSL_CTX *ctx, const struct kaftan_store *k)
{
    if (!k->key || !k->cert)
        return kaftan_error_new(KAFTAN_E_INVALID, "the key store contains no private key");
    if (SSL_CTX_use_certificate(ctx, k->cert) != 1)
        return bad("certificate of", "the key store");
    if (SSL_CTX_use_PrivateKey(ctx, k->key) != 1)
        return bad("private key of", "the key store");
    for (int i = 0; i < sk_X509_num(k->chain); i++)
        if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(k->chain, i)) != 1)
            return bad("certificate chain of", "the key store");
    return NULL;
}

static struct kaftan_error *set_alpn(SSL_CTX *ctx, const char *const *names)
{
    struct buf wire = BUF_INIT;
    struct kaftan_error *err = NULL;
    for (size_t i = 0; names[i] && !err; i++) {
        size_t len = strlen(names[i]);
        if (len == 0 || len > 255)
            err = kaftan_error_new(KAFTAN_E_INVALID, "ALPN protocol \"%s\" must have 1 to 255 characters", names[i]);
        buf_put_u8(&wire, (uint8_t)len);
        buf_put(&wire, names[i], len);
    }
    if (!err && wire.len && SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)wire.data, (unsigned)wire.len) != 0)
        err = bad("ALPN protocols starting with", names[0]);
    buf_fini(&wire);
    return err;
}

struct kaftan_error *kaftan_tls_new(const struct kaftan_tls_options *o, struct kaftan_tls **ret)
{
    ASSERT(o->size >= sizeof *o);
    bool v12 = true, v13 = true;
    struct kaftan_tls *t = mem_zalloc(1, sizeof *t);
    atomic_init(&t->holders, 1);
    t->verify_host = o->verify_host;
    t->socket_method = tls_socket_method();
    t->ctx = SSL_CTX_new(TLS_client_method());
    ASSERT(t->ctx);
    SSL_CTX_set_options(t->ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(t->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(t->ctx, 1);
    struct kaftan_error *err = set_protocols(t->ctx, o->protocols, &v12, &v13);
    if (!err && o->ciphers && o->ciphers[0])
        err = set_suites(t->ctx, o->ciphers, v12, v13);
    if (!err)
        err = set_trust(t->ctx, o);
    if (!err && o->key)
        err = set_key(t->ctx, o->key);
    if (!err && o->alpn)
        err = set_alpn(t->ctx, o->alpn);
    if (err) {
        kaftan_tls_unref(t);
        return err;
    }
    *ret = t;
    return NULL;
}

struct kaftan_tls *tls_ref(struct kaftan_tls *t)
{
    atomic_fetch_add(&t->holders, 1);
    return t;
}

void kaftan_tls_unref(struct kaftan_tls *t)
{
    if (!t || atomic_fetch_sub(&t->holders, 1) != 1)
        return;
    SSL_CTX_free(t->ctx);
    BIO_meth_free(t->socket_method);
    mem_free(t);
}
