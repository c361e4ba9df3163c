/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_VECTORS_GROUP_H
#define TESTS_VECTORS_GROUP_H
/* group: the sections of group-vectors.json (group-protocol.md): payloads, assignors, frames. */
#include "group/work.h"
#include "vectors/golden.h"

extern const struct golden_section group_sections[];

/* [["A",[-1,0]],...] in its order */
void golden_work(struct golden *g, const struct json *list, struct work_list *ret);
/* "A/-1 A/0 B/1" */
void work_text(const struct work_list *l, struct buf *ret);
void golden_same_work(struct golden *g, const char *what, const struct work_list *got, const struct json *wanted);

void group_run_codecs(struct golden *g, const struct json *list);
void group_run_tolerance(struct golden *g, const struct json *list);
void group_run_meta(struct golden *g, const struct json *meta); /* the table of delays */
void group_run_sequences(struct golden *g, const struct json *list);
void group_run_captures(struct golden *g, const struct json *list);
void group_run_lookup(struct golden *g, const struct json *list);

#endif
