/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "stage.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"

static struct buf lines = BUF_INIT, warnings = BUF_INIT;

static void catch_line(void *self, enum log_level level, const char *line)
{
    (void)self;
    buf_puts(&lines, line);
    buf_putc(&lines, '\n');
    if (level >= LOG_WARN) {
        buf_puts(&warnings, line);
        buf_putc(&warnings, '\n');
    }
    if (getenv("STAGE_LOG"))
        (void)fprintf(stderr, "%s\n", line);
}

bool stage_warned(const char *part)
{
    return strstr(buf_text(&warnings), part) != NULL;
}

bool stage_logged(const char *part)
{
    return strstr(buf_text(&lines), part) != NULL;
}

void stage_open(struct stage *s, const char *config, const char *stored)
{
    struct buf text = BUF_INIT;
    struct kaftan_error *err;
    int class = s->class;
    memset(s, 0, sizeof *s);
    s->class = class;
    buf_clear(&lines);
    buf_clear(&warnings);
    log_setup(LOG_DEBUG, false);
    log_catch(catch_line, NULL);
    fake_broker_start(&s->broker);
    buf_printf(&text,
               "mqtt.server.uri=tcp://127.0.0.1:%u\nmqtt.topics=a/#\nmqtt.reconnect.backoff.ms=1\n"
               "mqtt.reconnect.backoff.max.ms=5\n%s",
               s->broker.port, config);
    s->task = fake_task_new(s->class, buf_text(&text));
    buf_fini(&text);
    cr_assert_eq(config_report_error_count(s->task->report), 0);
    s->task->stored = stored ? mem_strdup(stored) : NULL;
    err = fake_task_open(s->task);
    cr_assert_null(err, "%s", kaftan_error_message(err));
}

void stage_close(struct stage *s)
{
    cr_expect_str_eq(s->broker.wrong, "");
    fake_task_free(s->task);
    fake_broker_stop(&s->broker);
    kaftan_error_free(s->failure);
    log_catch(NULL, NULL);
    buf_fini(&lines);
    buf_fini(&warnings);
}

void stage_step(struct stage *s)
{
    struct pollfd fd = { s->task->class->fd(s->task->self), POLLIN, 0 };
    struct pollfd all[3] = { fd, { s->broker.listener, POLLIN, 0 }, { s->broker.client, POLLIN, 0 } };
    (void)poll(all, 3, 1);
    fake_broker_turn(&s->broker);
    struct kaftan_error *err = s->service ? fake_task_service(s->task) : fake_task_poll(s->task);
    if (err && !s->failure)
        s->failure = err;
    else
        kaftan_error_free(err);
    if (s->deliver)
        fake_task_deliver(s->task, s->task->count - s->task->settled, KAFTAN_STORED);
    fake_broker_turn(&s->broker);
}

void stage_for(struct stage *s, int ms)
{
    kaftan_deadline until = kaftan_now_us() + ms * 1000;
    while (kaftan_now_us() < until)
        stage_step(s);
}

void stage_subscribed(struct stage *s)
{
    stage_until(s, fake_broker_count(&s->broker, 8) > 0 && stage_logged("subscribed to"));
}
