# SPDX-License-Identifier: Apache-2.0
mqtt_sources = %D%/mqtt_codec.c %D%/mqtt_codec.h %D%/mqtt_encode.c %D%/mqtt_window.c %D%/mqtt_window.h \
	%D%/mqtt_topic.c %D%/mqtt_topic.h %D%/mqtt_template.c %D%/mqtt_template.h %D%/mqtt_layout.c %D%/mqtt_layout.h \
	%D%/mqtt_config.c %D%/mqtt_config.h %D%/mqtt_keys.inc %D%/mqtt_server.c %D%/mqtt_server.h \
	%D%/mqtt_payload.c %D%/mqtt_payload.h %D%/mqtt_conn.c %D%/mqtt_conn.h %D%/mqtt_metrics.c %D%/mqtt_metrics.h \
	%D%/mqtt_session.c %D%/mqtt_session.h %D%/mqtt_session_int.h %D%/mqtt_connect.c %D%/mqtt_subscribe.c \
	%D%/mqtt_inbound.c %D%/mqtt_source.c %D%/mqtt_source_int.h %D%/mqtt_intake.c %D%/mqtt_probe.c %D%/mqtt_probe.h
pkglib_LTLIBRARIES += connectors/mqtt.la
connectors_mqtt_la_SOURCES = $(mqtt_sources)
connectors_mqtt_la_CPPFLAGS = -I$(top_srcdir)/include -I$(top_srcdir)/%D%
connectors_mqtt_la_LDFLAGS = $(AM_LDFLAGS) -module -avoid-version -shared \
	-export-symbols-regex '^kaftan_plugin$$'
# The same code for the tests, which see its insides.
check_LIBRARIES += connectors/libmqtt.a
connectors_libmqtt_a_SOURCES = $(mqtt_sources)
connectors_libmqtt_a_CPPFLAGS = $(connectors_mqtt_la_CPPFLAGS)
