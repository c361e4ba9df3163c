/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "store/store.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/ops.h"
#include "store/records.h"
#include "store/store_int.h"

/*
 * The writers. Whoever asks makes the operation with all its bytes and sends
 * it; the store thread only puts it into its list. The exception is offsets:
 * their keys depend on what is in the table.
 */

enum { WRITE_MS = 30000 }; /* for everything one operation does */

struct request {
    struct message base;
    struct op *op;           /* owned; NULL for offsets, which have the rest */
    struct store_done *done; /* owned */
    char *connector;         /* owned */
    struct offset_write *writes;
    size_t count;
};

static const char late[] = "timed out";
static const char config_failure[] = "Error writing connector configuration to Kafka";
static const char root_failure[] = "Error writing root configuration to Kafka";
static const char task_failure[] = "Error writing task configurations to Kafka";
static const char target_failure[] = "Error writing target state to Kafka";
static const char remove_failure[] = "Error removing connector configuration from Kafka";
static const char restart_failure[] = "Error writing restart request to Kafka";
static const char key_failure[] = "Error writing session key to Kafka";
static const char logger_failure[] = "Error writing logger level to Kafka";
static const char offset_failure[] = "Failed to write source offsets";

static void writes_free(struct offset_write *writes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(writes[i].partition);
        mem_free(writes[i].offset);
    }
    mem_free(writes);
}

static void request_free(struct request *r)
{
    writes_free(r->writes, r->count);
    mem_free(r->connector);
    mem_free(r);
}

static void request_handle(struct message *msg, void *owner)
{
    struct request *r = CONTAINER_OF(msg, struct request, base);
    (void)owner;
    op_start(r->op);
    request_free(r);
}

static void request_drop(struct message *msg)
{
    struct request *r = CONTAINER_OF(msg, struct request, base);
    struct kaftan_error *err = kaftan_error_new(KAFTAN_E_UNAVAILABLE, "the worker is stopping");
    if (r->op)
        op_drop(r->op, err);
    else
        store_done_send(r->done, err, NULL);
    request_free(r);
}

static void ask(struct store *s, struct request *r)
{
    r->base.drop = request_drop;
    if (!mailbox_send_always(s->box, &r->base))
        request_drop(&r->base);
}

static void ask_op(struct store *s, struct op *o)
{
    struct request *r = mem_zalloc(1, sizeof *r);
    r->base.handle = request_handle;
    r->op = o;
    ask(s, r);
}

static struct op *config_op(struct store *s, const char *connector, struct store_done *done)
{
    struct op *o = store_op_new(s, &s->configs, connector, clock_mono_ms() + WRITE_MS, late, done);
    op_snapshot_wanted(o);
    return o;
}

static void config_record(struct op *o, enum config_kind kind, const char *name, int32_t task, struct buf *value)
{
    char *key = config_key_text(kind, name, task);
    op_record(o, key, strlen(key), value);
}

/* ---- config topic ---- */

void store_refresh(struct store *s, int timeout_ms, struct store_done *done)
{
    struct op *o = store_op_new(s, &s->configs, NULL, clock_mono_ms() + timeout_ms, "Timed out reading to the end of the config topic",
                          done);
    op_snapshot_wanted(o);
    op_read_to_end(o, NULL);
    ask_op(s, o);
}

void store_put_connector(struct store *s, const char *connector, struct text_map *config, bool with_target,
                         enum target_state target, struct store_done *done)
{
    struct op *o = config_op(s, connector, done);
    struct buf value = BUF_INIT;
    op_send(o, config_failure);
    if (with_target) {
        record_target(&value, target);
        config_record(o, CONFIG_TARGET, connector, -1, &value);
    }
    record_properties(&value, config);
    config_record(o, CONFIG_CONNECTOR, connector, -1, &value);
    op_read_back(o, config_failure);
    ask_op(s, o);
}

void store_remove_connector(struct store *s, const char *connector, struct store_done *done)
{
    struct op *o = config_op(s, connector, done);
    op_send(o, remove_failure);
    config_record(o, CONFIG_CONNECTOR, connector, -1, NULL);
    config_record(o, CONFIG_TARGET, connector, -1, NULL);
    op_read_back(o, remove_failure);
    ask_op(s, o);
}

void store_put_tasks(struct store *s, const char *connector, struct text_map *const *tasks, int32_t count,
                     struct store_done *done)
{
    struct op *o = config_op(s, connector, done);
    struct buf value = BUF_INIT;
    op_read_to_end(o, task_failure);
    if (count > 0) {
        op_send(o, task_failure);
        for (int32_t i = 0; i < count; i++) {
            record_properties(&value, tasks[i]);
            config_record(o, CONFIG_TASK, connector, i, &value);
        }
        op_read_back(o, task_failure);
    }
    op_send(o, root_failure);
    record_commit(&value, count);
    config_record(o, CONFIG_COMMIT, connector, -1, &value);
    op_read_back(o, root_failure);
    ask_op(s, o);
}

/* Any worker may write these two, and nobody waits for their coming back. */
void store_put_target(struct store *s, const char *connector, enum target_state target, struct store_done *done)
{
    struct op *o = config_op(s, connector, done);
    struct buf value = BUF_INIT;
    op_send(o, target_failure);
    record_target(&value, target);
    config_record(o, CONFIG_TARGET, connector, -1, &value);
    ask_op(s, o);
}

