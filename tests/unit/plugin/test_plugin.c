/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <criterion/criterion.h>

#include "base/log.h"
#include "base/buf.h"
#include "plugin/elf_image.h"
#include "plugin/loader.h"
#include "plugin/registry.h"

static struct buf lines;

static void see_line(void *self, enum log_level level, const char *line)
{
    (void)self, (void)level;
    buf_puts(&lines, line);
    buf_putc(&lines, '\n');
}

static void catch_log(void)
{
    log_catch(see_line, NULL);
}

static void release_log(void)
{
    log_catch(NULL, NULL);
    buf_fini(&lines);
}

TestSuite(plugin, .init = catch_log, .fini = release_log);

static struct kaftan_error *no_open(const void *config, bool is_key, void **ret)
{
    (void)config, (void)is_key, (void)ret;
    return NULL;
}
static struct kaftan_error *no_from(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                    const struct kaftan_schema *schema, const struct kaftan_value *value,
                                    struct kaftan_slice *ret)
{
    (void)self, (void)a, (void)topic, (void)schema, (void)value, (void)ret;
    return NULL;
}
static struct kaftan_error *no_to(void *self, struct kaftan_arena *a, struct kaftan_slice topic,
                                  struct kaftan_slice bytes, const struct kaftan_schema **ret_schema,
                                  struct kaftan_value *ret)
{
    (void)self, (void)a, (void)topic, (void)bytes, (void)ret_schema, (void)ret;
    return NULL;
}

#define CONVERTER(class, v)                                                                                 \
    { .size = sizeof(struct kaftan_converter), .class_name = class, .version = v, .open = no_open,          \
      .from_connect = no_from, .to_connect = no_to }

static struct kaftan_plugin plugin_of(const struct kaftan_converter *const *list)
{
    return (struct kaftan_plugin){ .abi_major = KAFTAN_ABI_MAJOR, .abi_minor = KAFTAN_ABI_MINOR,
                                   .size = sizeof(struct kaftan_plugin),
                                   .key_size = sizeof(struct kaftan_config_key), .name = "built", .converters = list };
}

Test(plugin, names_and_short_names)
{
    static const struct kaftan_converter json = CONVERTER("org.example.json.JsonConverter", "1.0");
    static const struct kaftan_converter twice_a = CONVERTER("a.b.SameConverter", "1.0");
    static const struct kaftan_converter twice_b = CONVERTER("a.c.SameConverter", "1.0");
    static const struct kaftan_converter nested = CONVERTER("a.c.Outer$Inner", "1.0");
    static const struct kaftan_converter *const list[] = { &json, &twice_a, &twice_b, &nested, NULL };
    static const struct {
        const char *name, *class;
    } cases[] = {
        { "org.example.json.JsonConverter", "org.example.json.JsonConverter" },
        { "JsonConverter", "org.example.json.JsonConverter" },
        { "Json", "org.example.json.JsonConverter" },
        { "Jso", NULL },
        { "json.JsonConverter", NULL },
        { "", NULL },
        { "SameConverter", NULL },
        { "Same", NULL },
        { "a.c.SameConverter", "a.c.SameConverter" },
        { "Outer$Inner", NULL },
        { "Inner", NULL },
        { "a.c.Outer$Inner", "a.c.Outer$Inner" },
    };
    struct registry *r = registry_new();
    struct kaftan_plugin p = plugin_of(list);
    cr_assert_null(registry_add(r, &p, ""));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct plugin_class *c = registry_find(r, PLUGIN_CONVERTER, cases[i].name);
        cr_expect_str_eq(c ? c->name : "-", cases[i].class ? cases[i].class : "-", "name '%s'", cases[i].name);
        cr_expect_null(registry_find(r, PLUGIN_SOURCE, cases[i].name));
    }
    registry_free(r);
}

Test(plugin, newest_of_a_class_wins_and_all_are_listed)
{
    static const struct kaftan_converter old = CONVERTER("a.XConverter", "1.9.1");
    static const struct kaftan_converter new = CONVERTER("a.XConverter", "1.10");
    static const struct kaftan_converter none = CONVERTER("a.XConverter", "undefined");
    static const struct kaftan_converter *const list[] = { &old, &none, &new, NULL };
    struct registry *r = registry_new();
    struct kaftan_plugin p = plugin_of(list);
    cr_assert_null(registry_add(r, &p, ""));
    cr_expect_str_eq(registry_find(r, PLUGIN_CONVERTER, "X")->version, "1.10");
    cr_expect_str_eq(registry_at(r, 0)->version, "1.10");
    cr_expect_str_eq(registry_at(r, 1)->version, "1.9.1");
    cr_expect_str_eq(registry_at(r, 2)->version, "undefined");
    cr_expect_null(registry_at(r, 3));
    registry_free(r);
}

