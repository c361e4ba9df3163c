/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdint.h>

#include "rest/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kaftan_arena *a = arena_new(1024);
    struct uri u = { 0 };
    struct buf b = BUF_INIT;
    const char *target = arena_strndup(a, (const char *)data, size);
    if (!uri_parse(a, target, &u))
        for (size_t i = 0; i < u.count; i++)
            uri_put_segment(&b, u.segments[i]);
    (void)uri_flag(&u, "forward");
    buf_fini(&b);
    arena_free(a);
    return 0;
}
