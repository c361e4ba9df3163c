# SPDX-License-Identifier: Apache-2.0
herder_fakes = %D%/fake_kafka.c src/kafka/conf_types.c %D%/fake_worker.c %D%/fake_worker.h %D%/fake_store.c \
	%D%/fake_store.h %D%/fake_member.c %D%/fake_member.h %D%/journal.c %D%/journal.h
herder_test_libs = src/libherder.a src/libplugin.a src/libconfig.a src/libnet.a src/libbase.a
UNIT_TESTS += tests/unit/herder/test_herder tests/unit/herder/test_validate
tests_unit_herder_test_herder_SOURCES = %D%/test_herder.c %D%/test_group.c %D%/test_faults.c %D%/stage.c %D%/stage.h %D%/acme.c %D%/acme.h $(herder_fakes)
tests_unit_herder_test_herder_CPPFLAGS = $(TEST_CPPFLAGS) -I$(srcdir)/%D%
tests_unit_herder_test_herder_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=clock_wall_ms
tests_unit_herder_test_herder_LDADD = $(herder_test_libs) $(CRITERION_LIBS) $(PCRE2_LIBS) $(OPENSSL_LIBS)
tests_unit_herder_test_validate_SOURCES = %D%/test_validate.c %D%/acme.c %D%/acme.h $(herder_fakes) \
	$(golden_sources) $(golden_data_sources) $(golden_notation_sources) tests/vectors/data_herder.c
tests_unit_herder_test_validate_CPPFLAGS = $(TEST_CPPFLAGS) -I$(srcdir)/%D%
tests_unit_herder_test_validate_LDADD = $(herder_test_libs) $(data_libs) $(CRITERION_LIBS) $(PCRE2_LIBS) $(OPENSSL_LIBS)
