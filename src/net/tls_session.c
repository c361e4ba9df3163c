/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/tls_int.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/tls_ctx_int.h"

struct tls_session {
    struct kaftan_tls *tls; /* shared */
    SSL *ssl;               /* owned */
    const char *host;       /* owned by the stream, as is: */
    const char *peer;
    X509 *rejected;    /* owned; the certificate that was not accepted; NULL: none */
    int fd;            /* the stream's */
    int handshake;     /* KAFTAN_WANT_*: what the handshake waits for */
    bool read_writes;  /* reading waits for room to write (key update) */
    bool write_reads;  /* writing waits for something to read */
};

/*
 * Our own BIO, because OpenSSL's writes raise SIGPIPE when the other side
 * has gone, and a plugin's host has no say in signals.
 */
static int socket_read(BIO *bio, char *to, int size)
{
    int fd = ((struct tls_session *)BIO_get_data(bio))->fd;
    BIO_clear_retry_flags(bio);
    ssize_t n;
    do
        n = recv(fd, to, (size_t)size, 0);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        BIO_set_retry_read(bio);
    if (n == 0)
        BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    return (int)n;
}

static int socket_write(BIO *bio, const char *from, int size)
{
    int fd = ((struct tls_session *)BIO_get_data(bio))->fd;
    BIO_clear_retry_flags(bio);
    ssize_t n;
    do
        n = send(fd, from, (size_t)size, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
        BIO_set_retry_write(bio);
    return (int)n;
}

static long socket_control(BIO *bio, int what, long number, void *pointer)
{
    (void)number;
    (void)pointer;
    if (what == BIO_CTRL_EOF)
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
    return what == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO_METHOD *tls_socket_method(void)
{
    enum { TYPE = 100 | BIO_TYPE_SOURCE_SINK }; /* BIO_get_new_index runs out after some 120 */
    BIO_METHOD *m = BIO_meth_new(TYPE, "kaftan socket");
    ASSERT(m);
    (void)BIO_meth_set_read(m, socket_read);
    (void)BIO_meth_set_write(m, socket_write);
    (void)BIO_meth_set_ctrl(m, socket_control);
    return m;
}

/* A certificate that is refused is forgotten by OpenSSL; its names are what the user must hear. */
int tls_on_verdict(int ok, X509_STORE_CTX *ctx)
{
    SSL *ssl = X509_STORE_CTX_get_ex_data(ctx, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_session *s = SSL_get_app_data(ssl);
    X509 *cert = X509_STORE_CTX_get0_cert(ctx);
    if (!ok && s && !s->rejected && cert && X509_up_ref(cert) == 1)
        s->rejected = cert;
    return ok;
}

/* SNI takes names only; a certificate names an address as an address. */
static bool name_host(struct tls_session *s)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(s->ssl);
    bool numeric = address_is_numeric(s->host);
    if (!numeric && SSL_set_tlsext_host_name(s->ssl, s->host) != 1)
        return false;
    if (!s->tls->verify_host)
        return true;
    if (numeric)
        return X509_VERIFY_PARAM_set1_ip_asc(param, s->host) == 1;
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(param, s->host, 0) == 1;
}

struct kaftan_error *tls_session_new(struct kaftan_tls *t, int fd, const char *host, const char *peer,
                                     struct tls_session **ret)
{
    struct tls_session *s = mem_zalloc(1, sizeof *s);
    s->tls = tls_ref(t);
    s->fd = fd;
    s->host = host;
    s->peer = peer;
    s->ssl = SSL_new(t->ctx);
    BIO *bio = BIO_new(t->socket_method);
    ASSERT(s->ssl && bio);
    BIO_set_data(bio, s);
    BIO_set_init(bio, 1);
    SSL_set_bio(s->ssl, bio, bio);
    SSL_set_connect_state(s->ssl);
    SSL_set_app_data(s->ssl, s);
    if (!name_host(s)) {
        ERR_clear_error();
        tls_session_free(s);
        return kaftan_error_new(KAFTAN_E_INVALID, "%s: TLS cannot use this host name", peer);
    }
    *ret = s;
    return NULL;
}

void tls_session_free(struct tls_session *s)
{
    if (!s)
        return;
    SSL_free(s->ssl);
    X509_free(s->rejected);
    kaftan_tls_unref(s->tls);
    mem_free(s);
}

/* "a.example, b.example": what the certificate says its owner is called. */
static void certificate_names(const struct tls_session *s, struct buf *ret)
{
    X509 *cert = s->rejected;
    GENERAL_NAMES *names = cert ? X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL) : NULL;
    char common[256];
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && ret->len < 512; i++) {
        const GENERAL_NAME *n = sk_GENERAL_NAME_value(names, i);
        const char *between = ret->len ? ", " : "";
        if (n->type == GEN_DNS)
            buf_printf(ret, "%s%.*s", between, ASN1_STRING_length(n->d.dNSName),
                       (const char *)ASN1_STRING_get0_data(n->d.dNSName));
    }
    if (cert && ret->len == 0 &&
        X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, common, sizeof common) > 0)
        buf_puts(ret, common);
    if (ret->len == 0)
        buf_puts(ret, "no name at all");
    GENERAL_NAMES_free(names);
}

