# SPDX-License-Identifier: Apache-2.0
store_sources = %D%/config_state.c %D%/config_state.h %D%/offset_file.c %D%/offset_file.h %D%/offset_table.c %D%/offset_table.h %D%/ops.c %D%/ops.h %D%/records.c %D%/records.h %D%/snapshot.c %D%/snapshot.h %D%/status_table.c %D%/status_table.h %D%/topic_log.c %D%/topic_log.h \
	%D%/offset_records.c %D%/start.c %D%/store.c %D%/store.h %D%/store_int.h %D%/store_requests.c %D%/store_status.c
src_kaftan_SOURCES += $(store_sources)
check_LIBRARIES += src/libstore.a
src_libstore_a_SOURCES = $(store_sources)
store_libs = src/libstore.a src/libkafka.a src/libdata.a src/libconfig.a src/libnet.a src/libbase.a
