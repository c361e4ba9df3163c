# SPDX-License-Identifier: Apache-2.0
kafka_sources = %D%/admin.c %D%/admin.h %D%/asker.c %D%/asker.h %D%/conf.c %D%/conf.h %D%/consumer.c %D%/consumer.h %D%/jaas.c %D%/jaas.h %D%/producer.c %D%/producer.h %D%/topics.c %D%/topics.h \
	%D%/calm.c %D%/conf_security.c %D%/conf_types.c %D%/errors.c %D%/kafka_int.h %D%/login.c
src_kaftan_SOURCES += $(kafka_sources)
check_LIBRARIES += src/libkafka.a
src_libkafka_a_SOURCES = $(kafka_sources)
kafka_libs = src/libkafka.a src/libconfig.a src/libnet.a src/libbase.a
