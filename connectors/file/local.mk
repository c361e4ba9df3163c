# SPDX-License-Identifier: Apache-2.0
file_sources = %D%/file_source.c %D%/file_lines.c %D%/file_lines.h
pkglib_LTLIBRARIES += connectors/file.la
connectors_file_la_SOURCES = $(file_sources)
connectors_file_la_CPPFLAGS = -I$(top_srcdir)/include -I$(top_srcdir)/%D%
connectors_file_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-export-symbols-regex '^kaftan_plugin$$'
# The same code for the tests, which see its insides.
check_LIBRARIES += connectors/libfile.a
connectors_libfile_a_SOURCES = $(file_sources)
connectors_libfile_a_CPPFLAGS = $(connectors_file_la_CPPFLAGS)
