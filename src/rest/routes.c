/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route table and what each route does: read the request, ask the herder,
 * turn its answer into JSON. Nothing here waits.
 */
#include "config.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "rest/entity.h"

/* Tools read features from Kafka's version number (design.md D12). */
#define KAFKA_VERSION "4.3.1"

/* ---- at once ---- */

static void get_root(struct exchange *x)
{
    answer_json(x, 200,
                json_pack("{s:s,s:s,s:o}", "version", KAFKA_VERSION, "commit",
                          KAFTAN_COMMIT, "kafka_cluster_id",
                          entity_text(herder_cluster_id(x->rest->herder))));
}

static void get_metrics(struct exchange *x)
{
    answer_empty(x, 200);
    x->answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_write(x->rest->metrics, &x->answer.body);
}

static void get_plugins(struct exchange *x)
{
    static const enum plugin_type order[] = {
        PLUGIN_SINK,      PLUGIN_SOURCE,    PLUGIN_TRANSFORM,
        PLUGIN_PREDICATE, PLUGIN_CONVERTER, PLUGIN_HEADER_CONVERTER
    };
    bool only = !uri_param(&x->uri, "connectorsOnly") ||
                uri_flag(&x->uri, "connectorsOnly");
    json_t *list = json_array();
    for (size_t t = 0; t < (only ? 2 : COUNT_OF(order)); t++) {
        const struct plugin_class *c;
        for (size_t i = 0; (c = registry_at(x->rest->registry, i)); i++)
            if (c->type == order[t])
                ASSERT(json_array_append_new(
                           list, json_pack("{s:s,s:s,s:s}", "class", c->name,
                                           "type", plugin_type_name(c->type),
                                           "version", c->version)) == 0);
    }
    answer_json(x, 200, list);
}

static void get_plugin_config(struct exchange *x)
{
    struct config_infos *infos = NULL;
    struct kaftan_error *err =
        validate_describe(x->rest->registry, x->uri.segments[1],
                          uri_param(&x->uri, "version"), &infos);
    if (err) {
        answer_err(x, err);
        kaftan_error_free(err);
        return;
    }
    answer_json(x, 200, entity_keys(infos));
    config_infos_free(infos);
}

/* ---- through the herder ---- */

static struct herder_request *request_of(struct exchange *x)
{
    const char *name = x->uri.count > 1 ? x->uri.segments[1] : NULL;
    struct herder_request *r = herder_request_new(x->route->op, name);
    const char *forward = uri_param(&x->uri, "forward");
    r->forward = forward ? uri_flag(&x->uri, "forward") : -1;
    if (x->authorization)
        r->authorization = mem_strdup(x->authorization);
    return r;
}

static void ask(struct exchange *x)
{
    exchange_ask(x, request_of(x), REQUEST_TIMEOUT_MS);
}

static void get_health(struct exchange *x)
{
    exchange_ask(x, herder_request_new(HERDER_PING, NULL), HEALTH_TIMEOUT_MS);
}

static void ask_restart(struct exchange *x)
{
    struct herder_request *r = request_of(x);
    r->only_failed = uri_flag(&x->uri, "onlyFailed");
    r->include_tasks = uri_flag(&x->uri, "includeTasks");
    exchange_ask(x, r, REQUEST_TIMEOUT_MS);
}

/* A task number as Java's int path parameter; false: 404 is answered. */
static void ask_task(struct exchange *x)
{
    int64_t n;
    const char *text = x->uri.segments[3];
    if (!text_to_i64(text, strlen(text), &n) || n > INT32_MAX ||
        n < INT32_MIN) {
        answer_error(x, 404, "HTTP 404 Not Found");
        return;
    }
    struct herder_request *r = request_of(x);
    r->task = (int32_t)n;
    exchange_ask(x, r, REQUEST_TIMEOUT_MS);
}

/* `name` in a config must be the connector's; it is added when absent. */
static struct kaftan_error *settle_name(struct text_map *config,
                                        const char *name)
{
    const char *inner = text_map_get(config, "name");
    if (!text_map_has(config, "name"))
        text_map_put(config, "name", name);
    else if (!inner || strcmp(inner, name) != 0)
        return kaftan_error_new(
            KAFTAN_E_INVALID,
            "Connector name configuration (%s) doesn't match connector name "
            "in the URL (%s)",
            inner ? inner : "null", name);
    return NULL;
}

static void refuse(struct exchange *x, struct kaftan_error *err)
{
    answer_err(x, err);
    kaftan_error_free(err);
}

static void ask_create(struct exchange *x)
{
    struct create_body b = { 0 };
    struct kaftan_error *err = body_create(x, &b);
    if (!err)
        err = settle_name(b.config, b.name);
    if (err) {
        refuse(x, err);
    } else {
        struct herder_request *r = herder_request_new(HERDER_CREATE, b.name);
        const char *forward = uri_param(&x->uri, "forward");
        r->forward = forward ? uri_flag(&x->uri, "forward") : -1;
        if (x->authorization)
            r->authorization = mem_strdup(x->authorization);
        r->config = text_map_ref(b.config);
        r->has_initial = b.has_initial;
        r->initial = b.initial;
        exchange_ask(x, r, REQUEST_TIMEOUT_MS);
    }
    mem_free(b.name);
    text_map_unref(b.config);
}

