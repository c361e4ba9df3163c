/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks for shared objects where Java's worker looks for jars: an entry of
 * plugin.path is a directory whose children are plugins, either a file or a
 * directory of files. One that is refused never stops the others.
 */
#include "config.h"

#include "plugin/registry.h"
#include "plugin/registry_int.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "plugin/loader.h"

static struct log logger = LOG("plugin.registry");

struct search {
    struct registry *registry; /* borrowed */
    size_t jars;               /* of the entry at hand */
};

static bool ends_in(const char *name, const char *suffix)
{
    size_t n = strlen(name), s = strlen(suffix);
    return n > s && strcasecmp(name + n - s, suffix) == 0;
}

static void load_file(struct search *s, const char *path)
{
    char real[PATH_MAX];
    const struct kaftan_plugin *plugin;
    if (realpath(path, real) && registry_has_path(s->registry, real))
        return; /* two entries lead to the same file */
    struct kaftan_error *err = plugin_load(path, &plugin);
    if (!err)
        err = registry_add(s->registry, plugin, realpath(path, real) ? real : path);
    if (err)
        log_error(&logger, "plugin refused, the worker goes on without it", LOG_STR("path", path), LOG_ERR(err));
    else
        log_info(&logger, "plugin loaded", LOG_STR("name", plugin->name), LOG_STR("version", plugin->version),
                 LOG_STR("path", path));
    kaftan_error_free(err);
}

static void look_at(struct search *s, const char *path, int depth);

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* In name order, so that the log and the outcome do not depend on the file system. */
static void look_into(struct search *s, const char *dir, int depth)
{
    char **names = NULL;
    size_t count = 0;
    DIR *d = opendir(dir);
    if (!d) {
        log_error(&logger, "directory of plugin.path cannot be read", LOG_STR("path", dir));
        return;
    }
    for (struct dirent *e; (e = readdir(d)) != NULL;) {
        if (e->d_name[0] == '.')
            continue;
        names = mem_realloc(names, count + 1, sizeof *names);
        names[count++] = mem_printf("%s/%s", dir, e->d_name);
    }
    (void)closedir(d);
    if (count > 0)
        qsort(names, count, sizeof *names, by_name);
    for (size_t i = 0; i < count; i++) {
        look_at(s, names[i], depth + 1);
        mem_free(names[i]);
    }
    mem_free(names);
}

enum { DEPTH_LIMIT = 2 }; /* the entry, its children, their files */

static void look_at(struct search *s, const char *path, int depth)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        if (depth == 0)
            log_error(&logger, "entry of plugin.path does not exist", LOG_STR("path", path));
    } else if (S_ISDIR(st.st_mode)) {
        if (depth < DEPTH_LIMIT)
            look_into(s, path, depth);
    } else if (ends_in(path, ".so")) {
        load_file(s, path);
    } else if (ends_in(path, ".jar") || ends_in(path, ".zip")) {
        s->jars++;
    } else if (depth == 0) {
        log_error(&logger, "entry of plugin.path is neither a directory nor a shared object", LOG_STR("path", path));
    }
}

void registry_load(struct registry *r, const char *const *dirs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct search s = { r, 0 };
        look_at(&s, dirs[i], 0);
        if (s.jars > 0)
            log_warn(&logger, "plugin.path holds jar files, which only a JVM can load; they are left out",
                     LOG_STR("path", dirs[i]), LOG_INT("jars", s.jars));
    }
}
