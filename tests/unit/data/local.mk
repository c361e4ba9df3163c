# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/data/test_data tests/unit/data/test_data_vectors
tests_unit_data_test_data_SOURCES = %D%/test_data.c
tests_unit_data_test_data_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_data_test_data_LDADD = $(data_libs) $(CRITERION_LIBS)
tests_unit_data_test_data_vectors_SOURCES = %D%/test_data_vectors.c \
	$(golden_sources) $(golden_data_sources) $(golden_notation_sources) tests/vectors/data_values.c
tests_unit_data_test_data_vectors_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_data_test_data_vectors_LDADD = $(data_libs) $(CRITERION_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_values
TESTS += tests/fuzz/fuzz_values
tests_fuzz_fuzz_values_SOURCES = tests/fuzz/fuzz_values.c tests/fuzz/replay.c
tests_fuzz_fuzz_values_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_values_LDADD = $(data_libs)
EXTRA_DIST += tests/fuzz/values.corpus
