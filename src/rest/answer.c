/* SPDX-License-Identifier: Apache-2.0 */
/* The entities of rest-api.md 3, in their wire order, and the error bodies. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "rest/entity.h"

static void answer_set(struct exchange *x, int status, const char *type)
{
    buf_clear(&x->answer.body);
    x->answer.status = status;
    x->answer.content_type = type;
}

static int put_piece(const char *data, size_t size, void *b)
{
    buf_put(b, data, size);
    return 0;
}

static void answer_doc(struct exchange *x, int status, const char *type,
                       json_t *doc)
{
    answer_set(x, status, type);
    ASSERT(json_dump_callback(doc, put_piece, &x->answer.body,
                              JSON_COMPACT | JSON_ENCODE_ANY) == 0);
    json_decref(doc);
}

void answer_json(struct exchange *x, int status, json_t *doc)
{
    answer_doc(x, status, "application/json", doc);
}

static json_t *error_doc(int status, const char *message)
{
    return json_pack("{s:i,s:o}", "error_code", status, "message",
                     entity_text(message));
}

void answer_error(struct exchange *x, int status, const char *message)
{
    answer_json(x, status, error_doc(status, message));
}

void answer_err(struct exchange *x, const struct kaftan_error *err)
{
    answer_error(x, kaftan_error_http_status(err), kaftan_error_message(err));
}

void answer_routing(struct exchange *x, int status)
{
    const char *message = status == 404   ? "HTTP 404 Not Found"
                          : status == 405 ? "HTTP 405 Method Not Allowed"
                          : status == 406 ? "HTTP 406 Not Acceptable"
                                          : "HTTP 415 Unsupported Media Type";
    answer_doc(x, status, NULL, error_doc(status, message));
}

/* What Jetty answers before a request reaches Connect: a page, or nothing. */
void answer_container(struct exchange *x, int status, const char *title)
{
    bool page = strcmp(x->method, "GET") == 0 ||
                strcmp(x->method, "POST") == 0 ||
                strcmp(x->method, "HEAD") == 0;
    answer_set(x, status, page ? "text/html;charset=iso-8859-1" : NULL);
    if (page)
        buf_printf(&x->answer.body,
                   "<html><head><title>Error %d %s</title></head><body><h2>"
                   "HTTP ERROR %d %s</h2></body></html>\n",
                   status, title, status, title);
    x->answer.close = true;
}

void answer_empty(struct exchange *x, int status)
{
    answer_set(x, status, NULL);
}

void answer_location(struct exchange *x, const char *connector)
{
    struct buf b = BUF_INIT;
    buf_printf(&b, "http://%s/connectors/", x->host ? x->host : "");
    uri_put_segment(&b, connector);
    x->answer.location = buf_take(&b);
}

void answer_relayed(struct exchange *x, struct herder_request *r)
{
    answer_set(x, r->relayed, r->relay ? "application/json" : NULL);
    if (r->relay)
        buf_put(&x->answer.body, r->relay, r->relay_len);
    if (r->relayed == 201)
        answer_location(x, r->connector);
}

json_t *entity_text(const char *s)
{
    if (!s)
        return json_null();
    size_t len = strlen(s);
    if (utf8_valid(s, len))
        return json_stringn(s, len);
    struct buf b = BUF_INIT;
    utf8_append_lossy(&b, s, len);
    json_t *t = json_stringn(b.data, b.len);
    buf_fini(&b);
    return t ? t : json_string("?");
}

static void set(json_t *object, const char *name, json_t *value)
{
    ASSERT(json_object_set_new(object, name, value) == 0);
}

static void add(json_t *array, json_t *value)
{
    ASSERT(json_array_append_new(array, value) == 0);
}

json_t *entity_map(const struct text_map *m)
{
    json_t *o = json_object();
    const char *key, *value;
    for (size_t i = 0; text_map_at(m, &i, &key, &value);)
        if (json_object_set_new(o, key, entity_text(value)) != 0)
            ASSERT(!utf8_valid(key, strlen(key))); /* bodies are checked */
    return o;
}

