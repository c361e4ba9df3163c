# SPDX-License-Identifier: Apache-2.0
EXTRA_DIST += tests/conformance/check-example.sh
dist_check_SCRIPTS += tests/conformance/check-example.sh
TESTS += tests/conformance/check-example.sh
if CRITERION
check_LTLIBRARIES += tests/conformance/example/counter.la
tests_conformance_example_counter_la_SOURCES = %D%/example/counter_source.c
# As a stranger would: nothing but the installed headers, ISO C.
tests_conformance_example_counter_la_CPPFLAGS = -I$(top_srcdir)/include
tests_conformance_example_counter_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
endif
UNIT_TESTS += tests/conformance/test_conformance
tests_conformance_test_conformance_SOURCES = %D%/test_conformance.c %D%/drivers.c %D%/conformance.h \
	tests/unit/runtime/script.c tests/unit/runtime/script.h $(runtime_fakes)
tests_conformance_test_conformance_CPPFLAGS = $(TEST_CPPFLAGS) -I$(top_srcdir)/tests/unit/runtime \
	-DEXAMPLE_SO='"$(abs_top_builddir)/tests/conformance/example/.libs"' \
	-DPLUGINS_SO='"$(abs_top_builddir)/connectors/.libs"'
# Everything a plugin may ask for must be in the program, whether the program itself needs it or not.
tests_conformance_test_conformance_LDADD = src/libruntime.a src/libplugin.a src/libdata.a src/libconfig.a src/libnet.a \
	src/libbase.a $(CRITERION_LIBS) $(FOREIGN_LIBS)
tests_conformance_test_conformance_LDFLAGS = $(AM_LDFLAGS) -export-dynamic \
	-Wl,--whole-archive,src/libruntime.a,src/libplugin.a,src/libdata.a,src/libconfig.a,src/libnet.a,src/libbase.a,--no-whole-archive
