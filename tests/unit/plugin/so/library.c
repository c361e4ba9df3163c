/* SPDX-License-Identifier: Apache-2.0 */
/* A shared object that is no plugin. */
#include "config.h"

#include <stdlib.h>
#include <kaftan/abi.h>

KAFTAN_API int library_function(void);

__attribute__((constructor)) static void ran(void)
{
    (void)setenv("PLUGIN_CODE_RAN", "library", 1);
}

int library_function(void)
{
    return 0;
}
