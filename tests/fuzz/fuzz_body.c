/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdint.h>

#include "base/mem.h"
#include "rest/rest_int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text_map *m = NULL;
    struct create_body c = { 0 };
    kaftan_error_free(body_parse_map((const char *)data, size, &m));
    text_map_unref(m);
    kaftan_error_free(body_parse_create((const char *)data, size, &c));
    text_map_unref(c.config);
    mem_free(c.name);
    return 0;
}
