#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The worker exports exactly the SDK: the dynamic symbols must equal include/kaftan/exports.txt.
set -eu
# The order of the list's lines does not count: they come from many branches.
wanted=$(LC_ALL=C sort -u "${srcdir:-.}/include/kaftan/exports.txt")
found=$(nm -D --defined-only src/kaftan | awk '$3 ~ /^kaftan_/ { print $3 }' | LC_ALL=C sort -u)
[ "$wanted" = "$found" ] && exit 0
printf 'exports.txt and the program disagree:\n'
printf '%s\n%s\n%s\n' "$wanted" "$wanted" "$found" | LC_ALL=C sort | uniq -c |
	awk '$1 == 1 { print "  not in exports.txt: " $2 } $1 == 2 { print "  not exported: " $2 }'
exit 1
