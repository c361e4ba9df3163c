# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/kafka/test_kafka
tests_unit_kafka_test_kafka_SOURCES = %D%/mock.h %D%/test_asker.c %D%/test_calm.c %D%/test_conf.c %D%/test_producer.c %D%/test_reader.c $(golden_sources) tests/vectors/storage.h tests/vectors/storage_kafka.c
tests_unit_kafka_test_kafka_CPPFLAGS = $(TEST_CPPFLAGS) -I$(srcdir)/%D%
tests_unit_kafka_test_kafka_LDADD = $(kafka_libs) $(CRITERION_LIBS) $(FOREIGN_LIBS)
