# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/convert/test_convert tests/unit/convert/test_convert_vectors
tests_unit_convert_test_convert_SOURCES = %D%/test_convert.c
tests_unit_convert_test_convert_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_convert_test_convert_LDADD = $(convert_libs) $(CRITERION_LIBS)
tests_unit_convert_test_convert_vectors_SOURCES = %D%/test_convert_vectors.c tests/unit/data/vectors.c tests/unit/data/vectors.h
tests_unit_convert_test_convert_vectors_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_convert_test_convert_vectors_LDADD = $(convert_libs) $(CRITERION_LIBS)
