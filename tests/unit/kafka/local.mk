# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/kafka/test_kafka
tests_unit_kafka_test_kafka_SOURCES = %D%/mock.h %D%/test_conf.c %D%/test_producer.c %D%/test_reader.c tests/unit/base/vectors.h
tests_unit_kafka_test_kafka_CPPFLAGS = $(TEST_CPPFLAGS) -I$(srcdir)/%D% -I$(srcdir)/tests/unit/base
tests_unit_kafka_test_kafka_LDADD = $(kafka_libs) $(CRITERION_LIBS) $(FOREIGN_LIBS)