static void ask_config(struct exchange *x)
{
    struct text_map *config = NULL;
    struct kaftan_error *err = body_map(x, &config);
    if (!err && x->route->op == HERDER_PUT_CONFIG)
        err = settle_name(config, x->uri.segments[1]);
    if (err) {
        text_map_unref(config);
        refuse(x, err);
        return;
    }
    struct herder_request *r = request_of(x);
    r->config = config;
    exchange_ask(x, r, REQUEST_TIMEOUT_MS);
}

/* Text without one trailing "Connector". */
static size_t stem(const char *s)
{
    size_t n = strlen(s);
    return text_ends(s, "Connector") ? n - strlen("Connector") : n;
}

static void ask_validate(struct exchange *x)
{
    struct text_map *config = NULL;
    struct kaftan_error *err = body_map(x, &config);
    if (err) {
        refuse(x, err);
        return;
    }
    const char *plugin = x->uri.segments[1];
    const char *class = text_map_get(config, "connector.class");
    size_t want = stem(plugin), have = class ? stem(class) : 0;
    if (class &&
        (have < want || strncmp(class + have - want, plugin, want) != 0)) {
        refuse(x, kaftan_error_new(KAFTAN_E_INVALID,
                                   "Included connector type %s does not match "
                                   "request type %s",
                                   class, plugin));
        text_map_unref(config);
        return;
    }
    struct herder_request *r = herder_request_new(HERDER_VALIDATE, plugin);
    r->config = config;
    exchange_ask(x, r, REQUEST_TIMEOUT_MS);
}

/* ---- answers ---- */

static void reply_health(struct exchange *x, struct herder_request *r)
{
    bool started = herder_started(x->rest->herder);
    const char *stage = herder_stage(x->rest->herder);
    bool ok = started && r && !r->err;
    struct buf message = BUF_INIT;
    buf_puts(&message,
             ok        ? "Worker has completed startup and is ready to handle "
                         "requests."
             : started ? "Worker was unable to handle this request and may be "
                         "unable to handle other requests."
                       : "Worker is still starting up.");
    if (!ok && stage && *stage)
        buf_printf(&message, " %s", stage);
    answer_json(x,
                ok        ? 200
                : started ? 500
                          : 503,
                json_pack("{s:s,s:s}", "status",
                          ok        ? "healthy"
                          : started ? "unhealthy"
                                    : "starting",
                          "message", buf_text(&message)));
    buf_fini(&message);
}

static void reply_list(struct exchange *x, struct herder_request *r)
{
    if (!uri_param(&x->uri, "expand")) {
        json_t *names = json_array();
        for (size_t i = 0; i < r->view_count; i++)
            ASSERT(json_array_append_new(names,
                                         entity_text(r->views[i].name)) == 0);
        answer_json(x, 200, names);
        return;
    }
    json_t *all = json_object();
    for (size_t i = 0; i < r->view_count; i++) {
        const struct herder_view *v = &r->views[i];
        json_t *entry = json_object();
        bool omit = false;
        for (size_t p = 0; p < x->uri.param_count; p++) {
            const char *what = x->uri.params[p].value;
            if (strcmp(x->uri.params[p].name, "expand") != 0)
                continue;
            if (strcmp(what, "status") == 0) {
                omit = omit || !v->has_status;
                if (v->has_status)
                    ASSERT(json_object_set_new(entry, "status",
                                               entity_status(v)) == 0);
            } else if (strcmp(what, "info") == 0) {
                ASSERT(json_object_set_new(entry, "info",
                                           v->config ? entity_connector(v)
                                                     : json_null()) == 0);
            }
        }
        if (omit)
            json_decref(entry);
        else
            ASSERT(json_object_set_new(all, v->name, entry) == 0);
    }
    answer_json(x, 200, all);
}

static void reply_connector(struct exchange *x, struct herder_request *r)
{
    bool created = r->op == HERDER_CREATE || r->created;
    answer_json(x, created ? 201 : 200, entity_connector(&r->views[0]));
    if (created)
        answer_location(x, r->connector);
}

static void reply_config(struct exchange *x, struct herder_request *r)
{
    answer_json(x, 200, entity_map(r->views[0].config));
}

static void reply_status(struct exchange *x, struct herder_request *r)
{
    answer_json(x, 200, entity_status(&r->views[0]));
}

static void reply_tasks(struct exchange *x, struct herder_request *r)
{
    answer_json(x, 200, entity_tasks(&r->views[0]));
}

static void reply_task_status(struct exchange *x, struct herder_request *r)
{
    const struct herder_view *v = &r->views[0];
    for (size_t i = 0; i < v->task_rows; i++)
        if (v->tasks[i].id == r->task && v->tasks[i].has_status) {
            answer_json(x, 200, entity_task_status(&v->tasks[i]));
            return;
        }
    answer_error(x, 404, "HTTP 404 Not Found");
}

static void reply_accepted(struct exchange *x, struct herder_request *r)
{
    (void)r;
    answer_empty(x, 202);
}

