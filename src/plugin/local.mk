# SPDX-License-Identifier: Apache-2.0
plugin_sources =
src_kaftan_SOURCES += $(plugin_sources)
check_LIBRARIES += src/libplugin.a
src_libplugin_a_SOURCES = $(plugin_sources)
plugin_libs = src/libplugin.a src/libdata.a src/libconfig.a src/libbase.a
