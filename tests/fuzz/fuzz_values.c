/* SPDX-License-Identifier: Apache-2.0 */
/* A header's text: guessed, written again, guessed again, converted to every type. */
#include "config.h"

#include <stdint.h>

#include "base/mem.h"
#include "base/text.h"
#include "data/schema.h"
#include "data/values.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void convert_to_all(struct kaftan_arena *a, const struct kaftan_schema *from, const struct kaftan_value *v)
{
    struct kaftan_value out;
    for (int t = KAFTAN_TYPE_INT8; t <= KAFTAN_TYPE_BYTES; t++)
        kaftan_error_free(values_convert(a, kaftan_schema_of((enum kaftan_type)t, true), from, v, &out));
    for (int l = LOGICAL_DATE; l <= LOGICAL_TIMESTAMP; l++)
        kaftan_error_free(values_convert(a, schema_logical((enum schema_logical)l), from, v, &out));
    kaftan_error_free(values_convert(a, schema_decimal_in(a, 2), from, v, &out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kaftan_arena *a = arena_new(1 << 14);
    struct buf text = BUF_INIT, shown = BUF_INIT;
    const struct kaftan_schema *schema = NULL, *again = NULL;
    struct kaftan_value v, w;
    utf8_append_lossy(&text, (const char *)data, size);
    struct kaftan_slice s = { buf_text(&text), text.len };
    if (values_parse(a, s, &schema, &v)) {
        values_put_text(&shown, &v);
        s = (struct kaftan_slice){ buf_text(&shown), shown.len };
        (void)values_parse(a, s, &again, &w);
        kaftan_schema_unref(kaftan_schema_ref(schema));
        convert_to_all(a, schema, &v);
    }
    buf_fini(&text);
    buf_fini(&shown);
    arena_free(a);
    return 0;
}
