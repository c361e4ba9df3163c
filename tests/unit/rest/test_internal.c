/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "rest/rest_int.h"
#include "unit/rest/fake_herder.h"
#include "unit/rest/stage.h"

/* What the herder was last given; it answers on the same thread, before the client hears. */
static struct {
    enum herder_op op;
    int calls, forward;
    char connector[64], algorithm[64], mac[64], tasks[4096];
    size_t mac_len, body_len;
    bool has_mac;
    char *body;
    struct kaftan_error *err; /* given to the next request */
    int relayed;
    const char *relay;
} seen;

static bool see(struct herder_request *r)
{
    struct buf tasks = BUF_INIT;
    seen.calls++;
    seen.op = r->op;
    seen.forward = r->forward;
    (void)snprintf(seen.connector, sizeof seen.connector, "%s", r->connector ? r->connector : "");
    (void)snprintf(seen.algorithm, sizeof seen.algorithm, "%s", r->proof.algorithm ? r->proof.algorithm : "");
    seen.has_mac = r->proof.has_mac;
    seen.mac_len = r->proof.mac_len;
    if (r->proof.mac_len > 0 && r->proof.mac_len < sizeof seen.mac)
        memcpy(seen.mac, r->proof.mac, r->proof.mac_len);
    mem_free(seen.body);
    seen.body = r->proof.body ? mem_memdup(r->proof.body, r->proof.body_len) : NULL;
    seen.body_len = r->proof.body_len;
    peer_put_maps(&tasks, r->tasks, r->task_count);
    (void)snprintf(seen.tasks, sizeof seen.tasks, "%s", buf_text(&tasks));
    buf_fini(&tasks);
    r->err = seen.err;
    seen.err = NULL;
    r->relayed = seen.relayed;
    if (seen.relay) {
        r->relay = mem_strdup(seen.relay);
        r->relay_len = strlen(seen.relay);
    }
    return r->err || r->relayed || r->op == HERDER_PUT_TASKS || r->op == HERDER_FENCE;
}

static void up(void)
{
    fake_hook = see;
    stage_up(NULL);
}

static void down(void)
{
    stage_down();
    mem_free(seen.body);
    seen.body = NULL;
}

TestSuite(internal, .init = up, .fini = down, .timeout = 60);

#define ALGORITHM "X-Connect-Request-Signature-Algorithm: HmacSHA256\r\n"
#define SIGNED "X-Connect-Authorization: AAEC/w==\r\n" ALGORITHM

static void expect(const char *method, const char *target, const char *headers, const char *body, int status, const char *said)
{
    const char *head, *text;
    int got = stage_ask(method, target, headers, body, body ? strlen(body) : 0, &head, &text);
    cr_expect_eq(got, status, "%s %s: %d %s", method, target, got, text);
    cr_expect_str_eq(text, said);
}

Test(internal, what_was_signed_goes_to_the_herder_as_it_came)
{
    static const char body[] = " [ {\"b\":\"1\",\"a\":2.50},{} ] ";
    expect("POST", "/connectors/a%20b/tasks", SIGNED, body, 204, "");
    cr_expect_eq(seen.op, HERDER_PUT_TASKS);
    cr_expect_str_eq(seen.connector, "a b");
    cr_expect_eq(seen.forward, -1);
    cr_expect_str_eq(seen.algorithm, "HmacSHA256");
    cr_expect(seen.has_mac && seen.mac_len == 4 && memcmp(seen.mac, "\0\1\2\xff", 4) == 0);
    cr_expect(seen.body_len == sizeof body - 1 && memcmp(seen.body, body, seen.body_len) == 0, "the very bytes");
    cr_expect_str_eq(seen.tasks, "[{\"b\":\"1\",\"a\":\"2.50\"},{}]");
    expect("PUT", "/connectors/c/fence?forward=false", SIGNED "Content-Length: 0\r\n", NULL, 204, "");
    cr_expect_eq(seen.op, HERDER_FENCE);
    cr_expect_eq(seen.forward, 0);
    cr_expect_eq(seen.body_len, 0);
    cr_expect(seen.has_mac);
}

