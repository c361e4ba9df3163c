/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAKE_MEMBER_H
#define FAKE_MEMBER_H
/*
 * fake_member: member.h as a group of one that joins at once, on the caller's
 * thread. While revoked work is not reported stopped, it does not join again.
 * Journal: "member started", "rejoin", "revoked", "leave", "member stopped".
 */
#include "group/member.h"

void fake_member_manual(bool manual); /* joins are answered by fake_member_assign only */
void fake_member_follower(const char *leader_url); /* assignments name another leader; NULL: this one leads */
void fake_member_protocol(int16_t version); /* of all assignments; 2 */
void fake_member_tasks_go_to(const char *url); /* tasks are another worker's; NULL: all are this one's */
void fake_member_offset(int64_t offset);  /* of the next assignment, in place of the view's */
void fake_member_disown(bool yes);        /* owned_until is over, and nobody has said so yet */
void fake_member_disagrees(int64_t by);   /* offsets of all assignments are so much higher */
void fake_member_error(int16_t error);    /* of the next assignment */
void fake_member_delay(int32_t delay_ms); /* of the next assignment */
void fake_member_assign(void);            /* as if the group had rebalanced by itself */
void fake_member_lose(void);
void fake_member_fail(const char *text);
int fake_member_generation(void);

#endif
