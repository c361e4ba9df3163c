# SPDX-License-Identifier: Apache-2.0
# Plain programs, because Criterion does not run under the thread sanitizer: configure --enable-tsan, make check.
race_programs = tests/race/race_log tests/race/race_mailbox tests/race/race_metrics
check_PROGRAMS += $(race_programs)
TESTS += $(race_programs)
tests_race_race_log_SOURCES = %D%/race_log.c
tests_race_race_log_LDADD = $(base_libs)
tests_race_race_mailbox_SOURCES = %D%/race_mailbox.c
tests_race_race_mailbox_LDADD = $(base_libs)
tests_race_race_metrics_SOURCES = %D%/race_metrics.c
tests_race_race_metrics_LDADD = $(base_libs)
