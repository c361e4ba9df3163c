/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#include "mqtt_payload.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <kaftan/task.h>

#include "mqtt_template.h"
#include "mqtt_topic.h"

enum format { FORMAT_BYTES, FORMAT_STRING, FORMAT_JSON, FORMAT_AUTO };
enum when_empty { EMPTY_BYTES, EMPTY_NULL, EMPTY_SKIP };
enum header_set { HEADERS_NONE, HEADERS_STANDARD, HEADERS_EXTENDED };
enum time_source { TIME_RECEIVED, TIME_PROPERTY, TIME_JSON };

struct route {
    struct kaftan_slice filter;     /* borrowed from the config */
    struct mqtt_template *template; /* owned */
};

struct mqtt_mapping {
    enum format format;
    enum when_empty empty;
    enum header_set headers;
    enum time_source time;
    bool user_properties, retained_skip, takes_json;
    struct kaftan_slice prefix, sanitize, time_property;
    struct mqtt_pointer *time_pointer; /* owned */
    struct mqtt_template *topic, *key; /* owned */
    struct route *routes;              /* owned */
    size_t route_count;
    struct kaftan_slice *filters; /* owned array of borrowed, bare filters */
    size_t filter_count;
    bool key_is_topic; /* `${topic}`: the usual case, without evaluation */
    struct kaftan_slice fixed_topic; /* of a template without variables and no routes; owned */
    const struct kaftan_schema *text, *bytes, *int32, *int64, *boolean; /* static ones of the worker */
};

static struct kaftan_slice slice(const char *s)
{
    return (struct kaftan_slice){ s, strlen(s) };
}

/* ---- making and checking */

static struct kaftan_error *route_parse(const char *item, struct route *ret)
{
    const char *arrow = strstr(item, "=>");
    if (!arrow)
        return kaftan_error_new(KAFTAN_E_INVALID, "expected filter=>template");
    struct kaftan_slice filter = { item, (size_t)(arrow - item) };
    const char *why = mqtt_filter_problem(filter);
    if (why)
        return kaftan_error_new(KAFTAN_E_INVALID, "%s", why);
    ret->filter = mqtt_filter_bare(filter, NULL);
    return mqtt_template_compile(arrow + 2, &ret->template);
}

static const char time_property[] = "property:", time_json[] = "json:";

static struct kaftan_error *time_parse(const char *text, struct mqtt_mapping *m)
{
    if (mqtt_choice(text, "received"))
        return NULL;
    if (strncmp(text, time_property, sizeof time_property - 1) == 0) {
        m->time = TIME_PROPERTY;
        m->time_property = slice(text + sizeof time_property - 1);
        return NULL;
    }
    if (strncmp(text, time_json, sizeof time_json - 1) == 0) {
        m->time = TIME_JSON;
        return mqtt_pointer_compile(slice(text + sizeof time_json - 1), &m->time_pointer);
    }
    return kaftan_error_new(KAFTAN_E_INVALID, "expected received, property:<user property> or json:<pointer>");
}

static bool is_replacement(const char *s)
{
    for (; *s; s++)
        if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') || strchr("._-", *s)))
            return false;
    return true;
}

static void report(struct kaftan_error *err, const char *key, const char *value, mqtt_problem_fn *problem, void *to)
{
    char text[2048];
    if (!err)
        return;
    int n = snprintf(text, sizeof text, "Invalid value %.512s for configuration %s: %s", value, key,
                     kaftan_error_message(err));
    if (n >= (int)sizeof text)
        text[sizeof text - 1] = '\0';
    problem(to, key, text);
    kaftan_error_free(err);
}

/* A template that does not look at the message must give a topic that Kafka takes. */
static struct kaftan_error *check_fixed_topic(const struct mqtt_mapping *m, const struct mqtt_template *t)
{
    struct kaftan_slice fixed = mqtt_template_constant(t), bad = { NULL, 0 };
    if (!fixed.ptr)
        return NULL;
    for (size_t i = 0; i < fixed.len && !bad.ptr; i++) {
        char c[2] = { fixed.ptr[i], '\0' };
        if (c[0] != '/' && !is_replacement(c))
            bad.ptr = fixed.ptr + i;
    }
    if (bad.ptr && m->sanitize.len == 0)
        return kaftan_error_new(KAFTAN_E_INVALID, "contains a byte that a Kafka topic cannot have, and "
                                                  "mqtt.topic.sanitize is empty");
    if (fixed.len == 0 || fixed.len > 249 || mqtt_choice(fixed.ptr, ".") || mqtt_choice(fixed.ptr, ".."))
        return kaftan_error_new(KAFTAN_E_INVALID, "is no name of a Kafka topic (1 to 249 bytes, not . or ..)");
    return NULL;
}

