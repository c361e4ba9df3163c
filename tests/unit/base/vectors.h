/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_VECTORS_H
#define TEST_VECTORS_H
/* vectors: golden files of tests/data, read with the room's own reader. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "base/json.h"

static inline const struct json *vectors_load(struct kaftan_arena *a, const char *name)
{
    char path[1024];
    const struct json *v = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", TEST_DATA, name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s", path);
    struct buf text = BUF_INIT;
    size_t n;
    do {
        buf_reserve(&text, 65536);
        n = fread(text.data + text.len, 1, 65536, f);
        text.len += n;
    } while (n > 0);
    (void)fclose(f);
    struct kaftan_error *err = json_parse(a, text.data, text.len, 0, &v);
    cr_assert_null(err, "%s: %s", path, err ? kaftan_error_message(err) : "");
    buf_fini(&text);
    return v;
}

#endif
