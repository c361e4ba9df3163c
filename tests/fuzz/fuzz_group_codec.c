/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/codec.h"
#include "group/wire.h"

#include <string.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read once is written, read and written again the same. */
static void assignments(struct kaftan_slice bytes)
{
    struct group_assignment a = { 0 }, b = { 0 };
    struct buf first = BUF_INIT, second = BUF_INIT;
    struct kaftan_error *err = group_read_assignment(bytes, &a);
    if (!err && a.version <= GROUP_SESSIONED) {
        group_put_assignment(&first, a.version, &a);
        err = group_read_assignment(buf_slice(&first), &b);
        ASSERT(!err);
        group_put_assignment(&second, b.version, &b);
        ASSERT(first.len == second.len);
    }
    kaftan_error_free(err);
    group_assignment_fini(&a);
    group_assignment_fini(&b);
    buf_fini(&first);
    buf_fini(&second);
}

static void responses(const uint8_t *data, size_t size, int16_t version)
{
    struct wire_joined j;
    struct wire_synced s;
    struct wire_coordinator c;
    struct wire_versions v;
    int16_t error;
    struct reader in = reader_of(data, size);
    if (wire_get_joined(&in, version, &j))
        wire_joined_fini(&j);
    in = reader_of(data, size);
    (void)wire_get_synced(&in, version, &s);
    in = reader_of(data, size);
    (void)wire_get_find(&in, version, &c);
    in = reader_of(data, size);
    (void)wire_get_versions(&in, version, &v);
    in = reader_of(data, size);
    (void)wire_get_status(&in, WIRE_LEAVE_GROUP, version, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kaftan_slice bytes = { (const char *)data, size };
    struct group_subscription s = { 0 };
    kaftan_error_free(group_read_subscription(bytes, &s));
    group_subscription_fini(&s);
    assignments(bytes);
    for (int16_t version = 0; version <= 9; version++)
        responses(data, size, version);
    return 0;
}
