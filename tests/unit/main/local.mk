# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/main/test_main
tests_unit_main_test_main_SOURCES = %D%/test_args.c %D%/test_connector_file.c %D%/test_worker_config.c \
	src/main/args.c src/main/args.h src/main/connector_file.c src/main/connector_file.h
tests_unit_main_test_main_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_main_test_main_LDADD = src/libconfig.a src/libbase.a $(PCRE2_LIBS) $(CRITERION_LIBS)
