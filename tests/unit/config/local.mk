# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/config/test_config
tests_unit_config_test_config_SOURCES = %D%/test_configdef.c %D%/test_keys.c %D%/test_props.c \
	$(golden_sources) $(golden_data_sources) tests/vectors/data_config.c
tests_unit_config_test_config_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_config_test_config_LDADD = $(config_libs) $(CRITERION_LIBS)
