/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "plugin/registry.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugin/adopt.h"
#include "plugin/loader.h"
#include "plugin/registry_int.h"

#define OWN_PACKAGE "io.kaftan."

enum { MISSED_SLOTS = 1024 };

struct name_alias {
    char *alias;      /* owned */
    char *class_name; /* owned */
};

struct registry {
    struct plugin_class **classes; /* owned, each too; by name, then type */
    size_t count;
    struct name_alias *aliases; /* owned */
    size_t alias_count;
    atomic_uint_fast32_t *missed; /* owned; hashes of names, each in its slot */
    struct map *paths;    /* owned; shared objects added so far, for texts that must live */
    struct adopt *adopt;  /* owned */
};

static const struct {
    const char *name;   /* as REST shows it */
    const char *suffix; /* what short names leave out */
} types[] = {
    [PLUGIN_SOURCE] = { "source", "Connector" },
    [PLUGIN_SINK] = { "sink", "Connector" },
    [PLUGIN_CONVERTER] = { "converter", "Converter" },
    [PLUGIN_HEADER_CONVERTER] = { "header_converter", "HeaderConverter" },
    [PLUGIN_TRANSFORM] = { "transformation", "Transformation" },
    [PLUGIN_PREDICATE] = { "predicate", "Predicate" },
    [PLUGIN_CONFIG_PROVIDER] = { "configprovider", "ConfigProvider" },
};

struct registry *registry_new(void)
{
    struct registry *r = mem_zalloc(1, sizeof *r);
    r->missed = mem_zalloc(MISSED_SLOTS, sizeof *r->missed);
    r->paths = map_new(mem_free);
    r->adopt = adopt_new();
    return r;
}

void registry_free(struct registry *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->count; i++)
        mem_free(r->classes[i]);
    mem_free(r->classes);
    for (size_t i = 0; i < r->alias_count; i++) {
        mem_free(r->aliases[i].alias);
        mem_free(r->aliases[i].class_name);
    }
    mem_free(r->aliases);
    mem_free(r->missed);
    map_free(r->paths);
    adopt_free(r->adopt);
    mem_free(r);
}

const char *plugin_type_name(enum plugin_type type)
{
    ASSERT((size_t)type < COUNT_OF(types));
    return types[type].name;
}

/* By numbers as far as they go: 1.10 is newer than 1.9; anything is newer than `undefined`. */
static int version_cmp(const char *a, const char *b)
{
    while (*a && *b) {
        char *end_a, *end_b;
        unsigned long na = strtoul(a, &end_a, 10), nb = strtoul(b, &end_b, 10);
        if (end_a == a || end_b == b)
            return (end_a != a) - (end_b != b);
        if (na != nb)
            return na < nb ? -1 : 1;
        a = end_a + (*end_a != '\0');
        b = end_b + (*end_b != '\0');
    }
    return (*a != '\0') - (*b != '\0');
}

/* By name, then type; of the same class the newest first. */
static int class_cmp(const struct plugin_class *a, const struct plugin_class *b)
{
    int order = strcmp(a->name, b->name);
    if (order == 0 && a->type != b->type)
        order = a->type < b->type ? -1 : 1;
    return order != 0 ? order : -version_cmp(a->version, b->version);
}

static void insert(struct registry *r, const struct plugin_class *row)
{
    size_t at = r->count;
    while (at > 0 && class_cmp(row, r->classes[at - 1]) < 0)
        at--;
    r->classes = mem_realloc(r->classes, r->count + 1, sizeof *r->classes);
    memmove(r->classes + at + 1, r->classes + at, (r->count - at) * sizeof *r->classes);
    r->classes[at] = mem_memdup(row, sizeof *row);
    r->count++;
}

static struct kaftan_error *add_list(struct registry *r, const struct kaftan_plugin *p, enum plugin_type type,
                                     const void *list, const char *path)
{
    if (!list)
        return NULL;
    for (size_t i = 0;; i++) {
        const void *class;
        struct plugin_class row;
        memcpy(&class, (const char *)list + i * sizeof class, sizeof class);
        if (!class)
            return NULL;
        struct kaftan_error *err = adopt_class(r->adopt, p, type, class, path, &row);
        if (err)
            return err;
        insert(r, &row);
    }
}

static void add_aliases(struct registry *r, const struct kaftan_plugin *p)
{
    for (const struct kaftan_alias *a = p->aliases; a && a->alias; a++) {
        r->aliases = mem_realloc(r->aliases, r->alias_count + 1, sizeof *r->aliases);
        r->aliases[r->alias_count++] = (struct name_alias){ mem_strdup(a->alias), mem_strdup(a->class_name) };
    }
}

/* Takes out what a plugin refused half-way has left. */
static void remove_path(struct registry *r, const char *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->classes[i]->path == path)
            mem_free(r->classes[i]);
        else
            r->classes[kept++] = r->classes[i];
    r->count = kept;
}

