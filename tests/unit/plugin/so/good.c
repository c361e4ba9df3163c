/* SPDX-License-Identifier: Apache-2.0 */
/* A plugin that passes the gate: two sources of the same simple name, one alias. */
#include "config.h"

#include <kaftan/connector.h>

struct good_config {
    const char *text;
};

static const struct kaftan_config_key good_keys[] = {
    { .name = "good.text", KAFTAN_STRING_FIELD(struct good_config, text), .def = "x", .doc = "A text." },
    { 0 },
};

static struct kaftan_error *good_open(const void *config, struct kaftan_task *task, void **ret)
{
    (void)config;
    *ret = task;
    return NULL;
}

static struct kaftan_error *good_poll(void *self, kaftan_deadline deadline, struct kaftan_batch *batch)
{
    (void)self, (void)deadline, (void)batch;
    return NULL;
}

static void good_close(void *self)
{
    (void)self;
}

#define GOOD(name, task)                                                                                     \
    { .size = sizeof(struct kaftan_source), .class_name = name, .task_class = task, .version = "1.2",        \
      .config = good_keys, .config_size = sizeof(struct good_config), .open = good_open, .poll = good_poll, \
      .close = good_close }
static const struct kaftan_source own = GOOD("io.kaftan.good.GoodSourceConnector", NULL);
static const struct kaftan_source other = GOOD("com.example.GoodSourceConnector", "com.example.Worker");
static const struct kaftan_source *const sources[] = { &own, &other, NULL };
static const struct kaftan_alias aliases[] = {
    { "org.example.OldName", "io.kaftan.good.GoodSourceConnector" },
    { NULL, NULL },
};
KAFTAN_PLUGIN(.name = "good", .version = "1.2", .sources = sources, .aliases = aliases);
