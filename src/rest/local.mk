# SPDX-License-Identifier: Apache-2.0
rest_sources = %D%/answer.c %D%/body.c %D%/entity.h %D%/internal.c %D%/listener.c %D%/listener.h %D%/loggers.c %D%/peer.c %D%/peer.h %D%/peer_text.c %D%/rest.c %D%/rest.h \
	%D%/rest_int.h %D%/route.c %D%/routes.c %D%/uri.c %D%/uri.h
src_kaftan_SOURCES += $(rest_sources)
check_LIBRARIES += src/librest.a
src_librest_a_SOURCES = $(rest_sources)
rest_libs = src/librest.a src/libherder.a src/libruntime.a src/libgroup.a src/libstore.a src/libplugin.a src/libkafka.a src/libdata.a src/libconfig.a src/libnet.a src/libbase.a
