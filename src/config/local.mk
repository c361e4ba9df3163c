# SPDX-License-Identifier: Apache-2.0
config_sources = %D%/describe.c %D%/keys.c %D%/keys.h %D%/props.c %D%/props.h %D%/worker.c %D%/worker.h \
	%D%/report.c %D%/report_int.h %D%/value.c %D%/value_int.h
src_kaftan_SOURCES += $(config_sources)
check_LIBRARIES += src/libconfig.a
src_libconfig_a_SOURCES = $(config_sources)
config_libs = src/libconfig.a src/libbase.a
