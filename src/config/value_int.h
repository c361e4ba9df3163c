/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONFIG_VALUE_INT_H
#define CONFIG_VALUE_INT_H
/*
 * value_int: one text to one typed value, ConfigDef.parseType. Thread: any.
 */
#include <kaftan/config.h>

#include "base/arena.h"
#include "base/buf.h"

struct config_value {
    enum kaftan_config_type type;
    bool null;
    bool flag;                 /* BOOLEAN */
    int64_t number;            /* INT, SHORT, LONG */
    double real;               /* DOUBLE */
    struct kaftan_slice text;  /* STRING, CLASS, PASSWORD; in the arena, NUL terminated */
    struct kaftan_list list;   /* LIST; in the arena */
};

/* Returns NULL, or what is wrong with the text: the third part of ConfigDef's message. `text` NULL is null. */
const char *value_parse(struct kaftan_arena *a, enum kaftan_config_type type, const char *text,
                        struct config_value *ret);
/* As Java prints it in messages: lists `[a, b]`, null `null`. */
void value_put_message(struct buf *b, const struct config_value *v);
/* As REST shows it: lists joined by ','; false for null. */
bool value_put_shown(struct buf *b, const struct config_value *v);

#endif
