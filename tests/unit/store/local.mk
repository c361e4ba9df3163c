# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/store/test_store
tests_unit_store_test_store_SOURCES = %D%/test_config.c %D%/test_file.c %D%/test_records.c %D%/test_status.c %D%/test_store.c \
	tests/fake/fake_admin.c tests/fake/fake_admin.h tests/unit/kafka/mock.h $(golden_sources) $(golden_store_sources)
tests_unit_store_test_store_CPPFLAGS = $(TEST_CPPFLAGS) -I$(srcdir)/tests/unit/kafka
tests_unit_store_test_store_LDADD = $(store_libs) $(CRITERION_LIBS) $(FOREIGN_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_offset_key tests/fuzz/fuzz_config_record
TESTS += tests/fuzz/fuzz_offset_key tests/fuzz/fuzz_config_record
tests_fuzz_fuzz_offset_key_SOURCES = tests/fuzz/fuzz_offset_key.c tests/fuzz/replay.c
tests_fuzz_fuzz_offset_key_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_offset_key_LDADD = $(store_libs) $(FOREIGN_LIBS)
tests_fuzz_fuzz_config_record_SOURCES = tests/fuzz/fuzz_config_record.c tests/fuzz/replay.c
tests_fuzz_fuzz_config_record_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_config_record_LDADD = $(store_libs) $(FOREIGN_LIBS)
EXTRA_DIST += tests/fuzz/offset_key.corpus tests/fuzz/config_record.corpus

check_PROGRAMS += tests/race/race_store
TESTS += tests/race/race_store
tests_race_race_store_SOURCES = tests/race/race_store.c tests/fake/fake_admin.c tests/fake/fake_admin.h
tests_race_race_store_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_race_race_store_LDADD = $(store_libs) $(FOREIGN_LIBS)
