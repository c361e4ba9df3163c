/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run_vectors FILE...: runs files of golden vectors, recognised from what is
 * in them, names what fails, and ends with a line that counts.
 *
 * A file's vectors run in a child: one that kills it is named, counted as
 * failed, and the next child goes on behind it.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "vectors/data.h"
#include "vectors/group.h"
#include "vectors/storage.h"

static void run_data(struct golden *g, const struct json *list)
{
    static const struct data_component *const tables[] = {
        data_value_components, data_convert_components, data_config_components, data_herder_components,
        data_regex_components, data_missing_components, NULL,
    };
    data_run(g, list, tables);
}

static const struct golden_section data_sections[] = { { "vectors", run_data, NULL }, { "meta", NULL, NULL }, { NULL, NULL, NULL } };

static const struct golden_section *const group_tables[] = { group_sections, NULL };
static const struct golden_section *const storage_tables[] = { storage_store_sections, storage_text_sections, storage_kafka_sections,
                                                               storage_peer_sections, storage_broker_sections, NULL };
static const struct golden_section *const data_tables[] = { data_sections, NULL };

static const struct format {
    const char *name;
    const struct golden_section *const *tables;
} formats[] = { { "group", group_tables }, { "storage", storage_tables }, { "data", data_tables } };

static bool has(const struct golden_section *const *tables, struct kaftan_slice name)
{
    for (; *tables; tables++)
        for (const struct golden_section *s = *tables; s->name; s++)
            if (slice_eq_str(name, s->name) && (s->run || s->why) && strcmp(s->name, "meta") != 0)
                return true;
    return false;
}

/* The format with most of the file's sections; NULL: none. */
static const struct format *recognise(const struct json *root)
{
    const struct format *best = NULL;
    size_t most = 0;
    for (size_t f = 0; f < COUNT_OF(formats) && root->type == JSON_OBJECT; f++) {
        size_t n = 0;
        for (size_t i = 0; i < root->count; i++)
            n += has(formats[f].tables, root->members[i].name);
        if (n > most) {
            most = n;
            best = &formats[f];
        }
    }
    return best;
}

/* A list alone is taken for the one section of the data format. */
static void wrap_list(struct golden *g)
{
    if (g->root->type != JSON_ARRAY || g->root->count == 0 || !json_get(g->root->items, "component"))
        return;
    struct json *object = arena_alloc(g->arena, sizeof *object);
    struct json_member *m = arena_alloc(g->arena, sizeof *m);
    *m = (struct json_member){ { "vectors", 7 }, *g->root };
    *object = (struct json){ .type = JSON_OBJECT, .count = 1, .members = m };
    g->root = object;
}

/* In the child. */
static int run_file(const char *path, struct golden_count *count, size_t resume_after)
{
    struct golden g;
    struct kaftan_error *err = golden_open(path, count, &g);
    if (!err)
        wrap_list(&g);
    const struct format *f = err ? NULL : recognise(g.root);
    if (err)
        (void)fprintf(stderr, "FAILED: %s%s%s\n", kaftan_error_message(err), error_cause(err) ? ": " : "",
                      error_cause(err) ? kaftan_error_message(error_cause(err)) : "");
    else if (!f)
        (void)fprintf(stderr, "FAILED: %s has no section of vectors that is known\n", path);
    if (!f) {
        count->failed++;
        kaftan_error_free(err);
        if (!err)
            golden_close(&g);
        return 0;
    }
    if (resume_after == 0)
        (void)fprintf(stderr, "%s: vectors of the %s format\n", path, f->name);
    g.resume_after = resume_after;
    golden_run(&g, f->tables);
    golden_close(&g);
    return 0;
}

/* False: it ended by itself. */
static bool died(const char *path, struct golden_count *count)
{
    size_t resume_after = count->number;
    int status = 0;
    count->running = false;
    (void)fflush(NULL);
    pid_t pid = fork();
    ASSERT(pid >= 0);
    if (pid == 0) {
        int code = run_file(path, count, resume_after);
        (void)fflush(NULL);
        _exit(code);
    }
    ASSERT(waitpid(pid, &status, 0) == pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return false;
    (void)fprintf(stderr, "FAILED: %s: %s: it kills the program (%s %d)\n", count->running ? count->section : path,
                  count->running ? count->label : "outside of any vector", WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    count->failed++;
    return count->running && count->number > resume_after; /* else it would do so for ever */
}

static void say_nothing(void *self, enum log_level level, const char *line)
{
    (void)self, (void)level, (void)line;
}

int main(int argc, char **argv)
{
    size_t passed = 0, failed = 0, skipped = 0;
    struct golden_count *count = mmap(NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ASSERT(count != MAP_FAILED);
    if (argc < 2) {
        (void)fprintf(stderr, "usage: run_vectors FILE...\n");
        return 2;
    }
    log_catch(say_nothing, NULL); /* what is refused in vectors is logged, too */
    for (int i = 1; i < argc; i++) {
        memset(count, 0, sizeof *count);
        while (died(argv[i], count))
            continue;
        if (count->passed + count->failed + count->skipped == 0) {
            (void)fprintf(stderr, "FAILED: %s has no vector\n", argv[i]);
            count->failed++;
        }
        (void)fprintf(stderr, "%s: %zu passed, %zu failed, %zu skipped\n", argv[i], count->passed, count->failed, count->skipped);
        passed += count->passed;
        failed += count->failed;
        skipped += count->skipped;
    }
    (void)fflush(stderr);
    (void)printf("%zu passed, %zu failed, %zu skipped\n", passed, failed, skipped);
    (void)munmap(count, sizeof *count);
    return failed > 0;
}
