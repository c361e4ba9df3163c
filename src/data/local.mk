# SPDX-License-Identifier: Apache-2.0
data_sources = %D%/builder.c %D%/calendar.c %D%/calendar.h %D%/decimal.c %D%/decimal.h \
	%D%/headers.c %D%/headers.h %D%/node.c %D%/node.h %D%/node_value.c %D%/schema.c %D%/schema.h %D%/utf16.c %D%/utf16.h \
	%D%/value.c %D%/value.h %D%/value_text.c %D%/project.c %D%/project.h %D%/values.c %D%/values.h \
	%D%/values_convert.c %D%/values_text.c
src_kaftan_SOURCES += $(data_sources)
check_LIBRARIES += src/libdata.a
src_libdata_a_SOURCES = $(data_sources)
data_libs = src/libdata.a $(base_libs)
