/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "main/run.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "config/props.h"
#include "config/worker.h"
#include "convert/builtin.h"
#include "herder/herder.h"
#include "kafka/jaas.h"
#include "main/connector_file.h"
#include "plugin/registry.h"
#include "rest/rest.h"

static struct log logger = LOG("main.run");

struct run {
    struct text_map *props;       /* shared */
    struct worker_config *config; /* owned, as all below */
    struct registry *registry;
    struct metrics *metrics;
    struct metrics_group *process;
    struct rest *rest;
    struct herder *herder;
    atomic_int ended; /* exit status + 1 of a herder that gave up; 0: runs */
};

static int complain(struct kaftan_error *err, int status)
{
    struct buf trace = BUF_INIT;
    for (const struct kaftan_error *e = err; e; e = error_cause(e))
        buf_printf(&trace, "%s%s", e == err ? "" : ": ",
                   kaftan_error_message(e));
    (void)fprintf(stderr, "kaftan: %s\n", buf_text(&trace));
    buf_fini(&trace);
    kaftan_error_free(err);
    return status;
}

static struct registry *load_plugins(const struct kaftan_list *path)
{
    struct registry *r = registry_new();
    struct kaftan_error *err = registry_add(r, convert_builtin(), "");
    if (err) {
        struct buf b = BUF_INIT;
        error_trace(err, &b);
        log_error(&logger, "built-in classes are refused",
                  LOG_STR("error", buf_text(&b)));
        buf_fini(&b);
        kaftan_error_free(err);
    }
    size_t count = path ? path->count : 0;
    const char **dirs = mem_zalloc(count + 1, sizeof *dirs);
    size_t n = 0;
    if (access(PLUGIN_DIR, F_OK) == 0) /* not there before `make install` */
        dirs[n++] = PLUGIN_DIR;
    for (size_t i = 0; i < count; i++)
        dirs[n++] = path->items[i];
    registry_load(r, dirs, n);
    mem_free(dirs);
    return r;
}

/* ---- signals ---- */

