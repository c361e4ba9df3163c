/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFKA_ASKER_H
#define KAFKA_ASKER_H
/*
 * asker: questions that librdkafka can only answer by making the caller wait
 * (end offsets, whether a topic exists) are put on a thread of their own.
 *
 * Owner    a log_reader or an admin
 * Thread   the owner's; ask() runs on the asker's thread
 * Memory   the questions; they are few and the owner bounds them
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/mailbox.h"

struct asker;

struct question {
    struct message base; /* the asker's */
    /* Asker's thread. May wait; looks at asker_stopping between waits of at most two seconds. */
    void (*ask)(struct question *q, const struct asker *a);
    void (*free)(struct question *q); /* of what is never fetched */
};

/*
 * Its thread starts with the first question. `rest` (NULL: none) runs on it
 * when there was no question for rest_ms, once until the next one.
 */
struct asker *asker_new(void (*rest)(void *self), void *self, int64_t rest_ms);
void asker_free(struct asker *a); /* NULL is fine; joins */
void asker_ask(struct asker *a, struct question *q); /* gives it away until asker_answer */
struct question *asker_answer(struct asker *a);      /* NULL: none yet */
int asker_fd(const struct asker *a);                 /* readable when an answer may be there */
bool asker_stopping(const struct asker *a);

#endif
