/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>

#include "base/mem.h"
#include "unit/group/history.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes are the life of a group; in each of them everything that history.h names must hold. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *fault = history_run(data, size);
    if (fault)
        (void)fprintf(stderr, "%s\n", fault);
    ASSERT(!fault);
    return 0;
}
