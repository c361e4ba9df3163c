/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STAGE_H
#define STAGE_H
/*
 * stage: a source task between a fake worker and a fake broker, moved step by
 * step in one thread until a state is reached, with a generous deadline.
 *
 * Owner    the test
 * Thread   the test's
 */
#include "fake_broker.h"
#include "fake_worker.h"

struct stage {
    struct fake_broker broker;
    struct kaftan_task *task;
    struct kaftan_error *failure; /* the first error of poll or service; owned */
    bool deliver;  /* records are stored as soon as they come */
    bool service;  /* service instead of poll */
    int class;
};

/* `config` is added to server, topics (a/#) and short waits. `stored`: JSON of a stored offset, or NULL. */
void stage_open(struct stage *s, const char *config, const char *stored);
void stage_close(struct stage *s);
void stage_step(struct stage *s);
/* Steps until the condition holds; fails the test after 20 s. */
#define stage_until(s, condition)                                                                                     \
    do {                                                                                                              \
        kaftan_deadline stage_by_ = kaftan_now_us() + 20000000;                                                       \
        while (!(condition) && kaftan_now_us() < stage_by_)                                                           \
            stage_step(s);                                                                                            \
        cr_assert(condition, "not reached: %s (%s; failure: %s)", #condition, (s)->broker.wrong,                      \
                  (s)->failure ? kaftan_error_message((s)->failure) : "none");                                        \
    } while (0)
void stage_for(struct stage *s, int ms); /* keeps stepping for a while: for what must not happen */
void stage_subscribed(struct stage *s);

/* Lines that were logged at WARN or above since stage_open. */
bool stage_warned(const char *part);
bool stage_logged(const char *part); /* at any level */

#endif
