/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/sasl.h"

static struct kaftan_slice text(const char *s)
{
    return slice_of(s);
}

/* What is said to `server`; "!message" when it fails. */
static const char *step(struct sasl *s, const char *server, bool *done)
{
    static struct buf out;
    struct kaftan_error *err;
    buf_clear(&out);
    err = sasl_step(s, text(server), &out, done);
    if (err) {
        buf_clear(&out);
        buf_printf(&out, "!%s", kaftan_error_message(err));
        kaftan_error_free(err);
    }
    return buf_text(&out);
}

static struct sasl *login(struct sasl_login l)
{
    struct sasl *s = NULL;
    cr_assert_null(sasl_new(&l, &s));
    return s;
}

#define CLIENT_NONCE "rOprNGfwEbeRWgbNEkqO"
#define SERVER_FIRST "r=" CLIENT_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

static struct sasl *pencil(void)
{
    return login((struct sasl_login){ .mechanism = "SCRAM-SHA-256", .user = "user", .password = "pencil", .nonce = CLIENT_NONCE });
}

Test(sasl, scram_as_in_rfc_7677)
{
    struct sasl *s = pencil();
    bool done;
    cr_expect_str_eq(step(s, "", &done), "n,,n=user,r=" CLIENT_NONCE);
    cr_expect_str_eq(step(s, SERVER_FIRST, &done), "c=biws,r=" CLIENT_NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                                   "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    cr_expect_not(done);
    cr_expect_str_eq(step(s, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", &done), "");
    cr_expect(done);
    sasl_free(s);
}

Test(sasl, scram_trusts_no_stranger)
{
    static const struct {
        const char *first, *last, *why;
    } cases[] = {
        { "nonsense", NULL, "the broker's first answer cannot be read" },
        { "r=another,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", NULL, "the broker's nonce does not begin with ours" },
        { "r=" CLIENT_NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", NULL, "the broker's nonce does not begin with ours" },
        { "r=" CLIENT_NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", NULL, "the broker's number of iterations is not between" },
        { "r=" CLIENT_NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999", NULL, "the broker's number of iterations is not between" },
        { "r=" CLIENT_NONCE "x,s=*,i=4096", NULL, "the broker's salt cannot be read" },
        { SERVER_FIRST, "v=AAAA", "the broker does not know the password it should know" },
        { SERVER_FIRST, "", "the broker does not know the password it should know" },
        { SERVER_FIRST, "e=unknown-user", "the broker says unknown-user" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sasl *s = pencil();
        bool done;
        const char *said;
        (void)step(s, "", &done);
        said = step(s, cases[i].first, &done);
        if (cases[i].last)
            said = step(s, cases[i].last, &done);
        cr_expect_eq(said[0], '!', "%zu: %s", i, said);
        cr_expect_not_null(strstr(said, cases[i].why), "%zu: %s", i, said);
        sasl_free(s);
    }
}

Test(sasl, scram_escapes_names_and_marks_delegation_tokens)
{
    struct sasl *s = login((struct sasl_login){ .mechanism = "SCRAM-SHA-512", .user = "a=b,c", .password = "x", .nonce = "n",
                                                .delegation = true });
    bool done;
    cr_expect_str_eq(step(s, "", &done), "n,,n=a=3Db=2Cc,r=n,tokenauth=true");
    sasl_free(s);
}

Test(sasl, nonces_differ)
{
    struct sasl_login l = { .mechanism = "SCRAM-SHA-256", .user = "u", .password = "p" };
    struct sasl *a = login(l), *b = login(l);
    bool done;
    char first[128];
    (void)snprintf(first, sizeof first, "%s", step(a, "", &done));
    cr_expect_str_neq(first, step(b, "", &done));
    cr_expect_null(strchr(strstr(first, "r=") + 2, ','));
    sasl_free(a);
    sasl_free(b);
}

Test(sasl, plain)
{
    struct sasl *s = login((struct sasl_login){ .mechanism = "PLAIN", .user = "u", .password = "p" });
    struct buf out = BUF_INIT;
    bool done;
    cr_assert_null(sasl_step(s, text(""), &out, &done));
    cr_expect_eq(out.len, 4u);
    cr_expect_eq(memcmp(out.data, "\0u\0p", 4), 0);
    cr_expect_not(done);
    buf_clear(&out);
    cr_assert_null(sasl_step(s, text(""), &out, &done));
    cr_expect(done);
    buf_fini(&out);
    sasl_free(s);
}

Test(sasl, bearer)
{
    struct text_map *more = text_map_new();
    text_map_put(more, "logicalCluster", "lkc-1");
    struct sasl_login l = { .mechanism = "OAUTHBEARER", .token = "t.o.k", .extensions = more };
    struct sasl *s = login(l);
    bool done;
    cr_expect_str_eq(step(s, "", &done), "n,,\001auth=Bearer t.o.k\001logicalCluster=lkc-1\001\001");
    cr_expect_str_eq(step(s, "", &done), "");
    cr_expect(done);
    sasl_free(s);
    s = login(l);
    (void)step(s, "", &done);
    cr_expect_not_null(strstr(step(s, "{\"status\":\"invalid_token\"}", &done), "refuses the token: {\"status\":\"invalid_token\"}"));
    sasl_free(s);
    text_map_unref(more);
}

Test(sasl, what_is_missing_is_named)
{
    static const struct {
        struct sasl_login login;
        const char *why;
    } cases[] = {
        { { .mechanism = "GSSAPI" }, "the SASL mechanism GSSAPI is not supported" },
        { { .mechanism = "PLAIN", .user = "u" }, "needs a user and a password" },
        { { .mechanism = "OAUTHBEARER" }, "needs a token" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sasl *s = NULL;
        struct kaftan_error *err = sasl_new(&cases[i].login, &s);
        cr_assert_not_null(err);
        cr_expect_not_null(strstr(kaftan_error_message(err), cases[i].why));
        kaftan_error_free(err);
    }
}