static json_t *task_id(const char *connector, int32_t task)
{
    json_t *o = json_object();
    set(o, "connector", entity_text(connector));
    set(o, "task", json_integer(task));
    return o;
}

json_t *entity_connector(const struct herder_view *v)
{
    json_t *tasks = json_array();
    for (int32_t i = 0; i < v->task_count; i++)
        add(tasks, task_id(v->name, i));
    json_t *o = json_object();
    set(o, "name", entity_text(v->name));
    set(o, "config", entity_map(v->config));
    set(o, "tasks", tasks);
    set(o, "type", entity_text(v->type));
    return o;
}

static void put_state(json_t *o, const struct herder_state *s)
{
    set(o, "state", entity_text(s->state));
    set(o, "worker_id", entity_text(s->worker_id));
    if (!s->version || strcmp(s->version, "undefined") != 0)
        set(o, "version", entity_text(s->version));
    if (s->trace && *s->trace)
        set(o, "trace", entity_text(s->trace));
}

json_t *entity_task_status(const struct herder_task *t)
{
    json_t *o = json_object();
    set(o, "id", json_integer(t->id));
    put_state(o, &t->status);
    return o;
}

json_t *entity_status(const struct herder_view *v)
{
    json_t *connector = json_object();
    put_state(connector, &v->status);
    json_t *tasks = json_array();
    for (size_t i = 0; i < v->task_rows; i++)
        if (v->tasks[i].has_status)
            add(tasks, entity_task_status(&v->tasks[i]));
    json_t *o = json_object();
    set(o, "name", entity_text(v->name));
    set(o, "connector", connector);
    set(o, "tasks", tasks);
    set(o, "type", entity_text(v->type));
    return o;
}

json_t *entity_tasks(const struct herder_view *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->task_rows; i++) {
        if (!v->tasks[i].config)
            continue;
        json_t *o = json_object();
        set(o, "id", task_id(v->name, v->tasks[i].id));
        set(o, "config", entity_map(v->tasks[i].config));
        add(list, o);
    }
    return list;
}

static json_t *texts(const char *const *items, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        add(list, entity_text(items[i]));
    return list;
}

static json_t *key_info(const struct config_info *c)
{
    json_t *o = json_object();
    set(o, "name", entity_text(c->name));
    set(o, "type", entity_text(c->type));
    set(o, "required", json_boolean(c->required));
    set(o, "default_value", entity_text(c->default_value));
    set(o, "importance", entity_text(c->importance));
    set(o, "documentation", entity_text(c->documentation));
    set(o, "group", entity_text(c->group));
    set(o, "order_in_group", json_integer(c->order_in_group));
    set(o, "width", entity_text(c->width));
    set(o, "display_name", entity_text(c->display_name));
    set(o, "dependents", texts(c->dependents, c->dependent_count));
    return o;
}

json_t *entity_keys(const struct config_infos *i)
{
    json_t *list = json_array();
    for (size_t k = 0; k < i->count; k++)
        if (i->infos[k].defined)
            add(list, key_info(&i->infos[k]));
    return list;
}

json_t *entity_infos(const struct config_infos *i)
{
    json_t *list = json_array();
    for (size_t k = 0; k < i->count; k++) {
        const struct config_info *c = &i->infos[k];
        json_t *value = json_object();
        set(value, "name", entity_text(c->name));
        set(value, "value", entity_text(c->value));
        set(value, "recommended_values",
            texts(c->recommended, c->recommended_count));
        set(value, "errors", texts(c->errors, c->error_count));
        set(value, "visible", json_boolean(c->visible));
        json_t *row = json_object();
        set(row, "definition", c->defined ? key_info(c) : json_null());
        set(row, "value", value);
        add(list, row);
    }
    json_t *o = json_object();
    set(o, "name", entity_text(i->name));
    set(o, "error_count", json_integer(i->error_count));
    set(o, "groups", texts(i->groups, i->group_count));
    set(o, "configs", list);
    return o;
}
