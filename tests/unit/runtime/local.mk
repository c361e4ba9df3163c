# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += tests/fake/fake_kafka.h tests/fake/fake_store.h
runtime_fakes = tests/fake/fake_kafka.c tests/fake/fake_kafka.h tests/fake/fake_store.c tests/fake/fake_store.h
runtime_test_libs = src/libruntime.a src/libplugin.a src/libdata.a src/libconfig.a src/libbase.a $(CRITERION_LIBS) \
	$(FOREIGN_LIBS)
UNIT_TESTS += tests/unit/runtime/test_task tests/unit/runtime/test_connector tests/unit/runtime/test_parts
tests_unit_runtime_test_task_SOURCES = %D%/test_task.c %D%/script.c %D%/script.h $(runtime_fakes)
tests_unit_runtime_test_task_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_runtime_test_task_LDADD = $(runtime_test_libs)
tests_unit_runtime_test_connector_SOURCES = %D%/test_connector.c %D%/script.c %D%/script.h $(runtime_fakes)
tests_unit_runtime_test_connector_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_runtime_test_connector_LDADD = $(runtime_test_libs)
tests_unit_runtime_test_parts_SOURCES = %D%/test_parts.c $(runtime_fakes)
tests_unit_runtime_test_parts_CPPFLAGS = $(TEST_CPPFLAGS)
tests_unit_runtime_test_parts_LDADD = $(runtime_test_libs)
check_PROGRAMS += tests/race/race_runtime
TESTS += tests/race/race_runtime
tests_race_race_runtime_SOURCES = tests/race/race_runtime.c %D%/script.c %D%/script.h $(runtime_fakes)
tests_race_race_runtime_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -I$(top_srcdir)/tests/unit/runtime
tests_race_race_runtime_LDADD = src/libruntime.a src/libplugin.a src/libdata.a src/libconfig.a src/libbase.a $(FOREIGN_LIBS)
