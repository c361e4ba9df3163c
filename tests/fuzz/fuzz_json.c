/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is read and written is read again, and written the same. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const char *text, size_t len, unsigned flags)
{
    struct kaftan_arena *a = arena_new(0);
    const struct json *first = NULL, *second = NULL;
    struct kaftan_error *err = json_parse(a, text, len, flags, &first);
    if (!err) {
        struct buf out = BUF_INIT, again = BUF_INIT;
        json_put(&out, first);
        err = json_parse(a, out.data, out.len, flags & JSON_LEADING_ZEROS, &second);
        ASSERT(!err);
        json_put(&again, second);
        ASSERT(out.len == again.len && memcmp(out.data, again.data, out.len) == 0);
        buf_fini(&out);
        buf_fini(&again);
    }
    kaftan_error_free(err);
    arena_free(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    look((const char *)data, size, 0);
    look((const char *)data, size, JSON_TRAILING | JSON_LEADING_ZEROS | JSON_NAN);
    return 0;
}
