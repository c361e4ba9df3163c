# SPDX-License-Identifier: Apache-2.0
runtime_sources = %D%/worker.c %D%/worker.h %D%/worker_int.h %D%/work.c %D%/work_int.h %D%/watch.c %D%/watch.h \
	%D%/connector.c %D%/task.c %D%/source_task.c %D%/source_task_int.h %D%/source_send.c %D%/source_fail.c \
	%D%/source_flush.c %D%/sdk.c %D%/task_configs_int.h %D%/batch.c %D%/batch.h %D%/partitions.c %D%/partitions.h \
	%D%/topics.c %D%/topics.h %D%/topic_groups.c %D%/topic_groups.h %D%/run_config.c %D%/run_config.h \
	%D%/task_metrics.c %D%/task_metrics.h
src_kaftan_SOURCES += $(runtime_sources)
check_LIBRARIES += src/libruntime.a
src_libruntime_a_SOURCES = $(runtime_sources)
runtime_libs = src/libruntime.a src/libstore.a src/libplugin.a src/libkafka.a src/libdata.a src/libconfig.a src/libnet.a src/libbase.a
