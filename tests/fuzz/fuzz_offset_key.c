/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

/* Keys of the offsets topic and the standalone file, by the first byte: 'F' is a file. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "store/offset_file.h"
#include "store/records.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void see(void *self, struct kaftan_slice key, struct kaftan_slice value)
{
    struct offset_key k;
    (void)self, (void)value;
    if (offset_key_parse(key, &k))
        offset_key_fini(&k);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct offset_key k;
    if (size && data[0] == 'F') {
        kaftan_error_free(offset_file_parse(data + 1, size - 1, see, NULL));
        return 0;
    }
    if (!offset_key_parse((struct kaftan_slice){ (const char *)data, size }, &k))
        return 0;
    struct buf made = BUF_INIT;
    char *logical = NULL;
    struct kaftan_error *err = offset_key_make(k.connector, k.partition, strlen(k.partition), &made, &logical);
    if (!err) /* an order of its own does not make it another partition */
        ASSERT(strcmp(logical, k.logical) == 0);
    kaftan_error_free(err);
    mem_free(logical);
    buf_fini(&made);
    offset_key_fini(&k);
    return 0;
}
