# SPDX-License-Identifier: Apache-2.0
data_sources =
src_kaftan_SOURCES += $(data_sources)
check_LIBRARIES += src/libdata.a
src_libdata_a_SOURCES = $(data_sources)
data_libs = src/libdata.a src/libbase.a
