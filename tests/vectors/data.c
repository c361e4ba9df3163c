/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vectors/data.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { REASONS = 16 };

/* What the worker does not have; who makes it takes its row and gives it a runner. */
static const char no_transforms[] = "there are no transforms and predicates yet";
static const char no_providers[] = "there are no config providers yet";
static const char no_registry[] = "there are no converters of the schema registry yet";

const struct data_component data_missing_components[] = {
    { "Cast", NULL, no_transforms },
    { "DropHeaders", NULL, no_transforms },
    { "ExtractField", NULL, no_transforms },
    { "Filter", NULL, no_transforms },
    { "Flatten", NULL, no_transforms },
    { "HasHeaderKey", NULL, no_transforms },
    { "HeaderFrom", NULL, no_transforms },
    { "HoistField", NULL, no_transforms },
    { "InsertField", NULL, no_transforms },
    { "InsertHeader", NULL, no_transforms },
    { "MaskField", NULL, no_transforms },
    { "RecordIsTombstone", NULL, no_transforms },
    { "ReplaceField", NULL, no_transforms },
    { "SetSchemaMetadata", NULL, no_transforms },
    { "TimestampConverter", NULL, no_transforms },
    { "TimestampRouter", NULL, no_transforms },
    { "TopicNameMatches", NULL, no_transforms },
    { "ValueToKey", NULL, no_transforms },
    { "chain", NULL, no_transforms },
    { "ConfigTransformer", NULL, no_providers },
    { "DirectoryConfigProvider", NULL, no_providers },
    { "EnvVarConfigProvider", NULL, no_providers },
    { "FileConfigProvider", NULL, no_providers },
    { "AvroConverter", NULL, no_registry },
    { "JsonSchemaConverter", NULL, no_registry },
    { "ProtobufConverter", NULL, no_registry },
    { "confluent protobuf message indexes", NULL, no_registry },
    { NULL, NULL, NULL },
};

static const struct data_component *find(const struct data_component *const *tables, const char *name)
{
    size_t len = strcspn(name, "$");
    for (; *tables; tables++)
        for (const struct data_component *c = *tables; c->name; c++)
            if (strncmp(c->name, name, len) == 0 && !c->name[len])
                return c;
    return NULL;
}

struct skipped {
    const char *why[REASONS];
    size_t count[REASONS];
};

static void skip(struct skipped *s, const char *why)
{
    size_t i = 0;
    while (i + 1 < REASONS && s->why[i] && s->why[i] != why)
        i++;
    s->why[i] = why;
    s->count[i]++;
}

static const char *run_one(struct kaftan_arena *a, const struct data_component *c, const struct json *v)
{
    if (!c)
        return "nobody knows the component";
    const struct json *input = json_get(v, "input"), *op = json_get(input, "op");
    if (!input || !op || op->type != JSON_STRING || !json_get(v, "expected"))
        return "the vector has no input, input.op or expected";
    return c->run(a, v);
}

void data_run(struct golden *g, const struct json *list, const struct data_component *const *tables)
{
    struct skipped skipped = { 0 };
    struct kaftan_arena *a = arena_new(1 << 16);
    for (size_t i = 0; i < list->count; i++) {
        const struct json *v = &list->items[i];
        const char *component = golden_text(g, v, "component"), *id = golden_text(g, v, "id");
        const struct data_component *c = find(tables, component);
        if (c && !c->run) {
            skip(&skipped, c->why);
            continue;
        }
        if (!golden_begin(g, "%s (%s, %s)", id, component, golden_text(g, json_get(v, "input"), "op")))
            continue;
        const char *wrong = run_one(a, c, v);
        if (wrong && c && wrong == c->why) {
            skip(&skipped, wrong);
            g->count->running = false;
        } else {
            golden_expect(g, !wrong, "%s", wrong ? wrong : "");
            golden_end(g);
        }
        arena_reset(a);
    }
    for (size_t i = 0; i < REASONS; i++)
        golden_skip(g, skipped.count[i], skipped.why[i]);
    arena_free(a);
}
