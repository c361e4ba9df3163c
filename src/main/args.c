/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "main/args.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

const char args_usage[] =
    "Usage: kaftan [OPTION...] distributed FILE\n"
    "       kaftan [OPTION...] standalone FILE [CONNECTOR...]\n"
    "       kaftan [OPTION...] plugins [FILE]\n"
    "\n"
    "A Kafka Connect worker. FILE is a worker properties file as Java's worker\n"
    "takes it.\n"
    "\n"
    "  distributed   a worker of a group; configs, offsets and states in Kafka\n"
    "  standalone    one worker by itself; offsets in a file; connectors from\n"
    "                files, each properties or JSON\n"
    "  plugins       lists the connectors and converters this worker has\n"
    "\n"
    "  --log-level=LEVEL   TRACE, DEBUG, INFO (default), WARN, ERROR or OFF\n"
    "  --log-format=FORMAT text (default) or json\n"
    "  --help              this text\n"
    "  --version           version and commit\n";

static struct kaftan_error *parse_option(const char *arg, struct args *a)
{
    static const char level[] = "--log-level=", format[] = "--log-format=";
    if (strcmp(arg, "--help") == 0) {
        a->command = COMMAND_HELP;
    } else if (strcmp(arg, "--version") == 0) {
        a->command = COMMAND_VERSION;
    } else if (text_starts(arg, level)) {
        if (!log_level_parse(arg + sizeof level - 1, &a->level))
            return kaftan_error_new(KAFTAN_E_INVALID,
                                    "%s: the level is none of TRACE, DEBUG, "
                                    "INFO, WARN, ERROR, OFF",
                                    arg);
    } else if (text_starts(arg, format)) {
        const char *v = arg + sizeof format - 1;
        a->json_log = strcmp(v, "json") == 0;
        if (!a->json_log && strcmp(v, "text") != 0)
            return kaftan_error_new(KAFTAN_E_INVALID,
                                    "%s: the format is neither text nor json",
                                    arg);
    } else {
        return kaftan_error_new(KAFTAN_E_INVALID, "%s: no such option", arg);
    }
    return NULL;
}

static struct kaftan_error *parse_words(char **words, size_t count,
                                        struct args *a)
{
    static const struct {
        const char *name;
        enum command command;
        size_t least, most;
    } commands[] = {
        { "distributed", COMMAND_DISTRIBUTED, 1, 1 },
        { "standalone", COMMAND_STANDALONE, 1, SIZE_MAX },
        { "plugins", COMMAND_PLUGINS, 0, 1 },
    };
    if (count == 0)
        return kaftan_error_new(KAFTAN_E_INVALID,
                                "a command is missing: distributed, "
                                "standalone or plugins");
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(words[0], commands[i].name) != 0)
            continue;
        if (count - 1 < commands[i].least)
            return kaftan_error_new(KAFTAN_E_INVALID,
                                    "%s: the worker's properties file is "
                                    "missing",
                                    words[0]);
        if (count - 1 > commands[i].most)
            return kaftan_error_new(KAFTAN_E_INVALID, "%s: too many arguments",
                                    words[0]);
        a->command = commands[i].command;
        a->file = count > 1 ? words[1] : NULL;
        a->connectors = (const char *const *)(words + (count > 1 ? 2 : 1));
        a->connector_count = count > 2 ? count - 2 : 0;
        return NULL;
    }
    return kaftan_error_new(KAFTAN_E_INVALID, "%s: no such command", words[0]);
}

struct kaftan_error *args_parse(int argc, char **argv, struct args *ret)
{
    struct args a = { .command = COMMAND_PLUGINS, .level = LOG_INFO };
    size_t words = 0; /* what is no option moves to the front of argv */
    bool asked = false;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) != 0) {
            argv[words++] = argv[i];
            continue;
        }
        struct kaftan_error *err = parse_option(argv[i], &a);
        if (err)
            return err;
        asked = asked || a.command == COMMAND_HELP ||
                a.command == COMMAND_VERSION;
    }
    if (!asked) {
        struct kaftan_error *err = parse_words(argv, words, &a);
        if (err)
            return err;
    }
    *ret = a;
    return NULL;
}
