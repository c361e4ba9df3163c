# SPDX-License-Identifier: Apache-2.0
herder_sources = %D%/herder.c %D%/herder.h %D%/herder_int.h %D%/herder_events.c %D%/herder_group.c %D%/herder_internal.c \
	%D%/herder_metrics.c %D%/herder_reconf.c %D%/herder_requests.c %D%/herder_restart.c \
	%D%/herder_standalone.c %D%/herder_tick.c %D%/herder_views.c %D%/herder_work.c %D%/herder_write.c \
	%D%/jobs.c %D%/jobs.h %D%/validate.c %D%/validate.h %D%/validate_answer.c %D%/validate_class.c \
	%D%/validate_int.h %D%/validate_rules.c %D%/validate_tables.c
src_kaftan_SOURCES += $(herder_sources)
check_LIBRARIES += src/libherder.a
src_libherder_a_SOURCES = $(herder_sources)
herder_libs = src/libherder.a src/libruntime.a src/libgroup.a src/libstore.a src/libplugin.a src/libkafka.a src/libdata.a src/libconfig.a src/libnet.a src/libbase.a
