# SPDX-License-Identifier: Apache-2.0
convert_sources = %D%/builtin.c %D%/builtin.h %D%/charset.c %D%/charset.h %D%/convert_int.h \
	%D%/json.c %D%/json_cache.c %D%/json_int.h %D%/json_read.c %D%/json_schema.c %D%/json_write.c \
	%D%/primitive.c %D%/simple_header.c %D%/string.c %D%/text.c %D%/text_int.h
src_kaftan_SOURCES += $(convert_sources)
check_LIBRARIES += src/libconvert.a
src_libconvert_a_SOURCES = $(convert_sources)
convert_libs = src/libconvert.a src/libdata.a src/libconfig.a $(base_libs)