static void block_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGUSR2); /* from on_ended */
    (void)sigprocmask(SIG_BLOCK, set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* From now on a second signal ends the process at once. */
static void unblock_signals(const sigset_t *set)
{
    (void)signal(SIGUSR2, SIG_IGN);
    (void)sigprocmask(SIG_UNBLOCK, set, NULL);
}

static void on_ended(void *self, int status)
{
    struct run *r = self;
    atomic_store(&r->ended, status + 1);
    (void)kill(getpid(), SIGUSR2);
}

/* ---- metrics of the process ---- */

static double read_start(void *self)
{
    return *(double *)self;
}

static double read_rss(void *self)
{
    unsigned long size = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    (void)self;
    if (!f)
        return 0;
    if (fscanf(f, "%lu %lu", &size, &resident) != 2)
        resident = 0;
    (void)fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static void process_metrics(struct run *r)
{
    static double started;
    started = (double)clock_wall_ms() / 1000.0;
    r->process = metrics_group_new(r->metrics, NULL, 0);
    metric_callback(r->process, "process_start_time_seconds",
                    "Start of the process since 1970.", read_start, &started);
    metric_callback(r->process, "process_resident_memory_bytes",
                    "Resident memory.", read_rss, NULL);
}

/* ---- wiring ---- */

/* What every connector without a converter of its own would fail on; Java's worker does not start either. */
static struct kaftan_error *check_classes(const struct run *r)
{
    const struct worker_values *v = worker_values(r->config);
    const struct {
        const char *key, *name;
        enum plugin_type type;
    } keys[] = { { "key.converter", v->key_converter, PLUGIN_CONVERTER },
                 { "value.converter", v->value_converter, PLUGIN_CONVERTER },
                 { "header.converter", v->header_converter,
                   PLUGIN_HEADER_CONVERTER } };
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (keys[i].name && !registry_find(r->registry, keys[i].type, keys[i].name))
            return kaftan_error_new(KAFTAN_E_INVALID,
                                    "Invalid value %s for configuration %s: "
                                    "Class %s could not be found.",
                                    keys[i].name, keys[i].key, keys[i].name);
    return NULL;
}

static struct kaftan_error *build(struct run *r, const struct args *a)
{
    bool distributed = a->command == COMMAND_DISTRIBUTED;
    struct kaftan_error *err = props_load(a->file, &r->props);
    if (err)
        return err;
    jaas_default_file(text_map_get(r->props, "java.security.auth.login.config"));
    err = worker_config_new(r->props, distributed, &r->config);
    if (err)
        return kaftan_error_wrap(err, "%s", a->file);
    r->metrics = metrics_new();
    process_metrics(r);
    r->registry = load_plugins(&worker_values(r->config)->plugin_path);
    err = check_classes(r);
    if (err)
        return kaftan_error_wrap(err, "%s", a->file);
    err = rest_new(r->config, r->registry, r->metrics, &r->rest);
    if (err)
        return err;
    return herder_new(r->config, r->registry, r->metrics, rest_url(r->rest),
                      rest_peer(r->rest), &r->herder);
}

static struct kaftan_error *add_connectors(struct run *r, const struct args *a)
{
    for (size_t i = 0; i < a->connector_count; i++) {
        struct connector_file file;
        struct kaftan_error *err = connector_file_load(a->connectors[i], &file);
        if (err)
            return err;
        herder_add_initial(r->herder, file.config, file.has_initial ? &file.initial : NULL);
        text_map_unref(file.config);
    }
    return NULL;
}

static void take_apart(struct run *r)
{
    herder_free(r->herder);
    rest_free(r->rest);
    registry_free(r->registry);
    metrics_group_free(r->process);
    metrics_free(r->metrics);
    worker_config_free(r->config);
    text_map_unref(r->props);
}

static int serve(struct run *r, sigset_t *signals)
{
    int got = 0;
    herder_start(r->herder, on_ended, r);
    struct kaftan_error *err = rest_start(r->rest, r->herder);
    if (!err) {
        do
            (void)sigwait(signals, &got);
        while (got == SIGUSR2 && atomic_load(&r->ended) == 0);
        unblock_signals(signals);
    }
    int status = atomic_load(&r->ended);
    status = status > 0 ? status - 1 : 0;
    if (got != SIGUSR2 && got != 0)
        log_info(&logger, "stopping",
                 LOG_STR("signal", got == SIGINT ? "SIGINT" : "SIGTERM"));
    rest_stop(r->rest);
    herder_stop(r->herder);
    if (err)
        status = complain(err, STATUS_START);
    return status;
}

int run_worker(const struct args *a)
{
    struct run r = { 0 };
    sigset_t signals;
    block_signals(&signals);
    thread_kind_set(THREAD_MAIN);
    int64_t begun = clock_mono_ms();
    struct kaftan_error *err = build(&r, a);
    int status = err ? STATUS_INIT : 0;
    if (!err) {
        err = add_connectors(&r, a);
        status = err ? STATUS_START : 0;
    }
    if (err) {
        status = complain(err, status);
    } else {
        log_info(&logger, "starting", LOG_STR("version", PACKAGE_VERSION),
                 LOG_STR("file", a->file),
                 LOG_INT("pid", getpid()));
        status = serve(&r, &signals);
        log_info(&logger, "stopped", LOG_INT("status", status),
                 LOG_INT("ran_ms", clock_mono_ms() - begun));
    }
    if (worker_alive() > 0) {
        /* A given-up task still runs on what would be freed: leave it all to the kernel. */
        log_warn(&logger, "work that did not stop in time is ended with the process",
                 LOG_INT("threads", worker_alive()));
        _exit(status);
    }
    take_apart(&r);
    return status;
}

int run_plugins(const struct args *a)
{
    struct run r = { 0 };
    struct kaftan_error *err = NULL;
    const char *path = NULL;
    struct kaftan_list dirs = { &path, 0 };
    if (a->file)
        err = props_load(a->file, &r.props);
    if (err)
        return complain(err, STATUS_INIT);
    char *copy = NULL;
    const char **items = NULL;
    if (r.props && text_map_get(r.props, "plugin.path")) {
        copy = mem_strdup(text_map_get(r.props, "plugin.path"));
        items = mem_zalloc(strlen(copy) + 1, sizeof *items);
        char *rest = copy;
        for (char *p; (p = strsep(&rest, ",")) != NULL;) {
            p += strspn(p, " \t");
            size_t n = strcspn(p, " \t");
            p[n] = '\0';
            if (n)
                items[dirs.count++] = p;
        }
        dirs.items = items;
    }
    r.registry = load_plugins(&dirs);
    const struct plugin_class *c;
    for (size_t i = 0; (c = registry_at(r.registry, i)); i++)
        printf("%s\t%s\t%s\t%s\n", c->name, plugin_type_name(c->type),
               c->version, *c->path ? c->path : "built-in");
    mem_free(items);
    mem_free(copy);
    take_apart(&r);
    return EXIT_SUCCESS;
}
