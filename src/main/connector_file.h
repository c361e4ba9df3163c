/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MAIN_CONNECTOR_FILE_H
#define MAIN_CONNECTOR_FILE_H
/*
 * connector_file: a connector named on the command line of a standalone
 * worker, in one of the three forms Java's takes (runtime-and-storage.md 5):
 *
 *   {"name": "c", "connector.class": ...}                     flat JSON
 *   {"name": "c", "config": {...}, "initial_state": "PAUSED"} as POST /connectors
 *   name=c                                                    Java properties
 *
 * Thread   main
 */
#include <stdbool.h>
#include <kaftan/error.h>

#include "base/map.h"
#include "store/store.h"

struct connector_file {
    struct text_map *config; /* owned; has a name */
    bool has_initial;
    enum target_state initial;
};

/* Errors name the file. */
struct kaftan_error *connector_file_load(const char *path, struct connector_file *ret) KAFTAN_MUST_CHECK;

#endif
