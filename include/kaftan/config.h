/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KAFTAN_CONFIG_H
#define KAFTAN_CONFIG_H
/*
 * Config tables: a key is declared once; parsing, validation, the REST
 * validate answer and the documentation come from its row. A row is bound to
 * a field of the connector's own struct; a field of the wrong C type does not
 * compile. Types and error texts are those of Kafka's ConfigDef.
 *
 * Owner    tables are constants of the plugin. A parsed config (`const void
 *          *config` of open) belongs to the worker and lives from open to close
 * Thread   parsed configs are immutable: any
 */
#include <kaftan/abi.h>
#include <kaftan/error.h>

enum kaftan_config_type {
    KAFTAN_BOOLEAN = 1, /* bool */
    KAFTAN_STRING,      /* const char *, NULL = null */
    KAFTAN_INT,         /* int32_t */
    KAFTAN_SHORT,       /* int16_t */
    KAFTAN_LONG,        /* int64_t */
    KAFTAN_DOUBLE,      /* double */
    KAFTAN_LIST,        /* struct kaftan_list */
    KAFTAN_CLASS,       /* const char *: class name or alias as written */
    KAFTAN_PASSWORD     /* struct kaftan_secret * */
};
enum kaftan_importance { KAFTAN_HIGH, KAFTAN_MEDIUM, KAFTAN_LOW };
enum kaftan_width { KAFTAN_WIDTH_NONE, KAFTAN_WIDTH_SHORT, KAFTAN_WIDTH_MEDIUM, KAFTAN_WIDTH_LONG };

struct kaftan_list {
    const char *const *items;
    size_t count;
};

/* A text that no format prints and no log shows. */
struct kaftan_secret;
KAFTAN_API const char *kaftan_secret_reveal(const struct kaftan_secret *s); /* borrowed; "" for NULL */

/* Default texts: no default makes the key required; null is a default of null. */
#define KAFTAN_NO_DEFAULT ((const char *)0)
KAFTAN_API extern const char kaftan_null_default[];
#define KAFTAN_NULL_DEFAULT kaftan_null_default

/* offsetof, refusing at compile time a field whose C type is not `ctype` */
#define KAFTAN_FIELD(T, f, ctype) (offsetof(T, f) + 0 * sizeof((ctype *)0 == &((T *)0)->f))
#define KAFTAN_BOOLEAN_FIELD(T, f) .type = KAFTAN_BOOLEAN, .offset = KAFTAN_FIELD(T, f, bool)
#define KAFTAN_STRING_FIELD(T, f) .type = KAFTAN_STRING, .offset = KAFTAN_FIELD(T, f, const char *)
#define KAFTAN_CLASS_FIELD(T, f) .type = KAFTAN_CLASS, .offset = KAFTAN_FIELD(T, f, const char *)
#define KAFTAN_INT_FIELD(T, f) .type = KAFTAN_INT, .offset = KAFTAN_FIELD(T, f, int32_t)
#define KAFTAN_SHORT_FIELD(T, f) .type = KAFTAN_SHORT, .offset = KAFTAN_FIELD(T, f, int16_t)
#define KAFTAN_LONG_FIELD(T, f) .type = KAFTAN_LONG, .offset = KAFTAN_FIELD(T, f, int64_t)
#define KAFTAN_DOUBLE_FIELD(T, f) .type = KAFTAN_DOUBLE, .offset = KAFTAN_FIELD(T, f, double)
#define KAFTAN_LIST_FIELD(T, f) .type = KAFTAN_LIST, .offset = KAFTAN_FIELD(T, f, struct kaftan_list)
#define KAFTAN_PASSWORD_FIELD(T, f) .type = KAFTAN_PASSWORD, .offset = KAFTAN_FIELD(T, f, const struct kaftan_secret *)

struct kaftan_config_key {
    const char *name; /* NULL ends a table */
    enum kaftan_config_type type;
    size_t offset;
    const char *def;              /* text as a user would write it; KAFTAN_NO_DEFAULT, KAFTAN_NULL_DEFAULT */
    enum kaftan_importance importance;
    enum kaftan_width width;
    const char *const *allowed;   /* NULL ended; values (of each list item) must be one of them */
    const char *const *recommended; /* NULL ended; shown by validation only */
    bool ranged;                  /* numbers: min and max hold */
    int64_t min, max;             /* max 0: no upper bound */
    bool non_empty;               /* STRING: not ""; LIST: at least one item */
    /*
     * Further check of one parsed value (the field's address); `self_name` is the key's name. Not asked for a null,
     * but of a list, which is empty then. The message is shown as it stands: the whole of
     * `Invalid value <v> for configuration <name>: ...`. Any thread.
     */
    struct kaftan_error *(*validate)(const char *self_name, const void *field);
    const char *group;
    int32_t order_in_group; /* 0: place in the table */
    const char *display_name; /* NULL: the name */
    const char *const *dependents; /* NULL ended */
    bool internal;          /* parsed, but not shown by validation (mqtt.internal.*) */
    const char *doc;
};

/* What validation over several keys reports: called by a plugin's validate(). */
struct kaftan_config_report;
/* Adds an error to a key; shown as is in the key's `errors`. Thread: validate's. */
KAFTAN_API void kaftan_config_error(struct kaftan_config_report *r, const char *key, const char *fmt, ...)
    KAFTAN_PRINTF(3, 4);
/* One WARN line per start, never an error: unknown keys, ignored keys. */
KAFTAN_API void kaftan_config_warning(struct kaftan_config_report *r, const char *fmt, ...) KAFTAN_PRINTF(2, 3);

/* The raw texts of a config, in their order. */
struct kaftan_config_texts;
KAFTAN_API const char *kaftan_config_text(const struct kaftan_config_texts *c, const char *key); /* borrowed; NULL: absent or null */
KAFTAN_API bool kaftan_config_text_at(const struct kaftan_config_texts *c, size_t *i, const char **ret_key,
                                      const char **ret_value);

#endif
