/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <kaftan/task.h>

#include "mqtt_layout.h"
#include "mqtt_payload.h"
#include "mqtt_server.h"
#include "mqtt_template.h"
#include "mqtt_topic.h"

#define ONE_OF(...) .allowed = (const char *const[]){ __VA_ARGS__, NULL }
#define RANGE(low, high) .ranged = true, .min = (low), .max = (high)
#define AT_LEAST(low) .ranged = true, .min = (low)
#define ROW(key_name, key_type, key_field, key_default, key_importance, key_group, key_more, key_doc)                 \
    { .name = key_name,                                                                                               \
      KAFTAN_##key_type##_FIELD(struct mqtt_config, key_field),                                                       \
      .def = key_default,                                                                                             \
      .importance = KAFTAN_##key_importance,                                                                          \
      .width = KAFTAN_WIDTH_MEDIUM,                                                                                   \
      .group = key_group,                                                                                             \
      .doc = key_doc,                                                                                                 \
      key_more },

const struct kaftan_config_key mqtt_own_keys[] = {
#define P(own, taken_over) own
#include "mqtt_keys.inc"
#undef P
    { 0 },
};
const struct kaftan_config_key mqtt_confluent_keys[] = {
#define P(own, taken_over) taken_over
#include "mqtt_keys.inc"
#undef P
    { 0 },
};

bool mqtt_choice(const char *value, const char *choice)
{
    return value && strcmp(value, choice) == 0;
}

/* ---- findings */

struct check {
    const struct mqtt_config *c;
    const struct kaftan_config_texts *texts;
    mqtt_problem_fn *problem;
    void *to;
};

enum { TEXT_LIMIT = 2048 };

static void warn(const struct check *k, const char *fmt, ...) KAFTAN_PRINTF(2, 3);
static void warn(const struct check *k, const char *fmt, ...)
{
    char text[TEXT_LIMIT];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    k->problem(k->to, NULL, text);
}

static void bad(const struct check *k, const char *key, const char *value, const char *fmt, ...) KAFTAN_PRINTF(4, 5);
static void bad(const struct check *k, const char *key, const char *value, const char *fmt, ...)
{
    char text[TEXT_LIMIT], why[TEXT_LIMIT];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    int n = snprintf(text, sizeof text, "Invalid value %.512s for configuration %s: %s", value, key, why);
    if (n >= (int)sizeof text)
        text[sizeof text - 1] = '\0';
    k->problem(k->to, key, text);
}

/* Takes the error. */
static void bad_error(const struct check *k, const char *key, const char *value, struct kaftan_error *err)
{
    if (err)
        bad(k, key, value, "%s", kaftan_error_message(err));
    kaftan_error_free(err);
}

static bool given(const char *s)
{
    return s && *s;
}

/* ---- what there is not yet: refused by name, never ignored */

static void check_later(const struct check *k)
{
    const struct mqtt_config *c = k->c;
    if (mqtt_choice(c->payload_format, "sparkplug"))
        bad(k, "mqtt.payload.format", "sparkplug", "Sparkplug payloads are not supported by this version");
    if (given(c->value_schema))
        bad(k, "mqtt.value.schema", c->value_schema,
            mqtt_choice(c->payload_format, "json") ? "schemas for payloads are not supported by this version"
                                                   : "needs mqtt.payload.format=json");
    if (given(c->share_group))
        bad(k, "mqtt.share.group", c->share_group, "shared subscriptions are not supported by this version");
    if (c->session_delete)
        bad(k, "mqtt.session.delete.on.connector.delete", "true", "is not supported by this version");
    if (c->sparkplug_explode)
        bad(k, "mqtt.sparkplug.explode", "true", "Sparkplug payloads are not supported by this version");
    if (c->sparkplug_rebirth)
        bad(k, "mqtt.sparkplug.rebirth", "true", "Sparkplug payloads are not supported by this version");
    static const char *const idle[] = { "mqtt.handover.timeout.ms", "mqtt.drain.idle.ms" };
    for (size_t i = 0; i < sizeof idle / sizeof idle[0]; i++)
        if (kaftan_config_text(k->texts, idle[i]))
            warn(k, "'%s' has no effect in this version: filters do not move between sessions", idle[i]);
}

