/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/offset_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

/*
 * The stream: a header, one object of class java.util.HashMap (two fields,
 * then its block data: capacity and size), then size pairs of byte arrays,
 * then an end mark. The first array describes its class, later ones refer to
 * that by its number; numbers are given to classes and objects in the order
 * they appear. Java writes an array it has written before as a reference to
 * its number, so arrays are remembered by number too.
 */
static const unsigned char head[] = {
    0xac, 0xed, 0x00, 0x05, 0x73, 0x72, 0x00, 0x11, 'j', 'a', 'v', 'a', '.', 'u', 't', 'i', 'l', '.', 'H', 'a', 's', 'h',
    'M', 'a', 'p', 0x05, 0x07, 0xda, 0xc1, 0xc3, 0x16, 0x60, 0xd1, 0x03, 0x00, 0x02, 'F', 0x00, 0x0a, 'l', 'o', 'a', 'd',
    'F', 'a', 'c', 't', 'o', 'r', 'I', 0x00, 0x09, 't', 'h', 'r', 'e', 's', 'h', 'o', 'l', 'd', 0x78, 0x70,
};
static const unsigned char array_class[] = { 0x72, 0x00, 0x02, '[', 'B', 0xac, 0xf3, 0x17, 0xf8,
                                             0x06, 0x08, 0x54, 0xe0, 0x02, 0x00, 0x00, 0x78, 0x70 };
enum {
    NULL_MARK = 0x70,
    REFERENCE = 0x71,
    ARRAY = 0x75,
    BLOCK = 0x77,
    END = 0x78,
    CLASS_NUMBER = 0x7e0002,
    FIRST_ARRAY_NUMBER = 0x7e0003,
};

/* ---- reading ---- */

struct arrays {
    struct kaftan_slice *items; /* owned; by number */
    size_t count, cap;
};

static struct kaftan_error *broken(const char *what)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "not a serialised HashMap of byte arrays: %s", what);
}

static bool read_exact(struct reader *r, const unsigned char *bytes, size_t len)
{
    struct kaftan_slice got = reader_bytes(r, len);
    return !r->bad && memcmp(got.ptr, bytes, len) == 0;
}

static struct kaftan_error *read_array(struct reader *r, struct arrays *a, struct kaftan_slice *ret)
{
    uint8_t mark = reader_u8(r);
    if (mark == NULL_MARK) {
        *ret = (struct kaftan_slice){ NULL, 0 };
        return NULL;
    }
    if (mark == REFERENCE) {
        uint32_t number = reader_u32(r) - FIRST_ARRAY_NUMBER;
        if (r->bad || number >= a->count)
            return broken("a reference to nothing");
        *ret = a->items[number];
        return NULL;
    }
    if (mark != ARRAY)
        return broken("an entry is no byte array");
    if (a->count == 0) {
        if (!read_exact(r, array_class, sizeof array_class))
            return broken("an entry is no byte array");
    } else if (reader_u8(r) != REFERENCE || reader_u32(r) != CLASS_NUMBER) {
        return broken("an entry is no byte array");
    }
    uint32_t len = reader_u32(r);
    if (r->bad || len > reader_left(r))
        return broken("it ends too early");
    *ret = reader_bytes(r, len);
    if (!ret->ptr)
        ret->ptr = "";
    if (a->count == a->cap) {
        a->cap = a->cap ? a->cap * 2 : 64;
        a->items = mem_realloc(a->items, a->cap, sizeof *a->items);
    }
    a->items[a->count++] = *ret;
    return NULL;
}

static struct kaftan_error *read_pairs(struct reader *r, size_t size, struct arrays *a, struct kaftan_slice *pairs)
{
    struct kaftan_error *err = NULL;
    for (size_t i = 0; i < size * 2 && !err; i++)
        err = read_array(r, a, &pairs[i]);
    if (!err && (reader_u8(r) != END || r->bad))
        err = broken("no end mark");
    return err;
}

struct kaftan_error *offset_file_parse(const void *data, size_t len, offset_file_fn *see, void *self)
{
    struct reader r = reader_of(data, len);
    if (!read_exact(&r, head, sizeof head))
        return broken("it starts otherwise");
    reader_u32(&r); /* load factor */
    reader_u32(&r); /* threshold */
    if (reader_u8(&r) != BLOCK || reader_u8(&r) != 8)
        return broken("no size");
    reader_u32(&r); /* capacity */
    uint32_t size = reader_u32(&r);
    if (r.bad || size > reader_left(&r) / 2) /* a pair is two bytes at least */
        return broken("it ends too early");
    struct arrays a = { 0 };
    struct kaftan_slice *pairs = mem_zalloc((size_t)size * 2 + 1, sizeof *pairs);
    struct kaftan_error *err = read_pairs(&r, size, &a, pairs);
    for (size_t i = 0; i < size && !err; i++)
        if (pairs[2 * i].ptr)
            see(self, pairs[2 * i], pairs[2 * i + 1]);
    mem_free(pairs);
    mem_free(a.items);
    return err;
}

