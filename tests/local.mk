# SPDX-License-Identifier: Apache-2.0
dist_check_SCRIPTS += tests/tools/check-layers.sh tests/tools/check-exports.sh tests/tools/check-banned.sh
TESTS += tests/tools/check-layers.sh tests/tools/check-exports.sh tests/tools/check-banned.sh
EXTRA_DIST += src/LAYERS include/kaftan/exports.txt tests/fuzz/replay.c
AM_TESTS_ENVIRONMENT = ASAN_OPTIONS=abort_on_error=1:detect_leaks=1; export ASAN_OPTIONS; \
	srcdir=$(top_srcdir); export srcdir; \
	PLUGINS=$(abs_top_builddir)/connectors/.libs; export PLUGINS;
