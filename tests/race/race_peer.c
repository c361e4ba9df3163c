/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several threads ask another worker through one peer, which is stopped in
 * the middle: each request is answered once, whether it was sent, waited or
 * came too late. For the thread sanitizer.
 */
#include "config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/thread.h"
#include "rest/peer.h"
#include "unit/net/web.h"

enum { THREADS = 3, TURNS = 150, SENT = THREADS * TURNS, GENEROUS_MS = 120000 };

static const struct herder_peer *door;
static char url[64];
static struct mailbox *box;
static atomic_int forwarded, good;

struct call {
    struct store_done done;
};

static void call_handle(struct message *m, void *owner)
{
    struct call *c = CONTAINER_OF(m, struct call, done.base);
    if (owner && !c->done.err)
        (void)atomic_fetch_add(&good, 1);
    kaftan_error_free(c->done.err);
    mem_free(c);
}

static void call_drop(struct message *m)
{
    call_handle(m, NULL);
}

static void on_done(struct herder_request *r)
{
    if (r->relayed == 200)
        (void)atomic_fetch_add(&good, 1);
    (void)atomic_fetch_add(&forwarded, 1);
    herder_request_free(r);
}

static enum web_then answer(void *self, const struct web_request *r, struct buf *ret)
{
    (void)self;
    if (r->number % 20 == 0)
        return WEB_CLOSE;
    web_say(ret, "200 OK", "application/json", "{\"name\":\"c\"}");
    return WEB_GO_ON;
}

static void ask(void *arg)
{
    struct session_key key = { .key = { "0123456789", 10 }, .algorithm = "HmacSHA256" };
    struct text_map *tasks[] = { text_map_new() };
    (void)arg;
    text_map_put(tasks[0], "name", "c");
    for (int i = 0; i < TURNS; i++) {
        struct herder_request *r = herder_request_new(HERDER_STOP, "c");
        struct call *c = mem_zalloc(1, sizeof *c);
        r->done = on_done;
        door->forward(door->self, url, r);
        c->done.base.handle = call_handle;
        c->done.base.drop = call_drop;
        c->done.to = box;
        door->put_tasks(door->self, url, "c", tasks, 1, &key, &c->done);
    }
    text_map_unref(tasks[0]);
}

static struct worker_config *config(void)
{
    static const char *const keys[] = { "group.id", "key.converter", "value.converter", "config.storage.topic",
                                        "offset.storage.topic", "status.storage.topic" };
    struct worker_config *c = NULL;
    struct text_map *props = text_map_new();
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        text_map_put(props, keys[i], "x");
    ASSERT(!worker_config_new(props, true, &c));
    text_map_unref(props);
    return c;
}

static int count_calls(int until)
{
    int64_t deadline = clock_mono_ms() + GENEROUS_MS;
    int calls = 0;
    struct message *m;
    while (calls < until && (m = mailbox_wait(box, deadline))) {
        m->handle(m, box);
        calls++;
    }
    return calls;
}

int main(void)
{
    struct thread *threads[THREADS];
    struct worker_config *c = config();
    struct web *w = web_new(&(struct web_options){ .answer = answer });
    struct peer *p = NULL;
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d/", web_port(w));
    box = mailbox_new(SENT);
    ASSERT(!peer_new(c, &p));
    door = peer_door(p);
    peer_start(p);
    for (int i = 0; i < THREADS; i++)
        threads[i] = thread_start(THREAD_ANY, "ask", ask, NULL);
    int calls = count_calls(SENT / 2);
    peer_stop(p);
    for (int i = 0; i < THREADS; i++)
        thread_join(threads[i]);
    calls += count_calls(SENT - calls);
    ASSERT(calls == SENT && atomic_load(&forwarded) == SENT);
    ASSERT(atomic_load(&good) > SENT / 4);
    ASSERT(!mailbox_receive(box));
    printf("%d requests, %d of them sent and answered\n", 2 * SENT, atomic_load(&good));
    mailbox_free(box);
    peer_free(p);
    web_free(w);
    worker_config_free(c);
    return 0;
}
