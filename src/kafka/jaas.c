/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "kafka/jaas.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"

static const char *skip_space(const char *p)
{
    while (isspace((unsigned char)*p))
        p++;
    return p;
}

/* A quoted text or a bare word (up to space, '=' or ';'); NULL: a quote stays open. */
static const char *word(const char *p, struct buf *ret)
{
    buf_clear(ret);
    if (*p != '"' && *p != '\'') {
        while (*p && !isspace((unsigned char)*p) && *p != '=' && *p != ';')
            buf_putc(ret, *p++);
        return p;
    }
    for (char quote = *p++; *p && *p != quote; p++) {
        if (*p == '\\' && p[1])
            p++;
        buf_putc(ret, *p);
    }
    return *p ? p + 1 : NULL;
}

static struct kaftan_error *refuse(const char *why)
{
    return kaftan_error_new(KAFTAN_E_INVALID, "Invalid value [hidden] for configuration sasl.jaas.config: %s", why);
}

static struct kaftan_error *parse(const char *p, struct buf *name, struct buf *value, struct jaas *j)
{
    static const char *const flags[] = { "required", "requisite", "sufficient", "optional" };
    bool flag = false;
    p = word(skip_space(p), name);
    if (!p || !name->len)
        return refuse("no login module");
    j->module = mem_strdup(buf_text(name));
    p = word(skip_space(p), name);
    for (size_t i = 0; p && i < COUNT_OF(flags); i++)
        flag = flag || strcasecmp(buf_text(name), flags[i]) == 0;
    if (!flag)
        return refuse("no control flag (required) after the login module");
    for (p = skip_space(p); *p && *p != ';'; p = skip_space(p)) {
        p = word(p, name);
        if (!p || !name->len)
            return refuse("an option has no name");
        p = skip_space(p);
        if (*p != '=')
            return refuse("an option has no value");
        p = word(skip_space(p + 1), value);
        if (!p)
            return refuse("a quote is not closed");
        text_map_put(j->options, buf_text(name), buf_text(value));
    }
    return *p == ';' ? NULL : refuse("no ';' at the end");
}

struct kaftan_error *jaas_parse(const char *text, struct jaas *ret)
{
    struct jaas j = { .options = text_map_new() };
    struct buf name = BUF_INIT, value = BUF_INIT;
    struct kaftan_error *err = parse(text, &name, &value, &j);
    if (value.data)
        explicit_bzero(value.data, value.cap);
    buf_fini(&name);
    buf_fini(&value);
    if (err)
        jaas_fini(&j);
    else
        *ret = j;
    return err;
}

void jaas_fini(struct jaas *j)
{
    mem_free(j->module);
    text_map_unref(j->options);
    *j = (struct jaas){ 0 };
}
