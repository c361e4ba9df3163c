# SPDX-License-Identifier: Apache-2.0
UNIT_TESTS += tests/unit/group/test_group
tests_unit_group_test_group_SOURCES = %D%/coordinator.c %D%/coordinator.h %D%/scene.c %D%/scene.h %D%/test_assignor.c %D%/test_codec.c %D%/history.c %D%/history.h %D%/test_history.c %D%/test_faults.c %D%/test_member.c %D%/test_wire.c \
	$(golden_sources) $(golden_group_sources)
tests_unit_group_test_group_CPPFLAGS = $(TEST_CPPFLAGS) -I$(srcdir)/%D%
tests_unit_group_test_group_LDADD = $(group_libs) $(CRITERION_LIBS) $(FOREIGN_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_group_codec
TESTS += tests/fuzz/fuzz_group_codec
tests_fuzz_fuzz_group_codec_SOURCES = tests/fuzz/fuzz_group_codec.c tests/fuzz/replay.c
tests_fuzz_fuzz_group_codec_CPPFLAGS = $(FUZZ_CPPFLAGS)
tests_fuzz_fuzz_group_codec_LDADD = $(group_libs) $(FOREIGN_LIBS)
EXTRA_DIST += tests/fuzz/group_codec.corpus

check_PROGRAMS += tests/fuzz/fuzz_assignor
TESTS += tests/fuzz/fuzz_assignor
tests_fuzz_fuzz_assignor_SOURCES = tests/fuzz/fuzz_assignor.c tests/fuzz/replay.c %D%/history.c %D%/history.h
tests_fuzz_fuzz_assignor_CPPFLAGS = $(FUZZ_CPPFLAGS) -I$(top_srcdir)/tests -I$(srcdir)/%D%
tests_fuzz_fuzz_assignor_LDADD = $(group_libs) $(FOREIGN_LIBS)
EXTRA_DIST += tests/fuzz/assignor.corpus

check_PROGRAMS += tests/race/race_member
TESTS += tests/race/race_member
tests_race_race_member_SOURCES = tests/race/race_member.c %D%/coordinator.c %D%/coordinator.h
tests_race_race_member_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -I$(srcdir)/%D%
tests_race_race_member_LDADD = $(group_libs) $(FOREIGN_LIBS)
