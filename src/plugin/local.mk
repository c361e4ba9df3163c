# SPDX-License-Identifier: Apache-2.0
plugin_sources = %D%/registry.c %D%/registry.h %D%/registry_int.h %D%/search.c %D%/loader.c %D%/loader.h \
	%D%/adopt.c %D%/adopt.h %D%/elf_image.c %D%/elf_image.h
src_kaftan_SOURCES += $(plugin_sources)
check_LIBRARIES += src/libplugin.a
src_libplugin_a_SOURCES = $(plugin_sources)
plugin_libs = src/libplugin.a src/libdata.a src/libconfig.a src/libbase.a
