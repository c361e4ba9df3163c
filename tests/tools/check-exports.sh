#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The worker exports exactly the SDK: the dynamic symbols must equal include/kaftan/exports.txt.
set -eu
nm -D --defined-only src/kaftan | awk '$3 ~ /^kaftan_/ { print $3 }' | LC_ALL=C sort | diff -u "${srcdir:-.}/include/kaftan/exports.txt" -
