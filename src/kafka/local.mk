# SPDX-License-Identifier: Apache-2.0
kafka_sources =
src_kaftan_SOURCES += $(kafka_sources)
check_LIBRARIES += src/libkafka.a
src_libkafka_a_SOURCES = $(kafka_sources)
kafka_libs = src/libkafka.a src/libconfig.a src/libnet.a src/libbase.a
