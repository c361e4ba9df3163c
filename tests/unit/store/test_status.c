/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "store/status_table.h"

static void apply(struct status_table *t, const char *key, const char *value)
{
    status_table_apply(t, slice_of(key), slice_of(value));
}

static void expect_state(struct status_table *t, int32_t task, const char *want, int32_t generation)
{
    const struct work_status *s = status_table_get(t, "a", task);
    cr_assert_eq(s != NULL, want != NULL, "task %d", task);
    if (!s)
        return;
    cr_expect_str_eq(work_state_name(s->state), want);
    cr_expect_eq(s->generation, generation);
}

#define STATUS(state, worker, generation) \
    "{\"state\":\"" state "\",\"trace\":null,\"worker_id\":\"" worker "\",\"generation\":" #generation ",\"version\":null}"

Test(status_table, reads)
{
    struct status_table *t = status_table_new();
    apply(t, "status-task-a-0", STATUS("RUNNING", "w1:1", 3));
    expect_state(t, 0, "RUNNING", 3);
    apply(t, "status-task-a-0", STATUS("UNASSIGNED", "w2:1", 3)); /* late */
    expect_state(t, 0, "RUNNING", 3);
    apply(t, "status-task-a-0", STATUS("UNASSIGNED", "w1:1", 4));
    expect_state(t, 0, "UNASSIGNED", 4);
    apply(t, "status-task-a-0", STATUS("FLYING", "w1:1", 5));
    apply(t, "status-task-a-0", "{\"state\":\"RUNNING\"}");
    apply(t, "status-task-a-0", "{");
    apply(t, "status-task-a-0", "[]");
    expect_state(t, 0, "UNASSIGNED", 4);
    apply(t, "status-task-a-0", "{\"state\":\"FAILED\",\"trace\":\"t\",\"worker_id\":\"w\",\"generation\":6}"); /* 3.x: no version */
    expect_state(t, 0, "FAILED", 6);
    cr_expect_null(status_table_get(t, "a", 0)->version);
    cr_expect_str_eq(status_table_get(t, "a", 0)->trace, "t");
    apply(t, "status-connector-a", STATUS("RUNNING", "w1:1", 3));
    apply(t, "status-connector-a", STATUS("UNASSIGNED", "w1:1", 2)); /* the rule is for tasks */
    expect_state(t, -1, "UNASSIGNED", 2);
    apply(t, "status-task-a-0", NULL);
    expect_state(t, 0, NULL, 0);
    apply(t, "status-task-a", STATUS("RUNNING", "w", 1));
    apply(t, "status-task-x", STATUS("RUNNING", "w", 1));
    apply(t, "status-connector-", STATUS("RUNNING", "w", 1));
    apply(t, "other", STATUS("RUNNING", "w", 1));
    status_table_free(t);
}

static void add_task(void *self, int32_t task)
{
    struct buf *b = self;
    buf_printf(b, "%d ", task);
}

static void add_work(void *self, const char *connector, int32_t task)
{
    struct buf *b = self;
    buf_printf(b, "%s/%d ", connector, task);
}

Test(status_table, walks_in_order)
{
    struct status_table *t = status_table_new();
    struct buf b = BUF_INIT;
    apply(t, "status-task-a-10", STATUS("RUNNING", "w", 1));
    apply(t, "status-task-a-2", STATUS("RUNNING", "w", 1));
    apply(t, "status-task-a-0", STATUS("RUNNING", "w", 1));
    apply(t, "status-connector-b-1", STATUS("RUNNING", "w", 1));
    apply(t, "status-task-a-2", NULL);
    status_table_each_task(t, "a", add_task, &b);
    status_table_each(t, add_work, &b);
    cr_expect_str_eq(buf_text(&b), "0 10 a/0 a/10 b-1/-1 ");
    buf_fini(&b);
    status_table_free(t);
}

Test(status_table, safe_writes)
{
    struct status_table *t = status_table_new();
    struct status_ticket first, second;
    cr_expect(status_table_write(t, "a", 0, true, "w1:1", 1, &first), "nothing known");
    apply(t, "status-task-a-0", STATUS("RUNNING", "w2:1", 5));
    cr_expect_not(status_table_write(t, "a", 0, true, "w1:1", 4, &second), "another worker's newer");
    cr_expect(status_table_write(t, "a", 0, true, "w2:1", 4, &second), "its own");
    cr_expect(status_table_write(t, "a", 0, true, "w1:1", 5, &second), "not older");
    cr_expect(status_table_write(t, "a", 0, false, "w1:1", 1, &second), "not safe: always");
    cr_expect_not(status_table_may_repeat(t, "a", 0, true, "w1:1", 5, &first), "a newer write happened");
    cr_expect(status_table_may_repeat(t, "a", 0, true, "w1:1", 5, &second));
    cr_expect(status_table_may_repeat(t, "a", 0, false, "w1:1", 1, &first));
    apply(t, "status-task-a-0", NULL);
    cr_expect_not(status_table_may_repeat(t, "a", 0, false, "w1:1", 1, &second), "deleted since");
    status_table_free(t);
}

static void add_topic(void *self, const char *topic)
{
    struct buf *b = self;
    buf_printf(b, "%s ", topic);
}

Test(status_table, topics)
{
    static const char record[] = "{\"topic\":{\"name\":\"t\",\"connector\":\"a\",\"task\":0,\"discoverTimestamp\":1}}";
    struct status_table *t = status_table_new();
    struct buf b = BUF_INIT;
    cr_expect(status_table_topic_add(t, "a", "t"));
    cr_expect_not(status_table_topic_add(t, "a", "t"), "once");
    status_table_each_topic(t, "a", add_topic, &b);
    cr_expect_str_eq(buf_text(&b), "", "not read back yet");
    status_table_topic_failed(t, "a", "t");
    cr_expect(status_table_topic_add(t, "a", "t"));
    apply(t, "status-topic-t:connector-a", record);
    apply(t, "status-topic-u:connector-a", record);
    status_table_each_topic(t, "a", add_topic, &b);
    cr_expect_str_eq(buf_text(&b), "t u ");
    buf_clear(&b);
    apply(t, "status-topic-u:connector-a", NULL);
    struct map *taken = status_table_topics_take(t, "a");
    cr_expect_eq(map_count(taken), 1);
    map_free(taken);
    status_table_each_topic(t, "a", add_topic, &b);
    cr_expect_str_eq(buf_text(&b), "");
    /* used again before the reset's tombstone is read back: the tombstone is about the former use */
    cr_expect(status_table_topic_add(t, "a", "t"));
    apply(t, "status-topic-t:connector-a", NULL);
    cr_expect_not(status_table_topic_add(t, "a", "t"));
    buf_fini(&b);
    status_table_free(t);
}