Test(internal, half_a_signature_is_none)
{
    static const char *const headers[] = { "", ALGORITHM, "X-Connect-Authorization: AAEC/w==\r\n" };
    for (size_t i = 0; i < COUNT_OF(headers); i++) {
        expect("POST", "/connectors/c/tasks", headers[i], "[]", 204, ""); /* the herder judges */
        cr_expect(!seen.has_mac && !*seen.algorithm);
    }
}

Test(internal, headers_that_cannot_be_read_stay_outside)
{
    static const struct {
        const char *headers, *body, *said;
        int status;
    } cases[] = {
        { "X-Connect-Authorization: AAEC/w==\r\nX-Connect-Request-Signature-Algorithm: HmacNone\r\n", "[]",
          "{\"error_code\":400,\"message\":\"Algorithm HmacNone not available\"}", 400 },
        { "X-Connect-Authorization: AA!C\r\n" ALGORITHM, "[]",
          "{\"error_code\":400,\"message\":\"Illegal base64 character 21\"}", 400 },
        { SIGNED, "", "{\"error_code\":500,\"message\":\"No content to map due to end-of-input\"}", 500 },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        expect("POST", "/connectors/c/tasks", cases[i].headers, cases[i].body, cases[i].status, cases[i].said);
    static const char *const bodies[] = { "{}", "[1]", "[[]]", "[{\"a\":{}}]", "[{}", "\xff" };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) { /* JSON comes before the headers */
        const char *head, *text;
        cr_expect_eq(stage_ask("POST", "/connectors/c/tasks", "X-Connect-Authorization: !\r\n" ALGORITHM, bodies[i],
                               strlen(bodies[i]), &head, &text),
                     500, "%s: %s", bodies[i], text);
    }
    cr_expect_eq(seen.calls, 0);
}

Test(internal, signatures_are_read_as_java_reads_base64)
{
    static const struct {
        const char *text, *bytes, *why;
    } cases[] = {
        { "", "", NULL },
        { "YWJj", "abc", NULL },
        { "YWI=", "ab", NULL },
        { "YWI", "ab", NULL },
        { "YQ==", "a", NULL },
        { "YQ", "a", NULL },
        { "Y", NULL, "Input byte[] should at least have 2 bytes for base64 bytes" },
        { "YWJjY", NULL, "Last unit does not have enough valid bits" },
        { "YQ=", NULL, "Input byte array has wrong 4-byte ending unit" },
        { "YQ=x", NULL, "Input byte array has wrong 4-byte ending unit" },
        { "Y===", NULL, "Input byte array has wrong 4-byte ending unit" },
        { "=YQ=", NULL, "Input byte array has wrong 4-byte ending unit" },
        { "YQ==YQ==", NULL, "Input byte array has incorrect ending byte at 4" },
        { "YWI=Y", NULL, "Input byte array has incorrect ending byte at 4" },
        { "YW J", NULL, "Illegal base64 character 20" },
        { "YW-_", NULL, "Illegal base64 character 2d" },
        { "\xc3\xa9", NULL, "Illegal base64 character c3" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf b = BUF_INIT;
        struct kaftan_error *err = internal_decode(cases[i].text, strlen(cases[i].text), &b);
        if (cases[i].why) {
            cr_assert_not_null(err, "\"%s\" was taken", cases[i].text);
            cr_expect_str_eq(kaftan_error_message(err), cases[i].why);
        } else {
            cr_assert_null(err, "\"%s\": %s", cases[i].text, err ? kaftan_error_message(err) : "");
            cr_expect_str_eq(buf_text(&b), cases[i].bytes);
        }
        kaftan_error_free(err);
        buf_fini(&b);
    }
}

Test(internal, any_content_type_will_do)
{
    expect("POST", "/connectors/c/tasks", "Content-Type: text/plain\r\n", "[]", 204, "");
    expect("POST", "/connectors/c/tasks", "", "[]", 204, "");
    expect("PUT", "/connectors/c/fence", "Content-Type: text/plain\r\n", "", 204, "");
    expect("PUT", "/connectors/c/fence", "Accept: text/html\r\n", "", 406,
           "{\"error_code\":406,\"message\":\"HTTP 406 Not Acceptable\"}");
}

Test(internal, many_tasks_fit)
{
    struct buf b = BUF_INIT;
    const char *head, *text;
    buf_putc(&b, '[');
    for (int i = 0; b.len <= BODY_LIMIT; i++)
        buf_printf(&b, "%s{\"task\":\"%d\",\"topics\":\"a,b,c,d,e,f,g,h,i,j\"}", i ? "," : "", i);
    buf_putc(&b, ']');
    cr_expect_eq(stage_ask("POST", "/connectors/c/tasks?forward=true", "", b.data, b.len, &head, &text), 204, "%s", text);
    cr_expect_eq(seen.body_len, b.len);
    cr_expect_eq(stage_ask("PUT", "/connectors/c/config", "Content-Type: application/json\r\n", b.data, b.len, &head, &text),
                 413, "%s", text);
    buf_fini(&b);
}

Test(internal, refusals_of_the_herder)
{
    static const struct {
        enum kaftan_code code;
        int status;
    } cases[] = { { KAFTAN_E_FORBIDDEN, 403 }, { KAFTAN_E_UNAVAILABLE, 503 }, { KAFTAN_E_INVALID, 400 }, { KAFTAN_E_NOT_FOUND, 404 } };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *said = mem_printf("{\"error_code\":%d,\"message\":\"because\"}", cases[i].status);
        seen.err = kaftan_error_new(cases[i].code, "because");
        expect("PUT", "/connectors/c/fence", SIGNED, "", cases[i].status, said);
        mem_free(said);
    }
}

