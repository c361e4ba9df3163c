/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "base/map.h"

#include <criterion/criterion.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

Test(map, keeps_insertion_order_through_changes)
{
    struct map *m = map_new(mem_free);
    char key[16];
    const char *k;
    void *v;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        map_put(m, key, mem_strdup(key));
    }
    for (int i = 0; i < 1000; i += 2) {
        (void)snprintf(key, sizeof key, "k%d", i);
        cr_assert(map_remove(m, key));
        cr_assert_not(map_remove(m, key));
    }
    map_put(m, "k0", mem_strdup("again"));
    map_put(m, "k1", mem_strdup("changed"));
    cr_expect_eq(map_count(m), 501u);
    int expected = 1;
    for (size_t i = 0; map_at(m, &i, &k, &v); expected += 2) {
        (void)snprintf(key, sizeof key, "k%d", expected > 999 ? 0 : expected);
        cr_assert_str_eq(k, key);
        cr_assert_str_eq(v, expected == 1 ? "changed" : expected > 999 ? "again" : key);
    }
    cr_expect_eq(expected, 1003);
    map_free(m);
    map_free(NULL);
}

/* Many short-lived keys must not make the table grow or the search endless. */
Test(map, lives_long)
{
    struct map *m = map_new(mem_free);
    char key[16];
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(key, sizeof key, "k%d", i);
        map_put(m, key, mem_strdup(key));
        if (i >= 3) {
            (void)snprintf(key, sizeof key, "k%d", i - 3);
            char *value = map_take(m, key);
            cr_assert_str_eq(value, key);
            mem_free(value);
        }
    }
    cr_expect_eq(map_count(m), 3u);
    cr_expect_not(map_has(m, "k5"));
    cr_expect_null(map_take(m, "k5"));
    map_free(m);
}

Test(text_map, nulls_and_equality)
{
    struct text_map *a = text_map_new();
    text_map_put(a, "x", "1");
    text_map_put(a, "y", NULL);
    text_map_put(a, "z", "3");
    text_map_put(a, "x", "one");
    cr_expect(text_map_has(a, "y"));
    cr_expect_null(text_map_get(a, "y"));
    cr_expect_str_eq(text_map_get(a, "x"), "one");
    struct text_map *b = text_map_copy(a);
    cr_expect(text_map_eq(a, b));
    cr_expect(text_map_remove(b, "x"));
    cr_expect_not(text_map_eq(a, b));
    text_map_put(b, "x", "one");
    cr_expect(text_map_eq(a, b), "order does not count");
    text_map_put(b, "y", "");
    cr_expect_not(text_map_eq(a, b), "an empty text is no null");
    const char *k, *v, *first = NULL;
    for (size_t i = 0; text_map_at(a, &i, &k, &v);)
        first = first ? first : k;
    cr_expect_str_eq(first, "x", "a changed key keeps its place");
    text_map_unref(a);
    text_map_unref(b);
    text_map_unref(NULL);
}

Test(text_map, shared_one_is_immutable, .signal = SIGABRT)
{
    struct text_map *a = text_map_new();
    (void)text_map_ref(a);
    text_map_put(a, "x", "1");
}
