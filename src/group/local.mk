# SPDX-License-Identifier: Apache-2.0
group_sources =
src_kaftan_SOURCES += $(group_sources)
check_LIBRARIES += src/libgroup.a
src_libgroup_a_SOURCES = $(group_sources)
group_libs = src/libgroup.a src/libkafka.a src/libconfig.a src/libnet.a src/libbase.a