Test(plugin, a_class_without_its_functions_is_refused)
{
    static const struct kaftan_converter fine = CONVERTER("a.FineConverter", "1");
    static const struct kaftan_converter bad = { .size = sizeof bad, .class_name = "a.BadConverter", .open = no_open };
    static const struct kaftan_converter small = { .size = 8, .class_name = "a.BadConverter", .open = no_open };
    static const struct kaftan_converter *const lists[][3] = { { &fine, &bad, NULL }, { &fine, &small, NULL } };
    static const char *const texts[] = { "/p.so: class a.BadConverter lacks a function", "found 8, wanted at least" };
    for (size_t i = 0; i < 2; i++) {
        struct registry *r = registry_new();
        struct kaftan_plugin p = plugin_of(lists[i]);
        struct kaftan_error *err = registry_add(r, &p, "/p.so");
        cr_assert_not_null(err);
        cr_expect_not_null(strstr(kaftan_error_message(err), texts[i]), "%s", kaftan_error_message(err));
        cr_expect_null(registry_at(r, 0), "half of a refused plugin stayed");
        kaftan_error_free(err);
        registry_free(r);
    }
}

Test(plugin, rows_of_another_size_are_copied)
{
    struct long_key {
        struct kaftan_config_key key;
        long more;
    };
    static const struct long_key keys[] = { { { .name = "one" }, 1 }, { { .name = "two" }, 2 }, { { .name = NULL }, 0 } };
    static const struct kaftan_converter c = { .size = sizeof c, .class_name = "a.Long", .version = "1",
                                               .config = &keys[0].key, .open = no_open, .from_connect = no_from,
                                               .to_connect = no_to };
    static const struct kaftan_converter *const list[] = { &c, NULL };
    struct registry *r = registry_new();
    struct kaftan_plugin p = plugin_of(list);
    p.key_size = sizeof(struct long_key);
    cr_assert_null(registry_add(r, &p, ""));
    const struct kaftan_config_key *table = registry_at(r, 0)->config;
    cr_expect_str_eq(table[0].name, "one");
    cr_expect_str_eq(table[1].name, "two");
    cr_expect_null(table[2].name);
    registry_free(r);
}

