# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/data/test_data tests/unit/data/test_data_vectors
tests_unit_data_test_data_SOURCES = %D%/test_data.c
tests_unit_data_test_data_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_data_test_data_LDADD = $(data_libs) $(CRITERION_LIBS)
tests_unit_data_test_data_vectors_SOURCES = %D%/test_data_vectors.c %D%/vectors.c %D%/vectors.h
tests_unit_data_test_data_vectors_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_data_test_data_vectors_LDADD = $(data_libs) $(CRITERION_LIBS)
