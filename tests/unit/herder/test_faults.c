/* SPDX-License-Identifier: Apache-2.0 */
/* What a config topic, its records and the clock may do to a herder. */
#include "config.h"

#include "herder/herder.h"

#include <criterion/criterion.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "fake_member.h"
#include "fake_store.h"
#include "fake_worker.h"
#include "journal.h"
#include "stage.h"

/* The wall clock, which a test may set; the program is linked with --wrap. */
static _Atomic int64_t jumped_ms;
int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);

int64_t __wrap_clock_wall_ms(void)
{
    return __real_clock_wall_ms() + atomic_load(&jumped_ms);
}

/* Its records are gone, and so the offset is smaller than the one that was known. */
Test(herder_faults, a_config_topic_that_was_cut_off_is_followed)
{
    struct world w;
    begin(&w, true);
    create(&w, "a");
    create(&w, "b");
    saw(&w, "start b-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    size_t at = w.at = journal_size();
    fake_store_truncate(1);
    fake_member_assign();
    saw(&w, "stop a DELETE");
    w.at = at;
    saw(&w, "stop b-0 DELETE");
    expect_op(&w, HERDER_CONNECTOR, "a", 404, "Connector a not found");
    cr_expect_leq(journal_count(at, "rejoin"), 5u, "it joins over and over");
    create(&w, "c");
    saw(&w, "start c-0");
    end(&w);
}

Test(herder_faults, clock_jumps_cost_a_new_key_at_most)
{
    enum { HOUR_MS = 3600 * 1000 };
    struct world w;
    begin(&w, true);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    cr_expect_eq(journal_count(0, "key 32"), 1u);
    w.at = journal_size();
    atomic_store(&jumped_ms, 2 * HOUR_MS);
    expect_op(&w, HERDER_PING, NULL, 0, "");
    saw(&w, "key 32");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    atomic_store(&jumped_ms, -48LL * HOUR_MS);
    for (int i = 0; i < 20; i++)
        expect_op(&w, HERDER_PING, NULL, 0, "");
    expect_op(&w, HERDER_PAUSE, "a", 0, "");
    saw(&w, "state a PAUSED");
    cr_expect_eq(journal_count(0, "key 32"), 2u);
    cr_expect_not(journal_has(0, "stop a MOVE"));
    cr_expect_eq(journal_count(0, "start a-0"), 1u, "no work was touched");
    end(&w);
}

Test(herder_faults, session_keys_of_any_age)
{
    static const int64_t ages[] = { INT64_MAX, INT64_MAX - 1, INT64_MIN, -1, 0 };
    static const char bytes[32] = "thirty-two bytes of another one";
    struct world w;
    begin(&w, true);
    wait_started(&w);
    saw(&w, "key 32");
    for (size_t i = 0; i < COUNT_OF(ages); i++) {
        size_t written = journal_count(0, "key 32");
        fake_store_other_key(&(struct session_key){ { bytes, sizeof bytes }, "HmacSHA256", ages[i] });
        expect_op(&w, HERDER_LIST, NULL, 0, "");
        expect_op(&w, HERDER_PING, NULL, 0, "");
        if (ages[i] <= 0) /* too old: the leader makes one that it can trust */
            saw(&w, "key 32");
        cr_expect_eq(journal_count(0, "key 32"), written + (ages[i] <= 0));
    }
    end(&w);
}

/* The group's protocol has no room for such a name, which no REST request but the topic itself may bring. */
Test(herder_faults, a_name_too_long_for_the_group_stops_nobody_else)
{
    enum { LONG = 40000 };
    struct world w;
    char *name = mem_zalloc(LONG + 1, 1);
    memset(name, 'n', LONG);
    begin(&w, true);
    wait_started(&w);
    struct text_map *c = config("x", NULL, NULL);
    fake_store_other_puts(name, c);
    create(&w, "a");
    saw(&w, "start a-0");
    expect_op(&w, HERDER_CONNECTOR, "a", 0, "");
    char *journal = journal_text(0);
    cr_expect_null(strstr(journal, "start nnnn"), "it was dealt out");
    mem_free(journal);
    end(&w);
    text_map_unref(c);
    mem_free(name);
}
