/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "fake_member.h"

#include <string.h>

#include "base/clock.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/thread.h"
#include "journal.h"

struct member {
    struct member_events events;
    char *url;
    struct lock lock; /* all below */
    struct map *held; /* "connector\ttask" of the last assignment */
    bool gated, wanted;
};

static struct member *the_member;
static int generation;
static bool manual;
static const char *leader;
static int64_t next_offset = INT64_MIN;
static _Atomic bool disowned, out; /* out: left or thrown out, until the next assignment */
static int64_t _Atomic too_much; /* added to all offsets */
static int16_t next_error;
static int32_t next_delay;
static int16_t protocol = 2;
static const char *tasks_go_to;

int fake_member_generation(void)
{
    return generation;
}

void fake_member_manual(bool yes)
{
    manual = yes;
}

void fake_member_follower(const char *leader_url)
{
    leader = leader_url;
}

void fake_member_offset(int64_t offset)
{
    next_offset = offset;
}

void fake_member_disown(bool yes)
{
    disowned = yes;
}

void fake_member_disagrees(int64_t by)
{
    too_much = by;
}

void fake_member_error(int16_t error)
{
    next_error = error;
}

void fake_member_delay(int32_t delay_ms)
{
    next_delay = delay_ms;
}

void fake_member_protocol(int16_t version)
{
    protocol = version;
}

void fake_member_tasks_go_to(const char *url)
{
    tasks_go_to = url;
}

void work_list_add(struct work_list *l, const char *connector, int32_t task)
{
    l->items = mem_realloc(l->items, l->count + 1, sizeof *l->items);
    l->items[l->count++] = (struct work_id){ mem_strdup(connector), task };
}

void work_list_fini(struct work_list *l)
{
    for (size_t i = 0; i < l->count; i++)
        mem_free((char *)(uintptr_t)l->items[i].connector);
    mem_free(l->items);
}

bool work_list_has(const struct work_list *l, const char *connector, int32_t task)
{
    for (size_t i = 0; i < l->count; i++)
        if (l->items[i].task == task && strcmp(l->items[i].connector, connector) == 0)
            return true;
    return false;
}

void member_assignment_free(struct member_assignment *a)
{
    if (!a)
        return;
    work_list_fini(&a->work);
    work_list_fini(&a->revoked);
    for (size_t i = 0; i < a->share_count; i++) {
        mem_free(a->shares[i].url);
        work_list_fini(&a->shares[i].work);
    }
    mem_free(a->shares);
    mem_free(a->leader);
    mem_free(a->leader_url);
    mem_free(a->member_id);
    mem_free(a);
}

static void held_put(struct map *to, struct work_list *list, struct map *before, const char *connector, int32_t task)
{
    char *key = mem_printf("%s\t%d", connector, task);
    work_list_add(list, connector, task);
    map_put(to, key, NULL);
    if (before)
        (void)map_remove(before, key);
    mem_free(key);
}

static void revoke_rest(struct member_assignment *a, struct map *before)
{
    const char *key;
    void *value;
    for (size_t i = 0; map_at(before, &i, &key, &value);) {
        const char *tab = strchr(key, '\t');
        char *name = mem_strndup(key, (size_t)(tab - key));
        int32_t task = tab[1] == '-' ? -1 : tab[1] - '0';
        work_list_add(&a->revoked, name, task);
        mem_free(name);
    }
}

/* As a leader knows it: who runs the tasks, when it is not this worker. */
static void share(struct member_assignment *a, const struct group_view_connector *c)
{
    if (!a->shares) {
        a->shares = mem_zalloc(1, sizeof *a->shares);
        a->share_count = 1;
        a->shares[0].url = mem_strdup(tasks_go_to);
    }
    for (int32_t t = 0; t < c->task_count; t++)
        work_list_add(&a->shares[0].work, c->name, t);
}

/* Everything (but for tasks that go elsewhere) goes to this worker; what is no longer configured is revoked. A failed
 * assignment keeps what was. */
static void assign(struct member *m)
{
    struct group_view *v = m->events.view(m->events.self);
    struct member_assignment *a = mem_zalloc(1, sizeof *a);
    struct map *now = map_new(NULL);
    lock_take(&m->lock);
    for (size_t i = 0; i < v->connector_count; i++) {
        held_put(now, &a->work, m->held, v->connectors[i].name, -1);
        if (tasks_go_to)
            share(a, &v->connectors[i]);
        for (int32_t t = 0; !tasks_go_to && t < v->connectors[i].task_count; t++)
            held_put(now, &a->work, m->held, v->connectors[i].name, t);
    }
    revoke_rest(a, m->held);
    map_free(m->held);
    m->held = now;
    m->gated = a->revoked.count > 0;
    a->generation = ++generation;
    a->config_offset = (next_offset == INT64_MIN ? v->config_offset : next_offset) + too_much;
    a->error = next_error;
    a->delay_ms = next_delay;
    next_offset = INT64_MIN;
    next_error = 0;
    next_delay = 0;
    lock_release(&m->lock);
    a->protocol = protocol;
    a->member_id = mem_strdup("me");
    a->is_leader = !leader;
    a->leader = mem_strdup(leader ? "other" : "me");
    a->leader_url = mem_strdup(leader ? leader : m->url);
    m->events.view_free(m->events.self, v);
    out = false;
    m->events.assigned(m->events.self, a);
}

struct kaftan_error *member_new(const struct worker_config *c, const char *url, const struct member_events *e, struct metrics *metrics,
                                struct member **ret)
{
    struct member *m = mem_zalloc(1, sizeof *m);
    (void)c, (void)metrics;
    m->events = *e;
    m->url = mem_strdup(url);
    m->held = map_new(NULL);
    lock_init(&m->lock);
    the_member = *ret = m;
    return NULL;
}

void member_start(struct member *m)
{
    journal_put("member started");
    if (!manual)
        assign(m);
}

void member_rejoin(struct member *m, const char *reason)
{
    (void)reason;
    lock_take(&m->lock);
    bool wait = m->gated;
    m->wanted = wait;
    lock_release(&m->lock);
    journal_put("rejoin");
    if (!wait && !manual)
        assign(m);
}

void member_revoked(struct member *m)
{
    lock_take(&m->lock);
    bool join = m->wanted;
    m->gated = m->wanted = false;
    lock_release(&m->lock);
    journal_put("revoked");
    if (join && !manual)
        assign(m);
}

void member_leave(struct member *m)
{
    (void)m;
    out = true;
    journal_put("leave");
}

void member_stop(struct member *m)
{
    (void)m;
    journal_put("member stopped");
}

void member_free(struct member *m)
{
    if (!m)
        return;
    map_free(m->held);
    mem_free(m->url);
    lock_fini(&m->lock);
    mem_free(m);
}

int64_t member_owned_until(const struct member *m)
{
    (void)m;
    return disowned || out ? 0 : clock_mono_ms() + 10000;
}

void fake_member_assign(void)
{
    assign(the_member);
}

void fake_member_lose(void)
{
    lock_take(&the_member->lock);
    map_free(the_member->held);
    the_member->held = map_new(NULL);
    the_member->gated = true;
    the_member->wanted = true; /* the real one joins again by itself */
    lock_release(&the_member->lock);
    out = true;
    the_member->events.lost(the_member->events.self);
}

void fake_member_fail(const char *text)
{
    the_member->events.fatal(the_member->events.self, kaftan_error_new(KAFTAN_E_KAFKA, "%s", text));
}
