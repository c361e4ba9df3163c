/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H
/*
 * mailbox: the way threads talk.
 *
 * A bounded queue with many senders and one receiver. Sending gives the
 * message away: after mailbox_send() returned true the sender must not touch
 * it; false (full or closed) leaves it with the sender. The receiver calls
 * msg->handle(msg, owner), which frees the message; what is never received is
 * ended by msg->drop(msg) in mailbox_free.
 *
 * A mailbox has a descriptor that is readable while a message waits, so a
 * thread can wait for it together with sockets; it costs a write(2) only when
 * the box was empty.
 *
 * Owner    the receiving side; outlives every sender
 * Thread   send: any. receive, wait: the receiver
 * Memory   the messages; at most `limit`
 */
#include <stdbool.h>
#include <stdint.h>

struct message {
    struct message *next;
    void (*handle)(struct message *msg, void *owner); /* receiver's thread; frees msg */
    void (*drop)(struct message *msg);                /* any thread; frees msg; a waiting reply is failed */
};

struct mailbox;

struct mailbox *mailbox_new(unsigned limit);
void mailbox_free(struct mailbox *box); /* NULL is fine */
bool mailbox_send(struct mailbox *box, struct message *msg) __attribute__((warn_unused_result));
/* Like mailbox_send, past the limit: only for messages whose number is bounded by something else (one reply per request). False only when closed. */
bool mailbox_send_always(struct mailbox *box, struct message *msg) __attribute__((warn_unused_result));
struct message *mailbox_receive(struct mailbox *box); /* NULL at once when empty */
/* Waits until a message, wake, close or deadline (clock_mono_ms; -1 = none). */
struct message *mailbox_wait(struct mailbox *box, int64_t deadline_ms);
/* Receives and handles all that is there now; returns how many. */
unsigned mailbox_drain(struct mailbox *box, void *owner);
int mailbox_fd(const struct mailbox *box); /* poll for reading; cleared by receive/drain when empty */
void mailbox_wake(struct mailbox *box);    /* any thread: one wait returns NULL */
void mailbox_close(struct mailbox *box);   /* nothing is taken from now on */

#endif
