/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 64 is EX_USAGE: the command line is wrong, nothing has been tried. */
enum { EXIT_USAGE = 64 };

static const char usage[] =
    "usage: kaftan distributed FILE\n"
    "       kaftan standalone FILE [CONNECTOR...]\n"
    "       kaftan plugins\n"
    "       kaftan --version | --help\n";

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("kaftan %s (%s)\n", PACKAGE_VERSION, KAFTAN_COMMIT);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    (void)fputs(usage, stderr);
    return EXIT_USAGE;
}
