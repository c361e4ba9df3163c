/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/jks.h"

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kaftan_slice bytes = { (const char *)data, size }, der;
    struct jks j;
    struct jks_entry e;
    struct buf plain = BUF_INIT;
    size_t seen = 0;
    (void)jks_intact(bytes, "secret");
    struct kaftan_error *err = jks_open(bytes, &j);
    while (!err && jks_next(&j, &e, &err)) {
        if (e.is_key)
            (void)jks_unseal(e.sealed, "keysecret", &plain);
        while (jks_cert(&e, &der))
            seen += der.len;
    }
    ASSERT(seen <= size);
    buf_fini(&plain);
    kaftan_error_free(err);
    return 0;
}
