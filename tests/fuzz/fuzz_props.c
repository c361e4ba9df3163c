/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "config/props.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text_map *m = NULL;
    struct kaftan_error *err = props_parse((const char *)data, size, &m);
    ASSERT(!err == (m != NULL));
    kaftan_error_free(err);
    text_map_unref(m);
    return 0;
}
