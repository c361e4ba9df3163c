/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/sampled.h"
#include "base/text.h"
#include "runtime/batch.h"
#include "runtime/partitions.h"
#include "runtime/topic_groups.h"

Test(parts, rates_over_two_windows)
{
    struct sampled s;
    memset(&s, 0, sizeof s);
    cr_expect_eq(sampled_rate(&s, 1000), 0);
    cr_expect(isnan(sampled_max(&s, 1000)));
    sampled_add(&s, 1000, 30);
    sampled_add(&s, 2000, 60);
    cr_expect_float_eq(sampled_rate(&s, 11000), 90.0 / 40, 1e-9, "less than a window: counted over a window more");
    cr_expect_eq(sampled_max(&s, 11000), 60);
    cr_expect_eq(sampled_average(&s, 11000), 45);
    sampled_add(&s, 40000, 10);
    cr_expect_float_eq(sampled_rate(&s, 51000), 100.0 / 50, 1e-9);
    cr_expect_eq(sampled_max(&s, 61500), 10, "the first window is over");
    cr_expect_eq(sampled_rate(&s, 200000), 0);
}

static struct kaftan_value map_value(const struct kaftan_map *map)
{
    struct kaftan_value v = { KAFTAN_KIND_MAP, 0, { 0 } };
    v.as.map = map;
    return v;
}

Test(parts, partitions_are_maps_whatever_their_order)
{
    const struct kaftan_map_entry ab[] = { { kaftan_string("a", 1), kaftan_string("x\"", 2) },
                                           { kaftan_string("b", 1), kaftan_int(KAFTAN_KIND_INT64, 7) } };
    const struct kaftan_map_entry ba[] = { ab[1], ab[0] };
    const struct kaftan_map_entry other[] = { ab[0], { kaftan_string("b", 1), kaftan_string("7", 1) } };
    const struct kaftan_map maps[] = { { 2, ab }, { 2, ba }, { 2, other }, { 0, NULL } };
    static const uint32_t numbers[] = { 0, 0, 1, 2 };
    struct partitions *p = partitions_new();
    for (size_t i = 0; i < 4; i++) {
        struct kaftan_value v = map_value(&maps[i]);
        uint32_t n = 99;
        cr_assert_null(partitions_number(p, &v, &n));
        cr_expect_eq(n, numbers[i], "map %zu", i);
    }
    cr_expect_str_eq(partitions_at(p, 0)->json, "{\"a\":\"x\\\"\",\"b\":7}");
    cr_expect_str_eq(partitions_at(p, 2)->json, "{}");
    cr_expect_null(partitions_at(p, 3));
    partitions_free(p);
}

Test(parts, offsets_hold_primitive_values_only)
{
    const struct kaftan_map empty = { 0, NULL };
    const struct kaftan_map_entry nested[] = { { kaftan_string("a", 1), map_value(&empty) } };
    const struct kaftan_map_entry keyed[] = { { kaftan_int(KAFTAN_KIND_INT32, 1), kaftan_null() } };
    const struct kaftan_map_entry fine[] = {
        { kaftan_string("n", 1), kaftan_null() },      { kaftan_string("t", 1), kaftan_bool(true) },
        { kaftan_string("d", 1), kaftan_double(1.5) }, { kaftan_string("y", 1), kaftan_bytes("\x01\x02", 2) },
        { kaftan_string("i", 1), kaftan_int(KAFTAN_KIND_INT8, -3) },
    };
    const struct kaftan_map maps[] = { { 1, nested }, { 1, keyed }, { 5, fine } };
    for (size_t i = 0; i < 3; i++) {
        struct buf text = BUF_INIT;
        struct kaftan_value v = map_value(&maps[i]);
        struct kaftan_error *err = offset_json(&v, &text);
        cr_expect_eq(!err, i == 2);
        if (!err)
            cr_expect_str_eq(buf_text(&text), "{\"n\":null,\"t\":true,\"d\":1.5,\"y\":\"AQI=\",\"i\":-3}");
        kaftan_error_free(err);
        buf_fini(&text);
    }
    struct kaftan_value no_map = kaftan_bool(true);
    struct buf text = BUF_INIT;
    struct kaftan_error *err = offset_json(&no_map, &text);
    cr_expect_not_null(err);
    kaftan_error_free(err);
    buf_fini(&text);
}

