# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/net/test_net
tests_unit_net_test_net_SOURCES = %D%/server.c %D%/server.h %D%/test_hmac.c %D%/test_oauth.c %D%/test_sasl.c %D%/test_http.c %D%/test_store.c %D%/test_stream.c %D%/test_tls_props.c %D%/web.c %D%/web.h
tests_unit_net_test_net_CPPFLAGS = $(TEST_CPPFLAGS) -I$(srcdir)/%D%
tests_unit_net_test_net_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_wall_ms
tests_unit_net_test_net_LDADD = $(net_libs) $(CRITERION_LIBS) $(FOREIGN_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_jks
TESTS += tests/fuzz/fuzz_jks
tests_fuzz_fuzz_jks_SOURCES = tests/fuzz/fuzz_jks.c tests/fuzz/replay.c
tests_fuzz_fuzz_jks_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_jks_LDADD = $(net_libs) $(FOREIGN_LIBS)
EXTRA_DIST += tests/fuzz/jks.corpus
