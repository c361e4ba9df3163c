/* SPDX-License-Identifier: Apache-2.0 */
/* What is said to another worker in a user's name, and what its answer means (rest-api.md 2). */
#include "config.h"

#include "rest/peer.h"

#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static void put_map(struct buf *b, const struct text_map *m)
{
    const char *key, *value;
    bool first = true;
    buf_putc(b, '{');
    for (size_t i = 0; m && text_map_at(m, &i, &key, &value); first = false) {
        if (!first)
            buf_putc(b, ',');
        json_put_str(b, key);
        buf_putc(b, ':');
        json_put_str(b, value);
    }
    buf_putc(b, '}');
}

void peer_put_maps(struct buf *b, struct text_map *const *maps, int32_t count)
{
    buf_putc(b, '[');
    for (int32_t i = 0; i < count; i++) {
        if (i)
            buf_putc(b, ',');
        put_map(b, maps[i]);
    }
    buf_putc(b, ']');
}

static void put_create(struct buf *b, const struct herder_request *r)
{
    static const char *const states[] = { [TARGET_STARTED] = "RUNNING", [TARGET_PAUSED] = "PAUSED", [TARGET_STOPPED] = "STOPPED" };
    buf_puts(b, "{\"name\":");
    json_put_str(b, r->connector);
    buf_puts(b, ",\"config\":");
    put_map(b, r->config);
    buf_puts(b, ",\"initial_state\":");
    json_put_str(b, r->has_initial ? states[r->initial] : NULL);
    buf_putc(b, '}');
}

/* Every byte that is not unreserved (RFC 3986 2.3): a name passes through another worker as it is. */
static void put_name(struct buf *b, const char *name)
{
    for (const unsigned char *p = (const unsigned char *)name; *p; p++)
        if (isalnum(*p) || strchr("-._~", *p))
            buf_putc(b, (char)*p);
        else
            buf_printf(b, "%%%02X", *p);
}

void peer_put_target(struct buf *b, const char *connector, const char *tail)
{
    buf_puts(b, "connectors");
    if (connector) {
        buf_putc(b, '/');
        put_name(b, connector);
    }
    buf_puts(b, tail);
}

void peer_write(const struct herder_request *r, const char **ret_method, struct buf *target, struct buf *body, bool *ret_has_body)
{
    static const struct {
        enum herder_op op;
        const char *method, *tail;
    } calls[] = {
        { HERDER_CREATE, "POST", "" },          { HERDER_PUT_CONFIG, "PUT", "/config" },
        { HERDER_PATCH_CONFIG, "PATCH", "/config" }, { HERDER_DELETE, "DELETE", "" },
        { HERDER_STOP, "PUT", "/stop" },        { HERDER_RESTART, "POST", "/restart" },
        { HERDER_RESTART_TASK, "POST", "" },    { HERDER_PUT_TASKS, "POST", "/tasks" },
        { HERDER_FENCE, "PUT", "/fence" },
    };
    size_t i = 0;
    while (i < COUNT_OF(calls) && calls[i].op != r->op)
        i++;
    ASSERT(i < COUNT_OF(calls)); /* nothing else is forwarded */
    *ret_method = calls[i].method;
    peer_put_target(target, r->op == HERDER_CREATE ? NULL : r->connector, "");
    if (r->op == HERDER_RESTART_TASK)
        buf_printf(target, "/tasks/%d/restart", r->task);
    buf_printf(target, "%s?forward=%s", calls[i].tail, r->forward == -1 ? "true" : "false");
    if (r->op == HERDER_RESTART && (r->include_tasks || r->only_failed))
        buf_printf(target, "&includeTasks=%s&onlyFailed=%s", r->include_tasks ? "true" : "false", r->only_failed ? "true" : "false");
    *ret_has_body = true;
    if (r->op == HERDER_CREATE)
        put_create(body, r);
    else if (r->op == HERDER_PUT_CONFIG || r->op == HERDER_PATCH_CONFIG)
        put_map(body, r->config);
    else if (r->op == HERDER_PUT_TASKS)
        peer_put_maps(body, r->tasks, r->task_count);
    else
        *ret_has_body = false;
}

static void fail(struct herder_request *r, const char *text)
{
    kaftan_error_free(r->err);
    r->err = kaftan_error_new(KAFTAN_E_INTERNAL, "IO Error trying to forward REST request: %s", text);
}

/* Takes what is in `json`. */
static void relay(struct herder_request *r, int status, struct buf *json)
{
    r->relayed = status;
    r->relay_len = json->len;
    r->relay = json->len ? buf_take(json) : NULL;
}

static void read_success(struct herder_request *r, int status, struct kaftan_slice body)
{
    struct kaftan_arena *a = arena_new(4096);
    struct buf json = BUF_INIT;
    const struct json *v = NULL;
    struct kaftan_error *err = body.len && status != 204 ? json_parse(a, body.ptr, body.len, 0, &v) : NULL;
    if (err) {
        fail(r, kaftan_error_message(err));
    } else {
        if (v)
            json_put(&json, v);
        relay(r, status, &json);
    }
    kaftan_error_free(err);
    buf_fini(&json);
    arena_free(a);
}

static void read_failure(struct herder_request *r, int status, struct kaftan_slice body)
{
    struct kaftan_arena *a = arena_new(4096);
    struct buf text = BUF_INIT;
    const struct json *v = NULL;
    const struct json *code, *message;
    int64_t number;
    struct kaftan_error *err = json_parse(a, body.ptr ? body.ptr : "", body.len, 0, &v);
    code = err ? NULL : json_get(v, "error_code");
    message = err ? NULL : json_get(v, "message");
    /* Java says null for an exception without a text. */
    if (code && json_i64(code, &number) && message && (message->type == JSON_STRING || message->type == JSON_NULL)) {
        buf_printf(&text, "{\"error_code\":%lld,\"message\":", (long long)number);
        json_put(&text, message);
        buf_putc(&text, '}');
        relay(r, status, &text);
    } else {
        buf_printf(&text, "the other worker answered %d without a JSON error", status);
        fail(r, buf_text(&text));
    }
    kaftan_error_free(err);
    buf_fini(&text);
    arena_free(a);
}

void peer_read(struct herder_request *r, int status, struct kaftan_slice body)
{
    if (status >= 200 && status < 300) {
        read_success(r, status, body);
    } else if (status >= 400) {
        read_failure(r, status, body);
    } else {
        kaftan_error_free(r->err);
        r->err = kaftan_error_new(KAFTAN_E_INTERNAL, "Unexpected status code when handling forwarded request: %d", status);
    }
}
