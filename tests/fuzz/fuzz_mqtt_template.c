/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a template, a NUL, a topic, a NUL, a payload. Also filters: what is accepted can be matched. */
#include "config.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <kaftan/task.h>

#include "base/mem.h"
#include "mqtt_payload.h"
#include "mqtt_template.h"
#include "mqtt_topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct message {
    struct kaftan_arena *arena;
    struct kaftan_slice topic, payload;
    struct kaftan_value value;
};

static struct kaftan_slice filter_of(void *self)
{
    return ((struct message *)self)->topic;
}

static const struct kaftan_value *json_of(void *self)
{
    struct message *m = self;
    struct kaftan_error *err = kaftan_value_from_json(m->arena, m->payload.ptr, m->payload.len, &m->value);
    kaftan_error_free(err);
    return err ? NULL : &m->value;
}

static struct kaftan_slice part(const char **p, const char *end)
{
    const char *nul = memchr(*p, '\0', (size_t)(end - *p));
    struct kaftan_slice s = { *p, nul ? (size_t)(nul - *p) : (size_t)(end - *p) };
    *p = nul ? nul + 1 : end;
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_strndup((const char *)data, size);
    const char *p = text, *end = text + size;
    struct message m = { .arena = kaftan_arena_new() };
    struct kaftan_slice template_text = part(&p, end);
    m.topic = part(&p, end);
    m.payload = (struct kaftan_slice){ p, (size_t)(end - p) };
    struct mqtt_properties none = { .present = 0 };
    const struct mqtt_scope scope = { m.arena, m.topic, { "id", 2 }, &none, filter_of, json_of, &m };
    struct mqtt_template *t = NULL;
    struct kaftan_error *err = mqtt_template_compile(text, &t);
    if (!err) {
        struct kaftan_slice out = { NULL, 0 }, name, missing = { NULL, 0 };
        if (mqtt_template_eval(t, &scope, &out, &missing) &&
            mqtt_topic_sanitize(m.arena, out, (struct kaftan_slice){ "_", 1 }, &name))
            ASSERT(name.len > 0 && name.len < 250);
        mqtt_template_free(t);
    }
    kaftan_error_free(err);
    if (!mqtt_filter_problem(template_text)) {
        struct kaftan_slice bare = mqtt_filter_bare(template_text, NULL);
        if (m.topic.len > 0 && mqtt_filter_matches(bare, m.topic))
            ASSERT(mqtt_filters_overlap(bare, bare));
    }
    int64_t ms = 0;
    (void)mqtt_time_parse(m.topic, &ms);
    kaftan_arena_free(m.arena);
    mem_free(text);
    return 0;
}
