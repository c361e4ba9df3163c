# SPDX-License-Identifier: Apache-2.0
# The referees of the system tests: an independent MQTT client (Paho) that publishes and counts.
if PAHO
check_PROGRAMS += tests/system/referee/mqtt_pub tests/system/referee/mqtt_sub
tests_system_referee_mqtt_pub_SOURCES = tests/system/referee/mqtt_pub.c tests/system/referee/options.c \
	tests/system/referee/options.h
tests_system_referee_mqtt_pub_LDADD = -lpaho-mqtt3as -lpthread
tests_system_referee_mqtt_sub_SOURCES = tests/system/referee/mqtt_sub.c tests/system/referee/options.c \
	tests/system/referee/options.h
tests_system_referee_mqtt_sub_LDADD = -lpaho-mqtt3as -lpthread
endif
dist_check_SCRIPTS += tests/system/check-entrypoint.sh
TESTS += tests/system/check-entrypoint.sh
EXTRA_DIST += docker .ci/run
