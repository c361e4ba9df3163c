/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BUF_H
#define BASE_BUF_H
/*
 * buf: bytes that grow, and readers over bytes that cannot run past the end.
 *
 * Owner    the caller's storage (init/fini)
 * Thread   one at a time
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/abi.h>

struct buf {
    char *data; /* owned; NULL while empty */
    size_t len;
    size_t cap;
};

#define BUF_INIT { NULL, 0, 0 }

void buf_fini(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */
void buf_reserve(struct buf *b, size_t more);
void buf_put(struct buf *b, const void *data, size_t len);
void buf_puts(struct buf *b, const char *s);
void buf_put_slice(struct buf *b, struct kaftan_slice s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) KAFTAN_PRINTF(2, 3);
/* Big endian, as Kafka and MQTT have it. */
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);
/* NUL terminated (the NUL is not counted in len); the buffer keeps it. */
const char *buf_text(struct buf *b);
/* The caller owns the NUL terminated result; the buffer is empty again. */
char *buf_take(struct buf *b);
struct kaftan_slice buf_slice(const struct buf *b);

/* A reader: every read past the end sets `bad` and gives zeros. */
struct reader {
    const uint8_t *p;
    const uint8_t *end;
    bool bad;
};

struct reader reader_of(const void *data, size_t len);
size_t reader_left(const struct reader *r);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
uint64_t reader_u64(struct reader *r);
struct kaftan_slice reader_bytes(struct reader *r, size_t len); /* borrowed */

#endif
