# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/rest/test_rest
tests_unit_rest_test_rest_SOURCES = %D%/test_rest.c %D%/fake_herder.c %D%/fake_herder.h
tests_unit_rest_test_rest_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_rest_test_rest_LDADD = src/librest.a src/libconfig.a src/libnet.a src/libbase.a \
	$(CRITERION_LIBS) $(FOREIGN_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_uri tests/fuzz/fuzz_body
TESTS += tests/fuzz/fuzz_uri tests/fuzz/fuzz_body
EXTRA_DIST += tests/fuzz/uri.corpus tests/fuzz/body.corpus
tests_fuzz_fuzz_uri_SOURCES = tests/fuzz/fuzz_uri.c tests/fuzz/replay.c
tests_fuzz_fuzz_uri_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_uri_LDADD = src/librest.a src/libbase.a $(PCRE2_LIBS)
tests_fuzz_fuzz_body_SOURCES = tests/fuzz/fuzz_body.c tests/fuzz/replay.c
tests_fuzz_fuzz_body_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_body_LDADD = src/librest.a src/libbase.a $(PCRE2_LIBS)

UNIT_TESTS += tests/unit/rest/test_peer
tests_unit_rest_test_peer_SOURCES = %D%/test_peer.c %D%/fake_herder.c %D%/fake_herder.h tests/unit/net/web.c tests/unit/net/web.h \
	$(golden_sources) tests/vectors/storage.h tests/vectors/storage_peer.c
tests_unit_rest_test_peer_CPPFLAGS = $(TEST_CPPFLAGS) -I$(srcdir)/tests/unit/net
tests_unit_rest_test_peer_LDADD = $(tests_unit_rest_test_rest_LDADD)

UNIT_TESTS += tests/unit/rest/test_internal
tests_unit_rest_test_internal_SOURCES = %D%/test_internal.c %D%/stage.c %D%/stage.h %D%/fake_herder.c %D%/fake_herder.h
tests_unit_rest_test_internal_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_rest_test_internal_LDADD = $(tests_unit_rest_test_rest_LDADD)

UNIT_TESTS += tests/unit/rest/test_loggers
tests_unit_rest_test_loggers_SOURCES = %D%/test_loggers.c %D%/stage.c %D%/stage.h %D%/fake_herder.c %D%/fake_herder.h
tests_unit_rest_test_loggers_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_rest_test_loggers_LDADD = $(tests_unit_rest_test_rest_LDADD)

check_PROGRAMS += tests/race/race_peer
TESTS += tests/race/race_peer
tests_race_race_peer_SOURCES = tests/race/race_peer.c %D%/fake_herder.c %D%/fake_herder.h tests/unit/net/web.c tests/unit/net/web.h
tests_race_race_peer_LDADD = src/librest.a src/libconfig.a src/libnet.a src/libbase.a $(FOREIGN_LIBS)
tests_race_race_peer_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/tests -I$(srcdir)/tests/unit/net
