/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GROUP_WIRE_H
#define GROUP_WIRE_H
/*
 * wire: the few requests of Kafka's protocol that a member of a group needs
 * (group-protocol.md 1 to 3), in classic and flexible encoding, by version.
 * Frames are without connections; conn sends and receives them.
 *
 * Owner    texts in responses are borrowed from the frame that was read
 * Thread   any; pure functions of bytes
 */
#include <stdbool.h>
#include <stdint.h>
#include <kaftan/abi.h>

#include "base/buf.h"

enum wire_api {
    WIRE_FIND_COORDINATOR = 10,
    WIRE_JOIN_GROUP = 11,
    WIRE_HEARTBEAT = 12,
    WIRE_LEAVE_GROUP = 13,
    WIRE_SYNC_GROUP = 14,
    WIRE_SASL_HANDSHAKE = 17,
    WIRE_API_VERSIONS = 18,
    WIRE_SASL_AUTHENTICATE = 36,
    WIRE_API_LIMIT
};

/* X(name, number, text, goes away by itself): what brokers answer (group-protocol.md 8) */
#define WIRE_ERRORS(X)                                                                    \
    X(UNKNOWN_SERVER_ERROR, -1, "the broker had an unexpected error", false)              \
    X(NONE, 0, "no error", false)                                                         \
    X(COORDINATOR_LOAD_IN_PROGRESS, 14, "the coordinator is still loading", true)         \
    X(COORDINATOR_NOT_AVAILABLE, 15, "the coordinator is not available", true)            \
    X(NOT_COORDINATOR, 16, "the broker is not the group's coordinator", true)             \
    X(ILLEGAL_GENERATION, 22, "the group has gone on to another generation", false)       \
    X(INCONSISTENT_GROUP_PROTOCOL, 23, "the group's other members speak another protocol", false) \
    X(INVALID_GROUP_ID, 24, "the broker does not accept this group id", false)            \
    X(UNKNOWN_MEMBER_ID, 25, "the group does not know this member", false)                \
    X(INVALID_SESSION_TIMEOUT, 26, "the broker does not accept this session timeout", false) \
    X(REBALANCE_IN_PROGRESS, 27, "the group is rebalancing", true)                        \
    X(GROUP_AUTHORIZATION_FAILED, 30, "not authorized to use this group", false)          \
    X(UNSUPPORTED_SASL_MECHANISM, 33, "the broker does not offer this SASL mechanism", false) \
    X(ILLEGAL_SASL_STATE, 34, "authentication is not expected now", false)                \
    X(UNSUPPORTED_VERSION, 35, "the broker does not know this version of the request", false) \
    X(SASL_AUTHENTICATION_FAILED, 58, "authentication failed", false)                     \
    X(MEMBER_ID_REQUIRED, 79, "a member id was given", true)                              \
    X(GROUP_MAX_SIZE_REACHED, 81, "the group is full", false)                             \
    X(FENCED_INSTANCE_ID, 82, "another member has this instance id", false)

enum wire_error {
#define X(name, number, text, transient) WIRE_##name = number,
    WIRE_ERRORS(X)
#undef X
};
const char *wire_error_text(int16_t code);
bool wire_error_transient(int16_t code);

enum { WIRE_FRAME_LIMIT = 64 * 1024 * 1024, WIRE_MEMBER_LIMIT = 100000 };

/* Frame and request header; wire_end writes the size. Returns where the frame starts. */
size_t wire_begin(struct buf *b, enum wire_api api, int16_t version, int32_t correlation, const char *client_id);
void wire_end(struct buf *b, size_t start);
/* What stands before a response's body; `in` is the frame without its size. */
int32_t wire_response_begin(struct reader *in, enum wire_api api, int16_t version);

/* Versions this program speaks, best last; min 1 means none. */
struct wire_range {
    int16_t min, max;
};
struct wire_range wire_ours(enum wire_api api);

struct wire_versions {
    int16_t error;
    struct wire_range known[WIRE_API_LIMIT]; /* max -1: not offered */
};
void wire_put_versions(struct buf *b, int16_t version, const char *software, const char *software_version);
bool wire_get_versions(struct reader *in, int16_t version, struct wire_versions *ret);
/* The version to use with a broker; -1: none fits. */
int16_t wire_pick(const struct wire_versions *v, enum wire_api api);

struct wire_coordinator {
    int16_t error;
    struct kaftan_slice message, host; /* message may be none */
    int32_t node, port;
};
void wire_put_find(struct buf *b, int16_t version, const char *group);
bool wire_get_find(struct reader *in, int16_t version, struct wire_coordinator *ret);

struct wire_protocol {
    const char *name;
    struct kaftan_slice metadata;
};
struct wire_join {
    const char *group, *member_id, *protocol_type, *reason;
    int32_t session_timeout_ms, rebalance_timeout_ms;
    const struct wire_protocol *protocols;
    size_t protocol_count;
};
struct wire_member {
    struct kaftan_slice id, metadata;
};
struct wire_joined {
    int32_t throttle_ms;
    int16_t error;
    int32_t generation;
    struct kaftan_slice protocol_type, protocol_name, leader, member_id; /* ptr NULL: null */
    bool skip_assignment;
    struct wire_member *members; /* owned */
    size_t member_count;
};
void wire_put_join(struct buf *b, int16_t version, const struct wire_join *r);
bool wire_get_joined(struct reader *in, int16_t version, struct wire_joined *ret); /* on success: wire_joined_fini */
void wire_joined_fini(struct wire_joined *r);

struct wire_sync {
    const char *group, *member_id, *protocol_type, *protocol_name;
    int32_t generation;
    const struct wire_member *assignments; /* id and what it is assigned */
    size_t assignment_count;
};
struct wire_synced {
    int32_t throttle_ms;
    int16_t error;
    struct kaftan_slice protocol_type, protocol_name, assignment;
};
void wire_put_sync(struct buf *b, int16_t version, const struct wire_sync *r);
bool wire_get_synced(struct reader *in, int16_t version, struct wire_synced *ret);

/* Authentication (group-protocol.md 4). */
struct wire_mechanisms {
    int16_t error;
    struct kaftan_slice names[8]; /* that the broker offers; the first ones */
    size_t count;
};
void wire_put_handshake(struct buf *b, const char *mechanism);
bool wire_get_handshake(struct reader *in, struct wire_mechanisms *ret);
struct wire_authenticated {
    int16_t error;
    struct kaftan_slice message, token; /* message may be none */
    int64_t lifetime_ms;                /* 0: no limit, or the version does not tell */
};
void wire_put_authenticate(struct buf *b, int16_t version, struct kaftan_slice token);
bool wire_get_authenticated(struct reader *in, int16_t version, struct wire_authenticated *ret);

void wire_put_heartbeat(struct buf *b, int16_t version, const char *group, int32_t generation, const char *member_id);
void wire_put_leave(struct buf *b, int16_t version, const char *group, const char *member_id, const char *reason);
/* Heartbeat and LeaveGroup: the worst of the error codes. */
bool wire_get_status(struct reader *in, enum wire_api api, int16_t version, int16_t *ret_error);

#endif
