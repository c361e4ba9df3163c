/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

/* Records of the config and status topics: `key\nvalue` after each other, ended by a zero byte. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/log.h"
#include "store/config_state.h"
#include "store/status_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void silent(void *self, enum log_level level, const char *line)
{
    (void)self, (void)level, (void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_state *c = config_state_new();
    struct status_table *t = status_table_new();
    const char *p = (const char *)data;
    log_catch(silent, NULL);
    config_state_started(c);
    for (int64_t offset = 0; size > 0; offset++) {
        const char *end = memchr(p, 0, size);
        size_t len = end ? (size_t)(end - p) : size;
        const char *newline = memchr(p, '\n', len);
        struct kaftan_slice key = { p, newline ? (size_t)(newline - p) : len }, value = { NULL, 0 };
        if (newline)
            value = (struct kaftan_slice){ newline + 1, len - key.len - 1 };
        config_state_apply(c, key, value, offset);
        status_table_apply(t, key, value);
        snapshot_unref(config_state_snapshot(c));
        len += end ? 1 : 0;
        p += len;
        size -= len;
    }
    status_table_free(t);
    config_state_free(c);
    return 0;
}
