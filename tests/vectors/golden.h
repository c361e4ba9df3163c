/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_GOLDEN_H
#define TESTS_GOLDEN_H
/*
 * golden: what Java did, told by files, and what we do. A file is an object of
 * sections, a section a list of vectors; who knows a section runs its vectors
 * one by one and says what is different. Unit tests run the files of
 * tests/data this way, `tools/check vectors FILE` any other one.
 *
 * Thread   the caller's
 * Memory   what is read lives until golden_close
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/error.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"

struct golden_count { /* may lie in shared memory: what is known when a vector kills the process */
    size_t number;    /* of the vector under way, or of the last one; the first is 1 */
    size_t passed, failed, skipped;
    bool running;
    char section[64], label[256];
};

struct golden {
    struct kaftan_arena *arena; /* owned */
    const struct json *root;
    const char *section;
    struct golden_count *count; /* borrowed */
    size_t resume_after;        /* vectors up to this number have been run */
    size_t number;              /* met so far */
    bool bad;                   /* the vector under way */
    bool partial;               /* sections that nobody here knows are others' */
};

struct golden_section {
    const char *name;
    void (*run)(struct golden *g, const struct json *section); /* NULL: skipped, because of: */
    const char *why;
};

struct kaftan_error *golden_open(const char *path, struct golden_count *count, struct golden *ret) KAFTAN_MUST_CHECK;
void golden_close(struct golden *g);
/* Runs a file's sections by the tables, the last one NULL; a section that none of them has is a failure. */
void golden_run(struct golden *g, const struct golden_section *const *tables);
/* A file of tests/data, the sections that the table knows; returns how many failed, and 1 when nothing was run. */
size_t golden_file(const char *name, const struct golden_section *table);

/* False: run before, go on to the next one. */
bool golden_begin(struct golden *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* What is wrong is printed under the vector's name; returns `ok`. */
bool golden_expect(struct golden *g, bool ok, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void golden_end(struct golden *g);
void golden_skip(struct golden *g, size_t vectors, const char *why); /* prints the reason once */

/* Members of a vector. What must be there and is not is a failure of the vector. */
const char *golden_text(struct golden *g, const struct json *object, const char *name); /* "" when absent or null */
int64_t golden_int(struct golden *g, const struct json *object, const char *name);
bool golden_flag(const struct json *object, const char *name);
const struct json *golden_member(struct golden *g, const struct json *object, const char *name); /* a null when absent */
void golden_hex(struct golden *g, const struct json *object, const char *name, struct buf *ret);

void golden_same_int(struct golden *g, const char *what, int64_t got, int64_t wanted);
void golden_same_text(struct golden *g, const char *what, const char *got, const char *wanted);
void golden_same_slice(struct golden *g, const char *what, struct kaftan_slice got, const char *wanted);
void golden_same_bytes(struct golden *g, const char *what, const struct buf *got, const struct buf *wanted);

#endif
