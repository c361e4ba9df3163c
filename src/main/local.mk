# SPDX-License-Identifier: Apache-2.0
src_kaftan_SOURCES += %D%/args.c %D%/args.h %D%/connector_file.c %D%/connector_file.h %D%/main.c %D%/run.c %D%/run.h
src_kaftan_LDADD = $(FOREIGN_LIBS)
src_kaftan_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
