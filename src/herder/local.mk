# SPDX-License-Identifier: Apache-2.0
herder_sources =
src_kaftan_SOURCES += $(herder_sources)
check_LIBRARIES += src/libherder.a
src_libherder_a_SOURCES = $(herder_sources)
herder_libs = src/libherder.a src/libruntime.a src/libgroup.a src/libstore.a src/libplugin.a src/libkafka.a src/libdata.a src/libconfig.a src/libnet.a src/libbase.a
