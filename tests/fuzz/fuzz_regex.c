/* SPDX-License-Identifier: Apache-2.0 */
/* Pattern, a line feed, replacement, a line feed, text. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *pattern = mem_strndup((const char *)data, size), *rest = pattern + strlen(pattern), *text = rest;
    char *cut = strchr(pattern, '\n');
    if (cut) {
        *cut = '\0';
        rest = cut + 1;
        text = strchr(rest, '\n');
        if (text)
            *text++ = '\0';
        else
            text = rest;
    }
    struct regex *r = NULL;
    struct kaftan_error *err = regex_new(pattern, &r);
    if (!err) {
        struct buf out = BUF_INIT;
        struct kaftan_slice s = { text, strlen(text) };
        (void)regex_matches(r, s);
        err = regex_replace_first(r, s, rest, &out);
        buf_fini(&out);
    }
    kaftan_error_free(err);
    regex_free(r);
    mem_free(pattern);
    return 0;
}
