/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TEST_GROUP_VECTORS_H
#define TEST_GROUP_VECTORS_H
/* vectors: golden vectors from tests/data, and their work lists and hex. */
#include "base/json.h"
#include "group/work.h"

/* The parsed file; lives as long as the process. */
const struct json *vectors_load(const char *name);
const char *vector_text(const struct json *object, const char *name); /* "" when absent; copied, lives on */
int64_t vector_int(const struct json *object, const char *name);
bool vector_bool(const struct json *object, const char *name);
void vector_bytes(const struct json *object, const char *name, struct buf *ret); /* from hex */
/* [["A",[-1,0]],...] in its order */
void vector_work(const struct json *list, struct work_list *ret);
/* The list as on the wire, from group_put_assignment's order: "A[-1,0] B[1]" */
void work_text(const struct work_list *l, struct buf *ret);
void expect_bytes(const struct buf *got, const struct buf *wanted, const char *label);

#endif
