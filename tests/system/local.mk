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
# The group's own client, alone: for logins that librdkafka cannot make.
check_PROGRAMS += tests/system/referee/group_login
tests_system_referee_group_login_SOURCES = tests/system/referee/group_login.c
tests_system_referee_group_login_LDADD = $(group_libs) $(FOREIGN_LIBS)
dist_check_SCRIPTS += tests/system/check-entrypoint.sh tests/system/check-quickstart.sh
TESTS += tests/system/check-entrypoint.sh tests/system/check-quickstart.sh
# File by file: a directory would bring along what the build put beside it.
EXTRA_DIST += docker .ci/run .dockerignore tests/system/tsan.supp \
	tests/system/harness/__init__.py \
	tests/system/harness/brokers.py \
	tests/system/harness/children.py \
	tests/system/harness/connectors.py \
	tests/system/harness/fake_mqtt.py \
	tests/system/harness/kafka_io.py \
	tests/system/harness/proxy.py \
	tests/system/harness/scenarios.py \
	tests/system/harness/worker.py \
	tests/system/quickstart.py \
	tests/system/run.py \
	tests/system/test_cluster.py \
	tests/system/test_cluster_faults.py \
	tests/system/test_delivery.py \
	tests/system/test_differential.py \
	tests/system/test_faults.py \
	tests/system/test_mixed.py \
	tests/system/test_mixed_faults.py \
	tests/system/test_peers.py \
	tests/system/test_security.py \
	tests/system/test_stores.py \
	tests/system/test_validation.py \
	tests/system/test_worker.py
