/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fake/fake_admin.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

struct fake_admin fake_admin = { .state = ADMIN_TOPIC_EXISTS, .policy = "compact", .config_partitions = 1 };

struct admin {
    int fd;
};

struct admin_request {
    enum admin_topic topic;
    struct kaftan_error *err;
};

struct kaftan_error *admin_new(const struct text_map *props, struct admin **ret)
{
    (void)props;
    *ret = mem_zalloc(1, sizeof **ret);
    (*ret)->fd = eventfd(1, EFD_CLOEXEC);
    return NULL;
}

void admin_free(struct admin *a)
{
    if (a)
        close(a->fd);
    mem_free(a);
}

int admin_fd(const struct admin *a)
{
    return a->fd;
}

struct admin_request *admin_create_start(struct admin *a, const struct admin_new_topic *t, int timeout_ms)
{
    const char *key, *value;
    struct admin_request *r = mem_zalloc(1, sizeof *r);
    size_t at = strlen(fake_admin.requests), room = sizeof fake_admin.requests - at;
    (void)a, (void)timeout_ms;
    (void)snprintf(fake_admin.requests + at, room, "%s/%d/%d{", t->name, (int)t->partitions, t->replication);
    for (size_t i = 0; text_map_at(t->config, &i, &key, &value);) {
        at = strlen(fake_admin.requests);
        (void)snprintf(fake_admin.requests + at, sizeof fake_admin.requests - at, "%s=%s,", key, value);
    }
    at = strlen(fake_admin.requests);
    (void)snprintf(fake_admin.requests + at, sizeof fake_admin.requests - at, "};");
    r->topic = fake_admin.state;
    if (fake_admin.failures > 0) {
        fake_admin.failures--;
        r->err = kaftan_error_new(fake_admin.failure, "refused by the test");
    }
    return r;
}

struct admin_request *admin_describe_start(struct admin *a, const char *topic, int timeout_ms)
{
    struct admin_request *r = mem_zalloc(1, sizeof *r);
    (void)a, (void)topic, (void)timeout_ms;
    r->topic = ADMIN_TOPIC_EXISTS;
    return r;
}

bool admin_result(struct admin_request *r, enum admin_topic *ret, struct kaftan_error **ret_err)
{
    *ret = r->topic;
    *ret_err = r->err;
    mem_free(r);
    return true;
}

void admin_cancel(struct admin_request *r)
{
    if (r)
        kaftan_error_free(r->err);
    mem_free(r);
}

const char *admin_trouble(struct admin *a)
{
    (void)a;
    return "";
}

bool admin_refused(struct admin *a)
{
    (void)a;
    return false;
}

struct kaftan_error *admin_cluster_id(struct admin *a, int timeout_ms, char **ret)
{
    (void)a, (void)timeout_ms;
    if (fake_admin.no_cluster)
        return kaftan_error_new(KAFTAN_E_RETRIABLE, "no cluster in this test");
    *ret = mem_strdup("cluster");
    return NULL;
}

struct kaftan_error *admin_create_wait(struct admin *a, const struct admin_new_topic *t, int timeout_ms, enum admin_topic *ret)
{
    struct kaftan_error *err = NULL;
    admin_result(admin_create_start(a, t, timeout_ms), ret, &err);
    return err;
}

struct kaftan_error *admin_topic_setting(struct admin *a, const char *topic, const char *name, int timeout_ms, char **ret)
{
    (void)a, (void)topic, (void)name, (void)timeout_ms;
    *ret = fake_admin.policy ? mem_strdup(fake_admin.policy) : NULL;
    return NULL;
}

struct kaftan_error *admin_partition_count(struct admin *a, const char *topic, int timeout_ms, int32_t *ret)
{
    (void)a, (void)timeout_ms;
    *ret = strcmp(topic, "configs") == 0 ? fake_admin.config_partitions : 5;
    return NULL;
}
