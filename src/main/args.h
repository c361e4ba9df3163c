/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MAIN_ARGS_H
#define MAIN_ARGS_H
/*
 * args: the command line. Thread: main. Memory: borrows argv.
 */
#include <stdbool.h>
#include <stddef.h>
#include <kaftan/error.h>

#include "base/log.h"

/* Exit statuses (runtime-and-storage.md 6.3). */
enum { STATUS_USAGE = 1, STATUS_INIT = 2, STATUS_START = 3 };

enum command {
    COMMAND_DISTRIBUTED,
    COMMAND_STANDALONE,
    COMMAND_PLUGINS,
    COMMAND_HELP,
    COMMAND_VERSION
};
struct args {
    enum command command;
    enum log_level level;
    bool json_log;
    const char *file;              /* the worker's; NULL for plugins without one */
    const char *const *connectors; /* standalone: further files */
    size_t connector_count;
};

/* Errors: INVALID, one line that names the argument. */
struct kaftan_error *args_parse(int argc, char **argv, struct args *ret) KAFTAN_MUST_CHECK;
extern const char args_usage[];

#endif
