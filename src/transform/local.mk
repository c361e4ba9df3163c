# SPDX-License-Identifier: Apache-2.0
transform_sources =
src_kaftan_SOURCES += $(transform_sources)
check_LIBRARIES += src/libtransform.a
src_libtransform_a_SOURCES = $(transform_sources)
transform_libs = src/libtransform.a src/libdata.a src/libconfig.a src/libbase.a