Test(plugin, gate)
{
    const uint32_t size = sizeof(struct kaftan_plugin), key = sizeof(struct kaftan_config_key);
    const struct {
        struct plugin_stamp stamp;
        const char *text;
    } cases[] = {
        { { KAFTAN_ABI_MAJOR, KAFTAN_ABI_MINOR, size, key }, NULL },
        { { KAFTAN_ABI_MAJOR, KAFTAN_ABI_MINOR, size + 8, key + 8 }, NULL },
        { { KAFTAN_ABI_MAJOR + 1, 0, size, key }, "/x.so: plugin ABI: found 2.0, wanted 1.0 to 1.0" },
        { { KAFTAN_ABI_MAJOR, KAFTAN_ABI_MINOR + 1, size, key }, "/x.so: plugin ABI: found 1.1, wanted 1.0 to 1.0" },
        { { 0, 0, 0, 0 }, "/x.so: plugin ABI: found 0.0, wanted" },
        { { KAFTAN_ABI_MAJOR, KAFTAN_ABI_MINOR, 16, key }, "/x.so: size of struct kaftan_plugin: found 16" },
        { { KAFTAN_ABI_MAJOR, KAFTAN_ABI_MINOR, size, 8 }, "/x.so: size of struct kaftan_config_key: found 8" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct kaftan_error *err = plugin_gate(&cases[i].stamp, "/x.so");
        cr_expect_eq(!err, !cases[i].text, "case %zu", i);
        if (err && cases[i].text)
            cr_expect(strncmp(kaftan_error_message(err), cases[i].text, strlen(cases[i].text)) == 0, "%s",
                      kaftan_error_message(err));
        kaftan_error_free(err);
    }
}

Test(plugin, loads_what_is_good_and_leaves_out_the_rest)
{
    static const char *const dirs[] = { PLUGIN_SO, "/nonexistent/dir", PLUGIN_SO "/good.so" };
    struct registry *r = registry_new();
    char buffer[256];
    (void)unsetenv("PLUGIN_CODE_RAN");
    registry_load(r, dirs, 3);
    const struct plugin_class *c = registry_connector(r, "GoodSource");
    cr_assert_not_null(c, "%s", buf_text(&lines));
    cr_expect_str_eq(c->name, "io.kaftan.good.GoodSourceConnector", "our own class goes first");
    cr_expect_str_eq(c->version, "1.2");
    cr_expect_not_null(strstr(c->path, "good.so"));
    cr_expect_eq(registry_connector(r, "org.example.OldName"), c);
    cr_expect_str_eq(plugin_task_class(c, buffer), "io.kaftan.good.GoodSourceTask");
    c = registry_connector(r, "com.example.GoodSourceConnector");
    cr_expect_str_eq(plugin_task_class(c, buffer), "com.example.Worker");
    cr_expect_not_null(registry_at(r, 1));
    cr_expect_null(registry_at(r, 2), "the same file on two entries counts once");
    cr_expect_null(getenv("PLUGIN_CODE_RAN"), "code of '%s' ran", getenv("PLUGIN_CODE_RAN"));
    const char *text = buf_text(&lines);
    static const char *const told[] = { "wrong_major.so", "found 2.0, wanted", "newer_minor.so", "found 1.1, wanted",
                                        "short_key.so",   "library.so",        "does not export", "/nonexistent/dir" };
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++)
        cr_expect_not_null(strstr(text, told[i]), "'%s' not in:\n%s", told[i], text);
    registry_free(r);
}

Test(plugin, jars_are_named_once)
{
    char dir[] = "/tmp/kaftan-plugin-XXXXXX", path[256];
    static const char *const names[] = { "a.jar", "sub/b.jar", "sub/c.ZIP", "broken.so" };
    cr_assert_not_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/sub", dir);
    cr_assert_eq(mkdir(path, 0700), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        FILE *f = fopen(path, "w");
        cr_assert_not_null(f);
        (void)fputs("\177ELF", f);
        (void)fclose(f);
    }
    const char *const dirs[] = { dir };
    struct registry *r = registry_new();
    registry_load(r, dirs, 1);
    const char *text = buf_text(&lines);
    cr_expect_not_null(strstr(text, "jars=3"), "%s", text);
    cr_expect_not_null(strstr(text, "broken.so: not a plugin: it is no shared object for this machine"), "%s", text);
    registry_free(r);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    (void)snprintf(path, sizeof path, "%s/sub", dir);
    (void)rmdir(path);
    (void)rmdir(dir);
}

/* Every cut and many damages of a real shared object: an answer, never a read outside. */
Test(plugin, damaged_images)
{
    FILE *f = fopen(PLUGIN_SO "/good.so", "rb");
    struct plugin_stamp stamp;
    const char *why;
    cr_assert_not_null(f);
    (void)fseek(f, 0, SEEK_END);
    size_t size = (size_t)ftell(f);
    rewind(f);
    unsigned char *whole = malloc(size);
    cr_assert_not_null(whole);
    cr_assert_eq(fread(whole, 1, size, f), size);
    (void)fclose(f);
    cr_expect(elf_image_stamp(whole, size, &stamp, &why));
    cr_expect_eq(stamp.abi_major, KAFTAN_ABI_MAJOR);
    cr_expect_eq(stamp.key_size, sizeof(struct kaftan_config_key));
    for (size_t cut = 0; cut < size; cut += cut < 256 ? 1 : 509) {
        unsigned char *part = malloc(cut ? cut : 1);
        cr_assert_not_null(part);
        memcpy(part, whole, cut);
        (void)elf_image_stamp(part, cut, &stamp, &why);
        free(part);
    }
    uint32_t seed = 12345;
    for (int round = 0; round < 2000; round++) {
        seed = seed * 1664525u + 1013904223u;
        size_t at = round < 1000 ? seed % 64 : (seed >> 4) % size;
        unsigned char was = whole[at];
        whole[at] = (unsigned char)(seed >> 24);
        (void)elf_image_stamp(whole, size, &stamp, &why);
        whole[at] = was;
    }
    free(whole);
}
