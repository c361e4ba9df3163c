# SPDX-License-Identifier: Apache-2.0
# `make check` replays each corpus. To search for more with libFuzzer:
#   ../configure CC=clang --enable-asan CPPFLAGS=-DFUZZ_ENGINE CFLAGS="-g -O1 -fsanitize=fuzzer-no-link"
#   make tests/fuzz/fuzz_json LDFLAGS=-fsanitize=fuzzer
#   tests/fuzz/fuzz_json ../tests/fuzz/json.corpus
base_fuzz = tests/fuzz/fuzz_json tests/fuzz/fuzz_props tests/fuzz/fuzz_regex
check_PROGRAMS += $(base_fuzz)
TESTS += $(base_fuzz)
tests_fuzz_fuzz_json_SOURCES = %D%/fuzz_json.c %D%/replay.c
tests_fuzz_fuzz_json_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_json_LDADD = $(base_libs)
tests_fuzz_fuzz_props_SOURCES = %D%/fuzz_props.c %D%/replay.c
tests_fuzz_fuzz_props_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_props_LDADD = $(config_libs)
tests_fuzz_fuzz_regex_SOURCES = %D%/fuzz_regex.c %D%/replay.c
tests_fuzz_fuzz_regex_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_regex_LDADD = $(base_libs)
EXTRA_DIST += %D%/json.corpus %D%/props.corpus %D%/regex.corpus