/* ---- what another worker has answered in our place (rest-api.md 2.2) ---- */

Test(internal, anothers_answer_is_ours)
{
    const char *head, *text;
    seen.relayed = 201;
    seen.relay = "{\"name\":\"a b\"}";
    cr_expect_eq(stage_ask("PUT", "/connectors/a%20b/config", "Content-Type: application/json\r\n", "{}", 2, &head, &text), 201);
    cr_expect_str_eq(text, seen.relay);
    cr_expect_not_null(strstr(head, "\r\nLocation: http://here:1/connectors/a%20b\r\n"), "%s", head);
    cr_expect_not_null(strstr(head, "\r\nContent-Type: application/json\r\n"), "%s", head);
    seen.relayed = 200;
    cr_expect_eq(stage_ask("PUT", "/connectors/a%20b/config", "Content-Type: application/json\r\n", "{}", 2, &head, &text), 200);
    cr_expect_null(strstr(head, "Location"), "%s", head);
    seen.relayed = 409;
    seen.relay = "{\"error_code\":409,\"message\":null}";
    cr_expect_eq(stage_ask("DELETE", "/connectors/c", "", NULL, 0, &head, &text), 409);
    cr_expect_str_eq(text, seen.relay);
    seen.relayed = 204;
    seen.relay = NULL;
    cr_expect_eq(stage_ask("DELETE", "/connectors/c", "", NULL, 0, &head, &text), 204);
    cr_expect_null(strstr(head, "Content-Type"), "%s", head);
    cr_expect_str_empty(text);
}

Test(internal, a_query_says_whether_to_forward)
{
    static const struct {
        const char *target;
        int forward;
    } cases[] = { { "/connectors/c/stop", -1 },
                  { "/connectors/c/stop?forward=true", 1 },
                  { "/connectors/c/stop?forward=TRUE", 1 },
                  { "/connectors/c/stop?forward=false", 0 },
                  { "/connectors/c/stop?forward=", 0 } };
    seen.relayed = 204;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        expect("PUT", cases[i].target, "Content-Length: 0\r\n", NULL, 204, "");
        cr_expect_eq(seen.forward, cases[i].forward, "%s", cases[i].target);
    }
}
