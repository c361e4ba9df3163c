/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_ADDRESS_H
#define NET_ADDRESS_H
/* address: socket addresses as people write them. Thread: any. */
#include <stdbool.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT = 128 };

/* Without port; IPv6 without brackets; "?" when it has no text. */
void address_text(const struct sockaddr *a, char ret[ADDRESS_TEXT]);
/* Is the host written as a number (so that certificates name it as such)? */
bool address_is_numeric(const char *host);

#endif
