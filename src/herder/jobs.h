/* SPDX-License-Identifier: Apache-2.0 */
#ifndef HERDER_JOBS_H
#define HERDER_JOBS_H
/*
 * jobs: a few threads for what may block for one request: validation that
 * asks a broker, a plugin's own checks (D18).
 *
 * Owner    the herder
 * Thread   submit: any. run(): a jobs thread. The finished job goes as a
 *          message to its asker; one that can no longer be run is dropped
 * Lock     the queue, rank 70; held for pointer work only
 * Memory   at most JOBS_LIMIT jobs wait
 */
#include <stdbool.h>

#include "base/mailbox.h"

enum { JOBS_LIMIT = 256 };

struct job {
    struct message base;       /* handle and drop are set by the asker */
    void (*run)(struct job *j);
    struct mailbox *to;        /* borrowed; gets base after run */
};

struct jobs;

struct jobs *jobs_new(unsigned threads);
/* False: full or stopped; the job stays with the caller. */
bool jobs_submit(struct jobs *jobs, struct job *j) __attribute__((warn_unused_result));
void jobs_free(struct jobs *jobs); /* waits for those at work, drops those waiting; NULL is fine */

#endif
