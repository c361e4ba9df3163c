/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "main/args.h"
#include "main/run.h"

int main(int argc, char **argv)
{
    struct args a;
    struct kaftan_error *err = args_parse(argc, argv, &a);
    if (err) {
        (void)fprintf(stderr, "kaftan: %s\nTry 'kaftan --help'.\n",
                      kaftan_error_message(err));
        kaftan_error_free(err);
        return STATUS_USAGE;
    }
    log_setup(a.level, a.json_log);
    switch (a.command) {
    case COMMAND_HELP:
        (void)fputs(args_usage, stdout);
        return EXIT_SUCCESS;
    case COMMAND_VERSION:
        printf("kaftan %s (%s)\n", PACKAGE_VERSION, KAFTAN_COMMIT);
        return EXIT_SUCCESS;
    case COMMAND_PLUGINS:
        return run_plugins(&a);
    default:
        return run_worker(&a);
    }
}
