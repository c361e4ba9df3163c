#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Refuses calls that have a better one of ours: allocation outside base/mem.c, threads outside base, unbounded string
# functions anywhere. Comments and texts are not looked at.
set -eu
cd "${srcdir:-.}"
find src connectors include -name '*.[ch]' -print | LC_ALL=C sort | xargs awk '
BEGIN {
	n = split("sprintf vsprintf strcpy strcat strtok atoi atol atoll sleep usleep nanosleep gets setlocale", a, " ")
	for (i = 1; i <= n; i++)
		never[a[i]] = 1
	n = split("malloc calloc realloc free strdup strndup asprintf vasprintf", a, " ")
	for (i = 1; i <= n; i++)
		memory[a[i]] = 1
}
FNR == 1 { comment = 0 }
{
	text = $0
	gsub(/\\./, "", text)
	gsub(/"[^"]*"/, "\"\"", text)
	if (comment) {
		if (!sub(/^.*\*\//, "", text))
			next
		comment = 0
	}
	gsub(/\/\*[^*]*(\*+[^*\/][^*]*)*\*+\//, "", text)
	if (sub(/\/\*.*/, "", text))
		comment = 1
	# a call: a name, then a parenthesis, not behind "." or ">"
	while (match(text, /[A-Za-z_][A-Za-z0-9_]*[ ]*\(/)) {
		name = substr(text, RSTART, RLENGTH - 1)
		sub(/ +$/, "", name)
		before = RSTART > 1 ? substr(text, RSTART - 1, 1) : ""
		text = substr(text, RSTART + RLENGTH)
		if (before == "." || before == ">")
			continue
		why = ""
		if (name in never)
			why = "never"
		else if ((name in memory) && FILENAME != "src/base/mem.c")
			why = "use mem_*"
		else if (name ~ /^pthread_/ && FILENAME !~ /^src\/base\//)
			why = "use base/thread.h"
		if (why != "") {
			printf "%s:%d: %s(): %s\n", FILENAME, FNR, name, why
			failed = 1
		}
	}
}
END { exit failed }
'
