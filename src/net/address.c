/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "net/address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

void address_text(const struct sockaddr *a, char ret[ADDRESS_TEXT])
{
    socklen_t len = a->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (getnameinfo(a, len, ret, ADDRESS_TEXT, NULL, 0, NI_NUMERICHOST) != 0)
        (void)snprintf(ret, ADDRESS_TEXT, "?");
}

bool address_is_numeric(const char *host)
{
    struct in6_addr any;
    return inet_pton(AF_INET, host, &any) == 1 || inet_pton(AF_INET6, host, &any) == 1;
}
