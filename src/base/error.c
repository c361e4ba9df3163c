/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { TRACE_LIMIT = 16 * 1024 };

struct kaftan_error {
    enum kaftan_code code;
    char *message;              /* owned */
    struct kaftan_error *cause; /* owned; NULL at the end */
};

static const struct {
    const char *name;
    int http_status;
    bool retriable;
} codes[] = {
#define X(code, http, retriable) [KAFTAN_E_##code] = { #code, http, retriable },
    KAFTAN_ERRORS(X)
#undef X
};

static struct kaftan_error *make(enum kaftan_code code, struct kaftan_error *cause,
                                 const char *fmt, va_list args)
{
    struct kaftan_error *err = mem_zalloc(1, sizeof *err);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    ASSERT(len >= 0);
    err->code = code;
    err->cause = cause;
    err->message = mem_alloc((size_t)len + 1);
    (void)vsnprintf(err->message, (size_t)len + 1, fmt, args);
    return err;
}

struct kaftan_error *kaftan_error_new(enum kaftan_code code, const char *fmt, ...)
{
    ASSERT((size_t)code < COUNT_OF(codes));
    va_list args;
    va_start(args, fmt);
    struct kaftan_error *err = make(code, NULL, fmt, args);
    va_end(args);
    return err;
}

struct kaftan_error *kaftan_error_wrap(struct kaftan_error *cause, const char *fmt, ...)
{
    ASSERT(cause);
    va_list args;
    va_start(args, fmt);
    struct kaftan_error *err = make(cause->code, cause, fmt, args);
    va_end(args);
    return err;
}

enum kaftan_code kaftan_error_code(const struct kaftan_error *err)
{
    return err->code;
}

const char *kaftan_error_message(const struct kaftan_error *err)
{
    return err->message;
}

int kaftan_error_http_status(const struct kaftan_error *err)
{
    return codes[err->code].http_status;
}

bool kaftan_error_retriable(const struct kaftan_error *err)
{
    return codes[err->code].retriable;
}

void kaftan_error_free(struct kaftan_error *err)
{
    while (err) {
        struct kaftan_error *cause = err->cause;
        mem_free(err->message);
        mem_free(err);
        err = cause;
    }
}

const struct kaftan_error *error_cause(const struct kaftan_error *err)
{
    return err->cause;
}

void error_trace(const struct kaftan_error *err, struct buf *ret)
{
    size_t start = ret->len;
    for (const struct kaftan_error *e = err; e; e = e->cause) {
        if (e != err)
            buf_puts(ret, "\nCaused by: ");
        buf_puts(ret, e->message);
        if (ret->len - start > TRACE_LIMIT)
            break;
    }
    if (ret->len - start <= TRACE_LIMIT)
        return;
    ret->len = start + TRACE_LIMIT - 3;
    /* never cut a UTF-8 sequence in two */
    while (ret->len > start && ((unsigned char)ret->data[ret->len] & 0xC0) == 0x80)
        ret->len--;
    buf_puts(ret, "...");
}

struct kaftan_error *error_copy(const struct kaftan_error *err)
{
    struct kaftan_error *first = NULL, **end = &first;
    for (; err; err = err->cause) {
        struct kaftan_error *copy = mem_zalloc(1, sizeof *copy);
        copy->code = err->code;
        copy->message = mem_strdup(err->message);
        *end = copy;
        end = &copy->cause;
    }
    return first;
}

const char *error_code_name(enum kaftan_code code)
{
    ASSERT((size_t)code < COUNT_OF(codes));
    return codes[code].name;
}
