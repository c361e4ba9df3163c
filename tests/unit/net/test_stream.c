/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <kaftan/stream.h>

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <unistd.h>
#include <criterion/criterion.h>
#include <openssl/ssl.h>

#include "base/mem.h"
#include "server.h"
#include "web.h"

enum { GENEROUS_US = 30 * 1000 * 1000 };

static struct kaftan_stream *begin(const char *host, uint16_t port, struct kaftan_tls *tls)
{
    struct kaftan_stream *s = NULL;
    struct kaftan_error *err = kaftan_stream_open(
        &(struct kaftan_stream_options){ .size = sizeof(struct kaftan_stream_options), .host = host, .port = port, .tls = tls,
                                         .deadline = kaftan_now_us() + GENEROUS_US, .receive_buffer = -1, .send_buffer = -1,
                                         .user_timeout_ms = 10000 },
        &s);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    return s;
}

static void wait_for(struct kaftan_stream *s, int wanted)
{
    int events = kaftan_stream_events(s, wanted);
    struct pollfd p = { .fd = kaftan_stream_fd(s) };
    p.events = (short)(((events & KAFTAN_WANT_READ) ? POLLIN : 0) | ((events & KAFTAN_WANT_WRITE) ? POLLOUT : 0));
    int64_t left = kaftan_stream_deadline(s) - kaftan_now_us();
    (void)poll(&p, 1, left > 0 ? (int)(left / 1000) + 1 : 0);
}

static enum kaftan_io open_it(struct kaftan_stream *s)
{
    enum kaftan_io io;
    while ((io = kaftan_stream_opened(s)) == KAFTAN_IO_AGAIN)
        wait_for(s, 0);
    return io;
}

static struct kaftan_stream *opened(const char *host, uint16_t port, struct kaftan_tls *tls)
{
    struct kaftan_stream *s = begin(host, port, tls);
    if (open_it(s) != KAFTAN_IO_OK) {
        struct kaftan_error *err = kaftan_stream_error(s);
        cr_assert_fail("%s", kaftan_error_message(err));
    }
    return s;
}

static void refused(const char *host, uint16_t port, struct kaftan_tls *tls, enum kaftan_code code, const char *part)
{
    struct kaftan_stream *s = begin(host, port, tls);
    cr_assert_eq(open_it(s), KAFTAN_IO_ERROR);
    struct kaftan_error *err = kaftan_stream_error(s);
    cr_expect(strstr(kaftan_error_message(err), part), "%s", kaftan_error_message(err));
    cr_expect_eq(kaftan_error_code(err), code, "%s", kaftan_error_message(err));
    kaftan_error_free(err);
    cr_expect_eq(kaftan_stream_opened(s), KAFTAN_IO_ERROR);
    kaftan_stream_close(s);
}

/* Sends `size` bytes and gets them back, both at once. */
static void echo(struct kaftan_stream *s, size_t size)
{
    char *out = mem_alloc(size), *in = mem_zalloc(1, size);
    for (size_t i = 0; i < size; i++)
        out[i] = (char)(i * 31 + i / 251);
    for (size_t sent = 0, got = 0; got < size;) {
        size_t n = 0;
        enum kaftan_io w = KAFTAN_IO_AGAIN, r;
        if (sent < size && (w = kaftan_stream_write(s, out + sent, size - sent, &n)) == KAFTAN_IO_OK)
            sent += n;
        r = kaftan_stream_read(s, in + got, size - got, &n);
        if (r == KAFTAN_IO_OK)
            got += n;
        cr_assert(w != KAFTAN_IO_ERROR && (r == KAFTAN_IO_OK || r == KAFTAN_IO_AGAIN));
        if (w != KAFTAN_IO_OK && r != KAFTAN_IO_OK && !kaftan_stream_pending(s)) {
            struct pollfd p = { .fd = kaftan_stream_fd(s) };
            int ev = kaftan_stream_events(s, KAFTAN_WANT_READ | (sent < size ? KAFTAN_WANT_WRITE : 0));
            p.events = (short)(((ev & KAFTAN_WANT_READ) ? POLLIN : 0) | ((ev & KAFTAN_WANT_WRITE) ? POLLOUT : 0));
            cr_assert_gt(poll(&p, 1, 30000), 0);
        }
    }
    cr_expect_eq(memcmp(in, out, size), 0);
    mem_free(in);
    mem_free(out);
}

