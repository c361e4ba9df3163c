/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A herder whose answers a test chooses: link-time stand-ins for what rest
 * calls. One connector, "orders"; "slow" is never answered until released.
 */
#include "config.h"

#include <string.h>

#include "base/mem.h"
#include "unit/rest/fake_herder.h"

static struct herder_request *held;
atomic_bool fake_started = true;
atomic_int fake_created;
bool (*fake_hook)(struct herder_request *r);

struct herder_request *herder_request_new(enum herder_op op,
                                          const char *connector)
{
    struct herder_request *r = mem_zalloc(1, sizeof *r);
    r->op = op;
    r->connector = connector ? mem_strdup(connector) : NULL;
    r->forward = -1;
    return r;
}

void herder_request_free(struct herder_request *r)
{
    if (!r)
        return;
    mem_free(r->connector);
    text_map_unref(r->config);
    mem_free(r->authorization);
    for (int32_t i = 0; i < r->task_count; i++)
        text_map_unref(r->tasks[i]);
    mem_free(r->tasks);
    mem_free(r->proof.algorithm);
    mem_free(r->proof.mac);
    mem_free(r->proof.body);
    mem_free(r->logger);
    mem_free(r->level);
    mem_free(r->relay);
    kaftan_error_free(r->err);
    for (size_t i = 0; i < r->view_count; i++)
        mem_free(r->views[i].tasks);
    mem_free(r->views);
    mem_free(r);
}

static struct text_map *config_of(void)
{
    static struct text_map *m;
    if (!m) {
        m = text_map_new();
        text_map_put(m, "name", "orders");
        text_map_put(m, "text", "a/\"b\"\x1f\xc3\xa9");
        text_map_put(m, "none", NULL);
    }
    return m;
}

static void fill_view(struct herder_request *r)
{
    static const struct herder_state state = { "RUNNING", NULL, "h:1", NULL };
    static const struct herder_state failed = { "FAILED", "why\n", "h:1",
                                                "1.0" };
    r->views = mem_zalloc(1, sizeof *r->views);
    r->view_count = 1;
    struct herder_view *v = r->views;
    v->name = r->connector ? r->connector : "orders";
    v->config = r->config ? r->config : config_of();
    v->type = "source";
    v->task_count = 1;
    v->tasks = mem_zalloc(1, sizeof *v->tasks);
    v->task_rows = 1;
    v->tasks[0].config = config_of();
    v->tasks[0].status = failed;
    v->tasks[0].has_status = true;
    v->status = state;
    v->has_status = true;
}

void herder_send(struct herder *h, struct herder_request *r)
{
    (void)h;
    if (fake_hook && fake_hook(r)) {
        r->done(r);
        return;
    }
    if (r->connector && strcmp(r->connector, "slow") == 0) {
        held = r;
        return;
    }
    if (r->op == HERDER_CREATE)
        atomic_fetch_add(&fake_created, 1);
    if (r->op != HERDER_CREATE && r->connector &&
        strcmp(r->connector, "orders") != 0)
        r->err = kaftan_error_new(KAFTAN_E_NOT_FOUND, "Connector %s not found",
                                  r->connector);
    else
        fill_view(r);
    r->done(r);
}

void fake_release(void)
{
    struct herder_request *r = held;
    held = NULL;
    if (r) {
        fill_view(r);
        r->done(r);
    }
}

bool herder_started(const struct herder *h)
{
    (void)h;
    return atomic_load(&fake_started);
}

const char *herder_stage(const struct herder *h)
{
    (void)h;
    return "";
}

const char *herder_cluster_id(const struct herder *h)
{
    (void)h;
    return "cluster";
}

const struct plugin_class *registry_at(const struct registry *r, size_t i)
{
    static const struct plugin_class classes[] = {
        { .type = PLUGIN_CONVERTER, .name = "x.Conv", .version = "1" },
        { .type = PLUGIN_SOURCE, .name = "x.Source", .version = "2" },
    };
    (void)r;
    return i < COUNT_OF(classes) ? &classes[i] : NULL;
}

const char *plugin_type_name(enum plugin_type type)
{
    return type == PLUGIN_SOURCE ? "source" : "converter";
}

struct kaftan_error *validate_describe(const struct registry *r,
                                       const char *class_name,
                                       const char *version,
                                       struct config_infos **ret)
{
    (void)r;
    (void)version;
    (void)ret;
    return kaftan_error_new(KAFTAN_E_NOT_FOUND, "Unknown plugin %s.",
                            class_name);
}

void config_infos_free(struct config_infos *i)
{
    (void)i;
}
