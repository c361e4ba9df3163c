/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "group/wire.h"

#include <criterion/criterion.h>

#include "base/mem.h"
#include "base/text.h"
#include "vectors/group.h"

Test(wire, captured_conversations)
{
    cr_assert_eq(golden_file("group-frames.json", group_sections), 0);
}

/* Bytes of the specification: requests of the classic and flexible encodings. */
Test(wire, small_examples)
{
    static const struct { int16_t version; const char *hex; } finds[] = {
        { 2, "0000000f000a00020000000300016300016700" },
        { 3, "00000010000a0003000000020001630002670000" },
        { 4, "00000011000a000400000002000163000002026700" },
    };
    for (size_t i = 0; i < COUNT_OF(finds); i++) {
        struct buf b = BUF_INIT, text = BUF_INIT;
        size_t start = wire_begin(&b, WIRE_FIND_COORDINATOR, finds[i].version, i == 0 ? 3 : 2, "c");
        wire_put_find(&b, finds[i].version, "g");
        wire_end(&b, start);
        for (size_t k = 0; k < b.len; k++)
            buf_printf(&text, "%02x", (unsigned)(uint8_t)b.data[k]);
        cr_expect_str_eq(buf_text(&text), finds[i].hex, "%s", buf_text(&text));
        buf_fini(&b);
        buf_fini(&text);
    }
}

Test(wire, versions_are_picked)
{
    struct wire_versions v = { 0 };
    for (size_t i = 0; i < WIRE_API_LIMIT; i++)
        v.known[i] = (struct wire_range){ 0, 9 };
    v.known[WIRE_FIND_COORDINATOR].max = 6;
    cr_expect_eq(wire_pick(&v, WIRE_JOIN_GROUP), 9);
    cr_expect_eq(wire_pick(&v, WIRE_SYNC_GROUP), 5);
    cr_expect_eq(wire_pick(&v, WIRE_FIND_COORDINATOR), 4);
    cr_expect_eq(wire_pick(&v, WIRE_LEAVE_GROUP), 5);
    v.known[WIRE_JOIN_GROUP].max = 3;
    cr_expect_eq(wire_pick(&v, WIRE_JOIN_GROUP), -1);
}

Test(wire, answers_that_lie_are_refused)
{
    struct wire_joined j;
    struct wire_coordinator c;
    static const uint8_t many[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff };
    struct reader in = reader_of(many, sizeof many);
    cr_expect_not(wire_get_joined(&in, 5, &j));
    static const uint8_t varint[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    in = reader_of(varint, sizeof varint);
    cr_expect_not(wire_get_find(&in, 4, &c));
}

/* In a compact string any length could be told; what could not be sent back is refused before it is kept. */
Test(wire, texts_that_are_too_long_are_refused)
{
    enum { LONG = INT16_MAX + 1 };
    for (size_t len = LONG - 1; len <= LONG; len++) {
        struct buf b = BUF_INIT;
        struct wire_joined j;
        buf_put_u32(&b, 0);
        buf_put_u16(&b, WIRE_MEMBER_ID_REQUIRED);
        buf_put_u32(&b, UINT32_MAX);
        buf_put_u8(&b, 0); /* protocol type, protocol, leader */
        buf_put_u8(&b, 0);
        buf_put_u8(&b, 1);
        buf_put_u8(&b, 0); /* skip assignment */
        size_t varint = len + 1;
        for (; varint > 0x7F; varint >>= 7)
            buf_put_u8(&b, (uint8_t)(varint | 0x80));
        buf_put_u8(&b, (uint8_t)varint);
        for (size_t i = 0; i < len; i++)
            buf_putc(&b, 'm');
        buf_put_u8(&b, 1);
        buf_put_u8(&b, 0);
        struct reader in = reader_of(b.data, b.len);
        cr_expect_eq(wire_get_joined(&in, 9, &j), len < LONG);
        if (len < LONG)
            wire_joined_fini(&j);
        buf_fini(&b);
    }
}
