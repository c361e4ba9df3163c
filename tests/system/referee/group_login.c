/* SPDX-License-Identifier: Apache-2.0 */
/*
 * group_login PORT MECHANISM USER GROUP: logs in at a broker on 127.0.0.1 as
 * the worker group's client does (the password is the first line of standard
 * input) and asks who coordinates the group. One line says how it ended:
 * "found PORT" with status 0, or the reason with status 1.
 */
#include "config.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "group/conn.h"

enum { PATIENCE_MS = 60000, STEP_MS = 100 };

/* What came last: REPLY, READY or FAILED. */
static enum conn_event wait_for(struct conn *c)
{
    int64_t until = clock_mono_ms() + PATIENCE_MS;
    enum conn_event e;
    while ((e = conn_step(c)) == CONN_WAIT && clock_mono_ms() < until) {
        struct pollfd fd = { .fd = conn_poll_fd(c), .events = conn_poll_events(c) };
        (void)poll(&fd, 1, STEP_MS);
    }
    return e;
}

static int say(struct kaftan_error *err, const char *otherwise)
{
    struct buf text = BUF_INIT;
    if (err)
        error_trace(err, &text);
    (void)printf("%s\n", err ? buf_text(&text) : otherwise);
    buf_fini(&text);
    kaftan_error_free(err);
    return 1;
}

static int ask(struct conn *c, const char *group)
{
    struct wire_coordinator found;
    int16_t version;
    if (wait_for(c) != CONN_READY)
        return say(conn_error(c), "no connection in time");
    version = conn_version(c, WIRE_FIND_COORDINATOR);
    wire_put_find(conn_begin(c, WIRE_FIND_COORDINATOR), version, group);
    conn_send(c, PATIENCE_MS);
    if (wait_for(c) != CONN_REPLY)
        return say(conn_error(c), "no answer in time");
    struct reader r = conn_reply(c);
    if (!wire_get_find(&r, version, &found))
        return say(NULL, "the answer cannot be read");
    (void)printf("found %d error %d\n", (int)found.port, (int)found.error);
    return 0;
}

int main(int argc, char **argv)
{
    char password[256] = "";
    struct conn *c = NULL;
    if (argc != 5 || !fgets(password, sizeof password, stdin)) {
        (void)fputs("usage: group_login PORT MECHANISM USER GROUP < PASSWORD\n", stderr);
        return 2;
    }
    password[strcspn(password, "\n")] = '\0';
    struct sasl_login login = { .mechanism = argv[2], .user = argv[3], .password = password };
    struct conn_options o = { .host = "127.0.0.1", .port = (int32_t)strtol(argv[1], NULL, 10), .login = &login, .client_id = "group_login",
                              .connect_timeout_ms = PATIENCE_MS, .request_timeout_ms = PATIENCE_MS, .receive_buffer = -1,
                              .send_buffer = -1 };
    struct kaftan_error *err = conn_new(&o, &c);
    int status = err ? say(err, NULL) : ask(c, argv[4]);
    conn_free(c);
    return status;
}
