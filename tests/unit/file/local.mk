# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/file/test_file
tests_unit_file_test_file_SOURCES = %D%/test_file.c tests/unit/runtime/script.c tests/unit/runtime/script.h $(runtime_fakes)
tests_unit_file_test_file_CPPFLAGS = $(TEST_CPPFLAGS) -I$(top_srcdir)/tests/unit/runtime -I$(top_srcdir)/connectors/file
tests_unit_file_test_file_LDADD = connectors/libfile.a $(runtime_test_libs)