static enum kaftan_io read_end(struct kaftan_stream *s)
{
    char c;
    size_t n;
    enum kaftan_io io;
    while ((io = kaftan_stream_read(s, &c, 1, &n)) == KAFTAN_IO_AGAIN) {
        struct pollfd p = { .fd = kaftan_stream_fd(s), .events = POLLIN };
        cr_assert_gt(poll(&p, 1, 30000), 0);
    }
    return io;
}

Test(stream, plain_echo_by_address_and_by_name)
{
    static const char *const hosts[] = { "127.0.0.1", "localhost" };
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct server *server = server_start(&(struct server_options){ .tls = false });
        struct kaftan_stream *s = opened(hosts[i], server_port(server), NULL);
        cr_expect(strstr(kaftan_stream_peer(s), "(127.0.0.1)"), "%s", kaftan_stream_peer(s));
        echo(s, 3 * 1000 * 1000);
        kaftan_stream_shutdown(s);
        cr_expect_eq(read_end(s), KAFTAN_IO_END);
        kaftan_stream_close(s);
        server_free(server);
    }
}

Test(stream, says_why_it_cannot_open)
{
    uint16_t port;
    int keeper = web_nobody(&port);
    refused("127.0.0.1", port, NULL, KAFTAN_E_RETRIABLE, "127.0.0.1: Connection refused");
    refused("localhost", port, NULL, KAFTAN_E_RETRIABLE, "127.0.0.1: Connection refused");
    (void)close(keeper);
    refused("no-such-host.invalid", 1883, NULL, KAFTAN_E_RETRIABLE, "cannot resolve host \"no-such-host.invalid\"");
}

Test(stream, bad_options_fail_at_once)
{
    struct kaftan_stream *s = NULL;
    struct kaftan_stream_options o = { .size = sizeof o, .host = "", .port = 1 };
    struct kaftan_error *err = kaftan_stream_open(&o, &s);
    cr_assert_not_null(err);
    kaftan_error_free(err);
    o.host = "localhost";
    o.port = 0;
    err = kaftan_stream_open(&o, &s);
    cr_assert_not_null(err);
    cr_expect_null(s);
    kaftan_error_free(err);
}

Test(stream, deadline_in_the_past_is_a_timeout)
{
    struct kaftan_stream *s = NULL;
    uint16_t port;
    int keeper = web_nobody(&port);
    struct kaftan_stream_options o = { .size = sizeof o, .host = "127.0.0.1", .port = port, .deadline = 1,
                                       .receive_buffer = -1, .send_buffer = -1 };
    cr_assert_null(kaftan_stream_open(&o, &s));
    cr_assert_eq(open_it(s), KAFTAN_IO_ERROR);
    struct kaftan_error *err = kaftan_stream_error(s);
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_TIMEOUT);
    kaftan_error_free(err);
    kaftan_stream_close(s);
    (void)close(keeper);
}

Test(stream, closing_while_a_name_is_resolved)
{
    for (int i = 0; i < 20; i++) {
        struct kaftan_stream *s = begin("localhost", 9, NULL);
        if (i % 2)
            (void)kaftan_stream_opened(s);
        kaftan_stream_close(s);
    }
}

Test(stream, peer_that_goes_away)
{
    struct server *server = server_start(&(struct server_options){ .cut = true });
    struct kaftan_stream *s = opened("127.0.0.1", server_port(server), NULL);
    size_t n;
    cr_assert_eq(kaftan_stream_write(s, "x", 1, &n), KAFTAN_IO_OK);
    enum kaftan_io io = read_end(s);
    cr_expect(io == KAFTAN_IO_END || io == KAFTAN_IO_ERROR);
    /* writes after it fail in order, no signal */
    while ((io = kaftan_stream_write(s, "x", 1, &n)) == KAFTAN_IO_OK)
        ;
    cr_expect_eq(io, KAFTAN_IO_ERROR);
    kaftan_stream_close(s);
    server_free(server);
}

