/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/codec.h"

#include <criterion/criterion.h>

#include "vectors/group.h"

Test(codec, golden_vectors)
{
    cr_assert_eq(golden_file("group-codec.json", group_sections), 0);
}

Test(codec, a_name_that_would_fill_memory_is_refused)
{
    struct buf b = BUF_INIT;
    struct group_assignment a = { 0 };
    buf_put_u16(&b, 2);
    buf_put_u16(&b, 0);
    buf_put_u16(&b, 0); /* leader */
    buf_put_u16(&b, 0); /* url */
    buf_put_u64(&b, 1);
    buf_put_u32(&b, 1);
    buf_put_u16(&b, 32767);
    for (int i = 0; i < 32767; i++)
        buf_putc(&b, 'x');
    buf_put_u32(&b, 10000);
    for (uint32_t i = 0; i < 10000; i++)
        buf_put_u32(&b, i);
    struct kaftan_error *err = group_read_assignment(buf_slice(&b), &a);
    cr_assert_not_null(err);
    cr_expect_eq(kaftan_error_code(err), KAFTAN_E_DATA);
    kaftan_error_free(err);
    buf_fini(&b);
}
