# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/base/test_base
tests_unit_base_test_base_SOURCES = %D%/test_bytes.c %D%/test_error.c %D%/test_json.c %D%/test_log.c \
	%D%/test_map.c %D%/test_metrics.c %D%/test_number.c %D%/test_regex.c %D%/test_text.c %D%/test_thread.c \
	$(golden_sources) $(golden_data_sources) tests/vectors/data_regex.c tests/vectors/storage.h tests/vectors/storage_text.c
tests_unit_base_test_base_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_base_test_base_LDADD = $(base_libs) $(CRITERION_LIBS)
