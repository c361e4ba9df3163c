/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MAIN_RUN_H
#define MAIN_RUN_H
/*
 * run: wires a worker, waits for a signal, takes it apart in reverse order.
 *
 * Owner    main; Thread main
 */
#include "main/args.h"

/* Returns the exit status. */
int run_worker(const struct args *a);
int run_plugins(const struct args *a);

#endif