/* Compiles what can be; every finding is reported. */
static void compile(const struct mqtt_config *c, struct mqtt_mapping *m, mqtt_problem_fn *problem, void *to)
{
    m->sanitize = slice(c->topic_sanitize ? c->topic_sanitize : "");
    if (!is_replacement(m->sanitize.ptr))
        report(kaftan_error_new(KAFTAN_E_INVALID, "only letters, digits, '.', '_' and '-' can stand in a Kafka topic"),
               "mqtt.topic.sanitize", m->sanitize.ptr, problem, to);
    struct kaftan_error *err = c->kafka_topic ? mqtt_template_compile(c->kafka_topic, &m->topic) : NULL;
    if (!err && m->topic)
        err = check_fixed_topic(m, m->topic);
    report(err, "kafka.topic", c->kafka_topic, problem, to);
    if (c->key)
        report(mqtt_template_compile(c->key, &m->key), "mqtt.key", c->key, problem, to);
    if (c->timestamp)
        report(time_parse(c->timestamp, m), "mqtt.timestamp", c->timestamp, problem, to);
    m->routes = kaftan_alloc(c->topic_map.count + 1, sizeof *m->routes);
    for (size_t i = 0; i < c->topic_map.count; i++) {
        struct route *r = &m->routes[m->route_count];
        err = route_parse(c->topic_map.items[i], r);
        if (!err)
            err = check_fixed_topic(m, r->template);
        m->route_count += r->template != NULL;
        report(err, "mqtt.topic.map", c->topic_map.items[i], problem, to);
    }
}

void mqtt_mapping_check(const struct mqtt_config *c, mqtt_problem_fn *problem, void *to)
{
    struct mqtt_mapping *m = kaftan_alloc(1, sizeof *m);
    compile(c, m, problem, to);
    mqtt_mapping_free(m);
}

void mqtt_mapping_free(struct mqtt_mapping *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->route_count; i++)
        mqtt_template_free(m->routes[i].template);
    kaftan_free(m->routes);
    mqtt_template_free(m->topic);
    mqtt_template_free(m->key);
    mqtt_pointer_free(m->time_pointer);
    kaftan_free(m->filters);
    kaftan_free((void *)(uintptr_t)m->fixed_topic.ptr);
    kaftan_free(m);
}

static void first_problem(void *to, const char *key, const char *text)
{
    struct kaftan_error **err = to;
    if (key && !*err)
        *err = kaftan_error_new(KAFTAN_E_INVALID, "%s", text);
}

/* Makes `name` from `text` without an arena: for a topic that is always the same. */
static void fix_topic(struct mqtt_mapping *m, struct kaftan_slice text)
{
    char *name = kaftan_alloc(text.len * (m->sanitize.len + 1) + 1, 1);
    size_t n = 0;
    for (size_t i = text.len > 0 && text.ptr[0] == '/'; i < text.len; i++) {
        char c[2] = { text.ptr[i] == '/' ? '.' : text.ptr[i], '\0' };
        struct kaftan_slice put = is_replacement(c) ? (struct kaftan_slice){ c, 1 } : m->sanitize;
        memcpy(name + n, put.ptr, put.len);
        n += put.len;
    }
    m->fixed_topic = (struct kaftan_slice){ name, n };
}

