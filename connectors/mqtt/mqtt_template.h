/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MQTT_TEMPLATE_H
#define MQTT_TEMPLATE_H
/*
 * mqtt_template: texts with variables of a message: `iot.${topic[1]}`.
 *
 * A template is compiled once and evaluated per message. What a variable needs
 * from the message is asked for through a scope, so that a payload is parsed
 * only when a template looks into it.
 *
 * Owner    a compiled template: whoever compiled it; immutable
 * Thread   any; evaluation: the task's
 */
#include <kaftan/data.h>

#include "mqtt_codec.h"

struct mqtt_template;

struct mqtt_scope {
    struct kaftan_arena *arena;       /* borrowed */
    struct kaftan_slice topic;        /* must live as long as the result */
    struct kaftan_slice client_id;    /* the same */
    const struct mqtt_properties *props; /* borrowed */
    struct kaftan_slice (*filter)(void *self); /* lives as long as the result; ptr NULL: none matches */
    const struct kaftan_value *(*json)(void *self); /* NULL: the payload is no JSON */
    void *self;
};

/* Errors are sentences' ends (`unknown variable 'x' at position 3; known: ...`), INVALID. */
struct kaftan_error *mqtt_template_compile(const char *text, struct mqtt_template **ret) KAFTAN_MUST_CHECK;
void mqtt_template_free(struct mqtt_template *t); /* NULL is fine */
/* The text of a template without variables; ptr NULL: it has some. Lives as long as the template. */
struct kaftan_slice mqtt_template_constant(const struct mqtt_template *t);
bool mqtt_template_empty(const struct mqtt_template *t); /* it is the empty text */
/* False: a variable has no value; *ret_missing is its name as written. */
bool mqtt_template_eval(const struct mqtt_template *t, const struct mqtt_scope *scope, struct kaftan_slice *ret,
                        struct kaftan_slice *ret_missing);

/*
 * A Kafka topic's name from a text: a leading `/` is dropped, `/` becomes `.`,
 * other bytes that Kafka refuses become `replacement` ("": refused). False:
 * there is no such name. The result is in the arena, or is `text`.
 */
bool mqtt_topic_sanitize(struct kaftan_arena *arena, struct kaftan_slice text, struct kaftan_slice replacement,
                         struct kaftan_slice *ret);

/* An RFC 6901 pointer, split once. */
struct mqtt_pointer;
struct kaftan_error *mqtt_pointer_compile(struct kaftan_slice text, struct mqtt_pointer **ret) KAFTAN_MUST_CHECK;
void mqtt_pointer_free(struct mqtt_pointer *p); /* NULL is fine */
const struct kaftan_value *mqtt_pointer_get(const struct mqtt_pointer *p, const struct kaftan_value *root);

#endif
