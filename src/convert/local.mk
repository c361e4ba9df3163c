# SPDX-License-Identifier: Apache-2.0
convert_sources =
src_kaftan_SOURCES += $(convert_sources)
check_LIBRARIES += src/libconvert.a
src_libconvert_a_SOURCES = $(convert_sources)
convert_libs = src/libconvert.a src/libdata.a src/libconfig.a src/libnet.a src/libbase.a