/* Random order of finishing: given back in order, each once, and no batch is left over. */
Test(parts, batches_and_order_under_random_finishing)
{
    enum { ROUNDS = 200, PARTITIONS = 3 };
    struct batch_pool *pool = batch_pool_new();
    struct source_partition partitions[PARTITIONS];
    struct slot *open[4096];
    uint64_t given[PARTITIONS] = { 0 }, next[PARTITIONS] = { 0 };
    size_t count = 0;
    uint32_t seed = 7;
    memset(partitions, 0, sizeof partitions);
    for (int round = 0; round < ROUNDS; round++) {
        batch_pool_turn(pool);
        seed = seed * 1664525u + 1013904223u;
        for (uint32_t i = 0; i < (seed >> 8) % 40 && count < 4000; i++) {
            struct slot *s = batch_pool_add(pool);
            uint32_t p = i % PARTITIONS;
            (void)arena_alloc(batch_arena(s), 1000);
            s->record.token = ++given[p];
            s->record.source_partition = p;
            open[count++] = s;
        }
        for (struct slot *s; (s = batch_pool_unsent(pool)) != NULL; batch_pool_sent(pool))
            order_add(&partitions[s->record.source_partition], s);
        for (size_t n = round == ROUNDS - 1 ? count : count / 2; n > 0; n--) {
            seed = seed * 1664525u + 1013904223u;
            size_t at = (seed >> 8) % count;
            struct slot *s = open[at];
            struct source_partition *p = s->partition;
            open[at] = open[--count];
            order_finish(s, KAFTAN_STORED);
            for (struct slot *done; (done = order_take(p)) != NULL;) {
                cr_assert_eq(done->record.token, ++next[p - partitions]);
                batch_finished(pool, done);
            }
        }
    }
    cr_expect_eq(batch_pool_open(pool), 0);
    for (size_t i = 0; i < PARTITIONS; i++)
        cr_expect_eq(next[i], given[i]);
    batch_pool_free(pool);
}

Test(parts, a_batch_has_limits_but_room_for_dead_letters)
{
    struct batch_pool *pool = batch_pool_new();
    struct kaftan_batch view = { pool, 0 };
    size_t n = 0;
    while (kaftan_batch_add(&view))
        n++;
    cr_expect_eq(kaftan_batch_room(&view), 0);
    cr_expect_eq(kaftan_batch_count(&view), n);
    cr_expect_leq(n, (size_t)BATCH_RECORDS);
    cr_expect_not_null(batch_pool_add(pool));
    batch_pool_free(pool);
}

/* A connector that copies first and adds then, with payloads that are larger than a batch. */
Test(parts, a_batch_takes_one_record_however_large)
{
    struct batch_pool *pool = batch_pool_new();
    struct kaftan_batch view = { pool, 0 };
    size_t taken = 0, polls = 0, small = batch_pool_open(pool);
    cr_expect_not_null(kaftan_batch_add(&view));
    batch_pool_sent(pool);
    for (; taken < 5 && polls < 20; polls++) {
        batch_pool_turn(pool);
        while (kaftan_batch_room(&view) > 0 && kaftan_arena_alloc(kaftan_batch_arena(&view), BATCH_BYTES + 1) && kaftan_batch_add(&view)) {
            batch_pool_sent(pool);
            taken++;
        }
    }
    cr_expect_eq(taken, 5, "%zu after %zu polls", taken, polls);
    cr_expect_eq(batch_pool_open(pool), small + 6);
    batch_pool_free(pool);
}

/* What is copied and then given up leaves nothing behind. */
Test(parts, a_batch_that_was_filled_in_vain_is_used_again)
{
    struct batch_pool *pool = batch_pool_new();
    struct kaftan_batch view = { pool, 0 };
    (void)kaftan_arena_alloc(kaftan_batch_arena(&view), BATCH_BYTES);
    struct kaftan_arena *first = kaftan_batch_arena(&view);
    cr_expect_eq(kaftan_batch_room(&view), 0);
    batch_pool_turn(pool);
    cr_expect_eq(kaftan_batch_arena(&view), first);
    cr_expect_eq(kaftan_batch_room(&view), (size_t)BATCH_RECORDS);
    batch_pool_free(pool);
}

Test(parts, topic_groups)
{
    static const char *const bad[][2] = {
        { "topic.creation.default.partitions", "none" }, { "topic.creation.default.partitions", "0" },
        { "topic.creation.default.replication.factor", "40000" }, { "topic.creation.x.include", "(" },
    };
    struct topic_groups *g = NULL;
    struct text_map *m = text_map_new();
    cr_assert_null(topic_groups_new(m, &g));
    cr_expect_null(g, "without any key the broker decides");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        text_map_put(m, "topic.creation.groups", "x");
        text_map_put(m, "topic.creation.default.partitions", "1");
        text_map_put(m, "topic.creation.default.replication.factor", "1");
        text_map_put(m, bad[i][0], bad[i][1]);
        struct kaftan_error *err = topic_groups_new(m, &g);
        cr_assert_not_null(err, "%s", bad[i][1]);
        cr_expect_not_null(strstr(kaftan_error_message(err), bad[i][0]), "%s", kaftan_error_message(err));
        kaftan_error_free(err);
    }
    text_map_unref(m);
}
