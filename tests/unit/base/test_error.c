/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/error.h"

#include <criterion/criterion.h>

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

Test(error, chain_keeps_code_and_causes)
{
    struct kaftan_error *err = kaftan_error_new(KAFTAN_E_TIMEOUT, "no answer within %d ms", 5);
    err = kaftan_error_wrap(err, "topic \"%s\"", "t");
    err = kaftan_error_wrap(err, "connector failed");
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_TIMEOUT);
    cr_expect_eq(kaftan_error_http_status(err), 500);
    cr_expect(kaftan_error_retriable(err));
    struct buf trace = BUF_INIT;
    error_trace(err, &trace);
    cr_expect_str_eq(buf_text(&trace), "connector failed\nCaused by: topic \"t\"\nCaused by: no answer within 5 ms");
    struct kaftan_error *copy = error_copy(err);
    kaftan_error_free(err);
    buf_clear(&trace);
    error_trace(copy, &trace);
    cr_expect(text_ends(buf_text(&trace), "Caused by: no answer within 5 ms"));
    cr_expect_str_eq(kaftan_error_message(error_cause(copy)), "topic \"t\"");
    kaftan_error_free(copy);
    buf_fini(&trace);
    kaftan_error_free(NULL);
}

Test(error, table)
{
    static const struct {
        enum kaftan_code code;
        const char *name;
        int status;
        bool retriable;
    } cases[] = {
        { KAFTAN_E_INVALID, "INVALID", 400, false },
        { KAFTAN_E_REBALANCING, "REBALANCING", 409, true },
        { KAFTAN_E_INTERNAL, "INTERNAL", 500, false },
        { KAFTAN_E_UNAVAILABLE, "UNAVAILABLE", 503, true },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct kaftan_error *err = kaftan_error_new(cases[i].code, "x");
        cr_expect_str_eq(error_code_name(cases[i].code), cases[i].name);
        cr_expect_eq(kaftan_error_http_status(err), cases[i].status);
        cr_expect_eq(kaftan_error_retriable(err), cases[i].retriable);
        kaftan_error_free(err);
    }
}

Test(error, trace_is_bounded_and_stays_utf8)
{
    struct buf long_text = BUF_INIT, trace = BUF_INIT;
    while (long_text.len < 20000)
        buf_puts(&long_text, "\xF0\x9F\x98\x80");
    struct kaftan_error *err = kaftan_error_new(KAFTAN_E_DATA, "x%s", buf_text(&long_text));
    error_trace(err, &trace);
    cr_expect_leq(trace.len, 16384u);
    cr_expect(utf8_valid(trace.data, trace.len));
    cr_expect(text_ends(buf_text(&trace), "..."));
    kaftan_error_free(err);
    buf_fini(&long_text);
    buf_fini(&trace);
}
