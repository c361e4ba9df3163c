# SPDX-License-Identifier: Apache-2.0
# Functions shared by the commands of tools/; sourced by bash with `set -eu` on. Nothing runs by sourcing it.
# shellcheck shell=bash

KAFTAN_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
KAFTAN_CACHE=${KAFTAN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kaftan}
KAFKA_VERSION=4.3.1
KAFKA_OLD_VERSION=3.9.1
LOG4J_VERSION=2.24.3
JOBS=${JOBS:-$(nproc)}
export KAFTAN_CACHE KAFKA_VERSION KAFKA_OLD_VERSION
lib_log_dir=${KAFTAN_LOGS:-$KAFTAN_ROOT/build/logs}

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

# step TEXT COMMAND...: runs a command with its output in a log file, showing that it runs, how long it took, and the
# end of the log when it fails.
step() {
    local text=$1 started=$SECONDS log status=0 beat
    shift
    mkdir -p "$lib_log_dir"
    log=$lib_log_dir/$(printf '%s' "$text" | tr -cs 'A-Za-z0-9' '-').log
    printf '==> %s ...\n' "$text"
    ( while :; do
        read -r -t 30 <> <(:) || : # waits without a child that could outlive us
        printf '    %s: still running (%d s)\n' "$text" $((SECONDS - started))
      done ) &
    beat=$!
    "$@" > "$log" 2>&1 < /dev/null || status=$?
    kill "$beat" 2> /dev/null || true
    wait "$beat" 2> /dev/null || true
    if [ "$status" -ne 0 ]; then
        tail -n "${STEP_TAIL:-60}" "$log" | sed 's/^/    | /'
        printf '==> %s: FAILED with %d after %d s (log: %s)\n' "$text" "$status" $((SECONDS - started)) "$log"
    else
        printf '    done in %d s\n' $((SECONDS - started))
    fi
    return "$status"
}

# packages_of GROUP...: the names in the groups of packages.txt.
packages_of() {
    local group
    for group; do
        awk -v want="$group" '/^# group / { on = ($3 == want || $3 == want ":"); next } on && NF && !/^#/ { print $1 }' \
            "$KAFTAN_ROOT/tools/packages.txt"
    done
}

packages_missing() {
    local name
    for name in $(packages_of "$@"); do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2> /dev/null | grep -qx installed || printf '%s\n' "$name"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; elif command -v sudo > /dev/null; then sudo -n "$@"; else
        die "cannot install packages: run as root once, or install sudo (needed: $*)"; fi
}

# A service that a package would start is not what we want: the tests start their own brokers.
packages_get() {
    local policy=/usr/sbin/policy-rc.d made=
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" > /dev/null && as_root chmod 755 "$policy" && made=1
    fi
    local status=0
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@" || status=$?
    [ -z "$made" ] || as_root rm -f "$policy"
    return "$status"
}

# packages_install GROUP...: installs what is missing; silent, instant and without network when nothing is.
packages_install() {
    local missing
    command -v dpkg-query > /dev/null || { say "no dpkg here: the packages of tools/packages.txt must be there already"; return 0; }
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    say "==> missing packages: $(printf '%s' "$missing" | tr '\n' ' ')"
    # shellcheck disable=SC2086
    step "install Debian packages" packages_get $missing
}

