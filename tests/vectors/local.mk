# SPDX-License-Identifier: Apache-2.0
# Readers of golden vectors: unit tests run the files of tests/data with them, tests/vectors/run_vectors any other.
golden_sources = tests/vectors/golden.c tests/vectors/golden.h
golden_group_sources = tests/vectors/group.h tests/vectors/group_payloads.c tests/vectors/group_rounds.c tests/vectors/group_frames.c
golden_store_sources = tests/vectors/storage.h tests/vectors/storage_records.c tests/vectors/storage_reader.c
golden_data_sources = tests/vectors/data.c tests/vectors/data.h
golden_notation_sources = tests/vectors/data_notation.c tests/vectors/data_notation.h

check_PROGRAMS += tests/vectors/run_vectors
tests_vectors_run_vectors_SOURCES = %D%/run_vectors.c $(golden_sources) $(golden_group_sources) $(golden_store_sources) \
	%D%/storage_text.c %D%/storage_kafka.c %D%/storage_peer.c $(golden_data_sources) $(golden_notation_sources) \
	%D%/data_values.c %D%/data_convert.c %D%/data_config.c %D%/data_herder.c %D%/data_regex.c \
	tests/unit/herder/acme.c tests/unit/herder/acme.h tests/unit/net/web.c tests/unit/net/web.h
tests_vectors_run_vectors_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -I$(top_srcdir)/tests/unit/net -DTEST_DATA='"$(abs_top_srcdir)/tests/data"'
tests_vectors_run_vectors_LDADD = src/librest.a src/libconvert.a $(herder_libs) $(FOREIGN_LIBS)
