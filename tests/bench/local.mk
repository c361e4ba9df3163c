# SPDX-License-Identifier: Apache-2.0
# What tools/bench runs; built with `make bench-programs`, never installed.
bench_programs = tests/bench/bench_publish tests/bench/bench_pipe tests/bench/bench_kafka
EXTRA_PROGRAMS = $(bench_programs)
bench-programs: $(bench_programs)
.PHONY: bench-programs
tests_bench_bench_publish_SOURCES = %D%/bench_publish.c %D%/raw.c %D%/raw.h
tests_bench_bench_pipe_SOURCES = %D%/bench_pipe.c %D%/raw.c %D%/raw.h
tests_bench_bench_pipe_LDADD = $(RDKAFKA_LIBS)
tests_bench_bench_kafka_SOURCES = %D%/bench_kafka.c %D%/raw.c %D%/raw.h
tests_bench_bench_kafka_LDADD = $(RDKAFKA_LIBS)
CLEANFILES += $(bench_programs)
EXTRA_DIST += tests/bench/bench.py tests/bench/bench_group.py tests/bench/common.py tests/bench/group_watch.py
