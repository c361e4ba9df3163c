# SPDX-License-Identifier: Apache-2.0
base_sources =
src_kaftan_SOURCES += $(base_sources)
check_LIBRARIES += src/libbase.a
src_libbase_a_SOURCES = $(base_sources)
base_libs = src/libbase.a
