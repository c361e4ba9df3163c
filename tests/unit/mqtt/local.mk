# SPDX-License-Identifier: Apache-2.0
mqtt_libs = connectors/libmqtt.a src/libconfig.a src/libdata.a src/libnet.a $(base_libs)
mqtt_cppflags = $(TEST_CPPFLAGS) -I$(top_srcdir)/connectors/mqtt -I$(top_srcdir)/%D%
mqtt_fake = %D%/fake_worker.c %D%/fake_worker.h
UNIT_TESTS += tests/unit/mqtt/test_mqtt_parts tests/unit/mqtt/test_mqtt_source
# Pure modules: bytes, windows, topics, templates, keys.
tests_unit_mqtt_test_mqtt_parts_SOURCES = %D%/test_mqtt_codec.c %D%/test_mqtt_window.c %D%/test_mqtt_topic.c \
	%D%/test_mqtt_config.c $(mqtt_fake)
tests_unit_mqtt_test_mqtt_parts_CPPFLAGS = $(mqtt_cppflags) -DDOCS='"$(abs_top_srcdir)/docs"'
tests_unit_mqtt_test_mqtt_parts_LDADD = $(mqtt_libs) $(CRITERION_LIBS) $(FOREIGN_LIBS)
# The whole source against a broker of the test's own.
tests_unit_mqtt_test_mqtt_source_SOURCES = %D%/test_mqtt_source.c %D%/test_mqtt_faults.c %D%/test_mqtt_records.c \
	%D%/fake_broker.c %D%/fake_broker.h %D%/stage.c %D%/stage.h $(mqtt_fake)
tests_unit_mqtt_test_mqtt_source_CPPFLAGS = $(mqtt_cppflags)
tests_unit_mqtt_test_mqtt_source_LDADD = $(mqtt_libs) $(CRITERION_LIBS) $(FOREIGN_LIBS)

mqtt_fuzz = tests/fuzz/fuzz_mqtt_codec tests/fuzz/fuzz_mqtt_template
check_PROGRAMS += $(mqtt_fuzz)
TESTS += $(mqtt_fuzz)
mqtt_fuzz_cppflags = $(FUZZ_CPPFLAGS) -I$(top_srcdir)/connectors/mqtt -I$(top_srcdir)/%D%
tests_fuzz_fuzz_mqtt_codec_SOURCES = tests/fuzz/fuzz_mqtt_codec.c tests/fuzz/replay.c $(mqtt_fake)
tests_fuzz_fuzz_mqtt_codec_CPPFLAGS = $(mqtt_fuzz_cppflags)
tests_fuzz_fuzz_mqtt_codec_LDADD = $(mqtt_libs) $(FOREIGN_LIBS)
tests_fuzz_fuzz_mqtt_template_SOURCES = tests/fuzz/fuzz_mqtt_template.c tests/fuzz/replay.c $(mqtt_fake)
tests_fuzz_fuzz_mqtt_template_CPPFLAGS = $(mqtt_fuzz_cppflags)
tests_fuzz_fuzz_mqtt_template_LDADD = $(mqtt_libs) $(FOREIGN_LIBS)
EXTRA_DIST += tests/fuzz/mqtt_codec.corpus tests/fuzz/mqtt_template.corpus
