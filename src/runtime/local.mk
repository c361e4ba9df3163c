# SPDX-License-Identifier: Apache-2.0
runtime_sources =
src_kaftan_SOURCES += $(runtime_sources)
check_LIBRARIES += src/libruntime.a
src_libruntime_a_SOURCES = $(runtime_sources)
runtime_libs = src/libruntime.a src/libstore.a src/libplugin.a src/libkafka.a src/libdata.a src/libconfig.a src/libnet.a src/libbase.a