static void reply_done(struct exchange *x, struct herder_request *r)
{
    (void)r;
    answer_empty(x, 204);
}

static void reply_restart(struct exchange *x, struct herder_request *r)
{
    if (!r->only_failed && !r->include_tasks)
        answer_empty(x, 204);
    else
        answer_json(x, 202, entity_status(&r->views[0]));
}

static void reply_infos(struct exchange *x, struct herder_request *r)
{
    answer_json(x, 200, entity_infos(r->infos));
}

static void reply_topics(struct exchange *x, struct herder_request *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->topic_count; i++)
        ASSERT(json_array_append_new(list, entity_text(r->topics[i])) == 0);
    json_t *o = json_object();
    ASSERT(json_object_set_new(o, r->connector,
                               json_pack("{s:o}", "topics", list)) == 0);
    answer_json(x, 200, o);
}

#define C "/connectors/{c}"
const struct route rest_routes[] = {
    { .method = "GET", .path = "/", .handle = get_root, .any_media = true },
    { .method = "GET",
      .path = "/health",
      .handle = get_health,
      .reply = reply_health,
      .op = HERDER_PING,
      .any_media = true },
    { .method = "GET",
      .path = "/metrics",
      .handle = get_metrics,
      .any_media = true,
      .plain = true },
    { .method = "GET",
      .path = "/connectors",
      .handle = ask,
      .reply = reply_list,
      .op = HERDER_LIST },
    { .method = "POST",
      .path = "/connectors",
      .handle = ask_create,
      .reply = reply_connector,
      .op = HERDER_CREATE,
      .reads_body = true },
    { .method = "GET",
      .path = C,
      .handle = ask,
      .reply = reply_connector,
      .op = HERDER_CONNECTOR },
    { .method = "DELETE",
      .path = C,
      .handle = ask,
      .reply = reply_done,
      .op = HERDER_DELETE },
    { .method = "GET",
      .path = C "/config",
      .handle = ask,
      .reply = reply_config,
      .op = HERDER_CONNECTOR },
    { .method = "PUT",
      .path = C "/config",
      .handle = ask_config,
      .reply = reply_connector,
      .op = HERDER_PUT_CONFIG,
      .reads_body = true },
    { .method = "PATCH",
      .path = C "/config",
      .handle = ask_config,
      .reply = reply_connector,
      .op = HERDER_PATCH_CONFIG,
      .reads_body = true },
    { .method = "GET",
      .path = C "/status",
      .handle = ask,
      .reply = reply_status,
      .op = HERDER_STATUS },
    { .method = "GET",
      .path = C "/tasks",
      .handle = ask,
      .reply = reply_tasks,
      .op = HERDER_CONNECTOR },
    { .method = "GET",
      .path = C "/tasks/{n}/status",
      .handle = ask_task,
      .reply = reply_task_status,
      .op = HERDER_TASK_STATUS },
    { .method = "POST",
      .path = C "/tasks/{n}/restart",
      .handle = ask_task,
      .reply = reply_done,
      .op = HERDER_RESTART_TASK },
    { .method = "PUT",
      .path = C "/pause",
      .handle = ask,
      .reply = reply_accepted,
      .op = HERDER_PAUSE },
    { .method = "PUT",
      .path = C "/resume",
      .handle = ask,
      .reply = reply_accepted,
      .op = HERDER_RESUME },
    { .method = "PUT",
      .path = C "/stop",
      .handle = ask,
      .reply = reply_done,
      .op = HERDER_STOP },
    { .method = "POST",
      .path = C "/restart",
      .handle = ask_restart,
      .reply = reply_restart,
      .op = HERDER_RESTART },
    { .method = "GET",
      .path = C "/topics",
      .handle = ask,
      .reply = reply_topics,
      .op = HERDER_TOPICS },
    { .method = "PUT",
      .path = C "/topics/reset",
      .handle = ask,
      .reply = reply_accepted,
      .op = HERDER_TOPICS_RESET },
    { .method = "POST",
      .path = C "/tasks",
      .handle = post_tasks,
      .reply = reply_done,
      .op = HERDER_PUT_TASKS,
      .any_media = true },
    { .method = "PUT",
      .path = C "/fence",
      .handle = put_fence,
      .reply = reply_done,
      .op = HERDER_FENCE,
      .any_media = true },
    { .method = "GET", .path = "/admin/loggers", .handle = get_loggers },
    { .method = "GET", .path = "/admin/loggers/{l}", .handle = get_logger },
    { .method = "PUT",
      .path = "/admin/loggers/{l}",
      .handle = put_logger,
      .reply = reply_done,
      .op = HERDER_LOGGER,
      .reads_body = true },
    { .method = "GET", .path = "/connector-plugins", .handle = get_plugins },
    { .method = "GET",
      .path = "/connector-plugins/{p}/config",
      .handle = get_plugin_config },
    { .method = "PUT",
      .path = "/connector-plugins/{p}/config/validate",
      .handle = ask_validate,
      .reply = reply_infos,
      .op = HERDER_VALIDATE,
      .reads_body = true },
    { 0 },
};
#undef C
