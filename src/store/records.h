/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STORE_RECORDS_H
#define STORE_RECORDS_H
/*
 * records: keys and values of the internal topics, in Java's bytes
 * (runtime-and-storage.md 1 to 4). Writers append to a buffer; readers are
 * pure functions of bytes.
 *
 * A U+0000 inside a text is kept as the two bytes C0 80, as Java itself does
 * in class files, because texts here end with a NUL; writers turn it back.
 *
 * Thread   any
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/map.h"
#include "store/store.h"

/* ---- texts ---- */
char *record_text(struct kaftan_slice s);               /* owned; U+0000 as above */
void record_put_text(struct buf *b, const char *text);  /* a JSON string; NULL: null */

/* ---- config topic ---- */
enum config_kind {
    CONFIG_OTHER,
    CONFIG_TARGET,
    CONFIG_CONNECTOR,
    CONFIG_TASK,
    CONFIG_COMMIT,
    CONFIG_RESTART,
    CONFIG_FENCING,
    CONFIG_SESSION_KEY,
    CONFIG_LOGGER
};
struct config_key {
    enum config_kind kind;
    struct kaftan_slice name; /* connector or logger; borrowed from the key */
    int32_t task;
};
void config_key_parse(struct kaftan_slice key, struct config_key *ret);
char *config_key_text(enum config_kind kind, const char *name, int32_t task); /* owned */

void record_properties(struct buf *b, const struct text_map *properties);
void record_commit(struct buf *b, int32_t tasks);
void record_task_count(struct buf *b, int32_t count);
void record_target(struct buf *b, enum target_state state);
void record_session_key(struct buf *b, const struct session_key *key);
void record_restart(struct buf *b, const struct restart_asked *r);
void record_logger(struct buf *b, const char *level);

/* NULL when the value is no object with an object `properties`; values of other types become their text. */
struct text_map *record_read_properties(const struct json *value);
bool record_read_target(const struct json *value, enum target_state *ret);
bool record_read_count(const struct json *value, const char *field, int32_t *ret); /* 0 and above */
bool record_read_session_key(const struct json *value, struct buf *ret_key, char **ret_algorithm, int64_t *ret_created);
bool record_read_flag(const struct json *value, const char *field); /* missing or no boolean: false */

/* ---- status topic ---- */
enum status_kind { STATUS_OTHER, STATUS_CONNECTOR, STATUS_TASK, STATUS_TOPIC };
struct status_key {
    enum status_kind kind;
    struct kaftan_slice connector, topic;
    int32_t task;
};
void status_key_parse(struct kaftan_slice key, struct status_key *ret);
char *status_key_text(const char *connector, int32_t task);              /* owned; task -1: the connector's */
char *topic_key_text(const char *connector, const char *topic);          /* owned */
void record_status(struct buf *b, const struct work_status *s);
void record_topic(struct buf *b, const char *connector, int32_t task, const char *topic, int64_t found_ms);
bool record_read_status(const struct json *value, struct work_status *ret); /* ret is the caller's (fini) */

/* ---- offsets topic ---- */
struct offset_key {
    char *connector;  /* owned */
    char *partition;  /* owned; JSON object text as it stood, or "null" */
    char *logical;    /* owned; the same for partitions that differ in order or spelling only */
};
/* False: not an array of a string and an object or null. */
bool offset_key_parse(struct kaftan_slice key, struct offset_key *ret);
void offset_key_fini(struct offset_key *k);
/*
 * The key of a new partition: fields as a Java HashMap would have them.
 * Errors: DATA when the text is no JSON object (or null) of plain values.
 */
struct kaftan_error *offset_key_make(const char *connector, const char *partition, size_t len, struct buf *ret_key,
                                     char **ret_logical) KAFTAN_MUST_CHECK;
/* The logical form alone; NULL when the text is no JSON object or null. */
char *offset_logical(const char *partition, size_t len);
/* The value, in Jackson's spelling. Errors as above. */
struct kaftan_error *offset_value_make(const char *offset, size_t len, struct buf *ret) KAFTAN_MUST_CHECK;

#endif
