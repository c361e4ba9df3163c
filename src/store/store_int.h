/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_STORE_INT_H
#define STORE_STORE_INT_H
/* store_int: what the modules that make up the store share. Everything here is the store thread's unless it says otherwise. */
#include <stdatomic.h>

#include "base/thread.h"
#include "store/config_state.h"
#include "store/offset_table.h"
#include "store/status_table.h"
#include "store/store.h"
#include "store/topic_log.h"

enum { STORE_MAGIC = 0x53544f52 };

struct op;          /* ops.h: an asked-for write or read under way */
struct status_send; /* store_status.c */

struct store {
    uint32_t magic;
    const struct worker_config *config; /* borrowed; outlives the store */
    const struct worker_values *values; /* borrowed from config */
    struct store_listener listener;
    bool distributed;
    struct mailbox *box;   /* owned; requests, any thread */
    struct thread *thread; /* owned */
    struct store_done *start_done; /* owned until it is sent */
    atomic_bool stopping;
    _Atomic(const char *) stage;
    _Atomic(char *) cluster_id; /* owned; set once */

    struct topic_log configs, statuses, offsets;
    struct config_state *config_state; /* owned */
    bool running;          /* start-up went well: requests are served */
    bool offsets_changed;  /* standalone: the file is behind */
    struct op *first, *last; /* owned */
    struct status_send *again; /* owned; failed status writes to be repeated */
    int32_t generation;    /* of the last status written */

    struct lock lock;      /* rank 50; guards the next three */
    struct status_table *status_table; /* owned */
    struct offset_table *offset_table; /* owned */
    const struct snapshot *snapshot;   /* counted */
};

/* start.c: makes and checks topics, opens the logs, reads them to their ends. */
struct kaftan_error *store_open(struct store *s) KAFTAN_MUST_CHECK;
/* store.c */
void store_publish(struct store *s); /* newest snapshot to everyone, then the news */
bool store_serve_logs(struct store *s); /* true: more has come */
void store_wait(struct store *s, int timeout_ms); /* until something has come */
/* Standalone: writes the file if it is behind. */
struct kaftan_error *store_save_offsets(struct store *s) KAFTAN_MUST_CHECK;
/* Sends the outcome. */
void store_done_send(struct store_done *done, struct kaftan_error *err, const struct snapshot *snapshot);
/* store_status.c */
void store_status_again(struct store *s, bool all); /* repeats what is due */
bool store_status_waits(const struct store *s);
void store_status_free(struct store *s);

#endif
