# SPDX-License-Identifier: Apache-2.0
if CRITERION
plugin_so_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
check_LTLIBRARIES += tests/unit/plugin/so/good.la tests/unit/plugin/so/wrong_major.la \
	tests/unit/plugin/so/newer_minor.la tests/unit/plugin/so/short_key.la tests/unit/plugin/so/library.la
tests_unit_plugin_so_good_la_SOURCES = %D%/so/good.c
tests_unit_plugin_so_good_la_LDFLAGS = $(plugin_so_ldflags)
tests_unit_plugin_so_wrong_major_la_SOURCES = %D%/so/refused.c
tests_unit_plugin_so_wrong_major_la_CPPFLAGS = $(AM_CPPFLAGS) -DREFUSED_MAJOR=1 -DREFUSED_MINOR=0 \
	-DREFUSED_KEY_SIZE='sizeof(struct kaftan_config_key)' -DREFUSED_NAME='"wrong_major"'
tests_unit_plugin_so_wrong_major_la_LDFLAGS = $(plugin_so_ldflags)
tests_unit_plugin_so_newer_minor_la_SOURCES = %D%/so/refused.c
tests_unit_plugin_so_newer_minor_la_CPPFLAGS = $(AM_CPPFLAGS) -DREFUSED_MAJOR=0 -DREFUSED_MINOR=1 \
	-DREFUSED_KEY_SIZE='sizeof(struct kaftan_config_key)' -DREFUSED_NAME='"newer_minor"'
tests_unit_plugin_so_newer_minor_la_LDFLAGS = $(plugin_so_ldflags)
tests_unit_plugin_so_short_key_la_SOURCES = %D%/so/refused.c
tests_unit_plugin_so_short_key_la_CPPFLAGS = $(AM_CPPFLAGS) -DREFUSED_MAJOR=0 -DREFUSED_MINOR=0 \
	-DREFUSED_KEY_SIZE=8 -DREFUSED_NAME='"short_key"'
tests_unit_plugin_so_short_key_la_LDFLAGS = $(plugin_so_ldflags)
tests_unit_plugin_so_library_la_SOURCES = %D%/so/library.c
tests_unit_plugin_so_library_la_LDFLAGS = $(plugin_so_ldflags)
endif
UNIT_TESTS += tests/unit/plugin/test_plugin
tests_unit_plugin_test_plugin_SOURCES = %D%/test_plugin.c
tests_unit_plugin_test_plugin_CPPFLAGS = $(TEST_CPPFLAGS) -DPLUGIN_SO='"$(abs_top_builddir)/tests/unit/plugin/so/.libs"'
tests_unit_plugin_test_plugin_LDADD = $(plugin_libs) $(CRITERION_LIBS) $(FOREIGN_LIBS)
tests_unit_plugin_test_plugin_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
