# SPDX-License-Identifier: Apache-2.0
store_sources =
src_kaftan_SOURCES += $(store_sources)
check_LIBRARIES += src/libstore.a
src_libstore_a_SOURCES = $(store_sources)
store_libs = src/libstore.a src/libkafka.a src/libdata.a src/libconfig.a src/libnet.a src/libbase.a
