/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "rest/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

struct kaftan_error *listener_parse(const char *text, struct listener *ret)
{
    const char *sep = strstr(text, "://");
    const char *host = sep ? sep + 3 : text;
    const char *colon = strrchr(host, ':');
    const char *close = *host == '[' ? strchr(host, ']') : NULL;
    int64_t port;
    if (!sep || !colon || (*host == '[' && (!close || colon != close + 1)) ||
        !text_to_i64(colon + 1, strlen(colon + 1), &port) || port < 0 ||
        port > 65535)
        return kaftan_error_new(KAFTAN_E_INVALID,
                                "Listener doesn't have the right format "
                                "(protocol://hostname:port): %s",
                                text);
    size_t scheme = (size_t)(sep - text);
    if (scheme == 5 && strncasecmp(text, "https", 5) == 0)
        return kaftan_error_new(
            KAFTAN_E_INVALID,
            "listeners: %s: this version serves http only; put a TLS "
            "terminating proxy in front of it",
            text);
    if (scheme != 4 || strncasecmp(text, "http", 4) != 0)
        return kaftan_error_new(
            KAFTAN_E_INVALID,
            "Listener protocol must be either \"http\" or \"https\": %s",
            text);
    if (*host == '[') {
        host++;
        ret->host = mem_strndup(host, (size_t)(close - host));
    } else {
        ret->host = mem_strndup(host, (size_t)(colon - host));
    }
    ret->port = (int)port;
    ret->bound = 0;
    ret->fd = -1;
    return NULL;
}

static struct kaftan_error *bind_one(struct listener *l)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    char port[16];
    ASSERT(l->host);
    (void)snprintf(port, sizeof port, "%d", l->port);
    if (!*l->host)
        hints.ai_family = AF_INET6; /* dual stack, as Java binds */
    int rc = getaddrinfo(*l->host ? l->host : NULL, port, &hints, &found);
    if (rc != 0)
        return kaftan_error_new(KAFTAN_E_INVALID,
                                "listeners: cannot resolve \"%s\": %s",
                                l->host, gai_strerror(rc));
    int why = 0;
    for (struct addrinfo *a = found; a && l->fd < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
        int on = 1, off = 0;
        if (fd < 0) {
            why = errno;
            continue;
        }
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (a->ai_family == AF_INET6)
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
        if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, 128) == 0) {
            l->fd = fd;
        } else {
            why = errno;
            (void)close(fd);
        }
    }
    freeaddrinfo(found);
    if (l->fd < 0 && !*l->host && why == EAFNOSUPPORT) {
        mem_free(l->host); /* a machine without IPv6 */
        l->host = mem_strdup("0.0.0.0");
        return bind_one(l);
    }
    if (l->fd < 0)
        return kaftan_error_new(KAFTAN_E_INVALID,
                                "listeners: cannot listen on %s:%d: %s",
                                l->host, l->port, strerror(why));
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = { .any.sa_family = AF_INET };
    socklen_t len = sizeof bound;
    ASSERT(getsockname(l->fd, &bound.any, &len) == 0);
    l->bound = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port
                                                     : bound.v4.sin_port);
    return NULL;
}

struct kaftan_error *listeners_open(const struct worker_values *v,
                                    struct listener_set *ret)
{
    struct listener_set s = { 0 };
    struct kaftan_error *err = NULL;
    if (v->listeners.count == 0)
        return kaftan_error_new(
            KAFTAN_E_INVALID,
            "Invalid value for listeners, at least one URL is expected, ex: "
            "http://localhost:8080,https://localhost:8443.");
    if (v->listeners.count > LISTENER_LIMIT)
        return kaftan_error_new(KAFTAN_E_INVALID,
                                "listeners: more than %d URLs",
                                LISTENER_LIMIT);
    for (size_t i = 0; !err && i < v->listeners.count; i++) {
        struct listener *l = &s.items[s.count];
        if (!*v->listeners.items[i])
            err = kaftan_error_new(KAFTAN_E_INVALID,
                                   "Empty URL found when parsing listeners "
                                   "list.");
        else
            err = listener_parse(v->listeners.items[i], l);
        if (!err) {
            s.count++;
            err = bind_one(l);
        }
    }
    if (err)
        listeners_close(&s);
    else
        *ret = s;
    return err;
}

void listeners_close(struct listener_set *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (s->items[i].fd >= 0)
            (void)close(s->items[i].fd);
        s->items[i].fd = -1;
        mem_free(s->items[i].host);
        s->items[i].host = NULL;
    }
    s->count = 0;
}

/* This machine's own address, for a listener on all interfaces. */
static void own_host(char *ret, size_t size)
{
    char name[256] = "";
    struct addrinfo hints = { .ai_family = AF_INET,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    (void)snprintf(ret, size, "127.0.0.1");
    if (gethostname(name, sizeof name - 1) != 0 || !*name)
        return;
    (void)snprintf(ret, size, "%s", name);
    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return;
    (void)getnameinfo(found->ai_addr, found->ai_addrlen, ret, (socklen_t)size,
                      NULL, 0, NI_NUMERICHOST);
    freeaddrinfo(found);
}

void listeners_url(const struct worker_values *v, const struct listener_set *s,
                   struct buf *ret)
{
    char own[256];
    const struct listener *l = &s->items[0];
    const char *host = v->advertised_host;
    if (!host || !*host)
        host = l->host;
    if (!*host) {
        own_host(own, sizeof own);
        host = own;
    }
    bool bracket = strchr(host, ':') && *host != '[';
    buf_printf(ret, "http://%s%s%s:%d/", bracket ? "[" : "", host,
               bracket ? "]" : "",
               v->advertised_port > 0 ? v->advertised_port : l->bound);
}
