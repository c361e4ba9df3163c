/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "convert/text_int.h"

#include "base/buf.h"
#include "base/text.h"
#include "data/utf16.h"

bool text_borrow(const struct kaftan_value *v, struct kaftan_slice *ret)
{
    if (v->kind == KAFTAN_KIND_NULL) {
        *ret = (struct kaftan_slice){ NULL, 0 };
        return true;
    }
    if (v->kind != KAFTAN_KIND_STRING || utf16_has_lone(v->as.s))
        return false;
    *ret = (struct kaftan_slice){ v->as.s.ptr ? v->as.s.ptr : "", v->as.s.len };
    return true;
}

static struct kaftan_slice into(struct kaftan_arena *a, struct buf *b)
{
    struct kaftan_slice s = { arena_memdup(a, b->data ? b->data : "", b->len), b->len };
    buf_fini(b);
    return s;
}

struct kaftan_slice text_keep(struct kaftan_arena *a, struct kaftan_slice s)
{
    struct buf b = BUF_INIT;
    if (!utf16_has_lone(s))
        return (struct kaftan_slice){ arena_memdup(a, s.ptr ? s.ptr : "", s.len), s.len };
    utf16_put_repaired(&b, s);
    return into(a, &b);
}

struct kaftan_slice text_repair(struct kaftan_arena *a, struct kaftan_slice bytes)
{
    struct buf b = BUF_INIT;
    if (utf8_valid(bytes.ptr, bytes.len))
        return bytes;
    utf8_append_lossy(&b, bytes.ptr, bytes.len);
    return into(a, &b);
}
