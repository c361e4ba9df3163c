/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "main/args.h"

enum { WORDS = 8 };

static struct kaftan_error *parse(const char *line, struct args *ret)
{
    static char copy[256];
    static char *argv[WORDS + 1];
    int argc = 1;
    (void)snprintf(copy, sizeof copy, "%s", line);
    argv[0] = copy;
    char *rest = copy;
    (void)strsep(&rest, " ");
    for (char *p; rest && (p = strsep(&rest, " ")) != NULL && argc < WORDS;)
        argv[argc++] = p;
    argv[argc] = NULL;
    return args_parse(argc, argv, ret);
}

Test(args, takes)
{
    struct args a;
    cr_assert_null(parse("kaftan distributed w.properties", &a));
    cr_expect_eq(a.command, COMMAND_DISTRIBUTED);
    cr_expect_str_eq(a.file, "w.properties");
    cr_expect_eq(a.level, LOG_INFO);
    cr_assert_null(parse("kaftan standalone --log-level=debug w a b", &a));
    cr_expect_eq(a.command, COMMAND_STANDALONE);
    cr_expect_eq(a.level, LOG_DEBUG);
    cr_expect_eq(a.connector_count, 2);
    cr_expect_str_eq(a.connectors[1], "b");
    cr_assert_null(parse("kaftan --log-format=json plugins", &a));
    cr_expect_eq(a.command, COMMAND_PLUGINS);
    cr_expect(a.json_log);
    cr_assert_null(parse("kaftan --help", &a));
    cr_expect_eq(a.command, COMMAND_HELP);
    cr_assert_null(parse("kaftan distributed --version", &a));
    cr_expect_eq(a.command, COMMAND_VERSION);
}

Test(args, refuses)
{
    static const struct {
        const char *line, *part;
    } cases[] = {
        { "kaftan", "a command is missing" },
        { "kaftan run x", "run: no such command" },
        { "kaftan distributed", "properties file is missing" },
        { "kaftan distributed a b", "too many arguments" },
        { "kaftan --log-level=LOUD distributed a", "--log-level=LOUD" },
        { "kaftan --log-format=xml distributed a", "--log-format=xml" },
        { "kaftan --nope distributed a", "--nope: no such option" },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct args a;
        struct kaftan_error *err = parse(cases[i].line, &a);
        cr_assert_not_null(err, "accepted: %s", cases[i].line);
        cr_expect_not_null(strstr(kaftan_error_message(err), cases[i].part),
                           "%s", kaftan_error_message(err));
        kaftan_error_free(err);
    }
}
