/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUP_CODEC_H
#define GROUP_CODEC_H
/*
 * codec: what workers say to each other through the group's coordinator
 * (group-protocol.md 5): a member's metadata (subscription) and what the
 * leader answers it (assignment). Versions: 0 eager, 1 compatible,
 * 2 sessioned. Reads what Java's reader accepts, writes Java's bytes.
 *
 * Owner    results: the caller's, `_fini`
 * Thread   any; pure functions of bytes
 * Memory   bounded by 64 MiB of names and a constant times the bytes read
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/abi.h>
#include <kaftan/error.h>

#include "base/buf.h"
#include "group/work.h"

enum { GROUP_EAGER = 0, GROUP_COMPATIBLE = 1, GROUP_SESSIONED = 2 };
enum { GROUP_OK = 0, GROUP_CONFIG_MISMATCH = 1 };

struct group_assignment {
    int16_t version;
    int16_t error;
    char *leader, *leader_url; /* owned */
    int64_t config_offset;
    struct work_list work;
    struct work_list revoked;
    int32_t delay_ms;
};

struct group_subscription {
    int16_t version;
    char *url; /* owned */
    int64_t config_offset;
    bool has_allocation;
    struct group_assignment allocation; /* what the member holds */
};

void group_assignment_fini(struct group_assignment *a);
void group_subscription_fini(struct group_subscription *s);

/* `allocation` may be NULL; version 0 never carries it. */
void group_put_subscription(struct buf *b, int16_t version, const char *url, int64_t config_offset,
                            const struct group_assignment *allocation);
/* Writes it in `version`, whatever a->version says. */
void group_put_assignment(struct buf *b, int16_t version, const struct group_assignment *a);
/* Errors: DATA. */
struct kaftan_error *group_read_subscription(struct kaftan_slice bytes, struct group_subscription *ret) KAFTAN_MUST_CHECK;
struct kaftan_error *group_read_assignment(struct kaftan_slice bytes, struct group_assignment *ret) KAFTAN_MUST_CHECK;

const char *group_protocol_name(int16_t version); /* "default", "compatible", "sessioned" */
int16_t group_protocol_version(struct kaftan_slice name); /* -1: none of them */

#endif
