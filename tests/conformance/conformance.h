/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H
/*
 * conformance: what every source connector must do, run with the real loader
 * and the real runtime against a fake Kafka and a fake store.
 *
 * A connector takes part with a driver: how to configure it and how to make
 * its source give messages. The messages are the numbers 0, 1, 2 ... as text,
 * so that loss, repetition and disorder can be seen in the topic.
 */
#include <stddef.h>

struct conformance_driver {
    const char *name;
    const char *path;                  /* of the shared object */
    const char *const *config;         /* key, value, ..., NULL; without name */
    const char *const *(*more)(void);  /* further keys known at run time only; may be NULL */
    const char *const *const *bad;     /* configs (added to config) that must fail to start; NULL ended */
    void (*setup)(void);               /* a fresh source; may be NULL */
    void (*teardown)(void);            /* may be NULL */
    void (*feed)(size_t count);        /* so many further numbers; NULL: it makes them by itself */
};

/* One per connector; the list is in drivers.c. */
extern const struct conformance_driver *const conformance_drivers[];

#endif