static struct kaftan_error *read_file(int fd, struct buf *ret)
{
    for (;;) {
        buf_reserve(ret, 65536);
        ssize_t n = read(fd, ret->data + ret->len, ret->cap - ret->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return kaftan_error_new(KAFTAN_E_INVALID, "%s", strerror(errno));
        if (n == 0)
            return NULL;
        ret->len += (size_t)n;
        if (ret->len > OFFSET_FILE_LIMIT)
            return kaftan_error_new(KAFTAN_E_INVALID, "larger than %d bytes", OFFSET_FILE_LIMIT);
    }
}

struct kaftan_error *offset_file_load(const char *path, offset_file_fn *see, void *self)
{
    struct buf data = BUF_INIT;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return NULL;
    if (fd < 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "offsets file '%s' cannot be read: %s", path, strerror(errno));
    struct kaftan_error *err = read_file(fd, &data);
    close(fd);
    if (!err && data.len)
        err = offset_file_parse(data.data, data.len, see, self);
    buf_fini(&data);
    return err ? kaftan_error_wrap(err, "offsets file '%s' cannot be read: %s", path, kaftan_error_message(err)) : NULL;
}

/* ---- writing ---- */

void offset_file_begin(struct offset_file_writer *w, size_t count)
{
    uint32_t capacity = 16;
    *w = (struct offset_file_writer){ .buf = BUF_INIT };
    while ((uint64_t)count * 4 > (uint64_t)capacity * 3)
        capacity *= 2;
    buf_put(&w->buf, head, sizeof head);
    buf_put_u32(&w->buf, 0x3f400000); /* 0.75f */
    buf_put_u32(&w->buf, count ? capacity / 4 * 3 : 0);
    buf_put_u8(&w->buf, BLOCK);
    buf_put_u8(&w->buf, 8);
    buf_put_u32(&w->buf, capacity);
    buf_put_u32(&w->buf, (uint32_t)count);
}

static void put_array(struct offset_file_writer *w, struct kaftan_slice s)
{
    if (!s.ptr) {
        buf_put_u8(&w->buf, NULL_MARK);
        return;
    }
    buf_put_u8(&w->buf, ARRAY);
    if (w->array_class_written) {
        buf_put_u8(&w->buf, REFERENCE);
        buf_put_u32(&w->buf, CLASS_NUMBER);
    } else {
        buf_put(&w->buf, array_class, sizeof array_class);
    }
    w->array_class_written = true;
    buf_put_u32(&w->buf, (uint32_t)s.len);
    buf_put_slice(&w->buf, s);
}

void offset_file_add(struct offset_file_writer *w, struct kaftan_slice key, struct kaftan_slice value)
{
    put_array(w, key);
    put_array(w, value);
}

void offset_file_end(struct offset_file_writer *w, struct buf *ret)
{
    buf_put_u8(&w->buf, END);
    *ret = w->buf;
    w->buf = (struct buf)BUF_INIT;
}

static bool write_all(int fd, const struct buf *b)
{
    for (size_t done = 0; done < b->len;) {
        ssize_t n = write(fd, b->data + done, b->len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += (size_t)n;
    }
    return fsync(fd) == 0;
}

/* The user's permissions outlive the new file. */
static mode_t mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? st.st_mode & 07777 : 0644;
}

struct kaftan_error *offset_file_save(struct offset_file_writer *w, const char *path)
{
    struct buf data = BUF_INIT;
    offset_file_end(w, &data);
    char real[PATH_MAX];
    const char *target = realpath(path, real) ? real : path; /* a link stays one */
    char *temporary = mem_printf("%s.new", target);
    struct kaftan_error *err = NULL;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode_of(target));
    bool ok = fd >= 0 && write_all(fd, &data);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (ok && rename(temporary, target) != 0) {
        ok = false;
        why = errno;
    }
    if (!ok) {
        err = kaftan_error_new(KAFTAN_E_INTERNAL, "offsets file '%s' cannot be written: %s", path, strerror(why));
        if (fd >= 0)
            unlink(temporary);
    }
    mem_free(temporary);
    buf_fini(&data);
    return err;
}
