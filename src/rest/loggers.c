/* SPDX-License-Identifier: Apache-2.0 */
/* /admin/loggers (rest-api.md 10): levels of this worker at once, levels of the whole group by the config topic. */
#include "config.h"

#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "rest/entity.h"

/* Only on the listeners that admin.listeners names, when it is there at all. */
static bool elsewhere(struct exchange *x)
{
    if (!text_map_has(worker_config_props(x->rest->config), "admin.listeners"))
        return false;
    answer_routing(x, 404);
    return true;
}

static json_t *level_doc(enum log_level level, int64_t modified_ms)
{
    return json_pack("{s:s,s:o}", "level", log_level_name(level), "last_modified",
                     modified_ms ? json_integer(modified_ms) : json_null());
}

static void list_one(void *self, const char *name, enum log_level level, int64_t modified_ms)
{
    if (level != LOG_OFF)
        (void)json_object_set_new(self, name, level_doc(level, modified_ms)); /* a name that is no UTF-8: left out */
}

void get_loggers(struct exchange *x)
{
    json_t *all;
    if (elsewhere(x))
        return;
    all = json_object();
    log_each(list_one, all);
    answer_json(x, 200, all);
}

struct wanted {
    const char *name;
    json_t *found; /* NULL: not yet */
};

static void find_one(void *self, const char *name, enum log_level level, int64_t modified_ms)
{
    struct wanted *w = self;
    if (!w->found && strcmp(name, w->name) == 0)
        w->found = level_doc(level, modified_ms);
}

static const char *logger_name(const struct exchange *x)
{
    const char *name = x->uri.segments[2];
    return strcasecmp(name, "root") == 0 ? "root" : name;
}

void get_logger(struct exchange *x)
{
    struct wanted w = { .name = logger_name(x) };
    struct buf text = BUF_INIT;
    if (elsewhere(x))
        return;
    log_each(find_one, &w);
    buf_printf(&text, "Logger %s not found.", x->uri.segments[2]);
    if (w.found)
        answer_json(x, 200, w.found);
    else
        answer_error(x, 404, buf_text(&text));
    buf_fini(&text);
}

static void note_level(void *self, const char *name, enum log_level level, int64_t modified_ms)
{
    (void)modified_ms;
    (void)json_object_set_new(self, name, json_integer(level));
}

struct changes {
    json_t *before, *names;
};

/* A logger that was made just now, with the level it had anyway, has not changed. */
static void note_change(void *self, const char *name, enum log_level level, int64_t modified_ms)
{
    struct changes *c = self;
    const json_t *old = json_object_get(c->before, name);
    bool changed = old ? json_integer_value(old) != (json_int_t)level : modified_ms != 0;
    if (changed && utf8_valid(name, strlen(name)))
        ASSERT(json_array_append_new(c->names, json_string(name)) == 0);
}

static void set_here(struct exchange *x, enum log_level level)
{
    struct changes c = { json_object(), json_array() };
    log_each(note_level, c.before);
    (void)log_set_level(logger_name(x), level);
    log_each(note_change, &c);
    json_decref(c.before);
    answer_json(x, 200, c.names);
}

static void set_everywhere(struct exchange *x, const char *level)
{
    struct herder_request *r = herder_request_new(HERDER_LOGGER, NULL);
    r->logger = mem_strdup(logger_name(x));
    r->level = mem_strdup(level);
    exchange_ask(x, r, REQUEST_TIMEOUT_MS);
}

static void set_level(struct exchange *x, const char *text)
{
    const char *scope = uri_param(&x->uri, "scope");
    enum log_level level;
    struct buf why = BUF_INIT;
    if (!text) {
        answer_error(x, 400, "Desired 'level' parameter was not specified in request.");
    } else if (!*text) {
        answer_error(x, 500, "Illegal null or empty Level name.");
    } else if (!log_level_parse(text, &level)) {
        buf_printf(&why, "invalid log level '%s'.", text);
        answer_error(x, 404, buf_text(&why));
    } else if (scope && strcasecmp(scope, "cluster") == 0) {
        set_everywhere(x, text);
    } else {
        set_here(x, level);
    }
    buf_fini(&why);
}

void put_logger(struct exchange *x)
{
    struct text_map *body = NULL;
    struct kaftan_error *err;
    if (elsewhere(x))
        return;
    err = body_map(x, &body);
    if (err)
        answer_err(x, err);
    else
        set_level(x, text_map_get(body, "level"));
    kaftan_error_free(err);
    text_map_unref(body);
}