/* ---- connection */

static void check_servers(const struct check *k)
{
    const struct mqtt_config *c = k->c;
    bool tls = false;
    for (size_t i = 0; i < c->servers.count; i++) {
        struct mqtt_server s;
        struct kaftan_error *err = mqtt_server_parse(c->servers.items[i], &s);
        if (!err)
            tls = tls || s.tls;
        bad_error(k, "mqtt.server.uri", c->servers.items[i], err);
    }
    const char *texts[] = { c->trust_path, c->key_store_path, c->ca_path, c->certificate_path, c->key_path, c->crl_path,
                            kaftan_secret_reveal(c->trust_file), kaftan_secret_reveal(c->key_store_file) };
    bool wanted = false;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        wanted = wanted || given(texts[i]);
    if (wanted && !tls && c->servers.count > 0)
        warn(k, "TLS keys are set, but no server of mqtt.server.uri uses ssl, tls or mqtts");
    if (tls && !given(c->endpoint_identification))
        warn(k, "mqtt.ssl.endpoint.identification.algorithm is empty: the broker's host name is not checked");
    if (given(c->key_path) && !given(c->certificate_path))
        bad(k, "mqtt.ssl.key.path", c->key_path, "needs mqtt.ssl.certificate.path");
    if (!tls && !wanted)
        return;
    struct mqtt_tls *files = mqtt_tls_new(c);
    struct kaftan_tls *ignored = NULL;
    struct kaftan_error *err = mqtt_tls_get(files, &ignored);
    if (err)
        k->problem(k->to, mqtt_tls_error_key(files), kaftan_error_message(err));
    kaftan_error_free(err);
    mqtt_tls_free(files);
}

static void check_client(const struct check *k)
{
    const struct mqtt_config *c = k->c;
    bool one = c->sessions == 1 || (c->sessions == 0 && c->topics.count == 1);
    if (c->client_id_exact && (!one || !given(c->client_id)))
        bad(k, "mqtt.client.id.exact", "true",
            "needs mqtt.sessions=1 (or one non-shared filter) and a non-empty mqtt.client.id");
    if (mqtt_choice(c->version, "3.1.1") && *kaftan_secret_reveal(c->password) && !*kaftan_secret_reveal(c->username))
        bad(k, "mqtt.password", "[hidden]", "MQTT 3.1.1 needs mqtt.username with a password");
    for (size_t i = 0; i < c->connect_user_properties.count; i++) {
        const char *item = c->connect_user_properties.items[i];
        if (!strchr(item, '='))
            bad(k, "mqtt.connect.user.properties", item, "expected name=value");
    }
    if (given(c->will_topic) && strpbrk(c->will_topic, "+#"))
        bad(k, "mqtt.will.topic", c->will_topic, "a topic must not contain a wildcard");
    if (!given(c->will_topic) && given(c->will_payload))
        bad(k, "mqtt.will.payload", c->will_payload, "needs mqtt.will.topic");
    if (c->backoff_max_ms < c->backoff_ms && c->backoff_max_ms > 0)
        warn(k, "mqtt.reconnect.backoff.max.ms is less than mqtt.reconnect.backoff.ms: the smaller one counts");
    if (!c->clean_session && c->session_expiry_s == 0)
        warn(k, "mqtt.session.expiry.seconds=0 ends an MQTT 5 session with its connection: messages that arrive in "
                "between are lost");
}

/* ---- subscription */

