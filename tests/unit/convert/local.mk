# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/convert/test_convert tests/unit/convert/test_convert_vectors
tests_unit_convert_test_convert_SOURCES = %D%/test_convert.c
tests_unit_convert_test_convert_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_convert_test_convert_LDADD = $(convert_libs) $(CRITERION_LIBS)
tests_unit_convert_test_convert_vectors_SOURCES = %D%/test_convert_vectors.c \
	$(golden_sources) $(golden_data_sources) $(golden_notation_sources) tests/vectors/data_convert.c
tests_unit_convert_test_convert_vectors_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_convert_test_convert_vectors_LDADD = $(convert_libs) $(CRITERION_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_json_converter
TESTS += tests/fuzz/fuzz_json_converter
tests_fuzz_fuzz_json_converter_SOURCES = tests/fuzz/fuzz_json_converter.c tests/fuzz/replay.c
tests_fuzz_fuzz_json_converter_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_json_converter_LDADD = $(convert_libs)
EXTRA_DIST += tests/fuzz/json_converter.corpus
