/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "store/config_state.h"

static void apply(struct config_state *c, const char *key, const char *value, int64_t offset)
{
    config_state_apply(c, slice_of(key), slice_of(value), offset);
}

Test(config_state, applied_is_the_config_of_the_last_commit)
{
    struct config_state *c = config_state_new();
    apply(c, "connector-a", "{\"properties\":{\"x\":\"1\"}}", 0);
    apply(c, "task-a-0", "{\"properties\":{\"t\":\"1\"}}", 1);
    apply(c, "commit-a", "{\"tasks\":1}", 2);
    apply(c, "connector-a", "{\"properties\":{\"x\":\"2\"}}", 3);
    const struct snapshot *old = config_state_snapshot(c), *same = config_state_snapshot(c);
    cr_expect_eq(old, same, "nothing has changed");
    const struct snapshot_connector *a = snapshot_find(old, "a");
    cr_expect_str_eq(text_map_get(a->config, "x"), "2");
    cr_expect_str_eq(text_map_get(a->applied, "x"), "1");
    apply(c, "connector-a", NULL, 4);
    const struct snapshot *gone = config_state_snapshot(c);
    cr_expect_null(snapshot_find(gone, "a"));
    cr_expect_str_eq(text_map_get(a->config, "x"), "2", "a snapshot never changes");
    snapshot_unref(old);
    snapshot_unref(same);
    snapshot_unref(gone);
    config_state_free(c);
}

Test(config_state, hostile_numbers)
{
    struct config_state *c = config_state_new();
    apply(c, "connector-a", "{\"properties\":{}}", 0);
    apply(c, "task-a-2147483647", "{\"properties\":{}}", 1);
    apply(c, "task-a-99999999999", "{\"properties\":{}}", 2);
    apply(c, "commit-a", "{\"tasks\":2147483647}", 3);
    apply(c, "commit-a", "{\"tasks\":99999999999}", 4);
    const struct snapshot *s = config_state_snapshot(c);
    cr_expect_eq(s->offset, 5);
    const struct snapshot_connector *a = snapshot_find(s, "a");
    cr_expect(a->inconsistent);
    cr_expect_eq(snapshot_task_count(a), 0);
    snapshot_unref(s);
    config_state_free(c);
}

/* A topic that was cut off, or made anew, is read from its start: the offset goes back with it. */
Test(config_state, offsets_that_go_back)
{
    struct config_state *c = config_state_new();
    apply(c, "connector-a", "{\"properties\":{\"x\":\"1\"}}", 100);
    const struct snapshot *before = config_state_snapshot(c);
    apply(c, "connector-b", "{\"properties\":{\"x\":\"2\"}}", 0);
    apply(c, "connector-a", "{\"properties\":{\"x\":\"3\"}}", 1);
    const struct snapshot *after = config_state_snapshot(c);
    cr_expect_eq(before->offset, 101);
    cr_expect_eq(after->offset, 2);
    cr_expect_str_eq(text_map_get(snapshot_find(after, "a")->config, "x"), "3");
    cr_expect_not_null(snapshot_find(after, "b"));
    snapshot_unref(before);
    snapshot_unref(after);
    config_state_free(c);
}
