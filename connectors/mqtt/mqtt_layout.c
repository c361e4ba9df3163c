/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_layout.h"

#include <stdio.h>
#include <string.h>

#include <kaftan/task.h>

#include "mqtt_topic.h"

enum { ID_LIMIT = 64, ID_CUT = 55, ID_HASH = 4 };

static bool is_id_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '_' ||
           c == '-';
}

/*
 * Every broker takes these bytes and this length. What had to be changed gets
 * a hash of the original, so that two names never become one.
 */
static void make_fit(char *id, size_t *len)
{
    uint8_t hash[32];
    kaftan_sha256(id, *len, hash);
    bool changed = *len > ID_LIMIT;
    for (size_t i = 0; i < *len; i++) {
        if (is_id_byte(id[i]))
            continue;
        id[i] = '_';
        changed = true;
    }
    if (!changed)
        return;
    if (*len > ID_CUT)
        *len = ID_CUT;
    id[(*len)++] = '-';
    for (size_t i = 0; i < ID_HASH; i++, *len += 2)
        (void)snprintf(id + *len, 3, "%02x", hash[i]);
}

char *mqtt_client_id(const struct mqtt_config *c, const char *group_id, const char *connector, uint32_t slot)
{
    if (c->client_id_exact)
        return kaftan_strdup(c->client_id);
    size_t size = strlen(c->client_id) + strlen(group_id) + strlen(connector) + ID_LIMIT;
    char *id = kaftan_alloc(size, 1);
    int n;
    if (*c->client_id)
        n = snprintf(id, size, "%s-%u", c->client_id, slot);
    else if (*group_id)
        n = snprintf(id, size, "kaftan-%s-%s-%u", group_id, connector, slot);
    else
        n = snprintf(id, size, "kaftan-%s-%u", connector, slot);
    size_t len = (size_t)n;
    make_fit(id, &len);
    id[len] = '\0';
    return id;
}

static struct kaftan_slice bare(const struct kaftan_list *filters, size_t i)
{
    return mqtt_filter_bare((struct kaftan_slice){ filters->items[i], strlen(filters->items[i]) }, NULL);
}

size_t mqtt_overlap_groups(const struct kaftan_list *filters, size_t *ret_group)
{
    size_t groups = 0;
    for (size_t i = 0; i < filters->count; i++) {
        ret_group[i] = groups;
        bool joined = false;
        for (size_t k = 0; k < i; k++) {
            size_t from = ret_group[k], to = ret_group[i];
            if (from == to || !mqtt_filters_overlap(bare(filters, i), bare(filters, k)))
                continue;
            /* The filter may join groups that were apart until now: the lower number stays. */
            size_t keep = from < to ? from : to, gone = from < to ? to : from;
            for (size_t m = 0; m <= i; m++) {
                if (ret_group[m] == gone)
                    ret_group[m] = keep;
                else if (joined && ret_group[m] > gone)
                    ret_group[m]--;
            }
            groups -= joined;
            joined = true;
        }
        groups += !joined;
    }
    return groups;
}

uint32_t mqtt_slot_count(const struct mqtt_config *c, int32_t max_tasks)
{
    if (c->sessions > 0)
        return (uint32_t)c->sessions;
    size_t *group = kaftan_alloc(c->topics.count + 1, sizeof *group);
    size_t groups = mqtt_overlap_groups(&c->topics, group);
    kaftan_free(group);
    uint32_t limit = max_tasks > 1 ? (uint32_t)max_tasks : 1;
    return groups < 1 ? 1 : groups < limit ? (uint32_t)groups : limit;
}

void mqtt_assign_filters(const struct kaftan_list *filters, uint32_t slots, uint32_t *ret_slot)
{
    size_t *group = kaftan_alloc(filters->count + 1, sizeof *group);
    size_t *load = kaftan_alloc(slots, sizeof *load);
    size_t groups = mqtt_overlap_groups(filters, group);
    for (size_t g = 0; g < groups; g++) {
        uint32_t best = 0;
        for (uint32_t s = 1; s < slots; s++)
            if (load[s] < load[best])
                best = s;
        for (size_t i = 0; i < filters->count; i++) {
            if (group[i] != g)
                continue;
            ret_slot[i] = best;
            load[best]++;
        }
    }
    kaftan_free(group);
    kaftan_free(load);
}
