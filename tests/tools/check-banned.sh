#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Refuses calls that have a better one of ours: allocation outside base/mem.c, threads outside base, unbounded string functions.
set -eu
cd "${srcdir:-.}"
bad=0
look() { # look PATTERN WHERE... ; prints what it finds outside comments
	pattern=$1; shift
	# shellcheck disable=SC2038
	found=$(find "$@" -name '*.[ch]' | xargs grep -nE "(^|[^A-Za-z0-9_>.])($pattern)[ ]*\(" 2>/dev/null | grep -vE ':[0-9]+:[ ]*(\*|/\*)' || true)
	[ -z "$found" ] || { printf '%s\n' "$found"; bad=1; }
}
look 'sprintf|vsprintf|strcpy|strcat|strtok|atoi|atol|sleep|usleep|gets' src connectors include
if found=$(find src connectors -name '*.[ch]' ! -path 'src/base/mem.c' -exec grep -nHE '(^|[^A-Za-z0-9_>.])(malloc|calloc|realloc|free|strdup|strndup)[ ]*\(' {} + | grep -vE ':[0-9]+:[ ]*(\*|/\*)'); then
	printf '%s\n' "$found"; bad=1
fi
if found=$(find src connectors -name '*.[ch]' ! -path 'src/base/*' -exec grep -nHE '(^|[^A-Za-z0-9_])pthread_[a-z_]+[ ]*\(' {} +); then
	printf '%s\n' "$found"; bad=1
fi
exit $bad
