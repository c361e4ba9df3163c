/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_FAKE_KAFKA_H
#define TESTS_FAKE_KAFKA_H
/*
 * fake_kafka: producer.h, admin.h and the property helpers without a cluster.
 * One instance for the whole test program; every function may be called from
 * any thread. Reset it at the start of a test.
 *
 * Records get numbers 0, 1, 2 ... as they are sent; by default each is stored
 * at once. With hold the test decides by number.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <kaftan/error.h>

enum { FAKE_RECORDS = 65536, FAKE_TEXT = 96, FAKE_HEADERS = 16 };

struct fake_record {
    char topic[FAKE_TEXT], key[FAKE_TEXT], value[FAKE_TEXT]; /* cut off; "<null>" for null */
    size_t value_len;
    int64_t timestamp;
    size_t header_count;
    char headers[FAKE_HEADERS][2][FAKE_TEXT];
};

void fake_kafka_reset(void);
void fake_kafka_keep(bool keep);      /* false: counts only, for tests of speed and memory */
void fake_kafka_hold(bool hold);      /* reports wait for fake_kafka_report */
void fake_kafka_limit(size_t limit);  /* FULL beyond so many in flight */
void fake_kafka_refuse(const char *value_prefix); /* REFUSED for such values; NULL: none */
/* Reports a record; code < 0: stored. */
void fake_kafka_report(size_t number, int code);
void fake_kafka_fail_topic(const char *topic, int code); /* reports of this topic fail; NULL: none */
size_t fake_kafka_sent(void);
size_t fake_kafka_cut(void); /* records thrown away by producer_cut, before they were stored */
struct fake_record fake_kafka_record(size_t number);

/* Topics: missing ones are found missing; creation can be denied or fail for a while. */
void fake_kafka_topic_add(const char *topic);
void fake_kafka_deny_creation(bool deny);
void fake_kafka_admin_failures(int count); /* so many RETRIABLE answers */
/* The newest creation: "name partitions replication key=value..."; "" none. */
void fake_kafka_created(char *ret, size_t size);
size_t fake_kafka_questions(void); /* describes asked */

#endif
