/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_SINK_H
#define KAFTAN_SINK_H
/*
 * Sink connectors (N12). Their place in the ABI; a worker of ABI 1.0 lists
 * sinks and refuses to run them by name.
 *
 * put takes as many records of the batch as it wants now and says how many;
 * the rest is offered again. pre_commit gives the offsets that are safe.
 */
#include <kaftan/config.h>
#include <kaftan/record.h>
#include <kaftan/source.h>
#include <kaftan/task.h>

struct kaftan_topic_partition {
    struct kaftan_slice topic;
    int32_t partition;
    int64_t offset; /* the next one to read, where an offset is meant; -1: none */
};

struct kaftan_sink {
    uint32_t size; /* sizeof(struct kaftan_sink) */
    const char *class_name;
    const char *task_class;
    const char *version;
    const struct kaftan_config_key *config;
    size_t config_size;
    void (*validate)(const void *config, const struct kaftan_config_texts *texts, struct kaftan_config_report *report);
    struct kaftan_error *(*task_configs)(const void *config, struct kaftan_task *context, int32_t max_tasks,
                                         struct kaftan_task_configs *ret);
    struct kaftan_error *(*open)(const void *config, struct kaftan_task *task, void **ret);
    struct kaftan_error *(*put)(void *self, const struct kaftan_record *records, size_t count, size_t *ret_taken);
    struct kaftan_error *(*service)(void *self, kaftan_deadline deadline);
    int (*fd)(void *self);
    /* In: what was delivered; out: what may be committed (offset -1: not yet). */
    struct kaftan_error *(*pre_commit)(void *self, struct kaftan_topic_partition *offsets, size_t count);
    void (*assigned)(void *self, const struct kaftan_topic_partition *p, size_t count);
    void (*revoked)(void *self, const struct kaftan_topic_partition *p, size_t count, kaftan_deadline deadline);
    bool (*idle)(void *self);
    void (*pause)(void *self, bool paused);
    void (*stop)(void *self, enum kaftan_stop_reason reason, kaftan_deadline deadline);
    void (*wake)(void *self);
    void (*close)(void *self);
    struct kaftan_error *(*alter_offsets)(const void *config, struct kaftan_task *context,
                                          const struct kaftan_topic_partition *offsets, size_t count);
};

#endif
