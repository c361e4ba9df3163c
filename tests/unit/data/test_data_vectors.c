/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include "vectors/data.h"

static void run(struct golden *g, const struct json *list)
{
    static const struct data_component *const tables[] = { data_value_components, NULL };
    data_run(g, list, tables);
}

static const struct golden_section sections[] = { { "vectors", run, NULL }, { NULL, NULL, NULL } };

Test(data_vectors, values)
{
    cr_assert_eq(golden_file("data-values.json", sections), 0);
}
