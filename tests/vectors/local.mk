# SPDX-License-Identifier: Apache-2.0
# Readers of golden vectors: unit tests run the files of tests/data with them, tests/vectors/run_vectors any other.
golden_sources = tests/vectors/golden.c tests/vectors/golden.h
golden_group_sources = tests/vectors/group.h tests/vectors/group_payloads.c tests/vectors/group_rounds.c tests/vectors/group_frames.c
golden_store_sources = tests/vectors/storage.h tests/vectors/storage_records.c tests/vectors/storage_reader.c
