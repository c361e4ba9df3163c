/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "file_lines.h"

#include <string.h>
#include <kaftan/task.h>

void file_lines_init(struct file_lines *l, uint64_t position)
{
    memset(l, 0, sizeof *l);
    l->position = position;
}

void file_lines_fini(struct file_lines *l)
{
    kaftan_free(l->data);
    memset(l, 0, sizeof *l);
}

char *file_lines_room(struct file_lines *l, size_t *ret_size)
{
    size_t held = l->end - l->start;
    if (held >= LINE_LIMIT)
        return NULL;
    if (l->start > 0) {
        memmove(l->data, l->data + l->start, held);
        l->seen -= l->start;
        l->start = 0;
        l->end = held;
    }
    if (l->cap - held < LINES_READ) {
        l->cap = held + LINES_READ > l->cap * 2 ? held + LINES_READ : l->cap * 2;
        l->data = kaftan_realloc(l->data, l->cap, 1);
    }
    *ret_size = l->cap - l->end;
    return l->data + l->end;
}

void file_lines_filled(struct file_lines *l, size_t n)
{
    l->end += n;
}

bool file_lines_next(struct file_lines *l, struct kaftan_slice *ret)
{
    size_t at = l->seen;
    while (at < l->end && l->data[at] != '\n' && l->data[at] != '\r')
        at++;
    l->seen = at;
    if (at == l->end || (l->data[at] == '\r' && at + 1 == l->end))
        return false;
    size_t next = at + (l->data[at] == '\r' && l->data[at + 1] == '\n' ? 2 : 1);
    *ret = (struct kaftan_slice){ l->data + l->start, at - l->start };
    l->position += next - l->start;
    l->start = l->seen = next;
    return true;
}

/*
 * The length of the well-formed sequence at `s`, or 0; then *ret_bad is the
 * length of the longest beginning of one, which a single U+FFFD stands for.
 */
static size_t sequence(const unsigned char *s, size_t left, size_t *ret_bad)
{
    unsigned char low = 0x80, high = 0xBF;
    size_t need;
    *ret_bad = 1;
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        need = 1;
    else if (s[0] >= 0xE0 && s[0] <= 0xEF)
        need = 2;
    else if (s[0] >= 0xF0 && s[0] <= 0xF4)
        need = 3;
    else
        return 0;
    low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : low;
    high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : high;
    for (size_t i = 1; i <= need; i++) {
        if (i >= left || s[i] < low || s[i] > high)
            return 0;
        *ret_bad = i + 1;
        low = 0x80;
        high = 0xBF;
    }
    return need + 1;
}

bool file_text_valid(struct kaftan_slice text)
{
    const unsigned char *s = (const unsigned char *)text.ptr;
    size_t bad;
    for (size_t at = 0, n; at < text.len; at += n)
        if ((n = sequence(s + at, text.len - at, &bad)) == 0)
            return false;
    return true;
}

size_t file_text_repair(struct kaftan_slice text, char *ret)
{
    const unsigned char *s = (const unsigned char *)text.ptr;
    size_t out = 0, bad;
    for (size_t at = 0; at < text.len;) {
        size_t n = sequence(s + at, text.len - at, &bad);
        if (n > 0) {
            memcpy(ret + out, s + at, n);
            out += n;
            at += n;
        } else {
            memcpy(ret + out, "\xEF\xBF\xBD", 3);
            out += 3;
            at += bad;
        }
    }
    return out;
}
