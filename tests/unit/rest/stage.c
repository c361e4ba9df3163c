/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "unit/rest/stage.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "rest/rest.h"
#include "unit/rest/fake_herder.h"

static struct rest *rest;
static struct worker_config *config;
static struct metrics *metrics;
static struct buf heard;

void stage_up(const char *const *more)
{
    static const char *const keys[][2] = {
        { "group.id", "g" },
        { "key.converter", "k" },
        { "value.converter", "v" },
        { "config.storage.topic", "c" },
        { "offset.storage.topic", "o" },
        { "status.storage.topic", "s" },
        { "listeners", "http://127.0.0.1:0" },
    };
    struct text_map *props = text_map_new();
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        text_map_put(props, keys[i][0], keys[i][1]);
    for (; more && *more; more += 2)
        text_map_put(props, more[0], more[1]);
    cr_assert_null(worker_config_new(props, true, &config));
    text_map_unref(props);
    metrics = metrics_new();
    cr_assert_null(rest_new(config, NULL, metrics, &rest));
    cr_assert_null(rest_start(rest, NULL));
}

void stage_down(void)
{
    rest_stop(rest);
    fake_release();
    rest_free(rest);
    metrics_free(metrics);
    worker_config_free(config);
    buf_fini(&heard);
}

static int dial(void)
{
    int port = 0;
    cr_assert_eq(sscanf(rest_url(rest), "http://127.0.0.1:%d/", &port), 1);
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

int stage_ask(const char *method, const char *target, const char *headers, const char *body, size_t len,
              const char **ret_head, const char **ret_body)
{
    char chunk[65536];
    int status = 0, fd = dial();
    struct buf out = BUF_INIT;
    buf_printf(&out, "%s %s HTTP/1.1\r\nHost: here:1\r\nConnection: close\r\n%s", method, target, headers);
    if (body)
        buf_printf(&out, "Content-Length: %zu\r\n", len);
    buf_puts(&out, "\r\n");
    buf_put(&out, body ? body : "", len);
    for (size_t at = 0; at < out.len;) {
        ssize_t n = send(fd, out.data + at, out.len - at, MSG_NOSIGNAL);
        if (n <= 0)
            break; /* refused before it was all said */
        at += (size_t)n;
    }
    buf_clear(&heard);
    for (ssize_t n; (n = read(fd, chunk, sizeof chunk)) > 0;)
        buf_put(&heard, chunk, (size_t)n);
    (void)close(fd);
    buf_fini(&out);
    char *text = (char *)(uintptr_t)buf_text(&heard);
    char *end = strstr(text, "\r\n\r\n");
    cr_assert(end && sscanf(text, "HTTP/1.1 %d", &status) == 1, "%s %s: %s", method, target, text);
    end[2] = '\0';
    *ret_head = text;
    *ret_body = end + 4;
    return status;
}

const char *stage_json(const char *method, const char *target, const char *body, int status)
{
    const char *head, *said;
    int got = stage_ask(method, target, body ? "Content-Type: application/json\r\n" : "", body, body ? strlen(body) : 0,
                        &head, &said);
    cr_expect_eq(got, status, "%s %s: %d %s", method, target, got, said);
    return said;
}
