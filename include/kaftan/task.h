/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_TASK_H
#define KAFTAN_TASK_H
/*
 * What the worker does for a task (or a connector) at work. All functions:
 * the task's own thread, unless they say otherwise.
 */
#include <kaftan/config.h>
#include <kaftan/record.h>

struct kaftan_task;

enum kaftan_stop_reason {
    KAFTAN_STOP_RESTART,
    KAFTAN_STOP_MOVE,
    KAFTAN_STOP_PAUSE,
    KAFTAN_STOP_STOPPED,
    KAFTAN_STOP_CONFIG,
    KAFTAN_STOP_DELETE,
    KAFTAN_STOP_SHUTDOWN,
    KAFTAN_STOP_FAILED
};

KAFTAN_API const char *kaftan_task_connector(const struct kaftan_task *t); /* name; borrowed */
KAFTAN_API int32_t kaftan_task_number(const struct kaftan_task *t);        /* -1: the connector itself */
KAFTAN_API const char *kaftan_task_group_id(const struct kaftan_task *t);  /* the worker group's; "" standalone */
KAFTAN_API const char *kaftan_task_class(const struct kaftan_task *t);     /* class name as the config has it */
KAFTAN_API const struct kaftan_config_texts *kaftan_task_texts(const struct kaftan_task *t); /* raw config */

/*
 * N5, N6: a source partition is a schemaless map of primitive values; it gets
 * a number for the life of the task. The same map gives the same number.
 */
KAFTAN_API struct kaftan_error *kaftan_task_partition(struct kaftan_task *t, const struct kaftan_value *partition,
                                                      uint32_t *ret) KAFTAN_MUST_CHECK;
/* The stored offset of a partition (of a connector: N8), a schemaless map in `a`; NULL kind when there is none. */
KAFTAN_API struct kaftan_error *kaftan_task_offset(struct kaftan_task *t, const struct kaftan_value *partition,
                                                   struct kaftan_arena *a, struct kaftan_value *ret) KAFTAN_MUST_CHECK;
/* Marks a partition's offset as changed although no record was delivered; offset_get is asked at the next flush. */
KAFTAN_API void kaftan_task_offset_touch(struct kaftan_task *t, uint32_t partition);
/* Asks for an offset flush now rather than at the next interval. */
KAFTAN_API void kaftan_task_flush_request(struct kaftan_task *t);

/* N13: still assigned to this worker, and the group heard from within its session timeout? */
KAFTAN_API bool kaftan_task_still_owned(const struct kaftan_task *t);

/* N4: until when poll and service have nothing to do (kaftan_now_us time); to be set anew in each call; at most 250 ms count. */
KAFTAN_API void kaftan_task_wait_until(struct kaftan_task *t, kaftan_deadline until);
/*
 * The same for a connector that keeps nothing alive meanwhile: up to 5 s count, while none of its records is open, and a
 * wait of half a second or more ends at the full second that is nearest, with those of all other quiet tasks. Its
 * descriptor, wake, orders and the next offset flush end it as ever. A thousand quiet tasks cost little this way.
 */
KAFTAN_API void kaftan_task_idle_until(struct kaftan_task *t, kaftan_deadline until);

/*
 * N11: writes raw bytes to the dead-letter topic of `errors.deadletterqueue.
 * topic.name`; completion comes through delivered() with this token and
 * partition, in order with the records of that partition. CONFLICT when no
 * topic is configured. Counts and logs by P7 are the worker's.
 */
KAFTAN_API struct kaftan_error *kaftan_task_dead_letter(struct kaftan_task *t, const struct kaftan_record *raw,
                                                        const char *reason) KAFTAN_MUST_CHECK;
KAFTAN_API bool kaftan_task_has_dead_letters(const struct kaftan_task *t);
/*
 * Values become bare JSON text (JsonConverter without schemas) and nothing
 * changes records on the way: JSON text that has been checked may be given as
 * it stands, BYTES with value_ready, and keeps its number text.
 */
KAFTAN_API bool kaftan_task_takes_json(const struct kaftan_task *t);
/* `errors.tolerance=all`? */
KAFTAN_API bool kaftan_task_tolerates(const struct kaftan_task *t);
/* A dropped message, by reason: counted in the task's error metrics, logged at least once a minute per reason (P7). */
KAFTAN_API void kaftan_task_skipped(struct kaftan_task *t, const char *reason, uint64_t count);

/* Connector only: asks the herder to compute the task configs again. Any thread. */
KAFTAN_API void kaftan_task_reconfigure(struct kaftan_task *t);

/* Any thread. SHA-256 of bytes (FIPS 180-4), for names that must fit. */
KAFTAN_API void kaftan_sha256(const void *data, size_t len, uint8_t ret[32]);
/* Any thread. Uniform in 0..limit-1, for jitter. */
KAFTAN_API uint64_t kaftan_random(uint64_t limit);
KAFTAN_API int64_t kaftan_wall_ms(void);

/* Memory for plugins: never NULL, out of memory ends the process. */
KAFTAN_API void *kaftan_alloc(size_t count, size_t size); /* zeroed */
KAFTAN_API void *kaftan_realloc(void *p, size_t count, size_t size);
KAFTAN_API char *kaftan_strdup(const char *s);
KAFTAN_API void kaftan_free(void *p); /* NULL is fine */

#endif