static struct kaftan_error *not_accepted(const struct tls_session *s, long verdict)
{
    if (verdict != X509_V_ERR_HOSTNAME_MISMATCH && verdict != X509_V_ERR_IP_ADDRESS_MISMATCH)
        return kaftan_error_new(KAFTAN_E_INVALID, "%s: the certificate is not accepted: %s", s->peer,
                                X509_verify_cert_error_string(verdict));
    struct buf names = BUF_INIT;
    certificate_names(s, &names);
    struct kaftan_error *err = kaftan_error_new(KAFTAN_E_INVALID, "%s: the certificate is not for host \"%s\" but for %s",
                                                s->peer, s->host, buf_text(&names));
    buf_fini(&names);
    return err;
}

static struct kaftan_error *broken(const struct tls_session *s, int result, int saved_errno, const char *what)
{
    char why[160];
    if (SSL_get_error(s->ssl, result) == SSL_ERROR_SYSCALL && saved_errno != 0) {
        ERR_clear_error();
        return kaftan_error_new(KAFTAN_E_RETRIABLE, "%s: TLS %s: %s", s->peer, what, strerror(saved_errno));
    }
    unsigned long code = ERR_peek_last_error();
    if (code == 0 || ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        ERR_clear_error();
        return kaftan_error_new(KAFTAN_E_RETRIABLE, "%s: TLS %s: the other side cut the connection", s->peer, what);
    }
    tls_reason(why, sizeof why);
    return kaftan_error_new(KAFTAN_E_RETRIABLE, "%s: TLS %s: %s", s->peer, what, why);
}

enum kaftan_io tls_session_handshake(struct tls_session *s, struct kaftan_error **ret_err)
{
    ERR_clear_error();
    errno = 0;
    int n = SSL_do_handshake(s->ssl);
    int saved = errno;
    if (n == 1)
        return KAFTAN_IO_OK;
    switch (SSL_get_error(s->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        s->handshake = KAFTAN_WANT_READ;
        return KAFTAN_IO_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        s->handshake = KAFTAN_WANT_WRITE;
        return KAFTAN_IO_AGAIN;
    default:
        break;
    }
    long verdict = SSL_get_verify_result(s->ssl);
    if (verdict != X509_V_OK) {
        *ret_err = not_accepted(s, verdict);
        ERR_clear_error();
    } else {
        *ret_err = broken(s, n, saved, "handshake");
    }
    return KAFTAN_IO_ERROR;
}

enum kaftan_io tls_session_read(struct tls_session *s, void *buf, size_t size, size_t *ret, struct kaftan_error **ret_err)
{
    size_t done = 0;
    s->read_writes = false;
    /* A call gives one record at most; a reader wants as many as are there. */
    while (done < size) {
        size_t n = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_read_ex(s->ssl, (char *)buf + done, size - done, &n);
        int saved = errno;
        done += n;
        if (result == 1)
            continue;
        int why = SSL_get_error(s->ssl, result);
        s->read_writes = why == SSL_ERROR_WANT_WRITE;
        if (done > 0)
            break; /* what ails the stream will be found again */
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
            return KAFTAN_IO_AGAIN;
        if (why == SSL_ERROR_ZERO_RETURN)
            return KAFTAN_IO_END;
        *ret_err = broken(s, result, saved, "reading");
        return KAFTAN_IO_ERROR;
    }
    *ret = done;
    return KAFTAN_IO_OK;
}

enum kaftan_io tls_session_write(struct tls_session *s, const void *buf, size_t size, size_t *ret,
                                 struct kaftan_error **ret_err)
{
    size_t done = 0;
    s->write_reads = false;
    while (done < size) {
        size_t n = 0;
        ERR_clear_error();
        errno = 0;
        int result = SSL_write_ex(s->ssl, (const char *)buf + done, size - done, &n);
        int saved = errno;
        done += n;
        if (result == 1)
            continue;
        int why = SSL_get_error(s->ssl, result);
        s->write_reads = why == SSL_ERROR_WANT_READ;
        if (done > 0)
            break;
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
            return KAFTAN_IO_AGAIN;
        *ret_err = broken(s, result, saved, "writing");
        return KAFTAN_IO_ERROR;
    }
    *ret = done;
    return KAFTAN_IO_OK;
}

int tls_session_events(const struct tls_session *s, int wanted)
{
    int events = wanted;
    if (!SSL_is_init_finished(s->ssl))
        return s->handshake ? s->handshake : KAFTAN_WANT_WRITE;
    if (s->read_writes && (wanted & KAFTAN_WANT_READ))
        events |= KAFTAN_WANT_WRITE;
    if (s->write_reads && (wanted & KAFTAN_WANT_WRITE))
        events = (events | KAFTAN_WANT_READ) & ~KAFTAN_WANT_WRITE;
    return events;
}

bool tls_session_pending(const struct tls_session *s)
{
    return SSL_has_pending(s->ssl) != 0;
}

void tls_session_shutdown(struct tls_session *s)
{
    ERR_clear_error();
    (void)SSL_shutdown(s->ssl); /* our close_notify; when the socket is full the FIN must do */
    ERR_clear_error();
}