static struct kaftan_store *store(const char *name, const char *password, const char *key_password, bool key)
{
    struct kaftan_store *st = NULL;
    struct kaftan_store_options o = { .size = sizeof o, .key = "k", .path = store_file(name), .password = password,
                                      .key_password = key_password, .need_key = key };
    struct kaftan_error *err = kaftan_store_open(&o, &st);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    return st;
}

static struct kaftan_tls *tls_of(struct kaftan_tls_options o)
{
    struct kaftan_tls *t = NULL;
    o.size = sizeof o;
    struct kaftan_error *err = kaftan_tls_new(&o, &t);
    cr_assert_null(err, "%s", err ? kaftan_error_message(err) : "");
    return t;
}

static const struct server_options tls_server = { .tls = true, .cert = "server.pem", .key = "server.key" };

Test(stream, tls_echo_with_client_certificate)
{
    static const struct { const char *trust, *key, *key_password; } cases[] = {
        { "ca.pem", "client-all.pem", NULL },           { "trust.jks", "client.jks", "keysecret" },
        { "trust-pkcs12.jks", "client.p12", NULL },     { "ca.pem", "client-sealed.pem", "keysecret" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct server_options so = tls_server;
        so.want_client = true;
        so.max_version = i % 2 ? TLS1_2_VERSION : 0;
        struct server *server = server_start(&so);
        struct kaftan_store *trust = store(cases[i].trust, "secret", NULL, false);
        struct kaftan_store *key = store(cases[i].key, "secret", cases[i].key_password, true);
        struct kaftan_tls *tls = tls_of((struct kaftan_tls_options){ .trust = trust, .key = key, .verify_host = true });
        kaftan_store_unref(trust);
        kaftan_store_unref(key);
        struct kaftan_stream *s = opened(i % 2 ? "127.0.0.1" : "localhost", server_port(server), tls);
        kaftan_tls_unref(tls);
        echo(s, 1000 * 1000);
        kaftan_stream_shutdown(s);
        cr_expect_eq(read_end(s), KAFTAN_IO_END);
        kaftan_stream_close(s);
        server_stop(server);
        cr_expect_str_eq(server_client(server), "Test Client");
        cr_expect_str_eq(server_version(server), i % 2 ? "TLSv1.2" : "TLSv1.3");
        server_free(server);
    }
}

static void tls_case(struct kaftan_tls_options o, struct server_options so, const char *host, const char *part)
{
    struct server *server = server_start(&so);
    struct kaftan_store *trust = o.ca_path ? NULL : store("ca.pem", NULL, NULL, false);
    o.trust = trust;
    struct kaftan_tls *tls = tls_of(o);
    if (part) {
        refused(host, server_port(server), tls, KAFTAN_E_INVALID, part);
    } else {
        struct kaftan_stream *s = opened(host, server_port(server), tls);
        echo(s, 1);
        kaftan_stream_close(s);
    }
    kaftan_tls_unref(tls);
    kaftan_store_unref(trust);
    server_free(server);
}

Test(stream, tls_checks_who_is_there)
{
    struct server_options other = { .tls = true, .cert = "other.pem", .key = "other.key" };
    char empty[512], revoked[512], ca[512];
    (void)snprintf(empty, sizeof empty, "%s", store_file("empty.crl"));
    (void)snprintf(revoked, sizeof revoked, "%s", store_file("revoked.crl"));
    (void)snprintf(ca, sizeof ca, "%s", store_file("ca.pem"));
    tls_case((struct kaftan_tls_options){ .verify_host = true }, other, "localhost",
             "the certificate is not for host \"localhost\" but for other.example");
    tls_case((struct kaftan_tls_options){ .verify_host = false }, other, "localhost", NULL);
    tls_case((struct kaftan_tls_options){ .verify_host = true, .ca_path = "/etc/ssl/certs" }, tls_server, "localhost",
             "the certificate is not accepted: unable to get local issuer certificate");
    tls_case((struct kaftan_tls_options){ .verify_host = true, .ca_path = ca }, tls_server, "localhost", NULL);
    tls_case((struct kaftan_tls_options){ .verify_host = true, .crl_path = empty }, tls_server, "localhost", NULL);
    tls_case((struct kaftan_tls_options){ .verify_host = true, .crl_path = revoked }, tls_server, "localhost",
             "certificate revoked");
}

Test(stream, tls_versions_suites_and_alpn)
{
    static const char *const v12[] = { "TLSv1.2", NULL };
    static const char *const openssl[] = { "ECDHE-RSA-AES128-GCM-SHA256", NULL };
    static const char *const iana[] = { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", NULL };
    static const char *const v13[] = { "TLS_CHACHA20_POLY1305_SHA256", NULL };
    static const char *const alpn[] = { "x-amzn-mqtt-ca", "mqtt", NULL };
    static const struct { const char *const *protocols, *const *ciphers; const char *version, *cipher; } cases[] = {
        { v12, NULL, "TLSv1.2", NULL },
        { NULL, openssl, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256" },
        { NULL, iana, "TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256" },
        { NULL, v13, "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct server *server = server_start(&tls_server);
        struct kaftan_store *trust = store("ca.pem", NULL, NULL, false);
        struct kaftan_tls *tls = tls_of((struct kaftan_tls_options){ .trust = trust, .verify_host = true, .alpn = alpn,
                                                                     .protocols = cases[i].protocols, .ciphers = cases[i].ciphers });
        struct kaftan_stream *s = opened("localhost", server_port(server), tls);
        echo(s, 10);
        kaftan_stream_close(s);
        server_stop(server);
        cr_expect_str_eq(server_version(server), cases[i].version);
        cr_expect(!cases[i].cipher || strcmp(server_cipher(server), cases[i].cipher) == 0, "%s", server_cipher(server));
        cr_expect_str_eq(server_alpn(server), "x-amzn-mqtt-ca");
        kaftan_tls_unref(tls);
        kaftan_store_unref(trust);
        server_free(server);
    }
}

Test(stream, tls_options_refused)
{
    static const char *const v9[] = { "TLSv9", NULL }, *const v12[] = { "TLSv1.2", NULL };
    static const char *const nonsense[] = { "NONSENSE", NULL }, *const v13[] = { "TLS_AES_128_GCM_SHA256", NULL };
    static const char *const empty_alpn[] = { "", NULL };
    static const struct { struct kaftan_tls_options o; const char *message; } cases[] = {
        { { .protocols = v9 }, "unknown TLS protocol \"TLSv9\", expected TLSv1.2 or TLSv1.3" },
        { { .ciphers = nonsense }, "unknown TLS cipher suite \"NONSENSE\"" },
        { { .protocols = v12, .ciphers = v13 }, "none of the TLS cipher suites fits the TLS protocols" },
        { { .ca_path = "/no/such/ca" }, "CA path \"/no/such/ca\" cannot be read: No such file or directory" },
        { { .alpn = empty_alpn }, "ALPN protocol \"\" must have 1 to 255 characters" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct kaftan_tls_options o = cases[i].o;
        struct kaftan_tls *t = NULL;
        o.size = sizeof o;
        struct kaftan_error *err = kaftan_tls_new(&o, &t);
        cr_assert_not_null(err);
        cr_expect_str_eq(kaftan_error_message(err), cases[i].message);
        cr_expect_null(t);
        kaftan_error_free(err);
    }
}

Test(stream, tls_cut_or_not_tls_at_all)
{
    struct server_options so = tls_server;
    so.cut = true;
    struct server *server = server_start(&so);
    struct kaftan_store *trust = store("ca.pem", NULL, NULL, false);
    struct kaftan_tls *tls = tls_of((struct kaftan_tls_options){ .trust = trust, .verify_host = true });
    struct kaftan_stream *s = opened("localhost", server_port(server), tls);
    size_t n;
    cr_assert_eq(kaftan_stream_write(s, "x", 1, &n), KAFTAN_IO_OK);
    cr_expect_eq(read_end(s), KAFTAN_IO_ERROR);
    kaftan_stream_close(s);
    server_free(server);

    server = server_start(&(struct server_options){ .tls = false }); /* echoes our hello */
    refused("localhost", server_port(server), tls, KAFTAN_E_RETRIABLE, "TLS handshake");
    server_free(server);
    server = server_start(&(struct server_options){ .cut = true });
    refused("localhost", server_port(server), tls, KAFTAN_E_RETRIABLE, "TLS handshake");
    server_free(server);
    kaftan_tls_unref(tls);
    kaftan_store_unref(trust);
}