static void check_overlap(const struct check *k)
{
    const struct kaftan_list *f = &k->c->topics;
    size_t *group = kaftan_alloc(f->count + 1, sizeof *group);
    if (mqtt_overlap_groups(f, group) < f->count && mqtt_choice(k->c->overlap, "dedup")) {
        if (mqtt_choice(kaftan_config_text(k->texts, "mqtt.overlap"), "dedup"))
            bad(k, "mqtt.overlap", "dedup",
                "filters of mqtt.topics overlap, and removing the copies is not supported by this version; use keep");
        else
            warn(k, "filters of mqtt.topics overlap: a message that several of them match may give several records "
                    "(mqtt.overlap=keep)");
    }
    kaftan_free(group);
}

static void check_filters(const struct check *k)
{
    const struct kaftan_list *f = &k->c->topics;
    bool fine = true;
    for (size_t i = 0; i < f->count; i++) {
        struct kaftan_slice filter = { f->items[i], strlen(f->items[i]) }, group;
        const char *why = mqtt_filter_problem(filter);
        if (!why) {
            (void)mqtt_filter_bare(filter, &group);
            if (group.ptr) {
                why = "shared subscriptions are not supported by this version";
                if (k->c->no_local)
                    bad(k, "mqtt.no.local", "true",
                        "cannot be combined with a shared subscription ($share or mqtt.share.group)");
            }
        }
        for (size_t n = 0; n < i && !why; n++)
            if (strcmp(f->items[n], f->items[i]) == 0)
                why = "is given twice";
        if (why)
            bad(k, "mqtt.topics", f->items[i], "%s", why);
        fine = fine && !why;
    }
    if (given(k->c->share_group) && k->c->no_local)
        bad(k, "mqtt.no.local", "true", "cannot be combined with a shared subscription ($share or mqtt.share.group)");
    if (fine)
        check_overlap(k);
}

static void check_flow(const struct check *k)
{
    const struct mqtt_config *c = k->c;
    if (mqtt_choice(c->ack_policy, "received"))
        warn(k, "mqtt.ack.policy=received: messages are acknowledged before Kafka has them; a crash loses them");
    if (c->receive_maximum > c->queue_size && c->queue_size > 0)
        warn(k, "mqtt.receive.maximum is more than records.buffer.queue.size: the smaller one counts");
}

/* ---- unknown keys */

static size_t distance(const char *a, const char *b)
{
    enum { LIMIT = 64 };
    size_t row[LIMIT + 1], la = strlen(a), lb = strlen(b);
    if (la > LIMIT || lb > LIMIT)
        return LIMIT;
    for (size_t i = 0; i <= lb; i++)
        row[i] = i;
    for (size_t i = 1; i <= la; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t n = 1; n <= lb; n++) {
            size_t change = diagonal + (a[i - 1] != b[n - 1]);
            size_t step = (row[n] < row[n - 1] ? row[n] : row[n - 1]) + 1;
            diagonal = row[n];
            row[n] = change < step ? change : step;
        }
    }
    return row[lb];
}

static void check_unknown(const struct check *k)
{
    const char *key, *value;
    for (size_t i = 0; kaftan_config_text_at(k->texts, &i, &key, &value);) {
        if (strncmp(key, "mqtt.", 5) != 0)
            continue;
        const char *near = NULL;
        size_t best = strlen(key) / 3 + 1;
        bool known = false;
        for (const struct kaftan_config_key *row = mqtt_own_keys; row->name; row++) {
            size_t d = distance(key, row->name);
            known = known || d == 0;
            if (d < best && !row->internal) {
                best = d;
                near = row->name;
            }
        }
        if (!known && near)
            warn(k, "Unknown MQTT configuration '%.128s'; did you mean '%s'?", key, near);
        else if (!known)
            warn(k, "Unknown MQTT configuration '%.128s'", key);
    }
}

void mqtt_config_check(const struct mqtt_config *c, const struct kaftan_config_texts *texts, mqtt_problem_fn *problem,
                       void *to)
{
    const struct check k = { c, texts, problem, to };
    check_servers(&k);
    check_client(&k);
    check_filters(&k);
    mqtt_mapping_check(c, problem, to);
    check_flow(&k);
    check_later(&k);
    check_unknown(&k);
}
