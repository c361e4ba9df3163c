/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_STREAM_H
#define KAFTAN_STREAM_H
/*
 * N15: streams (TCP, TLS) and stores (PEM, PKCS#12, JKS, by content).
 *
 * A stream never blocks: opening resolves the name off the thread, tries all
 * addresses 250 ms apart (RFC 8305 in spirit), then makes TLS. The caller
 * waits on kaftan_stream_fd for what kaftan_stream_events names, or until
 * kaftan_stream_deadline, then calls the function again. The descriptor may
 * change while the stream is opening; it is valid until the next call.
 *
 * Owner    the opener
 * Thread   one at a time; the opener's
 * Memory   one TLS record each way
 */
#include <kaftan/config.h>
#include <kaftan/error.h>

struct kaftan_store; /* certificates and keys, immutable, counted */
struct kaftan_stream;

struct kaftan_store_options {
    uint32_t size; /* sizeof: grows at the end */
    const char *key;  /* config key that named it, for messages */
    const char *path; /* file, or NULL */
    struct kaftan_slice content; /* bytes, or `data:[type];base64,...`, or bare base64; when path is NULL */
    const char *password;        /* "" or NULL: none */
    const char *key_password;    /* NULL: the store's */
    const char *alias;           /* key store with several keys; NULL or "" : the only one */
    bool need_key;               /* a key store: `contains no private key` otherwise */
};
/* Errors are the texts of mqtt-connectors.md 4.2 (`Invalid value <path> for configuration <key>: ...`), INVALID. */
KAFTAN_API struct kaftan_error *kaftan_store_open(const struct kaftan_store_options *o, struct kaftan_store **ret)
    KAFTAN_MUST_CHECK;
KAFTAN_API struct kaftan_store *kaftan_store_ref(struct kaftan_store *s);
KAFTAN_API void kaftan_store_unref(struct kaftan_store *s); /* NULL is fine */

struct kaftan_tls_options {
    uint32_t size;
    const struct kaftan_store *trust; /* NULL: the system's, or ca_path */
    const char *ca_path;              /* PEM file or hashed directory; NULL or "" : none */
    const struct kaftan_store *key;   /* NULL: no client certificate */
    const char *crl_path;             /* PEM; NULL or "" : none */
    bool verify_host;                 /* host name check, as HTTPS (and Java) does it */
    const char *const *protocols;     /* NULL ended: TLSv1.2, TLSv1.3; NULL: both */
    const char *const *ciphers;       /* NULL ended; OpenSSL or IANA names; NULL: the library's */
    const char *const *alpn;          /* NULL ended; NULL: none */
};
struct kaftan_tls; /* a client's TLS settings, immutable, counted */
KAFTAN_API struct kaftan_error *kaftan_tls_new(const struct kaftan_tls_options *o, struct kaftan_tls **ret) KAFTAN_MUST_CHECK;
KAFTAN_API void kaftan_tls_unref(struct kaftan_tls *t); /* NULL is fine */

struct kaftan_stream_options {
    uint32_t size;
    const char *host; /* name or address, without brackets */
    uint16_t port;
    struct kaftan_tls *tls;       /* NULL: plain TCP; the stream takes a reference */
    kaftan_deadline deadline;     /* for resolving, connecting and TLS together */
    int32_t receive_buffer, send_buffer; /* socket buffers in bytes; -1: the system's */
    int32_t user_timeout_ms;      /* TCP_USER_TIMEOUT; 0: off */
};

enum kaftan_io {
    KAFTAN_IO_OK,    /* opened; or `*ret` bytes went through (at least one) */
    KAFTAN_IO_AGAIN, /* wait for the events */
    KAFTAN_IO_END,   /* the other side has closed its half in order */
    KAFTAN_IO_ERROR  /* kaftan_stream_error says what */
};
enum { KAFTAN_WANT_READ = 1, KAFTAN_WANT_WRITE = 2 };

/* Starts opening; fails at once only for bad options. TCP_NODELAY is set. */
KAFTAN_API struct kaftan_error *kaftan_stream_open(const struct kaftan_stream_options *o, struct kaftan_stream **ret)
    KAFTAN_MUST_CHECK;
KAFTAN_API enum kaftan_io kaftan_stream_opened(struct kaftan_stream *s); /* goes on with opening */
KAFTAN_API enum kaftan_io kaftan_stream_read(struct kaftan_stream *s, void *buf, size_t size, size_t *ret);
/* After AGAIN the same bytes must come again; more may follow them. */
KAFTAN_API enum kaftan_io kaftan_stream_write(struct kaftan_stream *s, const void *buf, size_t size, size_t *ret);
KAFTAN_API int kaftan_stream_fd(const struct kaftan_stream *s); /* -1: none just now, wait for the deadline */
/* What to wait for: `wanted` is what the caller would like (KAFTAN_WANT_*); opening and TLS may change it. */
KAFTAN_API int kaftan_stream_events(const struct kaftan_stream *s, int wanted);
/* True: bytes are already decrypted; read without waiting. */
KAFTAN_API bool kaftan_stream_pending(const struct kaftan_stream *s);
/* When to call kaftan_stream_opened again at the latest, while opening. */
KAFTAN_API kaftan_deadline kaftan_stream_deadline(const struct kaftan_stream *s);
KAFTAN_API struct kaftan_error *kaftan_stream_error(struct kaftan_stream *s); /* a copy the caller owns; never NULL after ERROR */
KAFTAN_API const char *kaftan_stream_peer(const struct kaftan_stream *s); /* `host:port (address)`; borrowed */
KAFTAN_API void kaftan_stream_shutdown(struct kaftan_stream *s); /* ends our half: TLS close_notify, FIN */
KAFTAN_API void kaftan_stream_close(struct kaftan_stream *s);    /* frees; NULL is fine; never blocks */

#endif
