/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdint.h>

#include "base/mem.h"
#include "rest/rest_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The same bytes as the answer of another worker. */
static void read_answer(const char *data, size_t size)
{
    static const int statuses[] = { 200, 500 };
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        struct herder_request r = { 0 };
        peer_read(&r, statuses[i], (struct kaftan_slice){ data, size });
        ASSERT(!r.err != !r.relayed);
        kaftan_error_free(r.err);
        mem_free(r.relay);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text_map *m = NULL;
    struct create_body c = { 0 };
    kaftan_error_free(body_parse_map((const char *)data, size, &m));
    text_map_unref(m);
    kaftan_error_free(body_parse_create((const char *)data, size, &c));
    text_map_unref(c.config);
    mem_free(c.name);
    struct text_map **maps = NULL;
    int32_t count = 0;
    kaftan_error_free(body_parse_maps((const char *)data, size, &maps, &count));
    while (count > 0)
        text_map_unref(maps[--count]);
    mem_free(maps);
    read_answer((const char *)data, size);
    return 0;
}
