# SPDX-License-Identifier: Apache-2.0
herder_fakes = tests/fake/fake_kafka.c tests/fake/fake_worker.c tests/fake/fake_worker.h tests/fake/fake_store.c \
	tests/fake/fake_store.h tests/fake/fake_member.c tests/fake/fake_member.h tests/fake/journal.c tests/fake/journal.h
herder_test_libs = src/libherder.a src/libplugin.a src/libconfig.a src/libbase.a
UNIT_TESTS += tests/unit/herder/test_herder tests/unit/herder/test_validate
tests_unit_herder_test_herder_SOURCES = %D%/test_herder.c %D%/acme.c %D%/acme.h $(herder_fakes)
tests_unit_herder_test_herder_CPPFLAGS = $(TEST_CPPFLAGS) -I$(srcdir)/%D%
tests_unit_herder_test_herder_LDADD = $(herder_test_libs) $(CRITERION_LIBS) $(PCRE2_LIBS)
tests_unit_herder_test_validate_SOURCES = %D%/test_validate.c %D%/acme.c %D%/acme.h $(herder_fakes)
tests_unit_herder_test_validate_CPPFLAGS = $(TEST_CPPFLAGS) -I$(srcdir)/%D%
tests_unit_herder_test_validate_LDADD = $(herder_test_libs) $(CRITERION_LIBS) $(PCRE2_LIBS)
