/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>

#include "vectors/data.h"

static void run(struct golden *g, const struct json *list)
{
    static const struct data_component *const tables[] = { data_convert_components, NULL };
    data_run(g, list, tables);
}

static const struct golden_section sections[] = { { "vectors", run, NULL }, { NULL, NULL, NULL } };

Test(convert_vectors, json)
{
    cr_assert_eq(golden_file("data-json.json", sections), 0);
}

Test(convert_vectors, plain)
{
    cr_assert_eq(golden_file("data-plain.json", sections), 0);
}

Test(convert_vectors, header)
{
    cr_assert_eq(golden_file("data-header.json", sections), 0);
}
