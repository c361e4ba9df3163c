#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The commands that the quick start prints: a script that can be run, and packages for every program in it.
set -eu
tools=${srcdir:-.}/tools
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$tools/quickstart" --print > "$work/commands"
bash -n "$work/commands"
for need in autoconf curl java:openjdk-17-jre-headless kcat mosquitto mosquitto_pub:mosquitto-clients mvn:maven; do
    program=${need%:*} package=${need#*:}
    grep -Eq "(^|[^a-z_-])$program( |$)" "$work/commands" || { echo "the commands have no $program"; exit 1; }
    sed -n '/apt-get install/,/^$/p' "$work/commands" | grep -qw -- "$package" || { echo "no package for $program"; exit 1; }
done
if "$tools/quickstart" --nonsense > "$work/out" 2>&1; then echo "--nonsense was taken"; exit 1; fi
grep -q -- "--nonsense" "$work/out"
