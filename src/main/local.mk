# SPDX-License-Identifier: Apache-2.0
src_kaftan_SOURCES += %D%/main.c
src_kaftan_LDADD = $(FOREIGN_LIBS)
src_kaftan_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
