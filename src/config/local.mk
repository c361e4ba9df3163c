# SPDX-License-Identifier: Apache-2.0
config_sources =
src_kaftan_SOURCES += $(config_sources)
check_LIBRARIES += src/libconfig.a
src_libconfig_a_SOURCES = $(config_sources)
config_libs = src/libconfig.a src/libbase.a
