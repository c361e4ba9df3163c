/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/store.h"

#include <stdio.h>
#include <string.h>
#include <criterion/criterion.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/jks.h"
#include "server.h"

static struct buf file_bytes(const char *name)
{
    struct buf b = BUF_INIT;
    char chunk[4096];
    FILE *f = fopen(store_file(name), "rb");
    cr_assert_not_null(f, "%s", name);
    for (size_t n; (n = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_put(&b, chunk, n);
    (void)fclose(f);
    return b;
}

static unsigned count(const struct buf *b, const char *what)
{
    unsigned n = 0;
    struct buf copy = BUF_INIT;
    buf_put(&copy, b->data, b->len);
    for (const char *p = buf_text(&copy); (p = strstr(p, what)) != NULL; p += strlen(what))
        n++;
    buf_fini(&copy);
    return n;
}

static void expect_contents(const struct kaftan_store *s, unsigned certs, unsigned keys, unsigned trusted, const char *label)
{
    struct buf chain = BUF_INIT, key = BUF_INIT, ca = BUF_INIT;
    store_pem(s, &chain, &key, &ca);
    cr_expect_eq(count(&chain, "BEGIN CERTIFICATE"), certs, "%s: %u", label, count(&chain, "BEGIN CERTIFICATE"));
    cr_expect_eq(count(&key, "BEGIN PRIVATE KEY"), keys, "%s", label);
    cr_expect_eq(count(&ca, "BEGIN CERTIFICATE"), trusted, "%s: %u", label, count(&ca, "BEGIN CERTIFICATE"));
    buf_fini(&chain);
    buf_fini(&key);
    buf_fini(&ca);
}

Test(store, opens_by_content)
{
    static const struct {
        const char *file, *password, *key_password, *alias;
        bool key;
        unsigned certs, keys, trusted;
    } cases[] = {
        { "ca.pem", NULL, NULL, NULL, false, 0, 0, 1 },
        { "ca.pem", "ignored", NULL, NULL, false, 0, 0, 1 },
        { "client-all.pem", NULL, NULL, NULL, true, 2, 1, 0 },
        { "client-all.pem", NULL, NULL, NULL, false, 0, 0, 2 },
        { "client-sealed.pem", "keysecret", NULL, NULL, true, 2, 1, 0 },
        { "client-sealed.pem", "secret", "keysecret", NULL, true, 2, 1, 0 },
        { "client.p12", "secret", NULL, NULL, true, 2, 1, 0 },
        { "client.p12", "secret", NULL, "CLIENT", true, 2, 1, 0 },
        { "client-nopass.p12", "", NULL, NULL, true, 1, 1, 0 },
        { "client.jks", "secret", "keysecret", NULL, true, 2, 1, 0 },
        { "client.jks", "", "keysecret", NULL, true, 2, 1, 0 },
        { "two.jks", "secret", "keysecret", "second", true, 2, 1, 0 },
        { "two.p12", "secret", NULL, "second", true, 2, 1, 0 },
        { "trust.jks", "secret", NULL, NULL, false, 0, 0, 1 },
        { "trust.jks", NULL, NULL, NULL, false, 0, 0, 1 },
        { "trust-pkcs12.jks", "secret", NULL, NULL, false, 0, 0, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct kaftan_store *s = NULL;
        struct kaftan_store_options o = { .size = sizeof o, .key = "k", .path = store_file(cases[i].file),
                                          .password = cases[i].password, .key_password = cases[i].key_password,
                                          .alias = cases[i].alias, .need_key = cases[i].key };
        struct kaftan_error *err = kaftan_store_open(&o, &s);
        cr_assert_null(err, "%s: %s", cases[i].file, err ? kaftan_error_message(err) : "");
        expect_contents(s, cases[i].certs, cases[i].keys, cases[i].trusted, cases[i].file);
        kaftan_store_unref(s);
    }
}

Test(store, content_in_the_config)
{
    static const char *const files[] = { "client-all.pem", "client.p12", "client.jks" };
    static const char *const forms[] = { "", "data:;base64,", "data:application/x-pkcs12;base64," };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct buf raw = file_bytes(files[i]);
        for (size_t f = 0; f <= COUNT_OF(forms); f++) {
            struct buf text = BUF_INIT;
            struct kaftan_store *s = NULL;
            if (f < COUNT_OF(forms)) {
                buf_puts(&text, forms[f]);
                base64_put(&text, raw.data, raw.len);
                buf_puts(&text, "\n");
            } else {
                buf_put(&text, raw.data, raw.len);
            }
            struct kaftan_store_options o = { .size = sizeof o, .key = "k", .content = buf_slice(&text), .password = "secret",
                                              .key_password = i == 2 ? "keysecret" : NULL, .need_key = true };
            struct kaftan_error *err = kaftan_store_open(&o, &s);
            cr_assert_null(err, "%s %zu: %s", files[i], f, err ? kaftan_error_message(err) : "");
            expect_contents(s, 2, 1, 0, files[i]);
            kaftan_store_unref(kaftan_store_ref(s));
            kaftan_store_unref(s);
            buf_fini(&text);
        }
        buf_fini(&raw);
    }
}

/* A properties file's value on one line, or broken anywhere: what Java's parser takes. */
Test(store, pem_whose_line_breaks_are_other_blanks)
{
    static const char *const blanks[] = { " ", "\r\n", "  \t ", "\n\n", "" };
    for (size_t i = 0; i < COUNT_OF(blanks); i++) {
        struct buf raw = file_bytes("client-all.pem"), text = BUF_INIT;
        struct kaftan_store *s = NULL;
        for (size_t p = 0; p < raw.len; p++) {
            bool mark = p > 0 && raw.data[p - 1] == '-'; /* behind a mark's dashes */
            if (raw.data[p] != '\n')
                buf_putc(&text, raw.data[p]);
            else
                buf_puts(&text, mark && !*blanks[i] ? " " : blanks[i]);
        }
        struct kaftan_store_options o = { .size = sizeof o, .key = "k", .content = buf_slice(&text), .need_key = true };
        struct kaftan_error *err = kaftan_store_open(&o, &s);
        cr_assert_null(err, "%zu: %s", i, err ? kaftan_error_message(err) : "");
        expect_contents(s, 2, 1, 0, "client-all.pem");
        kaftan_store_unref(s);
        buf_fini(&raw);
        buf_fini(&text);
    }
}

static void refuses(const struct kaftan_store_options *given, const char *where, const char *why)
{
    struct kaftan_store_options o = *given;
    struct kaftan_store *s = NULL;
    char expected[1024];
    o.size = sizeof o;
    o.key = "mqtt.ssl.key.store.path";
    (void)snprintf(expected, sizeof expected, "Invalid value %s for configuration mqtt.ssl.key.store.path: %s", where, why);
    struct kaftan_error *err = kaftan_store_open(&o, &s);
    cr_assert_not_null(err, "accepted: %s", where);
    cr_expect_str_eq(kaftan_error_message(err), expected);
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_INVALID);
    cr_expect_null(s);
    kaftan_error_free(err);
}

static void refuses_file(const char *file, const char *password, const char *alias, bool key, const char *why)
{
    const char *path = store_file(file);
    refuses(&(struct kaftan_store_options){ .path = path, .password = password, .alias = alias, .need_key = key }, path, why);
}

Test(store, refuses_with_a_reason)
{
    static const char wrong[] = "cannot be opened: the password is wrong or the file is damaged";
    char text[1024];
    refuses_file("missing", "", NULL, true, "cannot be read: No such file or directory");
    (void)snprintf(text, sizeof text,
                   "is a JCEKS keystore, which cannot be read here; convert it: keytool -importkeystore -srckeystore %s "
                   "-srcstoretype JCEKS -destkeystore store.p12 -deststoretype PKCS12",
                   store_file("client.jceks"));
    refuses_file("client.jceks", "secret", NULL, true, text);
    (void)snprintf(text, sizeof text,
                   "uses encryption that OpenSSL 3 no longer offers (RC2-40); re-create it: openssl pkcs12 -legacy -in %s -out "
                   "t.pem, then -export",
                   store_file("rc2.p12"));
    refuses_file("rc2.p12", "secret", NULL, true, text);
    refuses_file("client.p12", "wrong", NULL, true, wrong);
    refuses_file("client.jks", "wrong", NULL, true, wrong);
    refuses_file("client.jks", "secret", NULL, true, wrong); /* its key has another password */
    refuses_file("client-sealed.pem", "wrong", NULL, true, wrong);
    refuses_file("trust.jks", "secret", NULL, true, "contains no private key");
    refuses_file("ca.pem", "", NULL, true, "contains no private key");
    refuses_file("mismatch.pem", "", NULL, true, "the private key does not belong to the certificate");
    refuses_file("client.key", "", NULL, true, "contains no certificate for the private key");
    refuses_file("client.key", "", NULL, false, "contains no certificate");
    refuses_file("two.jks", "secret", NULL, true, "contains 2 private keys; name one by its alias: client, second");
    refuses_file("two.jks", "secret", "third", true, "contains no private key with alias \"third\"; it has: client, second");
    refuses(&(struct kaftan_store_options){ .content = { "\0\x01\x02\x03\x04", 5 }, .need_key = true }, "[hidden]",
            "is neither PEM, PKCS#12 nor JKS (first bytes 00 01 02 03)");
    refuses(&(struct kaftan_store_options){ .content = { "data:x,y", 8 }, .need_key = true }, "[hidden]",
            "begins with \"data:\" but has no \";base64,\"");
    refuses(&(struct kaftan_store_options){ .content = { "", 0 }, .need_key = true }, "[hidden]", "is empty");
}

/* Every cut and every flipped byte of a JKS is refused or read, never more. */
Test(store, damaged_jks)
{
    struct buf raw = file_bytes("client.jks");
    for (size_t len = 0; len < raw.len; len++) {
        struct kaftan_store *s = NULL;
        struct kaftan_store_options o = { .size = sizeof o, .key = "k", .content = { raw.data, len }, .password = "secret",
                                          .key_password = "keysecret", .need_key = true };
        struct kaftan_error *err = kaftan_store_open(&o, &s);
        cr_assert_not_null(err, "cut at %zu", len);
        kaftan_error_free(err);
    }
    for (size_t at = 0; at < raw.len; at++) {
        struct kaftan_store *s = NULL;
        struct kaftan_store_options o = { .size = sizeof o, .key = "k", .content = buf_slice(&raw), .password = "secret",
                                          .key_password = "keysecret", .need_key = true };
        raw.data[at] = (char)(raw.data[at] ^ 0x40);
        struct kaftan_error *err = kaftan_store_open(&o, &s);
        cr_assert_not_null(err, "flipped at %zu", at);
        kaftan_error_free(err);
        raw.data[at] = (char)(raw.data[at] ^ 0x40);
    }
    buf_fini(&raw);
}
