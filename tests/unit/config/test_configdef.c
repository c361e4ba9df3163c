/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include "vectors/data.h"

static void run(struct golden *g, const struct json *list)
{
    static const struct data_component *const tables[] = { data_config_components, NULL };
    data_run(g, list, tables);
    cr_expect_geq(g->count->passed, 90u, "%zu of %zu", g->count->passed, list->count);
}

static const struct golden_section sections[] = { { "vectors", run, NULL }, { NULL, NULL, NULL } };

Test(configdef, golden_vectors)
{
    cr_assert_eq(golden_file("configdef-vectors.json", sections), 0);
}
