# SPDX-License-Identifier: Apache-2.0
base_sources = %D%/arena.c %D%/arena.h %D%/buf.c %D%/buf.h %D%/c11_threads.c %D%/clock.c %D%/clock.h \
	%D%/error.c %D%/error.h %D%/log.c %D%/log.h %D%/log_int.h %D%/log_write.c %D%/json.c %D%/json.h %D%/json_write.c \
	%D%/mailbox.c %D%/mailbox.h %D%/map.c %D%/map.h %D%/mem.c %D%/mem.h \
	%D%/sampled.c %D%/sampled.h %D%/metrics.c %D%/metrics.h %D%/number.c %D%/regex.c %D%/regex.h %D%/regex_int.h %D%/regex_translate.c %D%/sdk.c %D%/text.c %D%/text.h %D%/thread.c %D%/thread.h %D%/utf8.c
src_kaftan_SOURCES += $(base_sources)
check_LIBRARIES += src/libbase.a
src_libbase_a_SOURCES = $(base_sources)
base_libs = src/libbase.a $(PCRE2_LIBS)
