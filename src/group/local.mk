# SPDX-License-Identifier: Apache-2.0
group_sources = %D%/assignor.c %D%/assignor.h %D%/codec.c %D%/codec.h %D%/conn.c %D%/conn.h %D%/leader.c %D%/leader.h \
	%D%/member.c %D%/member.h %D%/member_config.c %D%/member_int.h %D%/member_link.c %D%/member_meters.c %D%/member_round.c \
	%D%/table.c %D%/table_int.h %D%/wire.c %D%/wire.h %D%/work.c %D%/work.h
src_kaftan_SOURCES += $(group_sources)
check_LIBRARIES += src/libgroup.a
src_libgroup_a_SOURCES = $(group_sources)
group_libs = src/libgroup.a src/libkafka.a src/libconfig.a src/libnet.a src/libbase.a
