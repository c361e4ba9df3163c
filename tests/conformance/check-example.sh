#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The example in docs/sdk.md is the one that is compiled and tested.
set -eu
cd "${srcdir:-.}"
awk '/^```c example$/ { on = 1; next } /^```$/ { on = 0 } on' docs/sdk.md | diff -u tests/conformance/example/counter_source.c -