struct kaftan_error *mqtt_mapping_new(const struct mqtt_config *c, struct mqtt_mapping **ret)
{
    struct mqtt_mapping *m = kaftan_alloc(1, sizeof *m);
    struct kaftan_error *err = NULL;
    compile(c, m, first_problem, &err);
    if (err) {
        mqtt_mapping_free(m);
        return err;
    }
    m->format = mqtt_choice(c->payload_format, "string") ? FORMAT_STRING
                : mqtt_choice(c->payload_format, "json") ? FORMAT_JSON
                : mqtt_choice(c->payload_format, "auto") ? FORMAT_AUTO
                                                         : FORMAT_BYTES;
    m->empty = mqtt_choice(c->empty_payload, "null")   ? EMPTY_NULL
               : mqtt_choice(c->empty_payload, "skip") ? EMPTY_SKIP
                                                       : EMPTY_BYTES;
    m->headers = mqtt_choice(c->headers, "none")       ? HEADERS_NONE
                 : mqtt_choice(c->headers, "extended") ? HEADERS_EXTENDED
                                                       : HEADERS_STANDARD;
    m->user_properties = c->user_properties;
    m->retained_skip = c->retained_skip;
    m->prefix = slice(c->user_properties_prefix ? c->user_properties_prefix : "");
    m->key_is_topic = mqtt_choice(c->key, "${topic}");
    m->filters = kaftan_alloc(c->topics.count + 1, sizeof *m->filters);
    for (; m->filter_count < c->topics.count; m->filter_count++)
        m->filters[m->filter_count] = mqtt_filter_bare(slice(c->topics.items[m->filter_count]), NULL);
    struct kaftan_slice fixed = mqtt_template_constant(m->topic);
    if (fixed.ptr && m->route_count == 0)
        fix_topic(m, fixed);
    m->text = kaftan_schema_of(KAFTAN_TYPE_STRING, false);
    m->bytes = kaftan_schema_of(KAFTAN_TYPE_BYTES, false);
    m->int32 = kaftan_schema_of(KAFTAN_TYPE_INT32, false);
    m->int64 = kaftan_schema_of(KAFTAN_TYPE_INT64, false);
    m->boolean = kaftan_schema_of(KAFTAN_TYPE_BOOLEAN, false);
    *ret = m;
    return NULL;
}

int mqtt_mapping_filter(const struct mqtt_mapping *m, struct kaftan_slice topic)
{
    for (size_t i = 0; i < m->filter_count; i++)
        if (mqtt_filter_matches(m->filters[i], topic))
            return (int)i;
    return -1;
}

void mqtt_mapping_take_json(struct mqtt_mapping *m, bool unchanged)
{
    m->takes_json = unchanged;
}

bool mqtt_mapping_topic_varies(const struct mqtt_mapping *m)
{
    return m->fixed_topic.ptr == NULL;
}

/* ---- one message */

struct work {
    const struct mqtt_mapping *m;
    const struct mqtt_message *msg;
    struct kaftan_arena *arena;
    struct kaftan_slice topic, payload; /* in the arena */
    bool json_tried;
    struct kaftan_value json;
    struct kaftan_error *json_error; /* owned until the end */
};