void store_put_logger_level(struct store *s, const char *name, const char *level, struct store_done *done)
{
    struct op *o = config_op(s, NULL, done);
    struct buf value = BUF_INIT;
    op_send(o, logger_failure);
    record_logger(&value, level);
    config_record(o, CONFIG_LOGGER, name, -1, &value);
    ask_op(s, o);
}

void store_put_restart(struct store *s, const struct restart_asked *r, struct store_done *done)
{
    struct op *o = config_op(s, r->connector, done);
    struct buf value = BUF_INIT;
    op_send(o, restart_failure);
    record_restart(&value, r);
    config_record(o, CONFIG_RESTART, r->connector, -1, &value);
    op_read_back(o, restart_failure);
    ask_op(s, o);
}

void store_put_session_key(struct store *s, const struct session_key *key, struct store_done *done)
{
    struct op *o = config_op(s, NULL, done);
    struct buf value = BUF_INIT;
    op_send(o, key_failure);
    record_session_key(&value, key);
    config_record(o, CONFIG_SESSION_KEY, "", -1, &value);
    op_read_back(o, key_failure);
    ask_op(s, o);
}

void store_put_task_count(struct store *s, const char *connector, int32_t count, struct store_done *done)
{
    struct op *o = config_op(s, connector, done);
    struct buf value = BUF_INIT;
    op_send(o, root_failure);
    record_task_count(&value, count);
    config_record(o, CONFIG_FENCING, connector, -1, &value);
    op_read_back(o, root_failure);
    ask_op(s, o);
}

/* ---- offsets ---- */

char *store_get_offset(struct store *s, const char *connector, const char *partition_json, size_t len, size_t *ret_len)
{
    char *copy = NULL;
    lock_take(&s->lock);
    struct kaftan_slice v = offset_table_get(s->offset_table, connector, partition_json, len);
    if (v.ptr) {
        copy = mem_strndup(v.ptr, v.len);
        *ret_len = v.len;
    }
    lock_release(&s->lock);
    return copy;
}

void store_each_offset(struct store *s, const char *connector,
                       void (*see)(void *self, struct kaftan_slice partition, struct kaftan_slice offset), void *self)
{
    lock_take(&s->lock);
    offset_table_each(s->offset_table, connector, see, self);
    lock_release(&s->lock);
}

void store_refresh_offsets(struct store *s, int timeout_ms, struct store_done *done)
{
    struct op *o = store_op_new(s, &s->offsets, NULL, clock_mono_ms() + timeout_ms,
                          "Timed out reading to the end of the offsets topic", done);
    op_read_to_end(o, NULL);
    ask_op(s, o);
}

static void on_offset_stored(struct store *s, const struct sent *r, int64_t offset)
{
    if (!s->distributed)
        return; /* applied when it was looped back */
    lock_take(&s->lock);
    offset_table_apply(s->offset_table, r->key, r->value, offset, true);
    lock_release(&s->lock);
}

static struct kaftan_error *add_offset(struct store *s, struct op *o, const char *connector, const struct offset_write *w)
{
    struct buf key = BUF_INIT, value = BUF_INIT;
    lock_take(&s->lock);
    struct kaftan_error *err = offset_table_key(s->offset_table, connector, w->partition, &key);
    lock_release(&s->lock);
    if (!err && w->offset)
        err = offset_value_make(w->offset, strlen(w->offset), &value);
    if (err) {
        buf_fini(&key);
        buf_fini(&value);
        return err;
    }
    size_t len = key.len;
    op_record(o, buf_take(&key), len, w->offset ? &value : NULL);
    return NULL;
}

static void offsets_handle(struct message *msg, void *owner)
{
    struct request *r = CONTAINER_OF(msg, struct request, base);
    struct store *s = OBJ_FROM(struct store, STORE_MAGIC, owner);
    struct kaftan_error *err = NULL;
    struct op *o = store_op_new(s, &s->offsets, NULL, -1, late, r->done);
    op_on_stored(o, on_offset_stored);
    op_send(o, offset_failure);
    for (size_t i = 0; i < r->count && !err; i++)
        err = add_offset(s, o, r->connector, &r->writes[i]);
    if (err)
        op_drop(o, kaftan_error_wrap(err, "%s", offset_failure)); /* all or nothing */
    else
        op_start(o);
    request_free(r);
}

void store_put_offsets(struct store *s, const char *connector, struct offset_write *writes, size_t count,
                       struct store_done *done)
{
    struct request *r = mem_zalloc(1, sizeof *r);
    r->base.handle = offsets_handle;
    r->connector = mem_strdup(connector);
    r->writes = writes;
    r->count = count;
    r->done = done;
    ask(s, r);
}

static void drop_handle(struct message *msg, void *owner)
{
    struct store *s = OBJ_FROM(struct store, STORE_MAGIC, owner);
    ops_drop(s, &s->offsets);
    topic_log_drop(&s->offsets);
    mem_free(msg);
}

static void drop_drop(struct message *msg)
{
    mem_free(msg);
}

void store_drop_offsets(struct store *s)
{
    struct message *msg = mem_zalloc(1, sizeof *msg);
    msg->handle = drop_handle;
    msg->drop = drop_drop;
    if (!mailbox_send_always(s->box, msg))
        drop_drop(msg);
}
