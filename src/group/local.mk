# SPDX-License-Identifier: Apache-2.0
group_sources = %D%/assignor.c %D%/assignor.h %D%/codec.c %D%/codec.h %D%/leader.c %D%/leader.h %D%/member.h %D%/table.c %D%/table_int.h \
	%D%/wire.c %D%/wire.h %D%/work.c %D%/work.h
src_kaftan_SOURCES += $(group_sources)
check_LIBRARIES += src/libgroup.a
src_libgroup_a_SOURCES = $(group_sources)
group_libs = src/libgroup.a src/libkafka.a src/libconfig.a src/libnet.a src/libbase.a