static const char *story(struct kaftan_arena *arena, const char *fmt, ...) KAFTAN_PRINTF(2, 3);
static const char *story(struct kaftan_arena *arena, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    char *copy = kaftan_arena_alloc(arena, len + 1);
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

static struct kaftan_slice scope_filter(void *self)
{
    const struct work *w = self;
    int i = mqtt_mapping_filter(w->m, w->topic);
    return i < 0 ? (struct kaftan_slice){ NULL, 0 } : w->m->filters[i];
}

/* Parsed at most once, whoever asks: the value, the key, the topic, the timestamp. */
static const struct kaftan_value *scope_json(void *self)
{
    struct work *w = self;
    if (!w->json_tried) {
        w->json_tried = true;
        w->json_error = kaftan_value_from_json(w->arena, w->payload.ptr, w->payload.len, &w->json);
    }
    return w->json_error ? NULL : &w->json;
}

static bool eval(struct work *w, const struct mqtt_template *t, struct kaftan_slice *ret,
                 struct mqtt_trouble *ret_trouble)
{
    const struct mqtt_scope scope = { w->arena,     w->topic,   w->msg->client_id, &w->msg->packet->props,
                                      scope_filter, scope_json, w };
    struct kaftan_slice missing = { NULL, 0 };
    if (mqtt_template_eval(t, &scope, ret, &missing))
        return true;
    ret_trouble->reason = "template variable missing";
    ret_trouble->detail = story(w->arena, "the message has no '%.*s'", (int)(missing.len < 128 ? missing.len : 128),
                                missing.ptr);
    return false;
}

static bool make_topic(struct work *w, struct kaftan_record *ret, struct mqtt_trouble *ret_trouble)
{
    const struct mqtt_mapping *m = w->m;
    if (m->fixed_topic.ptr) {
        ret->topic = m->fixed_topic;
        return true;
    }
    const struct mqtt_template *t = m->topic;
    for (size_t i = 0; i < m->route_count; i++) {
        if (mqtt_filter_matches(m->routes[i].filter, w->topic)) {
            t = m->routes[i].template;
            break;
        }
    }
    struct kaftan_slice text;
    if (!eval(w, t, &text, ret_trouble))
        return false;
    if (mqtt_topic_sanitize(w->arena, text, m->sanitize, &ret->topic))
        return true;
    ret_trouble->reason = "no name of a Kafka topic";
    ret_trouble->detail = story(w->arena, "it gives no name of a Kafka topic (%zu bytes)", text.len);
    return false;
}

static enum format format_of(const struct mqtt_mapping *m, const struct mqtt_properties *p)
{
    if (m->format != FORMAT_AUTO)
        return m->format;
    struct kaftan_slice type = mqtt_has(p, MQTT_CONTENT_TYPE) ? p->text[MQTT_CONTENT_TYPE]
                                                              : (struct kaftan_slice){ "", 0 };
    const char *end = type.len ? memchr(type.ptr, ';', type.len) : NULL;
    size_t len = end ? (size_t)(end - type.ptr) : type.len;
    while (len > 0 && type.ptr[len - 1] == ' ')
        len--;
    if ((len == 16 && memcmp(type.ptr, "application/json", 16) == 0) ||
        (len > 5 && memcmp(type.ptr + len - 5, "+json", 5) == 0))
        return FORMAT_JSON;
    bool text = mqtt_has(p, MQTT_PAYLOAD_FORMAT) && p->number[MQTT_PAYLOAD_FORMAT] == 1;
    return text || (len >= 5 && memcmp(type.ptr, "text/", 5) == 0) ? FORMAT_STRING : FORMAT_BYTES;
}

static enum mqtt_mapped make_value(struct work *w, struct kaftan_record *ret, struct mqtt_trouble *ret_trouble)
{
    const struct mqtt_mapping *m = w->m;
    struct kaftan_slice payload = w->payload;
    if (payload.len == 0 && m->empty != EMPTY_BYTES) {
        ret->value = kaftan_null();
        ret_trouble->reason = ret_trouble->detail = "empty payload";
        return m->empty == EMPTY_SKIP ? MQTT_SKIP : MQTT_MAPPED;
    }
    switch (format_of(m, &w->msg->packet->props)) {
    case FORMAT_STRING:
        ret->value_schema = m->text;
        ret->value = kaftan_string(payload.ptr, payload.len);
        /* A NUL is fine in a payload: only the pieces between them are MQTT texts. */
        for (size_t i = 0; i <= payload.len;) {
            const char *nul = i < payload.len ? memchr(payload.ptr + i, '\0', payload.len - i) : NULL;
            size_t n = nul ? (size_t)(nul - payload.ptr) - i : payload.len - i;
            if (!mqtt_text_valid(payload.ptr + i, n)) {
                ret_trouble->reason = "payload is not valid UTF-8";
                ret_trouble->detail = ret_trouble->reason;
                return MQTT_UNDELIVERABLE;
            }
            i += n + 1;
        }
        return MQTT_MAPPED;
    case FORMAT_JSON: {
        const struct kaftan_value *v = scope_json(w);
        if (v && m->takes_json && v->kind != KAFTAN_KIND_NULL) {
            ret->value = kaftan_bytes(payload.ptr, payload.len);
            ret->value_ready = true;
            return MQTT_MAPPED;
        }
        if (v) {
            ret->value = *v;
            return MQTT_MAPPED;
        }
        ret_trouble->reason = "payload is not valid JSON";
        ret_trouble->detail = story(w->arena, "payload is not valid JSON: %s", kaftan_error_message(w->json_error));
        return MQTT_UNDELIVERABLE;
    }
    case FORMAT_BYTES:
    case FORMAT_AUTO:
        break;
    }
    ret->value_schema = m->bytes;
    ret->value = kaftan_bytes(payload.ptr, payload.len);
    return MQTT_MAPPED;
}

/* ---- timestamps */

static bool digits(const char **p, const char *end, int count, int64_t *ret)
{
    int64_t v = 0;
    if (end - *p < count)
        return false;
    for (int i = 0; i < count; i++, (*p)++) {
        if (**p < '0' || **p > '9')
            return false;
        v = v * 10 + (**p - '0');
    }
    *ret = v;
    return true;
}

static bool skip_char(const char **p, const char *end, const char *any)
{
    if (*p >= end || !**p || !strchr(any, **p))
        return false;
    (*p)++;
    return true;
}

/* Days since 1970-01-01 of the proleptic Gregorian calendar; years start in March, so leap days come last. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400, in_era = year - era * 400;
    int64_t in_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719468;
}

static bool zone_parse(const char **p, const char *end, int64_t *ret_minutes)
{
    int64_t hours = 0, minutes = 0;
    *ret_minutes = 0;
    if (*p == end || skip_char(p, end, "Zz"))
        return true;
    bool minus = **p == '-';
    if (!skip_char(p, end, "+-") || !digits(p, end, 2, &hours))
        return false;
    if (*p < end) {
        (void)skip_char(p, end, ":");
        if (!digits(p, end, 2, &minutes))
            return false;
    }
    *ret_minutes = (minus ? -1 : 1) * (hours * 60 + minutes);
    return hours < 24 && minutes < 60;
}

static bool iso_parse(const char *p, const char *end, int64_t *ret_ms)
{
    int64_t year, month, day, hour = 0, minute = 0, second = 0, ms = 0, zone = 0;
    if (!digits(&p, end, 4, &year) || !skip_char(&p, end, "-") || !digits(&p, end, 2, &month) ||
        !skip_char(&p, end, "-") || !digits(&p, end, 2, &day))
        return false;
    if (skip_char(&p, end, "Tt ")) {
        if (!digits(&p, end, 2, &hour) || !skip_char(&p, end, ":") || !digits(&p, end, 2, &minute))
            return false;
        if (skip_char(&p, end, ":") && !digits(&p, end, 2, &second))
            return false;
        if (skip_char(&p, end, ".,"))
            for (int64_t unit = 100; p < end && *p >= '0' && *p <= '9'; p++, unit /= 10)
                ms += (*p - '0') * unit;
        if (!zone_parse(&p, end, &zone))
            return false;
    }
    if (p != end || month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60)
        return false;
    *ret_ms = ((days_of(year, month, day) * 24 + hour) * 60 + minute - zone) * 60000 + second * 1000 + ms;
    return true;
}

static bool plausible(double v, int64_t *ret_ms)
{
    if (!(v >= 0) || v >= 9.0e15)
        return false;
    *ret_ms = (int64_t)(v < 1e11 ? floor(v * 1000) : floor(v));
    return true;
}

bool mqtt_time_parse(struct kaftan_slice text, int64_t *ret_ms)
{
    const char *p = text.ptr, *end = text.ptr + text.len;
    if (text.len == 0 || text.len > 40)
        return false;
    double v = 0, unit = 1;
    bool point = false;
    for (; p < end && ((*p >= '0' && *p <= '9') || (*p == '.' && !point && p > text.ptr)); p++) {
        if (*p == '.') {
            point = true;
        } else if (point) {
            v += (*p - '0') * (unit /= 10);
        } else {
            v = v * 10 + (*p - '0');
        }
    }
    return p == end ? plausible(v, ret_ms) : iso_parse(text.ptr, end, ret_ms);
}

static int64_t timestamp_of(struct work *w)
{
    int64_t ms = w->msg->received_ms;
    const struct mqtt_mapping *m = w->m;
    if (m->time == TIME_PROPERTY) {
        struct kaftan_slice name, value;
        for (size_t pos = 0; mqtt_user_property(&w->msg->packet->props, &pos, &name, &value);)
            if (name.len == m->time_property.len && memcmp(name.ptr, m->time_property.ptr, name.len) == 0)
                (void)mqtt_time_parse(value, &ms);
    } else if (m->time == TIME_JSON) {
        const struct kaftan_value *v = scope_json(w);
        v = v ? mqtt_pointer_get(m->time_pointer, v) : NULL;
        if (v && v->kind == KAFTAN_KIND_INT64)
            (void)plausible((double)v->as.i, &ms);
        else if (v && v->kind == KAFTAN_KIND_FLOAT64)
            (void)plausible(v->as.d, &ms);
        else if (v && v->kind == KAFTAN_KIND_STRING)
            (void)mqtt_time_parse(v->as.s, &ms);
    }
    return ms;
}

/* ---- headers */

static void header(struct kaftan_header *h, const char *key, const struct kaftan_schema *schema,
                   struct kaftan_value value)
{
    h->key = slice(key);
    h->schema = schema;
    h->value = value;
}

static size_t put_text(struct work *w, struct kaftan_header *h, enum mqtt_property id, const char *key)
{
    const struct mqtt_properties *p = &w->msg->packet->props;
    if (!mqtt_has(p, id))
        return 0;
    const char *copy = kaftan_arena_copy(w->arena, p->text[id].ptr, p->text[id].len);
    bool binary = id == MQTT_CORRELATION_DATA;
    header(h, key, binary ? w->m->bytes : w->m->text,
           binary ? kaftan_bytes(copy, p->text[id].len) : kaftan_string(copy, p->text[id].len));
    return 1;
}

static size_t put_number(struct work *w, struct kaftan_header *h, enum mqtt_property id, const char *key, bool wide)
{
    const struct mqtt_properties *p = &w->msg->packet->props;
    if (!mqtt_has(p, id))
        return 0;
    header(h, key, wide ? w->m->int64 : w->m->int32,
           kaftan_int(wide ? KAFTAN_KIND_INT64 : KAFTAN_KIND_INT32, p->number[id]));
    return 1;
}

static size_t put_standard(struct work *w, struct kaftan_header *h)
{
    const struct mqtt_packet *p = w->msg->packet;
    header(&h[0], "mqtt.message.id", w->m->int32, kaftan_int(KAFTAN_KIND_INT32, p->id));
    header(&h[1], "mqtt.qos", w->m->int32, kaftan_int(KAFTAN_KIND_INT32, p->qos));
    header(&h[2], "mqtt.retained", w->m->boolean, kaftan_bool(p->retain));
    header(&h[3], "mqtt.duplicate", w->m->boolean, kaftan_bool(p->dup));
    return 4;
}

static size_t put_extended(struct work *w, struct kaftan_header *h)
{
    size_t n = 0;
    header(&h[n++], "mqtt.topic", w->m->text, kaftan_string(w->topic.ptr, w->topic.len));
    header(&h[n++], "mqtt.session", w->m->text, kaftan_string(w->msg->client_id.ptr, w->msg->client_id.len));
    header(&h[n++], "mqtt.received.time", w->m->int64, kaftan_int(KAFTAN_KIND_INT64, w->msg->received_ms));
    n += put_text(w, &h[n], MQTT_CONTENT_TYPE, "mqtt.content.type");
    n += put_text(w, &h[n], MQTT_RESPONSE_TOPIC, "mqtt.response.topic");
    n += put_text(w, &h[n], MQTT_CORRELATION_DATA, "mqtt.correlation.data");
    n += put_number(w, &h[n], MQTT_MESSAGE_EXPIRY, "mqtt.message.expiry", true);
    n += put_number(w, &h[n], MQTT_PAYLOAD_FORMAT, "mqtt.payload.format.indicator", false);
    n += put_number(w, &h[n], MQTT_SUBSCRIPTION_ID, "mqtt.subscription.id", false);
    return n;
}

static size_t put_user(struct work *w, struct kaftan_header *h)
{
    struct kaftan_slice name, value, prefix = w->m->prefix;
    size_t n = 0;
    for (size_t pos = 0; mqtt_user_property(&w->msg->packet->props, &pos, &name, &value); n++) {
        char *text = kaftan_arena_alloc(w->arena, prefix.len + name.len + value.len + 1);
        memcpy(text, prefix.ptr, prefix.len);
        memcpy(text + prefix.len, name.ptr, name.len);
        memcpy(text + prefix.len + name.len, value.ptr, value.len);
        h[n].key = (struct kaftan_slice){ text, prefix.len + name.len };
        h[n].schema = w->m->text;
        h[n].value = kaftan_string(text + prefix.len + name.len, value.len);
    }
    return n;
}

enum { STANDARD_HEADERS = 4, EXTENDED_HEADERS = 9, ERROR_HEADERS = 2 };

static void make_headers(struct work *w, enum header_set set, const char *detail, struct kaftan_record *ret)
{
    struct kaftan_slice name, value;
    size_t users = 0, room = set >= HEADERS_STANDARD ? STANDARD_HEADERS : 0;
    room += set == HEADERS_EXTENDED ? EXTENDED_HEADERS : 0;
    room += detail || !w->msg->packet->payload.ptr ? ERROR_HEADERS : 0;
    bool user = w->m->user_properties && mqtt_has(&w->msg->packet->props, MQTT_USER_PROPERTY);
    for (size_t pos = 0; user && mqtt_user_property(&w->msg->packet->props, &pos, &name, &value);)
        users++;
    if (room + users == 0)
        return;
    struct kaftan_header *h = kaftan_arena_alloc(w->arena, (room + users) * sizeof *h);
    size_t n = 0;
    if (set >= HEADERS_STANDARD)
        n += put_standard(w, h);
    if (set == HEADERS_EXTENDED)
        n += put_extended(w, h + n);
    if (user)
        n += put_user(w, h + n);
    if (detail)
        header(&h[n++], "mqtt.error.reason", w->m->text, kaftan_string(detail, strlen(detail)));
    if (!w->msg->packet->payload.ptr) {
        header(&h[n++], "mqtt.payload.bytes", w->m->int64,
               kaftan_int(KAFTAN_KIND_INT64, (int64_t)w->msg->packet->payload.len));
    }
    ret->headers = h;
    ret->header_count = n;
}

/* ---- the record */

/* One copy brings topic and payload out of the read buffer. */
static void bring(struct work *w)
{
    const struct mqtt_packet *p = w->msg->packet;
    size_t payload = p->payload.ptr ? p->payload.len : 0;
    char *bytes = kaftan_arena_alloc(w->arena, p->topic.len + payload + 1);
    memcpy(bytes, p->topic.ptr, p->topic.len);
    if (payload > 0)
        memcpy(bytes + p->topic.len, p->payload.ptr, payload);
    w->topic = (struct kaftan_slice){ bytes, p->topic.len };
    w->payload = (struct kaftan_slice){ bytes + p->topic.len, payload };
}

enum mqtt_mapped mqtt_mapping_record(const struct mqtt_mapping *m, const struct mqtt_message *msg,
                                     struct kaftan_arena *arena, struct kaftan_record *ret,
                                     struct mqtt_trouble *ret_trouble)
{
    struct work w = { .m = m, .msg = msg, .arena = arena };
    if (m->retained_skip && msg->packet->retain) {
        ret_trouble->reason = ret_trouble->detail = "retained message";
        return MQTT_SKIP;
    }
    bring(&w);
    struct kaftan_record r = { .partition = KAFTAN_NO_PARTITION, .key = kaftan_null(), .value = kaftan_null() };
    enum mqtt_mapped mapped = make_value(&w, &r, ret_trouble);
    if (mapped == MQTT_MAPPED && !make_topic(&w, &r, ret_trouble))
        mapped = MQTT_UNDELIVERABLE;
    if (mapped == MQTT_MAPPED && !mqtt_template_empty(m->key)) {
        struct kaftan_slice key = w.topic;
        if (!m->key_is_topic && !eval(&w, m->key, &key, ret_trouble))
            mapped = MQTT_UNDELIVERABLE;
        r.key_schema = m->text;
        r.key = kaftan_string(key.ptr, key.len);
    }
    if (mapped == MQTT_MAPPED) {
        r.timestamp = timestamp_of(&w);
        make_headers(&w, m->headers, NULL, &r);
        *ret = r;
    }
    kaftan_error_free(w.json_error);
    return mapped;
}

void mqtt_mapping_dead_letter(const struct mqtt_mapping *m, const struct mqtt_message *msg, struct kaftan_arena *arena,
                              const char *detail, struct kaftan_record *ret)
{
    struct work w = { .m = m, .msg = msg, .arena = arena };
    bring(&w);
    struct kaftan_record r = { .partition = KAFTAN_NO_PARTITION, .timestamp = msg->received_ms };
    r.key_schema = m->text;
    r.key = kaftan_string(w.topic.ptr, w.topic.len);
    r.value = kaftan_null();
    if (msg->packet->payload.ptr) {
        r.value_schema = m->bytes;
        r.value = kaftan_bytes(w.payload.ptr, w.payload.len);
    }
    make_headers(&w, HEADERS_EXTENDED, detail, &r);
    *ret = r;
}