struct kaftan_error *registry_add(struct registry *r, const struct kaftan_plugin *p, const char *path)
{
    const struct plugin_stamp stamp = { p->abi_major, p->abi_minor, p->size, p->key_size };
    const struct {
        enum plugin_type type;
        const void *list;
    } lists[] = {
        { PLUGIN_SOURCE, p->sources },       { PLUGIN_SINK, p->sinks },
        { PLUGIN_CONVERTER, p->converters }, { PLUGIN_HEADER_CONVERTER, p->header_converters },
        { PLUGIN_TRANSFORM, p->transforms }, { PLUGIN_PREDICATE, p->predicates },
        { PLUGIN_CONFIG_PROVIDER, p->config_providers },
    };
    struct kaftan_error *err = plugin_gate(&stamp, path);
    if (err)
        return err;
    if (*path && !map_has(r->paths, path))
        map_put(r->paths, path, mem_strdup(path));
    const char *kept = *path ? map_get(r->paths, path) : "";
    for (size_t i = 0; i < COUNT_OF(lists) && !err; i++)
        err = add_list(r, p, lists[i].type, lists[i].list, kept);
    if (err && *kept)
        remove_path(r, kept);
    if (!err)
        add_aliases(r, p);
    return err;
}

bool registry_has_path(const struct registry *r, const char *path)
{
    return map_has(r->paths, path);
}

static const struct plugin_class *find_full(const struct registry *r, enum plugin_type type, const char *name)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->classes[i]->type == type && strcmp(r->classes[i]->name, name) == 0)
            return r->classes[i]; /* the newest stands first */
    return NULL;
}

static const char *simple_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* The length of the simple name cut at the last place where the suffix begins. */
static size_t pruned_length(const char *simple, const char *suffix)
{
    size_t length = strlen(simple);
    for (const char *p = simple; (p = strstr(p, suffix)) != NULL; p++)
        length = (size_t)(p - simple);
    return length;
}

static bool short_name_fits(const struct plugin_class *c, const char *name)
{
    const char *simple = simple_name(c->name);
    if (strchr(simple, '$')) /* nested classes are written in full */
        return false;
    size_t length = pruned_length(simple, types[c->type].suffix);
    return strcmp(simple, name) == 0 ||
           (length > 0 && strlen(name) == length && strncmp(simple, name, length) == 0);
}

/*
 * A short name that fits several classes means none of them, except that our
 * own class goes before those whose names it serves for compatibility.
 */
static const struct plugin_class *find_short(const struct registry *r, enum plugin_type type, const char *name)
{
    const struct plugin_class *found = NULL, *own = NULL;
    bool several = false, several_own = false;
    for (size_t i = 0; i < r->count; i++) {
        const struct plugin_class *c = r->classes[i];
        if (c->type != type || !short_name_fits(c, name))
            continue;
        several = several || (found && strcmp(found->name, c->name) != 0);
        found = found ? found : c;
        if (strncmp(c->name, OWN_PACKAGE, strlen(OWN_PACKAGE)) != 0)
            continue;
        several_own = several_own || (own && strcmp(own->name, c->name) != 0);
        own = own ? own : c;
    }
    if (own)
        return several_own ? NULL : own;
    return several ? NULL : found;
}

const struct plugin_class *registry_find(const struct registry *r, enum plugin_type type, const char *name)
{
    const struct plugin_class *c = find_full(r, type, name);
    for (size_t i = 0; !c && i < r->alias_count; i++)
        if (strcmp(r->aliases[i].alias, name) == 0)
            c = find_full(r, type, r->aliases[i].class_name);
    return c ? c : find_short(r, type, name);
}

const struct plugin_class *registry_connector(const struct registry *r, const char *name)
{
    const struct plugin_class *c = registry_find(r, PLUGIN_SOURCE, name);
    return c ? c : registry_find(r, PLUGIN_SINK, name);
}

const struct plugin_class *registry_at(const struct registry *r, size_t i)
{
    return i < r->count ? r->classes[i] : NULL;
}

const char *plugin_task_class(const struct plugin_class *c, char buffer[256])
{
    static const char suffix[] = "Connector";
    const char *given = c->type == PLUGIN_SOURCE ? c->as.source->task_class
                        : c->type == PLUGIN_SINK ? c->as.sink->task_class
                                                 : NULL;
    size_t length = strlen(c->name);
    if (given)
        return given;
    if (length < sizeof suffix - 1 || length >= 256 || strcmp(c->name + length - (sizeof suffix - 1), suffix) != 0)
        return c->name;
    length -= sizeof suffix - 1;
    memcpy(buffer, c->name, length);
    memcpy(buffer + length, "Task", sizeof "Task");
    return buffer;
}

bool registry_missed(const struct registry *r, const char *name)
{
    uint32_t hash = (uint32_t)java_hash(name, strlen(name)) | 1u; /* 0: an empty slot */
    return atomic_exchange(&r->missed[(hash >> 1) % MISSED_SLOTS], hash) == hash;
}