# java_pick: prints a java of version 17 or newer, whatever JAVA_HOME says.
java_pick() {
    local java major
    for java in "${JAVA_HOME:-/nonexistent}/bin/java" "$(command -v java || true)" /usr/lib/jvm/java-*-openjdk-*/bin/java; do
        [ -x "$java" ] || continue
        major=$("$java" -version 2>&1 < /dev/null | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
        if [ "${major:-0}" -ge 17 ]; then printf '%s\n' "$java"; return 0; fi
    done
    die "no Java 17 or newer found (package openjdk-17-jre-headless)"
}

kafka_pom() { # kafka_pom VERSION
    local artifact
    printf '%s\n' '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>' \
        '<groupId>kaftan</groupId><artifactId>kafka-jars</artifactId><version>1</version><packaging>pom</packaging><dependencies>'
    for artifact in kafka_2.13 kafka-tools connect-runtime connect-json connect-transforms connect-file; do
        printf '<dependency><groupId>org.apache.kafka</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n' "$artifact" "$1"
    done
    for artifact in log4j-slf4j-impl log4j-core; do
        printf '<dependency><groupId>org.apache.logging.log4j</groupId><artifactId>%s</artifactId><version>%s</version></dependency>\n' "$artifact" "$LOG4J_VERSION"
    done
    printf '%s\n' '</dependencies></project>'
}

kafka_is_whole() { # kafka_is_whole DIR: every jar of the list written after the download is there with its size
    local name size
    [ -s "$1/.list" ] || return 1
    while read -r size name; do
        [ "$(stat -c %s "$1/$name" 2> /dev/null)" = "$size" ] || return 1
    done < "$1/.list"
}

kafka_download() { # kafka_download VERSION DIR; whole or not at all
    local temp java_home
    mkdir -p "$KAFTAN_CACHE"
    temp=$(mktemp -d "$KAFTAN_CACHE/kafka-$1.XXXXXX")
    java_home=$(java_pick)
    java_home=$(dirname "$(dirname "$(readlink -f "$java_home")")")
    kafka_pom "$1" > "$temp/pom.xml"
    if ! JAVA_HOME=$java_home mvn -q -B -Dstyle.color=never -f "$temp/pom.xml" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$temp/libs"; then
        rm -rf "$temp"
        return 1
    fi
    # The old release names the SLF4J binding of log4j 1; two bindings would quarrel about the log.
    rm -f "$temp"/libs/slf4j-reload4j-*.jar "$temp"/libs/reload4j-*.jar "$temp"/libs/slf4j-log4j12-*.jar
    ( cd "$temp/libs" && stat -c '%s %n' ./*.jar > .list )
    for need in "kafka_2.13-$1.jar" "kafka-clients-$1.jar" "connect-runtime-$1.jar" "connect-file-$1.jar" "log4j-core-$LOG4J_VERSION.jar"; do
        [ -s "$temp/libs/$need" ] || { say "the download lacks $need"; rm -rf "$temp"; return 1; }
    done
    rm -rf "$2"
    mv -T "$temp/libs" "$2"
    rm -rf "$temp"
}

# kafka_fetch VERSION: Kafka's jars (broker, tools and the Java Connect worker) in the cache.
kafka_dir() { printf '%s\n' "$KAFTAN_CACHE/kafka-$1"; }
kafka_fetch() {
    local dir
    dir=$(kafka_dir "$1")
    kafka_is_whole "$dir" && return 0
    mkdir -p "$KAFTAN_CACHE"
    ( exec 8> "$KAFTAN_CACHE/.lock"
      flock 8
      kafka_is_whole "$dir" || step "fetch Apache Kafka $1 (about 55 MB, once)" kafka_download "$1" "$dir" )
}

compiler() { # compiler NAME: through ccache when it is there
    if command -v ccache > /dev/null; then printf 'ccache %s\n' "$1"; else printf '%s\n' "$1"; fi
}

source_id() { # changes when the build system's own inputs change
    ( cd "$KAFTAN_ROOT" && find . -path './build*' -prune -o -path ./.git -prune -o \( -name configure.ac -o -name Makefile.am -o -name local.mk \) -print |
        LC_ALL=C sort | xargs cat | cksum )
}

# configure_in DIR ARGUMENT...: an out-of-tree build directory; nothing is redone that has not changed.
configure_in() {
    local dir=$1 id
    shift
    id="$(source_id) $*"
    mkdir -p "$dir"
    if [ ! -x "$KAFTAN_ROOT/configure" ] || [ "$(cat "$KAFTAN_ROOT/build/.autogen" 2> /dev/null)" != "$(source_id)" ]; then
        ( cd "$KAFTAN_ROOT" && step "autoreconf" autoreconf -fi )
        mkdir -p "$KAFTAN_ROOT/build"
        source_id > "$KAFTAN_ROOT/build/.autogen"
    fi
    if [ ! -f "$dir/config.status" ] || [ "$(cat "$dir/.configured" 2> /dev/null)" != "$id" ]; then
        ( cd "$dir" && step "configure $(basename "$dir")" "$KAFTAN_ROOT/configure" -q "$@" )
        printf '%s\n' "$id" > "$dir/.configured"
    fi
}

# build_in DIR TARGET...: make with all processors; the targets default to all.
build_in() {
    local dir=$1
    shift
    step "make $(basename "$dir") ${*:-all}" make -C "$dir" -s -j"$JOBS" "$@"
}
